//! Input: the fields of roots and heads, who signs them, and edits of their bytes.
//!
//! SPEC.md section 4.

use crate::oracle::wire::{Bytes, ascends};
use arbitrary::{Result, Unstructured};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use edgelatch_core::head::Head;
use edgelatch_core::root::Root;

const LAST: u64 = (1 << 53) - 1;

/// A root, as section 4.1 has it.
#[derive(Clone, Debug)]
struct SeenRoot {
    realm: String,
    version: u32,
    era: u32,
    min_epoch: u64,
    expires_at: u64,
    roles: [(u64, Vec<[u8; 32]>); 2],
}

/// A head, as section 4.2 has it.
#[derive(Debug)]
struct SeenHead {
    realm: String,
    root_version: u32,
    epoch: u64,
    not_after: u64,
}

type Pairs<'a> = Vec<([u8; 32], [u8; 64])>;

fn signed<'a>(bytes: &'a [u8], magic: &[u8; 4]) -> Option<(&'a [u8], Pairs<'a>)> {
    let mut rest = Bytes::object(bytes, magic)?;
    let length = usize::try_from(rest.number(4)?).ok()?;
    let statement = rest.take(length)?;
    let count = rest.number(1)?;
    let pair = |rest: &mut Bytes<'_>| Some((rest.take(32)?.try_into().ok()?, rest.take(64)?.try_into().ok()?));
    let pairs = (0..count).map(|_| pair(&mut rest)).collect::<Option<Pairs<'_>>>()?;
    rest.end()?;
    let keys: Vec<[u8; 32]> = pairs.iter().map(|(key, _)| *key).collect();
    (count <= 32 && ascends(&keys)).then_some((statement, pairs))
}

fn preamble(statement: &mut Bytes<'_>) -> Option<String> {
    let realm = statement.text8()?;
    let min_reader = statement.number(2)?;
    let sound = realm.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte));
    (sound && (1..=64).contains(&realm.len()) && (1..=2).contains(&min_reader)).then(|| realm.to_owned())
}

/// The canonical encoding of a point that is not of small order.
fn is_key(key: &[u8; 32]) -> bool {
    let point = curve25519_dalek::edwards::CompressedEdwardsY(*key).decompress();
    point.is_some_and(|point| point.compress().0 == *key && !point.is_small_order())
}

fn read_root(statement: &[u8]) -> Option<SeenRoot> {
    let mut rest = Bytes(statement);
    let realm = preamble(&mut rest)?;
    let version = u32::try_from(rest.number(4)?).ok()?;
    let (issued_at, expires_at) = (rest.number(8)?, rest.number(8)?);
    let era = u32::try_from(rest.number(4)?).ok()?;
    let min_epoch = rest.number(8)?;
    let mut roles = [(0, Vec::new()), (0, Vec::new())];
    for (threshold, keys) in &mut roles {
        *threshold = rest.number(1)?;
        for _ in 0..rest.number(1)? {
            keys.push(rest.take(32)?.try_into().ok()?);
        }
        let sound = (1..=keys.len() as u64).contains(threshold) && keys.len() <= 16 && ascends(keys) && keys.iter().all(is_key);
        sound.then_some(())?;
    }
    rest.end()?;
    let apart = roles[0].1.iter().all(|key| !roles[1].1.contains(key));
    let timed = expires_at > issued_at && expires_at <= LAST;
    let counted = version >= 1 && (1..=version).contains(&era) && (1..=LAST).contains(&min_epoch);
    (apart && timed && counted).then_some(SeenRoot { realm, version, era, min_epoch, expires_at, roles })
}

fn read_head(statement: &[u8]) -> Option<SeenHead> {
    let mut rest = Bytes(statement);
    let realm = preamble(&mut rest)?;
    let root_version = u32::try_from(rest.number(4)?).ok()?;
    let (epoch, issued_at, not_after) = (rest.number(8)?, rest.number(8)?, rest.number(8)?);
    rest.take(32)?;
    let tree_bytes = rest.number(8)?;
    rest.take(8)?;
    rest.end()?;
    let life = not_after.checked_sub(issued_at)?;
    let sound = root_version >= 1 && (1..=LAST).contains(&epoch) && (1..=30 * 86_400).contains(&life) && not_after <= LAST;
    // Section 7: a tree has at most 3 GiB.
    let sound = sound && tree_bytes <= 3 << 30;
    sound.then_some(SeenHead { realm, root_version, epoch, not_after })
}

