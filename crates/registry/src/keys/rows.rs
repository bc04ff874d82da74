//! A key's rows, written: its own, and those of the tables that hold a part of it.

use std::collections::BTreeSet;

use edgelatch_core::key::{self, KeyId};

use super::room;
use super::terms;
use super::total::turn;
use crate::directory::Numbers;
use crate::error::Error;
use crate::journal::What;
use crate::model::{
    Authority, Description, Digest, IpEntry, IpRules, Key, Looks, Name, NewKey, Origin, Scope, Settings, Slug, Tag, Word,
    folded, next_notice,
};
use crate::store::{Fields, Statements, Value, args, fields};
use crate::tenants::{OrgRow, RoleRow, find_role};
use crate::transaction::{Change, Transaction};

/// What the secrets table takes of a key's text.
pub(crate) struct Secret {
    digest: [u8; 32],
    first_12: Option<String>,
    masked: Option<String>,
}

impl Secret {
    pub(super) fn issued(text: &str) -> Secret {
        Secret { digest: key::digest(text.as_bytes()), first_12: Some(key::first_12(text)), masked: Some(key::masked(text)) }
    }

    pub(crate) fn imported(digest: &Digest) -> Secret {
        Secret { digest: *digest.bytes(), first_12: None, masked: None }
    }

    /// What is known of one from a published tree, which shows the leftmost half of a digest: as much as tells secrets apart. The rest is zeros.
    pub(crate) fn published(beginning: &[u8]) -> Secret {
        let mut digest = [0; 32];
        digest.iter_mut().zip(beginning).for_each(|(byte, known)| *byte = *known);
        Secret { digest, first_12: None, masked: None }
    }

    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Its row, for the key in `row`.
    pub(crate) fn fields(&self, change: &Change<'_>, row: u64) -> Fields {
        fields! {
            key_id: row, realm_id: change.tx.realm, digest: &self.digest[..], first_12: self.first_12.as_deref(),
            masked: self.masked.as_deref(), created_at: change.now,
        }
    }

    /// Adds it; an error when another key has its digest.
    pub(crate) fn add(&self, change: &mut Change<'_>, row: u64) -> Result<(), Error> {
        let id = change.add_new("secrets", self.fields(change, row))?.ok_or(Error::DigestTaken)?;
        room::come(&mut change.tx, "id = $1", args![id])
    }
}

/// The environment of a new key: the one that it names, or the first of its org's.
pub(crate) fn environment_of<'k>(settings: &'k Settings, named: Option<&'k Slug>) -> Option<&'k Slug> {
    named.or(settings.environments.first().map(|e| &e.environment))
}

/// A new key's own row.
pub(crate) fn new_row(
    change: &Change<'_>,
    (org, owner): (&OrgRow, u64),
    key_id: KeyId,
    (new, ip): (&NewKey, &IpRules),
    origin: Origin,
) -> Fields {
    fields! {
        key_id: key_id.to_string(), realm_id: change.tx.realm, org_id: org.id, owner_id: owner, name: new.name.as_str(),
        description: new.description.as_str(), origin: origin.word(), scope_all: new.scope == Scope::All,
        allow_mode: ip.allow_mode().word(), ip_order: ip.order().word(), not_before: new.not_before,
        expires_at: new.expires_at, metadata: new.metadata.as_str(), created_at: change.now, updated_at: change.now,
        rotated_at: change.now, created_by: change.caller.actor().as_str(), updated_by: change.caller.actor().as_str(),
        environment: environment_of(&org.settings, new.environment.as_ref()).map(Slug::as_str),
        notice_at: new.expires_at.and_then(|end| next_notice(end, u64::MAX)),
    }
    .and(of_text(&new.name, &new.description, org.settings.unique_names))
}

/// What is searched of a key. No text that is searched for holds a line break, so none is found across it.
fn searched(name: &Name, description: &Description) -> String {
    folded(&format!("{}\n{}", name.as_str(), description.as_str()))
}

/// What is stored of a key's texts so that names that look alike are one where they are held, and searches heed no case.
fn of_text(name: &Name, description: &Description, held: bool) -> Fields {
    let looks = Looks::of(name.as_str());
    let fields = fields! { folded: searched(name, description) };
    looks.columns().into_iter().fold(fields, |fields, (kept, holds, look)| {
        fields.and(Fields(vec![(kept, look.into()), (holds, held.then_some(look).into())]))
    })
}

/// What a key is found by.
pub(crate) fn terms_of(
    (name, description): (&Name, &Description),
    tags: &[Tag],
    roles: impl IntoIterator<Item = u64>,
    environment: Option<&str>,
    scope: &Scope,
) -> BTreeSet<String> {
    let mut all = terms::runs(&searched(name, description));
    all.extend(tags.iter().map(|tag| terms::tag(tag.as_str())));
    all.extend(roles.into_iter().map(terms::role));
    all.extend(environment.map(terms::environment));
    all.extend(scope.listed().iter().map(|service| terms::service(service.as_str())));
    all
}

