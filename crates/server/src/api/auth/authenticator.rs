//! Proving who calls: the core's own verification, over the management realm as the registry has it at this moment.

use std::sync::{Mutex, PoisonError};

use edgelatch_core::edge::{Edge, HostConfig, Outcome};
use edgelatch_core::http::BlockWriter;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Error, Registry, Slug, management};
use zeroize::Zeroizing;

use super::principal::Principal;
use crate::limits::MANAGEMENT_SNAPSHOT_SECONDS;

/// A request as the core reads it.
pub(crate) type Block = Zeroizing<Vec<u8>>;

/// What was decided about a request.
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// The key, once one was found, also when it was refused.
    pub(crate) key_id: Option<KeyId>,
    pub(crate) principal: Option<Principal>,
}

/// A snapshot of the management realm that never left the process.
struct Held {
    edge: Edge,
    changes: u64,
    made_at: u64,
    now: u64,
}

/// Who may call is decided here, and nowhere else.
pub(crate) struct Authenticator {
    config: HostConfig,
    held: Mutex<Option<Held>>,
}

impl Authenticator {
    /// One that takes the client's address from where `client_ip` says, in the core's words; none for the connection.
    pub(crate) fn new(client_ip: Option<&str>) -> Result<Authenticator, String> {
        let config = client_ip.map(|rule| format!("client_ip={rule}")).unwrap_or_default();
        Ok(Authenticator { config: HostConfig::parse(&config).map_err(|e| e.to_string())?, held: Mutex::default() })
    }

    /// A request as the core reads it: the lines that matter, as they were received.
    pub(crate) fn block(&self, peer: &str, parts: &axum::http::request::Parts) -> Block {
        let mut block = BlockWriter::new(Some(peer), parts.method.as_str(), &parts.uri.to_string());
        for (name, value) in &parts.headers {
            if self.config.interest().any(|header| header == name) {
                block.line(name.as_str(), value.as_bytes());
            }
        }
        block.finish()
    }

    /// The client's address: as the rule says or, where that leaves it open, none.
    pub(crate) fn address(&self, block: &Block) -> Option<Ip> {
        self.config.client(block)
    }

    /// Judges a request: whether its key has a permission and, where it is for some services only, one that `choose` takes
    /// from them.
    pub(crate) fn judge(
        &self,
        registry: &Registry,
        block: &Block,
        permission: &str,
        choose: &dyn Fn(&[String]) -> Option<String>,
    ) -> Result<Verdict, Error> {
        let realm: Slug = management::REALM.parse()?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = self.fresh(&mut held, registry, &realm)?.judge(block, permission, choose);
        if verdict.outcome.code != Code::BadRequirement {
            return Ok(verdict);
        }
        // The edge's table of requirements is full, after thousands of different ones: a new snapshot begins with an empty one.
        *held = None;
        Ok(self.fresh(&mut held, registry, &realm)?.judge(block, permission, choose))
    }

    /// The snapshot, made anew when the registry has another state or it is old.
    fn fresh<'h>(&self, held: &'h mut Option<Held>, registry: &Registry, realm: &Slug) -> Result<&'h mut Held, Error> {
        let (now, changes) = (registry.env().now()?, registry.ledger(realm).changes()?);
        let fits =
            |held: &Held| held.changes == changes && (held.made_at..held.made_at + MANAGEMENT_SNAPSHOT_SECONDS).contains(&now);
        let fresh = match held.take().filter(fits) {
            Some(fresh) => fresh,
            None => {
                let (changes, edge) = registry.ledger(realm).edge(self.config.clone())?;
                Held { edge, changes, made_at: now, now }
            }
        };
        Ok(held.insert(Held { now, ..fresh }))
    }
}

impl Held {
    fn judge(&mut self, block: &Block, permission: &str, choose: &dyn Fn(&[String]) -> Option<String>) -> Verdict {
        let requirement = self.edge.compile(None, Some(permission));
        let outcome = self.edge.verify_block(block, requirement, self.now);
        let principal = self.principal(&outcome);
        let key_id = principal.as_ref().map(|principal| principal.key_id);
        let Some(principal) = principal.filter(|_| outcome.code == Code::Valid) else {
            return Verdict { outcome, key_id, principal: None };
        };
        // Only services of the key's own scope are compiled into requirements. Paths can name anything, and would fill the table.
        let outcome = match principal.services.as_deref().map(choose) {
            None => outcome,
            Some(None) => Outcome { code: Code::ScopeDenied, ..outcome },
            Some(Some(service)) => {
                let requirement = self.edge.compile(Some(&service), Some(permission));
                self.edge.verify_block(block, requirement, self.now)
            }
        };
        let principal = (outcome.code == Code::Valid).then_some(principal);
        Verdict { outcome, key_id, principal }
    }

    fn principal(&self, outcome: &Outcome) -> Option<Principal> {
        let identity = self.edge.identity(self.edge.generation(), outcome.at?)?;
        let services = identity.services().map(|list| list.into_iter().map(Into::into).collect());
        Some(Principal { key_id: identity.key_id, services })
    }
}
