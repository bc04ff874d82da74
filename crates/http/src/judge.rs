//! From a request to the text that the core parses, the request block (SPEC section 9), and from its outcome to what a verdict is made of.

use std::net::IpAddr;
use std::sync::Arc;

use edgelatch_core::edge::{Edge, Location, Outcome, RequirementId};
use edgelatch_core::http::{Block, BlockWriter, normalize_path};
use edgelatch_core::ip::Ip;
use edgelatch_core::verdict::Code;
use http::{HeaderName, HeaderValue};

use crate::requirement::{Choose, RequestInfo, Required};
use crate::verdict::{Identity, Judged, Manner, Scope, moment};

/// Objects that one answer of a lazy edge can lack: a shard, and of the directory a chunk with the policy, the scope, the role set and each of 32 roles.
pub const MAX_NEEDED: usize = 4 + 32;

/// What stands in front of a request's header lines.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// The address of the connection's other end; `None` if it is not known, which every IP policy refuses.
    pub peer: Option<IpAddr>,
    /// As received.
    pub method: &'a str,
    /// As received.
    pub target: &'a str,
    /// HTTP/2's `:authority`.
    pub authority: Option<&'a str>,
}

/// What it takes to read requests for one edge, and to tell what it says: it follows from the edge's configuration and realm.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The headers that the core wants every line of.
    names: Vec<HeaderName>,
    manner: Arc<Manner>,
}

impl Judge {
    /// For this edge, and for every other with its configuration and realm.
    pub fn new(edge: &Edge) -> Self {
        let config = edge.config();
        let names = config.interest().filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok()).collect();
        let own = config.location().map(|location| location.header());
        let own = own.filter(|name| !["authorization", "x-api-key"].contains(name));
        let manner = Arc::new(Manner {
            challenge: format!("{} realm=\"{}\"", config.challenge(), edge.realm()),
            vary: ["Authorization", "X-API-Key"].into_iter().chain(own).collect::<Vec<_>>().join(", "),
        });
        Judge { names, manner }
    }

    /// The block of a request: every line of the headers of these names, as it was received. `lines` hands over the values of those of a name, in their order.
    pub fn block(&self, line: RequestLine<'_>, lines: impl Fn(&HeaderName, &mut dyn FnMut(&HeaderValue))) -> BlockWriter {
        let peer = line.peer.map(|peer| peer.to_string());
        let mut block = BlockWriter::new(peer.as_deref(), line.method, line.target);
        if let Some(authority) = line.authority {
            block.line(":authority", authority.as_bytes());
        }
        for name in &self.names {
            lines(name, &mut |value| block.line(name.as_str(), value.as_bytes()));
        }
        block
    }

    /// The number of what is required of a request with this method and block. `chosen` gives that of what a function chooses, which is not asked about a path
    /// without a normal form.
    pub fn required<R>(
        required: &Required<R>,
        method: &str,
        block: &[u8],
        chosen: impl FnOnce(&Choose<R>, RequestInfo<'_>) -> RequirementId,
    ) -> RequirementId {
        match required {
            Required::Known(id) => *id,
            Required::Chosen(choose) => match Block::parse(block).ok().and_then(|block| normalize_path(block.path())) {
                Some(path) => chosen(choose, RequestInfo { method, path: &path }),
                None => RequirementId::NO_PATH,
            },
        }
    }

    /// The outcome with what its tree says of the key, which another tree may not know any more. `client` is the client's address, `head` says whether the
    /// request was HEAD.
    pub fn judged(&self, edge: &Edge, outcome: Outcome, client: Option<Ip>, head: bool, now: u64) -> Judged {
        let who = outcome.at.and_then(|at| who(edge, at));
        // An acceptance whose identity cannot be read is none.
        let code = if outcome.code == Code::Valid && who.is_none() { Code::Internal } else { outcome.code };
        let serving = edge.head();
        let returning = outcome.flags & Outcome::RETURNING != 0;
        Judged {
            code,
            flags: outcome.flags,
            epoch: serving.map_or(0, |head| head.epoch),
            age: serving.map(|head| now.saturating_sub(head.issued_at)),
            at: now,
            needs: outcome.needs.map(|place| (place, returning)),
            who,
            client,
            head,
            manner: Arc::clone(&self.manner),
        }
    }

    /// What stands where nothing can be judged: `internal`.
    pub fn broken(&self, head: bool, now: u64) -> Judged {
        let (code, manner) = (Code::Internal, Arc::clone(&self.manner));
        Judged { code, flags: 0, epoch: 0, age: None, at: now, needs: None, who: None, client: None, head, manner }
    }
}

fn who(edge: &Edge, at: Location) -> Option<Identity> {
    let found = edge.identity(edge.generation(), at)?;
    let (labels, text) = (found.labels, |text: &str| (!text.is_empty()).then(|| text.to_owned()));
    let owned = |services: Vec<&str>| Scope::Services(services.into_iter().map(str::to_owned).collect());
    Some(Identity {
        key_id: found.key_id,
        org: labels.org.into(),
        owner: labels.owner.into(),
        name: labels.name.into(),
        expires_at: moment(found.validity.expires_at),
        roles: found.roles().map(str::to_owned).collect(),
        scope: found.services().map_or(Scope::All, owned),
        metadata: text(labels.metadata),
    })
}
