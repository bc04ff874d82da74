//! The numbers that keys' records refer to, as rows of `keys` hold them: of one key, of many, and of all keys of an owner or org, whose
//! role sets follow from it.

use std::collections::{BTreeMap, HashMap};

use edgelatch_core::build::{Entry, Table};

use super::content::role_set;
use super::entries::{ORG_ROLE, Sought, enter, leave};
use super::sizes::check;
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
        Ok(tx.one(NUMBERS.select("FROM keys WHERE id = $1"), args![key])?.unwrap_or_default())
    }

    /// The columns of a key's row that hold them.
    pub(crate) fn fields(self) -> Fields {
        fields! { role_set: self.role_set, scope: self.scope, policy: self.policy }
    }

    /// Writes them into a key's row.
    pub(crate) fn store(self, tx: &mut Transaction<'_>, key: u64) -> Result<(), Error> {
        let sql = "UPDATE keys SET role_set = $2, scope = $3, policy = $4 WHERE id = $1";
        tx.run(sql, args![key, self.role_set, self.scope, self.policy]).map(drop)
    }

    /// Counts the key no more.
    pub(crate) fn release(self, tx: &mut Transaction<'_>, org: u64) -> Result<(), Error> {
        swap(tx, org, (Table::RoleSets, self.role_set), None)?;
        swap(tx, org, (Table::Scopes, self.scope), None)?;
        swap(tx, org, (Table::Policies, self.policy), None).map(drop)
    }
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
    let sql = format!("SELECT role_set, count(*) FROM keys WHERE {column} = $1 AND role_set > 0 GROUP BY role_set");
    tx.all(sql, args![value])
}

/// Lets the keys whose column holds a value need one role set. What they needed before still counts them.
fn grant(tx: &mut Transaction<'_>, org: u64, (column, value): (&str, u64), roles: Vec<u32>) -> Result<(), Error> {
    let keys = tx.count(format!("SELECT count(*) FROM keys WHERE {column} = $1"), args![value])?;
    let number = match role_set(roles).filter(|_| keys > 0) {
        None => 0,
        Some(entry) => enter(tx, org, &Sought::of(&entry)?, keys)?.0,
    };
    tx.run(&format!("UPDATE keys SET role_set = $2 WHERE {column} = $1"), args![value, number]).map(drop)
}

/// Lets each key of an org need the set of the roles given to it. What they needed before still counts them.
fn grant_own(tx: &mut Transaction<'_>, org: u64) -> Result<(), Error> {
    tx.run("UPDATE keys SET role_set = 0 WHERE org_id = $1", args![org])?;
    let sql = "SELECT x.key_id, r.number FROM keys k JOIN key_roles x ON x.key_id = k.id JOIN roles r ON r.id = x.role_id \
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
            tx.run(&format!("UPDATE keys SET role_set = $1 WHERE id IN ({})", places(2, some.len())), &values)?;
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

/// Many keys at once, of which most need what one before needs: these are counted together at the end.
#[derive(Default)]
pub(crate) struct Repeated(HashMap<(u64, Table, [u8; 32]), Met>);

/// An entry that an org's key needed, and how many keys of the org need it beside that one.
struct Met {
    sought: Sought,
    number: u32,
    more: u64,
}

impl Repeated {
    /// The number of an entry that one more key needs.
    pub(crate) fn number(&mut self, tx: &mut Transaction<'_>, org: u64, entry: Option<Entry>) -> Result<u32, Error> {
        let Some(entry) = entry else { return Ok(0) };
        let sought = Sought::of(&entry)?;
        let place = (org, sought.table, sought.digest);
        if let Some(met) = self.0.get_mut(&place) {
            met.more += 1;
            return Ok(met.number);
        }
        let (number, new) = enter(tx, org, &sought, 1)?;
        if new {
            check(tx, org)?;
        }
        self.0.insert(place, Met { sought, number, more: 0 });
        Ok(number)
    }

    /// Writes down what was only remembered.
    pub(crate) fn finish(self, tx: &mut Transaction<'_>) -> Result<(), Error> {
        let mut again = self.0.into_iter().filter(|(_, met)| met.more > 0);
        again.try_for_each(|((org, ..), met)| enter(tx, org, &met.sought, met.more).map(drop))
    }
}
