//! Which pepper the digests of a realm's snapshots are made with, which one they will be made with, and which were before. The registry knows their ids
//! alone: the secrets lie where signing keys lie, with whoever publishes, and with edges.

use edgelatch_core::key::PepperId;
use edgelatch_core::limits::MAX_PEPPERS;
use serde::Serialize;
use serde_json::json;

use super::Ledger;
use crate::audit::Target;
use crate::error::{Error, Kind};
use crate::journal::What;
use crate::model::{Caller, MANAGEMENT_REALM, Slug, pepper_text};
use crate::registry::Registry;
use crate::store::{Statements, args, columns, fields};
use crate::tenants::find_realm;
use crate::transaction::{Change, Transaction};

/// How far a pepper is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PepperState {
    /// No snapshot was ever made with it: edges are to be given it.
    New,
    /// Snapshots are made with it.
    InUse,
    /// Snapshots are made with another one, or with none. Until [`PepperRow::needed_until`] edges may serve one that was made with this one.
    Left,
}

/// A pepper of a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PepperRow {
    /// Its id.
    #[serde(serialize_with = "pepper_text")]
    pub pepper: PepperId,
    /// How far it is.
    pub state: PepperState,
    /// When it was made known, in Unix seconds.
    #[serde(skip)]
    pub created_at: u64,
    /// Until when a head may live whose snapshot was made with it, in Unix seconds; none if it was never used, or is in use.
    #[serde(skip)]
    pub needed_until: Option<u64>,
    /// Whether the newest epoch was made with it, though it was left since.
    #[serde(skip)]
    pub still_published: bool,
}

columns! {
    PEPPER: PepperRow = {
        pepper = "p.pepper_id", created_at = "p.created_at", used_at: Option<u64> = "p.used_at", left_step: Option<u64> = "p.left_step",
        needed_until = "p.needed_until",
        shows: Option<u64> = "(SELECT max(e.changes) FROM epochs e WHERE e.realm_id = p.realm_id)"
    } => PepperRow {
        pepper, created_at, needed_until,
        state: match (used_at, left_step) {
            (None, _) => PepperState::New,
            (Some(_), None) => PepperState::InUse,
            (Some(_), Some(_)) => PepperState::Left,
        },
        still_published: left_step.zip(shows).is_some_and(|(left, shows)| shows < left),
    }
}

impl Ledger<'_> {
    /// The pepper that snapshots are made with, if they are made with one.
    pub fn pepper(&self) -> Result<Option<PepperId>, Error> {
        self.0.read(|tx| Ok(find_realm(tx, self.0.realm)?.pepper_id))
    }

    /// The peppers that the realm has, the oldest first.
    pub fn peppers(&self) -> Result<Vec<PepperRow>, Error> {
        self.0.read(all)
    }

    /// Makes a pepper known, whose secret is kept already. Nothing is made with it before [`Ledger::use_pepper`]. A realm has four at most.
    pub fn add_pepper(&self, caller: &Caller, pepper: PepperId) -> Result<(), Error> {
        caller.check_realm()?;
        self.0.change(caller, |change| add(change, self, pepper))
    }

    /// Has snapshots made with this pepper, or with none, from the next one on: the digests of all keys are others then.
    pub fn use_pepper(&self, caller: &Caller, pepper: Option<PepperId>) -> Result<(), Error> {
        caller.check_realm()?;
        self.0.change(caller, |change| switch(change, self, pepper))
    }

    /// The same with a pepper that the registry need not know, since edges have a snapshot that was made with it.
    pub fn adopt_pepper(&self, caller: &Caller, pepper: Option<PepperId>) -> Result<(), Error> {
        caller.check_realm()?;
        self.0.change(caller, |change| {
            if let Some(pepper) = pepper
                && all(&mut change.tx)?.iter().all(|row| row.pepper != pepper)
            {
                add(change, self, pepper)?;
            }
            switch(change, self, pepper)
        })
    }

    /// Forgets a pepper. One that snapshots are made with stays; and so does one that edges may need yet for a snapshot whose head has not ended, unless
    /// it is `early`: then those that begin anew meanwhile, and find nothing newer, refuse what they have.
    pub fn retire_pepper(&self, caller: &Caller, pepper: PepperId, early: bool) -> Result<(), Error> {
        caller.check_realm()?;
        self.0.change(caller, |change| {
            let row = find(&mut change.tx, pepper)?;
            let until = row.needed_until.filter(|until| *until > change.now && !early);
            let reason = match (row.state, until) {
                (PepperState::InUse, _) => {
                    "the digests of all keys are made with it: go on to another one, or to none, first".into()
                }
                _ if row.still_published && !early => "what is published was made with it: publish the next epoch first".into(),
                (_, Some(until)) => format!(
                    "edges may have a snapshot that was made with it until {}, when the last head of one ends",
                    crate::model::format_time(until)
                ),
                (_, None) => String::new(),
            };
            if !reason.is_empty() {
                return Err(Error::PepperInUse { pepper: pepper.to_string(), reason });
            }
            let realm = change.tx.realm;
            change.run("DELETE FROM peppers WHERE realm_id = $1 AND pepper_id = $2", args![realm, pepper])?;
            let what = json!({ "pepper": pepper.to_string() });
            change.log("realm.pepper_retire", &Target::realm(self.0.realm, None), Some(what), None)
        })
    }
}

