//! The log of requests in the order in which it was written, for whoever keeps it elsewhere.

use serde::Serialize;

use super::{Request, Usage};
use crate::error::Error;
use crate::limits::{EXPORT_PLACES, MAX_PAGE};
use crate::model::{Exported, Slug, check_place};
use crate::store::{Conditions, Statements, args, columns};
use crate::tenants::org_id;

/// A request, as it stands in the log of its realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    /// Its place in the log, which is given once. Requests are logged in the order in which they are reported.
    pub seq: u64,
    /// The key's org; none if it was deleted since.
    pub org: Option<Slug>,
    /// The key.
    pub key_id: String,
    /// What it was.
    #[serde(flatten)]
    pub request: Request,
}

columns! {
    LOGGED: LoggedRequest = {
        seq = "q.seq", at = "q.at", org = "o.slug", key_id = "q.key_id", method = "q.method", endpoint = "q.endpoint", ip = "q.ip",
        country = "q.country", status = "q.status", code = "q.code", event = "q.event"
    } => LoggedRequest { seq, org, key_id, request: Request { at, method, endpoint, ip, country, status, code, event } }
}

impl Usage<'_> {
    /// The requests of all keys, or of an org's, that are logged after a place, 0 for all: some of them, so many places at once. What is logged
    /// meanwhile has later places, so whoever goes on after the place that was reached misses nothing.
    pub fn export(&self, after: u64, org: Option<&Slug>) -> Result<Exported<LoggedRequest>, Error> {
        self.0.read(|tx| {
            let end = tx.count("SELECT request_seq FROM realms WHERE id = $1", args![tx.realm])?;
            check_place(after, end)?;
            // Of an org, few rows may lie among many: looks are bounded by places, and not by rows alone.
            let until = after.saturating_add(EXPORT_PLACES).min(end);
            let mut all = Conditions::new("q.realm_id =", tx.realm);
            all.add("q.seq >", after);
            all.add("q.seq <=", until);
            if let Some(org) = org {
                all.add("q.org_id =", org_id(tx, org)?);
            }
            let rest = format!(
                "FROM requests q LEFT JOIN orgs o ON o.id = q.org_id WHERE {} ORDER BY q.seq LIMIT {MAX_PAGE}",
                all.sql()
            );
            let rows = tx.all(LOGGED.select(&rest), &all.values)?;
            let reached = rows.last().filter(|_| rows.len() >= MAX_PAGE).map_or(until, |last| last.seq);
            Ok(Exported { rows, reached, end })
        })
    }
}
