//! What instances make of a POP's cache and of a source, both of which may be wrong: the platform stands in memory here.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use edgelatch_core::bundle::parts;
use edgelatch_core::edge::RequirementId;
use edgelatch_core::tree::ObjectId;
use edgelatch_core::verdict::Code;
use edgelatch_fastly::load::{Ground, Loaded, Terms, answer, load};
use edgelatch_http::Error;
use edgelatch_testkit::DAY;
use edgelatch_testkit::core::build::{HeadFields, KeyRecord, RootFields, Tree, encode_bundle, sign_head, sign_root};
use edgelatch_testkit::realm::{T0, head_fields, record, role, root, root_fields, signers, text, tree};

const TTL: u64 = 10;
const STATE: &str = "state";

/// A POP and a source.
#[derive(Default)]
struct Memory {
    files: RefCell<BTreeMap<String, Vec<u8>>>,
    away: Cell<bool>,
    /// Everything that the cache holds, the state under its own name.
    cache: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Until when the state is good, on this POP's clock.
    fresh_until: Cell<u64>,
    /// Whether another instance has taken it upon itself to look.
    another_looks: Cell<bool>,
    now: Cell<u64>,
    asked: RefCell<Vec<String>>,
    told: RefCell<Vec<&'static str>>,
}

impl Memory {
    fn start() -> Self {
        Memory { now: Cell::new(T0), ..Memory::default() }
    }

    fn put(&self, path: &str, bytes: Vec<u8>) {
        self.files.borrow_mut().insert(path.into(), bytes);
    }

    fn publish_as(&self, fields: &HeadFields, tree: &Tree, seeds: &[u8]) {
        let head = sign_head(fields, &signers(seeds)).unwrap();
        let bundle = encode_bundle(&head, tree).unwrap();
        for part in parts(&bundle).unwrap() {
            self.put(&format!("objects/{}", ObjectId::of(part.bytes)), part.bytes.to_vec());
        }
        self.put("bundle", bundle);
        self.put("head", head);
    }

    fn publish(&self, epoch: u64, keys: Vec<KeyRecord>) {
        let tree = tree(keys);
        self.publish_as(&head_fields(epoch, &tree), &tree, &[101]);
    }

    /// A new instance.
    fn instance(&self) -> Loaded {
        let terms = Terms { root: root(), config: String::new(), ttl: TTL };
        load(self, &terms, None, self.now.get()).unwrap()
    }

    fn ask(&self, loaded: &mut Loaded, key: u64) -> Code {
        let (now, text) = (self.now.get(), text(key));
        answer(self, &mut loaded.edge, now, |edge| edge.verify_key(text.as_bytes(), None, RequirementId::NONE, now)).code
    }

    /// What a request with this key comes to, on an instance of its own.
    fn request(&self, key: u64) -> Code {
        self.ask(&mut self.instance(), key)
    }

    fn pass(&self, seconds: u64) {
        self.now.set(self.now.get() + seconds);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.take()
    }

    fn told(&self) -> Vec<&'static str> {
        self.told.take()
    }
}

impl Ground for Memory {
    fn fetch(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        self.asked.borrow_mut().push(path.split('/').next().unwrap().into());
        if self.away.get() {
            return Err(Error::source("unreachable", "it is away"));
        }
        let found = self.files.borrow().get(path).cloned();
        assert!(found.as_ref().is_none_or(|bytes| bytes.len() <= limit), "{path}");
        Ok(found)
    }

    fn stream(&self, path: &str, take: &mut dyn FnMut(&[u8]) -> Result<bool, Error>) -> Result<bool, Error> {
        let Some(bytes) = self.fetch(path, usize::MAX)? else { return Ok(false) };
        for piece in bytes.chunks(100) {
            if take(piece)? {
                break;
            }
        }
        Ok(true)
    }

    fn kept(&self, name: &str, _: usize) -> Option<Vec<u8>> {
        self.cache.borrow().get(name).cloned()
    }

    fn keep(&self, name: &str, bytes: &[u8]) {
        self.cache.borrow_mut().insert(name.into(), bytes.to_vec());
    }

    fn state(&self) -> (Option<Vec<u8>>, bool) {
        (self.kept(STATE, 0), self.now.get() >= self.fresh_until.get() && !self.another_looks.get())
    }

    fn settle(&self, state: &[u8], fresh: Duration) {
        self.keep(STATE, state);
        self.fresh_until.set(self.now.get() + fresh.as_secs());
    }

