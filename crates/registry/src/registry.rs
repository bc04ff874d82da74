//! The registry: a store, and a clock and a source of randomness, passed in so that tests can fix them. Its operations are in the
//! rooms.

use crate::error::Error;
use crate::limits::MIN_CLOCK;
use crate::store::{CopyProgress, Database, MIGRATIONS, Store, copy};

type Clock = dyn Fn() -> u64 + Send + Sync;
type Random = dyn Fn(&mut [u8]) -> bool + Send + Sync;

/// What the registry takes from outside: the time in Unix seconds, and random bytes.
#[derive(derive_more::Debug)]
#[debug("Env")]
pub struct Env {
    clock: Box<Clock>,
    random: Box<Random>,
}

impl Env {
    /// The system's clock and the operating system's CSPRNG.
    pub fn system() -> Env {
        Env::new(|| std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()), |bytes| getrandom::fill(bytes).is_ok())
    }

    /// A clock and a source of random bytes; the latter returns false when it has none to give.
    pub fn new(
        clock: impl Fn() -> u64 + Send + Sync + 'static,
        random: impl Fn(&mut [u8]) -> bool + Send + Sync + 'static,
    ) -> Env {
        Env { clock: Box::new(clock), random: Box::new(random) }
    }

    /// The time, refused when the clock was plainly never set.
    pub fn now(&self) -> Result<u64, Error> {
        let now = (self.clock)();
        if now < MIN_CLOCK { Err(Error::Clock { now }) } else { Ok(now) }
    }

    /// Fills `bytes`, or fails and leaves them unfit for use.
    pub fn random(&self, bytes: &mut [u8]) -> Result<(), Error> {
        if (self.random)(bytes) { Ok(()) } else { Err(Error::NoRandomness) }
    }
}

/// The control plane's state. Operations take `&self`; each is one transaction.
#[derive(derive_more::Debug)]
#[debug("Registry")]
pub struct Registry {
    pub(crate) store: Box<dyn Store>,
    pub(crate) env: Env,
    pub(crate) database: Database,
}

impl Registry {
    /// Makes a new registry: a file that must not exist, or tables in a PostgreSQL database that has none of ours.
    pub fn establish(database: &Database, env: Env) -> Result<Registry, Error> {
        Ok(Registry { store: database.open(true, MIGRATIONS)?, env, database: database.clone() })
    }

    /// Opens a registry and brings its schema up to date. With PostgreSQL, this and every operation must be called where
    /// blocking is allowed: not in an asynchronous task, but in one of its runtime's blocking threads.
    pub fn connect(database: &Database, env: Env) -> Result<Registry, Error> {
        Ok(Registry { store: database.open(false, MIGRATIONS)?, env, database: database.clone() })
    }

    /// Where it lies.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Copies everything into `target`, which must hold nothing yet, in one transaction there; returns the rows copied.
    /// Both registries then go by the same realms and epochs: stop this one's publishers first, and use only the copy.
    pub fn copy_to(&self, target: &Registry, progress: &mut dyn FnMut(CopyProgress)) -> Result<u64, Error> {
        copy(&*self.store, &*target.store, &target.database.to_string(), progress)
    }

    /// What the registry takes from outside.
    pub fn env(&self) -> &Env {
        &self.env
    }
}
