//! What a verification comes to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use edgelatch_core::edge::Outcome;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_core::tree::Place;
use edgelatch_core::verdict::{Code, Reply};
use http::{HeaderValue, Response};

use crate::reply;

/// The outcome of one verification. To copy it costs nothing.
///
/// It is accepted exactly where there is an [`identity`](Verdict::identity).
#[derive(Clone)]
pub struct Verdict(Arc<Judged>);

/// Who a key that was accepted belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The key's public id.
    pub key_id: KeyId,
    /// The organisation that owns the key.
    pub org: String,
    /// The user or service account that the key belongs to.
    pub owner: String,
    /// The key's name, which may be empty.
    pub name: String,
    /// When the key expires; `None` for never.
    pub expires_at: Option<SystemTime>,
    /// Names of the key's roles.
    pub roles: Vec<String>,
    /// The services that the key may be used for.
    pub scope: Scope,
    /// What the control plane stores with the key, JSON text; `None` for nothing. Nothing checks it.
    pub metadata: Option<String>,
}

/// The services that a key may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All, present and future.
    All,
    /// These.
    Services(Vec<String>),
}

/// What verdicts of one verifier have in common.
#[derive(Debug)]
pub(crate) struct Manner {
    /// Scheme and realm of a challenge.
    pub(crate) challenge: String,
    /// The request headers that a response may depend on, as `Vary` lists them.
    pub(crate) vary: String,
}

/// What was judged, and is not given out yet: a lazy edge may need an object first. It becomes a [`Verdict`].
pub struct Judged {
    pub(crate) code: Code,
    /// Those of [`Outcome`].
    pub(crate) flags: u8,
    /// Of the snapshot that was asked, 0 for none.
    pub(crate) epoch: u64,
    /// Seconds since its head was issued.
    pub(crate) age: Option<u64>,
    /// When it was judged, Unix seconds.
    pub(crate) at: u64,
    /// Of a lazy edge: the object without which nothing can be decided, and whether the key was found before.
    pub(crate) needs: Option<(Place, bool)>,
    /// Also of a refused key, as long as it exists. There for an accepted one.
    pub(crate) who: Option<Identity>,
    pub(crate) client: Option<Ip>,
    /// Whether it answers HEAD.
    pub(crate) head: bool,
    pub(crate) manner: Arc<Manner>,
}

impl Judged {
    /// What was decided; `shard_needed` where an object is missing.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Of a lazy edge: the object without which nothing can be decided, and whether the key was found before. With it, judge again.
    pub fn needs(&self) -> Option<(Place, bool)> {
        self.needs
    }

    /// What it comes to where that object cannot be had: `shard_unavailable`.
    #[must_use]
    pub fn unavailable(self) -> Judged {
        Judged { code: Code::ShardUnavailable, flags: 0, needs: None, ..self }
    }
}

impl From<Judged> for Verdict {
    fn from(judged: Judged) -> Self {
        Verdict(Arc::new(judged))
    }
}

impl Verdict {
    /// Whether the key is accepted.
    pub fn ok(&self) -> bool {
        self.identity().is_some()
    }

    /// What was decided, for logs and metrics; its `name()` is such as `revoked`. Do not tell the caller more than [`Verdict::reply`] does.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Who was accepted.
    pub fn identity(&self) -> Option<&Identity> {
        self.0.who.as_ref().filter(|_| self.0.code == Code::Valid)
    }

    /// The key's public id, as long as the key exists: also where it is refused, for logs.
    pub fn key_id(&self) -> Option<KeyId> {
        self.0.who.as_ref().map(|who| who.key_id)
    }

    /// The organisation that owns it, likewise.
    pub fn org(&self) -> Option<&str> {
        self.0.who.as_ref().map(|who| who.org.as_str())
    }

    /// Whether this is a CORS preflight that may pass without a key.
    pub fn preflight(&self) -> bool {
        self.0.flags & Outcome::PREFLIGHT != 0
    }

    /// Whether the snapshot is past its end and serves by the host's grace.
    pub fn stale(&self) -> bool {
        self.0.flags & Outcome::STALE != 0
    }

    /// Epoch of the snapshot that was asked, 0 for none.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Time since the head of that snapshot was issued; `None` without one.
    pub fn age(&self) -> Option<Duration> {
        self.0.age.map(Duration::from_secs)
    }

    /// Address of the client, as the rule `client_ip` derives it; `None` if it is not known.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.client.map(address)
    }

    /// What a refusal is answered with; `None` for an accepted key.
    pub fn reply(&self) -> Option<Response<Bytes>> {
        let table = self.table()?;
        Some(reply::response(table, &self.0.manner.challenge, self.0.flags & Outcome::BARE != 0, self.0.head))
    }

    /// The row of the core's table behind that answer, for hosts with answers of another kind.
    pub fn table(&self) -> Option<&'static Reply> {
        if self.ok() {
            return None;
        }
        let reply = if self.0.flags & Outcome::MASKED != 0 { &Reply::INVALID_TOKEN } else { self.0.code.reply() };
        // An acceptance whose identity cannot be read is none.
        Some(if reply.status == 0 { Code::Internal.reply() } else { reply })
    }

    /// When it was judged, Unix seconds by the clock that it was judged by.
    pub fn at(&self) -> u64 {
        self.0.at
    }

    /// Whether it answers HEAD.
    pub(crate) fn to_head(&self) -> bool {
        self.0.head
    }

    /// The request headers that a response may depend on, as `Vary` lists them: see [`caching`](crate::caching).
    pub fn vary(&self) -> &str {
        &self.0.manner.vary
    }
}

/// What may be logged: no secret, and nothing of the request.
impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Verdict");
        shown.field("ok", &self.ok()).field("code", &self.code().name()).field("key_id", &self.key_id());
        shown.field("org", &self.org()).field("epoch", &self.epoch()).field("stale", &self.stale()).finish()
    }
}

pub(crate) fn moment(seconds: u64) -> Option<SystemTime> {
    (seconds > 0).then(|| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))?
}

fn address(ip: Ip) -> IpAddr {
    match ip {
        Ip::V4(bits) => Ipv4Addr::from_bits(bits).into(),
        Ip::V6(bits) => Ipv6Addr::from_bits(bits).into(),
    }
}

/// A text as the value of a header. It was made by us, or has been checked to be one.
pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
