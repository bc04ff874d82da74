//! What would come back, vanish or change if a registry were published that is older than what edges have; and what is done about that.

use std::collections::{BTreeMap, BTreeSet};

use edgelatch_core::build::{State, Tree};
use edgelatch_core::head::Head;
use edgelatch_core::key::KeyId;
use edgelatch_core::tree::Table;
use edgelatch_registry::{
    Caller, Differing, FromText, Name, NewOrg, NewOwner, OwnerEdit, OwnerKind, PublishedKey, Registry, RootRow, Slug,
};
use serde::Serialize;

use super::head::{PublishedHead, prove};
use super::seen::{Read, Seen, of_published, of_tree};
use crate::error::Error;
use crate::layout::Item;
use crate::pepper::PepperSource;

/// What would become of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is revoked or gone, or one of its secrets is, and would be accepted again.
    Revived,
    /// It would be what it was before.
    Changed,
    /// It was made since, and would be unknown.
    Lost,
}

/// A key whose state would go back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GoingBack {
    /// What would become of it.
    pub fate: Fate,
    /// The key.
    pub key_id: String,
    /// Its org.
    pub org: String,
    /// Its name.
    pub name: String,
    /// In what it differs.
    pub what: Vec<&'static str>,
}

/// A published head that the registry does not know: it is older than that.
#[derive(Debug)]
pub struct Older {
    realm: Slug,
    head: Head,
    roots: Vec<RootRow>,
}

/// A registry beside what is published of one of its realms.
#[derive(Debug)]
pub struct Comparison {
    older: Older,
    published: Seen,
    differing: Vec<Differing>,
    keys: Vec<GoingBack>,
    lost: Vec<GoingBack>,
}

/// What is found published of a realm, beside its registry.
#[derive(Debug)]
pub enum Found<T> {
    /// Nothing lies there: nothing is known of what edges have.
    Nothing,
    /// What lies there counts for no edge: it is no head of this realm, or the roots are missing that would prove it. Nothing is known either.
    Unproven,
    /// A head that the registry knows: it is not older.
    Known {
        /// Its epoch.
        epoch: u64,
    },
    /// A head that it does not know: the registry is older than that.
    Older(T),
}

impl<T> Found<T> {
    /// What the registry is older than, if it is known to be.
    pub fn older(self) -> Option<T> {
        if let Found::Older(older) = self { Some(older) } else { None }
    }
}

/// Whether the registry is older than what `read` finds published of a realm.
pub fn older(registry: &Registry, realm: &Slug, read: &Read<'_>) -> Result<Found<Older>, Error> {
    let ledger = registry.ledger(realm);
    let Some(bytes) = read(Item::Head)? else { return Ok(Found::Nothing) };
    let Some(PublishedHead { head, roots }) = prove(&bytes, realm.as_str(), &ledger.roots()?, read)? else {
        return Ok(Found::Unproven);
    };
    if roots.is_empty() && ledger.knows(&head)? {
        return Ok(Found::Known { epoch: head.epoch });
    }
    Ok(Found::Older(Older { realm: realm.clone(), head, roots }))
}

/// The same, with the keys whose state would go back: all that the published head leads to is read for that.
/// `peppers` has the one that what is published was made with, if it was.
pub fn compare(registry: &Registry, realm: &Slug, read: &Read<'_>, peppers: &PepperSource) -> Result<Found<Comparison>, Error> {
    let older = match older(registry, realm, read)? {
        Found::Nothing => return Ok(Found::Nothing),
        Found::Unproven => return Ok(Found::Unproven),
        Found::Known { epoch } => return Ok(Found::Known { epoch }),
        Found::Older(older) => older,
    };
    let mut published = of_published(older.head.tree, read)?;
    let state = registry.ledger(realm).unpeppered()?.state;
    let lost = match published.pepper {
        Some(pepper) => published.unpepper(&peppers.find(pepper)?.0, state.records.iter().map(|record| record.digest)),
        None => Vec::new(),
    };
    let now = registry.env().now()?;
    let (differing, mut keys) = differences(&seen(&state)?, &published, now);
    let lives = |key: &&PublishedKey| !key.revoked && key.expires_at.is_none_or(|at| at > now);
    let lost: Vec<GoingBack> = lost.iter().filter(lives).map(|key| GoingBack::of(Fate::Lost, key, vec!["secret"])).collect();
    let also: Vec<GoingBack> = lost.iter().filter(|lost| keys.iter().all(|key| key.key_id != lost.key_id)).cloned().collect();
    keys.extend(also);
    Ok(Found::Older(Comparison { older, published, differing, keys, lost }))
}

