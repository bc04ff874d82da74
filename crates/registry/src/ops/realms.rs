//! Realms and the roles they begin with.

use crate::error::{Error, Kind};
use crate::model::{NewRealm, Realm, Sources};
use crate::registry::{Registry, missing};
use crate::store::{Row, Session, args};
use crate::text::Slug;

/// Roles of every new realm: identifier, name, patterns.
const PREDEFINED: [(&str, &str, &[&str]); 3] = [
    ("admin", "Administrator", &["*"]),
    ("reader", "Reader", &["read", "*.read", "view", "*.view"]),
    ("writer", "Writer", &["read", "*.read", "view", "*.view", "write", "*.write"]),
];

const COLUMNS: &str =
    "SELECT slug, name, prefix, source_bearer, source_x_api_key, imports, pepper_id, changes, created_at FROM realms";

fn read(row: &Row<'_>) -> Result<Realm, Error> {
    Ok(Realm {
        realm: row.parse(0)?,
        name: row.parse(1)?,
        prefix: row.parse(2)?,
        sources: Sources { bearer: row.bool(3)?, x_api_key: row.bool(4)? },
        imports: row.bool(5)?,
        pepper_id: row.maybe_int(6)?.and_then(|id| u32::try_from(id).ok()),
        changes: row.int(7)?,
        created_at: row.int(8)?,
    })
}

/// Reads one realm.
pub(super) fn find(session: &mut dyn Session, realm: &Slug) -> Result<Realm, Error> {
    let found = session.row(&format!("{COLUMNS} WHERE slug = $1"), args![realm.as_str()], read)?;
    found.ok_or_else(|| missing(Kind::Realm, realm.as_str()))
}

impl Registry {
    /// Makes a realm with its predefined roles.
    pub fn create_realm(&self, new: &NewRealm) -> Result<Realm, Error> {
        if !new.sources.bearer && !new.sources.x_api_key {
            return Err(Error::invalid("sources", "is empty; it must name `bearer`, `x-api-key` or both"));
        }
        let now = self.env.now()?;
        self.store.writing(|session| {
            let sql = "INSERT INTO realms (slug, name, prefix, source_bearer, source_x_api_key, created_at) \
                       VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
            let (slug, sources) = (new.realm.as_str(), new.sources);
            let values = args![slug, new.name.as_str(), new.prefix.as_str(), sources.bearer, sources.x_api_key, now];
            let exists = || Error::Exists { kind: Kind::Realm, id: slug.into() };
            let id = session.row(sql, values, |row| row.int(0)).map_err(|e| e.or_unique(exists))?;
            for (role, name, patterns) in PREDEFINED {
                let sql =
                    "INSERT INTO roles (realm_id, slug, name, predefined, created_at) VALUES ($1, $2, $3, 1, $4) RETURNING id";
                let role = session.row(sql, args![id, role, name, now], |row| row.int(0))?;
                for pattern in patterns {
                    session.run("INSERT INTO role_patterns (role_id, pattern) VALUES ($1, $2)", args![role, *pattern])?;
                }
            }
            find(session, &new.realm)
        })
    }

    /// One realm.
    pub fn realm(&self, realm: &Slug) -> Result<Realm, Error> {
        self.store.reading(|session| find(session, realm))
    }

    /// All realms, by name.
    pub fn realms(&self) -> Result<Vec<Realm>, Error> {
        self.store.reading(|session| session.rows(&format!("{COLUMNS} ORDER BY slug"), &[], read))
    }

    /// How often the realm's publishable state has changed: cheap to poll.
    pub fn changes(&self, realm: &Slug) -> Result<u64, Error> {
        let sql = "SELECT changes FROM realms WHERE slug = $1";
        let found = self.store.reading(|session| session.row(sql, args![realm.as_str()], |row| row.int(0)))?;
        found.ok_or_else(|| missing(Kind::Realm, realm.as_str()))
    }
}
