//! A route table: which requirement goes with which method and path. SPEC.md section 9.
//!
//! It is chosen from in the call that judges the request. Routers differ in what they take for the same path, and the edge does not know which one
//! stands behind it. So a pattern fits a path for all of them or for some, and what would be demanded of a request in different ways is refused.

mod text;

pub use text::{Fault, RouteError};

use super::requirement::RequirementId;
use crate::http::split_once;
use crate::limits::{MAX_ROUTE_TABLE_BYTES, MAX_ROUTES};
use crate::wire::size;
use alloc::{string::String, vec, vec::Vec};
use core::cmp::Ordering;
use text::{Demand, Entry, Router, Segment};

/// What one table demands. The entries are a tree of segments, so that a look-up visits what the path leads to, and each node
/// of the tree once at most.
pub(super) struct Routes {
    router: Router,
    nodes: Vec<Node>,
    /// Of the default, then of each entry.
    demands: Vec<RequirementId>,
}

/// The place of the default in [`Routes::demands`].
const DEFAULT: usize = 0;
/// The place of the root in [`Routes::nodes`].
const ROOT: u32 = 0;

/// Where some segments have led to.
#[derive(Default)]
struct Node {
    /// What follows a literal segment, sorted by [`Router::order`].
    literals: Vec<(String, u32)>,
    /// What follows any segment.
    any: Option<u32>,
    /// The path ends here.
    end: Slot,
    /// The path ends here or goes on.
    rest: Slot,
}

/// The entries of one pattern: a method, empty for all, and the place in [`Routes::demands`].
#[derive(Default)]
struct Slot(Vec<(String, usize)>);

impl Slot {
    fn entry(&self, method: &[u8]) -> Option<usize> {
        let named = |name: &[u8]| self.0.iter().find(|(method, _)| method.as_bytes() == name).map(|(_, entry)| *entry);
        let as_get = || if method == b"HEAD" { named(b"GET") } else { None };
        named(method).or_else(as_get).or_else(|| named(b""))
    }

    /// Takes an entry; `None` if one of its methods is there already.
    fn add<'a>(&mut self, methods: impl Iterator<Item = &'a str>, entry: usize) -> Option<()> {
        for method in methods {
            if self.0.iter().any(|(known, _)| known == method) {
                return None;
            }
            self.0.push((method.into(), entry));
        }
        Some(())
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
        let (router, default, lines) = text::head(table)?;
        let mut routes = Routes { router, nodes: vec![Node::default()], demands: Vec::new() };
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
        for demand in demands {
            routes.demands.push(match demand {
                Demand::Deny => RequirementId::DENY,
                Demand::Requirement { service, permission } => compile(service, permission),
            });
        }
        Ok(routes)
    }

    fn place(&mut self, entry: &Entry<'_>, number: usize) -> Option<()> {
        let mut at = 0;
        let mut rest = false;
        for segment in entry.segments() {
            match segment {
                Segment::Rest => rest = true,
                Segment::Any => at = self.child(at, None)?,
                Segment::Literal(literal) => at = self.child(at, Some(literal))?,
            }
        }
        let node = self.nodes.get_mut(at)?;
        if rest { &mut node.rest } else { &mut node.end }.add(entry.methods(), number)
    }

    /// The node behind a literal or any segment, new or known; `None` for a literal that is known in another letter case, if a router may
    /// take the two for one.
    fn child(&mut self, at: usize, literal: Option<&str>) -> Option<usize> {
        let next = u32::try_from(self.nodes.len()).ok()?;
        let router = self.router;
        let node = self.nodes.get_mut(at)?;
        let child = match literal {
            None => *node.any.get_or_insert(next),
            Some(literal) => match node.find(router, literal.as_bytes()) {
                Ok(found) => node.literals.get(found).filter(|(known, _)| known == literal)?.1,
                Err(place) => {
                    node.literals.insert(place, (literal.into(), next));
                    next
                }
            },
        };
        if child == next {
            self.nodes.push(Node::default());
        }
        Some(size(child))
    }

    /// What is demanded for a method and a path, in normal form and as it was sent. `None` if routers may read them in ways of which
    /// different things are demanded.
    pub(super) fn choose(&self, method: &[u8], path: &[u8], sent: &[u8]) -> Option<RequirementId> {
        // Methods are told apart by letter case (RFC 9110 section 9.1), but h3 writes them all in upper case.
        if method.iter().any(u8::is_ascii_lowercase) {
            return None;
        }
        let names = |path| split_once(path, b'/').map(|(_, names)| names);
        let mut search = Search { routes: self, method, demand: None };
        if !search.below(ROOT, names(path), names(sent), true)? {
            search.take(Some(DEFAULT), true)?;
        }
        search.demand
    }
}

