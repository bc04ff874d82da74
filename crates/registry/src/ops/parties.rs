//! Orgs, owners and roles.

use crate::error::{Error, Kind};
use crate::limits::MAX_ROLE_PATTERNS;
use crate::model::{Org, Owner, OwnerKind, Role};
use crate::registry::{Registry, missing, org_id, realm_id, touch};
use crate::store::{Row, Session, args};
use crate::text::{Name, Pattern, Slug};

/// What it takes to make an owner.
#[derive(Clone, Debug)]
pub struct NewOwner {
    /// Its org.
    pub org: Slug,
    /// Its identifier inside the org.
    pub owner: Slug,
    /// User or service account.
    pub kind: OwnerKind,
    /// What people call it.
    pub name: Name,
}

/// What it takes to make a role.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// Its identifier.
    pub role: Slug,
    /// The org it is for, or none for the whole realm.
    pub org: Option<Slug>,
    /// What people call it.
    pub name: Name,
    /// What it grants.
    pub permissions: Vec<Pattern>,
}

const OWNERS: &str = "SELECT o.slug, w.slug, w.kind, w.name, w.disabled, w.created_at \
                      FROM owners w JOIN orgs o ON o.id = w.org_id WHERE o.realm_id = $1";

fn owner(row: &Row<'_>) -> Result<Owner, Error> {
    Ok(Owner {
        org: row.parse(0)?,
        owner: row.parse(1)?,
        kind: row.parse(2)?,
        name: row.parse(3)?,
        disabled: row.bool(4)?,
        created_at: row.int(5)?,
    })
}

fn find_owner(session: &mut dyn Session, realm: u64, org: &Slug, slug: &Slug) -> Result<Owner, Error> {
    let sql = format!("{OWNERS} AND o.slug = $2 AND w.slug = $3");
    let found = session.row(&sql, args![realm, org.as_str(), slug.as_str()], owner)?;
    found.ok_or_else(|| missing(Kind::Owner, slug.as_str()))
}

impl Registry {
    /// Makes an org.
    pub fn create_org(&self, realm: &Slug, org: &Slug, name: &Name) -> Result<Org, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            let sql = "INSERT INTO orgs (realm_id, slug, name, created_at) VALUES ($1, $2, $3, $4)";
            let exists = || Error::Exists { kind: Kind::Org, id: org.to_string() };
            session.run(sql, args![realm.0, org.as_str(), name.as_str(), now]).map_err(|e| e.or_unique(exists))?;
            Ok(Org { org: org.clone(), name: name.clone(), created_at: now })
        })
    }

    /// All orgs of a realm, by identifier.
    pub fn orgs(&self, realm: &Slug) -> Result<Vec<Org>, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let sql = "SELECT slug, name, created_at FROM orgs WHERE realm_id = $1 ORDER BY slug";
            session
                .rows(sql, args![realm.0], |row| Ok(Org { org: row.parse(0)?, name: row.parse(1)?, created_at: row.int(2)? }))
        })
    }

    /// Makes an owner.
    pub fn create_owner(&self, realm: &Slug, new: &NewOwner) -> Result<Owner, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            let org = org_id(session, realm, &new.org)?;
            let sql = "INSERT INTO owners (org_id, slug, kind, name, created_at) VALUES ($1, $2, $3, $4, $5)";
            let exists = || Error::Exists { kind: Kind::Owner, id: new.owner.to_string() };
            let values = args![org, new.owner.as_str(), new.kind.word(), new.name.as_str(), now];
            session.run(sql, values).map_err(|e| e.or_unique(exists))?;
            find_owner(session, realm.0, &new.org, &new.owner)
        })
    }

    /// All owners of a realm or of one org, by identifier.
    pub fn owners(&self, realm: &Slug, org: Option<&Slug>) -> Result<Vec<Owner>, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let order = "ORDER BY o.slug, w.slug";
            match org {
                None => session.rows(&format!("{OWNERS} {order}"), args![realm.0], owner),
                Some(org) => {
                    let org = org_id(session, realm, org)?;
                    session.rows(&format!("{OWNERS} AND o.id = $2 {order}"), args![realm.0, org], owner)
                }
            }
        })
    }

    /// Disables or enables an owner, and with it every key it owns.
    pub fn set_owner_disabled(&self, realm: &Slug, org: &Slug, slug: &Slug, disabled: bool) -> Result<Owner, Error> {
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            let org_row = org_id(session, realm, org)?;
            let before = find_owner(session, realm.0, org, slug)?;
            if before.disabled != disabled {
                let sql = "UPDATE owners SET disabled = $1 WHERE org_id = $2 AND slug = $3";
                session.run(sql, args![disabled, org_row, slug.as_str()])?;
                touch(session, realm)?;
            }
            Ok(Owner { disabled, ..before })
        })
    }

    /// Makes a role.
    pub fn create_role(&self, realm: &Slug, new: &NewRole) -> Result<Role, Error> {
        let mut permissions = new.permissions.clone();
        permissions.sort_unstable();
        permissions.dedup();
        if permissions.is_empty() {
            return Err(Error::invalid("permission", "is empty; a role must grant something, such as `dns.*`"));
        }
        if permissions.len() > MAX_ROLE_PATTERNS {
            let reason = format!("{} patterns are more than the limit of {MAX_ROLE_PATTERNS}", permissions.len());
            return Err(Error::invalid("permission", reason));
        }
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            let org = new.org.as_ref().map(|org| org_id(session, realm, org)).transpose()?;
            let sql = "INSERT INTO roles (realm_id, org_id, slug, name, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id";
            let values = args![realm.0, org, new.role.as_str(), new.name.as_str(), now];
            let exists = || Error::Exists { kind: Kind::Role, id: new.role.to_string() };
            let id = session.row(sql, values, |row| row.int(0)).map_err(|e| e.or_unique(exists))?;
            for pattern in &permissions {
                session.run("INSERT INTO role_patterns (role_id, pattern) VALUES ($1, $2)", args![id, pattern.as_str()])?;
            }
            Ok(Role {
                role: new.role.clone(),
                org: new.org.clone(),
                name: new.name.clone(),
                permissions: permissions.clone(),
                predefined: false,
            })
        })
    }

    /// All roles of a realm: its own first, then those of each org.
    pub fn roles(&self, realm: &Slug) -> Result<Vec<Role>, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let sql = "SELECT r.slug, o.slug, r.name, r.predefined, p.pattern FROM roles r \
                       LEFT JOIN orgs o ON o.id = r.org_id JOIN role_patterns p ON p.role_id = r.id \
                       WHERE r.realm_id = $1 ORDER BY coalesce(o.slug, ''), r.slug, p.pattern";
            let mut roles: Vec<Role> = Vec::new();
            session.each(sql, args![realm.0], &mut |row| {
                let (role, org): (Slug, _) = (row.parse(0)?, row.maybe_text(1)?.map(str::parse).transpose()?);
                match roles.last_mut().filter(|last| last.role == role && last.org == org) {
                    Some(last) => last.permissions.push(row.parse(4)?),
                    None => roles.push(Role {
                        role,
                        org,
                        name: row.parse(2)?,
                        permissions: vec![row.parse(4)?],
                        predefined: row.bool(3)?,
                    }),
                }
                Ok(())
            })?;
            Ok(roles)
        })
    }
}
