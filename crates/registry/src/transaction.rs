//! Transactions over one realm, and what every room's handle is over.

use crate::error::{Error, Kind};
use crate::model::{Caller, Slug};
use crate::registry::Registry;
use crate::store::{Session, args};

/// A realm's row: proof that it exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealmId(pub(crate) u64);

/// A transaction over one realm.
pub(crate) struct Transaction<'a> {
    pub(crate) session: &'a mut (dyn Session + 'a),
    pub(crate) realm: RealmId,
}

impl Transaction<'_> {
    /// Notes that the realm's next snapshot differs.
    pub(crate) fn touch(&mut self) -> Result<(), Error> {
        self.session.run("UPDATE realms SET changes = changes + 1 WHERE id = $1", args![self.realm.0]).map(drop)
    }
}

/// A transaction in which somebody changes something. It ends with a row in the audit log.
pub(crate) struct Change<'a> {
    pub(crate) tx: Transaction<'a>,
    pub(crate) now: u64,
    pub(crate) caller: &'a Caller,
}

/// One realm of a registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InRealm<'r> {
    pub(crate) registry: &'r Registry,
    pub(crate) realm: &'r Slug,
}

impl InRealm<'_> {
    pub(crate) fn now(&self) -> Result<u64, Error> {
        self.registry.env.now()
    }

    /// Reads one state.
    pub(crate) fn read<T>(&self, mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.registry.store.reading(|session| work(&mut open(session, self.realm)?))
    }

    /// Writes what no administrator asked for, and the audit log does not show.
    pub(crate) fn write<T>(&self, mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.registry.store.writing(|session| work(&mut open(session, self.realm)?))
    }

    /// Changes something. Writers take turns, so what `work` reads stays so until it is committed: limits and revisions are
    /// decided on that.
    pub(crate) fn change<T>(
        &self,
        caller: &Caller,
        mut work: impl FnMut(&mut Change<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now = self.now()?;
        self.registry.store.writing(|session| {
            let tx = open(session, self.realm)?;
            work(&mut Change { tx, now, caller })
        })
    }
}

fn open<'a>(session: &'a mut (dyn Session + 'a), realm: &Slug) -> Result<Transaction<'a>, Error> {
    let found = session.one("SELECT id FROM realms WHERE slug = $1", args![realm.as_str()])?;
    let realm = found.map(RealmId).ok_or_else(|| Error::missing(Kind::Realm, realm.as_str()))?;
    Ok(Transaction { session, realm })
}

/// Refuses an edit of something that has changed since it was read.
pub(crate) fn check_revision(expected: Option<u64>, found: u64, kind: Kind, id: &str) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => Err(Error::Stale { kind, id: id.into(), expected, found }),
        _ => Ok(()),
    }
}
