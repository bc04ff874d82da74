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

#[derive(Clone, Copy, Debug, PartialEq)]
enum Router {
    Any,
    Lenient,
    Strict,
}

/// For which routers a pattern fits a path: for none, for some, for all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Never,
    Perhaps,
    Surely,
}

/// How specific a segment is: what comes first counts before what comes later.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// `None` for all.
    methods: Option<BTreeSet<String>>,
    pattern: Vec<Segment>,
    demand: Demand,
}

#[derive(Debug)]
struct Table {
    router: Router,
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

fn read_pattern(text: &str) -> Option<Vec<Segment>> {
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
            None => Segment::Literal((*part).into()),
        });
    }
    (pattern.len() <= 32).then_some(pattern)
}

fn is_method(text: &str) -> bool {
    is_token(text.as_bytes()) && *text == text.to_ascii_uppercase()
}

/// Whether two patterns write a literal behind the same segments in two letter cases.
fn differ_by_case(one: &[Segment], other: &[Segment]) -> bool {
    for pair in one.iter().zip(other) {
        match pair {
            (Segment::Literal(one), Segment::Literal(other)) if one.eq_ignore_ascii_case(other) && one != other => return true,
            (one, other) if one == other => {}
            _ => return false,
        }
    }
    false
}

fn read_entry(line: &str) -> Option<Entry> {
    let mut parts = line.split('\t');
    let key = parts.next()?;
    let (methods, pattern) = key.split_once(' ').map_or((None, key), |(methods, pattern)| (Some(methods), pattern));
    let methods = match methods {
        None => None,
        Some(list) if list.split(',').all(is_method) => {
            let named: Vec<String> = list.split(',').map(String::from).collect();
            let distinct: BTreeSet<String> = named.iter().cloned().collect();
            // Twice in one entry is in common with itself.
            Some(Some(distinct).filter(|distinct| distinct.len() == named.len())?)
        }
        Some(_) => return None,
    };
    Some(Entry { methods, pattern: read_pattern(pattern)?, demand: read_demand(&parts.collect::<Vec<_>>())? })
}

impl Table {
    fn read(text: &str) -> Option<Table> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let router = match lines.next()? {
            "router=any" => Router::Any,
            "router=lenient" => Router::Lenient,
            "router=strict" => Router::Strict,
            _ => return None,
        };
        let mut default = lines.next()?.split('\t');
        if default.next() != Some("default") {
            return None;
        }
        let default = read_demand(&default.collect::<Vec<_>>())?;
        let entries = lines.map(read_entry).collect::<Option<Vec<Entry>>>()?;
        let clash = |one: &Entry, other: &Entry| {
            let common = match (&one.methods, &other.methods) {
                (Some(one), Some(other)) => !one.is_disjoint(other),
                (one, other) => one.is_none() && other.is_none(),
            };
            one.pattern == other.pattern && common || router != Router::Strict && differ_by_case(&one.pattern, &other.pattern)
        };
        let clashes = entries.iter().enumerate().any(|(at, one)| entries[..at].iter().any(|other| clash(one, other)));
        (text.len() <= 64 * 1024 && entries.len() <= 1024 && !clashes).then_some(Table { router, default, entries })
    }

    /// What is demanded of a path in normal form, as it was sent: `None` if that depends on the router.
    fn choose(&self, method: &str, path: &str, sent: &str) -> Option<&Demand> {
        if method.bytes().any(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        let slash = path.len() > 1 && path.ends_with('/');
        let cut = |text: &str| text.split('/').filter(|name| !name.is_empty()).map(String::from).collect::<Vec<_>>();
        let names: Vec<(String, String)> = cut(path).into_iter().zip(cut(sent)).collect();
        // For the method itself, for GET where it is HEAD, for all.
        let fit = |entry: &Entry| match &entry.methods {
            Some(methods) if methods.contains(method) => Some(0),
            Some(methods) if method == "HEAD" && methods.contains("GET") => Some(1),
            Some(_) => None,
            None => Some(2),
        };
        let rank = |pattern: &[Segment]| -> Vec<u8> {
            let of = |segment: &Segment| match segment {
                Segment::Literal(_) => 1,
                Segment::Any => 2,
                Segment::Rest => 3,
            };
            // The end of a pattern comes first, behind a final slash last.
            pattern.iter().map(of).chain([if slash { 4 } else { 0 }]).collect()
        };
        let fits =
            |entry: &Entry| Some(self.fits(&entry.pattern, &names, slash, names.is_empty())).filter(|fits| *fits > Fit::Never);
        let ranked = self.entries.iter().filter_map(|entry| Some((rank(&entry.pattern), fit(entry)?, fits(entry)?, entry)));
        let mut fitting: Vec<_> = ranked.collect();
        fitting.sort_by_key(|(rank, fit, ..)| (rank.clone(), *fit));
        // Of one pattern the entry for the method counts alone.
        fitting.dedup_by(|later, first| later.3.pattern == first.3.pattern);
        let mut demands = Vec::new();
        let mut most = Fit::Never;
        for (_, _, fits, entry) in fitting {
            if most < Fit::Surely {
                demands.push(&entry.demand);
                most = fits;
            }
        }
        demands.extend((most < Fit::Surely).then_some(&self.default));
        demands.iter().all(|demand| *demand == demands[0]).then(|| demands[0])
    }

    /// `root` if the path is `/`.
    fn fits(&self, pattern: &[Segment], names: &[(String, String)], slash: bool, root: bool) -> Fit {
        match (pattern, names) {
            ([Segment::Rest], []) => Fit::Perhaps,
            ([Segment::Rest], _) => Fit::Surely,
            ([], []) if slash => match self.router {
                Router::Any => Fit::Perhaps,
                Router::Lenient => Fit::Surely,
                Router::Strict => Fit::Never,
            },
            ([], []) => Fit::Surely,
            // An empty name, behind which there is nothing.
            ([Segment::Any] | [Segment::Any, Segment::Rest], []) if (slash || root) && self.router != Router::Lenient => {
                Fit::Perhaps
            }
            ([Segment::Any, pattern @ ..], [_, names @ ..]) => self.fits(pattern, names, slash, root),
            ([Segment::Literal(text), pattern @ ..], [(name, sent), names @ ..]) => {
                let here = match self.router {
                    _ if text == name => Fit::Surely,
                    Router::Strict => Fit::Never,
                    _ if !text.eq_ignore_ascii_case(name) => Fit::Never,
                    Router::Lenient => Fit::Surely,
                    Router::Any => Fit::Perhaps,
                };
                let here = if name == sent { here } else { here.min(Fit::Perhaps) };
                here.min(self.fits(pattern, names, slash, root))
            }
            _ => Fit::Never,
        }
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
        let sent = String::from_utf8_lossy(request.path());
        let wanted = crate::paths::normal(request.path()).and_then(|path| {
            let method = String::from_utf8_lossy(request.method);
            Some(match read.choose(&method, &path, &sent)? {
                Demand::Deny => RequirementId::DENY,
                Demand::Of(service, permission) => edge.compile(service.as_deref(), permission.as_deref()),
            })
        });
        assert_eq!(edge.required(&block, id), wanted, "{read:?}");
    }
    // Tables are numbered from the first one on.
    id.0 % 64 >= 47 || read.entries.len() > 30
}
