//! A route table: which requirement goes with which method and path. SPEC.md section 9.
//!
//! It is chosen from in the call that judges the request, and by all the ways in which the router behind it may read the path: a requirement that the
//! caller chooses by comparing paths misses what its router takes for the same.

mod text;

pub use text::{Fault, RouteError};

use super::requirement::RequirementId;
use crate::limits::{MAX_ROUTE_TABLE_BYTES, MAX_ROUTES};
use crate::wire::size;
use alloc::{string::String, vec, vec::Vec};
use text::{Demand, Entry, Segment, Tail};

/// What one table demands.
pub(super) struct Routes {
    /// The entries as routers read them that ignore letter case, and as others do: of those that there may be.
    trees: Vec<Tree>,
    /// What they read behind a final `/`.
    tails: &'static [Tail],
    /// Of the default, then of each entry.
    demands: Vec<RequirementId>,
}

/// Entries as a tree of segments, so that a look-up visits what the path leads to, and each node of the tree once at most.
struct Tree {
    ignores_case: bool,
    /// The root is the first.
    nodes: Vec<Node>,
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
        let (habits, default, lines) = text::head(table)?;
        let tree = |ignores_case: &bool| Tree { ignores_case: *ignores_case, nodes: vec![Node::default()] };
        let mut trees: Vec<Tree> = habits.folds.iter().map(tree).collect();
        let mut demands = vec![default];
        for line in lines {
            let (entry, demand) = text::line(line)?;
            if demands.len() > MAX_ROUTES {
                return Err(RouteError::TooMany);
            }
            let place = trees.iter_mut().try_for_each(|tree| tree.place(&entry, demands.len()));
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
        Ok(Routes { trees, tails: habits.tails, demands: demands.into_iter().map(number).collect() })
    }

    /// What is demanded for a method and a path: as it was sent, and in normal form. `None` if routers may read it in ways that lead to different demands.
    pub(super) fn choose(&self, method: &[u8], sent: &str, path: &str) -> Option<RequirementId> {
        let spellings = [Some(path), Some(sent).filter(|sent| *sent != path)];
        let readings = spellings.into_iter().flatten().flat_map(|path| {
            let path = path.strip_prefix('/').unwrap_or(path);
            let (path, tails) = path.strip_suffix('/').map_or((path, &[Tail::None][..]), |path| (path, self.tails));
            tails.iter().flat_map(move |tail| self.trees.iter().map(move |tree| tree.entry(path, method, *tail)))
        });
        let mut demands =
            readings.map(|entry| self.demands.get(entry.unwrap_or(DEFAULT)).copied().unwrap_or(RequirementId::BAD));
        let first = demands.next()?;
        demands.all(|demand| demand == first).then_some(first)
    }
}

impl Tree {
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

    fn entry(&self, path: &str, method: &[u8], tail: Tail) -> Option<usize> {
        self.find(self.nodes.first()?, path, method, tail)
    }

    /// The entry below a node: a literal segment comes before any segment, and either before a rest.
    fn find(&self, node: &Node, path: &str, method: &[u8], tail: Tail) -> Option<usize> {
        let below =
            |child: Option<u32>, path, tail| self.nodes.get(size(child?)).and_then(|node| self.find(node, path, method, tail));
        let found = match tail {
            Tail::None if path.is_empty() => node.end.entry(method),
            Tail::Name if path.is_empty() => below(node.any, "", Tail::None),
            Tail::Rest if path.is_empty() => None,
            _ => {
                let (segment, path) = path.split_once('/').unwrap_or((path, ""));
                below(self.literal(node, segment), path, tail).or_else(|| below(node.any, path, tail))
            }
        };
        found.or_else(|| node.rest.entry(method))
    }

    fn literal(&self, node: &Node, segment: &str) -> Option<u32> {
        let spelt = |byte: u8| if self.ignores_case { byte.to_ascii_lowercase() } else { byte };
        let at = node.literals.binary_search_by(|(known, _)| known.bytes().cmp(segment.bytes().map(spelt))).ok()?;
        node.literals.get(at).map(|(_, child)| *child)
    }
}

#[cfg(test)]
mod tests;
