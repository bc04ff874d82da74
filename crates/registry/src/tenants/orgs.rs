//! Orgs and their settings.

use super::find::{OrgRow, count};
use super::owners::count_no_more;
use super::realms::{self, predefined};
use super::roles::{self, insert_role};
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind};
use crate::model::{Caller, NewOrg, Org, OrgEdit, Settings, Slug, Sources};
use crate::registry::Registry;
use crate::store::{Row, Session, Value, args};
use crate::transaction::{RealmId, check_revision, realm_id, touch};

const COLUMNS: &str = "SELECT slug, name, settings, created_at, revision FROM orgs WHERE realm_id = $1";

fn read(row: &Row<'_>) -> Result<Org, Error> {
    Ok(Org {
        org: row.parse(0)?,
        name: row.parse(1)?,
        settings: Settings::stored(row.text(2)?)?,
        created_at: row.int(3)?,
        revision: row.int(4)?,
    })
}

fn find(session: &mut dyn Session, realm: RealmId, org: &Slug) -> Result<Org, Error> {
    let found = session.row(&format!("{COLUMNS} AND slug = $2"), args![realm.0, org.as_str()], read)?;
    found.ok_or_else(|| Error::missing(Kind::Org, org.as_str()))
}

/// The settings, and what queries need of them beside.
fn settings_values(settings: &Settings) -> Result<[Value; 5], Error> {
    let text = serde_json::to_string(settings).map_err(|e| Error::Store { detail: e.to_string() })?;
    let sources = settings.sources();
    let (authority, list_revoked) = (settings.authority.word(), settings.list_revoked);
    Ok([text.into(), sources.bearer.into(), sources.x_api_key.into(), authority.into(), list_revoked.into()])
}

/// Claims or frees the names of the org's keys when the settings say so from now on.
fn hold_names(session: &mut dyn Session, org: &OrgRow, unique: bool) -> Result<(), Error> {
    if org.settings.unique_names == unique {
        return Ok(());
    }
    if !unique {
        return session.run("UPDATE keys SET held_name = NULL WHERE org_id = $1", args![org.id]).map(|_| ());
    }
    let sql = "UPDATE keys SET held_name = name WHERE org_id = $1 AND revoked_at IS NULL";
    let shared = || Error::invalid("settings/unique_names", "two of the org's keys share a name: rename or revoke one first");
    session.run(sql, args![org.id]).map(|_| ()).map_err(|e| e.or_unique(shared))
}

impl Registry {
    /// Makes an org with the settings of its preset.
    pub fn create_org(&self, caller: &Caller, realm: &Slug, new: &NewOrg) -> Result<Org, Error> {
        caller.check_realm()?;
        self.act(caller, realm, |act| {
            let before = realms::find(act.session, realm)?;
            let other = new.preset.filter(|preset| *preset != before.preset);
            let data = other.unwrap_or(before.preset).data()?;
            let mut settings = data.settings;
            if other.is_none() {
                let sql = "SELECT source_bearer, source_x_api_key FROM realms WHERE id = $1";
                let read = |row: &Row<'_>| Ok(Sources { bearer: row.bool(0)?, x_api_key: row.bool(1)? });
                settings.prefix = before.prefix;
                if let Some(sources) = act.session.row(sql, args![act.realm.0], read)? {
                    settings.credentials = sources.credentials();
                }
            }
            let sql = "INSERT INTO orgs (settings, source_bearer, source_x_api_key, authority, list_revoked, realm_id, slug, name, \
                       created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
            let exists = || Error::Exists { kind: Kind::Org, id: new.org.to_string() };
            let about = args![act.realm.0, new.org.as_str(), new.name.as_str(), act.now];
            let values = [&settings_values(&settings)?, about].concat();
            let id = act.session.row(sql, &values, |row| row.int(0)).map_err(|e| e.or_unique(exists))?;
            let id = id.ok_or_else(|| Error::Store { detail: "a new org got no row".into() })?;
            for role in other.map(|_| data.roles).unwrap_or_default() {
                insert_role(act.session, act.realm, Some(id), &predefined(role, Some(&new.org)), true, act.now)?;
            }
            if realms::find(act.session, realm)?.sources != before.sources {
                touch(act.session, act.realm)?;
            }
            let org = find(act.session, act.realm, &new.org)?;
            act.log("org.create", &Target::org(&org.org), None, logged(&org))?;
            Ok(org)
        })
    }

