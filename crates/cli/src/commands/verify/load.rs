//! What an edge makes of what it finds: the bundle, and from there the tree that the head names.

use std::path::PathBuf;

use edgelatch_core::bundle;
use edgelatch_core::edge::{Edge, HostConfig, Offer, Step};
use edgelatch_core::error::Error;
use edgelatch_core::head::Head;
use edgelatch_core::key::Pepper;
use edgelatch_core::tree::Place;
use edgelatch_registry::Slug;
use edgelatch_sync::PepperSource;

use super::files::{Files, Published};
use crate::prelude::*;

/// An edge that has loaded what was found, whole, if need be with a pepper that is here. A refusal is a step that did not pass; an error says that an
/// object could not be read.
pub(super) fn load(
    config: HostConfig,
    files: &Files,
    now: u64,
    peppers: &dyn Fn(&Slug) -> PepperSource,
) -> Result<(Edge, Vec<Step>)> {
    let begin = |config| Edge::new(&files.root, config).map_err(|error| Failure::core("the root", &error));
    let mut edge = begin(config.clone())?;
    let mut taken = in_time(&mut edge, files, now);
    if let Err(Stop::Refused(Error::WrongPepper { needed, .. })) = &taken
        && let Ok(realm) = edge.realm().parse::<Slug>()
        && let Some(pepper) = found(peppers(&realm).find(*needed))?
        && let Some(config) = config.with_pepper(pepper)
    {
        edge = begin(config)?;
        taken = in_time(&mut edge, files, now);
    }
    let step = match taken {
        Ok(()) => {
            let note = format!("realm {}, root {}, signatures and digests sound", edge.realm(), edge.root_version());
            Step { name: "update", passed: true, note }
        }
        Err(Stop::Refused(error)) => Step { name: "update", passed: false, note: format!("{}: {error}", error.code()) },
        Err(Stop::Failed(failure)) => return Err(failure),
    };
    Ok((edge, vec![step]))
}

/// The pepper; none if it is not here, which the edge says too.
fn found(pepper: Result<(Pepper, PathBuf), edgelatch_sync::Error>) -> Result<Option<Pepper>> {
    match pepper {
        Ok((pepper, _)) => Ok(Some(pepper)),
        Err(edgelatch_sync::Error::PepperMissing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes what was found, as an edge does that took it in time.
fn in_time(edge: &mut Edge, files: &Files, now: u64) -> Result<(), Stop> {
    match take(edge, files, now) {
        // An edge that took it in time would still hold it: let the verification say that it is stale.
        Err(Stop::Refused(Error::HeadExpired { .. } | Error::ClockInvalid { .. })) => {
            let newest = files.published.as_ref().map_or_else(|| bundle::head_bytes(&files.bundle), |found| Ok(&found.head));
            match newest.and_then(Head::inspect) {
                Ok(head) => take(edge, files, head.issued_at),
                Err(error) => Err(error.into()),
            }
        }
        other => other,
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
