//! Work in the background.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edgelatch_registry::{Error, Registry};
use tracing::dispatcher;

use crate::limits::ROUND_WAIT;

/// A thread that does one round of its work after another. Dropping it ends it after the round that is under way, which is waited for as long as
/// [`ROUND_WAIT`]: a disk or a database that does not answer keeps no process alive.
#[derive(Debug)]
pub(crate) struct Background {
    waker: Waker,
    /// Closed when the thread is done.
    done: Mutex<Receiver<()>>,
}

/// Ends the pause of a thread, or the one that follows its round.
#[derive(Clone, Debug)]
pub(crate) struct Waker {
    signals: SyncSender<()>,
    stopped: Arc<AtomicBool>,
}

/// The other end of a [`Waker`].
#[derive(Debug)]
pub(crate) struct Woken(Receiver<()>);

impl Waker {
    /// A waker, and what it wakes.
    pub(crate) fn new() -> (Waker, Woken) {
        let (signals, woken) = mpsc::sync_channel(1);
        (Waker { signals, stopped: Arc::default() }, Woken(woken))
    }

    pub(crate) fn wake(&self) {
        // One that is woken already need not be woken twice.
        let _ = self.signals.try_send(());
    }

    /// Says that no round is to begin any more.
    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.wake();
    }
}

impl Background {
    /// `round` works on the state and says how long to pause; `end` is given the state after the last round.
    pub(crate) fn start<S: Send + 'static>(
        name: &str,
        state: S,
        round: impl FnMut(&mut S) -> Duration + Send + 'static,
        end: impl FnOnce(S) + Send + 'static,
    ) -> std::io::Result<Background> {
        Background::woken_by(Waker::new(), name, state, round, end)
    }

    /// The same with a waker that others have already.
    pub(crate) fn woken_by<S: Send + 'static>(
        (waker, Woken(woken)): (Waker, Woken),
        name: &str,
        mut state: S,
        mut round: impl FnMut(&mut S) -> Duration + Send + 'static,
        end: impl FnOnce(S) + Send + 'static,
    ) -> std::io::Result<Background> {
        let (ends, done) = mpsc::sync_channel(1);
        let stopped = Arc::clone(&waker.stopped);
        let rounds = move || {
            while !stopped.load(Ordering::SeqCst) {
                let pause = round(&mut state);
                if matches!(woken.recv_timeout(pause), Err(RecvTimeoutError::Disconnected)) {
                    break;
                }
            }
            end(state);
            drop(ends);
        };
        // It logs to where the thread logs that starts it.
        let log = dispatcher::get_default(Clone::clone);
        std::thread::Builder::new().name(name.into()).spawn(move || dispatcher::with_default(&log, rounds))?;
        Ok(Background { waker, done: Mutex::new(done) })
    }

    /// Says that it is to end, and waits for nothing.
    pub(crate) fn stop(&self) {
        self.waker.stop();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop();
        // If it panicked, its own message has said so.
        let _ = self.done.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(ROUND_WAIT);
    }
}

/// Waits for work on the registry that may block; an error is what the log is to say.
pub(crate) async fn blocking<T: Send + 'static>(
    registry: &Arc<Registry>,
    work: impl FnOnce(&Registry) -> Result<T, Error> + Send + 'static,
) -> Result<T, String> {
    let registry = Arc::clone(registry);
    let done = tokio::task::spawn_blocking(move || work(&registry)).await;
    done.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
