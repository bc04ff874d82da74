//! Roles: the realm's own, and those that orgs make for themselves.

use super::find::count;
use crate::audit::{Target, logged};
use crate::directory;
use crate::error::{Error, Kind};
use crate::limits::MAX_ROLE_PATTERNS;
use crate::model::{Caller, NewRole, Pattern, Role, RoleEdit, Slug};
use crate::registry::Registry;
use crate::store::{Session, Value, args};
use crate::transaction::{Act, RealmId, check_revision, realm_id, touch};

const COLUMNS: &str = "SELECT r.slug, o.slug, r.name, r.predefined, r.revision, p.pattern FROM roles r \
                       LEFT JOIN orgs o ON o.id = r.org_id JOIN role_patterns p ON p.role_id = r.id WHERE r.realm_id = $1";

/// All roles, or those where a column (`r.slug` for their name, `o.slug` for their org) is this.
fn all(session: &mut dyn Session, realm: RealmId, only: Option<(&str, &Slug)>) -> Result<Vec<Role>, Error> {
    let mut roles: Vec<Role> = Vec::new();
    let test = only.map_or(String::new(), |(column, _)| format!("AND {column} = $2"));
    let mut values = vec![Value::from(realm.0)];
    values.extend(only.map(|(_, slug)| Value::from(slug.as_str())));
    let sql = format!("{COLUMNS} {test} ORDER BY coalesce(o.slug, ''), r.slug, p.pattern");
    session.each(&sql, &values, &mut |row| {
        let (role, org): (Slug, _) = (row.parse(0)?, row.maybe_text(1)?.map(str::parse).transpose()?);
        match roles.last_mut().filter(|last| last.role == role && last.org == org) {
            Some(last) => last.permissions.push(row.parse(5)?),
            None => roles.push(Role {
                role,
                org,
                name: row.parse(2)?,
                permissions: vec![row.parse(5)?],
                predefined: row.bool(3)?,
                revision: row.int(4)?,
            }),
        }
        Ok(())
    })?;
    Ok(roles)
}

fn find(session: &mut dyn Session, realm: RealmId, org: Option<&Slug>, role: &Slug) -> Result<Role, Error> {
    let found = all(session, realm, Some(("r.slug", role)))?.into_iter().find(|r| r.org.as_ref() == org);
    found.ok_or_else(|| Error::missing(Kind::Role, role.as_str()))
}

/// The roles that an org has of its own.
pub(super) fn of_org(session: &mut dyn Session, realm: RealmId, org: &Slug) -> Result<Vec<Role>, Error> {
    all(session, realm, Some(("o.slug", org)))
}

fn checked(permissions: &[Pattern]) -> Result<Vec<Pattern>, Error> {
    let mut permissions = permissions.to_vec();
    permissions.sort_unstable();
    permissions.dedup();
    if permissions.is_empty() {
        return Err(Error::invalid("permissions", "is empty; a role must grant something, such as `dns.*`"));
    }
    if permissions.len() > MAX_ROLE_PATTERNS {
        let reason = format!("{} patterns are more than the limit of {MAX_ROLE_PATTERNS}", permissions.len());
        return Err(Error::invalid("permissions", reason));
    }
    Ok(permissions)
}

fn insert_patterns(session: &mut dyn Session, role: u64, permissions: &[Pattern]) -> Result<(), Error> {
    for pattern in permissions {
        session.run("INSERT INTO role_patterns (role_id, pattern) VALUES ($1, $2)", args![role, pattern.as_str()])?;
    }
    Ok(())
}

/// Adds a role.
pub(super) fn insert_role(
    session: &mut dyn Session,
    realm: RealmId,
    org: Option<u64>,
    new: &NewRole,
    predefined: bool,
    now: u64,
) -> Result<(), Error> {
    let sql = "INSERT INTO roles (realm_id, org_id, slug, name, predefined, created_at) VALUES ($1, $2, $3, $4, $5, $6) \
               RETURNING id";
    let values = args![realm.0, org, new.role.as_str(), new.name.as_str(), predefined, now];
    let exists = || Error::Exists { kind: Kind::Role, id: new.role.to_string() };
    let id = session.row(sql, values, |row| row.int(0)).map_err(|e| e.or_unique(exists))?;
    insert_patterns(session, id.unwrap_or_default(), &checked(&new.permissions)?)?;
    count_role(session, realm, org, &new.role, &checked(&new.permissions)?)
}

/// Counts a role that was written, and refuses what is too much.
fn count_role(
    session: &mut dyn Session,
    realm: RealmId,
    org: Option<u64>,
    role: &Slug,
    permissions: &[Pattern],
) -> Result<(), Error> {
    directory::add_role(session, realm, role, permissions)?;
    org.map_or(Ok(()), |org| directory::check_roles(session, realm, org))
}

