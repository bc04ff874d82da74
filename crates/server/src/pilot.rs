//! Publishes whenever an epoch is due, on a thread of its own.
//!
//! Of several nodes that serve one realm, one publishes: the holder of a lease in the registry, until it stops or vanishes. The
//! lease saves work and keeps nodes from outdoing each other; what keeps a realm right is the ledger, from which no epoch is
//! taken twice.

use std::sync::Arc;
use std::time::{Duration, Instant};

use edgelatch_registry::{Lease, Slug, format_time};
use edgelatch_sync::{Directory, Error, FailedTarget, Published, Publisher, Reason, Target};
use tracing::{error, info, warn};

use crate::log::PUBLISHER;
use crate::tasks::Background;

/// The longest pause after failures in a row.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The lease's name.
const LEASE: &str = "publisher";
/// Seconds of the lease: so long does it take until another node notices that one has vanished.
pub(crate) const LEASE_SECONDS: u64 = 15;
/// Seconds that must be left of it.
const RENEW_SECONDS: u64 = 10;
/// How often those who wait for the lease look.
const LOOK: Duration = Duration::from_secs(1);

/// What it takes to publish in the background.
#[derive(Debug)]
pub struct Pilot {
    /// Builds and signs.
    pub publisher: Publisher,
    /// Where to.
    pub targets: Vec<Directory>,
    /// How long to wait between looking for changes.
    pub interval: Duration,
    /// This node, among those that publish the realm. The same after a restart, so that it need not wait for itself.
    pub node: Slug,
}

/// What a pilot remembers between two looks.
#[derive(Default)]
struct State {
    lease: Option<Lease>,
    failures: u32,
    /// A target that failed is not tried before this.
    repair_at: Option<Instant>,
}

impl State {
    /// How long to wait after another failure.
    fn pause(&mut self) -> Duration {
        let pause = Duration::from_secs(1 << self.failures.min(6)).min(MAX_PAUSE);
        self.failures += 1;
        pause
    }
}

impl Pilot {
    pub(crate) fn start(mut self) -> std::io::Result<Background> {
        let release = (Arc::clone(self.publisher.registry()), self.publisher.realm().clone(), self.node.clone());
        let round = move |state: &mut State| {
            self.look(state).unwrap_or_else(|error| {
                let retry = state.pause();
                let (realm, code, retry_seconds) = (self.publisher.realm(), error.code(), retry.as_secs());
                error!(target: PUBLISHER, %realm, code, %error, retry_seconds, "not published");
                retry
            })
        };
        Background::start("publisher", State::default(), round, move |state| {
            let (registry, realm, node) = release;
            // Another node can go on at once; otherwise the lease ends by itself.
            if let (Some(lease), Ok(name)) = (state.lease.filter(|lease| lease.holder == node), LEASE.parse::<Slug>()) {
                let _ = registry.ledger(&realm).release_lease(&name, &lease);
            }
        })
    }

    /// Publishes if it is our turn and an epoch is due; returns how long to wait.
    fn look(&mut self, state: &mut State) -> Result<Duration, Error> {
        if !self.holds(state)? {
            return Ok(LOOK);
        }
        let mut targets: Vec<&mut dyn Target> = self.targets.iter_mut().map(|target| target as &mut dyn Target).collect();
        if state.repair_at.is_some_and(|at| Instant::now() < at)
            && matches!(self.publisher.due(&targets)?, None | Some(Reason::Repair))
        {
            return Ok(self.interval);
        }
        let Some(published) = self.publisher.publish_if_due(&mut targets)? else { return Ok(self.interval) };
        let realm = self.publisher.realm();
        let Published { epoch, reason, records, tree_bytes, not_after, ref unproven, ref failed, .. } = published;
        info!(
            target: PUBLISHER, %realm, epoch, reason = reason.name(), records, tree_bytes, not_after = %format_time(not_after), "published"
        );
        for target in unproven {
            warn!(target: PUBLISHER, %realm, epoch, at = %target, "replaced a head that does not verify");
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
        let name: Slug = LEASE.parse()?;
        let lease = self.publisher.registry().ledger(self.publisher.realm()).acquire_lease(&name, &self.node, LEASE_SECONDS)?;
        let known = state.lease.replace(lease.clone()).map(|lease| lease.holder);
        if !ours(&lease) && known.as_ref() != Some(&lease.holder) {
            info!(target: PUBLISHER, realm = %self.publisher.realm(), holder = %lease.holder, "another node publishes; waiting for a turn");
        }
        Ok(ours(&lease))
    }
}
