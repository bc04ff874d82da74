//! Pages of lists: how long one is, and where the next one begins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::time::When;
use crate::error::Error;
use crate::limits::{DEFAULT_PAGE, MAX_PAGE};

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields, default)]
pub struct Paging {
    /// At most this many on a page; 50 if not said.
    #[cfg_attr(feature = "openapi", param(value_type = u64, required = false, minimum = 1, maximum = 500))]
    pub limit: Option<u64>,
    /// `next` of the last page.
    #[cfg_attr(feature = "openapi", param(value_type = String, required = false))]
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

/// Cuts off what was read beyond the page's `size` to see whether there is more; the cursor is at the last row that stays.
pub(crate) fn cut<T, P: Serialize>(rows: &mut Vec<T>, size: usize, place: impl FnOnce(&T) -> P) -> Option<String> {
    let more = rows.len() > size;
    rows.truncate(size);
    rows.last().filter(|_| more).map(|last| cursor(&place(last)))
}

/// A stretch of time.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// Only from this time on: a span, a date or an RFC 3339 time.
    #[cfg_attr(feature = "openapi", param(value_type = String, required = false))]
    pub since: Option<When>,
    /// Only before this time.
    #[cfg_attr(feature = "openapi", param(value_type = String, required = false))]
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
