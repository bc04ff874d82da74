//! The log in the order in which it was written, for whoever keeps it elsewhere.

use edgelatch_core::hex::Hex;
use serde::Serialize;

use super::Audit;
use super::row::{AuditRow, ROW, end};
use crate::error::Error;
use crate::limits::{EXPORT_PLACES, MAX_PAGE};
use crate::model::{Exported, PageBytes, Slug, check_place};
use crate::store::{Conditions, Statements};

/// A row with the chain's hash up to it: whoever keeps both can tell a log that was written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainedRow {
    /// The row.
    #[serde(flatten)]
    pub row: AuditRow,
    /// The hash, in hexadecimal digits; none in the log of one org, where rows of others lie between, of which it would tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

impl Audit<'_> {
    /// Acts in the realm, or in an org, whose rows come after a place, 0 for all: some of them. What is done meanwhile has later places, so
    /// whoever goes on after the place that was reached misses nothing.
    pub fn export(&self, after: u64, org: Option<&Slug>) -> Result<Exported<ChainedRow>, Error> {
        self.0.read_ever(|tx| {
            let (end, _) = end(tx)?;
            check_place(after, end)?;
            let until = after.saturating_add(EXPORT_PLACES).min(end);
            let mut all = Conditions::new("realm_id =", tx.realm);
            all.add("seq >", after);
            all.add("seq <=", until);
            all.maybe("org =", org.map(Slug::as_str));
            let rest = format!("FROM audit_log WHERE {} ORDER BY seq LIMIT {MAX_PAGE}", all.sql());
            let (mut rows, mut full, mut read, mut bytes) = (Vec::new(), false, 0, PageBytes::default());
            tx.each(ROW.select(&rest), &all.values, |(row, hash)| {
                read += 1;
                if !full {
                    full = bytes.fill(&row)?;
                    rows.push(ChainedRow { row, hash: org.is_none().then(|| Hex(&hash).to_string()) });
                }
                Ok(())
            })?;
            let reached = rows.last().filter(|_| full || read >= MAX_PAGE).map_or(until, |last| last.row.seq);
            Ok(Exported { rows, reached, end })
        })
    }
}
