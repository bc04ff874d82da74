//! Work is bounded whatever tenants put into the directory. Steps are counted, no clock is looked at.

use super::{Edge, HostConfig, RequirementId};
use crate::limits::{MAX_CHUNK_BYTES, MAX_DEMANDED, MAX_ROLE_PATTERNS, MAX_SCOPE_SERVICES, MAX_SET_ROLES, MAX_TABLE_CHUNKS};
use crate::tree::Place;
use crate::verdict::Code;
use crate::work;
use edgelatch_testkit::core::build::*;
use edgelatch_testkit::realm::{T0, bundle, realm, record, reseal, root, text, tree};

const SLICE: usize = 4096;
const SCOPES: u64 = 3000;
/// To verify the one signature of a head.
const SIGNATURE: usize = 1;

/// The realm is made by the kit, which has a build of the core of its own: only bytes pass from there to here.
fn edge() -> Edge {
    Edge::new(&root(), HostConfig::default()).unwrap()
}

/// An edge that serves key 1 and more.
fn serving(keys: Vec<KeyRecord>) -> Edge {
    let mut edge = edge();
    let mut staged = edge.stage(&[], bundle(5, &tree(keys)), T0).unwrap();
    assert_eq!(staged.check(usize::MAX).unwrap(), 0);
    edge.commit(staged, T0).unwrap();
    edge
}

/// Patterns that are slow to match and fail at their end: two letters, many stars, and a last word that tells them apart.
fn slow_patterns(role: usize) -> Vec<String> {
    let pieces = |n: usize| (0..8).map(move |bit| if n >> bit & 1 == 1 { "*.a" } else { "a.*" });
    (0..MAX_ROLE_PATTERNS).map(|n| format!("{}.r{role}", pieces(n).take(7).collect::<Vec<_>>().join("."))).collect()
}

/// A realm in which somebody has gone to every limit: keys 1.. with a scope of their own each, all with the slowest role set.
fn crowded() -> edgelatch_testkit::core::build::Tree {
    let mut realm = realm();
    realm.roles = (0..MAX_SET_ROLES).map(|n| RoleRecord { name: format!("r{n}"), patterns: slow_patterns(n) }).collect();
    let services = |n: u64| (0..MAX_SCOPE_SERVICES as u64).map(move |s| format!("t{}", (n * 37 + s * 101) % 20_000));
    let key = |n: u64| KeyRecord {
        roles: (0..MAX_SET_ROLES as u32).collect(),
        services: Some(if n == 1 {
            services(n).chain(["cdn".into()]).skip(1).collect()
        } else {
            services(n).take(8).collect()
        }),
        ..record(n)
    };
    build_tree(&realm, (1..=SCOPES).map(key).collect()).unwrap()
}

fn requiring(edge: &mut Edge) -> Vec<RequirementId> {
    let permission = |n: u32| format!("{}.n{n}", ["a"; 15].join("."));
    (0..500).map(|n| edge.compile(Some("cdn"), Some(&permission(n)))).collect()
}

#[test]
fn no_step_of_an_update_grows_with_the_directory() {
    let mut edge = serving(vec![record(1)]);
    let requirements = requiring(&mut edge);
    let crowded = crowded();
    // An object is read when it is whole: so a slice can end behind the longest one, of which each byte is looked at once more.
    let longest = crowded.objects().map(<[u8]>::len).max().unwrap();
    let bytes = bundle(6, &crowded);
    let (staged, steps) = work::of(|| edge.stage(&[], bytes, T0));
    let mut staged = staged.unwrap();
    assert_eq!(steps, SIGNATURE + crowded.top.len(), "the directory is not touched before its turn");
    let mut slices = 0;
    let mut left = u32::MAX;
    while left > 0 {
        let (now, steps) = work::of(|| staged.check(SLICE).unwrap());
        assert!(steps <= SLICE + longest + 64, "slice {slices}: {steps}");
        (left, slices) = (now, slices + 1);
    }
    assert!(slices > 50, "{slices}");
    let (committed, steps) = work::of(|| edge.commit(staged, T0));
    assert_eq!((committed, steps), (Ok(()), 0), "whatever the tree holds and routes require");

    // A question costs what its own entry takes, once.
    let ask = |requirement| work::of(|| edge.verify_key(text(1).as_bytes(), None, requirement, T0).code);
    let (code, steps) = ask(requirements[0]);
    assert_eq!(code, Code::PermissionDenied);
    let patterns = MAX_SET_ROLES * MAX_ROLE_PATTERNS;
    assert!((patterns..patterns * 16 * 17 + 32).contains(&steps), "{steps}");
    assert_eq!(ask(requirements[0]), (Code::PermissionDenied, 0));
    // A demand of many costs as often as much as one, the last of them settling it.
    let many: Vec<String> = (0..MAX_DEMANDED).map(|n| format!("{}.m{n}", ["a"; 15].join("."))).collect();
    let any = edge.compile(Some("cdn"), Some(&many.join("|")));
    let (code, steps) = work::of(|| edge.verify_key(text(1).as_bytes(), None, any, T0).code);
    assert_eq!(code, Code::PermissionDenied);
    assert!(steps <= MAX_DEMANDED * (patterns * 16 * 17 + 32), "{steps}");
    assert_eq!(work::of(|| edge.verify_key(text(1).as_bytes(), None, any, T0).code), (Code::PermissionDenied, 0));
    let other = |n: u64| work::of(|| edge.verify_key(text(n).as_bytes(), None, requirements[0], T0).code);
    let (code, steps) = other(2);
    assert_eq!(code, Code::ScopeDenied);
    assert!(steps <= MAX_SCOPE_SERVICES, "{steps}");
    assert_eq!(other(2), (Code::ScopeDenied, 0));
}

