//! Nobody grants what their own key does not hold: the one place where that is decided, after rows were written and before they are committed.
//!
//! A management key grants whatever ends up with it in another key's roles or scope: by making, importing, editing or enabling a key, by giving it a
//! new secret, through a role, an owner, or an org's settings. What a key holds is read when a change begins: it may be about that key.
//!
//! In another realm a management key holds nothing of what that realm's keys do: that its permission reaches the realm or one of its orgs was decided
//! when the call was admitted. Whoever acts on the machine itself is bounded by nothing.

use crate::error::Error;
use crate::held::Held;
use crate::model::Pattern;
use crate::store::{Statements, args};
use crate::transaction::Change;

/// Whose grants a change has made more.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Grant {
    /// A key's.
    Key(u64),
    /// Those of every key of an import.
    Import(u64),
    /// A role's, and those of keys that have it.
    Role(u64),
    /// An owner's roles, and what its keys have.
    Owner(u64),
    /// What every key of an org has.
    Org(u64),
}

impl Grant {
    /// The keys, as a test over `key_rows`, with the row that it is about.
    fn keys(self) -> (&'static str, u64) {
        match self {
            // Of one that is revoked too: somebody who holds more may enable it later.
            Grant::Key(row) => ("id = $2", row),
            Grant::Import(row) => ("import_id = $2 AND import_id > 0", row),
            Grant::Role(row) => {
                let test = "(id IN (SELECT key_id FROM key_roles WHERE role_id = $2) \
                            OR owner_id IN (SELECT owner_id FROM owner_roles WHERE role_id = $2)) AND revoked_at IS NULL";
                (test, row)
            }
            Grant::Owner(row) => ("owner_id = $2 AND revoked_at IS NULL", row),
            Grant::Org(row) => ("org_id = $2 AND revoked_at IS NULL", row),
        }
    }

    /// The patterns that a key need not have yet to be granted.
    fn patterns(self, change: &mut Change<'_>) -> Result<Vec<Pattern>, Error> {
        match self {
            Grant::Role(row) => change.all("SELECT pattern FROM role_patterns WHERE role_id = $1", args![row]),
            Grant::Owner(row) => {
                let sql = "SELECT DISTINCT p.pattern FROM owner_roles x JOIN role_patterns p ON p.role_id = x.role_id \
                           WHERE x.owner_id = $1";
                change.all(sql, args![row])
            }
            Grant::Key(_) | Grant::Import(_) | Grant::Org(_) => Ok(Vec::new()),
        }
    }
}

impl Change<'_> {
    /// Refuses a grant that the caller's key does not hold itself.
    pub(crate) fn check_grant(&mut self, grant: Grant) -> Result<(), Error> {
        let Some(held) = self.held.clone() else { return Ok(()) };
        let patterns = grant.patterns(self)?;
        if let Some(excess) = held.lacks_one_of(&patterns) {
            return Err(excess.into());
        }
        let (test, row) = grant.keys();
        // One of those that have the same roles and the same scope stands for all of them. What imports have brought counts before it is there.
        let sql = format!("SELECT min(id) FROM key_rows WHERE realm_id = $1 AND {test} GROUP BY role_set, scope");
        let keys: Vec<u64> = self.all(sql, args![self.tx.realm, row])?;
        for key in keys {
            let asked = Held::by_key(self, key)?;
            if let Some(excess) = asked.and_then(|asked| held.lacks(&asked)) {
                return Err(excess.into());
            }
        }
        Ok(())
    }
}
