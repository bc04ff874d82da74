//! Lines of an import on their way into the database, many at once: one by one, each would wait for a network's answer.

use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::keys::{Secret, ip_rows, role_rows, service_rows};
use crate::limits::LOOKUPS;
use crate::model::{IpRules, Scope};
use crate::store::{Fields, Statements, Value, fields};
use crate::tenants::RoleRow;
use crate::transaction::Change;

/// A key that only another key's name or digest could still stand in the way of.
pub(super) struct Ready {
    pub(super) key: Fields,
    pub(super) name: String,
    /// What names share that look like it.
    pub(super) skeleton: String,
    /// The org in which no other name may look like it.
    pub(super) holder: Option<u64>,
    pub(super) secret: Secret,
    pub(super) roles: Vec<RoleRow>,
    pub(super) scope: Scope,
    pub(super) ip: IpRules,
}

/// What of a digest must be its own: as much as a snapshot holds.
type Prefix = [u8; 16];

impl Ready {
    fn prefix(&self) -> &[u8] {
        self.secret.digest().split_at(size_of::<Prefix>()).0
    }

    fn rows(self, change: &Change<'_>, row: u64) -> [Vec<Fields>; TABLES.len()] {
        let (key, secret) = (self.key.and(fields! { id: row }), self.secret.fields(change, row));
        let (roles, services, ips) = (role_rows(row, &self.roles), service_rows(row, &self.scope), ip_rows(row, &self.ip));
        [vec![key], vec![secret], roles, services, ips]
    }
}

/// The tables that hold a key, each after those it refers to.
const TABLES: [&str; 5] = ["keys", "secrets", "key_roles", "key_services", "key_ips"];

/// Lines that wait.
pub(super) struct Batch {
    /// Each with its number.
    pub(super) lines: Vec<(u64, Result<Ready, Error>)>,
    /// Row of the next key: writers take turns, so nobody else takes it.
    next: u64,
}

impl Batch {
    pub(super) fn new(next: u64) -> Batch {
        Batch { lines: Vec::new(), next }
    }

    /// Adds the lines that nothing stands in the way of, in their order, and tells of each whether it was refused.
    pub(super) fn write(&mut self, change: &mut Change<'_>, tell: &mut dyn FnMut(u64, Option<Error>)) -> Result<(), Error> {
        let ready: Vec<&Ready> = self.lines.iter().filter_map(|(_, line)| line.as_ref().ok()).collect();
        let mut digests = HashSet::new();
        let test = "secrets WHERE realm_id = $1 AND substr(digest, 1, 16)";
        for at in taken(change, test, change.tx.realm, ready.iter().map(|line| line.prefix().into()).collect())? {
            digests.extend(ready.get(at).map(|line| line.prefix().to_vec()));
        }
        let mut names = HashSet::new();
        let mut holders: HashMap<u64, Vec<&str>> = HashMap::new();
        for line in &ready {
            if let Some(org) = line.holder {
                holders.entry(org).or_default().push(&line.skeleton);
            }
        }
        for (org, held) in holders {
            let test = "keys WHERE org_id = $1 AND held_name";
            for at in taken(change, test, org, held.iter().map(|&name| name.into()).collect())? {
                names.extend(held.get(at).map(|&name| (org, name.to_owned())));
            }
        }
        let mut rows = TABLES.map(|_| Vec::new());
        for (number, line) in self.lines.drain(..) {
            let refused = match line {
                Err(error) => Some(error),
                Ok(line) if line.holder.is_some_and(|org| names.contains(&(org, line.skeleton.clone()))) => {
                    Some(Error::NameTaken { name: line.name })
                }
                Ok(line) if !digests.insert(line.prefix().to_vec()) => Some(Error::DigestTaken),
                Ok(line) => {
                    names.extend(line.holder.map(|org| (org, line.skeleton.clone())));
                    for (all, rows) in rows.iter_mut().zip(line.rows(change, self.next)) {
                        all.extend(rows);
                    }
                    self.next += 1;
                    None
                }
            };
            tell(number, refused);
        }
        TABLES.into_iter().zip(rows).try_for_each(|(table, rows)| change.add_all(table, rows))
    }
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
