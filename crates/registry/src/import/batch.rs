//! Lines of an import on their way into the database, many at once: one by one, each would wait for a network's answer.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use edgelatch_core::build::Entry;

use crate::directory::{Numbers, Repeated};
use crate::error::Error;
use crate::keys::{Secret, enter, ip_rows, maker, role_rows, room, service_rows, tag_rows};
use crate::limits::{LOOKUPS, SEARCHED_BYTES};
use crate::model::{Digest, IpRules, Looks, NewKey, Scope, Tag};
use crate::store::{Fields, Statements, Value, args, fields};
use crate::tenants::RoleRow;
use crate::transaction::Change;

/// A key that only another key's name or digest could still stand in the way of.
pub(super) struct Ready {
    pub(super) key: Fields,
    pub(super) name: String,
    pub(super) looks: Looks,
    pub(super) org: u64,
    /// Whether no other name of the org may look like it.
    pub(super) unique: bool,
    pub(super) secret: Secret,
    pub(super) roles: Vec<RoleRow>,
    pub(super) scope: Scope,
    pub(super) tags: Vec<Tag>,
    /// What it is found by, beside who imports it.
    pub(super) terms: BTreeSet<String>,
    pub(super) ip: IpRules,
    /// For its roles, scope and IP policy.
    pub(super) needs: [Option<Entry>; 3],
}

/// The key that a line describes, or what is wrong with the line.
pub(super) type Described = Result<(NewKey, Digest), Error>;

/// Rows that a line comes to.
pub(super) fn rows_of(line: &Described) -> usize {
    let Ok((new, _)) = line else { return 1 };
    let searched = new.name.as_str().len() + new.description.as_str().len();
    2 + searched / SEARCHED_BYTES
        + new.roles.len()
        + new.scope.listed().len()
        + new.ip.allow.len()
        + new.ip.deny.len()
        + new.tags.len()
}

/// What of a digest must be its own: as much as a snapshot holds.
type Prefix = [u8; 16];

impl Ready {
    fn prefix(&self) -> &[u8] {
        self.secret.digest().split_at(size_of::<Prefix>()).0
    }

    /// The entries of the directory that it needs.
    pub(super) fn needs(&self) -> [Option<&Entry>; 3] {
        self.needs.each_ref().map(Option::as_ref)
    }

    /// What no other name of its org may look like, where that counts, each beside the column that holds it.
    fn held(&self) -> impl Iterator<Item = Held> {
        let all = self.unique.then(|| self.looks.columns().map(|(_, column, look)| (self.org, column, look.to_owned())));
        all.into_iter().flatten()
    }

    fn rows(self, change: &Change<'_>, row: u64, numbers: Numbers) -> [Vec<Fields>; TABLES.len()] {
        let key = self.key.and(numbers.fields()).and(fields! { id: row, import_id: change.tx.import });
        let secret = self.secret.fields(change, row);
        let (roles, services, ips) = (role_rows(row, &self.roles), service_rows(row, &self.scope), ip_rows(row, &self.ip));
        [vec![key], vec![secret], roles, services, ips, tag_rows(row, &self.tags)]
    }
}

/// Whether an error is one line's fault, so that the next ones are worth a look.
pub(super) fn is_about_a_line(error: &Error) -> bool {
    error.field().is_some() || matches!(error, Error::NotFound { .. })
}

/// The tables that hold a key, each after those it refers to.
const TABLES: [&str; 6] = ["key_rows", "secrets", "key_roles", "key_services", "key_ips", "key_tags"];

