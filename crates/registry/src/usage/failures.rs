//! Refusals are counted, and many within ten minutes raise an alert: once a window, into an outbox from which the server
//! delivers it.

use std::collections::BTreeMap;

use edgelatch_core::key::KeyId;
use edgelatch_core::verdict::CODES;
use serde::Serialize;
use serde_json::json;

use crate::error::Error;
use crate::limits::FAILURE_WINDOW;
use crate::model::{Preset, Settings, Slug, format_time as format};
use crate::registry::Registry;
use crate::store::{Session, args};
use crate::transaction::{RealmId, realm_id};

/// How often a verdict was given, since the realm began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Total {
    /// The verdict's name.
    pub code: String,
    /// How often.
    pub number: u64,
}

/// Whether a verdict says that somebody tried what they may not. Asking without any key is how one learns that a key is
/// needed, and what the edge cannot decide is nobody's attempt.
fn is_failure(code: &str) -> bool {
    CODES.iter().any(|row| row.name == code && (400..500).contains(&row.reply.status) && code != "missing")
}

const ADD_TOTAL: &str = "INSERT INTO verdict_totals (realm_id, code, number) VALUES ($1, $2, $3) \
                         ON CONFLICT (realm_id, code) DO UPDATE SET number = verdict_totals.number + $3";
const ADD: &str = "INSERT INTO failures (realm_id, slot, subject, code, number) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (realm_id, slot, subject, code) DO UPDATE SET number = failures.number + $5";

/// A key with its org's row, or none where no key was found.
pub(super) type Subject = Option<(KeyId, u64)>;
/// How often each verdict was given over each subject.
pub(super) type Counts = BTreeMap<(Subject, &'static str), u64>;

/// Adds to the counts, and raises the alerts that are due.
pub(super) fn count_refusals(session: &mut dyn Session, realm: RealmId, counts: &Counts, now: u64) -> Result<(), Error> {
    let slot = now - now % FAILURE_WINDOW;
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    let mut failed: BTreeMap<Subject, u64> = BTreeMap::new();
    for ((subject, code), number) in counts {
        *totals.entry(code).or_default() += number;
        if is_failure(code) {
            *failed.entry(*subject).or_default() += number;
        }
    }
    for (code, number) in totals {
        session.run(ADD_TOTAL, args![realm.0, code, number])?;
    }
    for (subject, number) in failed {
        let name = subject.map_or(String::new(), |(id, _)| id.to_string());
        let sql = "SELECT CAST(sum(number) AS BIGINT) FROM failures WHERE realm_id = $1 AND slot = $2 AND subject = $3";
        let before = session.row(sql, args![realm.0, slot, &*name], |row| row.maybe_int(0))?.flatten().unwrap_or(0);
        for ((_, code), number) in counts.iter().filter(|((s, code), _)| *s == subject && is_failure(code)) {
            session.run(ADD, args![realm.0, slot, &*name, *code, *number])?;
        }
        let org = subject.map(|(_, org)| org);
        let Some(limit) = alert_after(session, realm, org)? else { continue };
        if before < limit && before + number >= limit {
            raise(session, realm, &name, org, (slot, before + number), now)?;
        }
    }
    Ok(())
}

/// From how many refusals on an alert is raised: the org's setting, or what the realm's orgs begin with where no key was found.
fn alert_after(session: &mut dyn Session, realm: RealmId, org: Option<u64>) -> Result<Option<u64>, Error> {
    let settings = match org {
        Some(org) => {
            let text = session.row("SELECT settings FROM orgs WHERE id = $1", args![org], |row| Ok(row.text(0)?.to_owned()))?;
            Settings::stored(&text.unwrap_or_default())?
        }
        None => {
            let sql = "SELECT preset FROM realms WHERE id = $1";
            let preset = session.row(sql, args![realm.0], |row| row.parse::<Preset>(0))?;
            preset.unwrap_or(Preset::Default).data()?.settings
        }
    };
    Ok(settings.alert_after.map(u64::from))
}

fn raise(
    session: &mut dyn Session,
    realm: RealmId,
    subject: &str,
    org: Option<u64>,
    (slot, number): (u64, u64),
    now: u64,
) -> Result<(), Error> {
    let slug = |session: &mut dyn Session, sql: &str, id: u64| session.row(sql, args![id], |row| Ok(row.text(0)?.to_owned()));
    let name = slug(session, "SELECT slug FROM realms WHERE id = $1", realm.0)?;
    let org = org.map(|org| slug(session, "SELECT slug FROM orgs WHERE id = $1", org)).transpose()?.flatten();
    let sql = "SELECT code, number FROM failures WHERE realm_id = $1 AND slot = $2 AND subject = $3 ORDER BY code";
    let codes = session.rows(sql, args![realm.0, slot, subject], |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))?;
    let codes: BTreeMap<String, u64> = codes.into_iter().collect();
    let key = (!subject.is_empty()).then_some(subject);
    let body = json!({
        "type": "failed_authentication", "realm": name, "org": org, "key_id": key, "failures": number, "codes": codes,
        "since": format(slot), "at": format(now), "window_seconds": FAILURE_WINDOW,
    });
    let sql = "INSERT INTO alerts (realm_id, body, created_at, due_at) VALUES ($1, $2, $3, $3)";
    session.run(sql, args![realm.0, body.to_string(), now]).map(|_| ())
}

impl Registry {
    /// How often each verdict was given, as far as edges reported it.
    pub fn verdict_totals(&self, realm: &Slug) -> Result<Vec<Total>, Error> {
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let sql = "SELECT code, number FROM verdict_totals WHERE realm_id = $1 ORDER BY code";
            session.rows(sql, args![realm.0], |row| Ok(Total { code: row.text(0)?.into(), number: row.int(1)? }))
        })
    }
}
