//! A realm whose tenants have gone to their limits: 50,000 scopes, and roles full of patterns that are slow to match.

use crate::scatter;
use anyhow::Result;
use edgelatch_core::{
    build::{KeyRecord, RealmRecord, RoleRecord},
    key::{self, KeyId},
    limits::{MAX_ROLE_PATTERNS, MAX_SET_ROLES},
};
use edgelatch_testkit::snapshot;
use std::{fs, path::Path};

/// Each key has a scope of its own: a directory of 10 MB.
const SCOPES: u64 = 50_000;
/// Services of one scope, out of as many as there are scopes.
const SERVICES: u64 = 30;
/// The first key has this service in its scope, and no other.
const SERVICE: &str = "cdn";

pub fn write(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    let text = snapshot::key_text("crowded")?;
    fs::write(dir.join("key.json"), serde_json::to_string(&text)?)?;
    for epoch in [1, 2] {
        let dir = dir.join(epoch.to_string());
        fs::create_dir_all(&dir)?;
        snapshot::write_epoch(&dir, epoch, &realm(), (0..SCOPES).map(|n| record(n, epoch, &text)).collect())?;
    }
    Ok(())
}

fn realm() -> RealmRecord {
    let role =
        |role| RoleRecord { name: format!("role {role}"), patterns: (0..MAX_ROLE_PATTERNS).map(|n| slow(role, n)).collect() };
    RealmRecord { roles: (0..MAX_SET_ROLES).map(role).collect(), ..snapshot::realm(&[]) }
}

/// Fails only at its end, against a permission of many words `a`.
fn slow(role: usize, n: usize) -> String {
    let pieces = (0..7).map(|bit| if n >> bit & 1 == 1 { "*.a" } else { "a.*" });
    format!("{}.r{role}-{n}", pieces.collect::<Vec<_>>().join("."))
}

fn record(n: u64, epoch: u64, text: &str) -> KeyRecord {
    let service = |at| format!("service-of-tenant-{:05}", scatter(n * SERVICES + at) % SCOPES);
    let (digest, services) = match n {
        0 => (key::digest(text.as_bytes()), vec![SERVICE.into()]),
        // Another tenant's scope differs from one epoch to the next.
        n => (key::digest(&n.to_le_bytes()), (0..SERVICES + epoch % 2).map(service).collect()),
    };
    KeyRecord { roles: (0..MAX_SET_ROLES as u32).collect(), services: Some(services), ..snapshot::record(digest, KeyId(n)) }
}
