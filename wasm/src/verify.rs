//! The hot path: texts lie in their areas, a packed number comes out.

use crate::state::{State, change, say, with};
use crate::update::seconds;
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec;
use edgelatch_core::edge::{Edge, Identity, Location, Outcome, RequirementId, RouteError};
use edgelatch_core::http::{Block, normalize_path};
use edgelatch_core::verdict::Code;
use wasm_bindgen::prelude::wasm_bindgen;

/// Between the fields of an identity.
const FIELD: char = '\u{1f}';
/// Between the items of a list in it.
const ITEM: char = '\u{1e}';

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

/// The number of the requirement whose service is in the key area and whose permission is in the block area.
#[wasm_bindgen]
pub fn compile(service_len: u32, permission_len: u32) -> u32 {
    let mut id = RequirementId::BAD;
    change(
        |_: &core::str::Utf8Error| "not_text",
        |state| {
            let Some(edge) = state.edge.as_mut() else { return Ok(0.0) };
            let service = state.key.text(service_len).map(core::str::from_utf8).transpose()?;
            let permission = state.block.text(permission_len).map(core::str::from_utf8).transpose()?;
            id = edge.compile(service, permission);
            Ok(0.0)
        },
    );
    id.0
}

/// The number of the route table that is the input, which [`verify_block`] takes like that of a requirement; -1 and a text for
/// one that is refused.
#[wasm_bindgen]
pub fn compile_routes() -> f64 {
    change(
        |_: &RouteError| "bad_routes",
        |state| {
            let input = core::mem::take(&mut state.input);
            // What is no text is no table either.
            let table = core::str::from_utf8(&input).unwrap_or_default();
            let Some(edge) = state.edge.as_mut() else { return Ok(RequirementId::BAD.0.into()) };
            edge.compile_routes(table).map(|RequirementId(number)| number.into())
        },
    )
}

/// Leaves the normalised path of the request in the block area as text. Returns 0 when it has none.
#[wasm_bindgen]
pub fn path(length: u32) -> u32 {
    say(|state| normalize_path(Block::parse(state.block.text(length)?).ok()?.path()).map(Cow::into_owned))
}

/// Leaves the client's address of the request in the block area as text, by the configured rule. Returns 0 when it is unknown.
#[wasm_bindgen]
pub fn client(length: u32) -> u32 {
    say(|state| state.edge.as_ref()?.config().client(state.block.text(length)?).map(|ip| ip.to_string()))
}

/// Leaves the identity behind a packed outcome, reached under the tree of that [`generation`](crate::generation), as text:
/// key id, org, owner, name, roles, services (`*` for all), metadata, separated by U+001F, lists by U+001E.
/// Returns 0 when there is none, or the tree is gone.
#[wasm_bindgen]
pub fn identity(packed: f64, generation: u32) -> u32 {
    say(|state| {
        let at = Location::unpack(seconds(packed))?;
        state.edge.as_ref()?.identity(generation, at).map(|identity| describe(&identity))
    })
}

fn describe(identity: &Identity<'_>) -> String {
    let labels = &identity.labels;
    let services = identity.services().unwrap_or_else(|| vec!["*"]);
    let mut text = identity.key_id.to_string();
    for label in [labels.org, labels.owner, labels.name] {
        text.push(FIELD);
        push(&mut text, label);
    }
    text.push(FIELD);
    push_list(&mut text, identity.roles());
    text.push(FIELD);
    push_list(&mut text, services.into_iter());
    text.push(FIELD);
    push(&mut text, labels.metadata);
    text
}

fn push_list<'a>(text: &mut String, items: impl Iterator<Item = &'a str>) {
    for (place, item) in items.enumerate() {
        if place > 0 {
            text.push(ITEM);
        }
        push(text, item);
    }
}

/// A separator inside a name would shift the fields after it.
fn push(text: &mut String, part: &str) {
    text.extend(part.chars().filter(|&c| c != FIELD && c != ITEM));
}
