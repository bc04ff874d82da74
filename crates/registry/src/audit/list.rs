//! Pages of the log.

use serde::Serialize;

use super::Audit;
use super::row::{AuditRow, ROW};
use crate::error::Error;
use crate::model::{Paging, Slug, Window, cut};
use crate::store::{Conditions, Statements};

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
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ActivityPage))]
pub struct AuditPage {
    /// The rows.
    #[serde(rename = "activity")]
    pub rows: Vec<AuditRow>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

impl Audit<'_> {
    /// A page of the log, newest first.
    pub fn list(&self, filter: &AuditFilter, paging: &Paging) -> Result<AuditPage, Error> {
        let (size, before) = (paging.size()?, paging.place::<u64>()?);
        let bounds: Vec<_> = filter.window.bounds(self.0.now()?)?.collect();
        self.0.read(|tx| {
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
            let mut rows: Vec<AuditRow> = Vec::new();
            tx.each(ROW.select(&rest), &tests.values, |(row, _)| {
                rows.push(row);
                Ok(())
            })?;
            let next = cut(&mut rows, size, |last| last.seq);
            Ok(AuditPage { rows, next })
        })
    }
}
