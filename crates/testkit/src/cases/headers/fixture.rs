//! The snapshot that holds the keys of the header cases.

use super::keys::{Key, Keys};
use crate::{
    DAY, shell,
    snapshot::{self, NOT_AFTER, NOW, Snapshot},
};
use anyhow::{Result, anyhow};
use edgelatch_core::{
    build::KeyRecord,
    cidr::Cidr,
    key::{self, KeyId},
    policy::{AllowMode, IpPolicy, Order},
};

/// The moment of rows with an expired snapshot.
pub const EXPIRED_NOW: u64 = NOT_AFTER + 3600;

/// What sets one key apart. `KUNK` is made like the others and left out of the snapshot.
struct Kind {
    name: &'static str,
    role: u32,
    known: bool,
    change: fn(&mut KeyRecord) -> Result<()>,
}

const fn plain(name: &'static str) -> Kind {
    Kind { name, role: 0, known: true, change: |_| Ok(()) }
}

const KINDS: &[Kind] = &[
    plain("K1"),
    Kind { role: 1, change: |key| set(&mut key.org, "other"), ..plain("K2") },
    Kind { change: |key| set(&mut key.revoked, true), ..plain("KREV") },
    Kind { change: |key| set(&mut key.expires_at, NOW - DAY), ..plain("KEXP") },
    Kind { change: |key| set(&mut key.owner_disabled, true), ..plain("KDIS") },
    Kind { change: |key| set(&mut key.not_before, NOW + DAY), ..plain("KNBF") },
    Kind { change: |key| set(&mut key.expires_at, NOW + 3600), ..plain("KOLD") },
    Kind { change: |key| set(&mut key.expires_at, NOW - 1), ..plain("KGONE") },
    Kind { known: false, ..plain("KUNK") },
    Kind { change: |key| set(&mut key.ip_policy, ten()?), ..plain("KIP") },
];

fn set<T>(place: &mut T, value: impl Into<T>) -> Result<()> {
    *place = value.into();
    Ok(())
}

fn ten() -> Result<IpPolicy> {
    let net = Cidr::parse(b"10.0.0.0/8").map_err(|error| anyhow!("{error}"))?;
    Ok(IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow: vec![net], deny: vec![] })
}

/// The files and the keys.
pub struct Fixture {
    pub snapshot: Snapshot,
    pub keys: Keys,
}

/// Builds and signs the snapshot.
pub fn build() -> Result<Fixture> {
    let mut keys = Keys::default();
    let mut records = Vec::new();
    for (number, kind) in (1u64..).zip(KINDS) {
        let text = snapshot::key_text(kind.name)?;
        let id = KeyId(number << 40 | 0xED9E);
        let mut record = snapshot::record(key::digest(text.as_bytes()), id);
        record.name = kind.name.into();
        record.owner = format!("owner-of-{}", kind.name);
        record.roles = vec![kind.role];
        (kind.change)(&mut record)?;
        if kind.known {
            records.push(record);
        }
        keys.0.insert(kind.name, Key { text, id });
    }
    let realm = snapshot::realm(&[("reader", &["read"]), ("writer", &["read", "write"])]);
    let snapshot = snapshot::write(&shell::scratch("headers")?, &realm, records)?;
    Ok(Fixture { snapshot, keys })
}
