//! What changes trust and time: heads, roots, and what is put into force. How a tree comes together is in `tree.rs`. Each call
//! returns a number from 0, or -1 and leaves `code: detail` as text.

use crate::state::{State, change, say, with};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use edgelatch_core::edge::{Edge, Offer};
use edgelatch_core::error::Error;
use edgelatch_core::text::Say;
use wasm_bindgen::prelude::wasm_bindgen;

pub(crate) fn update(mut change_edge: impl FnMut(&mut State, &mut Edge) -> Result<f64, Error>) -> f64 {
    updated(&mut change_edge)
}

/// Here once and not in every export.
#[inline(never)]
fn updated(change_edge: &mut dyn FnMut(&mut State, &mut Edge) -> Result<f64, Error>) -> f64 {
    change(Error::code, |state| {
        let not_open = || Error::BadConfig { key: "root".into(), reason: "open was not called".into() };
        let mut edge = state.edge.take().ok_or_else(not_open)?;
        let answer = change_edge(state, &mut edge);
        state.edge = Some(edge);
        answer
    })
}

/// Unix seconds from the host's number; what is not a time becomes 1970, which no head accepts.
#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates, and NaN becomes 0")]
pub fn seconds(now: f64) -> u64 {
    now as u64
}

/// A time, an epoch or a size as the host's number: the core accepts none that it would not hold exactly (below 2^53).
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(crate) fn number(value: u64) -> f64 {
    value as f64
}

/// Shows the edge the input, a head or the beginning of a bundle: 0 unchanged, 1 renewed, 2 a later root is needed; from 3 on
/// another tree is needed, and the number is the most bytes that its bundle can have, plus 3.
#[wasm_bindgen]
pub fn offer(now: f64) -> f64 {
    update(|state, edge| {
        let offer = edge.offer(&chain(&state.roots), &state.input, seconds(now))?;
        if matches!(offer, Offer::Unchanged | Offer::Renewed) {
            state.roots.clear();
        }
        Ok(match offer {
            Offer::Unchanged => 0.0,
            Offer::Renewed => 1.0,
            Offer::RootNeeded => 2.0,
            Offer::TreeNeeded { bundle_bytes } => 3.0 + number(bundle_bytes),
        })
    })
}

/// Proves the input as the next root, for [`offer`] and [`begin`](crate::begin), and keeps it until one of them took effect, or
/// [`abort`]. Returns its version.
#[wasm_bindgen]
pub fn stage_root() -> f64 {
    update(|state, edge| {
        let root = core::mem::take(&mut state.input);
        state.roots.push(root);
        let proven = edge.check_roots(&chain(&state.roots));
        if proven.is_err() {
            state.roots.pop();
        }
        Ok(proven?.into())
    })
}

pub(crate) fn chain(roots: &[Vec<u8>]) -> Vec<&[u8]> {
    roots.iter().map(Vec::as_slice).collect()
}

/// Puts the candidate into force.
#[wasm_bindgen]
pub fn commit(now: f64) -> f64 {
    update(|state, edge| {
        let staged = state.staged.take().ok_or(Error::Superseded)?;
        edge.commit(staged, seconds(now))?;
        state.roots.clear();
        make_room(state, edge.spare());
        Ok(0.0)
    })
}

/// Has the memory grow at once by what trees that are replaced will take, where that is much more than before: to grow by a little with each
/// change costs a host more than the change does.
fn make_room(state: &mut State, spare: usize) {
    if spare / 2 < state.spare {
        return;
    }
    state.spare = spare;
    let mut room = Vec::<u8>::new();
    // It is given back at once, to whatever needs it. That there is none is no matter before something does.
    let _ = room.try_reserve_exact(spare);
    core::hint::black_box(&room);
}

/// Forgets the candidate, and the roots that no head has put into force.
#[wasm_bindgen]
pub fn abort() {
    update(|state, _| {
        state.staged = None;
        state.roots.clear();
        state.input = Vec::new();
        Ok(0.0)
    });
}

fn edge<T>(value: impl FnOnce(&Edge) -> Option<T>) -> Option<T> {
    with(|state| state.edge.as_ref().and_then(value)).flatten()
}

/// Counts the trees that were put into force, 0 for none: what [`identity`](crate::identity) is asked with.
#[wasm_bindgen]
pub fn generation() -> u32 {
    edge(|edge| Some(edge.generation())).unwrap_or(0)
}

/// Epoch of the head that serves, 0 for none.
#[wasm_bindgen]
pub fn epoch() -> f64 {
    edge(|edge| edge.head().map(|head| number(head.epoch))).unwrap_or(0.0)
}

/// When that head was issued.
#[wasm_bindgen]
pub fn issued_at() -> f64 {
    edge(|edge| edge.head().map(|head| number(head.issued_at))).unwrap_or(0.0)
}

/// Version of the root in force.
#[wasm_bindgen]
pub fn root_version() -> u32 {
    edge(|edge| Some(edge.root_version())).unwrap_or(0)
}

/// Leaves what the edge has seen as text: what the configuration of its next life takes as `floor`. Returns 0 for nothing yet.
#[wasm_bindgen]
pub fn floor() -> u32 {
    say(|state| state.edge.as_ref()?.floor().map(|floor| floor.said()))
}

/// Leaves the realm's name as text.
#[wasm_bindgen]
pub fn realm() -> u32 {
    say(|state| state.edge.as_ref().map(|edge| edge.realm().to_owned()))
}

/// Leaves the names of the headers that a request block must hold as text, one a line, in lower case.
#[wasm_bindgen]
pub fn interest() -> u32 {
    say(|state| {
        let mut text = String::new();
        for name in state.edge.as_ref()?.config().interest() {
            text.push_str(name);
            text.push('\n');
        }
        text.pop();
        Some(text)
    })
}
