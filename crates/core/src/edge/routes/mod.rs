//! A route table: which requirement goes with which method and path. SPEC.md section 9.
//!
//! It is chosen from in the call that judges the request, and goes by the path in normal form, without regard to letter case:
//! a requirement that the caller chooses by comparing paths misses what its router takes for the same.

mod text;

pub use text::{Fault, RouteError};

use super::requirement::RequirementId;
use crate::limits::{MAX_ROUTE_TABLE_BYTES, MAX_ROUTES};
use crate::wire::size;
use alloc::{string::String, vec, vec::Vec};
use text::{Demand, Entry, Segment};

/// What one table demands. The entries are a tree of segments, so that a look-up visits what the path leads to, and each node
/// of the tree once at most.
pub(super) struct Routes {
    ignores_case: bool,
    /// The root is the first.
    nodes: Vec<Node>,
    /// Of the default, then of each entry.
    demands: Vec<RequirementId>,
}

/// The place of the default in [`Routes::demands`].
const DEFAULT: usize = 0;

/// Where some segments have led to.
#[derive(Default)]
struct Node {
    /// What follows a literal segment, sorted by it; in lower case where letter case does not count.
    literals: Vec<(String, u32)>,
    /// What follows any segment.
    any: Option<u32>,
    /// The path ends here.
    end: Slot,
    /// The path ends here or goes on.
    rest: Slot,
}

/// The entries of one pattern, as places in [`Routes::demands`].
#[derive(Default)]
struct Slot {
    methods: Vec<(String, usize)>,
    other: Option<usize>,
}

impl Slot {
    fn entry(&self, method: &[u8]) -> Option<usize> {
        let named = |name: &[u8]| {
            let entry = self.methods.iter().find(|(method, _)| method.as_bytes().eq_ignore_ascii_case(name));
            entry.map(|(_, entry)| *entry)
        };
        let as_get = || if method.eq_ignore_ascii_case(b"HEAD") { named(b"GET") } else { None };
        named(method).or_else(as_get).or(self.other)
    }

    /// Takes an entry; `None` if one of its methods, or their absence, is there already.
    fn add<'a>(&mut self, mut methods: impl Iterator<Item = &'a str>, entry: usize) -> Option<()> {
        let Some(first) = methods.next() else { return self.other.replace(entry).is_none().then_some(()) };
        core::iter::once(first).chain(methods).try_for_each(|method| {
            let new = !self.methods.iter().any(|(known, _)| known.eq_ignore_ascii_case(method));
            self.methods.push((method.into(), entry));
            new.then_some(())
        })
    }
}

impl Routes {
    /// Reads a table. Nothing is compiled unless all of it is well formed and `room` is left for as many requirements: `compile`
    /// numbers them in the order in which they come, and a host that repeats what succeeded must arrive at the same numbers.
    pub(super) fn read(
        table: &str,
        room: usize,
        mut compile: impl FnMut(Option<&str>, Option<&str>) -> RequirementId,
    ) -> Result<Self, RouteError> {
        if table.len() > MAX_ROUTE_TABLE_BYTES {
            return Err(RouteError::TooLong { bytes: table.len() });
        }
        let (ignores_case, default, lines) = text::head(table)?;
        let mut routes = Routes { ignores_case, nodes: vec![Node::default()], demands: Vec::new() };
        let mut demands = vec![default];
        for line in lines {
            let (entry, demand) = text::line(line)?;
            if demands.len() > MAX_ROUTES {
                return Err(RouteError::TooMany);
            }
            let place = routes.place(&entry, demands.len());
            place.ok_or_else(|| RouteError::Entry { entry: entry.key.into(), fault: Fault::Repeated })?;
            demands.push(demand);
        }
        if demands.len() > room {
            return Err(RouteError::TooMany);
        }
        let number = |demand| match demand {
            Demand::Deny => RequirementId::DENY,
            Demand::Requirement { service, permission } => compile(service, permission),
        };
        routes.demands = demands.into_iter().map(number).collect();
        Ok(routes)
    }

    fn place(&mut self, entry: &Entry<'_>, number: usize) -> Option<()> {
        let mut at = 0;
        let mut rest = false;
        for segment in entry.segments() {
            match segment {
                Segment::Rest => rest = true,
                Segment::Any => at = self.child(at, None)?,
                Segment::Literal(literal) if self.ignores_case => at = self.child(at, Some(literal.to_ascii_lowercase()))?,
                Segment::Literal(literal) => at = self.child(at, Some(literal.into()))?,
            }
        }
        let node = self.nodes.get_mut(at)?;
        if rest { &mut node.rest } else { &mut node.end }.add(entry.methods(), number)
    }

    /// The node behind a literal or any segment, new or known.
    fn child(&mut self, at: usize, literal: Option<String>) -> Option<usize> {
        let next = u32::try_from(self.nodes.len()).ok()?;
        let node = self.nodes.get_mut(at)?;
        let child = match literal {
            None => *node.any.get_or_insert(next),
            Some(literal) => match node.literals.binary_search_by(|(known, _)| known.cmp(&literal)) {
                Ok(found) => node.literals.get(found)?.1,
                Err(place) => {
                    node.literals.insert(place, (literal, next));
                    next
                }
            },
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        Some(size(child))
    }

    /// What is demanded for a method and a path in normal form.
    pub(super) fn choose(&self, method: &[u8], path: &str) -> RequirementId {
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_suffix('/').unwrap_or(path);
        let entry = self.nodes.first().and_then(|root| self.find(root, path, method)).unwrap_or(DEFAULT);
        self.demands.get(entry).copied().unwrap_or(RequirementId::BAD)
    }

    /// The entry below a node: a literal segment comes before any segment, and either before a rest.
    fn find(&self, node: &Node, path: &str, method: &[u8]) -> Option<usize> {
        if path.is_empty() {
            return node.end.entry(method).or_else(|| node.rest.entry(method));
        }
        let (segment, path) = path.split_once('/').unwrap_or((path, ""));
        let below = |child: Option<u32>| self.nodes.get(size(child?)).and_then(|node| self.find(node, path, method));
        below(self.literal(node, segment)).or_else(|| below(node.any)).or_else(|| node.rest.entry(method))
    }

    fn literal(&self, node: &Node, segment: &str) -> Option<u32> {
        let spelt = |byte: u8| if self.ignores_case { byte.to_ascii_lowercase() } else { byte };
        let at = node.literals.binary_search_by(|(known, _)| known.bytes().cmp(segment.bytes().map(spelt))).ok()?;
        node.literals.get(at).map(|(_, child)| *child)
    }
}

#[cfg(test)]
mod tests;
