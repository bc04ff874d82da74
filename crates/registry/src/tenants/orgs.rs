//! Orgs and their settings.

use super::realms::find_realm;
use super::roles::insert_role;
use super::{Tenants, check_unused};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind};
use crate::grants::Grant;
use crate::journal::What;
use crate::model::{
    Caller, Looks, MANAGEMENT_REALM, Name, NewOrg, Org, OrgEdit, Preset, PresetRole, RealmCredentials, Settings, Slug, Word,
};
use crate::people::{ORG as PEOPLE, displaced};
use crate::store::{Fields, Statements, args, columns, fields};
use crate::transaction::{Change, Transaction, check_revision};

/// What the log calls the end of an org.
const DELETED: &str = "org.delete";

columns! {
    ORG: (u64, Org) = { id, org = "slug", name, settings, created_at, revision }
        => (id, Org { org, name, settings, created_at, revision })
}

fn find(tx: &mut Transaction<'_>, org: &Slug) -> Result<(u64, Org), Error> {
    let found = tx.one(ORG.select("FROM orgs WHERE realm_id = $1 AND slug = $2"), args![tx.realm, org.as_str()])?;
    found.ok_or_else(|| Error::missing(Kind::Org, org.as_str()))
}

/// Why a name is not free. That of an org which was deleted is what management keys, rules for an identity provider, the audit log and whatever reads
/// identities behind edges still name, so it is given to no other: one that got it would inherit all of that. The log holds it for ever.
fn taken(tx: &mut Transaction<'_>, org: &Slug) -> Result<Option<Error>, Error> {
    let sql = "SELECT count(*) FROM orgs WHERE realm_id = $1 AND slug = $2";
    if tx.count(sql, args![tx.realm, org.as_str()])? > 0 {
        return Ok(Some(Error::Exists { kind: Kind::Org, id: org.to_string() }));
    }
    let sql = "SELECT count(*) FROM audit_log WHERE realm_id = $1 AND target = $2 AND kind = $3 AND action = $4";
    let values = args![tx.realm, org.as_str(), &*Kind::Org.to_string(), DELETED];
    let reason = "is the name of one that was deleted, and is not given again: choose another";
    Ok((tx.count(sql, values)? > 0).then(|| Error::invalid("org", reason)))
}

/// An org that the caller may change, if it is at the expected revision.
fn find_to_change(change: &mut Change<'_>, org: &Slug, if_revision: Option<u64>) -> Result<(u64, Org), Error> {
    change.caller.check(org, Kind::Org, org.as_str())?;
    let found = find(&mut change.tx, org)?;
    check_revision(if_revision, found.1.revision, Kind::Org, org.as_str())?;
    Ok(found)
}

/// An org's name and settings, and beside them what queries need of the settings.
fn editable(name: &Name, settings: &Settings) -> Result<Fields, Error> {
    let text = serde_json::to_string(settings).map_err(|e| Error::Store { detail: e.to_string() })?;
    let headers = settings.realm_credentials();
    Ok(fields! {
        name: name.as_str(), settings: text, source_bearer: headers.bearer, source_x_api_key: headers.x_api_key,
        authority: settings.authority.word(), list_revoked: settings.list_revoked,
    })
}