/// Writes what an edit may change of a key's own row.
pub(super) fn revise(change: &mut Change<'_>, org: &OrgRow, row: u64, old: &Key, key: &Key) -> Result<(), Error> {
    turn(&mut change.tx, org.id, Some(old.revoked_at.is_some()), Some(key.revoked_at.is_some()))?;
    let edited = fields! {
        name: key.name.as_str(), description: key.description.as_str(), scope_all: key.scope == Scope::All,
        allow_mode: key.ip.allow_mode().word(), ip_order: key.ip.order().word(), not_before: key.not_before,
        expires_at: key.expires_at, metadata: key.metadata.as_str(), updated_at: change.now,
        updated_by: change.caller.actor().as_str(),
        environment: key.environment.as_ref().map(Slug::as_str),
        revoked_at: key.revoked_at,
    };
    // A name is free once its key is revoked.
    let held = org.settings.unique_names && key.revoked_at.is_none();
    let edited = edited.and(of_text(&key.name, &key.description, held));
    let taken = || Error::NameTaken { name: key.name.to_string() };
    change.revise("key_rows", row, edited).map_err(|e| e.or_unique(taken))
}

/// Lets a key that expires at another time be told of anew before it does.
pub(super) fn expires_anew(change: &mut Change<'_>, row: u64, expires_at: Option<u64>) -> Result<(), Error> {
    let notice = expires_at.and_then(|end| next_notice(end, u64::MAX));
    change.run("UPDATE key_rows SET notice_at = $2 WHERE id = $1", args![row, notice]).map(drop)
}

pub(crate) fn role_rows(row: u64, roles: &[RoleRow]) -> Vec<Fields> {
    roles.iter().map(|role| fields! { key_id: row, role_id: role.id }).collect()
}

pub(crate) fn service_rows(row: u64, scope: &Scope) -> Vec<Fields> {
    scope.listed().iter().map(|service| fields! { key_id: row, service: service.as_str() }).collect()
}

pub(crate) fn tag_rows(row: u64, tags: &[Tag]) -> Vec<Fields> {
    tags.iter().map(|tag| fields! { key_id: row, folded: folded(tag.as_str()), tag: tag.as_str() }).collect()
}

pub(crate) fn ip_rows(row: u64, ip: &IpRules) -> Vec<Fields> {
    let rows = [("allow", ip.allow()), ("deny", ip.deny())].into_iter().flat_map(|(list, entries)| {
        (0u64..).zip(entries).map(move |(position, IpEntry { cidr, enabled, note })| {
            fields! {
                key_id: row, list: list, position: position, cidr: cidr.to_string(), enabled: *enabled, note: note.as_str(),
            }
        })
    });
    rows.collect()
}

/// Puts other rows in the place of a key's in one of these tables.
pub(super) fn replace(tx: &mut Transaction<'_>, table: &str, row: u64, rows: Vec<Fields>) -> Result<(), Error> {
    tx.run(&format!("DELETE FROM {table} WHERE key_id = $1"), args![row])?;
    tx.add_all(table, rows)
}

/// Rows of a key's roles; none where it has none of its own.
pub(super) fn roles(tx: &mut Transaction<'_>, org: &OrgRow, roles: &[Slug]) -> Result<Vec<RoleRow>, Error> {
    match org.settings.authority {
        Authority::Roles => roles.iter().map(|role| find_role(tx, org.id, role)).collect(),
        Authority::Owner | Authority::Org => Ok(Vec::new()),
    }
}

/// Removes a key, and with it what the tables of its parts hold.
pub(super) fn remove(tx: &mut Transaction<'_>, org: &OrgRow, row: u64, key: &Key) -> Result<(), Error> {
    turn(tx, org.id, Some(key.revoked_at.is_some()), None)?;
    let numbers = Numbers::of(tx, row)?;
    end_secrets(tx, "key_id = $1", args![row])?;
    tx.delete("key_rows", row)?;
    numbers.release(tx, org.id)
}

/// Removes the secrets that a test finds, and notes that they are gone. Returns how many there were.
pub(crate) fn end_secrets(tx: &mut Transaction<'_>, test: &str, values: &[Value]) -> Result<u64, Error> {
    room::leave(tx, test, values)?;
    let gone: Vec<[u8; 32]> = tx.all(format!("DELETE FROM secrets WHERE {test} RETURNING digest"), values)?;
    let ended = gone.len() as u64;
    tx.touch_all(gone.into_iter().map(What::Gone))?;
    Ok(ended)
}

/// Ends every secret of a key but the newest: a key that is enabled again comes back with that one only.
pub(super) fn end_overlap(tx: &mut Transaction<'_>, row: u64) -> Result<(), Error> {
    end_secrets(tx, "key_id = $1 AND id < (SELECT max(id) FROM secrets WHERE key_id = $1)", args![row]).map(drop)
}
