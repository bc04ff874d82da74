//! A tree as the keys that it shows, each with what its numbers lead to: so that two trees can be compared that number things otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use edgelatch_core::build::{RoleRecord, Tree};
use edgelatch_core::key::{KeyId, Pepper, PepperId};
use edgelatch_core::policy::IpPolicy;
use edgelatch_core::tree::chunk::{Chunk, EntryView};
use edgelatch_core::tree::directory::Directory;
use edgelatch_core::tree::page::Page;
use edgelatch_core::tree::shard::Shard;
use edgelatch_core::tree::top::Top;
use edgelatch_core::tree::{ObjectId, Table};
use edgelatch_registry::PublishedKey;

use crate::error::Error;
use crate::layout::Item;

/// Reads what is published, wherever that lies; none for what is not there.
pub type Read<'r> = dyn Fn(Item) -> Result<Option<Vec<u8>>, Error> + 'r;

/// Numbers of a chunk (SPEC section 5.2).
const CHUNK: u32 = 64;

/// What a tree shows.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Its records, by the leftmost 16 bytes of their digests.
    pub(super) keys: BTreeMap<[u8; 16], PublishedKey>,
    /// The pepper that these are made with.
    pub(super) pepper: Option<PepperId>,
    /// The greatest number in each table of its directory.
    pub(super) numbers: BTreeMap<Table, u32>,
}

/// The entries of a directory that records refer to.
#[derive(Default)]
struct Entries {
    roles: BTreeMap<u32, RoleRecord>,
    sets: BTreeMap<u32, Vec<u32>>,
    scopes: BTreeMap<u32, Arc<Vec<String>>>,
    policies: BTreeMap<u32, Arc<IpPolicy>>,
}

fn unsound(what: &str) -> Error {
    Error::Unsound { detail: what.into() }
}

/// Reads a published tree. Every object is proven by its digest.
pub(super) fn of_published(tree: ObjectId, read: &Read<'_>) -> Result<Seen, Error> {
    read_tree(tree, &|id| {
        let bytes = read(Item::Object(id))?.ok_or_else(|| unsound(&format!("object {id} is missing")))?;
        if ObjectId::of(&bytes) == id { Ok(bytes) } else { Err(unsound(&format!("object {id} is another one"))) }
    })
}

/// Reads a tree that was built here.
pub(super) fn of_tree(tree: &Tree) -> Result<Seen, Error> {
    let places: BTreeMap<_, _> = tree.slots().map(|(place, slot)| (slot.id, place)).collect();
    read_tree(tree.id(), &|id| {
        let object = places.get(&id).and_then(|place| tree.object(*place));
        object.map(<[u8]>::to_vec).ok_or_else(|| unsound("an object is missing"))
    })
}

fn read_tree(tree: ObjectId, object: &dyn Fn(ObjectId) -> Result<Vec<u8>, Error>) -> Result<Seen, Error> {
    let core = |error: edgelatch_core::error::Error| unsound(&error.to_string());
    let top = object(tree)?;
    let top = Top::parse(&top).map_err(core)?;
    let directory = object(top.directory.id)?;
    let directory = Directory::parse(&directory).map_err(core)?;
    let (mut entries, mut seen) = (Entries::default(), Seen { pepper: directory.pepper, ..Seen::default() });
    for table in Table::ALL {
        for (number, slot) in directory.chunks(table) {
            let bytes = object(slot.id)?;
            for (place, entry) in Chunk::parse(&bytes, table, number).map_err(core)?.entries() {
                let number = u32::try_from(place).ok().and_then(|place| number.checked_mul(CHUNK)?.checked_add(place));
                let (Some(number), Some(view)) = (number, table.view(entry)) else {
                    return Err(unsound("an entry has no number"));
                };
                entries.add(number, &view);
                seen.numbers.insert(table, number);
            }
        }
    }
    let mut sets = BTreeMap::new();
    for page in top.pages.iter() {
        let page = object(page.id)?;
        for shard in Page::parse(&page).map_err(core)?.shards.iter() {
            let bytes = object(shard.id)?;
            let shard = Shard::inspect(&bytes).map_err(core)?;
            for at in 0..shard.count() {
                let key =
                    record(&shard, at, &entries, &mut sets).ok_or_else(|| unsound("a record refers to what is not there"))?;
                seen.keys.insert(key.digest, key);
            }
        }
    }
    Ok(seen)
}

