//! What requests ask with: requirements and route tables become numbers.

use crate::state::{change, with};
use edgelatch_core::edge::{RequirementId, RouteError};
use wasm_bindgen::prelude::wasm_bindgen;

/// The number of the requirement whose service is in the key area and whose permission is in the block area.
#[wasm_bindgen]
pub fn compile(service_len: u32, permission_len: u32) -> u32 {
    let id = with(|state| {
        let service = state.key.text(service_len).map(core::str::from_utf8).transpose().ok()?;
        let permission = state.block.text(permission_len).map(core::str::from_utf8).transpose().ok()?;
        Some(state.edge.as_mut()?.compile(service, permission))
    });
    id.flatten().unwrap_or(RequirementId::BAD).0
}

/// The number of the route table that is the input, which a verification of a request takes like that of a requirement; -1 and a text for
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

/// Lets the tree of a generation go: no verdict that was reached under it will be asked for an identity.
#[wasm_bindgen]
pub fn release(generation: u32) {
    with(|state| state.edge.as_mut().map(|edge| edge.release(generation)));
}
