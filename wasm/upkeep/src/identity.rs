//! Who holds a key that was judged: not every handler asks.

use crate::state::{ITEM, State, address, length, with};
use crate::update::seconds;
use alloc::string::String;
use edgelatch_core::edge::{Identity, Location};
use edgelatch_core::text::Say;
use wasm_bindgen::prelude::wasm_bindgen;

/// Between the fields of an identity: no name that the core accepts holds a control character.
const FIELD: char = '\u{1f}';

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
