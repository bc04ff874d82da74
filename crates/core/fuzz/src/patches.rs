//! Input: two trees, how a patch between them is cut into operations, and edits of its bytes.
//!
//! Section 6.2, read by a reader of its own: what it makes of a patch is what an edge must make of it, and nothing else.

use crate::oracle::wire::Bytes;
use crate::trees::World;
use arbitrary::{Result, Unstructured};
use edgelatch_core::build::*;
use edgelatch_core::tree::{Place, Table};
use edgelatch_testkit::realm::{self, T0};
use std::collections::BTreeSet;

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// LEB128 of at most five bytes, none superfluous, below 2^32.
fn varint(bytes: &mut Bytes<'_>) -> Option<u64> {
    let mut sum = 0;
    for at in 0..5 {
        let byte = bytes.number(1)?;
        sum |= (byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return (sum < 1 << 32 && (byte > 0 || at == 0)).then_some(sum);
        }
    }
    None
}

/// What a delta makes of an old object.
fn apply(old: &[u8], delta: &[u8], length: usize) -> Option<Vec<u8>> {
    let (mut rest, mut out, mut at, mut ops) = (Bytes(delta), Vec::new(), 0i64, 0);
    while !rest.0.is_empty() {
        let op = varint(&mut rest)?;
        let count = usize::try_from(op / 2).ok()?;
        ops += 1;
        if count == 0 || ops > 1 << 16 {
            return None;
        }
        if op % 2 == 1 {
            out.extend(rest.take(count)?);
        } else {
            let zigzag = varint(&mut rest)? as i64;
            at += if zigzag % 2 == 0 { zigzag / 2 } else { -(zigzag + 1) / 2 };
            let from = usize::try_from(at).ok()?;
            out.extend(old.get(from..from.checked_add(count)?)?);
            at += count as i64;
        }
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

/// A delta that makes `new`, cut where the input says.
fn cut(old: &[u8], new: &[u8], input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let (mut out, mut done, mut at) = (Vec::new(), 0, 0i64);
    while done < new.len() {
        let most = (new.len() - done).min(if input.is_empty() { usize::MAX } else { 80 });
        let piece = &new[done..done + input.int_in_range(1..=most)?];
        let found = old.windows(piece.len()).position(|window| window == piece);
        match found.filter(|_| input.ratio(3, 4).unwrap_or(true)) {
            Some(from) => {
                let distance = from as i64 - at;
                put_varint(&mut out, 2 * piece.len() as u64);
                put_varint(&mut out, if distance < 0 { -2 * distance - 1 } else { 2 * distance } as u64);
                at = (from + piece.len()) as i64;
            }
            None => {
                put_varint(&mut out, 2 * piece.len() as u64 + 1);
                out.extend(piece);
            }
        }
        done += piece.len();
    }
    Ok(out)
}

fn number(place: Place) -> u64 {
    let (kind, index) = match place {
        Place::Top => (0, 0),
        Place::Directory => (1, 0),
        Place::Page(index) => (2, index),
        Place::Chunk(table, index) => (3 + Table::ALL.iter().position(|one| *one == table).expect("a table") as u64, index),
        Place::Shard(index) => (7, index),
    };
    kind + 8 * u64::from(index)
}

/// The places that lack an object after a patch, if all of it is sound.
fn lacking(patch: &[u8], old: &Tree, new: &Tree) -> Option<BTreeSet<Place>> {
    let mut rest = Bytes::object(patch, b"ELPT")?;
    rest.is(&[0, 0])?;
    rest.is(&old.id().0)?;
    rest.is(&new.id().0)?;
    let top_len = usize::try_from(rest.number(4)?).ok().filter(|length| *length <= 256 * 1024)?;
    let same_shape = old.shards.len() == new.shards.len();
    let shared = |place: &Place| {
        let stays = same_shape || matches!(place, Place::Directory | Place::Chunk(..));
        stays && *place != Place::Top && old.object(*place) == new.object(*place)
    };
    let mut here: BTreeSet<Place> = BTreeSet::new();
    let mut last = None;
    while !rest.0.is_empty() {
        let (wanted, length) = (varint(&mut rest)?, varint(&mut rest)?);
        let delta = rest.take(usize::try_from(length).ok()?)?;
        let place = new.places().find(|place| number(*place) == wanted)?;
        // By kind, then by index.
        let order = (wanted % 8, wanted / 8);
        // Without a top page nothing is told; what names a place must be here.
        let told = match place {
            Place::Top => last.is_none(),
            Place::Directory | Place::Page(_) => here.contains(&Place::Top),
            Place::Chunk(..) => here.contains(&Place::Directory) || here.contains(&Place::Top) && shared(&Place::Directory),
            Place::Shard(index) => {
                let page = Place::Page(index / 256);
                here.contains(&page) || here.contains(&Place::Top) && shared(&page)
            }
        };
        if !told || last.is_some_and(|last| last >= order) {
            return None;
        }
        last = Some(order);
        let announced = if place == Place::Top { top_len } else { new.object(place)?.len() };
        // What is shared is not made again.
        if place == Place::Top || !shared(&place) {
            let made = apply(old.object(place).unwrap_or(&[]), delta, announced)?;
            (made == new.object(place)?).then_some(())?;
        }
        here.insert(place);
    }
    let mut missing: BTreeSet<Place> = new.places().filter(|place| !here.contains(place) && !shared(place)).collect();
    if !here.contains(&Place::Top) {
        missing = BTreeSet::from([Place::Top]);
    }
    if missing.contains(&Place::Directory) {
        missing.retain(|place| !matches!(place, Place::Chunk(..)));
    }
    let pages: Vec<Place> = missing.iter().copied().filter(|place| matches!(place, Place::Page(_))).collect();
    missing.retain(|place| !matches!(place, Place::Shard(index) if pages.contains(&Place::Page(index / 256))));
    Some(missing)
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    // Where the input ends too early there is nothing more to check.
    let _ = try_attack(&mut Unstructured::new(data));
}

fn try_attack(input: &mut Unstructured<'_>) -> Result<()> {
    let mut world = World::default();
    for _ in 0..input.int_in_range(0..=4)? {
        world.act(input)?;
    }
    let old = world.tree();
    for _ in 0..input.int_in_range(1..=4)? {
        world.act(input)?;
    }
    let new = world.tree();
    if old.id() == new.id() {
        return Ok(());
    }
    let mut patch = [b"ELPT\x02\0\0\0", &old.id().0[..], &new.id().0, &(new.top.len() as u32).to_le_bytes()].concat();
    for place in new.places().filter(|place| old.object(*place) != new.object(*place)) {
        if crate::seldom(input, 16)? {
            continue;
        }
        let delta = cut(old.object(place).unwrap_or(&[]), new.object(place).expect("a place"), input)?;
        put_varint(&mut patch, number(place));
        put_varint(&mut patch, delta.len() as u64);
        patch.extend(delta);
    }
    if crate::seldom(input, 2)? {
        let at = input.choose_index(patch.len())?;
        match input.int_in_range(0..=4)? {
            0 => patch.insert(at, input.arbitrary()?),
            1 => drop(patch.remove(at)),
            2 => patch.truncate(at),
            3 => patch[at] = patch[at].wrapping_add(1),
            _ => patch[at] ^= 0x80,
        }
    }
    let mut edge = realm::edge("");
    realm::update(&mut edge, &[], realm::bundle(5, &old), T0).expect("an honest bundle");
    edge.offer(&[], &sign_head(&realm::head_fields(6, &new), &realm::signers(&[101])).expect("a head"), T0)
        .expect("an honest head");
    let mut staged = edge.begin(&[], T0).expect("the head that was offered");
    let mut done = staged.patch(patch.clone()).map(|()| 1);
    while done.is_ok() && staged.is_working() {
        done = staged.check(1);
    }
    match (lacking(&patch, &old, &new), done) {
        (None, Err(error)) => {
            assert!(!error.to_string().is_empty() && edge.head().is_some_and(|head| head.epoch == 5));
            return Ok(());
        }
        (Some(missing), Ok(_)) => {
            let needs: BTreeSet<Place> = staged.needs(Place::Top).map(|need| need.place).collect();
            assert_eq!(needs, missing);
        }
        (missing, done) => panic!("section 6.2 {missing:?}, the core {done:?}"),
    }
    // What is missing can still come in any other way.
    while let Some(need) = staged.need(Place::Top) {
        staged.supply(need.place, new.object(need.place).expect("a place").to_vec()).expect("an honest object");
    }
    edge.commit(staged, T0).expect("a whole tree");
    assert!(edge.objects().all(|(place, bytes)| new.object(place) == Some(bytes)));
    assert_eq!(edge.objects().count(), new.places().count());
    Ok(())
}
