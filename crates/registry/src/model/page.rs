//! Pages of lists: how long one is, and where the next one begins.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::limits::{DEFAULT_PAGE, MAX_PAGE};

/// How many rows a page has.
pub(crate) fn page_size(asked: usize) -> Result<usize, Error> {
    match asked {
        0 => Ok(DEFAULT_PAGE),
        n if n <= MAX_PAGE => Ok(n),
        n => {
            let reason = format!("{n} is more than the limit of {MAX_PAGE}; use the cursor for more");
            Err(Error::invalid("limit", reason))
        }
    }
}

/// A cursor: opaque to whoever gets it, so that it can be changed.
pub(crate) fn write_cursor(place: &impl Serialize) -> String {
    serde_json::to_vec(place).map_or(String::new(), |bytes| URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn read_cursor<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let place = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    place.ok_or_else(|| Error::invalid("cursor", "is not one that a list returned; begin without a cursor"))
}

/// A cursor that is a number.
pub(crate) fn read_number(text: &str) -> Result<u64, Error> {
    read_cursor(text)
}
