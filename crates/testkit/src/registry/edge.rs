//! A real edge over what the registry would publish.

use edgelatch_core::build::{HeadFields, RoleFields, RootFields, SigningKey, build_tree, encode_bundle, sign_head, sign_root};
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::verdict::Code;

use super::{Fixture, NOW};

/// The next publish, as an edge gets it at `NOW`.
pub fn edge(f: &Fixture) -> Edge {
    let [root_key, key] = [SigningKey::from_seed(&[6; 32]), SigningKey::from_seed(&[7; 32])];
    let only = |key: &SigningKey| RoleFields { threshold: 1, keys: vec![key.public()] };
    let root = RootFields {
        realm: f.realm.to_string(),
        version: 1,
        issued_at: NOW,
        expires_at: NOW + (1 << 30),
        era: 1,
        min_epoch: 1,
        root: only(&root_key),
        publisher: only(&key),
    };
    let root = sign_root(&root, &[root_key]).unwrap();
    let snapshot = f.registry.ledger(&f.realm).snapshot(None).unwrap();
    let tree = build_tree(&snapshot.realm, snapshot.keys).unwrap();
    let head = HeadFields {
        realm: f.realm.to_string(),
        root_version: 1,
        epoch: 1,
        issued_at: NOW,
        not_after: NOW + 30 * 86_400,
        tree: tree.id(),
        tree_bytes: tree.bytes(),
        records: tree.records,
    };
    let head = sign_head(&head, std::slice::from_ref(&key)).unwrap();
    let mut edge = Edge::new(&root, HostConfig::default()).unwrap();
    let mut staged = edge.stage(&[], encode_bundle(&head, &tree).unwrap(), NOW).unwrap();
    assert_eq!(staged.check(usize::MAX).unwrap(), 0);
    edge.commit(staged, NOW).unwrap();
    edge
}

/// What an edge says to a key, `seconds` after `NOW`.
pub fn verdict(edge: &mut Edge, secret: &str, ip: Option<&str>, permission: Option<&str>, seconds: u64) -> Code {
    let requirement = edge.compile(None, permission);
    edge.verify_key(secret.as_bytes(), ip.map(str::as_bytes), requirement, NOW + seconds).code
}