/// Claims the names of the org's keys for one key each, or frees them.
fn hold_names(change: &mut Change<'_>, org: u64, unique: bool) -> Result<(), Error> {
    let set =
        |to: fn(&'static str) -> &'static str| Looks::COLUMNS.map(|(kept, held)| format!("{held} = {}", to(kept))).join(", ");
    if !unique {
        return change.run(&format!("UPDATE key_rows SET {} WHERE org_id = $1", set(|_| "NULL")), args![org]).map(drop);
    }
    let sql = format!("UPDATE key_rows SET {} WHERE org_id = $1 AND revoked_at IS NULL", set(|kept| kept));
    let shared = || {
        Error::invalid(
            "settings/unique_names",
            "two of the org's keys share a name, or have names that look alike: rename or revoke one first",
        )
    };
    change.run(&sql, args![org]).map(drop).map_err(|e| e.or_unique(shared))
}

/// Notes that the next snapshot differs if edges look in other headers than in those from `before`.
fn touch_if_other_headers(change: &mut Change<'_>, realm: &Slug, before: RealmCredentials) -> Result<(), Error> {
    if find_realm(change, realm)?.credentials == before { Ok(()) } else { change.tx.touch(What::Settings) }
}

impl Tenants<'_> {
    /// Makes an org with the settings of its preset.
    pub fn create_org(&self, caller: &Caller, new: &NewOrg) -> Result<Org, Error> {
        caller.check_realm()?;
        self.0.change(caller, |change| {
            let realm = find_realm(change, self.0.realm)?;
            if new.preset == Some(Preset::Management) && realm.preset != Preset::Management {
                return Err(Error::invalid("preset", "`management` is the preset of the realm of that name, and of no other"));
            }
            let other = new.preset.filter(|preset| *preset != realm.preset);
            let data = other.unwrap_or(realm.preset).data()?;
            let mut settings = data.settings;
            if other.is_none() {
                let sql = "SELECT source_bearer, source_x_api_key FROM realms WHERE id = $1";
                settings.prefix = realm.prefix;
                if let Some((bearer, x_api_key)) = change.one(sql, args![change.tx.realm])? {
                    settings.credentials = RealmCredentials { bearer, x_api_key }.credentials();
                }
            }
            if let Some(taken) = taken(&mut change.tx, &new.org)? {
                return Err(taken);
            }
            let row = fields! { realm_id: change.tx.realm, slug: new.org.as_str(), created_at: change.now };
            let exists = || Error::Exists { kind: Kind::Org, id: new.org.to_string() };
            let id = change.add_new("orgs", row.and(editable(&new.name, &settings)?))?.ok_or_else(exists)?;
            for PresetRole { role, name, permissions } in other.iter().flat_map(|_| &data.roles) {
                insert_role(change, Some(id), (role, name, permissions), true)?;
            }
            touch_if_other_headers(change, self.0.realm, realm.credentials)?;
            let (_, org) = find(&mut change.tx, &new.org)?;
            change.log("org.create", &Target::org(&org.org), None, logged(&org))?;
            Ok(org)
        })
    }

    /// All orgs, by identifier.
    pub fn orgs(&self) -> Result<Vec<Org>, Error> {
        self.0.read(|tx| {
            let orgs = tx.all(ORG.select("FROM orgs WHERE realm_id = $1 ORDER BY slug"), args![tx.realm])?;
            Ok(orgs.into_iter().map(|(_, org)| org).collect())
        })
    }

    /// One org.
    pub fn org(&self, org: &Slug) -> Result<Org, Error> {
        self.0.read(|tx| find(tx, org).map(|(_, org)| org))
    }

    /// Changes an org's name or settings. Keys that exist are left as they are, also where new ones could no longer be made so.
    pub fn edit_org(&self, caller: &Caller, org: &Slug, edit: &OrgEdit) -> Result<Org, Error> {
        caller.check_realm()?;
        self.0.change(caller, |change| {
            let (id, before) = find_to_change(change, org, edit.if_revision)?;
            let name = edit.name.as_ref().unwrap_or(&before.name);
            let settings = edit.settings.as_ref().map_or(Ok(before.settings.clone()), |new| before.settings.edited(new))?;
            if *name == before.name && settings == before.settings {
                return Ok(before);
            }
            let headers = find_realm(change, self.0.realm)?.credentials;
            if settings.unique_names != before.settings.unique_names {
                hold_names(change, id, settings.unique_names)?;
            }
            change.revise("orgs", id, editable(name, &settings)?)?;
            touch_if_other_headers(change, self.0.realm, headers)?;
            if settings.authority != before.settings.authority {
                directory::regrant_org(&mut change.tx, id, settings.authority)?;
                change.check_grant(Grant::Org(id))?;
                change.tx.touch(What::Org(id))?;
            }
            let (_, after) = find(&mut change.tx, org)?;
            change.log("org.edit", &Target::org(org), logged(&before), logged(&after))?;
            Ok(after)
        })
    }

    /// Deletes an org that has no keys, with its owners and roles, and whoever was invited to it. Its name is not given again.
    pub fn delete_org(&self, caller: &Caller, org: &Slug, if_revision: Option<u64>) -> Result<Org, Error> {
        caller.check_realm()?;
        if self.0.realm.as_str() == MANAGEMENT_REALM && org.as_str() == PEOPLE {
            return Err(Error::invalid(
                "org",
                "is that of the people who sign in to the console, which stays: who is locked out stands there",
            ));
        }
        let act = || {
            self.0.change(caller, |change| {
                let (id, before) = find_to_change(change, org, if_revision)?;
                check_unused(change, (Kind::Org, org), "org_id = $1", id)?;
                let headers = find_realm(change, self.0.realm)?.credentials;
                displaced(change, Some(id))?;
                for sql in [
                    "DELETE FROM owners WHERE org_id = $1",
                    "DELETE FROM roles WHERE org_id = $1",
                    "DELETE FROM requests WHERE org_id = $1",
                    "DELETE FROM directory_sizes WHERE org_id = $1",
                    "DELETE FROM record_sizes WHERE org_id = $1",
                    "DELETE FROM orgs WHERE id = $1",
                ] {
                    change.run(sql, args![id])?;
                }
                let realm = change.tx.realm;
                change
                    .run("DELETE FROM usage_buckets WHERE realm_id = $1 AND subject = $2", args![realm, format!("org:{id}")])?;
                touch_if_other_headers(change, self.0.realm, headers)?;
                change.log(DELETED, &Target::org(org), logged(&before), None)?;
                Ok(before)
            })
        };
        self.0.over_imports(act)
    }
}
