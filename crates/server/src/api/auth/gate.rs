//! The gate in front of whatever takes a management key, calls of the API and published files alike: each request is judged, and an address
//! that fails too often is slowed down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Extensions;
use axum::http::request::Parts;
use edgelatch_core::ip::Ip;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Error, Registry};
use tokio::time::sleep;

use super::authenticator::{Authenticator, Block, Verdict};
use super::throttle::{FailureRate, Throttle};
use crate::api::blocking::blocking;
use crate::net::accept::Peer;
use crate::net::seats::Seat;
use crate::problem::Problem;

/// Who may pass, and how often an address may fail.
pub(crate) struct Gate {
    registry: Arc<Registry>,
    authenticator: Authenticator,
    throttle: Throttle,
}

/// A request that was judged.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    /// The client's address, where the rule for it does not leave it open.
    pub(crate) address: Option<Ip>,
    pub(crate) block: Block,
}

impl Gate {
    /// `client_ip` and `believed` as [`Authenticator::new`] takes them.
    pub(crate) fn new(
        registry: &Arc<Registry>,
        client_ip: Option<&str>,
        failures: FailureRate,
        believed: Duration,
    ) -> Result<Gate, crate::error::Error> {
        let authenticator =
            Authenticator::new(client_ip, believed).map_err(|detail| crate::error::Error::ClientIp { detail })?;
        Ok(Gate { registry: Arc::clone(registry), authenticator, throttle: Throttle::new(failures) })
    }

    /// A request as the core reads it.
    pub(crate) fn block(&self, parts: &Parts) -> Block {
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.to_string()).unwrap_or_default();
        self.authenticator.block(&peer, parts)
    }

    /// The client's address, as the rule derives it, and the one whose failures are counted. Where the rule leaves the address open, that
    /// is the connection's: otherwise any header that the rule cannot read would give its sender a new allowance of failures.
    pub(crate) fn addresses(&self, block: &Block, extensions: &Extensions) -> (Option<Ip>, Option<Ip>) {
        let address = self.authenticator.address(block);
        (address, address.or_else(|| extensions.get::<Peer>().map(Peer::ip)))
    }

    /// Judges a request, in its turn where its address has failed too often. A failure is counted, and one too many is an error.
    pub(crate) async fn judge(
        self: &Arc<Self>,
        block: Block,
        extensions: &Extensions,
        permission: Option<String>,
        choose: impl Fn(&[String]) -> Option<String> + Send + 'static,
    ) -> Result<Judged, Problem> {
        let (address, client) = self.addresses(&block, extensions);
        let seat = extensions.get::<Seat>();
        // Judged in any case: whoever holds a good key is not kept out by others behind the same address.
        let turn = match self.throttle.line(client, Instant::now()) {
            Some(line) => Some(resting(seat, line.turn()).await),
            None => None,
        };
        let gate = Arc::clone(self);
        let (block, turn, verdict) = blocking(move || {
            let verdict = gate.look(&block, permission.as_deref(), &choose);
            (block, turn, verdict)
        })
        .await?;
        let verdict = verdict?;
        if counts_as_failure(verdict.outcome.code) {
            drop(turn);
            self.count_failure(client, seat, "failed authentications").await?;
        } else if let Some(turn) = turn {
            turn.passed();
        }
        Ok(Judged { verdict, address, block })
    }

    /// Judges a request that was judged before, and counts nothing. Asks the registry.
    pub(crate) fn look(
        &self,
        block: &Block,
        permission: Option<&str>,
        choose: &dyn Fn(&[String]) -> Option<String>,
    ) -> Result<Verdict, Error> {
        self.authenticator.judge(&self.registry, block, permission, choose)
    }

    /// Counts a failure of an address among those with wrong keys.
    pub(crate) async fn count_failure(&self, client: Option<Ip>, seat: Option<&Seat>, failures: &str) -> Result<(), Problem> {
        count_failure(&self.throttle, client, seat, failures).await
    }
}

/// Waits, and lets the connection make room meanwhile if somebody else behind its address needs it.
pub(crate) async fn resting<T>(seat: Option<&Seat>, wait: impl Future<Output = T>) -> T {
    seat.into_iter().for_each(Seat::rest);
    let waited = wait.await;
    seat.into_iter().for_each(Seat::resume);
    waited
}

/// Counts a failure of an address. One beyond its limit is answered late, and that it is one too many: who fails too often is not told how.
pub(crate) async fn count_failure(
    throttle: &Throttle,
    client: Option<Ip>,
    seat: Option<&Seat>,
    failures: &str,
) -> Result<(), Problem> {
    let now = Instant::now();
    if let Some(wait) = throttle.wait(client, now) {
        resting(seat, sleep(throttle.pause)).await;
        return Err(Problem::throttled(failures, wait.as_secs() + 1));
    }
    throttle.failed(client, now);
    Ok(())
}

/// Whether somebody tried a key that is not theirs. A call without any key is no attempt.
fn counts_as_failure(code: Code) -> bool {
    let status = code.reply().status;
    code == Code::InvalidRequest || code == Code::IpDenied || (status == 401 && code != Code::Missing)
}
