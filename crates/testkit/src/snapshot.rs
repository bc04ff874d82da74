//! Signed snapshots for cases and benchmarks, made with the core's builder. Their keys guard nothing.

use crate::{
    DAY,
    realm::{head_fields, root_fields, signers},
};
use anyhow::{Context, Result};
use edgelatch_core::{
    build::{self, HeadFields, KeyRecord, RealmRecord, RoleRecord, RootFields, Tree},
    http::CredentialHeaders,
    key::{self, KeyId, Prefix},
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// When every snapshot here was issued, in Unix seconds.
pub const ISSUED_AT: u64 = NOW - 60;
/// The moment at which cases are judged: after the snapshot was issued, before it ends.
pub const NOW: u64 = 1_750_000_000;
/// The realm of every snapshot here.
const REALM: &str = "cases";
/// When the snapshot ends.
pub const NOT_AFTER: u64 = NOW + DAY;

/// A snapshot on disk: the root that an edge is deployed with, and the bundle that it loads.
pub struct Snapshot {
    /// File of the root.
    pub root: PathBuf,
    /// File of the bundle.
    pub bundle: PathBuf,
    /// Size of the bundle.
    pub bytes: u64,
}

/// The text of a key, derived from a name: the same on every run.
pub fn key_text(name: &str) -> Result<String> {
    let prefix = Prefix::parse("vsp_sk").map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(key::issue(&prefix, &mut stream(name)).to_string())
}

/// The record of a plain key: valid for ever, from everywhere, with the realm's first role.
pub fn record(digest: [u8; 32], id: KeyId) -> KeyRecord {
    KeyRecord {
        digest,
        key_id: id,
        org: "acme".into(),
        owner: "someone".into(),
        owner_disabled: false,
        name: String::new(),
        metadata: String::new(),
        revoked: false,
        not_before: None,
        expires_at: None,
        roles: vec![0],
        services: None,
        ip_policy: None,
    }
}

/// A realm with both credential headers and these roles: name and patterns.
pub fn realm(roles: &[(&str, &[&str])]) -> RealmRecord {
    let role = |(name, patterns): &(&str, &[&str])| RoleRecord {
        name: (*name).into(),
        patterns: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
    };
    RealmRecord {
        credentials: CredentialHeaders::BEARER.union(CredentialHeaders::API_KEY),
        imports: false,
        pepper: None,
        roles: roles.iter().map(role).collect(),
    }
}

/// Builds, signs and writes `root.bin` and `bundle.bin`; the same on every machine.
pub fn write(dir: &Path, realm: &RealmRecord, records: Vec<KeyRecord>) -> Result<Snapshot> {
    write_epoch(dir, 1, realm, records)
}

/// The same with an epoch of its own, for a snapshot that is to follow another.
pub fn write_epoch(dir: &Path, epoch: u64, realm: &RealmRecord, records: Vec<KeyRecord>) -> Result<Snapshot> {
    write_tree(dir, epoch, &build::build_tree(realm, records)?)
}

/// The same of a tree that is built already.
pub fn write_tree(dir: &Path, epoch: u64, tree: &Tree) -> Result<Snapshot> {
    let root = RootFields { realm: REALM.into(), issued_at: ISSUED_AT, expires_at: NOW + 3650 * DAY, ..root_fields(1) };
    let head = HeadFields { realm: REALM.into(), issued_at: ISSUED_AT, not_after: NOT_AFTER, ..head_fields(epoch, tree) };
    let root_bytes = build::sign_root(&root, &signers(&[1]))?;
    let bundle_bytes = build::encode_bundle(&build::sign_head(&head, &signers(&[101]))?, tree)?;
    let bytes = bundle_bytes.len() as u64;
    let snapshot = Snapshot { root: dir.join("root.bin"), bundle: dir.join("bundle.bin"), bytes };
    fs::write(&snapshot.root, root_bytes).with_context(|| format!("cannot write {}", snapshot.root.display()))?;
    fs::write(&snapshot.bundle, bundle_bytes).with_context(|| format!("cannot write {}", snapshot.bundle.display()))?;
    Ok(snapshot)
}

/// Bytes derived from a name: the same on every run.
pub fn stream(name: &str) -> impl FnMut(&mut [u8]) + use<> {
    let mut block: [u8; 32] = Sha256::digest(format!("edgelatch test key: {name}")).into();
    move |out| {
        for chunk in out.chunks_mut(32) {
            block = Sha256::digest(block).into();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
