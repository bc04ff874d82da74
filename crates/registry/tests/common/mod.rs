//! A registry with one realm, two orgs and their owners.
#![allow(dead_code)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use edgelatch_registry::{
    Env, IpEntry, IpRules, Metadata, Name, NewKey, NewOwner, NewRealm, ORDERS, OwnerKind, Registry, Scope, Slug, Sources,
};

/// 2026-01-31T00:00:00Z
pub const NOW: u64 = 1_769_817_600;

pub struct Fixture {
    pub dir: tempfile::TempDir,
    pub registry: Registry,
    pub clock: Arc<AtomicU64>,
    pub realm: Slug,
}

pub fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

pub fn env(clock: &Arc<AtomicU64>) -> Env {
    let clock = Arc::clone(clock);
    Env::new(move || clock.load(Ordering::SeqCst), |bytes| getrandom::fill(bytes).is_ok())
}

pub fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(NOW));
    let registry = Registry::create(&dir.path().join("registry.db"), env(&clock)).unwrap();
    let realm = slug("acme");
    let new =
        NewRealm { realm: realm.clone(), name: "Acme".parse().unwrap(), prefix: "ek".parse().unwrap(), sources: Sources::BOTH };
    registry.create_realm(&new).unwrap();
    for org in ["one", "two"] {
        registry.create_org(&realm, &slug(org), &org.parse().unwrap()).unwrap();
        let owner = NewOwner { org: slug(org), owner: slug("alice"), kind: OwnerKind::User, name: "Alice".parse().unwrap() };
        registry.create_owner(&realm, &owner).unwrap();
    }
    Fixture { dir, registry, clock, realm }
}

impl Fixture {
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("registry.db")
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub fn new_key(name: &str) -> NewKey {
    NewKey {
        org: slug("one"),
        owner: slug("alice"),
        name: Name::parse("name", name).unwrap(),
        description: "".parse().unwrap(),
        roles: vec![slug("reader")],
        scope: Scope::All,
        ip: IpRules::unrestricted(),
        not_before: None,
        expires_at: None,
        metadata: Metadata::default(),
    }
}

pub fn ip(allow: &[&str], deny: &[&str]) -> IpRules {
    let list = |texts: &[&str]| texts.iter().map(|t| IpEntry::parse("allow", t).unwrap()).collect();
    IpRules::new(None, ORDERS[0].1, list(allow), list(deny)).unwrap()
}
