//! What a snapshot is built from: everything, or what has changed since an earlier one. Each is read in one transaction.

use std::collections::BTreeSet;

use edgelatch_core::build::{Change, Settings, State};
use edgelatch_core::http::CredentialHeaders;
use edgelatch_core::key::{Pepper, PepperId};

use super::Ledger;
use super::records::{Records, of_realm};
use crate::directory;
use crate::error::Error;
use crate::journal::{STEP, What};
use crate::limits::{JOURNAL_ROWS, JOURNAL_STEPS};
use crate::model::Realm;
use crate::store::{Statements, args};
use crate::tenants::find_realm;
use crate::transaction::Transaction;

/// One state of a realm.
#[derive(Debug)]
pub struct Snapshot {
    /// The realm's change counter at that state.
    pub changes: u64,
    /// All that a tree is built from.
    pub state: State,
}

/// What has changed since a state of a realm.
#[derive(Debug)]
pub enum Since {
    /// What leads from that state to the present one.
    Change {
        /// The realm's change counter now.
        changes: u64,
        /// The difference. `removed` may name digests that no snapshot ever had, and `put` records that are as they were.
        change: Box<Change>,
    },
    /// So much that [`Ledger::snapshot`] must be asked: the journal does not go back so far, or what it names is too much.
    Everything,
}

impl Ledger<'_> {
    /// One state of the realm. `pepper` is the one that [`Ledger::pepper`] names, if it names one.
    pub fn snapshot(&self, pepper: Option<&Pepper>) -> Result<Snapshot, Error> {
        self.0.read(|tx| {
            let realm = find_realm(tx, self.0.realm)?;
            let settings = settings(&realm, pepper)?;
            state(tx, &realm, settings)
        })
    }

    /// The same as if there were no pepper, for whoever compares it with another state.
    pub fn unpeppered(&self) -> Result<Snapshot, Error> {
        self.0.read(|tx| {
            let realm = Realm { pepper_id: None, ..find_realm(tx, self.0.realm)? };
            let settings = settings(&realm, None)?;
            state(tx, &realm, settings)
        })
    }

    /// What has changed since the realm's change counter stood at `changes`: as much work as keys and entries were touched, however
    /// many there are.
    pub fn since(&self, changes: u64, pepper: Option<&Pepper>) -> Result<Since, Error> {
        self.0.read(|tx| {
            let realm = find_realm(tx, self.0.realm)?;
            let settings = settings(&realm, pepper)?;
            let Some(touched) = touched(tx, changes, realm.changes)? else { return Ok(Since::Everything) };
            let change = Box::new(change(tx, settings, touched)?);
            Ok(Since::Change { changes: realm.changes, change })
        })
    }
}

fn state(tx: &mut Transaction<'_>, realm: &Realm, settings: Settings) -> Result<Snapshot, Error> {
    let entries = directory::stored(tx)?;
    Ok(Snapshot { changes: realm.changes, state: State { settings, entries, records: of_realm(tx)? } })
}

fn settings(realm: &Realm, pepper: Option<&Pepper>) -> Result<Settings, Error> {
    // A tree under the wrong one would let every key be unknown.
    if realm.pepper_id != pepper.map(Pepper::id) {
        let named = |id: Option<PepperId>, none: &str| id.map_or_else(|| none.into(), |id| format!("pepper {id}"));
        let (needed, given) = (named(realm.pepper_id, "no pepper"), named(pepper.map(Pepper::id), "none"));
        return Err(Error::PepperOther { realm: realm.realm.to_string(), needed, given });
    }
    let headers =
        [(realm.credentials.bearer, CredentialHeaders::BEARER), (realm.credentials.x_api_key, CredentialHeaders::API_KEY)];
    let on = headers.into_iter().filter(|(on, _)| *on);
    let credentials = on.fold(CredentialHeaders::empty(), |all, (_, header)| all.union(header));
    Ok(Settings { credentials, imports: realm.imports, pepper: pepper.cloned() })
}

/// What the journal names after one step and up to another, each thing once; none if that is no answer.
fn touched(tx: &mut Transaction<'_>, after: u64, now: u64) -> Result<Option<BTreeSet<What>>, Error> {
    let Some(steps) = now.checked_sub(after).filter(|steps| *steps <= JOURNAL_STEPS) else { return Ok(None) };
    // One more than is of use tells that there are too many.
    let rest = format!("FROM journal WHERE realm_id = $1 AND changes > $2 ORDER BY changes LIMIT {}", JOURNAL_ROWS + 1);
    let rows = tx.all(STEP.select(&rest), args![tx.realm, after])?;
    let (taken, touched): (BTreeSet<u64>, BTreeSet<What>) = rows.iter().copied().unzip();
    // A step without a row would be a change that nobody is told of.
    let complete = rows.len() <= JOURNAL_ROWS && taken.len() as u64 == steps;
    Ok((complete && !touched.contains(&What::Everything)).then_some(touched))
}

fn change(tx: &mut Transaction<'_>, settings: Settings, touched: BTreeSet<What>) -> Result<Change, Error> {
    let (mut keys, mut records, mut entries, mut removed) = (Vec::new(), Records::default(), Vec::new(), Vec::new());
    for what in touched {
        match what {
            What::Key(row) => keys.push(row),
            What::Owner(row) => records.read_all_of(tx, "owner_id", row)?,
            What::Org(row) => records.read_all_of(tx, "org_id", row)?,
            What::Entry(table, number) => entries.push((table, number, directory::find(tx, table, number)?)),
            What::Gone(digest) => removed.push(digest),
            What::Settings | What::Everything => {}
        }
    }
    records.read_keys(tx, &keys)?;
    // A digest that went may have come back.
    removed.retain(|digest| !records.0.contains_key(digest));
    Ok(Change { settings, entries, removed, put: records.0.into_values().collect() })
}