/// The org in which a name must be its own, the column that holds it, and what it looks like.
type Held = (u64, &'static str, String);

/// What lines hold already: beginnings of digests, and names that must be their orgs' own.
#[derive(Default)]
struct Taken {
    digests: HashSet<Vec<u8>>,
    names: HashSet<Held>,
}

impl Taken {
    /// Of what these lines want, all that is in the database.
    fn read(change: &mut Change<'_>, lines: &[&Ready]) -> Result<Taken, Error> {
        let mut all = Taken::default();
        let test = "secrets WHERE realm_id = $1 AND substr(digest, 1, 16)";
        for at in taken(change, test, change.tx.realm, lines.iter().map(|line| line.prefix().into()).collect())? {
            all.digests.extend(lines.get(at).map(|line| line.prefix().to_vec()));
        }
        let mut claimed: BTreeMap<(u64, &str), Vec<Held>> = BTreeMap::new();
        for held in lines.iter().flat_map(|line| line.held()) {
            claimed.entry((held.0, held.1)).or_default().push(held);
        }
        for ((org, column), held) in claimed {
            let test = format!("key_rows WHERE org_id = $1 AND {column}");
            for at in taken(change, &test, org, held.iter().map(|(.., look)| look.as_str().into()).collect())? {
                all.names.extend(held.get(at).cloned());
            }
        }
        Ok(all)
    }

    /// Refuses a line whose name or digest is taken.
    fn check(&self, line: &Ready) -> Result<(), Error> {
        if line.held().any(|held| self.names.contains(&held)) {
            return Err(Error::NameTaken { name: line.name.clone() });
        }
        if self.digests.contains(line.prefix()) { Err(Error::DigestTaken) } else { Ok(()) }
    }

    fn take(&mut self, line: &Ready) {
        self.digests.insert(line.prefix().to_vec());
        self.names.extend(line.held());
    }
}

/// Adds the lines that nothing stands in the way of, in their order, and tells of each whether it was refused, or else its org.
pub(super) fn write(
    change: &mut Change<'_>,
    lines: Vec<(u64, Result<Ready, Error>)>,
    directory: &mut Repeated,
    tell: &mut dyn FnMut(u64, Result<u64, Error>),
) -> Result<(), Error> {
    let wanted: Vec<&Ready> = lines.iter().filter_map(|(_, line)| line.as_ref().ok()).collect();
    let mut taken = Taken::read(change, &wanted)?;
    // Writers take turns, so nobody else takes the rows that follow.
    let mut next = change.session().last_id("key_rows")? + 1;
    let first = next;
    let (mut rows, mut found_by) = (TABLES.map(|_| Vec::new()), Vec::new());
    let maker = maker(change.caller.actor().as_str());
    for (number, line) in lines {
        let admitted = line.and_then(|line| {
            taken.check(&line)?;
            let numbers = directory.numbers(&mut change.tx, line.org, line.needs())?;
            Ok((line, numbers))
        });
        match admitted {
            Ok((mut line, numbers)) => {
                taken.take(&line);
                line.terms.insert(maker.clone());
                found_by.push((next, std::mem::take(&mut line.terms)));
                let org = line.org;
                for (all, rows) in rows.iter_mut().zip(line.rows(change, next, numbers)) {
                    all.extend(rows);
                }
                next += 1;
                tell(number, Ok(org));
            }
            Err(error) if is_about_a_line(&error) => tell(number, Err(error)),
            Err(error) => return Err(error),
        }
    }
    TABLES.into_iter().zip(rows).try_for_each(|(table, rows)| change.add_all(table, rows))?;
    change.session().settle("key_rows", next.saturating_sub(1))?;
    enter(&mut change.tx, found_by)?;
    change.session().sized(next - first)?;
    room::come(&mut change.tx, "key_id >= $1 AND key_id < $2", args![first, next])?;
    directory.write(&mut change.tx)
}

/// Which of the wanted values, by their places, are there already. Each is a query of its own, joined by `UNION ALL`: for one query with
/// `IN (…)`, a database may plan to read the whole table.
fn taken(change: &mut Change<'_>, test: &str, of: impl Into<Value>, wanted: Vec<Value>) -> Result<Vec<usize>, Error> {
    let (of, mut found) = (of.into(), Vec::new());
    for (chunk, some) in wanted.chunks(LOOKUPS).enumerate() {
        let lookups: Vec<String> = (0..some.len()).map(|at| format!("SELECT {at} FROM {test} = ${}", at + 2)).collect();
        let values = [std::slice::from_ref(&of), some].concat();
        change.each(lookups.join(" UNION ALL "), &values, |at: u64| {
            found.extend(usize::try_from(at).map(|at| chunk * LOOKUPS + at));
            Ok(())
        })?;
    }
    Ok(found)
}
