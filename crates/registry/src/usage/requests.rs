//! The log of requests made with a key.

use edgelatch_core::key::KeyId;
use serde::Serialize;

use crate::error::Error;
use crate::model::{Slug, page_size, read_cursor, rfc3339, write_cursor};
use crate::registry::Registry;
use crate::store::Value;
use crate::transaction::realm_id;

/// A request made with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Request {
    /// When.
    #[serde(serialize_with = "rfc3339::one")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: u64,
    /// Its method.
    pub method: String,
    /// Its path, or the path's template.
    pub endpoint: String,
    /// The client's address, where known.
    pub ip: Option<String>,
    /// Its country, where known.
    pub country: Option<String>,
    /// Status of the response.
    pub status: u64,
    /// The verdict.
    pub code: String,
    /// The edge's own id of the event.
    pub event: Option<String>,
}

/// Which requests to list.
#[derive(Clone, Debug, Default)]
pub struct RequestFilter {
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
pub struct RequestPage {
    /// The requests.
    pub requests: Vec<Request>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

impl Registry {
    /// A page of the requests made with a key, newest first. The log of a deleted key can still be read.
    pub fn requests(&self, realm: &Slug, key_id: KeyId, filter: &RequestFilter) -> Result<RequestPage, Error> {
        let limit = page_size(filter.limit)?;
        let cursor: Option<(u64, u64)> = filter.cursor.as_deref().map(read_cursor).transpose()?;
        self.store.reading(|session| {
            let realm = realm_id(session, realm)?;
            let mut values = vec![Value::from(realm.0), Value::from(key_id.to_string())];
            let mut wheres = vec!["realm_id = $1".to_owned(), "key_id = $2".to_owned()];
            let bounds = [("at >=", filter.since), ("at <", filter.until), ("at <=", cursor.map(|(at, _)| at))];
            for (test, bound) in bounds.into_iter().filter_map(|(test, bound)| Some((test, bound?))) {
                values.push(bound.into());
                wheres.push(format!("{test} ${}", values.len()));
            }
            if let Some((_, id)) = cursor {
                let at = values.len();
                values.push(id.into());
                wheres.push(format!("(at < ${at} OR id < ${})", values.len()));
            }
            let sql = format!(
                "SELECT id, at, method, endpoint, ip, country, status, code, event FROM requests WHERE {} \
                 ORDER BY at DESC, id DESC LIMIT {}",
                wheres.join(" AND "),
                limit + 1
            );
            let mut found = session.rows(&sql, &values, |row| {
                let maybe = |at| Ok::<_, Error>(row.maybe_text(at)?.map(ToOwned::to_owned));
                let request = Request {
                    at: row.int(1)?,
                    method: row.text(2)?.into(),
                    endpoint: row.text(3)?.into(),
                    ip: maybe(4)?,
                    country: maybe(5)?,
                    status: row.int(6)?,
                    code: row.text(7)?.into(),
                    event: maybe(8)?,
                };
                Ok((row.int(0)?, request))
            })?;
            let more = found.len() > limit;
            found.truncate(limit);
            let next = found.last().filter(|_| more).map(|(id, last)| write_cursor(&(last.at, id)));
            Ok(RequestPage { requests: found.into_iter().map(|(_, request)| request).collect(), next })
        })
    }
}
