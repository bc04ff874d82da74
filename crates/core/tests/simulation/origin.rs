//! The publisher's side: what is true at each epoch, and the objects that say it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::http::CredentialHeaders;
use edgelatch_core::key::{self, KeyId};
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_core::tree::{ObjectId, Place};
use edgelatch_core::verdict::Code;
use edgelatch_testkit::random::Random;

/// Seconds that a head lives.
pub const LIFE: u64 = 3000;
/// Seconds by which a clock may lag (SPEC.md section 7).
const TOLERANCE: u64 = 300;
/// From where keys are used, if the address is known.
pub const CLIENT: &str = "198.51.100.7";
/// What is asked of a key: service and permission.
pub const ASKED: [(Option<&str>, Option<&str>); 3] = [(None, None), (Some("cdn"), None), (Some("cdn"), Some("zone.view"))];

const PATTERNS: [&[&str]; 4] = [&["zone.view"], &["*.view", "dns.*"], &["dns.edit"], &[]];
const SCOPES: [&[&str]; 3] = [&["cdn"], &["cdn", "dns"], &["dns"]];
const ALLOWED: [&str; 3] = ["198.51.100.0/24", "203.0.113.9", "198.51.100.7"];

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    revoked: bool,
    owner: u8,
    not_before: Option<u64>,
    expires_at: Option<u64>,
    roles: BTreeSet<u8>,
    scope: Option<u8>,
    policy: Option<u8>,
    name: u8,
}

/// What is true at one moment.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub keys: BTreeMap<u64, Key>,
    disabled: BTreeSet<u8>,
    /// Which patterns each role has.
    roles: BTreeMap<u8, u8>,
}

/// The text of key `n`.
pub fn text(n: u64) -> String {
    format!("a-key-of-the-simulation-{n}")
}

impl Truth {
    /// The verdict on key `n` from `CLIENT` or an unknown address, once the snapshot is found fresh.
    pub fn verdict(&self, n: u64, known_address: bool, asked: (Option<&str>, Option<&str>), now: u64) -> Code {
        let Some(key) = self.keys.get(&n) else { return Code::Unknown };
        let (service, permission) = asked;
        let allowed = |policy: u8| ALLOWED[usize::from(policy)] != ALLOWED[1];
        let matches = |pattern: &str| matches!((pattern, permission), ("zone.view" | "*.view", Some("zone.view")));
        match key {
            key if key.revoked => Code::Revoked,
            key if self.disabled.contains(&key.owner) => Code::OwnerDisabled,
            key if key.not_before.is_some_and(|at| now < at) => Code::NotYetValid,
            key if key.expires_at.is_some_and(|at| now >= at) => Code::Expired,
            Key { policy: Some(_), .. } if !known_address => Code::IpUnknown,
            Key { policy: Some(policy), .. } if !allowed(*policy) => Code::IpDenied,
            Key { scope: Some(scope), .. } if service.is_none_or(|s| !SCOPES[usize::from(*scope)].contains(&s)) => {
                Code::ScopeDenied
            }
            key => {
                let patterns = key.roles.iter().flat_map(|role| PATTERNS[usize::from(self.roles[role])]);
                let granted = permission.is_none() || patterns.into_iter().any(|pattern| matches(pattern));
                if granted { Code::Valid } else { Code::PermissionDenied }
            }
        }
    }
}

/// Numbers that are given once.
#[derive(Debug, Default)]
struct Numbers<T> {
    last: u32,
    live: BTreeMap<T, u32>,
}

impl<T: Ord + Clone> Numbers<T> {
    /// Gives a number to what is new, and takes away that of what is no longer used.
    fn keep(&mut self, used: BTreeSet<T>) {
        self.live.retain(|content, _| used.contains(content));
        for content in used {
            let last = &mut self.last;
            self.live.entry(content).or_insert_with(|| {
                *last += 1;
                *last
            });
        }
    }

    fn of(&self, content: &T) -> u32 {
        self.live[content]
    }
}

