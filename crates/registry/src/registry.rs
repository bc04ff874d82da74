//! The registry: a store, and a clock and a source of randomness, passed in so that tests can fix them. Its operations are in the
//! rooms.

use crate::error::Error;
use crate::limits::MIN_CLOCK;
use crate::store::{CopyProgress, Database, MIGRATIONS, Store, copy};

type Clock = dyn Fn() -> u64 + Send + Sync;
type Random = dyn Fn(&mut [u8]) -> bool + Send + Sync;
type Running = dyn Fn() -> Option<Uptime> + Send + Sync;

/// For how long a machine has been running: what its clock is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// The name of this run of the machine, which no other one has.
    pub boot: String,
    /// Seconds since it began, those of a suspended machine included; nobody sets it.
    pub seconds: u64,
}

impl Uptime {
    /// Where Linux tells it: the seconds, and the name of this run.
    pub const FILES: [&str; 2] = ["/proc/uptime", "/proc/sys/kernel/random/boot_id"];

    /// Of this machine, where the system tells it: on Linux.
    fn of_system() -> Option<Uptime> {
        let [seconds, boot] = Uptime::FILES.map(|path| std::fs::read_to_string(path).ok());
        Some(Uptime { boot: boot?.trim().into(), seconds: seconds?.split('.').next()?.parse().ok()? })
    }
}

/// What the registry takes from outside: the time in Unix seconds, and random bytes.
#[derive(derive_more::Debug)]
#[debug("Env")]
pub struct Env {
    clock: Box<Clock>,
    random: Box<Random>,
    /// What the clock is compared with; none for one that somebody made up.
    uptime: Option<Box<Running>>,
}

impl Env {
    /// The system's clock and the operating system's CSPRNG.
    pub fn system() -> Env {
        let clock = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        Env::new(clock, |bytes| getrandom::fill(bytes).is_ok()).compared(Uptime::of_system)
    }

    /// A clock and a source of random bytes; the latter returns false when it has none to give.
    pub fn new(
        clock: impl Fn() -> u64 + Send + Sync + 'static,
        random: impl Fn(&mut [u8]) -> bool + Send + Sync + 'static,
    ) -> Env {
        Env { clock: Box::new(clock), random: Box::new(random), uptime: None }
    }

    /// The same with a clock that is to be compared with others: with the database's, and with what the machine has counted meanwhile.
    pub fn compared(self, uptime: impl Fn() -> Option<Uptime> + Send + Sync + 'static) -> Env {
        Env { uptime: Some(Box::new(uptime)), ..self }
    }

    /// For how long the machine has been running, if that is known; none at all for a clock that is not to be compared with anything.
    pub fn uptime(&self) -> Option<Option<Uptime>> {
        self.uptime.as_ref().map(|uptime| uptime())
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

    /// Refuses a registry that may not show what others change in it from now on: a file that could only be opened to be read. What runs for
    /// long, such as a server, would never see a revocation there.
    pub fn check_live(&self) -> Result<(), Error> {
        self.store.check_live()
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
