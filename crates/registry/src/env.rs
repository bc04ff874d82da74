//! The clock and the source of randomness, passed in so that tests can fix them.

use crate::error::Error;
use crate::limits::MIN_CLOCK;

type Clock = dyn Fn() -> u64 + Send + Sync;
type Random = dyn Fn(&mut [u8]) -> bool + Send + Sync;

/// What the registry takes from outside: the time in Unix seconds, and random bytes.
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

impl core::fmt::Debug for Env {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Env")
    }
}
