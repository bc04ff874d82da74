//! Realms and the roles they begin with.

use super::roles::insert_role;
use crate::audit::{Target, logged};
use crate::error::{Error, Kind};
use crate::model::{Caller, MANAGEMENT_REALM, NewRealm, Preset, PresetRole, Realm, RealmCredentials, Slug, Word};
use crate::registry::Registry;
use crate::store::{Statements, args, columns, fields};
use crate::transaction::{Change, RealmId, Transaction};

columns! {
    /// A realm's edges look in the headers of all its orgs; before there is one, in those that orgs begin with.
    REALM: Realm = {
        realm = "r.slug", name = "r.name", preset = "r.preset", prefix = "r.prefix",
        bearer = "coalesce((SELECT max(o.source_bearer) FROM orgs o WHERE o.realm_id = r.id), r.source_bearer)",
        x_api_key = "coalesce((SELECT max(o.source_x_api_key) FROM orgs o WHERE o.realm_id = r.id), r.source_x_api_key)",
        imports = "r.imports", pepper_id = "r.pepper_id", changes = "r.changes", created_at = "r.created_at"
    } => Realm { realm, name, preset, prefix, credentials: RealmCredentials { bearer, x_api_key }, imports, pepper_id, changes, created_at }
}

pub(crate) fn find_realm(session: &mut (impl Statements + ?Sized), realm: &Slug) -> Result<Realm, Error> {
    let found = session.one(REALM.select("FROM realms r WHERE r.slug = $1"), args![realm.as_str()])?;
    found.ok_or_else(|| Error::missing(Kind::Realm, realm.as_str()))
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
        self.store.writing(|session| {
            let row = fields! {
                slug: new.realm.as_str(), name: new.name.as_str(), preset: new.preset.word(), prefix: prefix.as_str(),
                source_bearer: headers.bearer, source_x_api_key: headers.x_api_key, created_at: now,
            };
            let exists = || Error::Exists { kind: Kind::Realm, id: new.realm.to_string() };
            let id = session.add_new("realms", row)?.ok_or_else(exists)?;
            let mut change = Change { tx: Transaction::over(session, RealmId(id)), now, caller };
            for PresetRole { role, name, permissions } in &data.roles {
                insert_role(&mut change, None, (role, name, permissions), true)?;
            }
            let realm = find_realm(&mut change, &new.realm)?;
            change.log("realm.create", &Target::realm(&new.realm, None), None, logged(&realm))?;
            Ok(realm)
        })
    }

    /// One realm.
    pub fn realm(&self, realm: &Slug) -> Result<Realm, Error> {
        self.store.reading(|session| find_realm(session, realm))
    }

    /// All realms, by name.
    pub fn realms(&self) -> Result<Vec<Realm>, Error> {
        self.store.reading(|session| session.all(REALM.select("FROM realms r ORDER BY r.slug"), &[]))
    }
}
