//! Realms and the roles they begin with.

use super::roles::insert_role;
use crate::audit::{Target, logged};
use crate::error::{Error, Kind};
use crate::limits::HEAD_LIFETIME;
use crate::model::{Caller, MANAGEMENT_REALM, NewRealm, Preset, PresetRole, Realm, RealmCredentials, RealmEdit, Slug, Word};
use crate::registry::Registry;
use crate::store::{Session, Statements, args, columns, fields};
use crate::transaction::{Change, InRealm, RealmId, Transaction, check_revision};

columns! {
    /// A realm's edges look in the headers of all its orgs; before there is one, in those that orgs begin with.
    REALM: Realm = {
        realm = "r.slug", name = "r.name", preset = "r.preset", prefix = "r.prefix",
        bearer = "coalesce((SELECT max(o.source_bearer) FROM orgs o WHERE o.realm_id = r.id), r.source_bearer)",
        x_api_key = "coalesce((SELECT max(o.source_x_api_key) FROM orgs o WHERE o.realm_id = r.id), r.source_x_api_key)",
        imports = "r.imports", head_lifetime = "r.head_lifetime", pepper_id = "r.pepper_id", changes = "r.changes", created_at = "r.created_at", revision = "r.revision"
    } => Realm {
        realm, name, preset, prefix, credentials: RealmCredentials { bearer, x_api_key }, imports, head_lifetime, pepper_id, changes,
        created_at, revision
    }
}

pub(crate) fn find_realm(session: &mut (impl Statements + ?Sized), realm: &Slug) -> Result<Realm, Error> {
    let found = session.one(REALM.select("FROM realms r WHERE r.slug = $1 AND r.deleted_at IS NULL"), args![realm.as_str()])?;
    found.ok_or_else(|| Error::missing(Kind::Realm, realm.as_str()))
}

/// Why a name is not free. That of a realm which was deleted would be that of what edges and management keys still name.
fn taken(session: &mut dyn Session, realm: &Slug) -> Result<Error, Error> {
    let sql = "SELECT count(*) FROM realms WHERE slug = $1 AND deleted_at IS NOT NULL";
    Ok(match session.count(sql, args![realm.as_str()])? {
        0 => Error::Exists { kind: Kind::Realm, id: realm.to_string() },
        _ => Error::invalid("realm", "is the name of one that was deleted, and is not given again: choose another"),
    })
}

impl Registry {
    /// Makes a realm with its preset's roles.
    pub fn create_realm(&self, caller: &Caller, new: &NewRealm) -> Result<Realm, Error> {
        caller.check_realm()?;
        if (new.realm.as_str() == MANAGEMENT_REALM) != (new.preset == Preset::Management) {
            return Err(Error::invalid("realm", "`management` is the name of the realm with that preset, and of no other"));
        }
        let data = new.preset.data()?;
        let headers = new.credentials.unwrap_or(data.settings.realm_credentials());
        if !headers.bearer && !headers.x_api_key {
            return Err(Error::invalid("credentials", "is empty; it must name `bearer`, `x-api-key` or both"));
        }
        let prefix = new.prefix.as_ref().unwrap_or(&data.settings.prefix);
        let now = self.env.now()?;
        let (realm, reached) = self.store.writing(|session| {
            let row = fields! {
                slug: new.realm.as_str(), name: new.name.as_str(), preset: new.preset.word(), prefix: prefix.as_str(),
                source_bearer: headers.bearer, source_x_api_key: headers.x_api_key, created_at: now,
            };
            let Some(id) = session.add_new("realms", row)? else { return Err(taken(session, &new.realm)?) };
            let mut change = Change::unbounded(Transaction::over(session, RealmId(id)), &self.env, now, caller);
            for PresetRole { role, name, permissions } in &data.roles {
                insert_role(&mut change, None, (role, name, permissions), true)?;
            }
            let realm = find_realm(&mut change, &new.realm)?;
            change.log("realm.create", &Target::realm(&new.realm, None), None, logged(&realm))?;
            Ok((realm, change.tx.reached()?))
        })?;
        caller.committed().set(reached);
        Ok(realm)
    }

    /// Gives a realm another name for people, or its heads another life. The name in URLs and snapshots stays: edges are deployed with it.
    pub fn edit_realm(&self, caller: &Caller, realm: &Slug, edit: &RealmEdit) -> Result<Realm, Error> {
        caller.check_realm()?;
        InRealm { registry: self, realm }.change(caller, |change| {
            let before = find_realm(change, realm)?;
            check_revision(edit.if_revision, before.revision, Kind::Realm, realm.as_str())?;
            let name = edit.name.as_ref().unwrap_or(&before.name);
            let head_lifetime = edit.head_lifetime.unwrap_or(before.head_lifetime);
            if !HEAD_LIFETIME.contains(&head_lifetime) {
                let (least, most) = (HEAD_LIFETIME.start(), HEAD_LIFETIME.end());
                return Err(Error::invalid("head_lifetime", format!("must be {least} to {most} seconds")));
            }
            if (name, head_lifetime) == (&before.name, before.head_lifetime) {
                return Ok(before);
            }
            let row = change.tx.realm.0;
            change.revise("realms", row, fields! { name: name.as_str(), head_lifetime: head_lifetime })?;
            let after = find_realm(change, realm)?;
            change.log("realm.edit", &Target::realm(realm, None), logged(&before), logged(&after))?;
            Ok(after)
        })
    }

    /// One realm.
    pub fn realm(&self, realm: &Slug) -> Result<Realm, Error> {
        self.store.reading(|session| find_realm(session, realm))
    }

    /// All realms, by name.
    pub fn realms(&self) -> Result<Vec<Realm>, Error> {
        self.store.reading(|session| session.all(REALM.select("FROM realms r WHERE r.deleted_at IS NULL ORDER BY r.slug"), &[]))
    }
}
