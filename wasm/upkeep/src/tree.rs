//! How a tree comes together: a candidate beside the tree that serves, and what the tree that serves still lacks. Objects are
//! proven as they come, whatever brings them. Each call that changes something returns a number from 0, or -1 and leaves
//! `code: detail` as text.
//!
//! Objects stand at places, which cross as their numbers (SPEC.md section 6.2).

use crate::state::{say, size, with};
use crate::update::{chain, number, seconds, update};
use alloc::string::String;
use alloc::vec::Vec;
use edgelatch_core::edge::{Fetch, LazyStats, Need, Outcome, Staged};
use edgelatch_core::error::Error;
use edgelatch_core::say;
use edgelatch_core::text::Say;
use edgelatch_core::tree::Place;
use wasm_bindgen::prelude::wasm_bindgen;

/// Begins a candidate for the head that [`offer`](crate::offer) was shown last, in the place of the one before. What the tree that
/// serves has in common with it is there from the beginning.
#[wasm_bindgen]
pub fn begin(now: f64) -> f64 {
    update(|state, edge| {
        state.staged = None;
        state.staged = Some(edge.begin(&chain(&state.roots), seconds(now))?);
        Ok(0.0)
    })
}

fn staged(mut change: impl FnMut(&mut Staged, &mut Vec<u8>) -> Result<f64, Error>) -> f64 {
    update(|state, _| change(state.staged.as_mut().ok_or(Error::Superseded)?, &mut state.input))
}

/// Gives the candidate the input, the next bytes of a bundle. One that failed stays refused: another has to be begun.
#[wasm_bindgen]
pub fn feed() -> f64 {
    staged(|staged, input| staged.feed(input).map(|()| 0.0))
}

/// Gives the candidate the input as a patch that leads to it from the tree that serves; [`check`] works through it.
#[wasm_bindgen]
pub fn patch() -> f64 {
    staged(|staged, input| staged.patch(core::mem::take(input)).map(|()| 0.0))
}

/// Works through what the candidate was given for about `budget` bytes. Returns how many objects it lacks, as far as is known.
#[wasm_bindgen]
pub fn check(budget: u32) -> f64 {
    staged(|staged, _| Ok(staged.check(size(budget))?.into()))
}

/// Whether [`check`] has more to work through.
#[wasm_bindgen]
pub fn working() -> u32 {
    asked(Staged::is_working)
}

/// Whether the candidate is far enough for [`commit`](crate::commit) where nothing serves yet.
#[wasm_bindgen]
pub fn ready() -> u32 {
    asked(Staged::is_ready)
}

/// Whether the candidate lacks nothing, as `commit` demands where something serves; that of a lazy edge as soon as it is [`ready`].
#[wasm_bindgen]
pub fn complete() -> u32 {
    asked(Staged::is_complete)
}

fn asked(question: impl FnOnce(&Staged) -> bool) -> u32 {
    with(|state| state.staged.as_ref().is_some_and(question)).unwrap_or(false).into()
}

/// Gives the candidate the input as the object at a place, one that [`stage_needs`] names.
#[wasm_bindgen]
pub fn stage_supply(place: u32) -> f64 {
    staged(|staged, input| staged.supply(place_of(place)?, core::mem::take(input)).map(|()| 0.0))
}

/// Gives the tree that serves the input as the object at a place, one that [`needs`] or [`fetch`] names.
#[wasm_bindgen]
pub fn supply(place: u32) -> f64 {
    update(|state, edge| {
        edge.supply(place_of(place)?, core::mem::take(&mut state.input))?;
        Ok(0.0)
    })
}

fn place_of(number: u32) -> Result<Place, Error> {
    Place::of_number(number).ok_or(Error::BadReference { object: "tree", field: "place" })
}

/// Leaves the first `limit` objects from a place on that the candidate lacks, as far as they are known, as text: one a line, its
/// place, length, offset in a bundle from the top page on, and digest. Returns 0 for none.
#[wasm_bindgen]
pub fn stage_needs(from: u32, limit: u32) -> u32 {
    say(|state| {
        let staged = state.staged.as_ref()?;
        list(from, limit, &|from| staged.need(from))
    })
}

/// The same of the tree that serves.
#[wasm_bindgen]
pub fn needs(from: u32, limit: u32) -> u32 {
    say(|state| {
        let edge = state.edge.as_ref()?;
        list(from, limit, &|from| edge.need(from))
    })
}

/// Whether the object that a packed `shard_needed` asks for may be fetched: 1 and its line, as [`needs`] would have it, as text; 0 for not
/// now; 2 if the tree that serves does not lack it any more, so that the question is to be asked again; -1 for an outcome that asks for none.
#[wasm_bindgen]
pub fn fetch(packed: f64, now: f64) -> f64 {
    update(|state, edge| {
        let outside = Error::BadReference { object: "outcome", field: "place" };
        let (place, returning) = Outcome::needed(seconds(packed)).ok_or(outside)?;
        Ok(match edge.fetch(place, returning, seconds(now)) {
            Fetch::Refused => 0.0,
            Fetch::Granted(need) => {
                state.text.clear();
                line(&need, &mut state.text);
                1.0
            }
            Fetch::Settled => 2.0,
        })
    })
}

/// Leaves what a lazy edge holds and has done as text, numbers with spaces between them: objects held, their bytes, bytes of those that are
/// protected, objects dropped, fetches granted, fetches refused. Returns 0 for an edge that is not lazy.
#[wasm_bindgen]
pub fn lazy_stats() -> u32 {
    say(|state| {
        let LazyStats { objects, bytes, protected_bytes, dropped, granted, refused } = state.edge.as_ref()?.lazy_stats()?;
        let mut text = String::new();
        say!(&mut text, objects, " ", bytes, " ", protected_bytes, " ", dropped, " ", granted, " ", refused);
        Some(text)
    })
}

/// The lines of what is missing from a place on, of which `need` says the first.
fn list(from: u32, limit: u32, need: &dyn Fn(Place) -> Option<Need>) -> Option<String> {
    let (mut text, mut next) = (String::new(), need(Place::of_number(from)?));
    for _ in 0..limit {
        let Some(one) = next else { break };
        if !text.is_empty() {
            text.push('\n');
        }
        line(&one, &mut text);
        // What lies below a top page that is missing is not known: it is named again.
        next = need(one.place.after()).filter(|after| after.place > one.place);
    }
    Some(text).filter(|text| !text.is_empty())
}

fn line(need: &Need, text: &mut String) {
    say!(text, need.place.number(), " ", need.slot.length, " ", need.offset, " ", need.slot.id);
}

/// Leaves the digest of the tree that serves, a space, and that of the candidate's as text; the first is empty where nothing
/// serves. Returns 0 without a candidate.
#[wasm_bindgen]
pub fn trees() -> u32 {
    say(|state| {
        let wanted = state.staged.as_ref()?.head().tree;
        let mut text = state.edge.as_ref()?.head().map_or_else(String::new, |head| head.tree.said());
        say!(&mut text, " ", wanted);
        Some(text)
    })
}

/// Bytes of all objects of the candidate's tree, 0 without a candidate.
#[wasm_bindgen]
pub fn stage_bytes() -> f64 {
    with(|state| state.staged.as_ref().map(|staged| number(staged.head().tree_bytes))).flatten().unwrap_or(0.0)
}
