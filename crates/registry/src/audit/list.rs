//! Pages of the activity log.

use serde::Serialize;

use super::row::{Activity, COLUMNS, read};
use crate::error::Error;
use crate::model::{Slug, page_size, read_number, write_cursor};
use crate::registry::Registry;
use crate::store::Value;
use crate::transaction::realm_id;

/// Which rows to list.
#[derive(Clone, Debug, Default)]
pub struct ActivityFilter {
    /// Only this org's.
    pub org: Option<Slug>,
    /// Only this actor's.
    pub actor: Option<String>,
    /// Only what was done to this.
    pub target: Option<String>,
    /// Only acts of this kind, such as `key.edit`.
    pub action: Option<String>,
    /// Only from this time on.
    pub since: Option<u64>,
    /// Only before this time.
    pub until: Option<u64>,
    /// At most this many; 0 stands for the default.
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// One page of the log, newest first.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActivityPage {
    /// The rows.
    pub activity: Vec<Activity>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

impl Registry {
    /// A page of the activity log, newest first.
    pub fn activity(&self, realm: &Slug, filter: &ActivityFilter) -> Result<ActivityPage, Error> {
        let limit = page_size(filter.limit)?;
        let before = filter.cursor.as_deref().map(read_number).transpose()?;
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let mut values = vec![Value::from(realm.0)];
            let mut wheres = vec!["realm_id = $1".to_owned()];
            let texts = [
                ("org =", filter.org.as_ref().map(Slug::as_str)),
                ("actor =", filter.actor.as_deref()),
                ("target =", filter.target.as_deref()),
                ("action =", filter.action.as_deref()),
            ];
            let times = [("at >=", filter.since), ("at <", filter.until), ("seq <", before)];
            let texts = texts.into_iter().filter_map(|(test, text)| Some((test, Value::from(text?))));
            let times = times.into_iter().filter_map(|(test, at)| Some((test, Value::from(at?))));
            for (test, value) in texts.chain(times) {
                values.push(value);
                wheres.push(format!("{test} ${}", values.len()));
            }
            let sql = format!("{COLUMNS} WHERE {} ORDER BY seq DESC LIMIT {}", wheres.join(" AND "), limit + 1);
            let mut activity = session.rows(&sql, &values, read)?;
            let more = activity.len() > limit;
            activity.truncate(limit);
            let next = activity.last().filter(|_| more).map(|last| write_cursor(&last.seq));
            Ok(ActivityPage { activity, next })
        })
    }
}
