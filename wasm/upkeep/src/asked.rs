//! What is told of a verdict besides its identity, when a host asks for it.

use crate::state::{ITEM, say};
use crate::update::seconds;
use alloc::string::String;
use edgelatch_core::edge::Location;
use wasm_bindgen::prelude::wasm_bindgen;

/// Leaves the patterns that the roles of a key grant as text, separated by U+001E: of the key behind a packed outcome that was reached under the tree
/// of that [`generation`](crate::generation). Returns whether there is one: the tree may be gone, and a lazy edge may have dropped a role.
#[wasm_bindgen]
pub fn grants(packed: f64, generation: u32) -> u32 {
    say(|state| {
        let patterns = state.edge.as_ref()?.identity(generation, Location::unpack(seconds(packed))?)?.patterns()?;
        let mut text = String::new();
        for pattern in patterns {
            text.push_str(pattern);
            text.push(ITEM);
        }
        text.pop();
        Some(text)
    })
}
