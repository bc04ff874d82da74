//! How much of its directory a realm has taken, and each org of it.
//!
//! The directory (SPEC section 5.2) goes to every edge, whole: no org may fill it for all. It holds each pattern, service, role, role
//! set and scope once, however many keys need it, and so they are counted here: in an org, an entry has as many users as keys,
//! owners or scopes need it; in the realm, as many as orgs or roles do. It comes with its first user and goes with its last. A key
//! that needs an entry which is there already costs one statement.
//!
//! What is counted is at least what a publisher finds, so that a realm within these limits can always be published: a role is counted
//! here that no key has, and an owner's roles are also where its keys have their own.

use std::collections::HashMap;

use edgelatch_core::key;

use crate::error::Error;
use crate::limits::{MAX_ORG_ENTRIES, MAX_ORG_PATTERNS, MAX_ORG_ROLES, MAX_REALM_BYTES, MAX_REALM_ENTRIES};
use crate::model::{Pattern, Scope, Service, Slug};
use crate::store::{Statements, args, fields};
use crate::transaction::Transaction;

/// The tables of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Patterns,
    Services,
    Roles,
    RoleSets,
    Scopes,
}

/// What a table is called: by the database, in a refusal, and where one finds the field that asked for too much.
struct Words {
    column: &'static str,
    of_org: &'static str,
    of_realm: &'static str,
    field: &'static str,
}

impl Table {
    const fn words(self) -> Words {
        let (column, of_org, of_realm, field) = match self {
            Table::Patterns => ("patterns", "", "different permission patterns of a realm", "permissions"),
            Table::Services => ("services", "different services of an org", "different services of a realm", "scope"),
            Table::Roles => ("roles", "", "different roles of a realm", "permissions"),
            Table::RoleSets => (
                "role_sets",
                "different combinations of roles in an org",
                "different combinations of roles in a realm",
                "roles",
            ),
            Table::Scopes => ("scopes", "different scopes of an org", "different scopes of a realm", "scope"),
        };
        Words { column, of_org, of_realm, field }
    }
}

const MEND_ORG: &str = "use one that there is already, or delete keys that nobody needs";
const MEND_REALM: &str = "every edge holds them all, whichever org they are of: use one that there is already, or have an \
                          administrator of the realm delete what nobody needs";

/// Stands in place of an org for the whole realm.
const REALM: u64 = 0;

/// An entry, by what it says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    table: Table,
    digest: [u8; 32],
    bytes: u64,
}

impl Entry {
    /// `references` are those to another table; each entry has an end of four bytes as well.
    fn new(table: Table, text: &str, stored: usize, references: usize) -> Entry {
        Entry { table, digest: key::digest(text.as_bytes()), bytes: (4 + stored + 4 * references) as u64 }
    }

    fn pattern(pattern: &Pattern) -> Entry {
        Entry::new(Table::Patterns, pattern.as_str(), pattern.as_str().len(), 0)
    }

    fn service(service: &Service) -> Entry {
        Entry::new(Table::Services, service.as_str(), service.as_str().len(), 0)
    }

    fn role(role: &Slug, patterns: &[Pattern]) -> Entry {
        let text = format!("{role} {}", joined(patterns.iter().map(Pattern::as_str)));
        Entry::new(Table::Roles, &text, 1 + role.as_str().len(), patterns.len())
    }

    fn role_set(roles: &[u64]) -> Entry {
        Entry::new(Table::RoleSets, &joined(roles.iter().map(u64::to_string)), 0, roles.len())
    }

    fn scope(services: &[Service]) -> Entry {
        Entry::new(Table::Scopes, &joined(services.iter().map(Service::as_str)), 1, services.len())
    }
}

/// In one order, whatever the one they were given in.
fn joined<T: AsRef<str> + Ord>(parts: impl Iterator<Item = T>) -> String {
    let mut parts: Vec<T> = parts.collect();
    parts.sort_unstable();
    parts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(" ")
}

