//! Input: a realm, edits of the objects of its tree, and the way in which digests above them are made right again.
//!
//! A publisher that lies has signed it. What the reader of section 5 refuses an edge must refuse; what it takes means the same to both.

use crate::oracle::tree::{Announced, read};
use crate::trees::{World, interrogate};
use arbitrary::{Result, Unstructured};
use edgelatch_core::build::*;
use edgelatch_testkit::realm::{self, T0};

fn edit(bytes: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<()> {
    let at = input.choose_index(bytes.len().max(1))?;
    match input.int_in_range(0..=6)? {
        0 => bytes.insert(at, input.arbitrary()?),
        1 if at < bytes.len() => drop(bytes.remove(at)),
        2 => bytes.truncate(at),
        3 => bytes.extend_from_slice(&input.arbitrary::<[u8; 4]>()?),
        4 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = byte.wrapping_add([1, 255][input.choose_index(2)?]);
            }
        }
        5 => {
            // A few bytes go elsewhere.
            let piece: Vec<u8> = bytes.iter().skip(at).take(8).copied().collect();
            let to = input.choose_index(bytes.len() + 1)?;
            bytes.splice(to..to, piece);
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = input.arbitrary()?;
            }
        }
    }
    Ok(())
}

fn tamper(tree: &mut Tree, input: &mut Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=9)? {
        0 => edit(&mut tree.top, input),
        1 => edit(&mut tree.directory, input),
        2 => edit(&mut tree.pages[0], input),
        3..=5 if !tree.chunks.is_empty() => {
            let at = input.choose_index(tree.chunks.len())?;
            edit(tree.chunks.values_mut().nth(at).expect("one of them"), input)
        }
        6 if tree.chunks.len() > 1 => {
            // One chunk under the name of another.
            let names: Vec<_> = tree.chunks.keys().copied().collect();
            let (one, other) = (names[input.choose_index(names.len())?], names[input.choose_index(names.len())?]);
            let moved = tree.chunks[&one].clone();
            tree.chunks.insert(other, moved);
            Ok(())
        }
        _ => {
            let at = input.choose_index(tree.shards.len())?;
            edit(&mut tree.shards[at], input)
        }
    }
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    // Where the input ends too early there is nothing more to check.
    let _ = try_attack(&mut Unstructured::new(data));
}

fn try_attack(input: &mut Unstructured<'_>) -> Result<()> {
    let mut world = World::default();
    for _ in 0..input.int_in_range(1..=8)? {
        world.act(input)?;
    }
    let mut tree = world.tree();
    for _ in 0..input.int_in_range(1..=3)? {
        tamper(&mut tree, input)?;
    }
    // How far up the lie is covered: everything, all but the directory's slots, the slots of pages alone, nothing but the top page.
    match input.int_in_range(0..=7)? {
        0 => realm::reseal(&mut tree),
        1 => realm::reseal_top(&mut tree),
        2 => {}
        _ if tree.directory.len() >= 12 => realm::reseal_chunks(&mut tree),
        _ => realm::reseal(&mut tree),
    }
    let records = match input.int_in_range(0..=5)? {
        0 => tree.records.wrapping_add(1),
        1 => tree.records.saturating_sub(1),
        _ => tree.records,
    };
    let announced = Announced { tree: tree.id().0, bytes: tree.bytes(), records };
    let objects: Vec<u8> = tree.objects().collect::<Vec<_>>().concat();
    let fields = HeadFields { records, ..realm::head_fields(5, &tree) };
    let head = sign_head(&fields, &realm::signers(&[101])).expect("a head");
    let Ok(bundle) = encode_bundle(&head, &tree) else { return Ok(()) };
    let content = read(&objects, tree.top.len(), announced).filter(|content| content.pepper_id == 0);
    let mut edge = realm::edge("");
    let taken = realm::update(&mut edge, &[], bundle, T0);
    match (content, taken) {
        (Some(content), Ok(())) => interrogate(&mut edge, &content, input)?,
        (None, Err(error)) => {
            assert!(!error.to_string().is_empty() && edge.head().is_none());
        }
        (content, taken) => panic!("section 5 {content:?}, the core {taken:?}"),
    }
    Ok(())
}
