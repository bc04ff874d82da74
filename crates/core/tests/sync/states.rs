//! Realms by number, made by chance that repeats.

use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::edge::{Edge, Staged};
use edgelatch_core::http::CredentialHeaders;
use edgelatch_core::key::{self, KeyId};
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_core::tree::ObjectId;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Keys that a realm may hold.
pub const KEYS: u64 = 900;

/// Their texts.
pub static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| (0..=KEYS).map(text).collect());

/// Numbers of entries that are given: three chunks of each table.
const NUMBERS: usize = 150;

pub const WORDS: [&str; 4] = ["cdn", "dns", "iam", "zone"];
pub const ADDRESSES: [&str; 3] = ["192.0.2.7", "198.51.100.7", "2001:db8::7"];

/// A realm without entries and keys.
pub fn nobody() -> State {
    let settings = Settings { credentials: CredentialHeaders::all(), imports: false, pepper: None };
    State { settings, entries: BTreeMap::new(), records: vec![] }
}

/// Test key `n`, without roles, for all services, from anywhere.
pub fn plain(n: u64) -> Record {
    Record {
        digest: key::digest(TEXTS[n as usize].as_bytes()),
        key_id: KeyId(n),
        org: "acme".into(),
        owner: "alice".into(),
        owner_disabled: false,
        name: String::new(),
        metadata: String::new(),
        revoked: false,
        not_before: None,
        expires_at: None,
        role_set: 0,
        scope: 0,
        policy: 0,
    }
}

fn any_number(random: &mut Random) -> u32 {
    1 + random.below(NUMBERS) as u32
}

/// Test key `n`; what it refers to may be there or not.
fn any_record(random: &mut Random, n: u64) -> Record {
    let mut reference = |one_in: usize| if random.below(one_in) == 0 { any_number(random) } else { 0 };
    let (role_set, scope, policy) = (reference(2), reference(3), reference(4));
    Record {
        owner: format!("owner {}", random.below(5)).replace(' ', "-"),
        name: if random.below(2) == 0 { String::new() } else { format!("key {}", random.below(40)) },
        metadata: if random.below(9) == 0 { "{}".into() } else { String::new() },
        revoked: random.below(20) == 0,
        owner_disabled: random.below(30) == 0,
        not_before: (random.below(20) == 0).then_some(T0 + 10),
        expires_at: (random.below(8) == 0).then_some([T0 - 1, T0 + 10, (1 << 53) - 1][random.below(3)]),
        role_set,
        scope,
        policy,
        ..plain(n)
    }
}

pub fn any_entry(random: &mut Random, table: Table) -> Entry {
    let words = |random: &mut Random| (0..random.below(4)).map(|_| WORDS[random.below(4)].to_owned()).collect::<Vec<_>>();
    match table {
        Table::Roles => {
            let patterns = words(random).into_iter().map(|word| format!("{word}.*")).collect();
            Entry::Role(RoleRecord { name: format!("role {}", random.below(9)), patterns })
        }
        Table::RoleSets => Entry::RoleSet((0..1 + random.below(4)).map(|_| any_number(random)).collect()),
        Table::Scopes => Entry::Scope(words(random)),
        Table::Policies => {
            let nets = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"].map(|net| Cidr::parse(net.as_bytes()).unwrap());
            let list = |random: &mut Random| nets.into_iter().filter(|_| random.below(2) == 0).collect();
            let (allow, deny) = (list(random), list(random));
            Entry::Policy(IpPolicy { allow_mode: AllowMode::List, order: Order::DenyFirst, allow, deny })
        }
    }
}

/// A realm of about so many keys.
pub fn any_state(random: &mut Random, keys: usize) -> State {
    let mut state = nobody();
    for table in Table::ALL {
        for _ in 0..NUMBERS {
            state.entries.insert((table, any_number(random)), any_entry(random, table));
        }
    }
    state.records = (1..=keys as u64).map(|n| any_record(random, n)).collect();
    state
}

/// The realm after some acts.
pub fn any_next(random: &mut Random, state: &State) -> State {
    let mut next = state.clone();
    for _ in 0..1 + random.below(4) {
        let many = [1, 1, 3, 40][random.below(4)];
        let table = Table::ALL[random.below(4)];
        match random.below(6) {
            0 => {
                for _ in 0..many.min(next.records.len()) {
                    let at = random.below(next.records.len());
                    next.records.swap_remove(at);
                }
            }
            1 => {
                let is_new = |n: &u64| next.records.iter().all(|record| record.key_id != KeyId(*n));
                let new: Vec<u64> = (1..=KEYS).filter(is_new).take(many).collect();
                next.records.extend(new.into_iter().map(|n| any_record(random, n)));
            }
            2 | 3 if !next.records.is_empty() => {
                let at = random.below(next.records.len());
                let n = next.records[at].key_id.0;
                next.records[at] = any_record(random, n);
            }
            4 => drop(next.entries.remove(&(table, any_number(random)))),
            _ => {
                // A number may come back with other content.
                let entry = any_entry(random, table);
                next.entries.insert((table, any_number(random)), entry);
            }
        }
    }
    next
}

/// What leads from one state to another.
pub fn between(old: &State, new: &State) -> Change {
    let by_digest = |state: &State| state.records.iter().map(|r| (r.digest, r.clone())).collect::<BTreeMap<_, _>>();
    let (before, after) = (by_digest(old), by_digest(new));
    let gone = old.entries.keys().filter(|at| !new.entries.contains_key(at)).map(|at| (at.0, at.1, None));
    let other = new.entries.iter().filter(|(at, entry)| old.entries.get(at) != Some(entry));
    Change {
        settings: new.settings.clone(),
        entries: gone.chain(other.map(|(at, entry)| (at.0, at.1, Some(entry.clone())))).collect(),
        removed: before.keys().filter(|digest| !after.contains_key(*digest)).copied().collect(),
        put: after.into_iter().filter(|(digest, record)| before.get(digest) != Some(record)).map(|(_, r)| r).collect(),
    }
}

pub fn head(epoch: u64, tree: &Tree) -> Vec<u8> {
    sign_head(&head_fields(epoch, tree), &signers(&[101])).unwrap()
}

/// An edge that serves this tree.
pub fn serving_tree(epoch: u64, tree: &Tree) -> Edge {
    let mut edge = edge("");
    update(&mut edge, &[], bundle(epoch, tree), T0).unwrap();
    edge
}

/// A candidate for this tree, to which nothing was supplied yet.
pub fn offered(edge: &mut Edge, epoch: u64, tree: &Tree) -> Staged {
    edge.offer(&[], &head(epoch, tree), T0).unwrap();
    edge.begin(&[], T0).unwrap()
}

/// That an edge holds exactly the objects of a tree.
pub fn assert_serves(edge: &Edge, tree: &Tree) {
    assert!(
        edge.objects()
            .map(|(place, bytes)| (place, bytes.to_vec()))
            .eq(tree.places().map(|place| (place, tree.object(place).unwrap().to_vec())))
    );
    assert!(edge.objects().all(|(place, bytes)| edge.slot(place).unwrap().id == ObjectId::of(bytes)));
}