fn message(role: u8, statement: &[u8]) -> Vec<u8> {
    [b"edgelatch signature\0", &[role][..], &[2, 0], statement].concat()
}

fn proven(role: u8, (threshold, keys): &(u64, Vec<[u8; 32]>), statement: &[u8], pairs: &Pairs<'_>) -> bool {
    let own: Vec<_> = pairs.iter().filter(|(key, _)| keys.contains(key)).collect();
    let good = |(key, signature): &&([u8; 32], [u8; 64])| {
        let key = VerifyingKey::from_bytes(key);
        key.is_ok_and(|key| key.verify_strict(&message(role, statement), &Signature::from_bytes(signature)).is_ok())
    };
    own.iter().all(good) && own.len() as u64 >= *threshold
}

fn open_root(bytes: &[u8]) -> Option<(SeenRoot, &[u8], Pairs<'_>)> {
    let (statement, pairs) = signed(bytes, b"ELRT").filter(|_| bytes.len() <= 8192)?;
    Some((read_root(statement)?, statement, pairs))
}

fn is_first(bytes: &[u8]) -> Option<SeenRoot> {
    let (root, statement, pairs) = open_root(bytes)?;
    proven(1, &root.roles[0], statement, &pairs).then_some(root)
}

fn follows(before: &SeenRoot, bytes: &[u8]) -> Option<SeenRoot> {
    let (root, statement, pairs) = open_root(bytes)?;
    let goes_on = root.era == before.era && root.min_epoch >= before.min_epoch || root.era == root.version;
    let sound = root.realm == before.realm
        && before.version.checked_add(1) == Some(root.version)
        && goes_on
        && proven(1, &before.roles[0], statement, &pairs)
        && proven(1, &root.roles[0], statement, &pairs);
    sound.then_some(root)
}

fn is_head(bytes: &[u8], root: &SeenRoot) -> Option<SeenHead> {
    let (statement, pairs) = signed(bytes, b"ELHD").filter(|_| bytes.len() <= 4096)?;
    let head = read_head(statement)?;
    let of_root = head.realm == root.realm && head.root_version <= root.version;
    (of_root && proven(2, &root.roles[1], statement, &pairs)).then_some(head)
}

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn text8(text: &str) -> Vec<u8> {
    [&[text.len() as u8], text.as_bytes()].concat()
}

fn number(input: &mut Unstructured<'_>, usual: u64) -> Result<u64> {
    let edge = [0, 1, usual.wrapping_sub(1), usual + 1, LAST, LAST + 1, u64::MAX];
    Ok(if input.ratio(7, 8)? { usual } else { edge[input.choose_index(edge.len())?] })
}

