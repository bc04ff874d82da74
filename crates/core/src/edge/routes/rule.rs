//! Random tables and paths: what is demanded is what the specification says, and what any router would demand that reads the path in a way of its own.

use super::tests::{numbered, read};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// An entry of a table: methods, names, whether a `/*` follows, and what is demanded.
struct Entry {
    methods: Option<String>,
    names: Vec<String>,
    rest: bool,
    demand: String,
}

impl Entry {
    fn new(place: usize, entry: &str) -> Self {
        let (methods, pattern) = entry.split_once(' ').map_or((None, entry), |(methods, pattern)| (Some(methods), pattern));
        let mut names: Vec<String> = pattern.split('/').filter(|name| !name.is_empty()).map(String::from).collect();
        let rest = names.pop_if(|last| last == "*").is_some();
        Entry { methods: methods.map(String::from), names, rest, demand: demand(place) }
    }

    /// How well it is for a method, if it is.
    fn method(&self, method: &str) -> Option<u8> {
        let named = |method| self.methods.as_ref().is_some_and(|methods| methods.split(',').any(|one| one == method));
        match &self.methods {
            None => Some(0),
            Some(_) if named(method) => Some(2),
            Some(_) if method == "HEAD" && named("GET") => Some(1),
            Some(_) => None,
        }
    }

    /// Names, then what follows them.
    fn rank(&self, end: [u8; 2]) -> Vec<u8> {
        let names = self.names.iter().map(|name| if is_any(name) { 2 } else { 3 });
        names.chain([end[usize::from(self.rest)]]).collect()
    }
}

/// Of the entry in that place: some demand the same.
pub(super) fn demand(place: usize) -> String {
    format!("e{}", place % 5)
}

fn is_any(name: &str) -> bool {
    name.starts_with([':', '*'])
}

/// Whether an entry fits for every router (`true`), or for some. Two names follow one another as they were sent and as they are decoded.
fn fits(router: &str, entry: &Entry, names: &[(String, String)], slash: bool) -> Option<bool> {
    let mut sure = true;
    for (pattern, (name, sent)) in entry.names.iter().zip(names) {
        if is_any(pattern) {
            continue;
        }
        let same = if router == "strict" { pattern == name } else { pattern.eq_ignore_ascii_case(name) };
        if !same {
            return None;
        }
        sure &= name == sent && (router != "any" || pattern == name);
    }
    let behind = names.len().checked_sub(entry.names.len());
    let slashed = slash || names.is_empty();
    let empty = slashed && names.len() + 1 == entry.names.len() && entry.names.last().is_some_and(|last| is_any(last));
    match (behind, entry.rest) {
        (None, _) => (empty && router != "lenient").then_some(false),
        (Some(0), true) => Some(false),
        (Some(_), true) => Some(sure),
        (Some(0), false) if slash && router == "strict" => None,
        (Some(0), false) => Some(sure && !(slash && router == "any")),
        (Some(_), false) => None,
    }
}

/// The rule of the specification, word for word, over the entries as given.
fn wanted(router: &str, entries: &[Entry], method: &str, names: &[(String, String)], slash: bool) -> String {
    // Behind a final slash a rest comes before the end, which comes first elsewhere.
    let end = if slash { [0, 1] } else { [4, 0] };
    let fitting = |entry: &Entry| {
        Some((entry.rank(end), entry.method(method)?, fits(router, entry, names, slash)?, entry.demand.clone()))
    };
    let mut all: Vec<_> = entries.iter().filter_map(fitting).collect();
    all.sort_by(|one, other| other.cmp(one));
    let best = |rank: &Vec<u8>, pattern: &[(Vec<u8>, u8, bool, String)]| pattern.iter().all(|(known, ..)| known != rank);
    let mut demands = Vec::new();
    let mut sure = false;
    for (place, (rank, _, always, demand)) in all.iter().enumerate() {
        // Of one pattern the entry for the method counts alone.
        if sure || !best(rank, &all[..place]) {
            continue;
        }
        demands.push(demand.clone());
        sure = *always;
    }
    demands.extend((!sure).then(|| "deny".to_owned()));
    if demands.iter().all(|demand| *demand == demands[0]) { demands.swap_remove(0) } else { "refused".into() }
}

/// One way in which a router may read paths: name by name, and the end.
struct Reading {
    folds: Vec<bool>,
    decodes: Vec<bool>,
    /// A `/*` stands for the path before it too.
    bare: bool,
    /// What a final slash is: nothing, a name that only a `/*` takes, or one that any takes.
    slash: Slash,
}

#[derive(Clone, Copy, PartialEq)]
enum Slash {
    Ignored,
    /// Nothing, but a `/*` was added before.
    RestFirst,
    Name,
    Rest,
    Neither,
}