/// The row of a role that the caller may change: one of an org that is theirs, and none that came with the preset. With it, the row
/// of its org.
fn changeable(act: &mut Act<'_>, org: Option<&Slug>, role: &Slug) -> Result<(u64, Option<u64>, Role), Error> {
    let org_row = match org {
        Some(org) => Some(act.org(org)?.id),
        None => {
            act.caller.check_realm()?;
            None
        }
    };
    let found = find(act.session, act.realm, org, role)?;
    if found.predefined {
        let reason = "is predefined: make a role of your own with other permissions".into();
        return Err(Error::NotAllowed { field: "role".into(), reason });
    }
    let sql = "SELECT id FROM roles WHERE realm_id = $1 AND coalesce(org_id, 0) = $2 AND slug = $3";
    let values = args![act.realm.0, org_row.unwrap_or(0), role.as_str()];
    let id = act.session.row(sql, values, |row| row.int(0))?;
    Ok((id.ok_or_else(|| Error::missing(Kind::Role, role.as_str()))?, org_row, found))
}

impl Registry {
    /// Makes a role.
    pub fn create_role(&self, caller: &Caller, realm: &Slug, new: &NewRole) -> Result<Role, Error> {
        self.act(caller, realm, |act| {
            let org = match &new.org {
                Some(org) => Some(act.org(org)?.id),
                None => {
                    caller.check_realm()?;
                    None
                }
            };
            insert_role(act.session, act.realm, org, new, false, act.now)?;
            let role = find(act.session, act.realm, new.org.as_ref(), &new.role)?;
            act.log("role.create", &Target::party(Kind::Role, &role.role, role.org.as_ref()), None, logged(&role))?;
            Ok(role)
        })
    }

    /// All roles of a realm: its own first, then those of each org.
    pub fn roles(&self, realm: &Slug) -> Result<Vec<Role>, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            all(session, realm, None)
        })
    }

    /// Changes a role, and with it what every key that has it may do.
    pub fn edit_role(
        &self,
        caller: &Caller,
        realm: &Slug,
        org: Option<&Slug>,
        role: &Slug,
        edit: &RoleEdit,
    ) -> Result<Role, Error> {
        self.act(caller, realm, |act| {
            let (id, org_row, before) = changeable(act, org, role)?;
            check_revision(edit.if_revision, before.revision, Kind::Role, role.as_str())?;
            let name = edit.name.as_ref().unwrap_or(&before.name);
            let permissions = edit.permissions.as_deref().map_or(Ok(before.permissions.clone()), checked)?;
            if *name == before.name && permissions == before.permissions {
                return Ok(before);
            }
            let sql = "UPDATE roles SET name = $2, revision = revision + 1 WHERE id = $1";
            act.session.run(sql, args![id, name.as_str()])?;
            act.session.run("DELETE FROM role_patterns WHERE role_id = $1", args![id])?;
            insert_patterns(act.session, id, &permissions)?;
            if permissions != before.permissions {
                directory::remove_role(act.session, act.realm, role, &before.permissions)?;
                count_role(act.session, act.realm, org_row, role, &permissions)?;
                touch(act.session, act.realm)?;
            }
            let after = find(act.session, act.realm, org, role)?;
            act.log("role.edit", &Target::party(Kind::Role, role, org), logged(&before), logged(&after))?;
            Ok(after)
        })
    }

    /// Deletes a role that nobody has.
    pub fn delete_role(
        &self,
        caller: &Caller,
        realm: &Slug,
        org: Option<&Slug>,
        role: &Slug,
        if_revision: Option<u64>,
    ) -> Result<Role, Error> {
        self.act(caller, realm, |act| {
            let (id, _, before) = changeable(act, org, role)?;
            check_revision(if_revision, before.revision, Kind::Role, role.as_str())?;
            let keys = count(act.session, "SELECT count(*) FROM key_roles WHERE role_id = $1", id)?;
            let owners = count(act.session, "SELECT count(*) FROM owner_roles WHERE role_id = $1", id)?;
            if keys + owners > 0 {
                let by = format!("{keys} keys and {owners} owners");
                return Err(Error::InUse { kind: Kind::Role, id: role.to_string(), by });
            }
            act.session.run("DELETE FROM roles WHERE id = $1", args![id])?;
            directory::remove_role(act.session, act.realm, role, &before.permissions)?;
            act.log("role.delete", &Target::party(Kind::Role, role, org), logged(&before), None)?;
            Ok(before)
        })
    }
}
