//! Realms and the roles they begin with.

use super::roles::insert_role;
use crate::audit::{Target, logged};
use crate::error::{Error, Kind};
use crate::model::{Caller, MANAGEMENT_REALM, NewRealm, NewRole, Preset, PresetRole, Realm, Slug, Sources};
use crate::registry::Registry;
use crate::store::{Row, Session, args};
use crate::transaction::{Act, RealmId};

/// A realm's edges look in the headers of all its orgs; before there is one, in those that orgs begin with.
const COLUMNS: &str = "SELECT r.slug, r.name, r.prefix, \
    coalesce((SELECT max(o.source_bearer) FROM orgs o WHERE o.realm_id = r.id), r.source_bearer), \
    coalesce((SELECT max(o.source_x_api_key) FROM orgs o WHERE o.realm_id = r.id), r.source_x_api_key), r.imports, r.pepper_id, r.changes, r.created_at, r.preset FROM realms r";

fn read(row: &Row<'_>) -> Result<Realm, Error> {
    Ok(Realm {
        realm: row.parse(0)?,
        name: row.parse(1)?,
        preset: row.parse(9)?,
        prefix: row.parse(2)?,
        sources: Sources { bearer: row.bool(3)?, x_api_key: row.bool(4)? },
        imports: row.bool(5)?,
        pepper_id: row.maybe_int(6)?.and_then(|id| u32::try_from(id).ok()),
        changes: row.int(7)?,
        created_at: row.int(8)?,
    })
}

/// Reads one realm.
pub(crate) fn find(session: &mut dyn Session, realm: &Slug) -> Result<Realm, Error> {
    let found = session.row(&format!("{COLUMNS} WHERE r.slug = $1"), args![realm.as_str()], read)?;
    found.ok_or_else(|| Error::missing(Kind::Realm, realm.as_str()))
}

/// A preset's role, for the realm or for one org.
pub(super) fn predefined(role: PresetRole, org: Option<&Slug>) -> NewRole {
    NewRole { role: role.role, org: org.cloned(), name: role.name, permissions: role.permissions }
}

impl Registry {
    /// Makes a realm with its preset's roles.
    pub fn create_realm(&self, caller: &Caller, new: &NewRealm) -> Result<Realm, Error> {
        caller.check_realm()?;
        if (new.realm.as_str() == MANAGEMENT_REALM) != (new.preset == Preset::Management) {
            return Err(Error::invalid("realm", "`management` is the name of the realm with that preset, and of no other"));
        }
        let data = new.preset.data()?;
        let sources = new.sources.unwrap_or(data.settings.sources());
        if !sources.bearer && !sources.x_api_key {
            return Err(Error::invalid("sources", "is empty; it must name `bearer`, `x-api-key` or both"));
        }
        let prefix = new.prefix.as_ref().unwrap_or(&data.settings.prefix);
        let now = self.env.now()?;
        self.store.writing(|session| {
            let sql = "INSERT INTO realms (slug, name, prefix, source_bearer, source_x_api_key, created_at, preset) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
            let (slug, preset) = (new.realm.as_str(), new.preset.word());
            let values = args![slug, new.name.as_str(), prefix.as_str(), sources.bearer, sources.x_api_key, now, preset];
            let exists = || Error::Exists { kind: Kind::Realm, id: slug.into() };
            let id = session.row(sql, values, |row| row.int(0)).map_err(|e| e.or_unique(exists))?;
            let id = RealmId(id.ok_or_else(|| Error::Store { detail: "a new realm got no row".into() })?);
            for role in &data.roles {
                insert_role(session, id, None, &predefined(role.clone(), None), true, now)?;
            }
            let realm = find(session, &new.realm)?;
            let target = Target::party(Kind::Realm, &new.realm, None);
            Act { session, realm: id, now, caller }.log("realm.create", &target, None, logged(&realm))?;
            Ok(realm)
        })
    }

    /// One realm.
    pub fn realm(&self, realm: &Slug) -> Result<Realm, Error> {
        self.store.reading(|session| find(session, realm))
    }

    /// All realms, by name.
    pub fn realms(&self) -> Result<Vec<Realm>, Error> {
        self.store.reading(|session| session.rows(&format!("{COLUMNS} ORDER BY r.slug"), &[], read))
    }

    /// How often the realm's publishable state has changed: cheap to poll.
    pub fn changes(&self, realm: &Slug) -> Result<u64, Error> {
        let sql = "SELECT changes FROM realms WHERE slug = $1";
        let found = self.store.reading(|session| session.row(sql, args![realm.as_str()], |row| row.int(0)))?;
        found.ok_or_else(|| Error::missing(Kind::Realm, realm.as_str()))
    }
}
