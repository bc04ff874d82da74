//! Whether the activity log is as it was written.

use serde::Serialize;

use super::row::{COLUMNS, genesis, head, read};
use crate::error::Error;
use crate::model::Slug;
use crate::registry::Registry;
use crate::store::args;
use crate::transaction::realm_id;

/// A point of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Anchor {
    /// How many rows it stands for.
    pub seq: u64,
    /// Hash over all of them, in hexadecimal digits.
    pub hash: String,
}

impl Registry {
    /// Recomputes the chain and returns its end. An `anchor` from an earlier run must lie on it. The first row that is
    /// missing or was altered is named in the error.
    pub fn audit_verify(&self, realm: &Slug, anchor: Option<&Anchor>) -> Result<Anchor, Error> {
        self.store.reading(|session| {
            let id = realm_id(session, realm)?;
            let (rows, end) = head(session, id)?;
            let altered = |seq, reason: &str| Error::Altered { seq, reason: reason.into() };
            let (mut seq, mut hash) = (0, genesis(realm.as_str()).to_vec());
            let mut anchored = anchor.is_none_or(|a| a.seq == 0);
            session.each(&format!("{COLUMNS} WHERE realm_id = $1 ORDER BY seq"), args![id.0], &mut |found| {
                let row = read(found)?;
                seq += 1;
                if row.seq != seq {
                    return Err(altered(seq, "is missing"));
                }
                hash = row.hash(&hash)?.to_vec();
                if found.blob(10)? != hash {
                    return Err(altered(seq, "was altered, or one before it was written anew"));
                }
                if anchor.is_some_and(|a| a.seq == seq) {
                    if anchor.is_some_and(|a| a.hash != hex(&hash)) {
                        return Err(altered(seq, "differs from the anchor: the log was written anew since"));
                    }
                    anchored = true;
                }
                Ok(())
            })?;
            match () {
                () if seq < rows => Err(altered(seq + 1, "is missing")),
                () if seq > rows || hash != end => Err(altered(seq, "is not the one that was written last")),
                () if !anchored => Err(altered(seq + 1, "is missing: the anchor lies beyond the end")),
                () => Ok(Anchor { seq, hash: hex(&hash) }),
            }
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
