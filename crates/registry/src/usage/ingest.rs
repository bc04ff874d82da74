//! What edges report: batches of requests, each taken once however often it comes.

use std::collections::{BTreeMap, BTreeSet};

use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_core::verdict::{CODES, Code};
use serde::{Deserialize, Serialize};

use super::buckets::{self, Hours, hour};
use super::failures::{Counts, count_verdicts, org_settings};
use super::{Usage, places};
use crate::error::Error;
use crate::limits::{BATCH_SECONDS, MAX_ENDPOINT_BYTES, MAX_EVENT_ID_BYTES, MAX_EVENTS, MAX_METHOD_BYTES, MAX_PAGE};
use crate::model::{DAY, FromText};
use crate::store::{self, Statements, Value, args, columns, fields};
use crate::transaction::{RealmId, Transaction};

/// One verification at an edge.
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageEvent {
    /// The key, where one was found.
    #[serde(default)]
    #[schema(pattern = "^key_[0-9A-Za-z]{11}$")]
    pub key_id: Option<String>,
    /// When, in Unix seconds.
    pub at: u64,
    /// The request's method.
    #[schema(pattern = "^[A-Z-]{1,20}$")]
    pub method: String,
    /// Its path or the path's template. What follows a `?` is cut off: it could hold a credential.
    pub endpoint: String,
    /// The client's address, where known.
    #[serde(default)]
    pub ip: Option<String>,
    /// Its country, two letters, where known.
    #[serde(default)]
    #[schema(pattern = "^[A-Z0-9]{2}$")]
    pub country: Option<String>,
    /// Status of the response.
    #[schema(minimum = 100, maximum = 599)]
    pub status: u16,
    /// The verdict's name.
    pub code: String,
    /// The edge's own id of the event.
    #[serde(default)]
    #[schema(pattern = "^[!-~]{1,64}$")]
    pub event: Option<String>,
}

/// Events that are taken together, once.
#[derive(Clone, Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageBatch {
    /// Its id: another batch has another one, the same batch sent again has the same.
    #[schema(pattern = "^[!-~]{1,64}$")]
    pub batch: String,
    /// The events.
    #[schema(max_items = 10_000)]
    pub events: Vec<UsageEvent>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Ingested {
    /// Events counted.
    pub accepted: u64,
    /// Of those, events whose key is not (or no longer) in the realm, or that have none: counted, but in no key's log.
    pub unknown: u64,
    /// Events too old to count.
    pub late: u64,
    /// Whether the batch was here before; then nothing was counted again.
    pub repeated: bool,
}

/// An event whose parts are what they should be.
struct Event<'e> {
    key_id: Option<KeyId>,
    at: u64,
    endpoint: &'e str,
    ip: Option<Ip>,
    code: Code,
    raw: &'e UsageEvent,
}

fn is_id(text: &str) -> bool {
    (1..=MAX_EVENT_ID_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn check(i: usize, raw: &UsageEvent, now: u64) -> Result<Event<'_>, Error> {
    let bad = |field: &str, reason: &str| Error::invalid(format!("events/{i}/{field}"), reason);
    let token = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    if raw.method.is_empty() || raw.method.len() > MAX_METHOD_BYTES || !token(&raw.method) {
        return Err(bad("method", "must be a method in capitals, such as GET"));
    }
    if raw.country.as_deref().is_some_and(|c| c.len() != 2 || !c.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
    {
        return Err(bad("country", "must be two capitals, such as CH"));
    }
    if raw.event.as_deref().is_some_and(|event| !is_id(event)) {
        return Err(bad("event", "must be visible ASCII characters, such as a UUID"));
    }
    if !(100..600).contains(&raw.status) {
        return Err(bad("status", "must be an HTTP status"));
    }
    let row = CODES.iter().find(|row| row.name == raw.code);
    let path = raw.endpoint.split(['?', '#']).next().unwrap_or_default();
    let endpoint = &path[..path.floor_char_boundary(MAX_ENDPOINT_BYTES)];
    if endpoint.is_empty() || endpoint.chars().any(char::is_control) {
        return Err(bad("endpoint", "must be a path such as /v1/zones/{id}"));
    }
    let key_id = raw.key_id.as_deref().map(|id| KeyId::parse(&format!("events/{i}/key_id"), id));
    let ip = raw.ip.as_deref().map(|ip| Ip::parse(ip.as_bytes()).map_err(|_| bad("ip", "is no IP address")));
    Ok(Event {
        key_id: key_id.transpose()?,
        at: raw.at.min(now),
        endpoint,
        ip: ip.transpose()?,
        code: row.ok_or_else(|| bad("code", "is no verdict"))?.code,
        raw,
    })
}

/// A key as its events need it.
struct Known {
    row: u64,
    org: u64,
}

columns! {
    /// With the row of its realm.
    KNOWN: (u64, KeyId, Known) = { realm_id, key_id, row = "id", org = "org_id" } => (realm_id, key_id, Known { row, org })
}

/// An event, and the key that it names if the realm has it.
type Seen<'e> = (&'e Event<'e>, Option<(KeyId, &'e Known)>);