impl Seen {
    /// Takes away the pepper of digests that belong to a secret which is `known` by its SHA-256. Of the others nothing can be made: they are taken out, and
    /// returned.
    pub(super) fn unpepper(&mut self, pepper: &Pepper, known: impl Iterator<Item = [u8; 32]>) -> Vec<PublishedKey> {
        let leftmost = |digest: [u8; 32]| -> [u8; 16] { std::array::from_fn(|at| digest[at]) };
        let plain: BTreeMap<_, _> = known.map(|digest| (leftmost(pepper.apply(&digest)), leftmost(digest))).collect();
        let mut lost = Vec::new();
        for (peppered, key) in std::mem::take(&mut self.keys) {
            match plain.get(&peppered) {
                Some(digest) => drop(self.keys.insert(*digest, PublishedKey { digest: *digest, ..key })),
                None => lost.push(key),
            }
        }
        lost
    }
}

impl Entries {
    fn add(&mut self, number: u32, entry: &EntryView<'_>) {
        match entry {
            EntryView::Role(role) => {
                let patterns = role.patterns().map(Into::into).collect();
                self.roles.insert(number, RoleRecord { name: role.name.into(), patterns });
            }
            EntryView::RoleSet(set) => drop(self.sets.insert(number, set.iter().collect())),
            EntryView::Scope(scope) => {
                self.scopes.insert(number, Arc::new(scope.services().map(Into::into).collect()));
            }
            EntryView::Policy(view) => {
                let (allow, deny) = (view.allow().collect(), view.deny().collect());
                let policy = IpPolicy { allow_mode: view.allow_mode(), order: view.order(), allow, deny };
                self.policies.insert(number, Arc::new(policy));
            }
        }
    }

    /// The roles of a set, by name.
    fn roles(&self, set: u32) -> Option<Arc<Vec<RoleRecord>>> {
        let numbers = if set == 0 { &[][..] } else { self.sets.get(&set)? };
        let mut roles = numbers.iter().map(|role| self.roles.get(role).cloned()).collect::<Option<Vec<_>>>()?;
        roles.sort_unstable();
        Some(Arc::new(roles))
    }
}

fn record(
    shard: &Shard<'_>,
    at: usize,
    entries: &Entries,
    sets: &mut BTreeMap<u32, Arc<Vec<RoleRecord>>>,
) -> Option<PublishedKey> {
    let (terms, labels) = (shard.terms(at)?, shard.labels(at)?);
    let roles = match sets.get(&terms.role_set) {
        Some(roles) => Arc::clone(roles),
        None => {
            let roles = entries.roles(terms.role_set)?;
            sets.insert(terms.role_set, Arc::clone(&roles));
            roles
        }
    };
    let bound = |time: u64| (time != 0).then_some(time);
    Some(PublishedKey {
        digest: shard.digest16(at)?,
        key_id: KeyId(shard.key_id(at)?),
        org: labels.org.into(),
        owner: labels.owner.into(),
        owner_disabled: terms.validity.owner_disabled,
        name: labels.name.into(),
        metadata: labels.metadata.into(),
        revoked: terms.validity.revoked,
        not_before: bound(terms.validity.not_before),
        expires_at: bound(terms.validity.expires_at),
        roles,
        services: if terms.scope == 0 { None } else { Some(Arc::clone(entries.scopes.get(&terms.scope)?)) },
        policy: if terms.policy == 0 { None } else { Some(Arc::clone(entries.policies.get(&terms.policy)?)) },
    })
}
