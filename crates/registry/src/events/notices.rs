//! Keys that are about to expire, or that nobody uses, are told of, each once a threshold. Looks for them go along an index, so they cost what
//! they find.

use serde_json::json;

use crate::error::Error;
use crate::keys::load_rows;
use crate::limits::{EXPIRY_NOTICE_DAYS, NOTICE_ROWS, UNUSED_NOTICE_DAYS};
use crate::model::{DAY, State, format_time, next_notice};
use crate::outbox::{EventKind, News, raise};
use crate::pending::give_way;
use crate::registry::{Env, Registry};
use crate::store::{Statements, args};
use crate::transaction::{RealmId, Transaction};

/// A key that is due: the time by which a look is in order, and its row.
type Found = (u64, u64);

/// How some of the keys of a realm are found that are due, and how they are told of, after which they are found no more.
struct Look {
    find: fn(&mut Transaction<'_>, u64) -> Result<Vec<Found>, Error>,
    tell: fn(&mut Transaction<'_>, &Env, &[Found], u64) -> Result<u64, Error>,
}

const LOOKS: [Look; 3] = [
    Look { find: expiring, tell: tell_expiring },
    Look { find: left_alone, tell: tell_left_alone },
    Look { find: never_used, tell: tell_never_used },
];

impl Registry {
    /// Raises an alert for each key that expires in 30, 7 or 1 days, and for each that was not used for 90 days; returns how many. Cheap when
    /// there is none; to be called about once an hour.
    pub fn notice(&self) -> Result<u64, Error> {
        let now = self.env.now()?;
        let realms: Vec<u64> =
            self.store.reading(|session| session.all("SELECT id FROM realms WHERE deleted_at IS NULL ORDER BY id", &[]))?;
        let mut told = 0;
        for (realm, Look { find, tell }) in realms.into_iter().flat_map(|realm| LOOKS.map(|look| (realm, look))) {
            // Whoever only looks keeps nobody from writing.
            while !self.store.reading(|session| find(&mut Transaction::over(session, RealmId(realm)), now))?.is_empty() {
                told += self.store.writing(|session| {
                    let mut tx = Transaction::over(session, RealmId(realm));
                    // Another node may have been here since.
                    let found = find(&mut tx, now)?;
                    tell(&mut tx, &self.env, &found, now)
                })?;
                give_way();
            }
        }
        Ok(told)
    }
}

fn expiring(tx: &mut Transaction<'_>, now: u64) -> Result<Vec<Found>, Error> {
    let sql = format!(
        "SELECT k.notice_at, k.id FROM keys k WHERE k.realm_id = $1 AND k.notice_at <= $2 ORDER BY k.notice_at, k.id LIMIT {NOTICE_ROWS}"
    );
    tx.all(&sql, args![tx.realm, now])
}

fn tell_expiring(tx: &mut Transaction<'_>, env: &Env, found: &[Found], now: u64) -> Result<u64, Error> {
    let mut told = 0;
    for loaded in load_rows(tx, &rows(found), now)? {
        let (key, row) = (&loaded.key, loaded.row);
        // Of the thresholds that were passed, the last.
        let passed = EXPIRY_NOTICE_DAYS.into_iter().rfind(|days| key.expires_at.is_some_and(|end| end <= now + days * DAY));
        if let (Some(days), State::Active | State::Pending) = (passed, key.state) {
            raise(tx, env, now, News::of(EventKind::KeyExpiring, key, json!({ "days": days })))?;
            told += 1;
        }
        let next = key.expires_at.and_then(|end| next_notice(end, passed.unwrap_or(u64::MAX)));
        tx.run("UPDATE key_rows SET notice_at = $2 WHERE id = $1", args![row, next])?;
    }
    Ok(told)
}

/// Keys that were used once. They are in the order of their last use, which a use moves to the end: so whatever comes behind the place up to which
/// keys were told of was not used for long enough since.
fn left_alone(tx: &mut Transaction<'_>, now: u64) -> Result<Vec<Found>, Error> {
    let Some((at, row)) = tx.one::<Found>("SELECT idle_at, idle_row FROM realms WHERE id = $1", args![tx.realm])? else {
        return Ok(Vec::new());
    };
    let until = now.saturating_sub(UNUSED_NOTICE_DAYS * DAY);
    let find = |test: &str| {
        format!(
            "SELECT k.last_used_at, k.id FROM keys k WHERE k.realm_id = $1 AND k.last_used_at {test} \
             ORDER BY k.last_used_at, k.id LIMIT {NOTICE_ROWS}"
        )
    };
    // In two parts, each of which is a stretch of the index.
    let mut found: Vec<Found> = tx.all(find("= $2 AND k.id > $3 AND k.last_used_at <= $4"), args![tx.realm, at, row, until])?;
    let later: Vec<Found> = tx.all(find("> $2 AND k.last_used_at <= $3"), args![tx.realm, at, until])?;
    found.extend(later);
    found.truncate(NOTICE_ROWS);
    Ok(found)
}

fn tell_left_alone(tx: &mut Transaction<'_>, env: &Env, found: &[Found], now: u64) -> Result<u64, Error> {
    if let Some((at, row)) = found.last() {
        tx.run("UPDATE realms SET idle_at = $2, idle_row = $3 WHERE id = $1", args![tx.realm, *at, *row])?;
    }
    tell_unused(tx, env, found, now)
}

/// Keys that were never used, in the order in which they were made.
fn never_used(tx: &mut Transaction<'_>, now: u64) -> Result<Vec<Found>, Error> {
    let until = now.saturating_sub(UNUSED_NOTICE_DAYS * DAY);
    let sql = format!(
        "SELECT k.created_at, k.id FROM keys k WHERE k.realm_id = $1 AND k.last_used_at = 0 \
         AND k.id > (SELECT unused_row FROM realms WHERE id = $1) ORDER BY k.id LIMIT {NOTICE_ROWS}"
    );
    let found: Vec<Found> = tx.all(&sql, args![tx.realm])?;
    Ok(found.into_iter().take_while(|(made, _)| *made <= until).collect())
}

fn tell_never_used(tx: &mut Transaction<'_>, env: &Env, found: &[Found], now: u64) -> Result<u64, Error> {
    if let Some((_, row)) = found.last() {
        tx.run("UPDATE realms SET unused_row = $2 WHERE id = $1", args![tx.realm, *row])?;
    }
    tell_unused(tx, env, found, now)
}

fn tell_unused(tx: &mut Transaction<'_>, env: &Env, found: &[Found], now: u64) -> Result<u64, Error> {
    let mut told = 0;
    for loaded in load_rows(tx, &rows(found), now)?.iter().filter(|loaded| loaded.key.state == State::Active) {
        let key = &loaded.key;
        let [used, made] = [key.last_used_at, Some(key.created_at)].map(|at| at.map(format_time));
        let more = json!({ "days": UNUSED_NOTICE_DAYS, "last_used_at": used, "created_at": made });
        raise(tx, env, now, News::of(EventKind::KeyUnused, key, more))?;
        told += 1;
    }
    Ok(told)
}

fn rows(found: &[Found]) -> Vec<u64> {
    found.iter().map(|(_, row)| *row).collect()
}