/// What an offered head is worth is known when its tree is begun: only time may have passed.
#[test]
fn the_signature_of_a_head_is_verified_once_for_an_update() {
    let mut edge = serving(vec![record(1)]);
    let next = bundle(6, &tree(vec![record(1), record(2)]));
    let (offer, steps) = work::of(|| edge.offer(&[], &next, T0));
    assert!(matches!(offer, Ok(super::Offer::TreeNeeded { .. })) && steps == SIGNATURE, "{offer:?} {steps}");
    let (begun, steps) = work::of(|| edge.begin(&[], T0).map(|staged| staged.epoch()));
    assert_eq!((begun, steps), (Ok(6), 0));
    let after = edge.begin(&[], T0 + crate::limits::MAX_HEAD_LIFETIME).err().map(|error| error.code());
    assert_eq!(after, Some("head_expired"), "it is judged again");
}

/// Whoever fetches what is missing asks for each object: so a question walks neither the directory nor full pages.
#[test]
fn to_ask_for_what_is_missing_walks_no_table() {
    let mut edge = edge();
    let crowded = crowded();
    let bytes = bundle(5, &crowded);
    edge.offer(&[], &bytes, T0).unwrap();
    let mut staged = edge.begin(&[], T0).unwrap();
    staged.feed(&bytes[..bytes.len() - 1]).unwrap();
    edge.commit(staged, T0).unwrap();
    assert!(crowded.chunks.len() > 40 && crowded.shards.len() == 16);
    let last = Place::Shard(15);
    for (from, most) in [(Place::Top, 3 + 1 + 16), (last, 2)] {
        let (need, steps) = work::of(|| edge.need(from).unwrap());
        assert_eq!((need.place, need.offset), (last, (crowded.bytes() - u64::from(need.slot.length))));
        assert!(steps <= most, "{steps}");
    }
}

#[test]
fn what_nobody_asks_about_costs_nothing() {
    let mut edge = serving(vec![record(1), KeyRecord { roles: vec![], ..record(2) }]);
    let (requirement, steps) = work::of(|| edge.compile(Some("cdn"), Some("read")));
    assert_eq!(steps, 0);
    let ask = |n, requirement| work::of(|| edge.verify_key(text(n).as_bytes(), None, requirement, T0).code);
    assert_eq!(ask(1, RequirementId::NONE), (Code::Valid, 0));
    assert_eq!(ask(2, requirement), (Code::PermissionDenied, 0), "no role, nothing to match");
}

/// The steps that a lying directory takes: it, and the top page that names it, are hashed; what else is done is seen in the count.
fn refused(edit: impl FnOnce(&mut Vec<u8>)) -> (&'static str, usize) {
    let mut tree = tree(vec![record(1)]);
    edit(&mut tree.directory);
    reseal(&mut tree);
    let hashed = SIGNATURE + tree.top.len() + tree.directory.len();
    let mut edge = serving(vec![record(1)]);
    let bytes = bundle(6, &tree);
    let (refused, steps) = work::of(|| edge.stage(&[], bytes, T0).and_then(|mut staged| staged.check(usize::MAX)));
    assert_eq!(edge.verify_key(text(1).as_bytes(), None, RequirementId::NONE, T0).code, Code::Valid);
    (refused.unwrap_err().code(), steps - hashed)
}

/// A directory announces how long its chunks are: that is enough to refuse one, before it is hashed.
#[test]
fn a_chunk_that_is_too_long_is_refused_before_it_is_hashed() {
    let announce = |length: u32| move |directory: &mut Vec<u8>| directory[52..56].copy_from_slice(&length.to_le_bytes());
    assert_eq!(refused(announce(MAX_CHUNK_BYTES + 1)), ("too_large", 1));
    assert_eq!(refused(announce(u32::MAX)), ("too_large", 1));
}

/// So does each table how many there are.
#[test]
fn a_table_that_is_too_long_is_refused_before_its_rows_are_looked_at() {
    let fill = |count: usize| {
        move |directory: &mut Vec<u8>| {
            let row = directory[20..56].to_vec();
            directory.truncate(12);
            directory.extend((count as u32).to_le_bytes());
            (0..count as u32).for_each(|number| directory.extend([&number.to_le_bytes()[..], &row].concat()));
        }
    };
    assert_eq!(refused(fill(MAX_TABLE_CHUNKS + 1)), ("too_long", 0));
    // One less is read, to the end that is missing.
    assert_eq!(refused(fill(MAX_TABLE_CHUNKS)), ("truncated", MAX_TABLE_CHUNKS));
}