/// An epoch.
pub struct Published {
    pub epoch: u64,
    pub issued_at: u64,
    pub head: Vec<u8>,
    pub tree: ObjectId,
    pub truth: Rc<Truth>,
    pub bundle: Rc<Vec<u8>>,
}

impl Published {
    /// Why an edge with this clock gives no verdict from it at all.
    pub fn unfit(&self, now: u64) -> Option<Code> {
        if now + TOLERANCE < self.issued_at {
            Some(Code::ClockInvalid)
        } else {
            (now >= self.issued_at + LIFE).then_some(Code::SnapshotStale)
        }
    }
}

/// Objects by place; `None` where there was none.
type Objects = BTreeMap<Place, Option<Vec<u8>>>;

/// The realm: what is true, and everything ever published.
pub struct Origin {
    pub truth: Truth,
    pub history: Vec<Published>,
    pub roots: Vec<Vec<u8>>,
    pub objects: HashMap<ObjectId, Vec<u8>>,
    pub patches: HashMap<(ObjectId, ObjectId), Vec<u8>>,
    era: u32,
    min_epoch: u64,
    publisher: u8,
    root_key: u8,
    role_sets: Numbers<BTreeSet<u8>>,
    scopes: Numbers<u8>,
    policies: Numbers<u8>,
    state: State,
    tree: Option<Tree>,
    next_key: u64,
    /// Earlier trees, and what the present one replaced of them.
    past: Vec<(ObjectId, Objects)>,
}

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn settings() -> Settings {
    Settings { credentials: CredentialHeaders::all(), imports: true, pepper: None }
}

impl Origin {
    pub fn new(random: &mut Random, now: u64) -> Origin {
        let mut origin = Origin {
            truth: Truth::default(),
            history: Vec::new(),
            roots: Vec::new(),
            objects: HashMap::new(),
            patches: HashMap::new(),
            era: 1,
            min_epoch: 1,
            publisher: 101,
            root_key: 1,
            role_sets: Numbers { last: 0, live: BTreeMap::new() },
            scopes: Numbers { last: 0, live: BTreeMap::new() },
            policies: Numbers { last: 0, live: BTreeMap::new() },
            state: State { settings: settings(), entries: BTreeMap::new(), records: Vec::new() },
            tree: None,
            next_key: 0,
            past: Vec::new(),
        };
        origin.sign_root(&[1], now);
        origin.truth.roles = (1..=3).map(|role| (role, random.below(PATTERNS.len()) as u8)).collect();
        // Some worlds are about the border between one shard and two.
        let keys = if random.below(6) == 0 { 250 + random.below(8) } else { random.below(12) };
        (0..keys).for_each(|_| origin.create(random, now));
        origin.publish(random, now);
        origin
    }

    fn sign_root(&mut self, by: &[u8], now: u64) {
        let role = |seed| RoleFields { threshold: 1, keys: vec![signer(seed).public()] };
        let fields = RootFields {
            realm: "acme".into(),
            version: self.roots.len() as u32 + 1,
            issued_at: now.saturating_sub(1000),
            expires_at: now + 1_000_000_000,
            era: self.era,
            min_epoch: self.min_epoch,
            root: role(self.root_key),
            publisher: role(self.publisher),
        };
        let signers: Vec<SigningKey> = by.iter().map(|seed| signer(*seed)).collect();
        self.roots.push(sign_root(&fields, &signers).unwrap());
    }

    pub fn newest(&self) -> &Published {
        self.history.last().unwrap()
    }

    /// Another publisher key, perhaps another root key, perhaps a new era.
    pub fn rotate(&mut self, random: &mut Random, now: u64) {
        let old = self.root_key;
        self.publisher += 1;
        if random.below(2) == 0 {
            self.root_key += 1;
        }
        if random.below(2) == 0 {
            self.era = self.roots.len() as u32 + 1;
            self.min_epoch = self.newest().epoch + 1;
        }
        let by: BTreeSet<u8> = [old, self.root_key].into();
        self.sign_root(&by.into_iter().collect::<Vec<_>>(), now);
        self.publish(random, now);
    }

