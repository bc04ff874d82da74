//! The request block: how a host hands a request to the core, as one piece of text in one scratch area. A host in Rust writes it
//! with [`BlockWriter`](super::BlockWriter).
//!
//! ```text
//! block   := peer LF request *(LF line) [LF]
//! peer    := connection address, or nothing when unknown, [TAB PROXY-protocol line]
//! request := method SP target
//! line    := name ":" field-value      as received, one per received line
//! name    := field-name | ":authority"      the pseudo-header of HTTP/2 and HTTP/3
//! ```
//! A field-value cannot hold LF; CR and NUL are refused anywhere, so nothing a client sends can end a line early.

use core::fmt;

use super::chars::{is_tchar, split_once, trim};
use crate::limits::{MAX_BLOCK, MAX_LINES};

/// The header lines that are read whatever the configuration, in lower case.
pub(crate) const INTEREST: [&str; 5] = ["authorization", "x-api-key", "host", "origin", "access-control-request-method"];

/// The pseudo-header that names the host in HTTP/2 and HTTP/3, where `Host` is optional (RFC 9113 section 8.3.1).
pub(super) const AUTHORITY: &str = ":authority";

/// A request as received.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    peer: Option<&'a [u8]>,
    proxy_line: Option<&'a [u8]>,
    method: &'a [u8],
    target: &'a [u8],
    lines: Lines<'a>,
    pub(super) authorization: Field<'a>,
    pub(super) api_key: Field<'a>,
    pub(super) host: Field<'a>,
    pub(super) pseudo_host: Field<'a>,
    pub(super) origin: Field<'a>,
    pub(super) request_method: Field<'a>,
}

/// The lines of one field name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// No line.
    Absent,
    /// One line: its value without the blanks around it.
    One(&'a [u8]),
    /// Several lines, which no field read here may have.
    Many,
}

impl<'a> Field<'a> {
    #[inline]
    fn add(&mut self, value: &'a [u8]) {
        *self = match self {
            Field::Absent => Field::One(trim(value)),
            _ => Field::Many,
        };
    }
}

/// Why a request block is refused. Line numbers count from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BlockError {
    /// More bytes than [`MAX_BLOCK`].
    TooLong {
        /// Bytes given.
        bytes: usize,
    },
    /// More header lines than [`MAX_LINES`].
    TooManyLines,
    /// A CR or NUL.
    Control {
        /// Where.
        line: usize,
    },
    /// The second line is not a method, one space and a target.
    Request,
    /// A header line without a name that is a token, or without `:` right after it.
    Header {
        /// Where.
        line: usize,
    },
}

impl<'a> Block<'a> {
    /// Reads a block: one pass that checks every line and remembers the fields that matter.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Block<'a>, BlockError> {
        if bytes.len() > MAX_BLOCK {
            return Err(BlockError::TooLong { bytes: bytes.len() });
        }
        let (connection, rest) = take_line(bytes, 1)?;
        let (request, rest) = take_line(rest, 2)?;
        let (peer, proxy_line) = match split_once(connection, b'\t') {
            Some((peer, line)) => (peer, Some(line)),
            None => (connection, None),
        };
        let (method, target) = split_once(request, b' ').ok_or(BlockError::Request)?;
        // Without an early end the loop becomes a few vector instructions.
        let visible = target.iter().fold(true, |all, &b| all & (b > b' ') & (b != 0x7f));
        if method.is_empty() || !method.iter().all(|&b| is_tchar(b)) || target.is_empty() || !visible {
            return Err(BlockError::Request);
        }
        let absent = Field::Absent;
        let mut block = Block {
            peer: (!peer.is_empty()).then_some(peer),
            proxy_line,
            method,
            target,
            lines: Lines::new(rest),
            authorization: absent,
            api_key: absent,
            host: absent,
            pseudo_host: absent,
            origin: absent,
            request_method: absent,
        };
        let mut rest = rest;
        let mut line = 2;
        while !rest.is_empty() {
            line += 1;
            if line > MAX_LINES + 2 {
                return Err(BlockError::TooManyLines);
            }
            let pseudo = rest.strip_prefix(AUTHORITY.as_bytes()).is_some_and(|after| after.starts_with(b":"));
            let length = if pseudo { AUTHORITY.len() } else { rest.iter().take_while(|&&b| is_tchar(b)).count() };
            let (name, after) = rest.split_at_checked(length).ok_or(BlockError::Header { line })?;
            let Some((b':', after)) = after.split_first().filter(|_| length > 0) else {
                return Err(BlockError::Header { line });
            };
            let (value, after) = take_line(after, line)?;
            if let Some(field) = block.field(name) {
                field.add(value);
            }
            rest = after;
        }
        Ok(block)
    }

    /// The field that `name` is a spelling of, if it is read here. The length decides first: most names fail on it.
    #[inline]
    fn field(&mut self, name: &[u8]) -> Option<&mut Field<'a>> {
        let (field, canonical) = match name.len() {
            4 => (&mut self.host, "host"),
            6 => (&mut self.origin, "origin"),
            9 => (&mut self.api_key, "x-api-key"),
            10 => (&mut self.pseudo_host, AUTHORITY),
            13 => (&mut self.authorization, "authorization"),
            29 => (&mut self.request_method, "access-control-request-method"),
            _ => return None,
        };
        name.eq_ignore_ascii_case(canonical.as_bytes()).then_some(field)
    }

    /// The connection's address as the host knows it.
    #[inline]
    pub const fn peer(&self) -> Option<&'a [u8]> {
        self.peer
    }

    /// The PROXY protocol line that the connection began with.
    #[inline]
    pub const fn proxy_line(&self) -> Option<&'a [u8]> {
        self.proxy_line
    }

    /// The request method.
    #[inline]
    pub const fn method(&self) -> &'a [u8] {
        self.method
    }

    /// The request target as received.
    #[inline]
    pub const fn target(&self) -> &'a [u8] {
        self.target
    }

    /// The header lines in the order received.
    #[inline]
    pub const fn lines(&self) -> Lines<'a> {
        self.lines
    }

    /// The query of the target, without `?` and without a fragment.
    #[inline]
    pub fn query(&self) -> Option<&'a [u8]> {
        split_once(self.without_fragment(), b'?').map(|(_, query)| query)
    }

    /// The path of the target, for [`normalize_path`](super::normalize_path): `/` for an absolute form that ends with its authority. Where something
    /// else than a path follows it, some routers look for one behind that, so what follows is given as it is, and has no normal form; nor has a `#`.
    #[inline]
    pub fn path(&self) -> &'a [u8] {
        let behind = |authority: &[u8]| split_once(self.target, b':').and_then(|(_, rest)| rest.get(2 + authority.len()..));
        let target = self.authority().map_or(Some(self.target), behind).unwrap_or(b"");
        if target.is_empty() { b"/" } else { split_once(target, b'?').map_or(target, |(before, _)| before) }
    }

    /// The authority of a target in absolute form (RFC 9112 section 3.2.2), which then stands for the `Host` field.
    #[inline]
    pub fn authority(&self) -> Option<&'a [u8]> {
        if self.target.starts_with(b"/") {
            return None;
        }
        let target = self.without_fragment();
        let (scheme, rest) = split_once(target, b':')?;
        let (first, more) = scheme.split_first()?;
        if !first.is_ascii_alphabetic() || !more.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
            return None;
        }
        let rest = rest.strip_prefix(b"//")?;
        let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
        rest.get(..end)
    }

    #[inline]
    fn without_fragment(&self) -> &'a [u8] {
        split_once(self.target, b'#').map_or(self.target, |(before, _)| before)
    }
}