    fn report(&self, error: &Error) {
        self.told.borrow_mut().push(error.code());
    }
}

fn revoked(key: u64) -> KeyRecord {
    KeyRecord { revoked: true, ..record(key) }
}

/// So many keys that there are several shards.
fn many() -> Vec<KeyRecord> {
    (1..=600).map(record).collect()
}

#[test]
fn the_first_instance_fetches_and_the_next_ones_need_nobody() {
    let pop = Memory::start();
    pop.publish(5, many());
    assert_eq!(pop.request(1), Code::Valid);
    let first = pop.asked();
    assert_eq!(first[..2], ["head", "bundle"]);
    assert!(first[2..].iter().all(|path| path == "objects") && first.len() <= 5, "{first:?}");
    pop.away.set(true);
    assert_eq!([pop.request(1), pop.request(1)], [Code::Valid; 2]);
    assert_eq!((pop.asked(), pop.told()), (vec![], vec![]));
}

#[test]
fn a_revocation_is_heard_of_when_the_head_is_due_and_costs_what_changed() {
    let pop = Memory::start();
    pop.publish(5, many());
    assert_eq!((pop.request(1), pop.request(9_999)), (Code::Valid, Code::Unknown));
    let mut keys = many();
    keys[0] = revoked(1);
    pop.publish(6, keys);
    pop.pass(TTL - 1);
    assert_eq!(pop.request(1), Code::Valid);
    pop.asked();
    pop.pass(1);
    assert_eq!(pop.request(1), Code::Revoked);
    let asked = pop.asked();
    assert!(asked[0] == "head" && asked.len() <= 4 && !asked.contains(&"bundle".into()), "{asked:?}");
    assert_eq!(pop.told(), Vec::<&str>::new());
}

#[test]
fn a_replayed_head_is_refused_by_what_the_pop_has_seen() {
    let pop = Memory::start();
    pop.publish(5, vec![record(1)]);
    let old = pop.files.borrow().clone();
    pop.publish(6, vec![revoked(1)]);
    assert_eq!(pop.request(1), Code::Revoked);
    *pop.files.borrow_mut() = old;
    pop.pass(TTL);
    assert_eq!((pop.request(1), pop.told()), (Code::Revoked, vec!["below_floor"]));
    // Also where the newer head has ended and only the floor is left of it.
    let tree = tree(vec![record(1)]);
    pop.publish_as(&HeadFields { not_after: T0 + 9 * DAY, ..head_fields(5, &tree) }, &tree, &[101]);
    pop.pass(2 * DAY);
    assert_eq!(pop.request(1), Code::SnapshotMissing);
    assert_eq!(pop.told(), ["head_expired", "below_floor"]);
    pop.pass(TTL);
    assert_eq!((pop.request(1), pop.told()), (Code::SnapshotMissing, vec!["below_floor"]));
}

