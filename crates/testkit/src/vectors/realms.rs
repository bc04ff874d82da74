//! The test realms: their roots, heads and trees as bytes, and what a reader must find in them.

use super::raw::{self, Head, Tree, hex, sha256};
use super::records::{self, Key, ROLES, Role};
use super::trust;
use super::{REALM, T0};
use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use edgelatch_core::{
    build::{self, KeyRecord, RealmRecord, RoleRecord},
    http::CredentialHeaders,
    key::{KeyId, Pepper},
    tree::{ObjectId, Place, shard_bits},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub const PEPPER: &[u8; 32] = b"not a secret: a test pepper 0123";

/// HMAC-SHA-256 by its definition, RFC 2104.
pub fn hmac(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|i| secret.get(i).copied().unwrap_or(0) ^ with).collect() };
    sha256(&[pad(0x5c), sha256(&[&pad(0x36)[..], message].concat()).to_vec()].concat())
}

/// The id of a pepper: SPEC section 2.
pub fn pepper_id(secret: &[u8]) -> String {
    format!("{:08x}", pepper_of(secret))
}

/// The same as a number.
pub fn pepper_of(secret: &[u8]) -> u32 {
    hmac(secret, b"edgelatch pepper id").iter().take(4).fold(0, |id, byte| id << 8 | u32::from(*byte))
}

/// A realm and everything that is known of it before it is built.
pub struct Realm {
    pub name: &'static str,
    credentials: u8,
    imports: bool,
    peppered: bool,
    roles: &'static [Role],
    /// Ascending by digest.
    pub keys: Vec<Key>,
    /// Whether the texts of all keys are told, or only those with a label.
    all_texts: bool,
    root_version: u32,
    signers: &'static [u8],
    pub tree: build::Tree,
    pub head: Vec<u8>,
    pub bundle: Vec<u8>,
}

pub fn all() -> Result<Vec<Realm>> {
    let make = |name, credentials, roles: &'static [Role], keys: Vec<Key>| Realm {
        name,
        credentials,
        roles,
        keys,
        imports: false,
        peppered: false,
        all_texts: true,
        root_version: 1,
        signers: &[101],
        tree: build::Tree {
            top: vec![],
            directory: vec![],
            pages: vec![],
            chunks: BTreeMap::new(),
            shards: vec![],
            records: 0,
        },
        head: vec![],
        bundle: vec![],
    };
    let mut one = records::plain(1);
    one.label = "plain";
    let realms = [
        make("empty", 1, &[], vec![]),
        make("one", 2, &[], vec![one]),
        make("everything", 3, ROLES, records::everything()),
        Realm { all_texts: false, ..make("many", 3, ROLES, records::many()) },
        Realm { imports: true, ..make("imports", 3, &[], records::imported()) },
        Realm { imports: true, peppered: true, ..make("pepper", 3, &[], records::imported()) },
        // After the publisher was rotated: two of three must sign.
        Realm { root_version: 2, signers: &[102, 104], ..make("rotated", 3, ROLES, records::everything()[..4].to_vec()) },
    ];
    realms.into_iter().map(Realm::built).collect()
}

impl Realm {
    fn built(mut self) -> Result<Realm> {
        let pepper = if self.peppered { Pepper::new(PEPPER) } else { None };
        let digest = |key: &Key| self.digest(key);
        let mut sorted: Vec<_> = self.keys.iter().map(|key| (digest(key), key.clone())).collect();
        sorted.sort_by_key(|(digest, _)| *digest);
        let record = RealmRecord {
            credentials: CredentialHeaders::from_bits(self.credentials).context("credentials")?,
            imports: self.imports,
            pepper,
            roles: self.roles.iter().map(role_record).collect(),
        };
        let records = self.keys.iter().map(|key| self.record(key)).collect();
        self.tree = build::build_tree(&record, records).with_context(|| format!("realm {}", self.name))?;
        self.keys = sorted.into_iter().map(|(_, key)| key).collect();
        // Head and bundle are written twice, by the builder and by hand.
        let head = Head {
            root_version: self.root_version,
            tree: sha256(&self.tree.top),
            tree_bytes: self.objects().map(|(_, bytes)| bytes.len() as u64).sum(),
            records: self.keys.len() as u64,
            ..Head::of(&Tree::seal(0, 0, vec![], vec![], vec![]))
        };
        self.head = head.sign(self.signers);
        let fields = build::HeadFields {
            realm: REALM.into(),
            root_version: head.root_version,
            epoch: head.epoch,
            issued_at: head.issued_at,
            not_after: head.not_after,
            tree: ObjectId(head.tree),
            tree_bytes: head.tree_bytes,
            records: head.records,
        };
        let signers: Vec<_> = self.signers.iter().map(|seed| build::SigningKey::from_seed(&[*seed; 32])).collect();
        ensure!(build::sign_head(&fields, &signers)? == self.head, "the core's head of realm {} differs", self.name);
        self.bundle = build::encode_bundle(&self.head, &self.tree)?;
        let objects: Vec<u8> = self.objects().flat_map(|(_, bytes)| bytes.to_vec()).collect();
        let lengths = [self.head.len(), self.tree.top.len()].map(|n| (n as u32).to_le_bytes()).concat();
        ensure!(
            self.bundle == [&b"ELBN\x02\x00\x00\x00"[..], &lengths, &self.head, &objects].concat(),
            "the core's bundle of realm {} differs",
            self.name
        );
        Ok(self)
    }

