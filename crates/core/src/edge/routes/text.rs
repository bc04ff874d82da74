//! The text of a route table, and what can be wrong with it.
//!
//! ```text
//! table   := "router=" ("any" / "lenient" / "strict") LF "default" demand *(LF entry demand) [LF]
//! entry   := [method *("," method) SP] pattern
//! pattern := "/" | 1*("/" segment) ["/*"]
//! segment := 1*unreserved | ":" name | "*"
//! name    := 1*(letter / digit / "_")
//! demand  := TAB "deny" | [TAB "service=" service] [TAB "permission=" demand of permissions]
//! ```

use crate::http::{is_token, is_unreserved};
use crate::limits::{MAX_ROUTE_SEGMENTS, MAX_ROUTE_TABLE_BYTES, MAX_ROUTES};
use crate::permission::{is_demand, is_permission};
use crate::say;
use crate::text::{Say, shown};
use alloc::string::String;

/// Why a route table is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RouteError {
    /// More bytes than [`MAX_ROUTE_TABLE_BYTES`].
    TooLong {
        /// Bytes given.
        bytes: usize,
    },
    /// More entries than [`MAX_ROUTES`], or than an edge has room for.
    TooMany,
    /// More tables than an edge keeps.
    TooManyTables,
    /// The first two lines are not the router and the default.
    Head,
    /// An entry that is not well formed.
    Entry {
        /// The entry as given.
        entry: String,
        /// What is wrong.
        fault: Fault,
    },
}

/// What is wrong with an entry.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// What stands before the space is not a list of methods, or one has a lower-case letter.
    Methods,
    /// The pattern does not begin with `/`.
    Start,
    /// An empty segment, at the end also.
    Empty,
    /// A literal segment with a character that could be spelt in another way, or of dots alone.
    Literal(String),
    /// The name after `:`.
    Name(String),
    /// More segments than [`MAX_ROUTE_SEGMENTS`].
    Segments,
    /// The same entry is there already, or one that writes a name in another letter case.
    Repeated,
    /// The requirement.
    Requirement,
}

/// How the router reads paths that stands behind the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Router {
    /// As one of the others, or by halves as each.
    Any,
    /// Ignores letter case, and a final `/`.
    Lenient,
    /// Ignores neither.
    Strict,
}

/// Methods and a pattern, each well formed.
pub(super) struct Entry<'a> {
    pub(super) key: &'a str,
    /// Empty for all.
    methods: &'a str,
    pattern: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Segment<'a> {
    Literal(&'a str),
    Any,
    Rest,
}

/// What is demanded of a key.
#[derive(Clone, Copy)]
pub(super) enum Demand<'a> {
    /// What no key fulfils.
    Deny,
    Requirement {
        service: Option<&'a str>,
        permission: Option<&'a str>,
    },
}

impl<'a> Entry<'a> {
    fn read(key: &'a str) -> Result<Self, Fault> {
        let (methods, pattern) = match key.split_once(' ') {
            Some(("", _)) => return Err(Fault::Methods),
            Some(parts) => parts,
            None => ("", key),
        };
        let entry = Entry { key, methods, pattern };
        let sound = |method: &str| is_token(method.as_bytes()) && !method.bytes().any(|b| b.is_ascii_lowercase());
        if !methods.is_empty() && !entry.methods().all(sound) {
            return Err(Fault::Methods);
        }
        if !pattern.starts_with('/') {
            return Err(Fault::Start);
        }
        for (place, segment) in entry.segments().enumerate() {
            if place == MAX_ROUTE_SEGMENTS {
                return Err(Fault::Segments);
            }
            segment.check()?;
        }
        Ok(entry)
    }

    /// The methods it is for; an empty one for all.
    pub(super) fn methods(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.methods.split(',')
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = Segment<'a>> + use<'a> {
        let mut rest = self.pattern.strip_prefix('/').filter(|rest| !rest.is_empty());
        core::iter::from_fn(move || {
            let (segment, after) = match rest?.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (rest?, None),
            };
            rest = after;
            Some(match segment {
                "*" if after.is_none() => Segment::Rest,
                "*" => Segment::Any,
                _ if segment.starts_with(':') && is_name(segment) => Segment::Any,
                _ => Segment::Literal(segment),
            })
        })
    }
}

