//! How the registry is doing, for whoever watches over a server: cheap enough to be asked every other second.

use crate::error::Error;
use crate::limits::DAMAGES;
use crate::model::{MANAGEMENT_REALM, Slug};
use crate::registry::Registry;
use crate::store::{Statements, args, columns};

/// What the registry knows at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// The database's own time in Unix seconds; none of SQLite, which has this machine's.
    pub time: Option<u64>,
    /// The realms that edges may serve.
    pub realms: Vec<RealmPulse>,
}

/// What the registry knows of what is published of a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RealmPulse {
    /// The realm.
    pub realm: Slug,
    /// Its change counter.
    pub changes: u64,
    /// The change counter that the newest epoch shows which every target held; none before the first one. One that was taken only is out nowhere.
    pub published_changes: Option<u64>,
    /// The last epoch that was taken to be signed; whether it is out, nobody may know.
    pub epoch: Option<u64>,
    /// When that was, in Unix seconds.
    pub issued_at: Option<u64>,
    /// The newest epoch that every target held.
    pub published_epoch: Option<u64>,
    /// Its newest root.
    pub root: Option<Vec<u8>>,
}

columns! {
    REALM: RealmPulse = {
        realm = "r.slug", changes = "r.changes", published_changes = "p.changes", epoch = "e.epoch", issued_at = "e.issued_at",
        published_epoch = "p.epoch",
        root = "(SELECT o.object FROM roots o WHERE o.realm_id = r.id ORDER BY o.version DESC LIMIT 1)",
    } => RealmPulse { realm, changes, published_changes, epoch, issued_at, published_epoch, root }
}

const REALMS: &str = "FROM realms r LEFT JOIN epochs e ON e.realm_id = r.id \
                      AND e.epoch = (SELECT max(l.epoch) FROM epochs l WHERE l.realm_id = r.id) \
                      LEFT JOIN epochs p ON p.realm_id = r.id \
                      AND p.epoch = (SELECT max(l.epoch) FROM epochs l WHERE l.realm_id = r.id AND l.published_at IS NOT NULL) \
                      WHERE r.deleted_at IS NULL AND r.slug <> $1 ORDER BY r.slug";

impl Registry {
    /// What the registry knows of all realms now.
    pub fn pulse(&self) -> Result<Pulse, Error> {
        let own_time = self.database.path().is_none();
        self.store.reading(|session| {
            Ok(Pulse {
                time: if own_time { Some(session.millis()? / 1_000) } else { None },
                realms: session.all(REALM.select(REALMS), args![MANAGEMENT_REALM])?,
            })
        })
    }

    /// Writes what is there already, and waits until that is on the disk: whether the database takes changes can be found out in no other way.
    pub fn check_writes(&self) -> Result<(), Error> {
        let file = self.database.path().is_some();
        self.store.writing(|session| {
            if file {
                // SQLite writes no row that stays as it is, but its header it does.
                let version = session.version()?.unwrap_or(0);
                return session.batch(&format!("PRAGMA user_version = {version}"));
            }
            let sql = "UPDATE realms SET last_epoch = last_epoch WHERE id = (SELECT min(id) FROM realms)";
            session.run(sql, &[]).map(drop)
        })
    }

    /// Looks through the whole database for damage, which takes seconds where it is large. What it finds first, in SQLite's words; nothing of
    /// PostgreSQL, which looks after that itself.
    pub fn damages(&self) -> Result<Vec<String>, Error> {
        if self.database.path().is_none() {
            return Ok(Vec::new());
        }
        let found: Vec<String> = self.store.reading(|session| session.all(format!("PRAGMA quick_check({DAMAGES})"), &[]))?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }
}
