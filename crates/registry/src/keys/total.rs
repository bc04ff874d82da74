//! How many keys there are. Of each org it is kept, so that nobody counts a million; of what a filter fits it is counted as far as that is
//! quick.

use super::narrow::{Effort, Range, fitting};
use super::terms::Rows;
use crate::error::Error;
use crate::model::{KeyFilter, State};
use crate::store::{Conditions, Statements, Value, args};
use crate::transaction::Transaction;

/// Notes that an org has more keys, or fewer: of those that are not revoked, and of those that are.
pub(crate) fn note(tx: &mut Transaction<'_>, org: u64, [live, revoked]: [i64; 2]) -> Result<(), Error> {
    let [live, revoked] = [live, revoked].map(Value::Int);
    let sql = "UPDATE key_counts SET live = live + $2, revoked = revoked + $3 WHERE org_id = $1";
    if tx.run(sql, args![org, live.clone(), revoked.clone()])? == 0 {
        let sql = "INSERT INTO key_counts (org_id, realm_id, live, revoked) VALUES ($1, $2, $3, $4)";
        tx.run(sql, args![org, tx.realm, live, revoked])?;
    }
    Ok(())
}

/// Notes that a key of an org is another one now: whether it was revoked, if it was there, and whether it is.
pub(crate) fn turn(tx: &mut Transaction<'_>, org: u64, was: Option<bool>, is: Option<bool>) -> Result<(), Error> {
    let one = |key: Option<bool>, revoked: bool| i64::from(key == Some(revoked));
    let [live, revoked] = [false, true].map(|revoked| one(is, revoked) - one(was, revoked));
    if live == 0 && revoked == 0 { Ok(()) } else { note(tx, org, [live, revoked]) }
}

/// How many keys a filter fits, and whether that is exact. Otherwise there are at least so many.
pub(super) fn total(
    tx: &mut Transaction<'_>,
    filter: &KeyFilter,
    range: Range,
    all: &Conditions,
    among: Option<&Rows>,
    effort: Effort,
) -> Result<(u64, bool), Error> {
    let plain = KeyFilter { org: filter.org.clone(), ..KeyFilter::default() };
    let kept = |counted: &str| {
        format!(
            "SELECT CAST(coalesce(sum({counted}), 0) AS BIGINT) FROM key_counts c JOIN orgs o ON o.id = c.org_id WHERE c.{} = $1",
            range.column
        )
    };
    if *filter == plain {
        let sql = kept("c.live + CASE WHEN o.list_revoked = 1 THEN c.revoked ELSE 0 END");
        return Ok((tx.count(sql, args![range.id])?, true));
    }
    if *filter == (KeyFilter { state: Some(State::Revoked), ..plain }) {
        return Ok((tx.count(kept("c.revoked"), args![range.id])?, true));
    }
    let rows = match among {
        Some(rows) => rows.iter().take(effort.counted).collect(),
        None => {
            let sql = format!("SELECT k.id FROM key_rows k WHERE k.{} = $1 ORDER BY k.created_at DESC LIMIT $2", range.column);
            tx.all::<u64>(sql, args![range.id, effort.counted as u64])?
        }
    };
    let every = rows.len() < effort.counted;
    Ok((fitting(tx, all, "k.id", rows)?.len() as u64, every))
}