impl Registry {
    /// The peppers of every realm that has some, and of every other one none.
    pub fn peppers(&self) -> Result<Vec<(Slug, Vec<PepperRow>)>, Error> {
        self.store.reading(|session| {
            let sql = "SELECT slug, id, (SELECT count(*) FROM peppers p WHERE p.realm_id = r.id) FROM realms r \
                       WHERE deleted_at IS NULL ORDER BY slug";
            let realms: Vec<(Slug, u64, u64)> = session.all(sql, &[])?;
            let rest = "FROM peppers p WHERE p.realm_id = $1 ORDER BY p.created_at, p.pepper_id";
            let mut of =
                |id: u64, number: u64| if number == 0 { Ok(Vec::new()) } else { session.all(PEPPER.select(rest), args![id]) };
            realms.into_iter().map(|(realm, id, number)| Ok((realm, of(id, number)?))).collect()
        })
    }
}

fn all(tx: &mut Transaction<'_>) -> Result<Vec<PepperRow>, Error> {
    tx.all(PEPPER.select("FROM peppers p WHERE p.realm_id = $1 ORDER BY p.created_at, p.pepper_id"), args![tx.realm])
}

fn find(tx: &mut Transaction<'_>, pepper: PepperId) -> Result<PepperRow, Error> {
    let row = tx.one(PEPPER.select("FROM peppers p WHERE p.realm_id = $1 AND p.pepper_id = $2"), args![tx.realm, pepper])?;
    row.ok_or_else(|| Error::missing(Kind::Pepper, &pepper.to_string()))
}

fn add(change: &mut Change<'_>, ledger: &Ledger<'_>, pepper: PepperId) -> Result<(), Error> {
    // Its snapshot never leaves the server, and nobody could give its readers a pepper.
    if ledger.0.realm.as_str() == MANAGEMENT_REALM {
        return Err(Error::invalid("realm", "`management` is published to no edge, and takes no pepper"));
    }
    if all(&mut change.tx)?.len() >= MAX_PEPPERS {
        let (limit, mend) = (MAX_PEPPERS as u64, "retire one that is not needed any more");
        return Err(Error::LimitReached { field: "pepper".into(), limit, what: "peppers of a realm", mend });
    }
    let row = fields! { realm_id: change.tx.realm, pepper_id: pepper, created_at: change.now };
    let exists = || Error::Exists { kind: Kind::Pepper, id: pepper.to_string() };
    change.tx.add("peppers", row).map_err(|error| error.or_unique(exists))?;
    let what = json!({ "pepper": pepper.to_string() });
    change.log("realm.pepper_create", &Target::realm(ledger.0.realm, None), None, Some(what))
}

fn switch(change: &mut Change<'_>, ledger: &Ledger<'_>, pepper: Option<PepperId>) -> Result<(), Error> {
    if let Some(pepper) = pepper {
        find(&mut change.tx, pepper)?;
    }
    let before = find_realm(change, ledger.0.realm)?;
    if before.pepper_id == pepper {
        return Ok(());
    }
    let (realm, now) = (change.tx.realm, change.now);
    change.tx.touch(What::Everything)?;
    let step = change.tx.reached()?;
    change.revise("realms", realm.0, fields! { pepper_id: pepper })?;
    // What is being signed this moment may still show the state before.
    let sql = "UPDATE peppers SET left_step = $2, needed_until = \
               coalesce((SELECT max(not_after) FROM epochs WHERE realm_id = $1 AND not_after > $3), $3) WHERE realm_id = $1 AND pepper_id = $4";
    change.run(sql, args![realm, step, now.saturating_add(before.head_lifetime), before.pepper_id])?;
    let sql = "UPDATE peppers SET used_at = coalesce(used_at, $2), left_step = NULL, needed_until = NULL WHERE realm_id = $1 AND pepper_id = $3";
    change.run(sql, args![realm, now, pepper])?;
    let named = |pepper: Option<PepperId>| Some(json!({ "pepper": pepper.map(|pepper| pepper.to_string()) }));
    change.log("realm.pepper_use", &Target::realm(ledger.0.realm, None), named(before.pepper_id), named(pepper))
}