/// The line at the start without its LF, and what follows.
#[inline]
fn take_line(bytes: &[u8], line: usize) -> Result<(&[u8], &[u8]), BlockError> {
    match line_end(bytes) {
        None => Ok((bytes, &[])),
        Some(at) => match bytes.split_at_checked(at) {
            Some((text, [b'\n', rest @ ..])) => Ok((text, rest)),
            _ => Err(BlockError::Control { line }),
        },
    }
}

/// Where the first LF, CR or NUL is. Values are most of a block: eight bytes a step until one is below 0x0e.
#[inline]
fn line_end(bytes: &[u8]) -> Option<usize> {
    let plain = |word: &&[u8; 8]| {
        let word = u64::from_le_bytes(**word);
        word.wrapping_sub(0x0e0e_0e0e_0e0e_0e0e) & !word & 0x8080_8080_8080_8080 == 0
    };
    let skipped = 8 * bytes.as_chunks::<8>().0.iter().take_while(plain).count();
    let rest = bytes.get(skipped..)?;
    rest.iter().position(|b| matches!(b, b'\n' | b'\r' | 0)).map(|at| skipped + at)
}

/// Header lines as pairs of name and value, from either end. Names keep their case, values the blanks around them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    /// Lines of the form `name:value`, separated by LF. What has no `:` is passed over.
    pub const fn new(bytes: &'a [u8]) -> Lines<'a> {
        Lines(bytes)
    }

    /// The values of the lines called `name`, in any case, without the blanks around them.
    pub fn values(self, name: &str) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        // The name before the colon: most lines are passed over without looking for it.
        self.0.split(|&b| b == b'\n').filter_map(move |line| {
            let (head, rest) = line.split_at_checked(name.len())?;
            let (b':', value) = rest.split_first()? else { return None };
            head.eq_ignore_ascii_case(name.as_bytes()).then(|| trim(value))
        })
    }

    /// The value of the only line called `name`; `Err` when there are several.
    pub(crate) fn only(self, name: &str) -> Result<Option<&'a [u8]>, Repeated> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            _ => Err(Repeated),
        }
    }
}

/// A field that has one line at most has several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeated;

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.0.is_empty() {
            let (line, rest) = split_once(self.0, b'\n').unwrap_or((self.0, &[]));
            self.0 = rest;
            if let Some(pair) = split_once(line, b':') {
                return Some(pair);
            }
        }
        None
    }
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            BlockError::TooLong { bytes } => write!(f, "request block: {bytes} bytes are more than the limit of {MAX_BLOCK}"),
            BlockError::TooManyLines => write!(f, "request block: more than {MAX_LINES} header lines"),
            BlockError::Control { line } => write!(f, "request block: line {line} holds a CR or NUL"),
            BlockError::Request => f.write_str("request block: line 2 must be a method, one space and a target"),
            BlockError::Header { line } => write!(f, "request block: line {line} must be a field name, `:` and a value"),
        }
    }
}

impl core::error::Error for BlockError {}

#[cfg(test)]
mod tests;
