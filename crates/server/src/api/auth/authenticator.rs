//! Proving who calls: the core's own verification, over the management realm as the registry has it at this moment.

use std::sync::{Mutex, MutexGuard, PoisonError};
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
}

impl Held {
    fn lives_at(&self, now: u64) -> bool {
        (self.made_at..self.made_at + MANAGEMENT_SNAPSHOT_SECONDS).contains(&now)
    }
}

/// Who may call is decided here, and nowhere else.
pub(crate) struct Authenticator {
    config: HostConfig,
    /// How long the registry's last answer is believed, without asking again whether something has changed.
    believed: Duration,
    held: Mutex<Option<Held>>,
    /// Held by whoever asks the registry.
    asking: Mutex<()>,
}

/// Since when the snapshot must be known to be the newest.
#[derive(Clone, Copy)]
enum Since {
    At(Instant),
    /// It must be another one.
    Anew,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Authenticator {
    /// One that takes the client's address from where `client_ip` says, in the core's words; none for the connection. Whatever has changed of the
    /// management realm is heeded after the time `believed` at the latest.
    pub(crate) fn new(client_ip: Option<&str>, believed: Duration) -> Result<Authenticator, String> {
        let config = client_ip.map(|rule| format!("client_ip={rule}")).unwrap_or_default();
        let config = HostConfig::parse(&config).map_err(|e| e.to_string())?;
        Ok(Authenticator { config, believed, held: Mutex::default(), asking: Mutex::default() })
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
        let begun = Instant::now();
        let judge = |since| self.judge_by(registry, since, &|held, now| held.judge(now, block, permission, choose));
        let mut verdict = judge(Since::At(begun.checked_sub(self.believed).unwrap_or(begun)))?;
        // What accepts is believed for a moment. What refuses a key is not: it may have been made just now, or been given a role.
        if verdict.principal.is_none() && !self.believed.is_zero() && names_a_key(verdict.outcome.code) {
            verdict = judge(Since::At(begun))?;
        }
        if verdict.outcome.code != Code::BadRequirement {
            return Ok(verdict);
        }
        // The edge's table of requirements is full, after thousands of different ones: a new snapshot begins with an empty one.
        judge(Since::Anew)
    }

    /// Judges by a snapshot that is known to be the newest, or to have been it at that time. Who need not ask the registry for that waits for nobody who
    /// does; and of those who must, one asks for all who came before.
    fn judge_by(&self, registry: &Registry, since: Since, judge: &dyn Fn(&mut Held, u64) -> Verdict) -> Result<Verdict, Error> {
        let now = registry.env().now()?;
        let by_held = || {
            let mut held = lock(&self.held);
            let known = |held: &&mut Held| matches!(since, Since::At(since) if held.looked_at >= since) && held.lives_at(now);
            held.as_mut().filter(known).map(|held| judge(held, now))
        };
        if let Some(verdict) = by_held() {
            return Ok(verdict);
        }
        let _asking = lock(&self.asking);
        if let Some(verdict) = by_held() {
            return Ok(verdict);
        }
        let realm: Slug = management::REALM.parse()?;
        let (looked_at, ledger) = (Instant::now(), registry.ledger(&realm));
        let changes = ledger.changes()?;
        let same = |held: &Held| matches!(since, Since::At(_)) && held.changes == changes && held.lives_at(now);
        let before = lock(&self.held).as_ref().is_some_and(same);
        let made = if before { None } else { Some(ledger.edge(self.config.clone())?) };
        let mut held = lock(&self.held);
        let held = match (made, &mut *held) {
            (None, Some(held)) => held,
            (Some((changes, edge)), held) => held.insert(Held { edge, changes, looked_at, made_at: now }),
            // Only who asks puts another one there, and nobody takes it away.
            (None, None) => return Err(Error::Store { detail: "the snapshot of the management realm vanished".into() }),
        };
        held.looked_at = looked_at;
        Ok(judge(held, now))
    }
}

/// Whether a refusal is about a key, rather than about a request that holds none: what the registry says of keys makes no difference to that.
fn names_a_key(code: Code) -> bool {
    !matches!(code, Code::Missing | Code::InvalidRequest | Code::Malformed)
}

impl Held {
    fn judge(
        &mut self,
        now: u64,
        block: &Block,
        permission: Option<&str>,
        choose: &dyn Fn(&[String]) -> Option<String>,
    ) -> Verdict {
        let requirement = self.edge.compile(None, permission);
        let mut outcome = self.edge.verify_block(block, requirement, now);
        let principal = self.principal(&outcome);
        let key_id = principal.as_ref().map(|principal| principal.key_id);
        // Without a service, that is the answer to every key that is for some of them only. Only services of the key's own scope are
        // compiled into requirements: paths can name anything, and would fill the table.
        let services = principal.as_ref().filter(|_| outcome.code == Code::ScopeDenied).and_then(|p| p.services.as_deref());
        if let Some(service) = services.and_then(choose) {
            let requirement = self.edge.compile(Some(&service), permission);
            outcome = self.edge.verify_block(block, requirement, now);
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
    use edgelatch_registry::{Database, Env, NewKey, Registry};
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

    /// A registry on that database with an administrator's key, and who was asked about it and believes the answer for an hour.
    fn asked(database: &Database) -> (Registry, String, Authenticator) {
        let registry = Registry::establish(database, Env::system()).unwrap();
        let secret = management::establish(&registry, &caller(), &mut |_| Ok(())).unwrap().unwrap().secret.to_string();
        let authenticator = Authenticator::new(None, Duration::from_secs(3_600)).unwrap();
        assert_eq!(code(&registry, &authenticator, &block(&secret)), Ok(Code::Valid));
        (registry, secret, authenticator)
    }

    fn code(registry: &Registry, authenticator: &Authenticator, block: &Block) -> Result<Code, &'static str> {
        let judged = authenticator.judge(registry, block, None, &|_| None);
        judged.map(|verdict| verdict.outcome.code).map_err(|error| error.code())
    }

    /// Else whoever asks for something without any key asks the database with each request, as often as they like.
    #[test]
    fn the_database_is_not_asked_about_a_request_without_a_key() {
        let place = Place::sqlite();
        let (registry, secret, authenticator) = asked(&place.database);
        let file = rusqlite::Connection::open(place.database.path().unwrap()).unwrap();
        file.execute_batch("ALTER TABLE realms RENAME TO gone").unwrap();
        let none = BlockWriter::new(Some("127.0.0.1"), "GET", "/r/acme/head").finish();
        let mut two = BlockWriter::new(Some("127.0.0.1"), "GET", "/r/acme/head");
        [b"Bearer one", b"Bearer two"].iter().for_each(|line| two.line("authorization", *line));
        let unknown = edgelatch_testkit::snapshot::key_text("stranger").unwrap();
        for (block, expected) in [
            (none, Ok(Code::Missing)),
            (two.finish(), Ok(Code::InvalidRequest)),
            (block("nokey"), Ok(Code::Malformed)),
            (block(&secret), Ok(Code::Valid)),
            // May have been made just now.
            (block(&unknown), Err("store_failed")),
        ] {
            assert_eq!(code(&registry, &authenticator, &block), expected);
        }
    }

    #[test]
    fn who_is_believed_waits_for_nobody_who_must_ask_a_database_that_does_not_answer() {
        let Some(place) = Place::postgres() else { return };
        let (registry, secret, authenticator) = asked(&place.database);
        let (schema, server) = (place.schema.clone().unwrap(), edgelatch_testkit::postgres::server().unwrap());
        let (mut admin, mut watch) = (server.admin(), server.admin());
        admin.batch_execute(&format!("BEGIN; LOCK TABLE {schema}.realms IN ACCESS EXCLUSIVE MODE")).unwrap();
        let unknown = block(&edgelatch_testkit::snapshot::key_text("stranger").unwrap());
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let strangers: Vec<_> = (0..4).map(|_| scope.spawn(|| code(&registry, &authenticator, &unknown))).collect();
            let waits = format!("SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '{schema}.realms'::regclass");
            while watch.query(&*waits, &[]).unwrap().is_empty() {
                std::thread::sleep(Duration::from_millis(10));
            }
            scope.spawn(|| tell.send(code(&registry, &authenticator, &block(&secret))));
            let said = told.recv_timeout(Duration::from_secs(20));
            // One asks for all of them.
            let asking = watch.query(&*waits, &[]).unwrap().len();
            admin.batch_execute("ROLLBACK").unwrap();
            assert_eq!((said, asking), (Ok(Ok(Code::Valid)), 1));
            strangers.into_iter().for_each(|stranger| assert_eq!(stranger.join().unwrap(), Ok(Code::Unknown)));
        });
    }
}
