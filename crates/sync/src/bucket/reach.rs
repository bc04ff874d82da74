//! Requests to a store: each is waited for only so long, and a store that does not answer is not asked again before it does.
//!
//! A publisher works for all of its targets one epoch after the other. Without this, a store that hangs would keep every other target from each
//! further change for as long as its requests take. So after the first one that was in vain, all others fail at once, until a look at the head, made
//! beside all that every few seconds, is answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

use super::trouble;
use crate::error::Error;
use crate::layout::Item;

/// Time between two looks whether a store answers again.
const LOOK: Duration = Duration::from_secs(2);
/// Time for one of them.
const LOOK_TIME: Duration = Duration::from_secs(5);

type Store = PrefixStore<Arc<dyn ObjectStore>>;

/// How a store is reached.
#[derive(Debug)]
pub(super) struct Reach {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    silence: Silence,
}

/// Why the store is not asked, and since when.
#[derive(Clone, Debug, Default)]
struct Silence(Arc<Mutex<Option<(Instant, String)>>>);

impl Silence {
    fn lock(&self) -> MutexGuard<'_, Option<(Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reach {
    pub(super) fn new() -> Result<Reach, Error> {
        // One thread drives all requests; those who wait for them bring threads of their own.
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("bucket").enable_all().build();
        let runtime = runtime.map_err(|error| Error::Target { target: "bucket".into(), detail: error.to_string() })?;
        Ok(Reach { runtime: Some(runtime), silence: Silence::default() })
    }

    /// What `request` comes to within `time`. The outer error is that of a store that does not answer.
    pub(super) fn ask<T: Send>(
        &self,
        target: &str,
        time: Duration,
        store: &Store,
        request: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<Result<T, StoreError>, Error> {
        let unreachable = |detail: String| Error::TargetUnreachable { target: target.into(), detail };
        if let Some((since, why)) = &*self.silence.lock() {
            let seconds = since.elapsed().as_secs();
            return Err(unreachable(format!("{why}, {seconds} s ago, and it has not answered since")));
        }
        let Some(runtime) = &self.runtime else { return Err(unreachable("the process ends".into())) };
        let why = match runtime.block_on(async { timeout(time, request).await }) {
            Ok(Err(error)) if trouble::is_silence(&error) => trouble::words(&error),
            Ok(done) => return Ok(done),
            Err(_) => format!("no answer within {} s", time.as_secs()),
        };
        self.fall_silent(runtime, store, &why);
        Err(unreachable(why))
    }

    /// Asks nobody else until the store answers again.
    fn fall_silent(&self, runtime: &Runtime, store: &Store, why: &str) {
        let mut silent = self.silence.lock();
        if silent.is_some() {
            return;
        }
        *silent = Some((Instant::now(), why.into()));
        let (silence, store) = (self.silence.clone(), store.clone());
        runtime.spawn(async move {
            loop {
                sleep(LOOK).await;
                let look = timeout(LOOK_TIME, store.head(&Path::from(Item::Head.to_string()))).await;
                // Whatever it says: it is there.
                if look.is_ok_and(|answer| answer.is_ok() || answer.is_err_and(|error| !trouble::is_silence(&error))) {
                    break;
                }
            }
            *silence.lock() = None;
        });
    }
}

impl Drop for Reach {
    fn drop(&mut self) {
        // Also where one may not wait, as in asynchronous code.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A name that no other process draws at the same time.
pub(super) fn drawn() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), since.as_nanos())
}
