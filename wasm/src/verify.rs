//! The hot path: texts lie in their areas, a packed number comes out.

use alloc::borrow::Cow;
use alloc::string::String;
use edgelatch_core::edge::{Edge, Identity, Location, Outcome, RequirementId};
use edgelatch_core::http::{Block, normalize_path};
use edgelatch_core::text::Say;
use edgelatch_core::verdict::Code;
use edgelatch_wasm_upkeep::{ITEM, NO_TEXT, State, address, length, seconds, with};
use wasm_bindgen::prelude::wasm_bindgen;

/// Between the fields of an identity: no name that the core accepts holds a control character.
const FIELD: char = '\u{1f}';

/// `code + 64 * flags + 1024 * place`, below 2^53: [`Outcome::pack`].
#[expect(clippy::cast_precision_loss, reason = "a packed outcome is below 2^53 by construction")]
fn pack(outcome: Option<Outcome>) -> f64 {
    outcome.map_or_else(|| f64::from(Code::Internal.number()), |outcome| outcome.pack() as f64)
}

fn judge(judgement: impl FnOnce(&State, &Edge) -> Outcome) -> f64 {
    pack(with(|state| state.edge.as_ref().map(|edge| judgement(state, edge))).flatten())
}

/// Judges the key in the key area, used from the address in the address area.
#[wasm_bindgen]
pub fn verify_key(key_len: u32, ip_len: u32, requirement: u32, now: f64) -> f64 {
    judge(|state, edge| {
        let key = state.key.text(key_len).unwrap_or_default();
        edge.verify_key(key, state.ip.text(ip_len), RequirementId(requirement), seconds(now))
    })
}

/// Judges the request in the block area.
#[wasm_bindgen]
pub fn verify_block(length: u32, requirement: u32, now: f64) -> f64 {
    judge(|state, edge| {
        let block = state.block.text(length).unwrap_or_default();
        edge.verify_block(block, RequirementId(requirement), seconds(now))
    })
}

/// The same, and leaves in the note area what a report of the request says besides, as [`note_ptr`](crate::note_ptr) has it.
#[wasm_bindgen]
pub fn verify_noting(length: u32, requirement: u32, now: f64) -> f64 {
    let judged = with(|state| {
        let State { edge, block, note, .. } = state;
        let block = block.text(length).unwrap_or_default();
        let (outcome, told) = edge.as_ref()?.verify_noting(block, RequirementId(requirement), seconds(now));
        note.set(&told);
        Some(outcome)
    });
    pack(judged.flatten())
}

/// Normalises the path of the request in the block area, of which only the request line need be there. Returns 0 when there is no normal form, a
/// number of characters when it is the beginning of the target as it was sent, else [`NO_TEXT`], and leaves it as text.
#[wasm_bindgen]
pub fn path(block_len: u32) -> u32 {
    let found = with(|state| {
        let block = state.block.text(block_len)?;
        let lines = block.split_inclusive(|&b| b == b'\n').take(2).map(<[u8]>::len).sum();
        let block = Block::parse(block.get(..lines)?).ok()?;
        Some(match normalize_path(block.path())? {
            Cow::Borrowed(path) if block.target().starts_with(b"/") => length(path.len()),
            normal => {
                state.text = normal.into_owned();
                NO_TEXT
            }
        })
    });
    found.flatten().unwrap_or(0)
}

/// Leaves the client's address, as the client-address rule derives it from the request in the block area, as text. Returns whether it is known.
#[wasm_bindgen]
pub fn client(block_len: u32) -> u32 {
    let told = with(|state| {
        let State { edge, block, text, .. } = state;
        let client = edge.as_ref()?.config().client(block.text(block_len)?)?;
        text.clear();
        client.say(text);
        Some(1)
    });
    told.flatten().unwrap_or(0)
}

/// Leaves the identity behind a packed outcome, reached under the tree of that [`generation`](crate::generation), as text:
/// key id, org, owner, name, end in Unix seconds (0 for none), roles, services (`*` for all), metadata, separated by U+001F, lists by U+001E.
/// Returns where it lies plus 2^32 times its length; 0 when there is none, or the tree is gone.
#[wasm_bindgen]
pub fn identity(packed: f64, generation: u32) -> f64 {
    let told = with(|state| {
        let State { edge, text, .. } = state;
        let identity = edge.as_ref()?.identity(generation, Location::unpack(seconds(packed))?)?;
        describe(text, &identity);
        let (at, length) = (address(text.as_bytes()), length(text.len()));
        Some(f64::from(at) + f64::from(length) * (f64::from(u32::MAX) + 1.0))
    });
    told.flatten().unwrap_or(0.0)
}

/// Room that was made for a text before is used again.
fn describe(text: &mut String, identity: &Identity<'_>) {
    let labels = &identity.labels;
    text.clear();
    identity.key_id.say(text);
    for label in [labels.org, labels.owner, labels.name] {
        text.push(FIELD);
        text.push_str(label);
    }
    text.push(FIELD);
    identity.validity.expires_at.say(text);
    text.push(FIELD);
    push_list(text, identity.roles());
    text.push(FIELD);
    match identity.services() {
        None => text.push('*'),
        Some(services) => push_list(text, services.into_iter()),
    }
    text.push(FIELD);
    text.push_str(labels.metadata);
}

fn push_list<'a>(text: &mut String, items: impl Iterator<Item = &'a str>) {
    for (place, item) in items.enumerate() {
        if place > 0 {
            text.push(ITEM);
        }
        text.push_str(item);
    }
}