fn is_name(segment: &str) -> bool {
    let name = segment.strip_prefix(':').unwrap_or("");
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl Segment<'_> {
    fn check(self) -> Result<(), Fault> {
        match self {
            Segment::Literal("") => Err(Fault::Empty),
            Segment::Literal(text) if text.starts_with(':') => Err(Fault::Name(text.into())),
            Segment::Literal(text) if matches!(text, "." | "..") || !text.bytes().all(is_unreserved) => {
                Err(Fault::Literal(text.into()))
            }
            _ => Ok(()),
        }
    }
}

impl<'a> Demand<'a> {
    fn read(parts: Option<&'a str>) -> Option<Self> {
        let (mut service, mut permission) = (None, None);
        if parts == Some("deny") {
            return Some(Demand::Deny);
        }
        let Some(parts) = parts else { return Some(Demand::Requirement { service, permission }) };
        for part in parts.split('\t') {
            let (name, text) = part.split_once('=')?;
            let slot = match name {
                "service" => &mut service,
                "permission" => &mut permission,
                _ => return None,
            };
            let is = if name == "service" { is_permission } else { is_demand };
            if slot.replace(text).is_some() || !is(text.as_bytes()) {
                return None;
            }
        }
        Some(Demand::Requirement { service, permission })
    }
}

/// The router, what is demanded where no entry fits, and the lines of the entries.
pub(super) fn head(table: &str) -> Result<(Router, Demand<'_>, impl Iterator<Item = &str>), RouteError> {
    let mut lines = table.strip_suffix('\n').unwrap_or(table).split('\n');
    let router = match lines.next() {
        Some("router=any") => Router::Any,
        Some("router=lenient") => Router::Lenient,
        Some("router=strict") => Router::Strict,
        _ => return Err(RouteError::Head),
    };
    let (name, demand) = parts(lines.next().unwrap_or_default());
    if name != "default" {
        return Err(RouteError::Head);
    }
    let fault = || RouteError::Entry { entry: name.into(), fault: Fault::Requirement };
    Ok((router, Demand::read(demand).ok_or_else(fault)?, lines))
}

/// A line: an entry, and what it demands.
pub(super) fn line(line: &str) -> Result<(Entry<'_>, Demand<'_>), RouteError> {
    let (key, demand) = parts(line);
    let read = || Ok((Entry::read(key)?, Demand::read(demand).ok_or(Fault::Requirement)?));
    read().map_err(|fault| RouteError::Entry { entry: key.into(), fault })
}

fn parts(line: &str) -> (&str, Option<&str>) {
    line.split_once('\t').map_or((line, None), |(key, parts)| (key, Some(parts)))
}

impl Say for RouteError {
    fn say(&self, out: &mut String) {
        match self {
            RouteError::TooLong { bytes } => {
                say!(out, bytes, " bytes of routes are more than the limit of ", MAX_ROUTE_TABLE_BYTES)
            }
            RouteError::TooMany => say!(out, "more than ", MAX_ROUTES, " routes, or more requirements than an edge keeps"),
            RouteError::TooManyTables => "more route tables than an edge keeps: make each once, not per request".say(out),
            RouteError::Head => {
                "a route table begins with `router=any`, `router=lenient` or `router=strict`, then `default`".say(out)
            }
            RouteError::Entry { entry, fault } => say!(out, "route \"", entry, "\": ", fault),
        }
    }
}

impl Say for Fault {
    fn say(&self, out: &mut String) {
        match self {
            Fault::Methods => "methods are in upper case, joined by `,` and followed by one space, as in `GET,PUT /zones`".say(out),
            Fault::Start => "the pattern must begin with `/`".say(out),
            Fault::Empty => "no segment may be empty; a final `/` is left out".say(out),
            Fault::Literal(text) => say!(
                out,
                "`",
                text,
                "` must consist of letters, digits and `-._~`, which have one spelling in a path; `:name` or `*` stands for any segment"
            ),
            Fault::Name(text) => say!(out, "`", text, "` must be `:` and a name of letters, digits and `_`"),
            Fault::Segments => say!(out, "more than ", MAX_ROUTE_SEGMENTS, " segments"),
            Fault::Repeated => "another entry is for the same, or writes a name in another letter case".say(out),
            Fault::Requirement => "`deny`, or a service and a permission (or several joined by `|` or by `&`), each well formed, are what it can demand".say(out),
        }
    }
}

shown!(RouteError, Fault);

impl core::error::Error for RouteError {}
