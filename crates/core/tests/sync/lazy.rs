//! An edge of which parts are missing: it asks for what it needs, and never answers anything but what the whole tree answers.

use super::states::*;
use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::edge::{Edge, Outcome, RequirementId};
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_core::tree::Place;
use edgelatch_core::verdict::Code;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;

/// A cold edge that begins with what it must have, and `more` of the rest.
fn begun(tree: &Tree, mut more: impl FnMut(Place) -> bool) -> Edge {
    let mut cold = edge("");
    let mut staged = offered(&mut cold, 5, tree);
    for place in tree.places() {
        let first = matches!(place, Place::Top | Place::Directory | Place::Page(_));
        if first || more(place) {
            staged.supply(place, tree.object(place).unwrap().to_vec()).unwrap();
        }
    }
    cold.commit(staged, T0).unwrap();
    cold
}

/// A key whose role set, two roles, scope and policy lie in chunks of their own.
fn rich() -> Tree {
    let mut state = nobody();
    let allow = vec![Cidr::parse(b"192.0.2.0/24").unwrap()];
    let policy = IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow, deny: vec![] };
    let role = |name: &str, pattern: &str| Entry::Role(RoleRecord { name: name.into(), patterns: vec![pattern.into()] });
    state.entries.extend([
        ((Table::Roles, 1), role("reader", "*.view")),
        ((Table::Roles, 100), role("writer", "*.update")),
        ((Table::RoleSets, 200), Entry::RoleSet(vec![1, 100])),
        ((Table::Scopes, 300), Entry::Scope(vec!["dns".into()])),
        ((Table::Policies, 400), Entry::Policy(policy)),
    ]);
    state.records = (1..=300).map(|n| Record { role_set: 200, scope: 300, policy: 400, ..plain(n) }).collect();
    Tree::build(&state).unwrap()
}

#[test]
fn each_thing_that_is_missing_is_named_until_it_comes() {
    let tree = rich();
    let mut cold = begun(&tree, |_| false);
    let view = cold.compile(Some("dns"), Some("zone.view"));
    let ask = |edge: &Edge| edge.verify_key(TEXTS[1].as_bytes(), Some(b"192.0.2.7"), view, T0);
    let shard = Place::Shard(u32::from(plain(1).digest[0] >> 7));
    let wanted = [
        shard,
        Place::Chunk(Table::Policies, 6),
        Place::Chunk(Table::Scopes, 4),
        Place::Chunk(Table::RoleSets, 3),
        Place::Chunk(Table::Roles, 0),
        Place::Chunk(Table::Roles, 1),
    ];
    for place in wanted {
        let outcome = ask(&cold);
        assert_eq!((outcome.code, outcome.needs, outcome.at), (Code::ShardNeeded, Some(place), None));
        assert_eq!(outcome.pack() >> 10, u64::from(place.number()) + 1);
        // Another object, one for nobody, or nothing at all: the question stays.
        for (wrong, code) in [(tree.top.clone(), "wrong_digest"), (vec![], "wrong_digest")] {
            assert_eq!(cold.supply(place, wrong).unwrap_err().code(), code);
            assert_eq!(ask(&cold), outcome);
        }
        cold.supply(place, tree.object(place).unwrap().to_vec()).unwrap();
    }
    assert_eq!(ask(&cold).code, Code::Valid);
    let other = Place::Shard(1 - shard.number() / 8);
    assert_eq!(cold.need(Place::Top).map(|need| need.place), Some(other));
    cold.supply(other, tree.object(other).unwrap().to_vec()).unwrap();
    assert_eq!(cold.need(Place::Top), None);
    assert_serves(&cold, &tree);
}

/// A refusal that comes first in the order of the rules needs nothing of what comes later, so nobody makes an edge fetch it.
#[test]
fn a_refusal_needs_no_more_than_what_decides_it() {
    let tree = rich();
    let shards = |place| matches!(place, Place::Shard(_));
    let mut cold = begun(&tree, |place| shards(place) || place == Place::Chunk(Table::Policies, 6));
    let view = cold.compile(Some("dns"), Some("zone.view"));
    let bad = cold.compile(Some(""), None);
    let ask = |ip: &[u8], requirement| cold.verify_key(TEXTS[1].as_bytes(), Some(ip), requirement, T0);
    assert_eq!(ask(b"198.51.100.7", view).code, Code::IpDenied);
    assert_eq!(ask(b"", view).code, Code::IpUnknown);
    assert_eq!(ask(b"192.0.2.7", bad).code, Code::BadRequirement);
    assert_eq!(ask(b"192.0.2.7", RequirementId::DENY).code, Code::PermissionDenied);
    assert_eq!(ask(b"192.0.2.7", view).needs, Some(Place::Chunk(Table::Scopes, 4)));
    assert_eq!(cold.verify_key(text(5_000).as_bytes(), None, view, T0).code, Code::Unknown);
    // Which services a key is for does not matter to a route that names none.
    assert_eq!(ask(b"192.0.2.7", RequirementId::NONE).code, Code::ScopeDenied);
    // The identity of an accepted key is made of its roles too: they are asked for, also where none is required.
    let scopes = |place| matches!(place, Place::Chunk(Table::Policies | Table::Scopes, _));
    let mut cold = begun(&tree, |place| shards(place) || scopes(place));
    let dns = cold.compile(Some("dns"), None);
    let outcome = cold.verify_key(TEXTS[1].as_bytes(), Some(b"192.0.2.7"), dns, T0);
    assert_eq!(outcome.needs, Some(Place::Chunk(Table::RoleSets, 3)));
}

