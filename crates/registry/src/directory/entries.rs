//! Entries of the directory come and go with those who need them, under numbers that are never given again.

use std::collections::BTreeMap;

use edgelatch_core::build::{Entry, RoleRecord, Table};
use edgelatch_core::key;

use super::content::{decode, encode};
use super::sizes::{REALM, check, grow, shrink};
use super::tables::{Words, of_kind, words};
use crate::error::Error;
use crate::journal::What;
use crate::limits::{JOURNAL_ROWS, MAX_NUMBER};
use crate::store::{Conditions, Statements, Value, args, fields, places};
use crate::transaction::Transaction;

/// The number of the role that keys have whose org gives them its whole authority. No row of `roles` has it: realms begin to count
/// after it.
pub(crate) const ORG_ROLE: u32 = 1;

/// The next number of a table.
pub(crate) fn new_number(tx: &mut Transaction<'_>, table: Table) -> Result<u32, Error> {
    let Words { last, field, numbers, .. } = words(table);
    let number = tx.one(format!("UPDATE realms SET {last} = {last} + 1 WHERE id = $1 RETURNING {last}"), args![tx.realm])?;
    let mend = "move to a new realm, whose numbers begin anew";
    let used_up = || Error::LimitReached { field: (*field).into(), limit: MAX_NUMBER.into(), what: numbers, mend };
    number.filter(|number| *number <= MAX_NUMBER).ok_or_else(used_up)
}

/// An entry as the database finds it.
pub(super) struct Sought {
    pub(super) table: Table,
    pub(super) digest: [u8; 32],
    content: Vec<u8>,
}

impl Sought {
    pub(super) fn of(entry: &Entry) -> Result<Sought, Error> {
        let content = encode(entry)?;
        Ok(Sought { table: entry.table(), digest: key::digest(&content), content })
    }
}

/// The row of an entry that an org needs.
const USE: &str = "WHERE realm_id = $1 AND org_id = $2 AND kind = $3 AND number = $4";

/// Which import brought the entry of a row that is used.
const BROUGHT: &str = "(SELECT e.import_id FROM directory_entries e WHERE e.realm_id = directory_uses.realm_id \
                       AND e.kind = directory_uses.kind AND e.number = directory_uses.number)";

/// Counts more keys of an org that need an entry. Returns its number, and whether these are the first ones of the org.
pub(super) fn enter(tx: &mut Transaction<'_>, org: u64, sought: &Sought, keys: u64) -> Result<(u32, bool), Error> {
    let kind = words(sought.table).kind;
    let which = "(SELECT number FROM directory_entries WHERE realm_id = $1 AND kind = $3 AND digest = $4)";
    let sql = format!(
        "UPDATE directory_uses SET users = users + $5 \
         WHERE realm_id = $1 AND org_id = $2 AND kind = $3 AND number = {which} RETURNING number, {BROUGHT}"
    );
    if let Some((number, brought)) = tx.one(sql, args![tx.realm, org, kind, &sought.digest[..], keys])? {
        show(tx, (sought.table, number), brought)?;
        return Ok((number, false));
    }
    let sql = "UPDATE directory_entries SET users = users + 1 WHERE realm_id = $1 AND kind = $2 AND digest = $3 \
               RETURNING number, import_id";
    let number = match tx.one(sql, args![tx.realm, kind, &sought.digest[..]])? {
        Some((number, brought)) => {
            show(tx, (sought.table, number), brought)?;
            number
        }
        None => {
            let number = new_number(tx, sought.table)?;
            add(tx, (sought.table, number), Some(&sought.digest[..]), &sought.content)?;
            number
        }
    };
    tx.add("directory_uses", fields! { realm_id: tx.realm, org_id: org, kind: kind, number: number, users: keys })?;
    grow(tx, org, (sought.table, number), sought.content.len())?;
    Ok((number, true))
}

/// Counts keys of an org that need an entry no more.
pub(super) fn leave(tx: &mut Transaction<'_>, org: u64, (table, number): (Table, u32), keys: u64) -> Result<(), Error> {
    let kind = words(table).kind;
    let values = args![tx.realm, org, kind, number, keys];
    if tx.run(&format!("DELETE FROM directory_uses {USE} AND users = $5"), values)? == 0 {
        return tx.run(&format!("UPDATE directory_uses SET users = users - $5 {USE}"), values).map(drop);
    }
    let sql = "SELECT length(content) FROM directory_entries WHERE realm_id = $1 AND kind = $2 AND number = $3";
    let bytes: u64 = tx.count(sql, args![tx.realm, kind, number])?;
    shrink(tx, org, (table, number), usize::try_from(bytes).unwrap_or(usize::MAX))?;
    forgo(tx, table, &[number])
}