fn realm(input: &mut Unstructured<'_>) -> Result<&'static str> {
    Ok(if input.ratio(15, 16)? { "acme" } else { ["", "Acme", "a/b", "other", "a.b_c-1"][input.choose_index(5)?] })
}

/// Seeds 1 to 8 are root keys, from 101 on publishers.
fn role(input: &mut Unstructured<'_>, from: u8) -> Result<Vec<u8>> {
    let mut keys = Vec::new();
    for _ in 0..input.int_in_range(1..=3)? {
        keys.push(signer(from + input.int_in_range(0..=3)?).verifying_key().to_bytes());
    }
    if crate::seldom(input, 32)? {
        keys.push(input.arbitrary()?);
    }
    if !crate::seldom(input, 32)? {
        keys.sort_unstable();
        keys.dedup();
    }
    let threshold = if input.ratio(15, 16)? { 1 } else { input.int_in_range(0..=4)? };
    Ok([&[threshold, keys.len() as u8], keys.concat().as_slice()].concat())
}

fn start(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let min_reader = if input.ratio(31, 32)? { 2u16 } else { input.int_in_range(0..=3)? };
    Ok([text8(realm(input)?), min_reader.to_le_bytes().to_vec()].concat())
}

fn root(input: &mut Unstructured<'_>, version: u32) -> Result<Vec<u8>> {
    let mut out = start(input)?;
    out.extend((number(input, version.into())? as u32).to_le_bytes());
    let issued_at = 1000;
    out.extend(number(input, issued_at)?.to_le_bytes());
    out.extend(number(input, issued_at + 1000)?.to_le_bytes());
    let era = if input.ratio(3, 4)? { 1 } else { version };
    out.extend((number(input, era.into())? as u32).to_le_bytes());
    out.extend(number(input, 5)?.to_le_bytes());
    out.extend(role(input, 1)?);
    out.extend(role(input, 101)?);
    finish(b"ELRT", 1, out, 1, input)
}

fn head(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut out = start(input)?;
    out.extend((number(input, 1)? as u32).to_le_bytes());
    out.extend(number(input, 7)?.to_le_bytes());
    out.extend(number(input, 1000)?.to_le_bytes());
    let not_after = [1001, 1000 + 30 * 86_400][input.choose_index(2)?];
    out.extend(number(input, not_after)?.to_le_bytes());
    out.extend([7; 32]);
    out.extend(number(input, 500)?.to_le_bytes());
    out.extend(number(input, 1)?.to_le_bytes());
    finish(b"ELHD", 2, out, 101, input)
}

/// Signs a statement, edits it before or after, and puts both together.
fn finish(magic: &[u8; 4], role: u8, mut statement: Vec<u8>, from: u8, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    edit(&mut statement, input)?;
    let role = if input.ratio(31, 32)? { role } else { 3 - role };
    let seeds = input.int_in_range(0..=15)?;
    let mut pairs: Vec<_> = (0..4u8)
        .filter(|bit| seeds >> bit & 1 == 1 || seeds == 0)
        .map(|bit| signer(from + bit))
        .map(|key| [key.verifying_key().to_bytes().as_slice(), &key.sign(&message(role, &statement)).to_bytes()].concat())
        .collect();
    pairs.sort_unstable();
    let head = [&magic[..], &[2, 0], &(statement.len() as u32).to_le_bytes()].concat();
    let mut out = [head, statement, vec![pairs.len() as u8], pairs.concat()].concat();
    edit(&mut out, input)?;
    Ok(out)
}

fn edit(bytes: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<()> {
    if input.ratio(15, 16)? || bytes.is_empty() {
        return Ok(());
    }
    let at = input.choose_index(bytes.len())?;
    match input.int_in_range(0..=3)? {
        0 => bytes.insert(at, input.arbitrary()?),
        1 => drop(bytes.remove(at)),
        2 => bytes.truncate(at),
        _ => bytes[at] ^= 1 << input.int_in_range(0..=7)?,
    }
    Ok(())
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    // Where the input ends too early there is nothing more to check.
    let _ = try_attack(&mut Unstructured::new(data));
}

fn try_attack(input: &mut Unstructured<'_>) -> Result<()> {
    let bytes = root(input, 1)?;
    let (seen, core) = (is_first(&bytes), Root::open(&bytes));
    let (mut seen, mut core) = match (seen, core) {
        (Some(seen), Ok(core)) => (seen, core),
        (None, Err(error)) => {
            assert!(!error.to_string().is_empty());
            return Ok(());
        }
        (seen, core) => panic!("section 4.1 {seen:?}, the core {core:?}"),
    };
    for _ in 0..3 {
        assert_eq!((core.version, core.era, core.min_epoch), (seen.version, seen.era, seen.min_epoch));
        assert_eq!((&core.realm, core.expires_at), (&seen.realm, seen.expires_at));
        let bytes = head(input)?;
        match (is_head(&bytes, &seen), Head::open(&bytes, &core)) {
            (Some(seen), Ok(core)) => {
                assert_eq!((core.epoch, core.not_after, core.root_version), (seen.epoch, seen.not_after, seen.root_version));
            }
            (None, Err(error)) => assert!(!error.to_string().is_empty()),
            (seen, core) => panic!("section 4.2 {seen:?}, the core {core:?}"),
        }
        let bytes = root(input, seen.version.wrapping_add(1))?;
        match (follows(&seen, &bytes), core.follow(&bytes)) {
            (Some(next), Ok(taken)) => (seen, core) = (next, taken),
            (None, Err(error)) => assert!(!error.to_string().is_empty()),
            (next, taken) => panic!("section 4.1 {next:?}, the core {taken:?}"),
        }
    }
    Ok(())
}