impl Reading {
    fn demand(&self, entries: &[Entry], method: &str, names: &[(String, String)], slash: bool) -> String {
        let fits = |entry: &Entry| {
            let literal = |(at, pattern): (usize, &String)| {
                let (name, sent) = &names[at];
                let name = if self.decodes[at] { name } else { sent };
                is_any(pattern) || pattern == name || self.folds[at] && pattern.eq_ignore_ascii_case(name)
            };
            if !entry.names.iter().take(names.len()).enumerate().all(literal) {
                return false;
            }
            let last_any = entry.names.last().is_some_and(|last| is_any(last));
            let ignored = !slash || matches!(self.slash, Slash::Ignored | Slash::RestFirst);
            match names.len().cmp(&entry.names.len()) {
                core::cmp::Ordering::Greater => entry.rest,
                core::cmp::Ordering::Equal if ignored && self.slash == Slash::RestFirst => true,
                core::cmp::Ordering::Equal if ignored => !entry.rest || self.bare,
                core::cmp::Ordering::Equal => entry.rest && self.slash != Slash::Neither,
                core::cmp::Ordering::Less if self.slash != Slash::Name || !slash && !names.is_empty() => false,
                core::cmp::Ordering::Less => names.len() + 1 == entry.names.len() && last_any && (!entry.rest || self.bare),
            }
        };
        let end = if slash && self.slash == Slash::RestFirst { [0, 1] } else { [4, 0] };
        let best = entries
            .iter()
            .filter_map(|entry| Some((entry.rank(end), entry.method(method)?, fits(entry).then_some(&entry.demand)?)));
        best.max().map_or("deny".into(), |(.., demand)| demand.clone())
    }
}

#[test]
fn every_table_answers_as_the_rule_says_and_as_every_router_does() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % n
    };
    let mut counts = [0; 3];
    for round in 0..2_000 {
        let router = ["any", "lenient", "strict"][round % 3];
        let mut written: Vec<String> = Vec::new();
        for _ in 0..below(14) {
            let method = ["", "", "", "GET ", "HEAD ", "GET,POST "][below(6)];
            let depth = below(4);
            let mut pattern: String = (0..depth).map(|_| ["/a", "/B", "/c", "/:x", "/a"][below(5)]).collect();
            if depth == 0 || below(3) == 0 {
                pattern.push_str(["/*", if depth == 0 { "/" } else { "" }][below(2)]);
            }
            let more = [&written[..], &[format!("{method}{pattern}")]].concat();
            if read(&numbered(router, &more)).is_ok() {
                written = more;
            }
        }
        let (routes, numbers) = read(&numbered(router, &written)).unwrap();
        let entries: Vec<Entry> = written.iter().enumerate().map(|(place, entry)| Entry::new(place, entry)).collect();
        for _ in 0..40 {
            let method = ["GET", "HEAD", "POST", "PUT"][below(4)];
            let spellings =
                [("a", "a"), ("A", "A"), ("b", "b"), ("B", "B"), ("c", "c"), ("d", "d"), ("a", "%61"), ("B", "%42")];
            let names: Vec<(String, String)> = (0..below(5))
                .map(|_| spellings[below(spellings.len())])
                .map(|(name, sent)| (name.into(), sent.into()))
                .collect();
            let slash = !names.is_empty() && below(4) == 0;
            let path: String = names.iter().map(|(_, sent)| format!("/{sent}")).collect();
            let path = format!("{path}{}", if slash || names.is_empty() { "/" } else { "" });
            let found = numbers.name(&routes, method, &path);
            let what = format!("{router} {written:?}: {method} {path}");
            assert_eq!(found, wanted(router, &entries, method, &names, slash), "{what}");
            counts[["deny", "refused"].iter().position(|name| *name == found).unwrap_or(2)] += 1;
            if found == "refused" {
                continue;
            }
            for _ in 0..6 {
                let folds = |random: bool| router == "lenient" || router == "any" && random;
                let ends = match router {
                    "lenient" => &[Slash::Ignored, Slash::RestFirst][..],
                    "strict" => &[Slash::Name, Slash::Rest, Slash::Neither],
                    _ => &[Slash::Ignored, Slash::RestFirst, Slash::Name, Slash::Rest, Slash::Neither],
                };
                let reading = Reading {
                    folds: names.iter().map(|_| folds(below(2) == 0)).collect(),
                    decodes: names.iter().map(|_| below(2) == 0).collect(),
                    bare: below(2) == 0,
                    slash: ends[below(ends.len())],
                };
                assert_eq!(reading.demand(&entries, method, &names, slash), found, "{what}");
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 8_000), "{counts:?}");
}
