//! The numbers that keys' records refer to, as rows of `keys` hold them: of one key, of many, and of all keys of an owner or org, whose
//! role sets follow from it.

use std::collections::{BTreeMap, HashMap, HashSet};

use edgelatch_core::build::{Entry, Table};

use super::content::role_set;
use super::entries::{ORG_ROLE, Sought, enter, leave};
use super::sizes::check;
use super::tables::words;
use crate::error::Error;
use crate::limits::LOOKUPS;
use crate::model::Authority;
use crate::store::{Fields, Statements, Value, args, columns, fields, places};
use crate::transaction::Transaction;

/// What a key's record refers to; 0 stands for no roles, all services, no policy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Numbers {
    pub(crate) role_set: u32,
    pub(crate) scope: u32,
    pub(crate) policy: u32,
}

columns! { NUMBERS: Numbers { role_set, scope, policy } }

impl Numbers {
    /// Those of a key that is there.
    pub(crate) fn of(tx: &mut Transaction<'_>, key: u64) -> Result<Numbers, Error> {
        Ok(tx.one(NUMBERS.select("FROM key_rows WHERE id = $1"), args![key])?.unwrap_or_default())
    }

    /// The columns of a key's row that hold them.
    pub(crate) fn fields(self) -> Fields {
        fields! { role_set: self.role_set, scope: self.scope, policy: self.policy }
    }

    /// Writes them into a key's row.
    pub(crate) fn store(self, tx: &mut Transaction<'_>, key: u64) -> Result<(), Error> {
        let sql = "UPDATE key_rows SET role_set = $2, scope = $3, policy = $4 WHERE id = $1";
        tx.run(sql, args![key, self.role_set, self.scope, self.policy]).map(drop)
    }

    /// The entries that they stand for.
    pub(crate) fn entries(self) -> impl Iterator<Item = (Table, u32)> {
        let all = [(Table::RoleSets, self.role_set), (Table::Scopes, self.scope), (Table::Policies, self.policy)];
        all.into_iter().filter(|(_, number)| *number != 0)
    }

    /// Counts the key no more.
    pub(crate) fn release(self, tx: &mut Transaction<'_>, org: u64) -> Result<(), Error> {
        leave_all(tx, self.entries().map(|(table, number)| ((org, table, number), 1)))
    }
}

/// Counts keys of orgs that need entries no more.
pub(crate) fn leave_all(
    tx: &mut Transaction<'_>,
    uses: impl IntoIterator<Item = ((u64, Table, u32), u64)>,
) -> Result<(), Error> {
    uses.into_iter().try_for_each(|((org, table, number), keys)| leave(tx, org, (table, number), keys))
}

/// Lets a key of an org need the entry `after` in the place of the one numbered `before`. Returns the number of `after`.
pub(crate) fn swap(
    tx: &mut Transaction<'_>,
    org: u64,
    (table, before): (Table, u32),
    after: Option<&Entry>,
) -> Result<u32, Error> {
    let (number, new) = after.map_or(Ok((0, false)), |entry| enter(tx, org, &Sought::of(entry)?, 1))?;
    if before != 0 {
        leave(tx, org, (table, before), 1)?;
    }
    if new {
        check(tx, org)?;
    }
    Ok(number)
}

/// The numbers of the roles that a key of an org has: those given to it, its owner's, or the org's.
pub(crate) fn granted(
    tx: &mut Transaction<'_>,
    authority: Authority,
    owner: u64,
    own: impl IntoIterator<Item = u32>,
) -> Result<Vec<u32>, Error> {
    match authority {
        Authority::Roles => Ok(own.into_iter().collect()),
        Authority::Owner => of_owner(tx, owner),
        Authority::Org => Ok(vec![ORG_ROLE]),
    }
}

fn of_owner(tx: &mut Transaction<'_>, owner: u64) -> Result<Vec<u32>, Error> {
    tx.all("SELECT r.number FROM owner_roles x JOIN roles r ON r.id = x.role_id WHERE x.owner_id = $1", args![owner])
}

/// Gives the keys of an owner the role set that follows from its roles, where keys have their owner's.
pub(crate) fn regrant(tx: &mut Transaction<'_>, org: u64, owner: u64) -> Result<(), Error> {
    let before = role_sets(tx, ("owner_id", owner))?;
    let roles = of_owner(tx, owner)?;
    grant(tx, org, ("owner_id", owner), roles)?;
    depart(tx, org, before)
}

/// Gives every key of an org the role set that follows from what its keys' authority is now.
pub(crate) fn regrant_org(tx: &mut Transaction<'_>, org: u64, authority: Authority) -> Result<(), Error> {
    let before = role_sets(tx, ("org_id", org))?;
    match authority {
        Authority::Org => grant(tx, org, ("org_id", org), vec![ORG_ROLE])?,
        Authority::Owner => {
            for owner in tx.all("SELECT id FROM owners WHERE org_id = $1", args![org])? {
                let roles = of_owner(tx, owner)?;
                grant(tx, org, ("owner_id", owner), roles)?;
            }
        }
        Authority::Roles => grant_own(tx, org)?,
    }
    depart(tx, org, before)
}

/// How many keys have each role set, of those whose column holds a value.
fn role_sets(tx: &mut Transaction<'_>, (column, value): (&str, u64)) -> Result<Vec<(u32, u64)>, Error> {
    let sql = format!("SELECT role_set, count(*) FROM key_rows WHERE {column} = $1 AND role_set > 0 GROUP BY role_set");
    tx.all(sql, args![value])
}

