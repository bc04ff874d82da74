//! A row of the log. Each carries a hash over itself and the row before it, so that one that was removed or altered is found.
//!
//! ```text
//! hash(0) = SHA-256("edgelatch audit 1\n" realm)
//! hash(n) = SHA-256(hash(n-1) row(n))
//! row     = JSON array [seq, at, actor, address, action, kind, target, org, before, after]; the last two as their text
//! ```
//! Whoever can write the database can write a whole new chain; against them, keep the anchor that [`super::Audit::verify`]
//! returns somewhere else, and hand it in the next time.

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::error::Error;
use crate::model::json::embedded;
use crate::model::rfc3339;
use crate::model::schema::object;
use crate::store::{Statements, args, columns};
use crate::transaction::Transaction;

/// An act of an administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Activity)]
pub struct AuditRow {
    /// Its place in the realm's log.
    #[schema(schema_with = place)]
    pub seq: u64,
    /// When.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: u64,
    /// Who: the id of a management key, or `cli:` and a user.
    pub actor: String,
    /// From where.
    pub address: Option<String>,
    /// What.
    #[schema(examples("key.edit"))]
    pub action: String,
    /// What kind of thing it was done to.
    pub kind: String,
    /// Which one.
    pub target: String,
    /// In which org.
    pub org: Option<String>,
    /// What was different before.
    #[serde(serialize_with = "json")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<String>,
    /// What it is since.
    #[serde(serialize_with = "json")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<String>,
}

fn place() -> ObjectBuilder {
    object(Type::Integer).minimum(Some(1)).description(Some("Its place in the realm's log."))
}

fn json<S: Serializer>(text: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    text.as_deref().and_then(embedded).serialize(to)
}

columns! {
    pub(super) ROW: (AuditRow, Vec<u8>) = { seq, at, actor, address, action, kind, target, org, before, after, hash }
        => (AuditRow { seq, at, actor, address, action, kind, target, org, before, after }, hash)
}

impl AuditRow {
    /// The chain's hash up to this row, of which `last` is the one up to the row before.
    pub(super) fn hash(&self, last: &[u8]) -> Result<[u8; 32], Error> {
        let AuditRow { seq, at, actor, address, action, kind, target, org, before, after } = self;
        let row = (seq, at, actor, address, action, kind, target, org, before, after);
        let mut bytes = last.to_vec();
        serde_json::to_writer(&mut bytes, &row).map_err(|e| Error::Store { detail: e.to_string() })?;
        Ok(Sha256::digest(&bytes).into())
    }
}

/// How many rows the log has, and the hash up to the last.
pub(super) fn end(tx: &mut Transaction<'_>) -> Result<(u64, Vec<u8>), Error> {
    let sql = "SELECT audit_seq, audit_hash, slug FROM realms WHERE id = $1";
    match tx.one::<(u64, Option<Vec<u8>>, String)>(sql, args![tx.realm])? {
        Some((0, _, realm)) => Ok((0, beginning(&realm).to_vec())),
        Some((seq, Some(hash), _)) => Ok((seq, hash)),
        _ => Err(Error::Store { detail: "the realm has no end of its audit log".into() }),
    }
}

/// The hash before the first row.
pub(super) fn beginning(realm: &str) -> [u8; 32] {
    Sha256::digest(format!("edgelatch audit 1\n{realm}")).into()
}
