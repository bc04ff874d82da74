//! A registry that is older than what is published: keys become again what edges were told of them.

use std::sync::Arc;

use edgelatch_core::build::RoleRecord;
use edgelatch_core::head::Head;
use edgelatch_core::key::KeyId;
use edgelatch_core::policy::IpPolicy;
use edgelatch_core::tree::Table;
use serde_json::json;

use crate::audit::Target;
use crate::directory::words;
use crate::error::Error;
use crate::journal::What;
use crate::keys::{Keys, Secret, end_secrets, insert, put};
use crate::limits::BULK_KEYS;
use crate::model::{Authority, Caller, FromText, IpEntry, IpRules, Key, Metadata, Name, NewKey, Origin, Scope, Slug};
use crate::publish::Ledger;
use crate::store::{Statements, args};
use crate::tenants::{OrgRow, find_role};
use crate::transaction::Change;

/// A record of a published tree, with what it refers to in the place of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    /// The leftmost 16 bytes of its digest.
    pub digest: [u8; 16],
    /// The key's id.
    pub key_id: KeyId,
    /// Its org.
    pub org: String,
    /// Its owner.
    pub owner: String,
    /// Whether the owner is disabled.
    pub owner_disabled: bool,
    /// Its name; may be empty.
    pub name: String,
    /// JSON text; may be empty.
    pub metadata: String,
    /// Whether it is revoked.
    pub revoked: bool,
    /// Refused before this time, in Unix seconds.
    pub not_before: Option<u64>,
    /// Refused from this time on, in Unix seconds.
    pub expires_at: Option<u64>,
    /// Its roles, by name.
    pub roles: Arc<Vec<RoleRecord>>,
    /// Its services; none for all.
    pub services: Option<Arc<Vec<String>>>,
    /// From where it may be used; none for everywhere.
    pub policy: Option<Arc<IpPolicy>>,
}

/// A key of which a published tree shows something else than the registry: its records there, and those that the registry would publish next. One
/// of the two may be without any.
#[derive(Clone, Debug)]
pub struct Differing {
    /// The key.
    pub key_id: KeyId,
    /// What is published.
    pub published: Vec<PublishedKey>,
    /// What would be published next.
    pub next: Vec<PublishedKey>,
}

impl Keys<'_> {
    /// Gives keys the state that a published `epoch` shows of them. One that is gone there, or revoked, is revoked; one that the registry does
    /// not know is made under its id. An org's settings are not asked: it was so before. Roles that an org does not have are left out. Each of
    /// several transactions ends with a row in the audit log that says why. `progress` hears how many were done.
    pub fn take_over(
        &self,
        caller: &Caller,
        epoch: u64,
        keys: &[Differing],
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        let mut done = 0;
        for some in keys.chunks(BULK_KEYS) {
            self.0.change(caller, |change| {
                some.iter().try_for_each(|key| take_over(change, key))?;
                let ids: Vec<String> = some.iter().map(|key| key.key_id.to_string()).collect();
                let what = json!({ "published_epoch": epoch, "keys": ids });
                change.log("realm.take_published", &Target::realm(self.0.realm, None), None, Some(what))
            })?;
            done += some.len() as u64;
            progress(done);
        }
        Ok(())
    }
}

fn take_over(change: &mut Change<'_>, differing: &Differing) -> Result<(), Error> {
    let Differing { key_id, published, .. } = differing;
    let (loaded, org) = match change.key(*key_id, None) {
        Err(Error::NotFound { .. }) => match make(change, *key_id, published)? {
            true => change.key(*key_id, None)?,
            false => return Ok(()),
        },
        found => found?,
    };
    let row = loaded.row;
    let (live, revoked): (Vec<&PublishedKey>, Vec<_>) = published.iter().partition(|record| !record.revoked);
    let revoked_at = live.is_empty().then(|| loaded.key.revoked_at.unwrap_or(change.now));
    // A revoked one too is taken over whole: somebody may enable it again.
    let shown = if live.is_empty() { revoked } else { live };
    let key = match main_record(&shown) {
        None => loaded.key.clone(),
        Some(record) => {
            as_published(change, &loaded.key, &org, record, main_record(&differing.next.iter().collect::<Vec<_>>()))?
        }
    };
    put(change, loaded, &org, Key { revoked_at, ..key })?;
    if shown.is_empty() { Ok(()) } else { take_secrets(change, row, &shown) }
}

