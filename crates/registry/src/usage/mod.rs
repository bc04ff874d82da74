//! What edges report about requests, and what follows from it: counters, logs of requests (which are read here), alerts. What is
//! kept for a time only goes from here too. What administrators did is in `audit`. Begin with `ingest`.
//!
//! | read | for |
//! |---|---|
//! | `ingest` | a batch of events, taken once |
//! | `failures` | verdicts, counted; many refusals raise an alert |
//! | `leaks` | reports that a secret is public |
//! | `buckets` | usage over time |
//! | `places` | from where keys are used |
//! | `export` | the log of requests, for whoever keeps it elsewhere |
//! | `purge` | what has been kept long enough |

mod buckets;
mod export;
mod failures;
mod ingest;
mod leaks;
mod places;
mod purge;

use edgelatch_core::key::KeyId;
use serde::Serialize;

use crate::error::Error;
use crate::model::{Paging, Window, cut, rfc3339};
use crate::store::{Conditions, Statements, columns};
use crate::transaction::handle;

pub use buckets::{BucketSpan, UsageBucket, UsageQuery, UsageSeries};
pub use export::LoggedRequest;
pub use failures::Total;
pub use ingest::{Ingested, UsageBatch, UsageEvent};
pub use leaks::Leak;
pub use purge::Purged;

handle! {
    /// What a realm's edges reported.
    Usage = usage
}

/// A request made with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Request {
    /// When.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: u64,
    /// Its method.
    pub method: String,
    /// Its path, or the path's template.
    pub endpoint: String,
    /// The client's address, where known.
    pub ip: Option<String>,
    /// Its country, where known.
    pub country: Option<String>,
    /// Status of the response.
    pub status: u64,
    /// The verdict.
    pub code: String,
    /// The edge's own id of the event.
    pub event: Option<String>,
}

/// One page of the log, newest first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RequestPage {
    /// The requests.
    pub requests: Vec<Request>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

columns! {
    /// A request with its place in the realm's log.
    REQUEST: (u64, Request) = { seq, at, method, endpoint, ip, country, status, code, event }
        => (seq, Request { at, method, endpoint, ip, country, status, code, event })
}

impl Usage<'_> {
    /// A page of the requests made with a key, newest first. The log of a deleted key can still be read.
    pub fn requests(&self, key_id: KeyId, window: &Window, paging: &Paging) -> Result<RequestPage, Error> {
        let (size, place) = (paging.size()?, paging.place::<(u64, u64)>()?);
        let bounds: Vec<_> = window.bounds(self.0.now()?)?.collect();
        self.0.read(|tx| {
            let mut all = Conditions::new("realm_id =", tx.realm);
            all.add("key_id =", key_id.to_string());
            bounds.iter().for_each(|(test, at)| all.add(test, *at));
            if let Some((at, seq)) = place {
                all.add("at <=", at);
                let last = all.values.len();
                all.add_with(seq, |place| format!("(at < ${last} OR seq < {place})"));
            }
            let rest = format!("FROM requests WHERE {} ORDER BY at DESC, seq DESC LIMIT {}", all.sql(), size + 1);
            let mut found = tx.all(REQUEST.select(&rest), &all.values)?;
            let next = cut(&mut found, size, |(seq, last)| (last.at, *seq));
            Ok(RequestPage { requests: found.into_iter().map(|(_, request)| request).collect(), next })
        })
    }
}
