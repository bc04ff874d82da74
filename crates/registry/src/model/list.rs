//! Lists: which keys, and in which order; how long a page is, and where the next one begins.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::json::given;
use super::key::{Key, State};
use super::text::{Name, Service, Slug, Tag};
use super::time::When;
use super::words::words;
use crate::error::Error;
use crate::limits::{DEFAULT_PAGE, MAX_PAGE, MAX_PAGE_BYTES};

words! {
    /// By what a list is sorted.
    Sort {
        /// When the key was made; newest first.
        Created = "created",
        /// Its name.
        Name = "name",
        /// When it expires; soonest first, those that never do last.
        Expires = "expires",
        /// When it was last accepted; latest first.
        LastUsed = "last_used",
    }

    /// Which way a list runs.
    Direction {
        /// Smallest first.
        Ascending = "asc",
        /// Largest first.
        Descending = "desc",
    }
}

/// Which keys. An empty filter means all.
#[serde_with::apply(
    Option => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)] #[param(nullable = false, required = false)],
)]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[schema(description = "Which keys to revoke. An empty filter means all.")]
#[serde(deny_unknown_fields)]
pub struct KeyFilter {
    /// Only this org's.
    pub org: Option<Slug>,
    /// Only this owner's.
    pub owner: Option<Slug>,
    /// Only those with this role, of their own or their owner's.
    pub role: Option<Slug>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those for this environment.
    pub environment: Option<Slug>,
    /// Only those that expire before this time: a span, a date or an RFC 3339 time.
    #[schema(value_type = Option<String>)]
    #[param(value_type = Option<String>, example = "30d")]
    pub expires_before: Option<When>,
    /// Only those made before this time.
    #[schema(value_type = Option<String>, examples("2027-01-31"))]
    #[param(value_type = Option<String>, example = "2027-01-31")]
    pub created_before: Option<When>,
    /// Only those that no edge has accepted since this time, and that were made before it.
    #[schema(value_type = Option<String>)]
    #[param(value_type = Option<String>, example = "90d ago")]
    pub unused_since: Option<When>,
    /// Only those that no edge has ever accepted.
    #[serde(default)]
    #[param(value_type = bool, required = false)]
    pub never_used: bool,
    /// Only those that were made by this caller: a management key's id, or `cli:` and the name of a user of the machine.
    pub created_by: Option<Name>,
    /// Only those with this tag, in any case.
    pub tag: Option<Tag>,
    /// Only those whose scope names this service; those that are for all services name none.
    pub service: Option<Service>,
    /// Only those that should be rotated, as their environments say.
    #[serde(default)]
    #[param(value_type = bool, required = false)]
    pub rotation_due: bool,
    /// Only those whose name or description contains this text in any case, or whose id or first characters begin with it.
    #[schema(max_length = 128)]
    #[param(max_length = 128)]
    pub search: Option<String>,
}

/// In which order keys are listed.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct KeyOrder {
    /// By what to sort; by creation if not said.
    #[param(value_type = Sort, required = false)]
    pub sort: Option<Sort>,
    /// Which way; each order has its own if not said.
    #[param(value_type = Direction, required = false)]
    pub direction: Option<Direction>,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Page)]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<Key>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
    /// Pass this as `cursor` for the page before; none when this is the first.
    pub previous: Option<String>,
    /// How many keys the filter fits, on all pages.
    pub total: u64,
    /// Whether `total` is exact: it is without a filter but an org or the state `revoked`, and where the keys that may fit are at most 3,000. Otherwise
    /// there are at least so many.
    pub exact: bool,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct Paging {
    /// At most this many on a page; 50 if not said. A page ends earlier when its rows are long, or after thousands of keys that do not fit, so only
    /// `next` tells whether there are more.
    #[param(value_type = u64, required = false, minimum = 1, maximum = 500)]
    pub limit: Option<u64>,
    /// `next` or `previous` of another page.
    #[param(value_type = String, required = false)]
    pub cursor: Option<String>,
}

impl Paging {
    /// The first page, of so many.
    pub fn first(limit: u64) -> Paging {
        Paging { limit: Some(limit), cursor: None }
    }

    /// How many rows the page has, at most.
    pub(crate) fn size(&self) -> Result<usize, Error> {
        match self.limit.map(usize::try_from) {
            None => Ok(DEFAULT_PAGE),
            Some(Ok(n)) if (1..=MAX_PAGE).contains(&n) => Ok(n),
            Some(_) => Err(Error::invalid("limit", format!("must be 1 to {MAX_PAGE}; use the cursor for more"))),
        }
    }

    /// Where the last page ended.
    pub(crate) fn place<T: DeserializeOwned>(&self) -> Result<Option<T>, Error> {
        let read = |text: &String| {
            let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
            place.ok_or_else(|| Error::invalid("cursor", "is not one that a list returned; begin without a cursor"))
        };
        self.cursor.as_ref().map(read).transpose()
    }
}

/// A cursor: opaque to whoever gets it, so that what is in it can be changed.
pub(crate) fn cursor(place: &impl Serialize) -> String {
    serde_json::to_vec(place).map_or(String::new(), |bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// Ends a page early that has become long enough.
#[derive(Debug, Default)]
pub(crate) struct PageBytes(usize);

impl PageBytes {
    /// Counts one more that is on the page; returns whether it is the last one.
    pub(crate) fn fill(&mut self, with: &impl Serialize) -> Result<bool, Error> {
        serde_json::to_writer(&mut *self, with).map_err(|e| Error::Store { detail: e.to_string() })?;
        Ok(self.0 >= MAX_PAGE_BYTES)
    }
}

impl Write for PageBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts off what was read beyond the page's `size` to see whether there is more; the cursor is at the last row that stays.
pub(crate) fn cut<T, P: Serialize>(rows: &mut Vec<T>, size: usize, place: impl FnOnce(&T) -> P) -> Option<String> {
    let more = rows.len() > size;
    rows.truncate(size);
    rows.last().filter(|_| more).map(|last| cursor(&place(last)))
}

/// Some rows of a log in the order in which they were written, for whoever keeps it elsewhere.
#[derive(Clone, Debug)]
pub struct Exported<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Up to which place the log was read: go on after it.
    pub reached: u64,
    /// The last place of the log.
    pub end: u64,
}

/// Refuses a place to go on after that the log does not have yet. It had it once, if it was restored since: whoever goes on would miss what is
/// written up to there.
pub(crate) fn check_place(after: u64, end: u64) -> Result<(), Error> {
    if after <= end {
        return Ok(());
    }
    // Where it ends is not said: an org's own log has places of others between.
    let reason = "lies beyond the end of the log: it is another log, or one that was restored from a backup; begin anew with 0";
    Err(Error::invalid("after", reason))
}

/// A stretch of time.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// Only from this time on: a span, a date or an RFC 3339 time.
    #[param(value_type = String, required = false)]
    pub since: Option<When>,
    /// Only before this time.
    #[param(value_type = String, required = false)]
    pub until: Option<When>,
}

impl Window {
    /// Its ends in Unix seconds, each with the comparison that keeps what lies inside.
    pub(crate) fn bounds(&self, now: u64) -> Result<impl Iterator<Item = (&'static str, u64)>, Error> {
        let end = |field: &str, end: &Option<When>| end.as_ref().map(|when| when.at(field, now)).transpose();
        let (since, until) = (end("since", &self.since)?, end("until", &self.until)?);
        Ok(since.map(|at| ("at >=", at)).into_iter().chain(until.map(|at| ("at <", at))))
    }
}
