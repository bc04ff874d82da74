//! Lines of an import on their way into the database, many at once: one by one, each would wait for a network's answer.

use std::collections::{HashMap, HashSet};

use crate::error::Error;
use crate::keys::{IPS, KEY_COLUMNS, PartRows, ROLES, SERVICES, ip_rows, role_rows, service_rows};
use crate::limits::LOOKUPS;
use crate::model::{IpRules, Scope};
use crate::store::{Value, args};
use crate::transaction::Change;

/// A key that only another key's name or digest could still stand in the way of.
pub(super) struct Ready {
    pub(super) key: Vec<Value>,
    pub(super) name: String,
    /// The org in which its name must be its own.
    pub(super) holder: Option<u64>,
    pub(super) digest: [u8; 32],
    pub(super) roles: Vec<u64>,
    pub(super) scope: Scope,
    pub(super) ip: IpRules,
}

/// What of a digest must be its own: as much as a snapshot holds.
type Prefix = [u8; 16];

impl Ready {
    fn prefix(&self) -> &[u8] {
        self.digest.split_at(size_of::<Prefix>()).0
    }
}

/// Lines that wait.
pub(super) struct Batch {
    /// Each with its number.
    pub(super) lines: Vec<(u64, Result<Ready, Error>)>,
    /// Row of the next key: writers take turns, so nobody else takes it.
    next: u64,
}

/// Rows of each table that holds a part of a key.
#[derive(Default)]
struct Rows {
    keys: Vec<Vec<Value>>,
    secrets: Vec<Vec<Value>>,
    roles: PartRows,
    services: PartRows,
    ips: PartRows,
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
        for at in taken(change, test, change.tx.realm.0, ready.iter().map(|line| line.prefix().into()).collect())? {
            digests.extend(ready.get(at).map(|line| line.prefix().to_vec()));
        }
        let mut names = HashSet::new();
        let mut holders: HashMap<u64, Vec<&str>> = HashMap::new();
        for line in &ready {
            if let Some(org) = line.holder {
                holders.entry(org).or_default().push(&line.name);
            }
        }
        for (org, held) in holders {
            let test = "keys WHERE org_id = $1 AND held_name";
            for at in taken(change, test, org, held.iter().map(|&name| name.into()).collect())? {
                names.extend(held.get(at).map(|&name| (org, name.to_owned())));
            }
        }
        let mut rows = Rows::default();
        for (number, line) in self.lines.drain(..) {
            let refused = match line {
                Err(error) => Some(error),
                Ok(line) if line.holder.is_some_and(|org| names.contains(&(org, line.name.clone()))) => {
                    Some(Error::NameTaken { name: line.name })
                }
                Ok(line) if !digests.insert(line.prefix().to_vec()) => Some(Error::DigestTaken),
                Ok(line) => {
                    names.extend(line.holder.map(|org| (org, line.name.clone())));
                    rows.add(change, self.next, line);
                    self.next += 1;
                    None
                }
            };
            tell(number, refused);
        }
        rows.load(change)
    }
}

/// Which of the wanted values, by their places, are there already. Each is looked up by itself, so that no database thinks of
/// reading all there are instead.
fn taken(change: &mut Change<'_>, test: &str, of: u64, wanted: Vec<Value>) -> Result<Vec<usize>, Error> {
    let mut found = Vec::new();
    for (chunk, some) in wanted.chunks(LOOKUPS).enumerate() {
        let lookups: Vec<String> = (0..some.len()).map(|at| format!("SELECT {at} FROM {test} = ${}", at + 2)).collect();
        let values = [&[Value::from(of)], some].concat();
        change.tx.session.each::<u64>(&lookups.join(" UNION ALL "), &values, |at| {
            found.extend(usize::try_from(at).map(|at| chunk * LOOKUPS + at));
            Ok(())
        })?;
    }
    Ok(found)
}

impl Rows {
    fn add(&mut self, change: &Change<'_>, row: u64, line: Ready) {
        let Ready { mut key, digest, roles, scope, ip, .. } = line;
        key.push(row.into());
        self.keys.push(key);
        self.secrets.push(args![row, change.tx.realm.0, &digest[..], change.now].to_vec());
        self.roles.extend(role_rows(row, &roles));
        self.services.extend(service_rows(row, &scope));
        self.ips.extend(ip_rows(row, &ip));
    }

    fn load(self, change: &mut Change<'_>) -> Result<(), Error> {
        change.tx.session.load("keys", &[&KEY_COLUMNS[..], &["id"]].concat(), &self.keys)?;
        change.tx.session.load("secrets", &["key_id", "realm_id", "digest", "created_at"], &self.secrets)?;
        ROLES.load(&mut change.tx, &self.roles)?;
        SERVICES.load(&mut change.tx, &self.services)?;
        IPS.load(&mut change.tx, &self.ips)
    }
}