/// What a batch says of one key.
#[derive(Default)]
struct Tally {
    uses: u64,
    refusals: u64,
    last_used: Option<(u64, Option<Ip>)>,
}

impl Usage<'_> {
    /// Takes a batch, unless it was taken before. Nothing that edges would have to know changes by it.
    pub fn ingest(&self, batch: &UsageBatch) -> Result<Ingested, Error> {
        if !is_id(&batch.batch) {
            return Err(Error::invalid("batch", format!("must be 1 to {MAX_EVENT_ID_BYTES} visible ASCII characters")));
        }
        if batch.events.len() > MAX_EVENTS {
            let reason = format!("{} are more than the limit of {MAX_EVENTS}; send several batches", batch.events.len());
            return Err(Error::invalid("events", reason));
        }
        let now = self.0.now()?;
        let oldest = now.saturating_sub(BATCH_SECONDS);
        let events = batch.events.iter().enumerate().map(|(i, raw)| check(i, raw, now)).collect::<Result<Vec<_>, _>>()?;
        self.0.write(|tx| {
            let sql = "INSERT INTO usage_batches (realm_id, batch, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            if tx.run(sql, args![tx.realm, &*batch.batch, now])? == 0 {
                return Ok(Ingested { repeated: true, ..Ingested::default() });
            }
            let events: Vec<&Event<'_>> = events.iter().filter(|event| event.at >= oldest).collect();
            let known = known(tx, &events)?;
            let of = |event: &Event<'_>| event.key_id.and_then(|id| Some((id, known.get(&id)?)));
            let events: Vec<Seen<'_>> = events.into_iter().map(|event| (event, of(event))).collect();
            log(tx, &events, now)?;
            tally(tx, &events)?;
            let env = &self.0.registry.env;
            count_verdicts(tx, env, &counted(&events), now)?;
            buckets::add(tx, &hours(&events))?;
            places::note(tx, env, uses(&events), now)?;
            let accepted = events.len() as u64;
            let unknown = events.iter().filter(|(_, key)| key.is_none()).count() as u64;
            Ok(Ingested { accepted, unknown, late: batch.events.len() as u64 - accepted, repeated: false })
        })
    }
}

fn known(tx: &mut Transaction<'_>, events: &[&Event<'_>]) -> Result<BTreeMap<KeyId, Known>, Error> {
    let ids: BTreeSet<KeyId> = events.iter().filter_map(|event| event.key_id).collect();
    let ids: Vec<KeyId> = ids.into_iter().collect();
    let mut all = BTreeMap::new();
    for some in ids.chunks(MAX_PAGE) {
        let values: Vec<Value> = some.iter().map(|id| Value::from(id.to_string())).collect();
        // The realm is compared here: asked for it too, SQLite goes through all of the realm's keys.
        let found = tx.all(KNOWN.select(&format!("FROM keys WHERE key_id IN ({})", store::places(1, some.len()))), &values)?;
        let ours = found.into_iter().filter(|(realm, ..)| RealmId(*realm) == tx.realm);
        all.extend(ours.map(|(_, id, known)| (id, known)));
    }
    Ok(all)
}

