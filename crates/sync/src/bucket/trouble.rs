//! What a store's errors mean, and what of them is told: neither addresses, which may hold signatures, nor whole replies.

use std::error::Error as _;

use object_store::Error as StoreError;

use crate::error::Error;

/// Characters of a store's own words.
const MAX_WORDS: usize = 200;

/// Whether an object is not there, in a bucket that is.
pub(super) fn is_absent(error: &StoreError) -> bool {
    matches!(error, StoreError::NotFound { .. }) && !is_no_bucket(error)
}

/// Whether there is no such bucket: S3 and Google say `NoSuchBucket`, Azure says `ContainerNotFound`.
fn is_no_bucket(error: &StoreError) -> bool {
    let words = deepest(error);
    ["NoSuchBucket", "ContainerNotFound"].iter().any(|name| words.contains(name))
}

/// Whether the store knows no such request.
pub(super) fn is_unknown(error: &StoreError) -> bool {
    matches!(error, StoreError::NotImplemented { .. } | StoreError::NotSupported { .. }) || has_status(error, &[501])
}

/// Whether nobody answered, or the store could not: then nobody else need try. What it refuses is an answer.
pub(super) fn is_silence(error: &StoreError) -> bool {
    matches!(error, StoreError::Generic { .. }) && !has_status(error, &[400, 401, 403, 404, 501])
}

/// Whether the store answered one of these statuses. The library has kinds for some, and not of each request.
fn has_status(error: &StoreError, statuses: &[u16]) -> bool {
    let words = deepest(error);
    statuses.iter().any(|status| words.contains(&format!("status code: {status}")))
}

/// The same as an error of ours.
pub(super) fn of(target: &str, error: &StoreError) -> Error {
    let (target, detail) = (target.to_owned(), words(error));
    match error {
        _ if is_no_bucket(error) => Error::TargetMissing { target, detail },
        _ if has_status(error, &[401, 403]) => Error::TargetDenied { target, detail },
        _ => Error::Target { target, detail },
    }
}

/// What the store, or whatever kept us from it, says, in one line.
pub(super) fn words(error: &StoreError) -> String {
    let text = deepest(error);
    let (plain, reply) = text.split_at(text.find('<').unwrap_or(text.len()));
    let parts = ["Code", "Message"].into_iter().filter_map(|name| within(reply, name));
    let all: Vec<&str> =
        std::iter::once(plain.trim_end_matches([' ', ':'])).chain(parts).filter(|part| !part.is_empty()).collect();
    // No address, nor what follows in one.
    let words: Vec<&str> = all
        .iter()
        .flat_map(|part| part.split_whitespace())
        .filter(|word| !word.contains("://") && !word.contains('?'))
        .collect();
    words.join(" ").trim_end_matches('.').chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

/// The words of the error that is at the bottom of this one: those above repeat it, with the address.
fn deepest(error: &StoreError) -> String {
    let mut deepest: &dyn std::error::Error = match error.source() {
        Some(below) => below,
        None => return error.to_string(),
    };
    while let Some(below) = deepest.source() {
        deepest = below;
    }
    deepest.to_string()
}

/// The text of an element of an XML reply.
fn within<'t>(reply: &'t str, name: &str) -> Option<&'t str> {
    let rest = reply.split_once(&format!("<{name}>"))?.1;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}