    fn record(&self, key: &Key) -> KeyRecord {
        KeyRecord {
            digest: sha256(key.text.as_bytes()),
            key_id: KeyId(key.id),
            org: key.org.into(),
            owner: key.owner.into(),
            owner_disabled: key.owner_disabled,
            name: key.name.clone(),
            metadata: key.metadata.into(),
            revoked: key.revoked,
            not_before: key.not_before,
            expires_at: key.expires_at,
            roles: self.roles.iter().zip(0..).filter(|(role, _)| key.roles.contains(&role.0)).map(|(_, i)| i).collect(),
            services: key.services.map(|list| list.iter().map(|s| (*s).into()).collect()),
            ip_policy: key.policy.map(|p| p.build()),
        }
    }

    /// The digest under which the snapshot knows a key.
    fn digest(&self, key: &Key) -> [u8; 32] {
        let digest = sha256(key.text.as_bytes());
        if !self.peppered {
            return digest;
        }
        hmac(PEPPER, &digest[..16])
    }

    /// Shard and place of a key, by its rank among all digests.
    pub fn place(&self, label: &str) -> Option<(&Key, u32, u32)> {
        let rank = self.keys.iter().position(|key| key.label == label)?;
        let bits = u32::from(shard_bits(self.keys.len() as u64));
        let shard = |key: &Key| self.digest(key).iter().take(4).fold(0u64, |n, b| n << 8 | u64::from(*b)) >> (32 - bits);
        let key = &self.keys[rank];
        let before = self.keys[..rank].iter().filter(|other| shard(other) == shard(key)).count();
        Some((key, shard(key) as u32, before as u32))
    }

    /// What an edge of this realm must be configured with.
    pub fn config(&self) -> String {
        if self.peppered { format!("pepper={}", hex(PEPPER)) } else { String::new() }
    }

    fn objects(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let kind = |place| match place {
            Place::Top => "top page",
            Place::Directory => "directory",
            Place::Page(_) => "index page",
            Place::Chunk(..) => "chunk",
            Place::Shard(_) => "shard",
        };
        self.tree.places().map(kind).zip(self.tree.objects())
    }

    fn json(&self) -> Value {
        let objects: Vec<_> = self
            .objects()
            .map(|(kind, bytes)| json!({ "kind": kind, "bytes": bytes.len(), "digest": hex(&sha256(bytes)) }))
            .collect();
        let used = |role: &&Role| self.keys.iter().any(|key| key.roles.contains(&role.0));
        let mut roles: Vec<_> = self.roles.iter().filter(used).collect();
        roles.sort_unstable();
        let roles: Vec<_> = roles.iter().map(|(name, patterns)| json!({ "name": name, "patterns": patterns })).collect();
        json!({
            "name": self.name,
            "roots": (1..=self.root_version).map(|v| format!("v{v}")).collect::<Vec<_>>(),
            "config": self.config(),
            "head": {
                "realm": REALM, "root_version": self.root_version, "epoch": 5, "issued_at": T0, "not_after": T0 + super::DAY,
                "tree": hex(&sha256(&self.tree.top)), "tree_bytes": objects_len(self), "records": self.keys.len(),
            },
            "objects": objects,
            "directory": {
                "credentials": self.credentials, "imports": self.imports, "pepper": self.peppered.then(|| pepper_id(PEPPER)), "roles": roles,
            },
            "records": self.keys.iter().map(|key| self.key_json(key)).collect::<Vec<_>>(),
            "bundle": BASE64_STANDARD.encode(&self.bundle),
        })
    }

    /// A record. What is left out has its default: org acme, owner alice, no name, not revoked, no bound, no role, all services, any address.
    fn key_json(&self, key: &Key) -> Value {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value, default: Value| {
            if value != default {
                out.insert(name.into(), value);
            }
        };
        put("digest16", hex(&self.digest(key)[..16]).into(), Value::Null);
        put("id", super::keys::id(key.id).into(), Value::Null);
        put("org", key.org.into(), "acme".into());
        put("owner", key.owner.into(), "alice".into());
        if self.all_texts || !key.label.is_empty() {
            put("text", key.text.as_str().into(), Value::Null);
        }
        put("label", key.label.into(), "".into());
        put("owner_disabled", key.owner_disabled.into(), false.into());
        put("name", key.name.as_str().into(), "".into());
        put("metadata", key.metadata.into(), "".into());
        put("revoked", key.revoked.into(), false.into());
        put("not_before", key.not_before.into(), Value::Null);
        put("expires_at", key.expires_at.into(), Value::Null);
        put("roles", sorted(key.roles).into(), Value::Array(vec![]));
        put("services", key.services.into(), Value::Null);
        put("ip_policy", key.policy.map(|p| p.json()).into(), Value::Null);
        Value::Object(out)
    }
}

fn objects_len(realm: &Realm) -> usize {
    realm.objects().map(|(_, bytes)| bytes.len()).sum()
}

pub fn sorted(names: &[&'static str]) -> Vec<&'static str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

fn role_record((name, patterns): &Role) -> RoleRecord {
    RoleRecord { name: (*name).into(), patterns: patterns.iter().map(|p| (*p).into()).collect() }
}

pub fn file(realms: &[Realm]) -> Value {
    let root = |(name, root, seeds): (&str, raw::Root, &[u8])| {
        let keys = |role: &raw::Keys| json!({ "threshold": role.threshold, "keys": role.keys.iter().map(|k| hex(k)).collect::<Vec<_>>() });
        json!({
            "name": name, "realm": REALM, "version": root.version, "issued_at": root.issued_at, "expires_at": root.expires_at,
            "era": root.era, "min_epoch": root.min_epoch,
            "root": keys(&root.root), "publisher": keys(&root.publisher), "bytes": BASE64_STANDARD.encode(root.sign(seeds)),
        })
    };
    json!({
        "roots": trust::roots().into_iter().map(root).collect::<Vec<_>>(),
        "realms": realms.iter().map(Realm::json).collect::<Vec<_>>(),
    })
}
