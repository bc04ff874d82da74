//! What is in a registry, and what an edge makes of what is published.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Database, Env, Registry, Slug};

use super::Plane;

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub fn realm() -> Slug {
    "acme".parse().unwrap()
}

pub fn registry(p: &Plane) -> Registry {
    Registry::connect(&Database::file(p.data().join("registry.db")), Env::system()).unwrap()
}

/// An edge that starts with what is published now, proven from the root on.
pub fn edge(p: &Plane) -> Edge {
    let mut edge = Edge::new(&fs::read(p.published("root/1")).unwrap(), HostConfig::default()).unwrap();
    let mut staged = edge.stage(&[], fs::read(p.published("bundle")).unwrap(), now()).unwrap();
    assert_eq!(staged.check(usize::MAX).unwrap(), 0);
    edge.commit(staged, now()).unwrap();
    edge
}

pub fn verdict(edge: &mut Edge, secret: &str) -> Code {
    let requirement = edge.compile(None, None);
    edge.verify_key(secret.as_bytes(), None, requirement, now()).code
}