/// Lets the keys whose column holds a value need one role set. What they needed before still counts them.
fn grant(tx: &mut Transaction<'_>, org: u64, (column, value): (&str, u64), roles: Vec<u32>) -> Result<(), Error> {
    let keys = tx.count(format!("SELECT count(*) FROM key_rows WHERE {column} = $1"), args![value])?;
    let number = match role_set(roles).filter(|_| keys > 0) {
        None => 0,
        Some(entry) => enter(tx, org, &Sought::of(&entry)?, keys)?.0,
    };
    tx.run(&format!("UPDATE key_rows SET role_set = $2 WHERE {column} = $1"), args![value, number]).map(drop)
}

/// Lets each key of an org need the set of the roles given to it. What they needed before still counts them.
fn grant_own(tx: &mut Transaction<'_>, org: u64) -> Result<(), Error> {
    tx.run("UPDATE key_rows SET role_set = 0 WHERE org_id = $1", args![org])?;
    let sql = "SELECT x.key_id, r.number FROM key_rows k JOIN key_roles x ON x.key_id = k.id JOIN roles r ON r.id = x.role_id \
               WHERE k.org_id = $1 ORDER BY x.key_id, r.number";
    let mut alike: BTreeMap<Vec<u32>, Vec<u64>> = BTreeMap::new();
    for (key, roles) in tx.grouped(sql, args![org])? {
        alike.entry(roles).or_default().push(key);
    }
    for (roles, keys) in alike {
        let Some(entry) = role_set(roles) else { continue };
        let (number, _) = enter(tx, org, &Sought::of(&entry)?, keys.len() as u64)?;
        for some in keys.chunks(LOOKUPS) {
            let values: Vec<Value> = std::iter::once(number.into()).chain(some.iter().map(|key| (*key).into())).collect();
            tx.run(&format!("UPDATE key_rows SET role_set = $1 WHERE id IN ({})", places(2, some.len())), &values)?;
        }
    }
    Ok(())
}

/// Counts no more the keys that had these role sets, and refuses what is too much now.
fn depart(tx: &mut Transaction<'_>, org: u64, before: Vec<(u32, u64)>) -> Result<(), Error> {
    for (number, keys) in before {
        leave(tx, org, (Table::RoleSets, number), keys)?;
    }
    check(tx, org)
}

/// An org, and an entry by the digest of its content.
type Place = (u64, Table, [u8; 32]);

/// Many keys at once, of which most need what one before needs: these are counted together at the end of a transaction.
#[derive(Default)]
pub(crate) struct Repeated {
    /// Numbers of entries that keys of an org needed before.
    numbers: HashMap<Place, u32>,
    /// Others that were asked about in this transaction.
    asked: HashSet<Place>,
    /// How many more keys need them in this transaction.
    more: BTreeMap<(u64, Table, u32), u64>,
}

impl Repeated {
    /// How many of these entries no key of the org has needed so far, nor was asked about here.
    pub(crate) fn new_among(&mut self, org: u64, needs: [Option<&Entry>; 3]) -> Result<usize, Error> {
        needs.into_iter().flatten().try_fold(0, |new, entry| {
            let sought = Sought::of(entry)?;
            let place = (org, sought.table, sought.digest);
            Ok(new + usize::from(!self.numbers.contains_key(&place) && self.asked.insert(place)))
        })
    }

    /// The numbers of what one more key needs. After a refusal it is as if the key had not asked.
    pub(crate) fn numbers(&mut self, tx: &mut Transaction<'_>, org: u64, needs: [Option<&Entry>; 3]) -> Result<Numbers, Error> {
        let mut found = [0; 3];
        let numbers = |[role_set, scope, policy]: [u32; 3]| Numbers { role_set, scope, policy };
        for at in 0..found.len() {
            let result = self.number(tx, org, needs[at]);
            if result.is_err() {
                self.forget(tx, org, numbers(found))?;
            }
            found[at] = result?;
        }
        Ok(numbers(found))
    }

    /// Lets a key that asked last need nothing of what it asked for.
    fn forget(&mut self, tx: &mut Transaction<'_>, org: u64, numbers: Numbers) -> Result<(), Error> {
        for (table, number) in numbers.entries() {
            match self.more.get_mut(&(org, table, number)).filter(|more| **more > 0) {
                Some(more) => *more -= 1,
                None => {
                    self.numbers.retain(|(of, kind, _), known| (*of, *kind, *known) != (org, table, number));
                    leave(tx, org, (table, number), 1)?;
                }
            }
        }
        Ok(())
    }

    fn number(&mut self, tx: &mut Transaction<'_>, org: u64, entry: Option<&Entry>) -> Result<u32, Error> {
        let Some(entry) = entry else { return Ok(0) };
        let sought = Sought::of(entry)?;
        let place = (org, sought.table, sought.digest);
        if let Some(number) = self.numbers.get(&place) {
            *self.more.entry((org, sought.table, *number)).or_default() += 1;
            return Ok(*number);
        }
        let (number, new) = enter(tx, org, &sought, 1)?;
        if new && let Err(refusal) = check(tx, org) {
            leave(tx, org, (sought.table, number), 1)?;
            return Err(refusal);
        }
        self.numbers.insert(place, number);
        Ok(number)
    }

    /// Writes down what was only remembered.
    pub(crate) fn write(&mut self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        self.asked.clear();
        for ((org, table, number), keys) in std::mem::take(&mut self.more).into_iter().filter(|(_, more)| *more > 0) {
            let sql = "UPDATE directory_uses SET users = users + $5 \
                       WHERE realm_id = $1 AND org_id = $2 AND kind = $3 AND number = $4";
            if tx.run(sql, args![tx.realm, org, words(table).kind, number, keys])? != 1 {
                return Err(Error::Store { detail: "an entry of the directory that keys need is gone".into() });
            }
        }
        Ok(())
    }
}