impl Node {
    fn find(&self, router: Router, name: &[u8]) -> Result<usize, usize> {
        self.literals.binary_search_by(|(known, _)| router.order(known.as_bytes(), name))
    }
}

impl Router {
    /// How two names stand to each other: equal if some router takes them for one.
    fn order(self, one: &[u8], other: &[u8]) -> Ordering {
        let spelt = |byte: &u8| if self == Router::Strict { *byte } else { byte.to_ascii_lowercase() };
        let first = one.iter().zip(other).find(|(one, other)| spelt(one) != spelt(other));
        first.map_or(one.len().cmp(&other.len()), |(one, other)| spelt(one).cmp(&spelt(other)))
    }
}

/// One look-up: all entries that fit for some router, from the most specific one on, to the first that fits for every router.
struct Search<'a> {
    routes: &'a Routes,
    method: &'a [u8],
    /// Of all entries so far.
    demand: Option<RequirementId>,
}

impl Search<'_> {
    /// Goes on from a node with the names that are left: none at the end of the path, an empty one behind a final `/`. `sure` if every
    /// router gets to the node. Answers whether an entry was found that fits for every router; `None` if two demand different things.
    fn below(&mut self, at: u32, path: Option<&[u8]>, sent: Option<&[u8]>, sure: bool) -> Option<bool> {
        let router = self.routes.router;
        let node = self.routes.nodes.get(size(at))?;
        // Hono takes `/a` for a `/a/*`, Fastify does not.
        let Some(path) = path else {
            return Some(self.take(node.end.entry(self.method), sure)? || self.take(node.rest.entry(self.method), false)?);
        };
        let (name, path) = first(path);
        let (written, sent) = first(sent.unwrap_or_default());
        if name.is_empty() {
            if at == ROOT && self.take(node.end.entry(self.method), sure)? {
                return Some(true);
            }
            // Fastify takes `/` for a `/:id`, `/a/` for a `/a/:id` whose id is empty, Hono for a `/a/*`, axum for neither. Express takes it for `/a`; it reaches a
            // `/a/*` there too if that was added first.
            if router != Router::Lenient
                && let Some(any) = node.any
            {
                self.below(any, None, None, false)?;
            }
            self.take(node.rest.entry(self.method), false)?;
            let end = if router == Router::Strict { None } else { node.end.entry(self.method) };
            return self.take(end, sure && router == Router::Lenient);
        }
        if let Some((literal, child)) = node.find(router, name).ok().and_then(|at| node.literals.get(at)) {
            // Express compares names as they were sent, Fastify as they are decoded.
            let same = name == written && (router != Router::Any || name == literal.as_bytes());
            if self.below(*child, path, sent, sure && same)? {
                return Some(true);
            }
        }
        if let Some(any) = node.any
            && self.below(any, path, sent, sure)?
        {
            return Some(true);
        }
        self.take(node.rest.entry(self.method), sure)
    }

    /// Takes an entry, if there is one.
    fn take(&mut self, entry: Option<usize>, sure: bool) -> Option<bool> {
        let Some(entry) = entry else { return Some(false) };
        let demand = self.routes.demands.get(entry).copied();
        if self.demand.is_some() && self.demand != demand {
            return None;
        }
        self.demand = demand;
        Some(sure)
    }
}

/// The first name of a path, and the names that are left.
fn first(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    split_once(path, b'/').map_or((path, None), |(name, path)| (name, Some(path)))
}

#[cfg(test)]
mod rule;
#[cfg(test)]
mod tests;
