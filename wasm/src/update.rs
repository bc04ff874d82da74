//! What changes the edge: heads, roots, bundles. Each call returns a number from 0, or -1 and leaves `code: detail` as text.

use crate::state::{State, change, say, size, with};
use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use edgelatch_core::edge::{Edge, Offer};
use edgelatch_core::error::Error;
use wasm_bindgen::prelude::wasm_bindgen;

fn update(change_edge: impl FnOnce(&mut State, &mut Edge) -> Result<f64, Error>) -> f64 {
    change(Error::code, |state| {
        let not_open = Error::BadConfig { key: "root".into(), reason: "open was not called".into() };
        let mut edge = state.edge.take().ok_or(not_open)?;
        let answer = change_edge(state, &mut edge);
        state.edge = Some(edge);
        answer
    })
}

/// Unix seconds from the host's number; what is not a time becomes 1970, which no head accepts.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates, and NaN becomes 0")]
pub(crate) fn seconds(now: f64) -> u64 {
    now as u64
}

/// A time or an epoch as the host's number: exact below 2^53, 285 million years of seconds.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn number(value: u64) -> f64 {
    value as f64
}

/// Shows the edge the input as a head: 0 unchanged, 1 renewed, 2 another tree is needed, 3 a later root is needed.
#[wasm_bindgen]
pub fn offer_head(now: f64) -> f64 {
    update(|state, edge| {
        let head = core::mem::take(&mut state.input);
        let roots: Vec<&[u8]> = state.roots.iter().map(Vec::as_slice).collect();
        Ok(match edge.offer(&roots, &head, seconds(now))? {
            Offer::Unchanged => 0.0,
            Offer::Renewed => 1.0,
            Offer::TreeNeeded => 2.0,
            Offer::RootNeeded => 3.0,
        })
    })
}

/// Keeps the input as the next root of the chain for [`offer_head`] and [`stage`], until [`commit`] or [`abort`].
#[wasm_bindgen]
pub fn stage_root() -> f64 {
    update(|state, _| {
        let root = core::mem::take(&mut state.input);
        state.roots.push(root);
        Ok(0.0)
    })
}

/// Takes the input as a bundle and proves its head, top page and directory. What serves stays as it is.
#[wasm_bindgen]
pub fn stage(now: f64) -> f64 {
    update(|state, edge| {
        state.staged = None;
        let bundle = core::mem::take(&mut state.input);
        let roots: Vec<&[u8]> = state.roots.iter().map(Vec::as_slice).collect();
        state.staged = Some(edge.stage(&roots, bundle, seconds(now))?);
        Ok(0.0)
    })
}

/// Proves about `budget` bytes more of the staged bundle; returns how many shards are left.
#[wasm_bindgen]
pub fn stage_check(budget: u32) -> f64 {
    update(|state, _| {
        let staged = state.staged.as_mut().ok_or(Error::Superseded)?;
        Ok(staged.check(size(budget))?.into())
    })
}

/// Puts the staged bundle into force.
#[wasm_bindgen]
pub fn commit(now: f64) -> f64 {
    update(|state, edge| {
        let staged = state.staged.take().ok_or(Error::Superseded)?;
        edge.commit(staged, seconds(now))?;
        state.roots.clear();
        Ok(0.0)
    })
}

/// Forgets what is staged.
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

/// Counts the trees that were put into force; [`identity`](crate::identity) is asked with it.
#[wasm_bindgen]
pub fn generation() -> u32 {
    edge(|edge| Some(edge.generation())).unwrap_or(0)
}

/// Version of the root in force.
#[wasm_bindgen]
pub fn root_version() -> u32 {
    edge(|edge| Some(edge.root_version())).unwrap_or(0)
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
        let always = edgelatch_core::http::INTEREST;
        let mut names: Vec<&str> = always.to_vec();
        names.extend(state.edge.as_ref()?.config().client_ip_headers().filter(|name| !always.contains(name)));
        Some(names.join("\n"))
    })
}