/// Of a key's records the one of its newest secret: the others end before it.
fn main_record<'k>(records: &[&'k PublishedKey]) -> Option<&'k PublishedKey> {
    records.iter().copied().max_by_key(|record| record.expires_at.unwrap_or(u64::MAX))
}

/// Makes a key that the registry does not know; false where nothing of it is published that lives, so that there is nothing to revoke.
fn make(change: &mut Change<'_>, key_id: KeyId, published: &[PublishedKey]) -> Result<bool, Error> {
    let all: Vec<&PublishedKey> = published.iter().collect();
    let Some(record) = main_record(&all) else { return Ok(false) };
    let org = change.org(&FromText::parse("org", &record.org)?)?;
    let name = match Name::parse("name", &record.name) {
        Ok(name) => name,
        Err(_) => Name::parse("name", &key_id.to_string())?,
    };
    let new = NewKey {
        owner: Some(FromText::parse("owner", &record.owner)?),
        ..NewKey::new(FromText::parse("org", &record.org)?, name)
    };
    let ip = IpRules::new(None, Default::default(), Vec::new(), Vec::new())?;
    let origin = if change.count("SELECT imports FROM realms WHERE id = $1", args![change.tx.realm])? == 0 {
        Origin::Issued
    } else {
        Origin::Imported
    };
    let made = insert(change, &org, (key_id, origin), (&new, &ip), &Secret::published(&record.digest))?;
    change.log("key.create", &Target::key(&made.key), None, crate::audit::logged(&made.key))?;
    Ok(true)
}