/// An entry's row.
const WHICH: &str = "WHERE realm_id = $1 AND org_id = $2 AND kind = $3 AND digest = $4";

/// Counts more users of an entry, if it is there.
fn add_users(tx: &mut Transaction<'_>, org: u64, entry: &Entry, more: u64) -> Result<bool, Error> {
    let values = args![tx.realm, org, entry.table.words().column, &entry.digest[..], more];
    Ok(tx.run(&format!("UPDATE directory_entries SET users = users + $5 {WHICH}"), values)? == 1)
}

/// Counts one more user of an entry. Returns whether it is the first one in the org.
fn enter(tx: &mut Transaction<'_>, org: u64, entry: &Entry) -> Result<bool, Error> {
    let Words { column, .. } = entry.table.words();
    if add_users(tx, org, entry, 1)? {
        return Ok(false);
    }
    let row = fields! {
        realm_id: tx.realm, org_id: org, kind: column, digest: &entry.digest[..], bytes: entry.bytes, users: 1u64,
    };
    tx.add("directory_entries", row)?;
    let sql = format!(
        "INSERT INTO directory_sizes (realm_id, org_id, {column}, bytes) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (realm_id, org_id) DO UPDATE SET {column} = directory_sizes.{column} + 1, \
         bytes = directory_sizes.bytes + $3 RETURNING {column}, bytes"
    );
    let sizes = tx.one(sql, args![tx.realm, org, entry.bytes])?;
    within(entry.table, org, sizes.unwrap_or_default())?;
    if org != REALM {
        enter(tx, REALM, entry)?;
    }
    Ok(true)
}

/// Counts one user of an entry less. Returns whether it was the last one in the org.
fn leave(tx: &mut Transaction<'_>, org: u64, entry: &Entry) -> Result<bool, Error> {
    let Words { column, .. } = entry.table.words();
    let values = args![tx.realm, org, column, &entry.digest[..]];
    if tx.run(&format!("DELETE FROM directory_entries {WHICH} AND users = 1"), values)? == 0 {
        return tx.run(&format!("UPDATE directory_entries SET users = users - 1 {WHICH}"), values).map(|_| false);
    }
    let sql =
        format!("UPDATE directory_sizes SET {column} = {column} - 1, bytes = bytes - $3 WHERE realm_id = $1 AND org_id = $2");
    tx.run(&sql, args![tx.realm, org, entry.bytes])?;
    if org != REALM {
        leave(tx, REALM, entry)?;
    }
    Ok(true)
}

/// Refuses what leaves an org or its realm with too much of the directory: entries of one table, and bytes of all.
fn within(table: Table, org: u64, (entries, bytes): (u64, u64)) -> Result<(), Error> {
    let Words { of_org, of_realm, field, .. } = table.words();
    let refused = |limit, what, mend| Err(Error::LimitReached { field: field.into(), limit, what, mend });
    match org {
        REALM if entries > MAX_REALM_ENTRIES => refused(MAX_REALM_ENTRIES, of_realm, MEND_REALM),
        REALM if bytes > MAX_REALM_BYTES => refused(MAX_REALM_BYTES, "bytes of a realm's directory", MEND_REALM),
        REALM => Ok(()),
        _ if entries > MAX_ORG_ENTRIES => refused(MAX_ORG_ENTRIES, of_org, MEND_ORG),
        _ => Ok(()),
    }
}

/// Counts a role by what it grants `after` a change, and no more by what it granted `before`: nothing, for one that is made or
/// deleted.
pub(crate) fn count_role(tx: &mut Transaction<'_>, role: &Slug, before: &[Pattern], after: &[Pattern]) -> Result<(), Error> {
    if !before.is_empty() {
        leave(tx, REALM, &Entry::role(role, before))?;
        before.iter().try_for_each(|pattern| leave(tx, REALM, &Entry::pattern(pattern)).map(drop))?;
    }
    if !after.is_empty() {
        enter(tx, REALM, &Entry::role(role, after))?;
        after.iter().try_for_each(|pattern| enter(tx, REALM, &Entry::pattern(pattern)).map(drop))?;
    }
    Ok(())
}

