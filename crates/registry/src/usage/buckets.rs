//! Usage over time: how many requests were accepted and refused in each hour and each day, of each key, each org, and the realm.

use std::collections::BTreeMap;

use edgelatch_core::key::KeyId;
use serde::{Deserialize, Serialize};
use serde_with::apply;

use super::Usage;
use super::failures::Subject;
use crate::error::Error;
use crate::limits::{DAY_BUCKET_DAYS, HOUR_BUCKET_DAYS};
use crate::model::json::given;
use crate::model::{DAY, FromText, Slug, Window, Word, rfc3339, words};
use crate::store::{Conditions, Statements, columns, fields};
use crate::tenants::org_id;
use crate::transaction::Transaction;

words! {
    /// How long a bucket is.
    BucketSpan {
        /// An hour. Kept for two weeks.
        Hour = "hour",
        /// A day of UTC. Kept for 400 days.
        Day = "day",
    }
}

impl BucketSpan {
    fn seconds(self) -> u64 {
        match self {
            BucketSpan::Hour => 3_600,
            BucketSpan::Day => DAY,
        }
    }

    /// Seconds that its buckets are kept.
    pub(super) fn kept(self) -> u64 {
        match self {
            BucketSpan::Hour => HOUR_BUCKET_DAYS * DAY,
            BucketSpan::Day => DAY_BUCKET_DAYS * DAY,
        }
    }

    /// The beginning of the bucket that a time lies in.
    fn begin(self, at: u64) -> u64 {
        at - at % self.seconds()
    }
}

/// What is asked of usage over time.
#[apply(
    Option => #[serde(default, deserialize_with = "given")] #[param(nullable = false, required = false)],
)]
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// How long a bucket is; a day if not said.
    pub by: Option<BucketSpan>,
    /// Only this org's.
    pub org: Option<Slug>,
    /// Only this key's; then without an org.
    #[param(value_type = Option<String>, pattern = "^key_[0-9A-Za-z]{11}$")]
    pub key_id: Option<String>,
}

/// The requests of an hour or of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UsageBucket {
    /// When it begins.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: u64,
    /// Requests that were accepted.
    pub accepted: u64,
    /// Requests that were refused.
    pub refused: u64,
}

columns! { BUCKET: UsageBucket { at, accepted, refused } }

/// Usage over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UsageSeries {
    /// How long a bucket is.
    pub by: BucketSpan,
    /// The buckets, the earliest first, without those in which there was no request.
    pub buckets: Vec<UsageBucket>,
}

/// Accepted and refused requests of each hour, of a key with its org, or where no key was found.
pub(super) type Hours = BTreeMap<(Subject, u64), [u64; 2]>;

/// The hour of a request.
pub(super) fn hour(at: u64) -> u64 {
    BucketSpan::Hour.begin(at)
}

const SUM: &str = "(realm_id, span, subject, at) DO UPDATE SET accepted = usage_buckets.accepted + excluded.accepted, \
                   refused = usage_buckets.refused + excluded.refused";

/// What buckets of an org are found by. Its name may pass on to another one; its row does not.
fn org_subject(org: u64) -> String {
    format!("org:{org}")
}

/// Adds to the buckets: to those of the keys, of their orgs, and of the realm, so that whoever asks for one reads no other.
pub(super) fn add(tx: &mut Transaction<'_>, hours: &Hours) -> Result<(), Error> {
    let mut sums: BTreeMap<(BucketSpan, String, u64), [u64; 2]> = BTreeMap::new();
    for ((subject, at), [accepted, refused]) in hours {
        let names = subject.map(|(key, org)| [key.to_string(), org_subject(org)]);
        for name in names.into_iter().flatten().chain([String::new()]) {
            for span in [BucketSpan::Hour, BucketSpan::Day] {
                let [passed, denied] = sums.entry((span, name.clone(), span.begin(*at))).or_default();
                *passed += accepted;
                *denied += refused;
            }
        }
    }
    let realm = tx.realm;
    let rows = sums.into_iter().map(|((span, subject, at), [accepted, refused])| {
        fields! { realm_id: realm, span: span.word(), subject: subject, at: at, accepted: accepted, refused: refused }
    });
    tx.put_all("usage_buckets", rows.collect(), SUM)
}

impl Usage<'_> {
    /// Requests by hour or day: of a key, of an org, or of the whole realm.
    pub fn series(&self, query: &UsageQuery, window: &Window) -> Result<UsageSeries, Error> {
        let (now, by) = (self.0.now()?, query.by.unwrap_or(BucketSpan::Day));
        let bounds: Vec<_> = window.bounds(now)?.collect();
        let key = query.key_id.as_deref().map(|id| KeyId::parse("key_id", id)).transpose()?;
        if key.is_some() && query.org.is_some() {
            return Err(Error::invalid("org", "goes without a key: a key has one org only"));
        }
        self.0.read(|tx| {
            let subject = match (key, &query.org) {
                (Some(key), _) => key.to_string(),
                (None, Some(org)) => org_subject(org_id(tx, org)?),
                (None, None) => String::new(),
            };
            let mut all = Conditions::new("realm_id =", tx.realm);
            all.add("span =", by.word());
            all.add("subject =", subject);
            // Whether the upkeep has been here or not.
            all.add("at >=", by.begin(now.saturating_sub(by.kept())));
            for (test, at) in &bounds {
                // The bucket in which the stretch begins is a part of it.
                all.add(test, if *test == "at >=" { by.begin(*at) } else { *at });
            }
            let buckets = tx.all(BUCKET.select(&format!("FROM usage_buckets WHERE {} ORDER BY at", all.sql())), &all.values)?;
            Ok(UsageSeries { by, buckets })
        })
    }
}
