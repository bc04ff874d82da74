//! The value of a header that may hold a credential.

use core::fmt;

use super::block::Field;
use super::chars::{is_token68, take_quoted, take_token, trim_start};

/// Why there is no credential.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExtractError {
    /// None of the configured headers and parameters carries one.
    Missing,
    /// More than one, or one that is not well formed.
    InvalidRequest,
}

use ExtractError::{InvalidRequest, Missing};

/// The value of a header that holds a key alone.
#[inline]
pub(super) fn bare(field: Field<'_>) -> Result<Option<&[u8]>, ExtractError> {
    match field {
        Field::Absent => Ok(None),
        Field::One(value) if is_token68(value) => Ok(Some(value)),
        _ => Err(InvalidRequest),
    }
}

/// The token of credentials of a scheme; `None` for well-formed ones of another.
#[inline]
pub(super) fn schemed<'a>(field: Field<'a>, wanted: &[u8]) -> Result<Option<&'a [u8]>, ExtractError> {
    let value = match field {
        Field::Absent => return Ok(None),
        Field::One(value) => value,
        Field::Many => return Err(InvalidRequest),
    };
    let (scheme, rest) = take_token(value);
    let ours = scheme.eq_ignore_ascii_case(wanted);
    let mut parameters = rest;
    while let Some(after) = parameters.strip_prefix(b" ") {
        parameters = after;
    }
    // A token68 or parameters need 1*SP before them; a scheme may stand alone, though not ours.
    let separated = parameters.len() < rest.len();
    match scheme {
        [] => Err(InvalidRequest),
        _ if ours && separated && is_token68(parameters) => Ok(Some(parameters)),
        _ if ours => Err(InvalidRequest),
        _ if rest.is_empty() => Ok(None),
        _ if separated && (is_token68(parameters) || is_auth_params(parameters)) => Ok(None),
        _ => Err(InvalidRequest),
    }
}

/// `auth-param *( OWS "," OWS auth-param )`. Empty elements are refused although lists tolerate them: a merged second
/// `Authorization` line looks like that.
fn is_auth_params(mut text: &[u8]) -> bool {
    loop {
        let (name, rest) = take_token(text);
        let Some(value) = trim_start(rest).strip_prefix(b"=").map(trim_start) else { return false };
        let (token, after) = take_token(value);
        let rest = if token.is_empty() { take_quoted(value).map(|(_, after)| after) } else { Some(after) };
        let (false, Some(rest)) = (name.is_empty(), rest.map(trim_start)) else { return false };
        match rest.split_first() {
            None => return true,
            Some((b',', more)) => text = trim_start(more),
            Some(_) => return false,
        }
    }
}

impl fmt::Display for ExtractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Missing => "no credential in any configured header or parameter",
            InvalidRequest => "the request has more than one credential, or one that is not well formed",
        })
    }
}

impl core::error::Error for ExtractError {}