/// Refuses what leaves an org with too many roles of its own, or with too much in them. A key can have many of them, and an edge looks
/// at all they grant when it is first asked about the key.
pub(crate) fn check_roles(tx: &mut Transaction<'_>, org: u64) -> Result<(), Error> {
    let sql = "SELECT count(DISTINCT r.id), count(*) FROM roles r JOIN role_patterns p ON p.role_id = r.id \
               WHERE r.realm_id = $1 AND coalesce(r.org_id, 0) = $2";
    let found = tx.one(sql, args![tx.realm, org])?;
    let (roles, patterns): (u64, u64) = found.unwrap_or_default();
    let refused = |field: &str, limit, what, mend| Err(Error::LimitReached { field: field.into(), limit, what, mend });
    if roles > MAX_ORG_ROLES {
        return refused("org", MAX_ORG_ROLES, "roles of an org", "delete roles that nobody has, or use those of the realm");
    }
    if patterns > MAX_ORG_PATTERNS {
        let mend = "let a `*` stand for several permissions, or delete roles that nobody has";
        return refused("permissions", MAX_ORG_PATTERNS, "permission patterns in all roles of an org", mend);
    }
    Ok(())
}

/// Counts the roles that a key or an owner has `after` a change, and no more those that it had `before`. To have none takes up
/// nothing: the empty set is in every directory.
pub(crate) fn count_role_set(tx: &mut Transaction<'_>, org: u64, before: &[u64], after: &[u64]) -> Result<(), Error> {
    if !before.is_empty() {
        leave(tx, org, &Entry::role_set(before))?;
    }
    if !after.is_empty() {
        enter(tx, org, &Entry::role_set(after))?;
    }
    Ok(())
}

/// Counts the scope that a key has `after` a change, and no more the one that it had `before`. "All" takes up nothing: it is in every
/// directory.
pub(crate) fn count_scope(tx: &mut Transaction<'_>, org: u64, before: &Scope, after: &Scope) -> Result<(), Error> {
    if let Scope::List(services) = before
        && leave(tx, org, &Entry::scope(services))?
    {
        services.iter().try_for_each(|service| leave(tx, org, &Entry::service(service)).map(drop))?;
    }
    if let Scope::List(services) = after
        && enter(tx, org, &Entry::scope(services))?
    {
        services.iter().try_for_each(|service| enter(tx, org, &Entry::service(service)).map(drop))?;
    }
    Ok(())
}

/// Many keys at once, of which most have the roles and the scope of one before: these are counted together at the end.
#[derive(Default)]
pub(crate) struct Repeated(HashMap<(u64, Entry), u64>);

impl Repeated {
    /// Counts the roles and the scope of a key.
    pub(crate) fn add(&mut self, tx: &mut Transaction<'_>, org: u64, (roles, scope): (&[u64], &Scope)) -> Result<(), Error> {
        self.once(org, Entry::role_set(roles), || count_role_set(tx, org, &[], roles))?;
        match scope {
            Scope::All => Ok(()),
            Scope::List(services) => self.once(org, Entry::scope(services), || count_scope(tx, org, &Scope::All, scope)),
        }
    }

    fn once(&mut self, org: u64, entry: Entry, first: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        match self.0.get_mut(&(org, entry.clone())) {
            Some(more) => *more += 1,
            None => {
                first()?;
                self.0.insert((org, entry), 0);
            }
        }
        Ok(())
    }

    /// Writes down what was only remembered.
    pub(crate) fn finish(self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        let mut more = self.0.into_iter().filter(|(_, more)| *more > 0);
        more.try_for_each(|((org, entry), more)| add_users(tx, org, &entry, more).map(drop))
    }
}
