//! Input: a request line (method, space, target), a line feed, and a route table.
//!
//! SPEC.md section 9, Route table.

use crate::oracle::credentials::is_token;
use crate::oracle::request::Request;
use crate::permissions::{demand, permission};
use edgelatch_core::edge::{Edge, HostConfig, RequirementId};
use edgelatch_core::http::Block;
use edgelatch_testkit::realm;
use std::{cell::RefCell, collections::BTreeSet};

/// How specific a segment is: what comes first counts before what comes later.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    Any,
    Rest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Demand {
    Deny,
    Of(Option<String>, Option<String>),
}

#[derive(Debug)]
struct Entry {
    /// In upper case; `None` for all.
    methods: Option<BTreeSet<String>>,
    pattern: Vec<Segment>,
    demand: Demand,
}

#[derive(Debug)]
struct Table {
    folds: bool,
    default: Demand,
    entries: Vec<Entry>,
}

fn read_demand(parts: &[&str]) -> Option<Demand> {
    if parts == ["deny"] {
        return Some(Demand::Deny);
    }
    let (mut service, mut wanted) = (None, None);
    for part in parts {
        if let Some(text) = part.strip_prefix("service=") {
            permission(text.as_bytes()).filter(|_| service.is_none())?;
            service = Some(text.to_owned());
        } else {
            let text = part.strip_prefix("permission=")?;
            demand(text.as_bytes()).filter(|_| wanted.is_none())?;
            wanted = Some(text.to_owned());
        }
    }
    Some(Demand::Of(service, wanted))
}

fn is_unreserved(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn read_pattern(text: &str, folds: bool) -> Option<Vec<Segment>> {
    let rest = text.strip_prefix('/')?;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let parts: Vec<&str> = rest.split('/').collect();
    let mut pattern = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        pattern.push(match part.strip_prefix(':') {
            Some(name) => {
                let sound = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                sound.then_some(Segment::Any)?
            }
            None if *part == "*" && at + 1 == parts.len() => Segment::Rest,
            None if *part == "*" => Segment::Any,
            None if part.is_empty() || !is_unreserved(part) || *part == "." || *part == ".." => return None,
            None => Segment::Literal(if folds { part.to_ascii_lowercase() } else { (*part).into() }),
        });
    }
    (pattern.len() <= 32).then_some(pattern)
}

fn read_entry(line: &str, folds: bool) -> Option<Entry> {
    let mut parts = line.split('\t');
    let key = parts.next()?;
    let (methods, pattern) = key.split_once(' ').map_or((None, key), |(methods, pattern)| (Some(methods), pattern));
    let methods = match methods {
        None => None,
        Some(list) if list.split(',').all(|method| is_token(method.as_bytes())) => {
            let named: Vec<String> = list.split(',').map(str::to_ascii_uppercase).collect();
            let distinct: BTreeSet<String> = named.iter().cloned().collect();
            // Twice in one entry is in common with itself.
            Some(Some(distinct).filter(|distinct| distinct.len() == named.len())?)
        }
        Some(_) => return None,
    };
    Some(Entry { methods, pattern: read_pattern(pattern, folds)?, demand: read_demand(&parts.collect::<Vec<_>>())? })
}

impl Table {
    fn read(text: &str) -> Option<Table> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let folds = match lines.next()? {
            "case=ignored" => true,
            "case=exact" => false,
            _ => return None,
        };
        let mut default = lines.next()?.split('\t');
        if default.next() != Some("default") {
            return None;
        }
        let default = read_demand(&default.collect::<Vec<_>>())?;
        let entries = lines.map(|line| read_entry(line, folds)).collect::<Option<Vec<Entry>>>()?;
        let clash = |one: &Entry, other: &Entry| {
            one.pattern == other.pattern
                && match (&one.methods, &other.methods) {
                    (Some(one), Some(other)) => !one.is_disjoint(other),
                    (one, other) => one.is_none() && other.is_none(),
                }
        };
        let clashes = entries.iter().enumerate().any(|(at, one)| entries[..at].iter().any(|other| clash(one, other)));
        (text.len() <= 64 * 1024 && entries.len() <= 1024 && !clashes).then_some(Table { folds, default, entries })
    }

    fn choose(&self, method: &str, path: &str) -> &Demand {
        let folded = if self.folds { path.to_ascii_lowercase() } else { path.to_owned() };
        let names: Vec<&str> = folded.split('/').filter(|name| !name.is_empty()).collect();
        let matching = self.entries.iter().filter(|entry| matches(&entry.pattern, &names));
        let method = method.to_ascii_uppercase();
        // For the method itself, for GET where it is HEAD, for all.
        let fit = |entry: &Entry| match &entry.methods {
            Some(methods) if methods.contains(&method) => Some(0),
            Some(methods) if method == "HEAD" && methods.contains("GET") => Some(1),
            Some(_) => None,
            None => Some(2),
        };
        let rank = |pattern: &[Segment]| -> Vec<u8> {
            let of = |segment: &Segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Any => 1,
                Segment::Rest => 2,
            };
            // The end of a pattern comes before a `/*`.
            pattern.iter().map(of).chain([0]).collect()
        };
        let ranked = matching.filter_map(|entry| Some((rank(&entry.pattern), fit(entry)?, &entry.demand)));
        ranked.min_by_key(|(rank, fit, _)| (rank.clone(), *fit)).map_or(&self.default, |(_, _, demand)| demand)
    }
}

fn matches(pattern: &[Segment], names: &[&str]) -> bool {
    match (pattern, names) {
        ([Segment::Rest], _) | ([], []) => true,
        ([Segment::Any, pattern @ ..], [_, names @ ..]) => matches(pattern, names),
        ([Segment::Literal(text), pattern @ ..], [name, names @ ..]) => text == name && matches(pattern, names),
        _ => false,
    }
}

thread_local! {
    /// An edge takes so many tables and no more: then a new one is needed.
    static EDGE: RefCell<Option<Edge>> = const { RefCell::new(None) };
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let (line, table) = crate::line(data);
    let Ok(table) = std::str::from_utf8(table) else { return };
    let bytes = [b"\n", line, b"\n"].concat();
    EDGE.with_borrow_mut(|kept| {
        let edge = kept.get_or_insert_with(|| Edge::new(&realm::root(), HostConfig::default()).expect("a root"));
        let full = judge(edge, &bytes, table);
        if full {
            *kept = None;
        }
    });
}

/// Whether the edge has taken as many tables, or as many requirements, as an input may find.
fn judge(edge: &mut Edge, bytes: &[u8], table: &str) -> bool {
    let (id, read) = (edge.compile_routes(table), Table::read(table));
    let (id, read) = match (id, read) {
        (Ok(id), Some(read)) => (id, read),
        (Err(error), None) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
        (id, read) => panic!("the core {id:?}, section 9 {read:?}"),
    };
    if let (Ok(block), Some(request)) = (Block::parse(bytes), Request::read(bytes)) {
        let wanted = crate::paths::normal(request.path()).map(|path| {
            let method = String::from_utf8_lossy(request.method);
            match read.choose(&method, &path) {
                Demand::Deny => RequirementId::DENY,
                Demand::Of(service, permission) => edge.compile(service.as_deref(), permission.as_deref()),
            }
        });
        assert_eq!(edge.required(&block, id), wanted, "{read:?}");
    }
    // Tables are numbered from the first one on.
    id.0 % 64 >= 47 || read.entries.len() > 30
}
