//! Transactions over one realm, and what every room's handle is over.

use crate::error::{Error, Kind};
use crate::held::Held;
use crate::journal::What;
use crate::limits::{JOURNAL_ROWS, JOURNAL_STEPS};
use crate::model::{Caller, MANAGEMENT_REALM, Slug};
use crate::registry::{Env, Registry};
use crate::store::{Session, Statements, Value, args, fields};

/// A realm's row. Whoever has one knows that the realm is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RealmId(pub(crate) u64);

impl From<RealmId> for Value {
    fn from(realm: RealmId) -> Value {
        realm.0.into()
    }
}

/// A transaction over one realm. Everything about a realm is written through it, and what a snapshot would show is followed by
/// [`Transaction::touch`].
pub(crate) struct Transaction<'a> {
    session: &'a mut (dyn Session + 'a),
    pub(crate) realm: RealmId,
    /// The pending import that is written, of which no snapshot shows anything; 0 for none.
    pub(crate) import: u64,
    /// The step of the realm's change counter that this transaction has taken, if it has changed anything that a snapshot shows.
    step: Option<u64>,
    /// Rows that it has written to the journal.
    noted: usize,
}

impl<'a> Transaction<'a> {
    pub(crate) fn over(session: &'a mut (dyn Session + 'a), realm: RealmId) -> Transaction<'a> {
        Transaction { session, realm, import: 0, step: None, noted: 0 }
    }

    /// Notes in what the realm's next snapshot differs: a publisher that polls the change counter builds another one, of what the
    /// journal names. An act takes one step, however much it changes.
    pub(crate) fn touch(&mut self, what: What) -> Result<(), Error> {
        self.touch_all([what])
    }

    /// Notes several things at once. An act that changes more than a journal is for has changed everything.
    pub(crate) fn touch_all(&mut self, all: impl IntoIterator<Item = What>) -> Result<(), Error> {
        let all: Vec<What> = all.into_iter().take(JOURNAL_ROWS + 1).collect();
        if all.is_empty() {
            return Ok(());
        }
        let before = self.noted;
        self.noted = before.saturating_add(all.len());
        let all = match () {
            () if self.noted <= JOURNAL_ROWS => all,
            () if before <= JOURNAL_ROWS => vec![What::Everything],
            // Said already.
            () => return Ok(()),
        };
        let step = self.step()?;
        let mut rows = all.into_iter().map(|what| what.fields().and(fields! { realm_id: self.realm, changes: step }));
        match (rows.next(), rows.len()) {
            (Some(only), 0) => self.add("journal", only),
            (first, _) => {
                let rows = first.into_iter().chain(rows).collect();
                self.add_all("journal", rows)
            }
        }
    }

    /// The step of the change counter that shows all that this transaction did, and whatever was before it.
    pub(crate) fn reached(&mut self) -> Result<u64, Error> {
        match self.step {
            Some(step) => Ok(step),
            None => self.count("SELECT changes FROM realms WHERE id = $1", args![self.realm]),
        }
    }

    /// The step that this transaction takes.
    fn step(&mut self) -> Result<u64, Error> {
        if let Some(step) = self.step {
            return Ok(step);
        }
        let sql = "UPDATE realms SET changes = changes + 1 WHERE id = $1 RETURNING changes";
        let step: Option<u64> = self.one(sql, args![self.realm])?;
        let step = step.ok_or_else(|| Error::Store { detail: "the realm vanished".into() })?;
        // Once in so many steps, so that the others need not.
        if step.is_multiple_of(JOURNAL_STEPS) {
            let sql = "DELETE FROM journal WHERE realm_id = $1 AND changes <= $2";
            self.run(sql, args![self.realm, step.saturating_sub(JOURNAL_STEPS)])?;
        }
        self.step = Some(step);
        Ok(step)
    }
}

impl Statements for Transaction<'_> {
    fn session(&mut self) -> &mut (dyn Session + '_) {
        self.session
    }
}

/// A transaction in which somebody changes something. It ends with a row in the audit log.
pub(crate) struct Change<'a> {
    pub(crate) tx: Transaction<'a>,
    pub(crate) env: &'a Env,
    pub(crate) now: u64,
    pub(crate) caller: &'a Caller,
    /// What the caller's key held when the change began, where that bounds what it may grant.
    pub(crate) held: Option<Held>,
}

impl<'a> Change<'a> {
    /// A change of something that nobody's key bounds.
    pub(crate) fn unbounded(tx: Transaction<'a>, env: &'a Env, now: u64, caller: &'a Caller) -> Change<'a> {
        Change { tx, env, now, caller, held: None }
    }

    /// A change of something in the management realm, by whoever it may be.
    fn bounded(mut tx: Transaction<'a>, env: &'a Env, now: u64, caller: &'a Caller) -> Result<Change<'a>, Error> {
        let realm = tx.realm.0;
        let held = caller.key().map(|key| Held::by_caller(&mut tx, realm, key, now)).transpose()?;
        Ok(Change { tx, env, now, caller, held })
    }
}

impl Statements for Change<'_> {
    fn session(&mut self) -> &mut (dyn Session + '_) {
        self.tx.session
    }
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

    /// Reads one state, also of a realm that was deleted: its audit log is still there.
    pub(crate) fn read_ever<T>(&self, mut work: impl FnMut(&mut Transaction<'_>) -> Result<T, Error>) -> Result<T, Error> {
        self.registry.store.reading(|session| work(&mut open_ever(session, self.realm, "")?))
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
        let (env, now) = (&self.registry.env, self.now()?);
        let (done, reached) = self.registry.store.writing(|session| {
            let tx = open(session, self.realm)?;
            let mut change = match self.realm.as_str() {
                MANAGEMENT_REALM => Change::bounded(tx, env, now, caller)?,
                _ => Change::unbounded(tx, env, now, caller),
            };
            Ok((work(&mut change)?, change.tx.reached()?))
        })?;
        caller.committed().set(reached);
        Ok(done)
    }
}

/// Declares a room's handle, through which others ask it about one realm, and how it is had of a registry.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident = $method:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<'r>(pub(crate) $crate::transaction::InRealm<'r>);

        impl $crate::registry::Registry {
            $(#[$doc])*
            pub fn $method<'r>(&'r self, realm: &'r $crate::model::Slug) -> $name<'r> {
                $name($crate::transaction::InRealm { registry: self, realm })
            }
        }
    };
}
pub(crate) use handle;

fn open<'a>(session: &'a mut (dyn Session + 'a), realm: &Slug) -> Result<Transaction<'a>, Error> {
    open_ever(session, realm, "AND deleted_at IS NULL")
}

fn open_ever<'a>(session: &'a mut (dyn Session + 'a), realm: &Slug, test: &str) -> Result<Transaction<'a>, Error> {
    let found = session.one(format!("SELECT id FROM realms WHERE slug = $1 {test}"), args![realm.as_str()])?;
    let realm = found.map(RealmId).ok_or_else(|| Error::missing(Kind::Realm, realm.as_str()))?;
    Ok(Transaction::over(session, realm))
}

/// Refuses an edit of something that has changed since it was read.
pub(crate) fn check_revision(expected: Option<u64>, found: u64, kind: Kind, id: &str) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => Err(Error::Stale { kind, id: id.into(), expected, found }),
        _ => Ok(()),
    }
}