/// Adds an entry with its first user: an org, or for a role a role set.
fn add(tx: &mut Transaction<'_>, (table, number): (Table, u32), digest: Option<&[u8]>, content: &[u8]) -> Result<(), Error> {
    let row = fields! {
        realm_id: tx.realm, kind: words(table).kind, number: number, digest: digest, content: content, users: 1u64,
        import_id: tx.import,
    };
    tx.add("directory_entries", row)?;
    grow(tx, REALM, (table, number), content.len())?;
    need_roles(tx, &roles_in(table, content)?)?;
    if tx.import == 0 { tx.touch(What::Entry(table, number)) } else { Ok(()) }
}

/// Lets snapshots have an entry that somebody needs now beside the pending import which brought it, and the roles in it.
fn show(tx: &mut Transaction<'_>, (table, number): (Table, u32), brought: u64) -> Result<(), Error> {
    if brought == 0 || brought == tx.import {
        return Ok(());
    }
    let sql = "UPDATE directory_entries SET import_id = 0 WHERE realm_id = $1 AND kind = $2 AND number = $3 \
               AND import_id IN (SELECT id FROM imports WHERE pending = 1) RETURNING content";
    let Some(content) = tx.one::<Vec<u8>>(sql, args![tx.realm, words(table).kind, number])? else { return Ok(()) };
    tx.touch(What::Entry(table, number))?;
    roles_in(table, &content)?.into_iter().try_for_each(|role| show(tx, (Table::Roles, role), brought))
}

/// Notes the entries that an import brought, which snapshots have from now on.
pub(crate) fn show_all(tx: &mut Transaction<'_>, import: u64) -> Result<(), Error> {
    let sql =
        format!("SELECT kind, number FROM directory_entries WHERE import_id = $1 AND import_id > 0 LIMIT {}", JOURNAL_ROWS + 1);
    let shown: Vec<(String, u32)> = tx.all(sql, args![import])?;
    let shown: Result<Vec<What>, Error> = shown.iter().map(|(kind, number)| Ok(What::Entry(of_kind(kind)?, *number))).collect();
    tx.touch_all(shown?)
}

/// Counts one user of each of some entries less. The last one takes its entry away.
fn forgo(tx: &mut Transaction<'_>, table: Table, numbers: &[u32]) -> Result<(), Error> {
    if numbers.is_empty() {
        return Ok(());
    }
    let (which, values) = which(tx, table, numbers);
    let sql = format!("DELETE FROM directory_entries {which} AND users = 1 RETURNING number, content, import_id");
    let gone: Vec<(u32, Vec<u8>, u64)> = tx.all(sql, &values)?;
    if gone.len() < numbers.len() {
        tx.run(&format!("UPDATE directory_entries SET users = users - 1 {which}"), &values)?;
    }
    for (number, content, brought) in gone {
        shrink(tx, REALM, (table, number), content.len())?;
        forgo(tx, Table::Roles, &roles_in(table, &content)?)?;
        // No snapshot had what a pending import brought and nobody else needed.
        if brought == 0 || brought != tx.import {
            tx.touch(What::Entry(table, number))?;
        }
    }
    Ok(())
}

/// A test for the rows of some entries, and its values.
fn which(tx: &Transaction<'_>, table: Table, numbers: &[u32]) -> (String, Vec<Value>) {
    let test = format!("WHERE realm_id = $1 AND kind = $2 AND number IN ({})", places(3, numbers.len()));
    let (realm, kind) = (Value::from(tx.realm), Value::from(words(table).kind));
    (test, [realm, kind].into_iter().chain(numbers.iter().map(|number| (*number).into())).collect())
}

/// The roles that an entry refers to.
fn roles_in(table: Table, content: &[u8]) -> Result<Vec<u32>, Error> {
    match table {
        Table::RoleSets => match decode(table, content)? {
            Entry::RoleSet(roles) => Ok(roles),
            _ => Ok(Vec::new()),
        },
        Table::Roles | Table::Scopes | Table::Policies => Ok(Vec::new()),
    }
}

/// Counts one more role set that each of some roles is in.
fn need_roles(tx: &mut Transaction<'_>, numbers: &[u32]) -> Result<(), Error> {
    if numbers.is_empty() {
        return Ok(());
    }
    let (which, values) = which(tx, Table::Roles, numbers);
    let sql = format!("UPDATE directory_entries SET users = users + 1 {which} RETURNING number, import_id");
    let there: BTreeMap<u32, u64> = tx.all(sql, &values)?.into_iter().collect();
    for (number, brought) in &there {
        show(tx, (Table::Roles, *number), *brought)?;
    }
    for number in numbers.iter().copied().filter(|number| !there.contains_key(number)) {
        let role = if number == ORG_ROLE { org_role() } else { stored_role(tx, number)? };
        add(tx, (Table::Roles, number), None, &encode(&Entry::Role(role))?)?;
    }
    Ok(())
}

fn org_role() -> RoleRecord {
    RoleRecord { name: "org".into(), patterns: vec!["*".into()] }
}

