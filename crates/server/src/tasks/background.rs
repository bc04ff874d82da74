//! Work in the background.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use edgelatch_registry::{Error, Registry};
use tracing::dispatcher;

/// A thread that does one round of its work after another. Dropping it waits for the round that is under way.
#[derive(Debug)]
pub(crate) struct Background {
    signals: SyncSender<Signal>,
    thread: Option<JoinHandle<()>>,
}

/// What ends a pause.
#[derive(Debug)]
enum Signal {
    Wake,
    Stop,
}

/// Ends the pause of a thread, or the one that follows its round.
#[derive(Clone, Debug)]
pub(crate) struct Waker(SyncSender<Signal>);

impl Waker {
    pub(crate) fn wake(&self) {
        // One that is woken already need not be woken twice.
        let _ = self.0.try_send(Signal::Wake);
    }
}

impl Background {
    /// `round` works on the state and says how long to pause; `end` is given the state after the last round.
    pub(crate) fn start<S: Send + 'static>(
        name: &str,
        mut state: S,
        mut round: impl FnMut(&mut S) -> Duration + Send + 'static,
        end: impl FnOnce(S) + Send + 'static,
    ) -> std::io::Result<Background> {
        let (signals, signalled) = mpsc::sync_channel(1);
        let rounds = move || {
            while matches!(signalled.recv_timeout(round(&mut state)), Err(RecvTimeoutError::Timeout) | Ok(Signal::Wake)) {}
            end(state);
        };
        // It logs to where the thread logs that starts it.
        let log = dispatcher::get_default(Clone::clone);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || dispatcher::with_default(&log, rounds))?;
        Ok(Background { signals, thread: Some(thread) })
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker(self.signals.clone())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It is gone if it panicked.
        let _ = self.signals.send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            // If it panicked, its own message has said so.
            let _ = thread.join();
        }
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