/// Adds to the keys' logs, as far back as each org keeps them.
fn log(tx: &mut Transaction<'_>, events: &[Seen<'_>], now: u64) -> Result<(), Error> {
    let mut kept: BTreeMap<u64, u64> = BTreeMap::new();
    for org in events.iter().filter_map(|(_, key)| Some(key.as_ref()?.1.org)).collect::<BTreeSet<u64>>() {
        let days = org_settings(tx, org)?.request_log_days;
        kept.insert(org, now.saturating_sub(u64::from(days) * DAY));
    }
    let is_kept = |event: &Event<'_>, org: u64| kept.get(&org).is_some_and(|oldest| event.at >= *oldest && *oldest < now);
    let logged = events.iter().filter_map(|(event, key)| key.as_ref().map(|(id, key)| (*event, *id, key.org)));
    let logged: Vec<_> = logged.filter(|(event, _, org)| is_kept(event, *org)).collect();
    if logged.is_empty() {
        return Ok(());
    }
    // Writers take turns, so a row with a later place is committed later: whoever reads in this order misses none.
    let sql = "UPDATE realms SET request_seq = request_seq + $2 WHERE id = $1 RETURNING request_seq";
    let last: Option<u64> = tx.one(sql, args![tx.realm, logged.len() as u64])?;
    let last = last.ok_or_else(|| Error::Store { detail: "the realm vanished".into() })?;
    let realm = tx.realm;
    let rows = (last + 1 - logged.len() as u64..).zip(logged).map(|(seq, (event, id, org))| {
        let Event { at, endpoint, ip, code, raw, .. } = event;
        fields! {
            realm_id: realm, seq: seq, org_id: org, key_id: id.to_string(), at: *at, method: &*raw.method, endpoint: *endpoint,
            ip: ip.map(|ip| ip.to_string()), country: raw.country.as_deref(), status: u32::from(raw.status),
            code: code.name(), event: raw.event.as_deref(),
        }
    });
    let rows = rows.collect();
    tx.add_all("requests", rows)
}

/// Adds to the keys' counters.
fn tally(tx: &mut Transaction<'_>, events: &[Seen<'_>]) -> Result<(), Error> {
    let mut tallies: BTreeMap<u64, Tally> = BTreeMap::new();
    for (event, key) in events {
        let Some((_, key)) = key else { continue };
        let tally = tallies.entry(key.row).or_default();
        if event.code == Code::Valid {
            tally.uses += 1;
            // Of those within one second, the one reported last.
            if tally.last_used.is_none_or(|(at, _)| event.at >= at) {
                tally.last_used = Some((event.at, event.ip));
            }
        } else {
            tally.refusals += 1;
        }
    }
    let sql = "UPDATE key_rows SET uses = uses + $2, refusals = refusals + $3, \
               last_used_ip = CASE WHEN last_used_at <= $4 THEN $5 ELSE last_used_ip END, \
               last_used_at = CASE WHEN last_used_at <= $4 THEN $4 ELSE last_used_at END WHERE id = $1";
    for (row, Tally { uses, refusals, last_used }) in tallies {
        match last_used {
            Some((at, ip)) => {
                tx.run(sql, args![row, uses, refusals, at, ip.map(|ip| ip.to_string())])?;
            }
            None => {
                tx.run("UPDATE key_rows SET refusals = refusals + $2 WHERE id = $1", args![row, refusals])?;
            }
        }
    }
    Ok(())
}

/// How often each verdict was given, and over which key.
fn counted(events: &[Seen<'_>]) -> Counts {
    let mut counts = BTreeMap::new();
    for (event, key) in events {
        *counts.entry((key.map(|(id, key)| (id, key.org)), event.code.name())).or_default() += 1;
    }
    counts
}

/// The same by hour: accepted, and refused.
fn hours(events: &[Seen<'_>]) -> Hours {
    let mut hours = Hours::new();
    for (event, key) in events {
        let sum = hours.entry((key.map(|(id, key)| (id, key.org)), hour(event.at))).or_default();
        let [accepted, refused] = sum;
        *(if event.code == Code::Valid { accepted } else { refused }) += 1;
    }
    hours
}

/// What was accepted, and from where it came.
fn uses<'s>(events: &'s [Seen<'_>]) -> Vec<places::Use<'s>> {
    let accepted = events.iter().filter(|(event, _)| event.code == Code::Valid);
    let known = accepted.filter_map(|(event, key)| Some((event, key.as_ref()?.1)));
    known
        .map(|(event, key)| places::Use { row: key.row, at: event.at, ip: event.ip, country: event.raw.country.as_deref() })
        .collect()
}