    /// All orgs of a realm, by identifier.
    pub fn orgs(&self, realm: &Slug) -> Result<Vec<Org>, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            session.rows(&format!("{COLUMNS} ORDER BY slug"), args![realm.0], read)
        })
    }

    /// One org.
    pub fn org(&self, realm: &Slug, org: &Slug) -> Result<Org, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            find(session, realm, org)
        })
    }

    /// Changes an org's name or settings. Keys that exist are left as they are, also where new ones could no longer be made so.
    pub fn edit_org(&self, caller: &Caller, realm: &Slug, org: &Slug, edit: &OrgEdit) -> Result<Org, Error> {
        caller.check_realm()?;
        self.act(caller, realm, |act| {
            let row = act.org(org)?;
            let before = find(act.session, act.realm, org)?;
            check_revision(edit.if_revision, before.revision, Kind::Org, org.as_str())?;
            let name = edit.name.as_ref().unwrap_or(&before.name);
            let settings = edit.settings.as_ref().map_or(Ok(row.settings.clone()), |new| row.settings.edited(new))?;
            if *name == before.name && settings == before.settings {
                return Ok(before);
            }
            let seen = realms::find(act.session, realm)?.sources;
            hold_names(act.session, &row, settings.unique_names)?;
            let sql = "UPDATE orgs SET settings = $1, source_bearer = $2, source_x_api_key = $3, authority = $4, \
                       list_revoked = $5, name = $7, revision = revision + 1 WHERE id = $6";
            let values = [&settings_values(&settings)?, args![row.id, name.as_str()]].concat();
            act.session.run(sql, &values)?;
            if settings.authority != row.settings.authority || realms::find(act.session, realm)?.sources != seen {
                touch(act.session, act.realm)?;
            }
            let after = find(act.session, act.realm, org)?;
            act.log("org.edit", &Target::org(org), logged(&before), logged(&after))?;
            Ok(after)
        })
    }

    /// Deletes an org that has no keys, with its owners and roles.
    pub fn delete_org(&self, caller: &Caller, realm: &Slug, org: &Slug, if_revision: Option<u64>) -> Result<Org, Error> {
        caller.check_realm()?;
        self.act(caller, realm, |act| {
            let (row, before) = (act.org(org)?, find(act.session, act.realm, org)?);
            check_revision(if_revision, before.revision, Kind::Org, org.as_str())?;
            let keys = count(act.session, "SELECT count(*) FROM keys WHERE org_id = $1", row.id)?;
            if keys > 0 {
                return Err(Error::InUse { kind: Kind::Org, id: org.to_string(), by: format!("{keys} keys") });
            }
            let seen = realms::find(act.session, realm)?.sources;
            for owner in act.session.rows("SELECT id FROM owners WHERE org_id = $1", args![row.id], |found| found.int(0))? {
                count_no_more(act, row.id, owner)?;
            }
            for role in roles::of_org(act.session, act.realm, org)? {
                directory::remove_role(act.session, act.realm, &role.role, &role.permissions)?;
            }
            for sql in [
                "DELETE FROM owners WHERE org_id = $1",
                "DELETE FROM roles WHERE org_id = $1",
                "DELETE FROM requests WHERE org_id = $1",
                "DELETE FROM directory_sizes WHERE org_id = $1",
                "DELETE FROM orgs WHERE id = $1",
            ] {
                act.session.run(sql, args![row.id])?;
            }
            if realms::find(act.session, realm)?.sources != seen {
                touch(act.session, act.realm)?;
            }
            act.log("org.delete", &Target::org(org), logged(&before), None)?;
            Ok(before)
        })
    }
}
