//! A place of the host's own in which requests carry their key: for hosts whose callers cannot be moved to `Authorization: Bearer`.
//!
//! | text | accepted |
//! |---|---|
//! | `header NAME` | the header's only line, a token68; in `Authorization` what is that and no more, beside other schemes |
//! | `header NAME SCHEME` | the header's only line: the scheme in any case, one space or more, a token68 |
//! | `basic username`, `basic password` | `Authorization: Basic …` (RFC 7617), of which that half is a token68 |
//!
//! The rules are those of the other credential headers: what is ours and not well formed is a bad request, and so is a line that is
//! there twice; well-formed credentials of another scheme are none of ours.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::Block;
use super::block::{Field, INTEREST};
use super::chars::{is_token, is_token68, split_once};
use super::value::{ExtractError, bare, schemed};

/// Bytes of a header's name or a scheme's: longer than any that is registered.
const MAX_NAME: usize = 64;
const AUTHORIZATION: &str = "authorization";
const BASIC: &str = "Basic";
const BEARER: &str = "Bearer";

/// Such a place, from the host's configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyLocation {
    /// In lower case.
    header: String,
    form: Form,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Form {
    Bare,
    Scheme(String),
    Username,
    Password,
}

impl KeyLocation {
    pub(crate) const EXPECTED: &str = "expected `header NAME`, `header NAME SCHEME`, `basic username` or `basic password`; `credentials` has Bearer and X-API-Key";

    /// Reads the text of the table above. `None` for any other, and for a place that has another meaning here: the host, what a preflight asks,
    /// and those that [`CredentialHeaders`](super::CredentialHeaders) names.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (kind, name, scheme) = (words.next()?, words.next()?, words.next());
        let well_formed = |name: &str| name.len() <= MAX_NAME && is_token(name.as_bytes());
        let header = name.to_ascii_lowercase();
        let form = match (kind, scheme, words.next()) {
            ("basic", None, _) if name == "username" => Form::Username,
            ("basic", None, _) if name == "password" => Form::Password,
            ("header", _, None) if !well_formed(name) || (INTEREST.contains(&&*header) && header != AUTHORIZATION) => {
                return None;
            }
            ("header", None, _) => Form::Bare,
            ("header", Some(scheme), None)
                if well_formed(scheme) && ![BASIC, BEARER].iter().any(|known| scheme.eq_ignore_ascii_case(known)) =>
            {
                Form::Scheme(scheme.into())
            }
            _ => return None,
        };
        let header = if kind == "basic" { AUTHORIZATION.into() } else { header };
        Some(KeyLocation { header, form })
    }

    /// The header, in lower case.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The scheme that a challenge names.
    pub(crate) fn scheme(&self) -> &str {
        match &self.form {
            Form::Scheme(scheme) => scheme,
            Form::Username | Form::Password => BASIC,
            Form::Bare => BEARER,
        }
    }

    /// The key that a request carries here.
    pub(super) fn find<'a>(&self, block: &Block<'a>) -> Result<Option<Cow<'a, [u8]>>, ExtractError> {
        let field = self.field(block);
        Ok(match &self.form {
            Form::Bare if self.header == AUTHORIZATION => alone(field)?.map(Cow::Borrowed),
            Form::Bare => bare(field)?.map(Cow::Borrowed),
            Form::Scheme(scheme) => schemed(field, scheme.as_bytes())?.map(Cow::Borrowed),
            Form::Username | Form::Password => match schemed(field, BASIC.as_bytes())? {
                Some(token) => Some(Cow::Owned(self.half(token).ok_or(ExtractError::InvalidRequest)?)),
                None => None,
            },
        })
    }

    /// Whether this is `Authorization` with a key that stands there alone, and need not be the token that a scheme is. The word of another
    /// scheme that is taken there is no key.
    pub(super) fn takes_alone(&self, field: Field<'_>, but: &[u8]) -> bool {
        let alone = self.form == Form::Bare && self.header == AUTHORIZATION;
        matches!(field, Field::One(value) if alone && is_token68(value) && !value.eq_ignore_ascii_case(but))
    }

    fn field<'a>(&self, block: &Block<'a>) -> Field<'a> {
        if self.header == AUTHORIZATION {
            return block.authorization;
        }
        match block.lines().only(&self.header) {
            Ok(None) => Field::Absent,
            Ok(Some(value)) => Field::One(value),
            Err(_) => Field::Many,
        }
    }

    /// The half of Basic credentials that is the key. What the other one says does not matter; a control character stands in neither (RFC 7617).
    fn half(&self, token: &[u8]) -> Option<Vec<u8>> {
        let pair = decoded(token)?;
        let (username, password) = split_once(&pair, b':')?;
        let (key, other) = if self.form == Form::Username { (username, password) } else { (password, username) };
        (is_token68(key) && !other.iter().any(u8::is_ascii_control)).then(|| key.into())
    }
}

/// The key of an `Authorization` line that holds nothing else; `None` for well-formed credentials of a scheme.
fn alone(field: Field<'_>) -> Result<Option<&[u8]>, ExtractError> {
    match field {
        Field::One(value) if is_token68(value) => Ok(Some(value)),
        field => schemed(field, b""), // no scheme is that
    }
}

/// Base64 (RFC 4648 section 4), padded, of which each text stands for other bytes: the last digit has no bits to spare.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let (groups, []) = text.as_chunks::<4>() else { return None };
    let mut out = Vec::with_capacity(groups.len() * 3);
    for (place, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|&&b| b == b'=').count();
        if padding > 2 || (padding > 0 && place + 1 < groups.len()) {
            return None;
        }
        let mut bits = 0u32;
        for &byte in group.get(..4 - padding)? {
            bits = bits << 6 | digit(byte)?;
        }
        let [_, bytes @ ..] = (bits << (6 * padding)).to_be_bytes();
        let (kept, spare) = bytes.split_at_checked(3 - padding)?;
        if spare.iter().any(|&b| b != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(out)
}

fn digit(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests;
