//! Whether the clock can be believed. A head from the future is refused by every edge, and nothing could be signed after it before that time: so a
//! clock that has jumped ahead is noticed before anything is signed by it.
//!
//! | compared with | tells |
//! |---|---|
//! | the database's clock, where another machine runs it | any difference |
//! | otherwise, what the machine has counted since something was signed last, whatever became of the process | a jump ahead, as long as the machine was not restarted |
//! | the last time of issue in the ledger | a clock that is behind |
//!
//! A machine that was paused as a whole counted nothing meanwhile, and its clock is right once it was set: so its own count is not asked where another
//! machine's clock agrees.
//!
//! What none of them tells is a jump while a machine was off that has its database beside it: it looks like a long pause.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use edgelatch_core::limits::CLOCK_TOLERANCE;
use edgelatch_registry::{Registry, Uptime, format_time};

use crate::data_dir::DataDir;
use crate::error::Error;

/// Held while the clock is noted.
static NOTING: Mutex<()> = Mutex::new(());

/// Refuses a clock that is off by what is noted in the data directory, and by the database's. Returns whether there was anything to compare it with.
pub(crate) fn check_clock(registry: &Registry, dir: &DataDir, now: u64) -> Result<bool, Error> {
    Witness::new(dir.clock()).check(registry, now)
}

/// What the clock is compared with.
#[derive(Debug)]
pub(crate) struct Witness {
    /// A file that holds what the clock said last, and the machine's uptime then: its boot, its seconds, and Unix seconds, one a line.
    path: PathBuf,
    /// Somebody has said that the clock is right: what the machine counted before counts no more.
    accepted: AtomicBool,
    /// And that the database's is not.
    alone: bool,
}

impl Witness {
    pub(crate) fn new(path: PathBuf) -> Witness {
        Witness { path, accepted: AtomicBool::new(false), alone: false }
    }

    /// The same for a clock that somebody says is right.
    pub(crate) fn accepting(self) -> Witness {
        Witness { accepted: AtomicBool::new(true), alone: true, ..self }
    }

    /// Refuses a clock that differs by more than edges tolerate. Returns whether there was anything to compare it with.
    pub(crate) fn check(&self, registry: &Registry, now: u64) -> Result<bool, Error> {
        let Some(uptime) = registry.env().uptime() else { return Ok(false) };
        let off = |by, expected| Err(Error::ClockOff { now: format_time(now), by, expected: format_time(expected) });
        if !self.alone
            && let Some(database) = registry.database_time()?
        {
            if database.abs_diff(now) > CLOCK_TOLERANCE {
                return off("by the clock of the database's machine", database);
            }
            if !registry.database().is_local() {
                return Ok(true);
            }
        }
        match uptime.and_then(|uptime| self.expected(&uptime)) {
            Some(expected) if !self.accepted.load(Ordering::SeqCst) && now > expected.saturating_add(CLOCK_TOLERANCE) => {
                off("by what this machine has counted since it said otherwise", expected)
            }
            expected => Ok(expected.is_some()),
        }
    }

    /// What the clock should say, if this run of the machine has noted what it said before.
    fn expected(&self, uptime: &Uptime) -> Option<u64> {
        let text = fs::read_to_string(&self.path).ok()?;
        let mut lines = text.lines();
        let (boot, then, said) = (lines.next()?, lines.next()?.parse::<u64>().ok()?, lines.next()?.parse::<u64>().ok()?);
        let passed = uptime.seconds.checked_sub(then).filter(|_| boot == uptime.boot)?;
        Some(said.saturating_add(passed))
    }

    /// Notes what the clock says, which was found to be right. Where that cannot be written, less is noticed, and nothing else is the worse for it.
    pub(crate) fn note(&self, registry: &Registry, now: u64) {
        let Some(Some(Uptime { boot, seconds })) = registry.env().uptime() else { return };
        // Realms that are published side by side note it in one file.
        let _noting = NOTING.lock().unwrap_or_else(PoisonError::into_inner);
        let aside = self.path.with_extension(std::process::id().to_string());
        let written = fs::write(&aside, format!("{boot}\n{seconds}\n{now}\n")).and_then(|()| fs::rename(&aside, &self.path));
        if written.is_ok() {
            self.accepted.store(false, Ordering::SeqCst);
        }
    }
}