/// A key as its record says, but for whether it is revoked. What differs in nothing that edges see stays, such as notes of IP entries. `next` is what the registry shows.
fn as_published(
    change: &mut Change<'_>,
    old: &Key,
    org: &OrgRow,
    record: &PublishedKey,
    next: Option<&PublishedKey>,
) -> Result<Key, Error> {
    let mut key = Key { not_before: record.not_before, expires_at: record.expires_at, ..old.clone() };
    key.metadata = Metadata::stored(record.metadata.clone());
    key.owner = FromText::parse("owner", &record.owner)?;
    if let Ok(name) = Name::parse("name", &record.name) {
        key.name = name;
    }
    let differs = |same: fn(&PublishedKey, &PublishedKey) -> bool| next.is_none_or(|next| !same(next, record));
    if differs(|a, b| a.services == b.services) {
        key.scope = match &record.services {
            None => Scope::All,
            Some(services) => {
                Scope::List(services.iter().map(|service| FromText::parse("scope", service)).collect::<Result<_, _>>()?)
            }
        };
    }
    if differs(|a, b| a.policy == b.policy) {
        key.ip = match &record.policy {
            None => IpRules::new(None, old.ip.order(), Vec::new(), Vec::new())?,
            Some(policy) => {
                let entries = |list: &[_]| -> Result<Vec<IpEntry>, Error> {
                    list.iter().map(|cidr: &edgelatch_core::cidr::Cidr| FromText::parse("ip", &cidr.to_string())).collect()
                };
                IpRules::new(Some(policy.allow_mode), policy.order, entries(&policy.allow)?, entries(&policy.deny)?)?
            }
        };
    }
    if org.settings.authority == Authority::Roles && differs(|a, b| a.roles == b.roles) {
        key.roles = Vec::new();
        for role in record.roles.iter() {
            let Ok(slug) = <Slug as FromText>::parse("roles", &role.name) else { continue };
            match find_role(&mut change.tx, org.id, &slug) {
                Ok(_) => key.roles.push(slug),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        key.roles.sort_unstable();
    }
    Ok(key)
}

/// Lets a key have the secrets that are published, each with its end, and no other.
fn take_secrets(change: &mut Change<'_>, row: u64, shown: &[&PublishedKey]) -> Result<(), Error> {
    let had: Vec<(u64, Vec<u8>)> = change.all("SELECT id, substr(digest, 1, 16) FROM secrets WHERE key_id = $1", args![row])?;
    let end = main_record(shown).and_then(|record| record.expires_at);
    for (id, _) in had.iter().filter(|(_, digest)| shown.iter().all(|record| record.digest[..] != digest[..])) {
        end_secrets(&mut change.tx, "id = $1", args![*id])?;
    }
    // The newest one comes last.
    let mut sorted = shown.to_vec();
    sorted.sort_by_key(|record| record.expires_at.unwrap_or(u64::MAX));
    for record in sorted {
        if had.iter().all(|(_, digest)| record.digest[..] != digest[..]) {
            Secret::published(&record.digest).add(change, row)?;
        }
        let own_end = record.expires_at.filter(|_| record.expires_at != end);
        let sql = "UPDATE secrets SET expires_at = $3 WHERE key_id = $1 AND substr(digest, 1, 16) = $2";
        change.run(sql, args![row, &record.digest[..], own_end])?;
    }
    change.tx.touch(What::Key(row))
}

impl Ledger<'_> {
    /// Whether a published head is none that this registry cannot have signed: the ledger has taken its epoch, and not for another tree; or it was
    /// chosen to go on above it.
    pub fn knows(&self, head: &Head) -> Result<bool, Error> {
        self.0.read(|tx| {
            let ends: Option<(u64, u64)> =
                tx.one("SELECT last_epoch, settled_epoch FROM realms WHERE id = $1", args![tx.realm])?;
            let (last, settled) = ends.unwrap_or_default();
            let sql = "SELECT tree, issued_at FROM epochs WHERE realm_id = $1 AND epoch = $2";
            let row: Option<([u8; 32], u64)> = tx.one(sql, args![tx.realm, head.epoch])?;
            let ours = row.is_none_or(|row| row == (head.tree.0, head.issued_at));
            Ok(head.epoch <= settled || (head.epoch <= last && ours))
        })
    }

    /// Lets the next epoch be above this one, such as one that edges have of which nothing else is left. It is due at once.
    pub fn skip_to(&self, caller: &Caller, epoch: u64) -> Result<(), Error> {
        self.0.change(caller, |change| {
            let sql = "UPDATE realms SET last_epoch = $2 WHERE id = $1 AND last_epoch < $2";
            if change.run(sql, args![change.tx.realm, epoch])? == 0 {
                return Ok(());
            }
            change.tx.touch(What::Everything)?;
            let what = json!({ "published_epoch": epoch });
            change.log("realm.go_on_above", &Target::realm(self.0.realm, None), None, Some(what))
        })
    }

    /// Settles that it goes on above a published head, with another epoch at once. `numbers` are the greatest that the published directory has in
    /// each table: they are not given again. The audit log says for what `reason`.
    pub fn take_head(&self, caller: &Caller, head: &Head, numbers: &[(Table, u32)], reason: &str) -> Result<(), Error> {
        self.0.change(caller, |change| {
            let greatest = numbers.iter().map(|(table, number)| (words(*table).last, u64::from(*number)));
            let ends = [("last_epoch", head.epoch), ("settled_epoch", head.epoch), ("last_issued_at", head.issued_at)];
            for (column, least) in ends.into_iter().chain(greatest) {
                let sql = format!("UPDATE realms SET {column} = $2 WHERE id = $1 AND {column} < $2");
                change.run(&sql, args![change.tx.realm, least])?;
            }
            change.tx.touch(What::Everything)?;
            // A publisher that has read keys as they were before is given no epoch.
            change.run("UPDATE realms SET least_changes = changes WHERE id = $1", args![change.tx.realm])?;
            let what = json!({ "published_epoch": head.epoch, "published_tree": head.tree.to_string() });
            change.log(reason, &Target::realm(self.0.realm, None), None, Some(what))
        })
    }
}
