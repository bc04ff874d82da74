//! The publisher task: publishes whenever an epoch is due, on a thread of its own.
//!
//! Of several nodes that serve one realm, one publishes: the holder of a lease in the registry, until it stops or vanishes. The
//! lease keeps two nodes from each putting a new epoch above the other's without end. Safety does not rest on it: an epoch is
//! taken from the registry's ledger, which gives none twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use edgelatch_registry::{Lease, Slug, format_time};
use edgelatch_sync::{Error, FailedTarget, Published, Publisher, Stage, Target};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use super::background::Background;
use crate::log::PUBLISHER;

/// The longest pause after failures in a row.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The lease's name.
const LEASE: &str = "publisher";
/// Seconds that a lease lasts: after a node vanishes, another takes over when they are over.
pub(crate) const LEASE_SECONDS: u64 = 15;
/// A lease with less than this many seconds left is renewed before publishing, which takes time.
const RENEW_SECONDS: u64 = 10;
/// How often nodes that do not hold the lease ask for it, and how often it is looked whether targets still show what they were given.
const LOOK: Duration = Duration::from_secs(1);

/// What it takes to publish in the background.
#[derive(Debug)]
pub struct PublisherTask {
    /// Builds and signs.
    pub publisher: Publisher,
    /// Where to.
    pub targets: Vec<Box<dyn Target>>,
    /// How long to wait before looking again for changes that were not made over this server's API.
    pub interval: Duration,
    /// This node's name among those that publish the realm. It stays the same over a restart, or the node would wait for the
    /// lease that it held itself.
    pub node: Slug,
}

/// What is remembered between two looks.
#[derive(Default)]
struct State {
    lease: Option<Lease>,
    failures: u32,
    /// After a failure, nothing is done before this, whoever asks for it.
    retry_at: Option<Instant>,
    /// After a target failed, nothing is published for its sake alone before this.
    repair_at: Option<Instant>,
    /// When the lease was asked for last, and another node had it.
    asked_at: Option<Instant>,
    /// When targets were last looked at.
    looked_at: Option<Instant>,
}

impl State {
    /// Counts a failure; says how long to wait before the next attempt.
    fn pause(&mut self) -> Duration {
        let pause = Duration::from_secs(1 << self.failures.min(6)).min(MAX_PAUSE);
        self.failures += 1;
        pause
    }
}

impl PublisherTask {
    /// Begins to publish; `published` is notified as soon as an epoch is shown, before its bundle is written.
    pub(crate) fn start(self, published: Arc<Notify>) -> std::io::Result<Background> {
        let shown = move |stage| {
            if let Stage::Shown(_) = stage {
                published.notify_one();
            }
        };
        let task = PublisherTask { publisher: self.publisher.watched(shown), ..self };
        task.run()
    }

    fn run(self) -> std::io::Result<Background> {
        let release = (Arc::clone(self.publisher.registry()), self.publisher.realm().clone(), self.node.clone());
        let round = move |state: &mut State| {
            if let Some(rest) =
                state.retry_at.map(|at| at.saturating_duration_since(Instant::now())).filter(|rest| !rest.is_zero())
            {
                return rest;
            }
            self.look(state).unwrap_or_else(|error| {
                let retry = state.pause();
                state.retry_at = Some(Instant::now() + retry);
                let (realm, code, retry_seconds) = (self.publisher.realm(), error.code(), retry.as_secs());
                error!(target: PUBLISHER, %realm, code, %error, retry_seconds, "not published");
                retry
            })
        };
        Background::start("publisher", State::default(), round, move |state| {
            let (registry, realm, node) = release;
            // So that another node can go on at once. If this fails, the lease ends by itself.
            if let (Some(lease), Ok(name)) = (state.lease.filter(|lease| lease.holder == node), LEASE.parse::<Slug>()) {
                let _ = registry.ledger(&realm).release_lease(&name, &lease);
            }
        })
    }

    /// Publishes if this node holds the lease and an epoch is due; returns how long to wait.
    fn look(&self, state: &mut State) -> Result<Duration, Error> {
        if !self.holds(state)? {
            return Ok(LOOK);
        }
        let targets: Vec<&dyn Target> = self.targets.iter().map(AsRef::as_ref).collect();
        if state.repair_at.is_some_and(|at| Instant::now() < at) && self.publisher.due_by_registry()?.is_none() {
            return Ok(self.interval);
        }
        // Changes are asked for often, which costs two rows; targets are read and their heads proven.
        let looked = state.looked_at.is_some_and(|at| at.elapsed() < LOOK);
        if looked && self.publisher.due_by_registry()?.is_none() {
            return Ok(self.interval);
        }
        state.looked_at = Some(Instant::now());
        let Some(published) = self.publisher.publish_if_due(&targets)? else { return Ok(self.interval) };
        let realm = self.publisher.realm();
        let Published {
            epoch, reason, records, tree_bytes, not_after, diverged, ref unproven, ref unsigned, ref failed, ..
        } = published;
        info!(
            target: PUBLISHER, %realm, epoch, reason = reason.name(), records, tree_bytes, not_after = %format_time(not_after), "published"
        );
        for target in unproven {
            warn!(target: PUBLISHER, %realm, epoch, at = %target, "replaced a head that does not verify");
        }
        if diverged {
            error!(
                target: PUBLISHER, %realm, epoch, tree = %published.tree,
                "the tree kept up to date change by change was another than the one built anew, which was published: please report this"
            );
        }
        for error in unsigned {
            warn!(target: PUBLISHER, %realm, epoch, %error, "signed without one of the signers");
        }
        if failed.is_empty() {
            *state = State { lease: state.lease.take(), ..State::default() };
            return Ok(self.interval);
        }
        let retry = state.pause();
        state.repair_at = Some(Instant::now() + retry);
        for FailedTarget { target, code, message } in failed {
            let retry_seconds = retry.as_secs();
            error!(target: PUBLISHER, %realm, epoch, at = %target, code, error = %message, retry_seconds, "not published to one target");
        }
        Ok(self.interval)
    }

    /// Whether this node is the one that publishes.
    fn holds(&self, state: &mut State) -> Result<bool, Error> {
        let now = self.publisher.registry().env().now()?;
        let ours = |lease: &Lease| lease.holder == self.node;
        if state.lease.as_ref().is_some_and(|lease| ours(lease) && lease.expires_at >= now + RENEW_SECONDS) {
            return Ok(true);
        }
        // Asking takes the right to write, which a node that waits for its turn has no need of more often.
        if state.asked_at.is_some_and(|at| at.elapsed() < LOOK / 2) {
            return Ok(false);
        }
        let name: Slug = LEASE.parse()?;
        let lease = self.publisher.registry().ledger(self.publisher.realm()).acquire_lease(&name, &self.node, LEASE_SECONDS)?;
        state.asked_at = (!ours(&lease)).then(Instant::now);
        let known = state.lease.replace(lease.clone()).map(|lease| lease.holder);
        if !ours(&lease) && known.as_ref() != Some(&lease.holder) {
            info!(target: PUBLISHER, realm = %self.publisher.realm(), holder = %lease.holder, "another node publishes; waiting for a turn");
        }
        Ok(ours(&lease))
    }
}
