//! Writes what management keys are used for into the management realm's own log of requests: in batches, so that no call waits
//! for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use edgelatch_core::hex::Hex;
use edgelatch_registry::{Error, Registry, Slug, UsageBatch, UsageEvent, management};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::error;
use tracing::instrument::WithSubscriber;

use super::background::blocking;
use crate::limits::{MAX_USES, MAX_WAITING_USES, USE_PAUSE};
use crate::log::API;

/// How often it is tried to write a batch.
const TRIES: u32 = 3;

/// Where uses are handed in. While too many wait to be written, further ones are dropped, and counted.
#[derive(Clone, Debug)]
pub(crate) struct Uses {
    sender: Sender<UsageEvent>,
    dropped: Arc<AtomicU64>,
}

impl Uses {
    /// Starts the task that writes. It ends, with everything written, once every [`Uses`] is gone.
    pub(crate) fn start(registry: Arc<Registry>) -> (Uses, JoinHandle<()>) {
        let (sender, events) = channel(MAX_WAITING_USES);
        let dropped = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(write(registry, events, Arc::clone(&dropped)).with_current_subscriber());
        (Uses { sender, dropped }, task)
    }

    /// Hands in a use.
    pub(crate) fn note(&self, event: UsageEvent) {
        if self.sender.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were lost.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

async fn write(registry: Arc<Registry>, mut events: Receiver<UsageEvent>, lost: Arc<AtomicU64>) {
    while let Some(first) = events.recv().await {
        let mut batch = vec![first];
        let fill = async {
            while batch.len() < MAX_USES
                && let Some(event) = events.recv().await
            {
                batch.push(event);
            }
        };
        // When the time is over, what has come is a batch.
        let _ = timeout(USE_PAUSE, fill).await;
        let uses = batch.len() as u64;
        if let Err(error) = blocking(&registry, move |registry| ingest(registry, batch)).await {
            lost.fetch_add(uses, Ordering::Relaxed);
            error!(target: API, error, uses, "uses of management keys were lost");
        }
    }
}

fn ingest(registry: &Registry, events: Vec<UsageEvent>) -> Result<(), Error> {
    let realm: Slug = management::REALM.parse()?;
    let mut id = [0; 16];
    registry.env().random(&mut id)?;
    // The same id each time, so that a batch whose answer was lost is not counted twice.
    let batch = UsageBatch { batch: Hex(&id).to_string(), events };
    let mut done = registry.usage(&realm).ingest(&batch);
    for _ in 1..TRIES {
        done = done.or_else(|_| registry.usage(&realm).ingest(&batch));
    }
    done.map(drop)
}
