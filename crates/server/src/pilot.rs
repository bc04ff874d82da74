//! Publishes whenever an epoch is due, on a thread of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use edgelatch_sync::{Directory, Error, Published, Publisher, Target};

/// The longest pause after failures in a row.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// What a publisher reports.
#[derive(Debug)]
pub enum Event {
    /// An epoch is out.
    Published(Published),
    /// It failed and will try again.
    Failed {
        /// Why.
        error: Error,
        /// After how long.
        retry: Duration,
    },
    /// The management API failed to answer.
    ApiFailed {
        /// The route.
        endpoint: String,
        /// Why.
        message: String,
    },
}

/// What it takes to publish in the background.
#[derive(Debug)]
pub struct Pilot {
    /// Builds and signs.
    pub publisher: Publisher,
    /// Where to.
    pub directory: PathBuf,
    /// How long to wait between looking for changes.
    pub interval: Duration,
}

/// A running pilot. Dropping it lets an epoch that is being published finish.
#[derive(Debug)]
pub(crate) struct Running {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Pilot {
    pub(crate) fn start(self, report: Arc<dyn Fn(Event) + Send + Sync>) -> std::io::Result<Running> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("publisher".into()).spawn(move || {
            let mut target = Directory::new(self.directory);
            let mut failures = 0;
            loop {
                let pause = match self.publisher.publish_if_due(&mut [&mut target as &mut dyn Target]) {
                    Ok(published) => {
                        failures = 0;
                        published.into_iter().for_each(|published| report(Event::Published(published)));
                        self.interval
                    }
                    Err(error) => {
                        let retry = Duration::from_secs(1 << failures.min(6)).min(MAX_PAUSE);
                        failures += 1;
                        report(Event::Failed { error, retry });
                        retry
                    }
                };
                if !matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                    return;
                }
            }
        })?;
        Ok(Running { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic has been reported by its own message; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}