/// What the registry would publish next, if there were no pepper.
fn next(registry: &Registry, realm: &Slug) -> Result<Seen, Error> {
    seen(&registry.ledger(realm).unpeppered()?.state)
}

fn seen(state: &State) -> Result<Seen, Error> {
    of_tree(&Tree::build(state).map_err(|error| Error::Build { detail: error.to_string() })?)
}

impl GoingBack {
    fn of(fate: Fate, shown: &PublishedKey, what: Vec<&'static str>) -> GoingBack {
        let (org, name) = (shown.org.clone(), shown.name.clone());
        GoingBack { fate, key_id: shown.key_id.to_string(), org, name, what }
    }
}

impl Comparison {
    /// The epoch that is published.
    pub fn epoch(&self) -> u64 {
        self.older.head.epoch
    }

    /// The keys whose state would go back: those first that edges would accept again.
    pub fn keys(&self) -> &[GoingBack] {
        &self.keys
    }

    /// Keys with a secret that was made since, and of which only the digest under a pepper is known: it cannot be taken over, so that they need
    /// another one.
    pub fn lost(&self) -> &[GoingBack] {
        &self.lost
    }

    /// Goes on above the published epoch with the registry as it is.
    pub fn go_on_above(&self, registry: &Registry, caller: &Caller) -> Result<(), Error> {
        self.older.take_head(registry, caller, &self.published, "realm.go_on_above")
    }

    /// Gives keys the state that is published, and goes on above the published epoch. What cannot be known of a key from what is published, and
    /// what is not a key's own, such as the permissions of a role or the roles of an owner, is not taken over: keys in which that leaves a
    /// difference are returned, and as long as there are any, nothing is published.
    pub fn take_published(
        self,
        registry: &Registry,
        caller: &Caller,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Vec<GoingBack>, Error> {
        self.make_owners(registry, caller)?;
        registry.keys(&self.older.realm).take_over(caller, self.older.head.epoch, &self.differing, progress)?;
        let (_, left) = differences(&next(registry, &self.older.realm)?, &self.published, registry.env().now()?);
        if left.is_empty() {
            // Edges have that one for certain.
            registry.ledger(&self.older.realm).adopt_pepper(caller, self.published.pepper)?;
            self.older.take_head(registry, caller, &self.published, "realm.take_published")?;
        }
        Ok(left)
    }

    /// Makes orgs and owners that the registry lacks, under their identifiers: of the rest nothing is known. Owners become disabled, or enabled,
    /// as they are published.
    fn make_owners(&self, registry: &Registry, caller: &Caller) -> Result<(), Error> {
        let tenants = registry.tenants(&self.older.realm);
        let records = self.differing.iter().flat_map(|key| &key.published);
        let owners: BTreeSet<(&str, &str, bool)> =
            records.map(|record| (record.org.as_str(), record.owner.as_str(), record.owner_disabled)).collect();
        let mut orgs: BTreeSet<Slug> = tenants.orgs()?.into_iter().map(|org| org.org).collect();
        for (org, owner, disabled) in owners {
            let [org, owner]: [Slug; 2] = [FromText::parse("org", org)?, FromText::parse("owner", owner)?];
            if orgs.insert(org.clone()) {
                let name = Name::parse("name", org.as_str())?;
                tenants.create_org(caller, &NewOrg { org: org.clone(), name, preset: None })?;
            }
            let found = match tenants.owner(&org, &owner) {
                Err(edgelatch_registry::Error::NotFound { .. }) => {
                    let name = Name::parse("name", owner.as_str())?;
                    let kind = OwnerKind::Service;
                    tenants.create_owner(
                        caller,
                        &NewOwner { org: org.clone(), owner: owner.clone(), kind, name, roles: Vec::new() },
                    )?
                }
                found => found?,
            };
            if found.disabled != disabled {
                let edit = OwnerEdit { disabled: Some(disabled), ..OwnerEdit::default() };
                tenants.edit_owner(caller, &org, &owner, &edit)?;
            }
        }
        Ok(())
    }
}

impl Older {
    /// The epoch that is published.
    pub fn epoch(&self) -> u64 {
        self.head.epoch
    }

