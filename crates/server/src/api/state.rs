//! What every call of the API needs.

use std::sync::Arc;

use edgelatch_registry::Registry;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::auth::authenticator::Authenticator;
use super::auth::throttle::{FailureRate, Throttle};
use super::counters::Counters;
use crate::error::Error;
use crate::files::stream::places::Places;
use crate::limits::{MAX_IMPORTS, MAX_WAITING_CALLS};
use crate::net::concurrency::ConcurrencyLimit;
use crate::tasks::background::Waker;
use crate::tasks::reports::Reports;
use crate::tasks::uses::Uses;

/// How to serve the management API.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// What it manages. There must be a management realm in it.
    pub registry: Arc<Registry>,
    /// Another address to listen on than that of the published files.
    pub addr: Option<std::net::SocketAddr>,
    /// Where the client's address comes from, in the core's words, such as `trust=10.0.0.0/8`; the connection if none.
    pub client_ip: Option<String>,
    /// How many failed authentications an address may have.
    pub failures: FailureRate,
}

/// What every call needs.
pub(crate) struct Api {
    pub(super) registry: Arc<Registry>,
    pub(super) authenticator: Authenticator,
    pub(super) throttle: Throttle,
    pub(super) uses: Uses,
    pub(super) reports: Reports,
    pub(super) counters: Counters,
    pub(super) imports: Arc<Semaphore>,
    /// Places for calls that wait for a change to arrive.
    pub(super) waits: Arc<Semaphore>,
    pub(super) concurrency: ConcurrencyLimit,
    /// The API's OpenAPI document, as JSON.
    pub(super) document: String,
    /// The streams of heads, for the metrics.
    pub(super) streams: Arc<Places>,
    /// Publishes what calls have changed.
    pub(super) publisher: Option<Waker>,
}

impl Api {
    /// All of it, and the task that writes down what management keys are used for, and what edges report of themselves.
    pub(crate) fn start(
        options: &ApiOptions,
        document: String,
        streams: Arc<Places>,
        publisher: Option<Waker>,
    ) -> Result<(Api, JoinHandle<()>), Error> {
        let authenticator = Authenticator::new(options.client_ip.as_deref()).map_err(|detail| Error::ClientIp { detail })?;
        let (uses, noting) = Uses::start(Arc::clone(&options.registry));
        let (reports, reporting) = Reports::start(Arc::clone(&options.registry));
        let writer = tokio::spawn(async {
            let _ = tokio::join!(noting, reporting);
        });
        let api = Api {
            registry: Arc::clone(&options.registry),
            authenticator,
            throttle: Throttle::new(options.failures),
            uses,
            reports,
            counters: Counters::default(),
            imports: Arc::new(Semaphore::new(MAX_IMPORTS)),
            waits: Arc::new(Semaphore::new(MAX_WAITING_CALLS)),
            concurrency: ConcurrencyLimit::default(),
            document,
            streams,
            publisher,
        };
        Ok((api, writer))
    }
}
