//! What whoever keeps traces is told: each call of the management API that is logged, and each publication. The server makes no spans itself, so it
//! needs no library for them; the command does, where it was built with the feature `otel`.
//!
//! Nothing told here is what a client made up, and nothing can be a secret: routes stand for paths, and a realm is named once the caller was admitted
//! to it. Only [`CallTrace::parent`] is a client's own text, for a reader that takes nothing but ids from it.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use edgelatch_core::key::KeyId;
use edgelatch_registry::Slug;

/// The header by which a caller says of which trace its call is a part (W3C Trace Context).
const PARENT: &str = "traceparent";

/// Whoever keeps traces. It is called by the threads that do the work, which wait for it: it is to put aside what it is told, and send it later.
pub trait Traces: Debug + Send + Sync {
    /// A call of the management API was answered.
    fn call(&self, call: &CallTrace<'_>);
    /// A publication ended, well or not.
    fn publication(&self, publication: &PublicationTrace<'_>);
}

/// A call of the management API.
#[derive(Clone, Copy, Debug)]
pub struct CallTrace<'c> {
    /// When it came.
    pub begun: SystemTime,
    /// How long its answer took.
    pub took: Duration,
    /// `GET`, `HEAD`, `POST`, `PATCH`, `DELETE` or `other`.
    pub method: &'c str,
    /// The route that stands for its path.
    pub route: &'c str,
    /// The answer's status.
    pub status: u16,
    /// The verdict on its key; none where it had none to judge.
    pub code: Option<&'static str>,
    /// The public id of its key.
    pub key_id: Option<KeyId>,
    /// The realm that it is about, where its caller was admitted to one.
    pub realm: Option<&'c Slug>,
    /// The caller's `traceparent`, if there is exactly one: not looked at.
    pub parent: Option<&'c str>,
}

/// A publication.
#[derive(Clone, Copy, Debug)]
pub struct PublicationTrace<'p> {
    /// When it began.
    pub begun: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// The realm.
    pub realm: &'p Slug,
    /// The epoch, and why it was due; none where none came out.
    pub epoch: Option<(u64, &'static str)>,
    /// Keys in it.
    pub records: u64,
    /// How many targets hold it.
    pub written: usize,
    /// `published`; `partly`, if a target failed; or the code of what kept all of it back.
    pub outcome: &'static str,
}

/// What the caller says of the trace, if it says one thing.
pub(crate) fn parent(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(PARENT).iter();
    let (first, second) = (all.next(), all.next());
    first.filter(|_| second.is_none())?.to_str().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_one_line() {
        let mut headers = HeaderMap::new();
        assert_eq!(parent(&headers), None);
        headers.append(PARENT, "one".parse().unwrap());
        assert_eq!(parent(&headers).as_deref(), Some("one"));
        // Which of two it is, nobody can say.
        headers.append(PARENT, "two".parse().unwrap());
        assert_eq!(parent(&headers), None);
    }
}