fn stored_role(tx: &mut Transaction<'_>, number: u32) -> Result<RoleRecord, Error> {
    let sql = "SELECT r.slug, p.pattern FROM roles r JOIN role_patterns p ON p.role_id = r.id \
               WHERE r.realm_id = $1 AND r.number = $2 ORDER BY p.pattern";
    let rows: Vec<(String, String)> = tx.all(sql, args![tx.realm, number])?;
    let (mut names, patterns): (Vec<String>, Vec<String>) = rows.into_iter().unzip();
    let name = names.pop().ok_or_else(|| Error::Store { detail: "a combination of roles has one that is not there".into() })?;
    Ok(RoleRecord { name, patterns })
}

/// Takes over what the role in a row grants now, if a key needs it. Nothing but its own entry changes.
pub(crate) fn change_role(tx: &mut Transaction<'_>, row: u64) -> Result<(), Error> {
    let sql = "SELECT e.number, length(e.content) FROM roles r \
               JOIN directory_entries e ON e.realm_id = r.realm_id AND e.kind = 'roles' AND e.number = r.number WHERE r.id = $1";
    let Some((number, before)) = tx.one::<(u32, u64)>(sql, args![row])? else { return Ok(()) };
    let content = encode(&Entry::Role(stored_role(tx, number)?))?;
    let sql = "UPDATE directory_entries SET content = $3 WHERE realm_id = $1 AND kind = 'roles' AND number = $2";
    tx.run(sql, args![tx.realm, number, &content[..]])?;
    let sql = "UPDATE directory_sizes SET bytes = bytes - $2 + $3 WHERE realm_id = $1 AND org_id = 0 AND kind = 'roles'";
    tx.run(sql, args![tx.realm, before, content.len() as u64])?;
    tx.touch(What::Entry(Table::Roles, number))?;
    check(tx, REALM).map_err(|error| match error {
        Error::LimitReached { limit, what, mend, .. } => Error::LimitReached { field: "permissions".into(), limit, what, mend },
        error => error,
    })
}

/// Entries by table and number.
pub(crate) type Entries = BTreeMap<(Table, u32), Entry>;

/// All entries of the realm, as a snapshot holds them.
pub(crate) fn stored(tx: &mut Transaction<'_>) -> Result<Entries, Error> {
    let mut all = Entries::new();
    let sql = "SELECT kind, number, content FROM directory WHERE realm_id = $1";
    tx.each(sql, args![tx.realm], |(kind, number, content): (String, u32, Vec<u8>)| {
        let table = of_kind(&kind)?;
        all.insert((table, number), decode(table, &content)?);
        Ok(())
    })?;
    Ok(all)
}

/// The scopes that other keys of an org have than one whose scope has a number: of each what it names, however many keys have it.
pub(crate) fn scopes_beside(tx: &mut Transaction<'_>, org: u64, number: u32) -> Result<Vec<Entry>, Error> {
    let sql = "SELECT e.content FROM directory_uses u JOIN directory e \
               ON e.realm_id = u.realm_id AND e.kind = u.kind AND e.number = u.number \
               WHERE u.realm_id = $1 AND u.org_id = $2 AND u.kind = $3 AND (u.number <> $4 OR u.users > 1)";
    let found: Vec<Vec<u8>> = tx.all(sql, args![tx.realm, org, words(Table::Scopes).kind, number])?;
    found.iter().map(|content| decode(Table::Scopes, content)).collect()
}

/// The scopes that keys of an org have, or of all orgs of the realm: whose, what each names, and how many keys have it.
pub(crate) fn scopes(tx: &mut Transaction<'_>, org: Option<u64>) -> Result<Vec<(u64, Vec<String>, u64)>, Error> {
    let mut tests = Conditions::new("u.realm_id =", tx.realm);
    tests.add("u.kind =", words(Table::Scopes).kind);
    tests.maybe("u.org_id =", org);
    let sql = format!(
        "SELECT u.org_id, e.content, u.users FROM directory_uses u JOIN directory e \
         ON e.realm_id = u.realm_id AND e.kind = u.kind AND e.number = u.number WHERE {}",
        tests.sql()
    );
    let found: Vec<(u64, Vec<u8>, u64)> = tx.all(sql, &tests.values)?;
    let read = |(org, content, keys): (u64, Vec<u8>, u64)| match decode(Table::Scopes, &content)? {
        Entry::Scope(services) => Ok((org, services, keys)),
        _ => Ok((org, Vec::new(), keys)),
    };
    found.into_iter().map(read).collect()
}

/// One entry; none if no key needs it.
pub(crate) fn find(tx: &mut Transaction<'_>, table: Table, number: u32) -> Result<Option<Entry>, Error> {
    let sql = "SELECT content FROM directory WHERE realm_id = $1 AND kind = $2 AND number = $3";
    let content: Option<Vec<u8>> = tx.one(sql, args![tx.realm, words(table).kind, number])?;
    content.map(|content| decode(table, &content)).transpose()
}
