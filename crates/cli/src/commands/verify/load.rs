//! What an edge makes of what it finds: the bundle, and from there the tree that the head names.

use edgelatch_core::bundle;
use edgelatch_core::edge::{Edge, Offer, Step};
use edgelatch_core::error::Error;
use edgelatch_core::head::Head;
use edgelatch_core::tree::Place;

use super::files::{Files, Published};
use crate::prelude::*;

/// Loads what was found, whole. A refusal is a step that did not pass; an error says that an object could not be read.
pub(super) fn load(edge: &mut Edge, files: &Files, now: u64) -> Result<Vec<Step>> {
    let taken = match take(edge, files, now) {
        // An edge that took it in time would still hold it: let the verification say that it is stale.
        Err(Stop::Refused(Error::HeadExpired { .. } | Error::ClockInvalid { .. })) => {
            let newest = files.published.as_ref().map_or_else(|| bundle::head_bytes(&files.bundle), |found| Ok(&found.head));
            match newest.and_then(Head::inspect) {
                Ok(head) => take(edge, files, head.issued_at),
                Err(error) => Err(error.into()),
            }
        }
        other => other,
    };
    match taken {
        Ok(()) => {
            let note = format!("realm {}, root {}, signatures and digests sound", edge.realm(), edge.root_version());
            Ok(vec![Step { name: "update", passed: true, note }])
        }
        Err(Stop::Refused(error)) => {
            Ok(vec![Step { name: "update", passed: false, note: format!("{}: {error}", error.code()) }])
        }
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// Why an update did not come into force.
enum Stop {
    /// The core refused a part of it.
    Refused(Error),
    /// A part of it cannot be read.
    Failed(Failure),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Refused(error)
    }
}

fn take(edge: &mut Edge, files: &Files, now: u64) -> Result<(), Stop> {
    let roots: Vec<&[u8]> = files.later_roots.iter().map(Vec::as_slice).collect();
    if let Some(Published { head, .. }) = &files.published {
        edge.offer(&roots, head, now)?;
    }
    let mut staged = edge.stage(&roots, files.bundle.clone(), now)?;
    staged.check(usize::MAX)?;
    edge.commit(staged, now)?;
    files.published.as_ref().map_or(Ok(()), |published| follow(edge, published, now))
}

/// Goes on to the tree that the head names, where the bundle is behind it: what differs lies there as objects.
fn follow(edge: &mut Edge, published: &Published, now: u64) -> Result<(), Stop> {
    match edge.offer(&[], &published.head, now) {
        Ok(Offer::TreeNeeded { .. }) => {}
        // The bundle was replaced after the head was read.
        Ok(_) | Err(Error::Rollback { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let mut staged = edge.begin(&[], now)?;
    while let Some(need) = staged.need(Place::Top) {
        let object = published.object(need.slot.id).map_err(Stop::Failed)?;
        staged.supply(need.place, object)?;
    }
    Ok(edge.commit(staged, now)?)
}
