//! Work in the background, on threads of its own.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::dispatcher;

/// A thread that does one round of its work after another. Dropping it waits for the round that is under way.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// `round` works on the state and says how long to pause; `end` is given the state after the last round.
    pub(crate) fn start<S: Send + 'static>(
        name: &str,
        mut state: S,
        mut round: impl FnMut(&mut S) -> Duration + Send + 'static,
        end: impl FnOnce(S) + Send + 'static,
    ) -> std::io::Result<Background> {
        let (stop, stopped) = mpsc::channel();
        let thread = spawn(name, move || {
            loop {
                let pause = round(&mut state);
                if !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                    break;
                }
            }
            end(state);
        })?;
        Ok(Background { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, its own message has said so.
            let _ = thread.join();
        }
    }
}

/// A named thread that logs to where the thread logs that starts it.
pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    let log = dispatcher::get_default(Clone::clone);
    std::thread::Builder::new().name(name.into()).spawn(move || dispatcher::with_default(&log, work))
}
