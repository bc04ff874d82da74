//! Keys as the records that a tree is built from. A key's row holds the numbers of what its records refer to, so that no record asks for
//! more than its key, org and owner.

use std::collections::BTreeMap;

use edgelatch_core::build::Record;

use crate::error::Error;
use crate::limits::LOOKUPS;
use crate::store::{Statements, Value, args, columns, places};
use crate::transaction::Transaction;

columns! {
    RECORD: Record = {
        digest = "s.digest", key_id = "k.key_id", org = "o.slug", owner = "w.slug", owner_disabled = "w.disabled", name = "k.name",
        metadata = "k.metadata", revoked_at: Option<u64> = "k.revoked_at", not_before = "k.not_before",
        key_ends: Option<u64> = "k.expires_at", secret_ends: Option<u64> = "s.expires_at",
        role_set = "k.role_set", scope = "k.scope", policy = "k.policy"
    } => Record {
        digest, key_id, org, owner, owner_disabled, name, metadata, revoked: revoked_at.is_some(), not_before,
        // A secret in the overlap after a rotation ends at its own time or with its key, whatever is first.
        expires_at: [key_ends, secret_ends].into_iter().flatten().min(),
        role_set, scope, policy,
    }
}

const FROM: &str =
    "FROM keys k JOIN secrets s ON s.key_id = k.id JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id";

/// The records of all keys of the realm.
pub(super) fn of_realm(tx: &mut Transaction<'_>) -> Result<Vec<Record>, Error> {
    tx.all(RECORD.select(&format!("{FROM} WHERE k.realm_id = $1")), args![tx.realm])
}

/// Records by their digests, each once, from whatever led to them.
#[derive(Default)]
pub(super) struct Records(pub(super) BTreeMap<[u8; 32], Record>);

impl Records {
    /// Reads the records of some keys, by their rows.
    pub(super) fn read_keys(&mut self, tx: &mut Transaction<'_>, keys: &[u64]) -> Result<(), Error> {
        keys.chunks(LOOKUPS).try_for_each(|some| self.read(tx, &format!("k.id IN ({})", places(2, some.len())), some))
    }

    /// Reads the records of every key whose column (`owner_id`, `org_id`) holds a row.
    pub(super) fn read_all_of(&mut self, tx: &mut Transaction<'_>, column: &str, row: u64) -> Result<(), Error> {
        self.read(tx, &format!("k.{column} = $2"), &[row])
    }

    fn read(&mut self, tx: &mut Transaction<'_>, test: &str, rows: &[u64]) -> Result<(), Error> {
        // The sum keeps databases from looking for all keys of this realm.
        let rest = format!("{FROM} WHERE {test} AND k.realm_id + 0 = $1");
        let values: Vec<Value> = std::iter::once(tx.realm.into()).chain(rows.iter().map(|row| (*row).into())).collect();
        tx.each(RECORD.select(&rest), &values, |record| {
            self.0.insert(record.digest, record);
            Ok(())
        })
    }
}
