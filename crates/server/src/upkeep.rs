//! What is done now and then: clearing away what was kept long enough, and reminding of rotations.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use edgelatch_registry::{Error, Registry};

use crate::pilot::Event;

/// How often, unless told otherwise.
const PAUSE: Duration = Duration::from_secs(3_600);

/// Upkeep of a registry.
#[derive(Clone, Debug)]
pub struct Upkeep {
    /// Of this one. Several nodes may do it; each finds less to do.
    pub registry: Arc<Registry>,
    /// How often.
    pub pause: Duration,
}

/// Runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Upkeep {
    /// Upkeep once an hour.
    pub fn new(registry: Arc<Registry>) -> Upkeep {
        Upkeep { registry, pause: PAUSE }
    }

    pub(crate) fn start(self, report: Arc<dyn Fn(Event) + Send + Sync>) -> std::io::Result<Running> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("upkeep".into()).spawn(move || {
            // A server that is started again and again does it too.
            loop {
                if let Err(error) = run(&self.registry) {
                    report(Event::UpkeepFailed { message: error.to_string() });
                }
                if !matches!(stopped.recv_timeout(self.pause), Err(RecvTimeoutError::Timeout)) {
                    return;
                }
            }
        })?;
        Ok(Running { stop: Some(stop), thread: Some(thread) })
    }
}

fn run(registry: &Registry) -> Result<(), Error> {
    registry.purge()?;
    registry.remind().map(drop)
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
