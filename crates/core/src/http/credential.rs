//! The one credential of a request.
//!
//! | field | accepted |
//! |---|---|
//! | `Authorization` | `Bearer` in any case, one space or more, a token68 (RFC 6750 section 2.1, RFC 9110 section 11.4) |
//! | `X-API-Key` | a token68 |
//! | query parameter | its raw value, a token68; the name is compared byte for byte |
//! | a header of the host's own, or Basic credentials | [`KeyLocation`] |
//!
//! What stands in a header or parameter that is not configured is not looked at. In a configured one, anything that is neither
//! a credential nor well-formed credentials of another scheme is a bad request: so is an empty value, a repeated line or
//! parameter, and a second credential in whatever form.

use alloc::borrow::Cow;

use super::chars::{escape, is_token68, is_unreserved, split_once};
use super::value::ExtractError::{self, InvalidRequest, Missing};
use super::value::{bare, schemed};
use super::{Block, KeyLocation};

/// Which header fields may carry a credential.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct CredentialHeaders(u8);

/// The scheme of `Authorization` in which a key may stand.
const BEARER: &[u8] = b"Bearer";

const NAMES: [(&str, CredentialHeaders); 2] =
    [("bearer", CredentialHeaders::BEARER), ("x-api-key", CredentialHeaders::API_KEY)];

impl CredentialHeaders {
    /// `Authorization: Bearer …`.
    pub const BEARER: CredentialHeaders = CredentialHeaders(1);
    /// `X-API-Key: …`.
    pub const API_KEY: CredentialHeaders = CredentialHeaders(2);

    /// None.
    pub const fn empty() -> CredentialHeaders {
        CredentialHeaders(0)
    }

    /// Both.
    pub const fn all() -> CredentialHeaders {
        CredentialHeaders(3)
    }

    /// The set with these bits; `None` when one of them is unknown.
    pub const fn from_bits(bits: u8) -> Option<CredentialHeaders> {
        if bits & !3 == 0 { Some(CredentialHeaders(bits)) } else { None }
    }

    /// Bit 0 is `BEARER`, bit 1 `API_KEY`.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether every header of `other` is in it.
    #[inline]
    pub const fn contains(self, other: CredentialHeaders) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    pub const fn union(self, other: CredentialHeaders) -> CredentialHeaders {
        CredentialHeaders(self.0 | other.0)
    }

    /// What both sets have.
    pub const fn intersection(self, other: CredentialHeaders) -> CredentialHeaders {
        CredentialHeaders(self.0 & other.0)
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The header of this name in configurations: `bearer` or `x-api-key`.
    pub fn parse(name: &str) -> Option<CredentialHeaders> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, header)| *header)
    }

    /// The names of its headers, as [`parse`](Self::parse) reads them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(_, header)| self.contains(*header)).map(|(name, _)| *name)
    }
}

/// Where a request may carry its credential.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places<'c> {
    /// The headers of realm and host.
    pub credentials: CredentialHeaders,
    /// Name of a query parameter.
    pub query: Option<&'c str>,
    /// A place of the host's own.
    pub location: Option<&'c KeyLocation>,
}

/// The credential of a request.
///
/// It is a token68 of any length; whoever looks it up bounds it. Only what stands in Basic credentials is a copy.
#[inline]
pub fn extract<'a>(block: &Block<'a>, places: Places<'_>) -> Result<Cow<'a, [u8]>, ExtractError> {
    let Places { credentials, query, location } = places;
    let alone = || location.is_some_and(|own| own.takes_alone(block.authorization, BEARER));
    let authorization =
        if credentials.contains(CredentialHeaders::BEARER) && !alone() { schemed(block.authorization, BEARER)? } else { None };
    let api_key = if credentials.contains(CredentialHeaders::API_KEY) { bare(block.api_key)? } else { None };
    let parameter = match query {
        Some(name) => parameter(block.query().unwrap_or_default(), name.as_bytes())?,
        None => None,
    };
    let own = match location {
        Some(location) => location.find(block)?,
        None => None,
    };
    match (authorization, api_key, parameter, own) {
        (Some(only), None, None, None) | (None, Some(only), None, None) | (None, None, Some(only), None) => {
            Ok(Cow::Borrowed(only))
        }
        (None, None, None, Some(only)) => Ok(only),
        (None, None, None, None) => Err(Missing),
        _ => Err(InvalidRequest),
    }
}

/// The value of the only parameter called `name`.
///
/// Names are not decoded; yet one that decodes to `name` is refused, because another reader of the same URL would take it
/// for a second credential.
#[inline]
fn parameter<'a>(query: &'a [u8], name: &[u8]) -> Result<Option<&'a [u8]>, ExtractError> {
    let mut found = None;
    for pair in query.split(|&b| b == b'&') {
        let (key, value) = split_once(pair, b'=').unwrap_or((pair, &[]));
        if key == name {
            if found.is_some() || !is_token68(value) {
                return Err(InvalidRequest);
            }
            found = Some(value);
        } else if key.len() > name.len() && decodes_to(key, name) {
            return Err(InvalidRequest);
        }
    }
    Ok(found)
}

/// Whether percent-decoding `text` gives `name`.
fn decodes_to(mut text: &[u8], name: &[u8]) -> bool {
    for &want in name {
        let Some((byte, rest)) = decode_first(text) else { return false };
        if byte != want {
            return false;
        }
        text = rest;
    }
    text.is_empty()
}

/// The byte that the start of `text` stands for; a bad escape stands for itself.
fn decode_first(text: &[u8]) -> Option<(u8, &[u8])> {
    escape(text).or_else(|| text.split_first().map(|(&byte, rest)| (byte, rest)))
}

/// Whether `name` can be the name of the query parameter: unreserved characters, so that it has one plain spelling.
pub fn is_query_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(is_unreserved)
}

#[cfg(test)]
mod tests;
