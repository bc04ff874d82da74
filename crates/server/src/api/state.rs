//! What every call of the API needs.

use std::sync::Arc;
use std::time::Duration;

use edgelatch_registry::Registry;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::auth::gate::Gate;
use super::auth::reporters::Reporters;
use super::auth::throttle::{FailureRate, Throttle};
use super::counters::Counters;
use super::takes::Takes;
use crate::error::Error;
use crate::files::stream::places::Places;
use crate::limits::{MAX_IMPORTS, MAX_WAITING_CALLS};
use crate::net::concurrency::ConcurrencyLimit;
use crate::tasks::background::Waker;
use crate::tasks::geoip::{Countries, GeoIp};
use crate::tasks::publishing::known::{Known, Unpublished};
use crate::tasks::reports::Reports;
use crate::tasks::uses::Uses;
use crate::tasks::watch::Watched;

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
    /// A file with the public keys by which GitHub signs reports of leaked secrets, as GitHub lists them; none to take no reports.
    pub github_keys: Option<std::path::PathBuf>,
    /// The database that tells the countries of addresses, where an edge does not.
    pub geoip: Option<GeoIp>,
}

/// What every call needs.
pub(crate) struct Api {
    pub(super) registry: Arc<Registry>,
    pub(super) gate: Arc<Gate>,
    /// Texts that were tried and are no key's secret.
    pub(super) lookups: Throttle,
    /// By what reports of leaked secrets are proven; none are taken without.
    pub(super) reporters: Option<Reporters>,
    pub(super) uses: Uses,
    pub(super) reports: Reports,
    pub(super) counters: Counters,
    pub(super) imports: Arc<Semaphore>,
    /// Places for calls that wait for a change to arrive.
    pub(super) waits: Arc<Semaphore>,
    pub(super) concurrency: ConcurrencyLimit,
    countries: Option<Countries>,
    /// The API's OpenAPI document, as JSON.
    pub(super) document: String,
    /// What operations take.
    pub(super) takes: Takes,
    /// The streams of heads, for the metrics.
    pub(super) streams: Arc<Places>,
    /// What is wrong and what was seen, and where realms are published.
    pub(super) watched: Watched,
    /// Publishes what calls have changed.
    pub(super) publisher: Option<Waker>,
    /// Realms that nobody publishes.
    pub(super) unpublished: Arc<Unpublished>,
    /// Told when the server ends.
    pub(super) stop: watch::Receiver<bool>,
}

impl Api {
    /// All of it, and the task that writes down what management keys are used for, and what edges report of themselves.
    pub(crate) fn start(
        options: &ApiOptions,
        document: String,
        streams: Arc<Places>,
        watched: Watched,
        publisher: Option<Waker>,
        known: &Known,
        stop: watch::Receiver<bool>,
    ) -> Result<(Api, JoinHandle<()>), Error> {
        // A revoked administrator is out with the next call.
        let gate = Gate::new(&options.registry, options.client_ip.as_deref(), options.failures, Duration::ZERO)?;
        let opened = options
            .geoip
            .as_ref()
            .map(|geoip| Countries::open(geoip).map_err(|detail| Error::GeoIp { path: geoip.path.clone(), detail }));
        let countries = opened.transpose()?;
        let (uses, noting) = Uses::start(Arc::clone(&options.registry));
        let (reports, reporting) = Reports::start(Arc::clone(&options.registry));
        let writer = tokio::spawn(async {
            let _ = tokio::join!(noting, reporting);
        });
        let api = Api {
            registry: Arc::clone(&options.registry),
            gate: Arc::new(gate),
            lookups: Throttle::new(options.failures),
            reporters: options
                .github_keys
                .clone()
                .map(Reporters::open)
                .transpose()
                .map_err(|detail| Error::GithubKeys { detail })?,
            uses,
            reports,
            counters: Counters::default(),
            imports: Arc::new(Semaphore::new(MAX_IMPORTS)),
            waits: Arc::new(Semaphore::new(MAX_WAITING_CALLS)),
            concurrency: ConcurrencyLimit::default(),
            countries,
            takes: Takes::new(&document)?,
            document,
            streams,
            watched,
            publisher,
            unpublished: Arc::clone(&known.unpublished),
            stop,
        };
        Ok((api, writer))
    }

    /// The country of an address, where a database is there that knows it.
    pub(crate) fn country(&self, ip: Option<&str>) -> Option<String> {
        self.countries.as_ref()?.of(ip?)
    }

    /// What it manages.
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// What publishes what was changed.
    pub(crate) fn publisher(&self) -> Option<&Waker> {
        self.publisher.as_ref()
    }

    /// Turns true when the server ends.
    pub(crate) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }
}
