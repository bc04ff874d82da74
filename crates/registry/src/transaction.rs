//! One administrative act: a writing transaction, which ends with a row in the activity log.

use crate::error::{Error, Kind};
use crate::model::{Caller, Slug};
use crate::registry::Registry;
use crate::store::{Session, args};

/// Row ids of one realm: proof that it exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealmId(pub(crate) u64);

/// Finds a realm.
pub(crate) fn realm_id(session: &mut dyn Session, realm: &Slug) -> Result<RealmId, Error> {
    let found = session.row("SELECT id FROM realms WHERE slug = $1", args![realm.as_str()], |row| row.int(0))?;
    found.map(RealmId).ok_or_else(|| Error::missing(Kind::Realm, realm.as_str()))
}

/// An open act in one realm.
pub(crate) struct Act<'a> {
    pub(crate) session: &'a mut (dyn Session + 'a),
    pub(crate) realm: RealmId,
    pub(crate) now: u64,
    pub(crate) caller: &'a Caller,
}

impl Registry {
    /// Runs an act as one transaction. Writers take turns, so what `work` reads stays so until it is committed: limits and
    /// revisions are decided on that.
    pub(crate) fn act<T>(
        &self,
        caller: &Caller,
        realm: &Slug,
        mut work: impl FnMut(&mut Act<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            work(&mut Act { session, realm, now, caller })
        })
    }
}

/// Refuses an edit of something that has changed since it was read.
pub(crate) fn check_revision(expected: Option<u64>, found: u64, kind: Kind, id: &str) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => Err(Error::Stale { kind, id: id.into(), expected, found }),
        _ => Ok(()),
    }
}

/// Notes that the realm's next snapshot differs.
pub(crate) fn touch(session: &mut dyn Session, realm: RealmId) -> Result<(), Error> {
    session.run("UPDATE realms SET changes = changes + 1 WHERE id = $1", args![realm.0]).map(|_| ())
}
