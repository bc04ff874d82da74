//! The audit log: who did what, from where, before and after. Rows are only ever added, each in the transaction of the change
//! that it is about; what edges saw of requests is in `usage`. Here it is read: by pages, and whether it is as it was written.

mod append;
mod export;
mod row;

use edgelatch_core::hex::Hex;
use serde::Serialize;

use crate::error::Error;
use crate::model::{PageBytes, Paging, Slug, Window, cut};
use crate::store::{Conditions, Statements, args};
use crate::transaction::{Transaction, handle};
use row::{ROW, beginning, end};

pub(crate) use append::{Target, logged};
pub use export::ChainedRow;
pub use row::AuditRow;

handle! {
    /// A realm's audit log; it outlives the realm.
    Audit = audit
}

/// Which rows to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only this org's.
    pub org: Option<Slug>,
    /// Only this actor's.
    pub actor: Option<String>,
    /// Only what was done to this.
    pub target: Option<String>,
    /// Only changes of this kind, such as `key.edit`.
    pub action: Option<String>,
    /// Only those in this stretch of time.
    pub window: Window,
}

/// One page of the log, newest first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ActivityPage)]
pub struct AuditPage {
    /// The rows.
    #[serde(rename = "activity")]
    pub rows: Vec<AuditRow>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

/// A point of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Anchor {
    /// How many rows it stands for.
    pub seq: u64,
    /// Hash over all of them, in hexadecimal digits.
    pub hash: String,
}

impl Audit<'_> {
    /// A page of the log, newest first.
    pub fn list(&self, filter: &AuditFilter, paging: &Paging) -> Result<AuditPage, Error> {
        let (size, before) = (paging.size()?, paging.place::<u64>()?);
        let bounds: Vec<_> = filter.window.bounds(self.0.now()?)?.collect();
        self.0.read_ever(|tx| {
            let mut tests = Conditions::new("realm_id =", tx.realm);
            let texts = [
                ("org =", filter.org.as_ref().map(Slug::as_str)),
                ("actor =", filter.actor.as_deref()),
                ("target =", filter.target.as_deref()),
                ("action =", filter.action.as_deref()),
            ];
            texts.into_iter().for_each(|(test, text)| tests.maybe(test, text));
            bounds.iter().for_each(|(test, at)| tests.add(test, *at));
            tests.maybe("seq <", before);
            let rest = format!("FROM audit_log WHERE {} ORDER BY seq DESC LIMIT {}", tests.sql(), size + 1);
            let (mut rows, mut kept, mut bytes) = (Vec::new(), size, PageBytes::default());
            tx.each(ROW.select(&rest), &tests.values, |(row, _)| {
                // Of those beyond the page one is enough to see that there is more.
                if rows.len() <= kept {
                    if bytes.fill(&row)? {
                        kept = kept.min(rows.len() + 1);
                    }
                    rows.push(row);
                }
                Ok(())
            })?;
            let next = cut(&mut rows, kept, |last: &AuditRow| last.seq);
            Ok(AuditPage { rows, next })
        })
    }

    /// Recomputes the chain and returns its end. An `anchor` from an earlier run must lie on it. The first row that is
    /// missing or was altered is named in the error.
    pub fn verify(&self, anchor: Option<&Anchor>) -> Result<Anchor, Error> {
        self.0.read_ever(|tx| verify(tx, self.0.realm.as_str(), anchor))
    }
}

/// Recomputes the chain of a realm and returns its end.
pub(crate) fn verify(tx: &mut Transaction<'_>, realm: &str, anchor: Option<&Anchor>) -> Result<Anchor, Error> {
    let (rows, last) = end(tx)?;
    let altered = |seq, reason: &str| Error::Altered { seq, reason: reason.into() };
    let (mut seq, mut hash) = (0, beginning(realm).to_vec());
    let mut anchored = anchor.is_none_or(|anchor| anchor.seq == 0);
    let rest = "FROM audit_log WHERE realm_id = $1 ORDER BY seq";
    tx.each(ROW.select(rest), args![tx.realm], |(row, written)| {
        seq += 1;
        if row.seq != seq {
            return Err(altered(seq, "is missing"));
        }
        hash = row.hash(&hash)?.to_vec();
        if written != hash {
            return Err(altered(seq, "was altered, or one before it was written anew"));
        }
        if let Some(anchor) = anchor.filter(|anchor| anchor.seq == seq) {
            if anchor.hash != Hex(&hash).to_string() {
                return Err(altered(seq, "differs from the anchor: the log was written anew since"));
            }
            anchored = true;
        }
        Ok(())
    })?;
    match () {
        () if seq < rows => Err(altered(seq + 1, "is missing")),
        () if seq > rows || hash != last => Err(altered(seq, "is not the one that was written last")),
        () if !anchored => Err(altered(seq + 1, "is missing: the anchor lies beyond the end")),
        () => Ok(Anchor { seq, hash: Hex(&hash).to_string() }),
    }
}