#[test]
fn a_reference_to_nothing_is_internal_on_use_and_not_before() {
    let mut state = nobody();
    state.entries.insert((Table::RoleSets, 2), Entry::RoleSet(vec![9]));
    // The chunks are there, but not the entries; and those of the last one have no chunk at all.
    for table in [Table::Roles, Table::Scopes, Table::Policies] {
        state.entries.insert((table, 1), any_entry(&mut Random(5), table));
    }
    let with = |n, role_set, scope, policy| Record { role_set, scope, policy, ..plain(n) };
    state.records = vec![
        with(1, 2, 0, 0),
        with(2, 3, 0, 0),
        with(3, 0, 3, 0),
        with(4, 0, 0, 3),
        with(5, 900, 0, 0),
        with(6, 0, 900, 0),
        with(7, 0, 0, 900),
        Record { revoked: true, ..with(8, 2, 3, 3) },
    ];
    let mut edge = serving_tree(5, &Tree::build(&state).unwrap());
    let (service, permission) = (edge.compile(Some("dns"), None), edge.compile(None, Some("zone.view")));
    let ask = |n: u64, requirement| edge.verify_key(TEXTS[n as usize].as_bytes(), Some(b"192.0.2.7"), requirement, T0).code;
    for n in [1, 2, 5] {
        assert_eq!([service, permission].map(|r| ask(n, r)), [Code::Valid, Code::Internal], "{n}");
    }
    for n in [3, 6] {
        assert_eq!([permission, service].map(|r| ask(n, r)), [Code::ScopeDenied, Code::Internal], "{n}");
    }
    for n in [4, 7] {
        assert_eq!([service, permission].map(|r| ask(n, r)), [Code::Internal; 2], "{n}");
    }
    assert_eq!(ask(8, permission), Code::Revoked);
    // Nor is a set whole because one of its roles grants what is asked for.
    let all = RoleRecord { name: "all".into(), patterns: vec!["*".into()] };
    state.entries.insert((Table::Roles, 1), Entry::Role(all));
    state.entries.insert((Table::RoleSets, 5), Entry::RoleSet(vec![1, 9]));
    state.records = vec![with(1, 5, 0, 0)];
    let mut edge = serving_tree(5, &Tree::build(&state).unwrap());
    let permission = edge.compile(None, Some("zone.view"));
    assert_eq!(edge.verify_key(TEXTS[1].as_bytes(), None, permission, T0).code, Code::Internal);
    // Beyond every table there is nothing either.
    state.records = vec![with(1, 0, 1 << 30, 0), with(2, 0, u32::MAX, 0), with(3, 0, 0, u32::MAX)];
    let mut edge = serving_tree(5, &Tree::build(&state).unwrap());
    let service = edge.compile(Some("dns"), None);
    for n in 1..=3 {
        let key = TEXTS[n as usize].as_bytes();
        assert_eq!(edge.verify_key(key, Some(b"192.0.2.7"), service, T0).code, Code::Internal, "{n}");
    }
}

/// A chunk is found by its number, also where those before it are gone.
#[test]
fn a_scope_is_its_own_where_chunks_are_missing_before_it() {
    let mut state = nobody();
    state.entries.insert((Table::Scopes, 64), Entry::Scope(vec!["dns".into()]));
    state.entries.insert((Table::Scopes, 128), Entry::Scope(vec!["cdn".into()]));
    state.records = vec![Record { scope: 64, ..plain(1) }, Record { scope: 128, ..plain(2) }];
    let mut edge = serving_tree(5, &Tree::build(&state).unwrap());
    let services = ["dns", "cdn"].map(|service| edge.compile(Some(service), None));
    let ask = |n: usize, service| edge.verify_key(TEXTS[n].as_bytes(), None, service, T0).code;
    assert_eq!(services.map(|service| ask(1, service)), [Code::Valid, Code::ScopeDenied]);
    assert_eq!(services.map(|service| ask(2, service)), [Code::ScopeDenied, Code::Valid]);
}

