//! Whether the log is as it was written.

use edgelatch_core::hex::Hex;
use serde::Serialize;

use super::Audit;
use super::row::{ROW, beginning, end};
use crate::error::Error;
use crate::store::{Statements, args};

/// A point of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Anchor {
    /// How many rows it stands for.
    pub seq: u64,
    /// Hash over all of them, in hexadecimal digits.
    pub hash: String,
}

impl Audit<'_> {
    /// Recomputes the chain and returns its end. An `anchor` from an earlier run must lie on it. The first row that is
    /// missing or was altered is named in the error.
    pub fn verify(&self, anchor: Option<&Anchor>) -> Result<Anchor, Error> {
        self.0.read(|tx| {
            let (rows, last) = end(tx)?;
            let altered = |seq, reason: &str| Error::Altered { seq, reason: reason.into() };
            let (mut seq, mut hash) = (0, beginning(self.0.realm.as_str()).to_vec());
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
        })
    }
}