    fn create(&mut self, random: &mut Random, now: u64) {
        self.next_key += 1;
        let one_in = |random: &mut Random, n: usize| random.below(n) == 0;
        let key = Key {
            revoked: one_in(random, 10),
            owner: random.below(3) as u8,
            not_before: one_in(random, 8).then(|| now + random.below(2000) as u64),
            expires_at: one_in(random, 4).then(|| now + random.below(6000) as u64),
            roles: (1..=3).filter(|_| random.below(3) == 0).collect(),
            scope: one_in(random, 3).then(|| random.below(SCOPES.len()) as u8),
            policy: one_in(random, 3).then(|| random.below(ALLOWED.len()) as u8),
            name: random.below(4) as u8,
        };
        self.truth.keys.insert(self.next_key, key);
    }

    /// Something that an administrator does.
    pub fn act(&mut self, random: &mut Random, now: u64) {
        let keys: Vec<u64> = self.truth.keys.keys().copied().collect();
        let Some(n) = (!keys.is_empty()).then(|| keys[random.below(keys.len())]) else { return self.create(random, now) };
        let key = self.truth.keys.get_mut(&n).unwrap();
        match random.below(10) {
            0 => self.create(random, now),
            1 => drop(self.truth.keys.remove(&n)),
            2 | 3 => key.revoked ^= true,
            4 => key.scope = (random.below(3) > 0).then(|| random.below(SCOPES.len()) as u8),
            5 => key.policy = (random.below(3) > 0).then(|| random.below(ALLOWED.len()) as u8),
            6 => key.roles = (1..=3).filter(|_| random.below(2) == 0).collect(),
            7 => drop(self.truth.roles.insert(1 + random.below(3) as u8, random.below(PATTERNS.len()) as u8)),
            8 => {
                let owner = random.below(3) as u8;
                if !self.truth.disabled.remove(&owner) {
                    self.truth.disabled.insert(owner);
                }
            }
            _ => key.name = random.below(4) as u8,
        }
    }

