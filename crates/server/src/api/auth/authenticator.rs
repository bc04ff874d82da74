//! Proving who calls: the core's own verification, over the management realm as the registry has it at this moment.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use edgelatch_core::edge::{Edge, HostConfig, Outcome};
use edgelatch_core::http::BlockWriter;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Error, Registry, Slug, management};
use zeroize::Zeroizing;

use super::principal::Principal;
use crate::limits::MANAGEMENT_SNAPSHOT_SECONDS;
use crate::problem::Problem;

/// A request as the core reads it.
pub(crate) type Block = Zeroizing<Vec<u8>>;

/// What was decided about a request.
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// The key, once one was found, also when it was refused.
    pub(crate) key_id: Option<KeyId>,
    pub(crate) principal: Option<Principal>,
}

impl Verdict {
    /// Whoever was admitted; else the answer that an edge would give.
    pub(crate) fn admitted(self) -> Result<Principal, Problem> {
        let bare = self.outcome.flags & Outcome::BARE != 0;
        self.principal.ok_or_else(|| Problem::verdict(self.outcome.reply(), bare))
    }
}

/// A snapshot of the management realm that never left the process.
struct Held {
    edge: Edge,
    changes: u64,
    /// When the registry was last asked whether these are still all.
    looked_at: Instant,
    made_at: u64,
    now: u64,
}

/// Who may call is decided here, and nowhere else.
pub(crate) struct Authenticator {
    config: HostConfig,
    /// How long the registry's last answer is believed, without asking again whether something has changed.
    believed: Duration,
    held: Mutex<Option<Held>>,
}

impl Authenticator {
    /// One that takes the client's address from where `client_ip` says, in the core's words; none for the connection. Whatever has changed of the
    /// management realm is heeded after the time `believed` at the latest.
    pub(crate) fn new(client_ip: Option<&str>, believed: Duration) -> Result<Authenticator, String> {
        let config = client_ip.map(|rule| format!("client_ip={rule}")).unwrap_or_default();
        Ok(Authenticator { config: HostConfig::parse(&config).map_err(|e| e.to_string())?, believed, held: Mutex::default() })
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

    /// Judges a request: whether its key has a permission, if one is asked for, and, where it is for some services only, one that `choose` takes
    /// from them.
    pub(crate) fn judge(
        &self,
        registry: &Registry,
        block: &Block,
        permission: Option<&str>,
        choose: &dyn Fn(&[String]) -> Option<String>,
    ) -> Result<Verdict, Error> {
        let realm: Slug = management::REALM.parse()?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut verdict = self.fresh(&mut held, registry, &realm, self.believed)?.judge(block, permission, choose);
        // What accepts is believed for a moment. What refuses is not: the key may have been made just now, or been given a role.
        if verdict.principal.is_none() && !self.believed.is_zero() {
            verdict = self.fresh(&mut held, registry, &realm, Duration::ZERO)?.judge(block, permission, choose);
        }
        if verdict.outcome.code != Code::BadRequirement {
            return Ok(verdict);
        }
        // The edge's table of requirements is full, after thousands of different ones: a new snapshot begins with an empty one.
        *held = None;
        Ok(self.fresh(&mut held, registry, &realm, self.believed)?.judge(block, permission, choose))
    }

    /// The snapshot, made anew when the registry has another state or it is old; the registry is not asked again within `believed`.
    fn fresh<'h>(
        &self,
        held: &'h mut Option<Held>,
        registry: &Registry,
        realm: &Slug,
        believed: Duration,
    ) -> Result<&'h mut Held, Error> {
        let now = registry.env().now()?;
        let known = held.as_ref().map(|held| (held.looked_at, held.changes)).filter(|(at, _)| at.elapsed() < believed);
        let (looked_at, changes) = match known {
            Some(known) => known,
            None => (Instant::now(), registry.ledger(realm).changes()?),
        };
        let fits =
            |held: &Held| held.changes == changes && (held.made_at..held.made_at + MANAGEMENT_SNAPSHOT_SECONDS).contains(&now);
        let fresh = match held.take().filter(fits) {
            Some(fresh) => fresh,
            None => {
                let (changes, edge) = registry.ledger(realm).edge(self.config.clone())?;
                Held { edge, changes, looked_at, made_at: now, now }
            }
        };
        Ok(held.insert(Held { now, looked_at, ..fresh }))
    }
}

impl Held {
    fn judge(&mut self, block: &Block, permission: Option<&str>, choose: &dyn Fn(&[String]) -> Option<String>) -> Verdict {
        let requirement = self.edge.compile(None, permission);
        let mut outcome = self.edge.verify_block(block, requirement, self.now);
        let principal = self.principal(&outcome);
        let key_id = principal.as_ref().map(|principal| principal.key_id);
        // Without a service, that is the answer to every key that is for some of them only. Only services of the key's own scope are
        // compiled into requirements: paths can name anything, and would fill the table.
        let services = principal.as_ref().filter(|_| outcome.code == Code::ScopeDenied).and_then(|p| p.services.as_deref());
        if let Some(service) = services.and_then(choose) {
            let requirement = self.edge.compile(Some(&service), permission);
            outcome = self.edge.verify_block(block, requirement, self.now);
        }
        Verdict { principal: principal.filter(|_| outcome.code == Code::Valid), outcome, key_id }
    }

    fn principal(&self, outcome: &Outcome) -> Option<Principal> {
        let identity = self.edge.identity(self.edge.generation(), outcome.at?)?;
        let services = identity.services().map(|list| list.into_iter().map(Into::into).collect());
        Some(Principal { key_id: identity.key_id, services })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgelatch_registry::{Env, NewKey, Registry};
    use edgelatch_testkit::registry::{KeysExt, Place, caller};

    /// A request with this key.
    fn block(secret: &str) -> Block {
        let mut writer = BlockWriter::new(Some("127.0.0.1"), "GET", "/r/acme/head");
        writer.line("host", b"localhost");
        writer.line("authorization", format!("Bearer {secret}").as_bytes());
        writer.finish()
    }

    /// The database is asked once in that time, and without one for each request.
    #[test]
    fn what_the_registry_said_is_believed_for_as_long_as_it_may() {
        for (believed, after) in [(Duration::ZERO, Code::Revoked), (Duration::from_secs(3_600), Code::Valid)] {
            let place = Place::sqlite();
            let registry = Registry::establish(&place.database, Env::system()).unwrap();
            let made = management::establish(&registry, &caller(), &mut |_| Ok(())).unwrap().unwrap();
            let (realm, authenticator) = (management::REALM.parse().unwrap(), Authenticator::new(None, believed).unwrap());
            let keys = registry.keys(&realm);
            let judge = |secret: &str| authenticator.judge(&registry, &block(secret), None, &|_| None).unwrap().outcome.code;
            assert_eq!(judge(&made.secret), Code::Valid);
            keys.revoke(&caller(), made.key.key_id, None).unwrap();
            assert_eq!(judge(&made.secret), after);
            // A key that nobody knew a moment ago is asked for anew; what is learnt by that counts for others too.
            let mut new = NewKey::new(management::ORG.parse().unwrap(), "made just now".parse().unwrap());
            new.roles = vec!["edge".parse().unwrap()];
            assert_eq!(judge(&keys.make(&caller(), &new).unwrap().secret), Code::Valid);
            assert_eq!(judge(&made.secret), Code::Revoked);
        }
    }
}