#[test]
fn whatever_the_cache_holds_no_verdict_is_another_one() {
    let pop = Memory::start();
    pop.publish(5, many());
    assert_eq!((pop.request(1), pop.request(9_999)), (Code::Valid, Code::Unknown));
    let good = pop.cache.borrow().clone();
    let kinds: Vec<&str> = good.keys().map(|name| name.split('/').next().unwrap()).collect();
    assert!(["index", "object", STATE].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    for (name, bytes) in &good {
        for at in (0..bytes.len()).step_by(bytes.len().div_ceil(40)) {
            let flipped = bytes.iter().enumerate().map(|(i, byte)| if i == at { byte ^ 1 } else { *byte }).collect();
            for wrong in [flipped, bytes[..at].to_vec(), Vec::new(), [&bytes[..], b"x"].concat()] {
                pop.cache.borrow_mut().insert(name.clone(), wrong);
                // A head that was lost is looked for when the next one is due.
                let allowed: &[Code] = if name == STATE { &[Code::Valid, Code::SnapshotMissing] } else { &[Code::Valid] };
                let (known, stranger) = (pop.request(1), pop.request(9_999));
                assert!(allowed.contains(&known) && stranger != Code::Valid, "{name} at {at}: {known:?} {stranger:?}");
                *pop.cache.borrow_mut() = good.clone();
            }
        }
    }
    assert!(pop.told().contains(&"refused"));
}

#[test]
fn a_source_that_lies_is_not_believed_and_nothing_of_it_is_kept() {
    let pop = Memory::start();
    pop.publish(5, many());
    let objects: Vec<String> = pop.files.borrow().keys().filter(|path| path.starts_with("objects/")).cloned().collect();
    objects.iter().for_each(|path| pop.put(path, b"no object".to_vec()));
    assert_eq!((pop.request(1), pop.told()), (Code::ShardUnavailable, vec!["wrong_digest"]));
    assert!(pop.cache.borrow().values().all(|bytes| bytes != b"no object"));
    // Of another signer, or of another realm.
    let tree = tree(vec![record(1)]);
    pop.pass(TTL);
    pop.publish_as(&head_fields(6, &tree), &tree, &[102]);
    pop.request(1);
    assert_eq!(pop.told()[0], "too_few_signatures");
    pop.pass(TTL);
    pop.publish_as(&HeadFields { realm: "other".into(), ..head_fields(6, &tree) }, &tree, &[101]);
    pop.request(1);
    assert_eq!(pop.told()[0], "wrong_realm");
    assert_eq!(pop.instance().edge.head().unwrap().epoch, 5);
}

#[test]
fn while_the_source_is_away_the_last_head_serves_until_it_ends_and_the_source_is_left_alone() {
    let pop = Memory::start();
    pop.away.set(true);
    assert_eq!((pop.request(1), pop.told()), (Code::SnapshotMissing, vec!["unreachable"]));
    pop.asked();
    assert_eq!((pop.request(1), pop.asked()), (Code::SnapshotMissing, vec![]));
    pop.pass(5);
    pop.away.set(false);
    pop.publish(5, many());
    assert_eq!(pop.request(1), Code::Valid);
    pop.away.set(true);
    pop.asked();
    pop.told();
    pop.pass(TTL);
    assert_eq!([pop.request(1), pop.request(1)], [Code::Valid; 2]);
    assert_eq!((pop.asked(), pop.told()), (vec!["head".to_owned()], vec!["unreachable"]));
    let loaded = pop.instance();
    assert_eq!((loaded.tried_at, loaded.confirmed_at), (pop.now.get(), pop.now.get() - TTL));
    pop.pass(DAY);
    assert_eq!(pop.request(1), Code::SnapshotMissing);
}

#[test]
fn an_instance_that_waits_for_another_one_asks_by_itself_in_the_end() {
    let pop = Memory::start();
    pop.publish(5, vec![record(1)]);
    assert_eq!(pop.request(1), Code::Valid);
    pop.publish(6, vec![revoked(1)]);
    pop.another_looks.set(true);
    pop.pass(3 * TTL);
    assert_eq!(pop.request(1), Code::Valid);
    pop.pass(1);
    assert_eq!(pop.request(1), Code::Revoked);
}

#[test]
fn roots_are_followed_and_kept() {
    let pop = Memory::start();
    pop.publish(5, vec![record(1)]);
    assert_eq!(pop.request(1), Code::Valid);
    let second = RootFields { publisher: role(1, &[102]), ..root_fields(2) };
    pop.put("root/2", sign_root(&second, &signers(&[1])).unwrap());
    let tree = tree(vec![record(1), record(2)]);
    pop.publish_as(&HeadFields { root_version: 2, ..head_fields(6, &tree) }, &tree, &[102]);
    pop.pass(TTL);
    assert_eq!(pop.request(2), Code::Valid);
    assert!(pop.asked().contains(&"root".into()));
    // The next instance needs nobody to follow it, and one whose root went missing begins anew.
    assert_eq!((pop.request(2), pop.asked(), pop.instance().edge.root_version()), (Code::Valid, vec![], 2));
    // A thief of the old publisher key signs on.
    pop.publish_as(&HeadFields { root_version: 2, ..head_fields(7, &tree) }, &tree, &[101]);
    pop.pass(TTL);
    assert_eq!((pop.request(2), pop.told()), (Code::Valid, vec!["too_few_signatures"]));
    assert_eq!(pop.instance().edge.head().unwrap().epoch, 6);
}

#[test]
fn the_guards_own_settings_are_not_the_hosts() {
    let pop = Memory::start();
    for (lines, key) in [("floor=1:5", "floor"), ("lazy=262144", "lazy"), ("fetches=5", "fetches"), ("nonsense=1", "nonsense")]
    {
        let terms = Terms { root: root(), config: lines.into(), ttl: TTL };
        let error = load(&pop, &terms, None, T0).err().unwrap();
        assert!(error.code() == "bad_config" && error.to_string().contains(key), "{error}");
    }
    assert!(pop.cache.borrow().is_empty());
}
