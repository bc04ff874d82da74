//! What a key would get, and which keys an address may use: asked of the core itself, over the state as it is now.

use edgelatch_core::build::{Entry, KeyRecord, Record, RoleRecord, Table};
use edgelatch_core::edge::{RequestFacts, explain_record};
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_core::policy::{AllowMode, IpVerdict, PolicyView};
use serde::Serialize;

use super::records::Records;
use super::spelled::spelled_out;
use crate::directory::{self, Entries};
use crate::error::Error;
use crate::keys::{Keys, conditions, load_while, row_of};
use crate::limits::{ADDRESS_SCAN, MAX_PAGE};
use crate::model::{Key, KeyFilter, PageBytes, Paging, State, cursor};
use crate::store::Statements;
use crate::transaction::Transaction;

/// What is asked about a key.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Service that the route belongs to.
    pub service: Option<String>,
    /// Permission that the route requires.
    pub permission: Option<String>,
    /// The client's address; unknown if not given.
    pub ip: Option<Ip>,
    /// As of when; now if not given.
    pub at: Option<u64>,
}

/// One thing that an edge looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reason {
    /// What was looked at.
    pub name: String,
    /// Whether it let the key pass.
    pub passed: bool,
    /// What was found.
    pub note: String,
}

/// What an edge would answer to a key once the present state is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The verdict's name.
    pub code: &'static str,
    /// The HTTP status of a refusal; 0 when the request goes on.
    pub status: u16,
    /// How it came about, in order; the first that did not pass decides.
    pub steps: Vec<Reason>,
}

/// A key that an address may use.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Usable {
    /// The key.
    pub key: Key,
    /// Whether the address is on its allow list, rather than any address being welcome.
    pub listed: bool,
}

/// One page of the keys that an address may use, newest first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UsablePage {
    /// The keys.
    pub keys: Vec<Usable>,
    /// Pass this as `cursor` to go on; none when all were looked at. A page may be empty and still have a next one.
    pub next: Option<String>,
}

impl Keys<'_> {
    /// What an edge would answer to a key. Its text is not needed: the core judges its record.
    pub fn explain(&self, key_id: KeyId, question: &Question) -> Result<Explanation, Error> {
        let (record, roles) = self.0.read(|tx| {
            let row = row_of(tx, key_id)?;
            let (roles, keys) = spelled_out_key(tx, row)?;
            // Of two secrets in an overlap, the one that stays.
            let newest = keys.into_iter().max_by_key(|record| record.expires_at.unwrap_or(u64::MAX));
            Ok((newest.ok_or_else(|| Error::Snapshot { detail: "the key has no secret".into() })?, roles))
        })?;
        let facts = RequestFacts {
            ip: question.ip,
            service: question.service.as_deref(),
            permission: question.permission.as_deref(),
            now: question.at.map_or_else(|| self.0.now(), Ok)?,
        };
        let (code, steps) =
            explain_record(roles, record, &facts).map_err(|error| Error::Snapshot { detail: error.to_string() })?;
        let steps = steps.into_iter().map(|step| Reason { name: step.name.into(), passed: step.passed, note: step.note });
        Ok(Explanation { code: code.name(), status: code.reply().status, steps: steps.collect() })
    }

    /// The active keys, of those that `filter` fits, whose IP policy lets an address pass; on demand only those that have it on
    /// a list. Each policy is decided by the core from its encoded bytes.
    pub fn usable_from(&self, ip: Ip, filter: &KeyFilter, only_listed: bool, paging: &Paging) -> Result<UsablePage, Error> {
        let (size, mut before) = (paging.size()?, paging.place::<u64>()?);
        let filter = KeyFilter { state: Some(State::Active), ..filter.clone() };
        let now = self.0.now()?;
        self.0.read(|tx| {
            let (mut keys, mut bytes) = (Vec::new(), PageBytes::default());
            for _ in 0..ADDRESS_SCAN / MAX_PAGE {
                let mut all = conditions(tx, &filter, now)?;
                all.maybe("k.id <", before);
                let sql = format!("SELECT k.id FROM keys k WHERE {} ORDER BY k.id DESC LIMIT {MAX_PAGE}", all.sql());
                let rows: Vec<u64> = tx.all(&sql, &all.values)?;
                let mut full = false;
                load_while(tx, &rows, now, |loaded| {
                    before = Some(loaded.row);
                    if let Some(listed) = admits(&loaded.key, ip)?.filter(|listed| *listed || !only_listed) {
                        full = bytes.fill(&loaded.key)? || keys.len() + 1 == size;
                        keys.push(Usable { key: loaded.key, listed });
                    }
                    Ok(!full)
                })?;
                if full {
                    return Ok(UsablePage { keys, next: before.map(|row| cursor(&row)) });
                }
                if rows.len() < MAX_PAGE {
                    return Ok(UsablePage { keys, next: None });
                }
            }
            Ok(UsablePage { keys, next: before.map(|row| cursor(&row)) })
        })
    }
}

/// The records of a key, and its roles: nothing else is read.
fn spelled_out_key(tx: &mut Transaction<'_>, row: u64) -> Result<(Vec<RoleRecord>, Vec<KeyRecord>), Error> {
    let mut records = Records::default();
    records.read_keys(tx, &[row])?;
    let records: Vec<Record> = records.0.into_values().collect();
    let refers =
        |record: &Record| [(Table::RoleSets, record.role_set), (Table::Scopes, record.scope), (Table::Policies, record.policy)];
    let mut wanted: Vec<(Table, u32)> = records.first().map(refers).into_iter().flatten().collect();
    let mut entries = Entries::new();
    while let Some((table, number)) = wanted.pop() {
        let Some(entry) = directory::find(tx, table, number)? else { continue };
        if let Entry::RoleSet(roles) = &entry {
            wanted.extend(roles.iter().map(|role| (Table::Roles, *role)));
        }
        entries.insert((table, number), entry);
    }
    Ok(spelled_out(&entries, records))
}

/// Whether the key lets the address pass, and if so, whether by its list.
fn admits(key: &Key, ip: Ip) -> Result<Option<bool>, Error> {
    if key.owner_disabled {
        return Ok(None);
    }
    let Some(policy) = key.ip.policy() else { return Ok(Some(false)) };
    let broken = |error: edgelatch_core::policy::PolicyError| Error::Snapshot { detail: error.to_string() };
    let bytes = policy.encode().map_err(broken)?;
    let verdict = PolicyView::validate(&bytes).map_err(broken)?.decide(Some(ip));
    Ok((verdict == IpVerdict::Allowed).then_some(policy.allow_mode == AllowMode::List))
}