    fn numbered(&mut self) -> State {
        let keys = &self.truth.keys;
        self.role_sets.keep(keys.values().map(|key| key.roles.clone()).filter(|set| !set.is_empty()).collect());
        self.scopes.keep(keys.values().filter_map(|key| key.scope).collect());
        self.policies.keep(keys.values().filter_map(|key| key.policy).collect());
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let role = |(role, patterns): (&u8, &u8)| {
            let entry = RoleRecord { name: format!("role {role}"), patterns: texts(PATTERNS[usize::from(*patterns)]) };
            ((Table::Roles, u32::from(*role)), Entry::Role(entry))
        };
        let mut entries: BTreeMap<(Table, u32), Entry> = self.truth.roles.iter().map(role).collect();
        let set = |(set, n): (&BTreeSet<u8>, &u32)| {
            ((Table::RoleSets, *n), Entry::RoleSet(set.iter().map(|role| u32::from(*role)).collect()))
        };
        entries.extend(self.role_sets.live.iter().map(set));
        let scope = |(scope, n): (&u8, &u32)| ((Table::Scopes, *n), Entry::Scope(texts(SCOPES[usize::from(*scope)])));
        entries.extend(self.scopes.live.iter().map(scope));
        let policy = |(policy, n): (&u8, &u32)| {
            let allow = vec![Cidr::parse(ALLOWED[usize::from(*policy)].as_bytes()).unwrap()];
            let policy = IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow, deny: vec![] };
            ((Table::Policies, *n), Entry::Policy(policy))
        };
        entries.extend(self.policies.live.iter().map(policy));
        let record = |(n, key): (&u64, &Key)| Record {
            digest: key::digest(text(*n).as_bytes()),
            key_id: KeyId(*n),
            org: "org".into(),
            owner: format!("owner-{}", key.owner),
            owner_disabled: self.truth.disabled.contains(&key.owner),
            name: if key.name == 0 { String::new() } else { format!("name {}", key.name) },
            metadata: String::new(),
            revoked: key.revoked,
            not_before: key.not_before,
            expires_at: key.expires_at,
            role_set: if key.roles.is_empty() { 0 } else { self.role_sets.of(&key.roles) },
            scope: key.scope.map_or(0, |scope| self.scopes.of(&scope)),
            policy: key.policy.map_or(0, |policy| self.policies.of(&policy)),
        };
        State { settings: settings(), entries, records: keys.iter().map(record).collect() }
    }

    /// Signs what is true now as the next epoch.
    pub fn publish(&mut self, random: &mut Random, now: u64) {
        let state = self.numbered();
        let stepped = self.tree.take().filter(|_| random.below(8) > 0).map(|mut tree| {
            let from = tree.id();
            let replaced = tree.change(&difference(&self.state, &state)).unwrap();
            if !replaced.is_empty() {
                self.past.push((from, BTreeMap::new()));
            }
            for (_, before) in &mut self.past {
                for one in &replaced {
                    before.entry(one.place).or_insert_with(|| one.before.clone());
                }
            }
            tree
        });
        let built = Tree::build(&state).unwrap();
        match &stepped {
            Some(stepped) => assert!(*stepped == built, "step by step and at once are not the same"),
            None => self.past.clear(),
        }
        let tree = built;
        self.past = self.past.split_off(self.past.len().saturating_sub(4));
        for (from, before) in self.past.iter().filter(|(from, _)| *from != tree.id()) {
            let replaced = before.iter().map(|(place, before)| (*place, before.as_deref()));
            let patch = encode_patch(*from, replaced, &tree).unwrap().unwrap();
            self.patches.insert((*from, tree.id()), patch);
        }
        let epoch = self.history.last().map_or(1, |last| last.epoch + 1 + random.below(3) as u64);
        let head = HeadFields {
            realm: "acme".into(),
            root_version: self.roots.len() as u32,
            epoch,
            issued_at: now,
            not_after: now + LIFE,
            tree: tree.id(),
            tree_bytes: tree.bytes(),
            records: tree.records,
        };
        let head = sign_head(&head, &[signer(self.publisher)]).unwrap();
        let bundle = Rc::new(encode_bundle(&head, &tree).unwrap());
        self.objects.extend(tree.objects().map(|object| (ObjectId::of(object), object.to_vec())));
        let (truth, id) = (Rc::new(self.truth.clone()), tree.id());
        self.history.push(Published { epoch, issued_at: now, head, tree: id, truth, bundle });
        (self.state, self.tree) = (state, Some(tree));
    }

    /// A head that only looks like one of the realm's: signed by a key that no root names.
    pub fn forged(&self, random: &mut Random) -> Vec<u8> {
        let some = &self.history[random.below(self.history.len())];
        let fields = HeadFields {
            realm: "acme".into(),
            root_version: self.roots.len() as u32,
            epoch: self.newest().epoch + 100,
            issued_at: some.issued_at,
            not_after: some.issued_at + LIFE,
            tree: some.tree,
            tree_bytes: some.bundle.len() as u64,
            records: some.truth.keys.len() as u64,
        };
        sign_head(&fields, &[signer(250)]).unwrap()
    }
}

/// What a journal would name.
fn difference(before: &State, after: &State) -> Change {
    let known: HashMap<[u8; 32], &Record> = before.records.iter().map(|record| (record.digest, record)).collect();
    let now: BTreeSet<[u8; 32]> = after.records.iter().map(|record| record.digest).collect();
    let numbers: BTreeSet<(Table, u32)> = before.entries.keys().chain(after.entries.keys()).copied().collect();
    let differs = |at: &(Table, u32)| before.entries.get(at) != after.entries.get(at);
    let entries = numbers.into_iter().filter(differs).map(|(table, n)| (table, n, after.entries.get(&(table, n)).cloned()));
    Change {
        settings: after.settings.clone(),
        entries: entries.collect(),
        removed: before.records.iter().map(|record| record.digest).filter(|digest| !now.contains(digest)).collect(),
        put: after.records.iter().filter(|record| known.get(&record.digest) != Some(record)).cloned().collect(),
    }
}
