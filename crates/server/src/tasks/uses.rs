//! Writes what management keys are used for into the management realm's own log of requests: in batches, on a thread of its own,
//! so that no call waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use edgelatch_core::hex::Hex;
use edgelatch_registry::{Error, Registry, Slug, UsageBatch, UsageEvent, management};
use tracing::error;

use super::background::spawn;
use crate::limits::{MAX_USES, MAX_WAITING_USES, USE_PAUSE};
use crate::log::API;

/// How often it is tried to write a batch.
const TRIES: u32 = 3;

/// Where uses are handed in. While too many wait to be written, further ones are dropped, and counted.
#[derive(Clone, Debug)]
pub(crate) struct Uses {
    sender: SyncSender<UsageEvent>,
    dropped: Arc<AtomicU64>,
}

impl Uses {
    /// Starts the thread that writes. It ends, with everything written, once every [`Uses`] is gone.
    pub(crate) fn start(registry: Arc<Registry>) -> std::io::Result<(Uses, JoinHandle<()>)> {
        let (sender, events) = sync_channel(MAX_WAITING_USES);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        let thread = spawn("uses", move || write(&registry, &events, &lost))?;
        Ok((Uses { sender, dropped }, thread))
    }

    /// Hands in a use.
    pub(crate) fn note(&self, event: UsageEvent) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.sender.try_send(event) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many were lost.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn write(registry: &Registry, events: &Receiver<UsageEvent>, lost: &AtomicU64) {
    while let Ok(first) = events.recv() {
        let (mut batch, end) = (vec![first], Instant::now() + USE_PAUSE);
        let mut more = true;
        while more && batch.len() < MAX_USES {
            match events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) => batch.push(event),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => more = false,
            }
        }
        let number = batch.len() as u64;
        if let Err(error) = ingest(registry, batch) {
            lost.fetch_add(number, Ordering::Relaxed);
            error!(target: API, %error, uses = number, "uses of management keys were lost");
        }
    }
}

fn ingest(registry: &Registry, events: Vec<UsageEvent>) -> Result<(), Error> {
    let realm: Slug = management::REALM.parse()?;
    let mut id = [0; 16];
    registry.env().random(&mut id)?;
    // The same id each time, so that a batch whose answer was lost is not counted twice.
    let batch = UsageBatch { batch: Hex(&id).to_string(), events };
    let mut result = Ok(());
    for _ in 0..TRIES {
        result = registry.usage(&realm).ingest(&batch).map(drop);
        if result.is_ok() {
            break;
        }
    }
    result
}
