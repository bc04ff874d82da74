//! What edges say of themselves. Nothing that a snapshot shows changes by it, and no act is logged.

use std::collections::BTreeMap;

use edgelatch_core::limits::MAX_EPOCH;
use serde::Deserialize;
use serde_with::apply;

use super::Fleet;
use crate::error::Error;
use crate::limits::{LIVE_INTERVALS, MAX_EDGES, MAX_REPORTS, MAX_TIME, REPORTS_AT_ONCE};
use crate::model::json::given;
use crate::model::{Name, Token, Word, words};
use crate::store::{Fields, Statements, args, fields};
use crate::transaction::Transaction;

words! {
    /// When an edge refreshes.
    EdgeMode {
        /// By a timer, and by a stream where there is one.
        Timer = "timer",
        /// While requests come in.
        Demand = "demand",
        /// When its host says so.
        Manual = "manual",
    }
}

/// What an edge says of itself.
#[apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EdgeReport {
    /// The id of this instance, which it draws at its start.
    pub edge: Token,
    /// What people call it: instances may share a name, such as that of a place.
    pub name: Option<Name>,
    /// Counts the reports of the instance from 1: an earlier one that comes later is passed over.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_992_u64)]
    pub report: u64,
    /// The epoch that it serves by; 0 for none.
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    pub epoch: u64,
    /// When the head of that epoch was issued, in Unix seconds; 0 for none.
    #[schema(maximum = 253_402_300_799_u64)]
    pub issued_at: u64,
    /// The version of the root under which it serves; 0 for none.
    #[schema(value_type = u64, maximum = 4_294_967_295_u64)]
    pub root_version: u32,
    /// For how many seconds it has served by this epoch.
    #[schema(maximum = 253_402_300_799_u64)]
    pub serving: u64,
    /// Its own clock, in Unix seconds.
    #[schema(maximum = 253_402_300_799_u64)]
    pub at: u64,
    /// When it refreshes.
    pub mode: EdgeMode,
    /// What it runs, such as `edgelatch-js/0.1.0`.
    pub sdk: Token,
    /// Whether it ends now: nobody is to wait for it any more.
    #[serde(default)]
    pub closing: bool,
}

impl EdgeReport {
    /// Refuses what cannot be.
    pub fn check(&self) -> Result<(), Error> {
        let bounds = [
            ("report", self.report, 1, MAX_REPORTS),
            ("epoch", self.epoch, 0, MAX_EPOCH),
            ("issued_at", self.issued_at, 0, MAX_TIME),
            ("serving", self.serving, 0, MAX_TIME),
            ("at", self.at, 0, MAX_TIME),
        ];
        match bounds.into_iter().find(|(_, value, min, max)| !(min..=max).contains(&value)) {
            Some((field, _, min, max)) => Err(Error::invalid(field, format!("must be {min} to {max}"))),
            None => Ok(()),
        }
    }
}

/// A report as it was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was said.
    pub report: EdgeReport,
    /// When, by the clock of whoever heard it.
    pub at: u64,
    /// Seconds after which the next one is expected.
    pub interval: u64,
}

/// What became of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Edges of the realm that are live now.
    pub live: u64,
    /// Edges that there was no room for.
    pub refused: u64,
}

/// What becomes of a row that is there: a later report replaces all but its beginning.
const LATER: &str = "(realm_id, edge) DO UPDATE SET name = excluded.name, report = excluded.report, epoch = excluded.epoch, \
                     issued_at = excluded.issued_at, root_version = excluded.root_version, since = excluded.since, \
                     clock = excluded.clock, mode = excluded.mode, sdk = excluded.sdk, seen_at = excluded.seen_at, \
                     live_until = excluded.live_until WHERE edges.report < excluded.report";

fn row(tx: &Transaction<'_>, Heard { report, at, interval }: &Heard) -> Fields {
    let live_until = at.saturating_add(interval.saturating_mul(LIVE_INTERVALS)).min(MAX_TIME);
    fields! {
        realm_id: tx.realm, edge: report.edge.as_str(), name: report.name.as_ref().map_or("", Name::as_str), report: report.report,
        epoch: report.epoch, issued_at: report.issued_at, root_version: report.root_version, since: at.saturating_sub(report.serving),
        clock: report.at, mode: report.mode.word(), sdk: report.sdk.as_str(), first_at: *at, seen_at: *at, live_until: live_until,
    }
}

impl Fleet<'_> {
    /// Writes down reports, of each edge the last one: in several short transactions, so that nobody who changes something waits for
    /// long.
    pub fn report(&self, heard: &[Heard]) -> Result<Reported, Error> {
        heard.iter().try_for_each(|heard| heard.report.check())?;
        let now = self.0.now()?;
        let mut last: BTreeMap<&str, &Heard> = BTreeMap::new();
        for heard in heard {
            let known = last.entry(heard.report.edge.as_str()).or_insert(heard);
            // What is said at the end stays said.
            if heard.report.report > known.report.report {
                *known = heard;
            }
        }
        let all: Vec<&Heard> = last.into_values().collect();
        let mut done = Reported::default();
        for some in all.chunks(REPORTS_AT_ONCE) {
            let Reported { live, refused } = self.0.write(|tx| write(tx, some, now))?;
            done = Reported { live, refused: done.refused + refused };
        }
        Ok(done)
    }
}

fn write(tx: &mut Transaction<'_>, heard: &[&Heard], now: u64) -> Result<Reported, Error> {
    let (closing, rest): (Vec<&Heard>, Vec<&Heard>) = heard.iter().partition(|heard| heard.report.closing);
    for Heard { report, .. } in closing {
        tx.run("DELETE FROM edges WHERE realm_id = $1 AND edge = $2", args![tx.realm, report.edge.as_str()])?;
    }
    let rows = rest.into_iter().map(|heard| row(tx, heard)).collect();
    tx.put_all("edges", rows, LATER)?;
    let refused = make_room(tx, now)?;
    let live = tx.count("SELECT count(*) FROM edges WHERE realm_id = $1 AND live_until >= $2", args![tx.realm, now])?;
    Ok(Reported { live, refused })
}

/// Forgets edges until there are as many as may be: those that are gone, the longest first. If that does not do, the newest ones:
/// whoever makes edges up must not be able to drive out those that are there. Returns how many of these it was.
fn make_room(tx: &mut Transaction<'_>, now: u64) -> Result<u64, Error> {
    let count = "SELECT count(*) FROM edges WHERE realm_id = $1";
    let more = tx.count(count, args![tx.realm])?.saturating_sub(MAX_EDGES);
    if more == 0 {
        return Ok(0);
    }
    let forget = |which: &str, order: &str, limit: u64| {
        format!(
            "DELETE FROM edges WHERE realm_id = $1 AND edge IN (SELECT edge FROM edges WHERE realm_id = $1 AND live_until {which} $2 \
             ORDER BY {order} LIMIT {limit})"
        )
    };
    let gone = tx.run(&forget("<", "live_until, edge", more), args![tx.realm, now])?;
    match more.saturating_sub(gone) {
        0 => Ok(0),
        more => tx.run(&forget(">=", "first_at DESC, edge DESC", more), args![tx.realm, now]),
    }
}
