//! The activity log: who did what, from where, before and after. Rows are only ever added, and each carries a hash over
//! itself and the row before it, so that one that was removed or altered is found.
//!
//! ```text
//! hash(0) = SHA-256("edgelatch audit 1\n" realm)
//! hash(n) = SHA-256(hash(n-1) row(n))
//! row     = JSON array [seq, at, actor, address, action, kind, target, org, before, after]; before and after as their text
//! ```
//! Whoever can write the database can write a whole new chain; against them, keep the anchor that [`crate::Registry::audit_verify`]
//! returns somewhere else, and hand it in the next time.

use edgelatch_core::tree::object_digest;
use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::error::Error;
use crate::model::format_time as format;
use crate::store::{Row, Session, args};
use crate::transaction::RealmId;

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Its place in the realm's log, from 1.
    pub seq: u64,
    /// When.
    pub at: u64,
    /// Who: a key id, or `cli:` and a user.
    pub actor: String,
    /// From where.
    pub address: Option<String>,
    /// What, such as `key.edit`.
    pub action: String,
    /// What kind of thing it was done to.
    pub kind: String,
    /// Which one.
    pub target: String,
    /// In which org.
    pub org: Option<String>,
    /// What was different before, as JSON.
    pub before: Option<String>,
    /// What it is since, as JSON.
    pub after: Option<String>,
}

impl Serialize for Activity {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let json = |text: &Option<String>| -> Option<serde_json::Value> { serde_json::from_str(text.as_deref()?).ok() };
        let mut row = to.serialize_struct("Activity", 10)?;
        row.serialize_field("seq", &self.seq)?;
        row.serialize_field("at", &format(self.at))?;
        row.serialize_field("actor", &self.actor)?;
        row.serialize_field("address", &self.address)?;
        row.serialize_field("action", &self.action)?;
        row.serialize_field("kind", &self.kind)?;
        row.serialize_field("target", &self.target)?;
        row.serialize_field("org", &self.org)?;
        row.serialize_field("before", &json(&self.before))?;
        row.serialize_field("after", &json(&self.after))?;
        row.end()
    }
}

impl Activity {
    pub(super) fn hash(&self, last: &[u8]) -> Result<[u8; 32], Error> {
        let row = (
            self.seq,
            self.at,
            &self.actor,
            &self.address,
            &self.action,
            &self.kind,
            &self.target,
            &self.org,
            &self.before,
            &self.after,
        );
        let mut bytes = last.to_vec();
        serde_json::to_writer(&mut bytes, &row).map_err(|e| Error::Store { detail: e.to_string() })?;
        Ok(object_digest(&bytes))
    }
}

pub(super) const COLUMNS: &str =
    "SELECT seq, at, actor, address, action, kind, target, org, before, after, hash FROM audit_log";

pub(super) fn read(row: &Row<'_>) -> Result<Activity, Error> {
    let maybe = |at| Ok::<_, Error>(row.maybe_text(at)?.map(Into::into));
    Ok(Activity {
        seq: row.int(0)?,
        at: row.int(1)?,
        actor: row.text(2)?.into(),
        address: maybe(3)?,
        action: row.text(4)?.into(),
        kind: row.text(5)?.into(),
        target: row.text(6)?.into(),
        org: maybe(7)?,
        before: maybe(8)?,
        after: maybe(9)?,
    })
}

/// How many rows the realm's log has, and the hash of the last.
pub(super) fn head(session: &mut dyn Session, realm: RealmId) -> Result<(u64, Vec<u8>), Error> {
    let sql = "SELECT audit_seq, audit_hash, slug FROM realms WHERE id = $1";
    let head = session.row(sql, args![realm.0], |row| match row.int(0)? {
        0 => Ok((0, genesis(row.text(2)?).to_vec())),
        seq => Ok((seq, row.blob(1)?.to_vec())),
    })?;
    head.ok_or_else(|| Error::Store { detail: "the realm vanished".into() })
}

pub(super) fn genesis(realm: &str) -> [u8; 32] {
    object_digest(format!("edgelatch audit 1\n{realm}").as_bytes())
}
