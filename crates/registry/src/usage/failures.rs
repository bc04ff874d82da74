//! Verdicts are counted, and many refusals within ten minutes raise an alert, once a window.

use std::collections::BTreeMap;

use edgelatch_core::key::KeyId;
use edgelatch_core::verdict::CODES;
use serde::Serialize;
use serde_json::json;

use super::Usage;
use crate::error::Error;
use crate::limits::FAILURE_WINDOW;
use crate::model::{Preset, Settings, format_time};
use crate::outbox::{EventKind, News, raise};
use crate::registry::Env;
use crate::store::{Statements, args, columns};
use crate::transaction::Transaction;

/// How often a verdict was given, since the realm began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Total {
    /// The verdict's name.
    pub code: String,
    /// How often.
    pub number: u64,
}

columns! { TOTAL: Total { code, number } }

/// Whether a verdict says that somebody tried what they may not. Asking without any key is how one learns that a key is
/// needed, and what the edge cannot decide is nobody's attempt.
fn is_failure(code: &str) -> bool {
    CODES.iter().any(|row| row.name == code && (400..500).contains(&row.reply.status) && code != "missing")
}

const ADD_TO_TOTAL: &str = "INSERT INTO verdict_totals (realm_id, code, number) VALUES ($1, $2, $3) \
                            ON CONFLICT (realm_id, code) DO UPDATE SET number = verdict_totals.number + $3";
const ADD_FAILURES: &str = "INSERT INTO failures (realm_id, slot, subject, code, number) VALUES ($1, $2, $3, $4, $5) \
                            ON CONFLICT (realm_id, slot, subject, code) DO UPDATE SET number = failures.number + $5";

/// A key with its org's row, or none where no key was found.
pub(super) type Subject = Option<(KeyId, u64)>;
/// How often each verdict was given over each subject.
pub(super) type Counts = BTreeMap<(Subject, &'static str), u64>;

/// Adds to the counts, and raises the alerts that are due.
pub(super) fn count_verdicts(tx: &mut Transaction<'_>, env: &Env, counts: &Counts, now: u64) -> Result<(), Error> {
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
        tx.run(ADD_TO_TOTAL, args![tx.realm, code, number])?;
    }
    for (subject, number) in failed {
        let name = subject.map_or(String::new(), |(id, _)| id.to_string());
        let sql = "SELECT CAST(sum(number) AS BIGINT) FROM failures WHERE realm_id = $1 AND slot = $2 AND subject = $3";
        let before: Option<u64> = tx.one(sql, args![tx.realm, slot, &*name])?.flatten();
        let before = before.unwrap_or(0);
        for ((_, code), number) in counts.iter().filter(|((s, code), _)| *s == subject && is_failure(code)) {
            tx.run(ADD_FAILURES, args![tx.realm, slot, &*name, *code, *number])?;
        }
        let org = subject.map(|(_, org)| org);
        let Some(limit) = alert_after(tx, org)? else { continue };
        if before < limit && before + number >= limit {
            alert(tx, env, subject, (slot, before + number), now)?;
        }
    }
    Ok(())
}

/// From how many refusals on an alert is raised: the org's setting, or what the realm's orgs begin with where no key was found.
fn alert_after(tx: &mut Transaction<'_>, org: Option<u64>) -> Result<Option<u64>, Error> {
    let settings = match org {
        Some(org) => org_settings(tx, org)?,
        None => {
            let preset: Option<Preset> = tx.one("SELECT preset FROM realms WHERE id = $1", args![tx.realm])?;
            preset.unwrap_or(Preset::Default).data()?.settings
        }
    };
    Ok(settings.alert_after.map(u64::from))
}

/// The settings of an org that was found a moment ago.
pub(super) fn org_settings(tx: &mut Transaction<'_>, org: u64) -> Result<Settings, Error> {
    let found = tx.one("SELECT settings FROM orgs WHERE id = $1", args![org])?;
    found.ok_or_else(|| Error::Store { detail: "an org vanished".into() })
}

fn alert(tx: &mut Transaction<'_>, env: &Env, subject: Subject, (slot, number): (u64, u64), now: u64) -> Result<(), Error> {
    let (key_id, org) = subject.unzip();
    let org: Option<String> = tx.one("SELECT slug FROM orgs WHERE id = $1", args![org])?;
    let sql = "SELECT code, number FROM failures WHERE realm_id = $1 AND slot = $2 AND subject = $3";
    let name = key_id.map_or(String::new(), |id| id.to_string());
    let codes: BTreeMap<String, u64> = tx.all(sql, args![tx.realm, slot, name])?.into_iter().collect();
    let more = json!({ "failures": number, "codes": codes, "since": format_time(slot), "window_seconds": FAILURE_WINDOW });
    raise(tx, env, now, News { kind: EventKind::FailedAuthentication, org: org.as_deref(), key_id, more })
}

impl Usage<'_> {
    /// How often each verdict was given, as far as edges reported it.
    pub fn totals(&self) -> Result<Vec<Total>, Error> {
        self.0.read(|tx| tx.all(TOTAL.select("FROM verdict_totals WHERE realm_id = $1 ORDER BY code"), args![tx.realm]))
    }
}
