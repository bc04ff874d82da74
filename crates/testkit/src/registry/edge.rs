//! A real edge over what the registry would publish.

use edgelatch_core::build::{HeadFields, RootFields, Tree, sign_root};
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::verdict::Code;

use super::{Fixture, NOW};
use crate::realm::{bundle_of, head_fields, root_fields, signers, update};

/// The next publish, as an edge gets it at `NOW`.
pub fn edge(f: &Fixture) -> Edge {
    let realm = f.realm.to_string();
    let root = RootFields { realm: realm.clone(), issued_at: NOW, expires_at: NOW + (1 << 30), ..root_fields(1) };
    let snapshot = f.registry.ledger(&f.realm).snapshot(None).unwrap();
    let tree = Tree::build(&snapshot.state).unwrap();
    let head = HeadFields { realm, issued_at: NOW, not_after: NOW + 30 * 86_400, ..head_fields(1, &tree) };
    let mut edge = Edge::new(&sign_root(&root, &signers(&[1])).unwrap(), HostConfig::default()).unwrap();
    update(&mut edge, &[], bundle_of(&head, &tree), NOW).unwrap();
    edge
}

/// What an edge says to a key, `seconds` after `NOW`.
pub fn verdict(edge: &mut Edge, secret: &str, ip: Option<&str>, permission: Option<&str>, seconds: u64) -> Code {
    let requirement = edge.compile(None, permission);
    edge.verify_key(secret.as_bytes(), ip.map(str::as_bytes), requirement, NOW + seconds).code
}