    /// Goes on above it with the registry as it is, though what it leads to could not be read.
    pub fn go_on_above(&self, registry: &Registry, caller: &Caller) -> Result<(), Error> {
        self.take_head(registry, caller, &Seen::default(), "realm.go_on_above")
    }

    /// Takes up the published head and the roots that lead to it.
    fn take_head(&self, registry: &Registry, caller: &Caller, published: &Seen, reason: &str) -> Result<(), Error> {
        let ledger = registry.ledger(&self.realm);
        // An era that one of them begins is begun here too.
        self.roots.iter().try_for_each(|root| match ledger.follow_root(caller, root) {
            Err(edgelatch_registry::Error::Exists { .. }) => Ok(()),
            followed => followed,
        })?;
        let numbers: Vec<(Table, u32)> = published.numbers.iter().map(|(table, number)| (*table, *number)).collect();
        Ok(ledger.take_head(caller, &self.head, &numbers, reason)?)
    }
}

/// In what two records differ, by the names of what an administrator may change.
fn what(next: &PublishedKey, published: &PublishedKey) -> Vec<&'static str> {
    let same = [
        ("status", next.revoked == published.revoked),
        ("owner_disabled", next.owner_disabled == published.owner_disabled),
        ("roles", next.roles == published.roles),
        ("scope", next.services == published.services),
        ("ip", next.policy == published.policy),
        ("not_before", next.not_before == published.not_before),
        ("expires_at", next.expires_at == published.expires_at),
        ("owner", (&next.org, &next.owner) == (&published.org, &published.owner)),
        ("name", next.name == published.name),
        ("metadata", next.metadata == published.metadata),
        ("secret", next.key_id == published.key_id),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

/// The keys that differ, in the order in which they are listed and taken over.
fn differences(next: &Seen, published: &Seen, now: u64) -> (Vec<Differing>, Vec<GoingBack>) {
    let mut found: BTreeMap<KeyId, (Fate, BTreeSet<&'static str>)> = BTreeMap::new();
    let mut note = |key: KeyId, fate: Fate, what: Vec<&'static str>| {
        let (worst, all) = found.entry(key).or_insert((fate, BTreeSet::new()));
        *worst = fate.min(*worst);
        all.extend(what);
    };
    let known: BTreeSet<KeyId> = next.keys.values().map(|record| record.key_id).collect();
    for (digest, record) in &next.keys {
        let ended = record.revoked || record.expires_at.is_some_and(|at| at <= now);
        match published.keys.get(digest) {
            Some(shown) if shown == record => {}
            Some(shown) if shown.revoked && !record.revoked => note(record.key_id, Fate::Revived, what(record, shown)),
            Some(shown) => note(record.key_id, Fate::Changed, what(record, shown)),
            // What nobody would be let in with makes no difference.
            None if ended => {}
            None => note(record.key_id, Fate::Revived, vec!["secret"]),
        }
    }
    for shown in published.keys.values().filter(|shown| !next.keys.contains_key(&shown.digest)) {
        let fate = if known.contains(&shown.key_id) { Fate::Changed } else { Fate::Lost };
        note(shown.key_id, fate, vec!["secret"]);
    }
    let of = |seen: &Seen| {
        let mut all: BTreeMap<KeyId, Vec<PublishedKey>> = BTreeMap::new();
        for record in seen.keys.values().filter(|record| found.contains_key(&record.key_id)) {
            all.entry(record.key_id).or_default().push(record.clone());
        }
        all
    };
    let (mut before, mut after) = (of(next), of(published));
    let mut all: Vec<(Differing, GoingBack)> = Vec::new();
    for (key_id, (fate, what)) in found.iter().map(|(key, (fate, what))| (*key, (*fate, what))) {
        let next = before.remove(&key_id).unwrap_or_default();
        let published = after.remove(&key_id).unwrap_or_default();
        let Some(shown) = published.first().or(next.first()) else { continue };
        let back = GoingBack::of(fate, shown, what.iter().copied().collect());
        all.push((Differing { key_id, published, next }, back));
    }
    all.sort_by(|(_, a), (_, b)| (a.fate, &a.org, &a.name, &a.key_id).cmp(&(b.fate, &b.org, &b.name, &b.key_id)));
    all.into_iter().unzip()
}