/// That a tree holds as many records as its head says is seen with the last object, and then said.
#[test]
fn an_edge_that_serves_early_counts_records_at_the_end() {
    let mut tree = tree(vec![record(1)]);
    tree.records = 2;
    tree.top[8..16].copy_from_slice(&2u64.to_le_bytes());
    let mut cold = begun(&tree, |place| matches!(place, Place::Chunk(..)));
    let shard = tree.shards[0].clone();
    assert_eq!(cold.supply(Place::Shard(0), shard).unwrap_err().code(), "wrong_count");
}

/// Keys, addresses and requirements by chance, over trees with holes by chance.
#[test]
fn a_tree_with_holes_says_what_the_whole_one_says_or_what_it_needs() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 1..=25 {
        let mut random = Random(seed * 77);
        let tree = Tree::build(&any_state(&mut random, [40, 300, 700][seed as usize % 3])).unwrap();
        let mut whole = serving_tree(5, &tree);
        let density = 1 + random.below(4);
        let mut cold = begun(&tree, |_| random.below(4) < density - 1);
        for _ in 0..120 {
            let key = &TEXTS[1 + random.below(KEYS as usize - 1)];
            let ip = [None, Some(ADDRESSES[random.below(3)].as_bytes())][random.below(2)];
            let service = [None, Some(WORDS[random.below(4)])][random.below(2)];
            let permission = [None, Some(format!("{}.view", WORDS[random.below(4)]))][random.below(2)].clone();
            let of = |edge: &mut Edge| edge.compile(service, permission.as_deref());
            let (one, two) = (of(&mut whole), of(&mut cold));
            let expected = whole.verify_key(key.as_bytes(), ip, one, T0);
            let mut asked = 0;
            let found = loop {
                let found = cold.verify_key(key.as_bytes(), ip, two, T0);
                let Some(place) = found.needs else { break found };
                assert_eq!(found.code, Code::ShardNeeded);
                assert!(cold.objects().all(|(here, _)| here != place), "{place:?} is here");
                cold.supply(place, tree.object(place).unwrap().to_vec()).unwrap();
                asked += 1;
                assert!(asked <= 8, "one shard, one chunk of each table and one for each further role");
            };
            assert_eq!(found, expected, "seed {seed}: {key} {ip:?} {service:?} {permission:?}");
            assert_eq!(identity(&cold, found), identity(&whole, expected));
            *seen.entry((found.code.name(), asked > 0)).or_insert(0) += 1;
        }
    }
    let often = |code, asked| seen.get(&(code, asked)).is_some_and(|count| *count > 2);
    for code in ["valid", "unknown", "ip_denied", "ip_unknown", "scope_denied", "permission_denied", "internal"] {
        assert!(often(code, true) && often(code, false), "{code}: {seen:?}");
    }
}

/// A patch makes what it can; what it has no old object for is left to be fetched.
#[test]
fn a_patch_passes_over_what_is_not_at_hand() {
    let mut state = any_state(&mut Random(21), 700);
    let old = Tree::build(&state).unwrap();
    state.records.iter_mut().for_each(|record| record.revoked ^= true);
    let new = Tree::build(&state).unwrap();
    let mut edge = begun(&old, |place| place == Place::Shard(1));
    let mut staged = offered(&mut edge, 6, &new);
    staged.patch(patch_between(&old, &new)).unwrap();
    staged.check(usize::MAX).unwrap();
    let mut missing = Vec::new();
    while let Some(need) = staged.need(Place::Top) {
        missing.push(need.place);
        staged.supply(need.place, new.object(need.place).unwrap().to_vec()).unwrap();
    }
    let fetched = |place: &Place| matches!(place, Place::Chunk(..) | Place::Shard(0 | 2 | 3));
    assert_eq!(missing, new.places().filter(fetched).collect::<Vec<_>>());
    edge.commit(staged, T0).unwrap();
    assert_serves(&edge, &new);
}

/// Id, owner, roles and services.
type Told = (u64, String, Vec<String>, Option<Vec<String>>);

fn identity(edge: &Edge, outcome: Outcome) -> Option<Told> {
    let identity = edge.identity(edge.generation(), outcome.at.filter(|_| outcome.code == Code::Valid)?)?;
    let roles = identity.roles().map(str::to_owned).collect();
    let services = identity.services().map(|list| list.into_iter().map(str::to_owned).collect());
    Some((identity.key_id.0, identity.labels.owner.to_owned(), roles, services))
}
