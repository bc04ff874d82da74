//! What the directory decides, whoever filled it: answers agree with a plain reading of the rules, from one tree to the next, and
//! nothing of it is believed before it is proven.

use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::edge::{Edge, RequirementId, Staged};
use edgelatch_core::ip::Ip;
use edgelatch_core::limits::{MAX_ROLE_PATTERNS, MAX_SCOPE_SERVICES, MAX_SET_ROLES};
use edgelatch_core::permission;
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_core::verdict::Code;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;

const WORDS: [&str; 4] = ["a", "b", "c", "*"];

/// One to three words, of the first so many.
fn name(random: &mut Random, words: usize) -> String {
    let parts: Vec<_> = (0..1 + random.below(3)).map(|_| WORDS[random.below(words)]).collect();
    parts.join(".")
}

fn names(random: &mut Random, words: usize, most: usize) -> Vec<String> {
    (0..1 + random.below(most)).map(|_| name(random, words)).collect()
}

/// A realm of some roles, and keys of some of these.
fn any_realm(random: &mut Random, keys: u64) -> (RealmRecord, Vec<KeyRecord>) {
    let roles = 1 + random.below(6);
    let role = |n| RoleRecord { name: format!("role {n}"), patterns: names(random, 4, 3) };
    let realm = RealmRecord { roles: (0..roles).map(role).collect(), ..realm() };
    let key = |n| KeyRecord {
        roles: (0..random.below(4)).map(|_| random.below(roles) as u32).collect(),
        services: (random.below(4) > 0).then(|| names(random, 3, 4)),
        ..record(n)
    };
    let keys = (1..=keys).map(key).collect();
    (realm, keys)
}

/// The rules as they are written.
fn expected(realm: &RealmRecord, key: &KeyRecord, service: Option<&str>, permission: Option<&str>) -> Code {
    let held = |services: &Vec<String>| service.is_some_and(|wanted| services.iter().any(|s| s == wanted));
    if key.services.as_ref().is_some_and(|services| !held(services)) {
        return Code::ScopeDenied;
    }
    let patterns = || key.roles.iter().flat_map(|role| &realm.roles[*role as usize].patterns);
    let grants = |wanted: &str| patterns().any(|p| permission::matches(p.as_bytes(), wanted.as_bytes()));
    if permission.is_none_or(grants) { Code::Valid } else { Code::PermissionDenied }
}

/// Tree after tree under the same requirements: of the last tree's answers none may be left.
#[test]
fn answers_are_those_of_the_tree_that_serves() {
    let mut random = Random(0x0d1c);
    let mut edge = edge("");
    let texts: Vec<String> = (1..=30).map(text).collect();
    let mut requirements: Vec<(RequirementId, Option<String>, Option<String>)> = Vec::new();
    let mut seen = [0u32; 3];
    for epoch in 5..60 {
        let service = (random.below(3) > 0).then(|| name(&mut random, 3));
        let permission = (random.below(3) > 0).then(|| name(&mut random, 3));
        requirements.push((edge.compile(service.as_deref(), permission.as_deref()), service, permission));
        let (realm, keys) = any_realm(&mut random, 30);
        update(&mut edge, &[], bundle(epoch, &build_tree(&realm, keys.clone()).unwrap()), T0).unwrap();
        // The second time from memory.
        for _ in 0..2 {
            for (text, key) in texts.iter().zip(&keys) {
                for (id, service, permission) in &requirements {
                    let code = edge.verify_key(text.as_bytes(), None, *id, T0).code;
                    let expected = expected(&realm, key, service.as_deref(), permission.as_deref());
                    assert_eq!(code, expected, "epoch {epoch}: {service:?} {permission:?} {key:?} {realm:?}");
                    match code {
                        Code::Valid => seen[0] += 1,
                        Code::ScopeDenied => seen[1] += 1,
                        _ => seen[2] += 1,
                    }
                }
            }
        }
    }
    assert!(seen.iter().all(|n| *n > 5000), "{seen:?}");
}

/// Same requirement, same numbers of role set and scope, other meaning: what the old tree granted must be gone with it.
#[test]
fn an_old_answer_never_serves_a_new_tree() {
    let granting = |patterns: &[&str], services: &[&str]| {
        let patterns = patterns.iter().map(|p| (*p).into()).collect();
        let realm = RealmRecord { roles: vec![RoleRecord { name: "r".into(), patterns }], ..realm() };
        let services = Some(services.iter().map(|s| (*s).into()).collect());
        build_tree(&realm, vec![KeyRecord { services, ..record(1) }]).unwrap()
    };
    let mut edge = edge("");
    let id = edge.compile(Some("dns"), Some("zone.purge"));
    let trees = [
        (granting(&["zone.*"], &["dns"]), Code::Valid),
        (granting(&["zones.*"], &["dns"]), Code::PermissionDenied),
        (granting(&["zone.*"], &["cdn"]), Code::ScopeDenied),
        (granting(&["*"], &["dns"]), Code::Valid),
        (granting(&["zone"], &["dns"]), Code::PermissionDenied),
    ];
    for (epoch, (tree, code)) in (5..).zip(trees) {
        update(&mut edge, &[], bundle(epoch, &tree), T0).unwrap();
        for _ in 0..2 {
            assert_eq!(edge.verify_key(text(1).as_bytes(), None, id, T0).code, code, "epoch {epoch}");
        }
    }
}

#[test]
fn threads_share_the_answers() {
    let mut random = Random(0x7ead);
    let (realm, keys) = any_realm(&mut random, 40);
    let mut edge = edge("");
    let wanted: Vec<_> = (0..40).map(|_| (name(&mut random, 3), name(&mut random, 3))).collect();
    let ids: Vec<_> = wanted.iter().map(|(s, p)| edge.compile(Some(s), Some(p))).collect();
    update(&mut edge, &[], bundle(5, &build_tree(&realm, keys.clone()).unwrap()), T0).unwrap();
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let (edge, keys, wanted, ids, realm) = (&edge, &keys, &wanted, &ids, &realm);
            scope.spawn(move || {
                for (n, key) in (1..).zip(keys) {
                    for at in (0..ids.len()).map(|at| (at + 10 * turn) % ids.len()) {
                        let code = edge.verify_key(text(n).as_bytes(), None, ids[at], T0).code;
                        assert_eq!(code, expected(realm, key, Some(&wanted[at].0), Some(&wanted[at].1)));
                    }
                }
            });
        }
    });
}

/// The first and the last reference of the longest lists that the format allows, and one more, which it does not.
#[test]
fn the_longest_lists_are_read_to_their_ends() {
    let names = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}{n:04}")).collect::<Vec<_>>();
    let built = |patterns: usize, roles: usize, services: usize| {
        let role = |n| RoleRecord { name: format!("role {n}"), patterns: names(&format!("r{n:02}.p"), patterns) };
        let realm = RealmRecord { roles: (0..roles).map(role).collect(), ..realm() };
        let key = KeyRecord { roles: (0..roles as u32).collect(), services: Some(names("s", services)), ..record(1) };
        build_tree(&realm, vec![key])
    };
    let (patterns, roles, services) = (MAX_ROLE_PATTERNS, MAX_SET_ROLES, MAX_SCOPE_SERVICES);
    let mut edge = edge("");
    update(&mut edge, &[], bundle(5, &built(patterns, roles, services).unwrap()), T0).unwrap();
    let mut ask = |service: &str, permission: &str| {
        let id = edge.compile(Some(service), Some(permission));
        edge.verify_key(text(1).as_bytes(), None, id, T0).code
    };
    for (service, permission, code) in [
        ("s0000", "r00.p0000", Code::Valid),
        ("s0127", "r31.p0255", Code::Valid),
        ("s0128", "r31.p0255", Code::ScopeDenied),
        ("s0064", "r31.p0256", Code::PermissionDenied),
        ("s0064", "r32.p0000", Code::PermissionDenied),
    ] {
        assert_eq!(ask(service, permission), code, "{service} {permission}");
    }
    for (built, what) in [
        (built(patterns + 1, 1, 1), "patterns of a role"),
        (built(1, roles + 1, 1), "roles of a role set"),
        (built(1, 1, services + 1), "services of a scope"),
    ] {
        let error = built.unwrap_err();
        assert_eq!((error.code(), error.to_string().starts_with(what)), ("too_long", true), "{error}");
    }
}

/// A publisher refuses to make what every edge would refuse.
#[test]
fn nothing_is_built_that_is_larger_than_allowed() {
    let wide = |n: usize| {
        let number =
            |at: usize| Cidr::new(Ip::from_v6((0x2001_0db8_0000_0000 + (n << 32) as u128 + at as u128) << 64), 64).unwrap();
        IpPolicy {
            allow_mode: AllowMode::List,
            order: Order::AllowFirst,
            allow: (0..4000).map(|at| number(2 * at)).collect(),
            deny: vec![],
        }
    };
    // 64 lists of 4000 networks of 17 bytes are more than 4 MiB.
    let key = |n: u64| KeyRecord { ip_policy: Some(wide(n as usize)), ..record(n) };
    build_tree(&realm(), (1..=50).map(key).collect()).unwrap();
    assert_eq!(build_tree(&realm(), (1..=63).map(key).collect()).unwrap_err().code(), "too_large");
}

fn staged(edge: &mut Edge, tree: &Tree) -> Staged {
    edge.stage(&[], bundle(6, tree), T0).unwrap()
}

#[test]
fn a_cold_edge_begins_once_top_page_directory_and_pages_are_proven_and_not_before() {
    let many = tree((1..=2000).map(record).collect());
    let mut cold = edge("");
    let unproven = staged(&mut cold, &many);
    assert!(!unproven.is_ready());
    assert_eq!(cold.commit(unproven, T0).unwrap_err().code(), "unchecked");
    assert!(cold.head().is_none());
    let mut begun = staged(&mut cold, &many);
    let (mut bytes, mut left) = (0, u32::MAX);
    while !begun.is_ready() {
        left = begun.check(16).unwrap();
        bytes += 16;
    }
    let first = many.directory.len() + many.pages[0].len();
    assert!((first..first + 32).contains(&bytes), "{bytes} of {first}");
    assert_eq!(left as usize, many.chunks.len() + many.shards.len());
    cold.commit(begun, T0).unwrap();
    assert_eq!(ask(&cold, 1).code, Code::ShardNeeded, "and asks for the rest");
    // One that serves takes only the whole.
    let mut half = cold.stage(&[], bundle(7, &tree((1..=300).map(record).collect())), T0).unwrap();
    while !half.is_ready() {
        half.check(16).unwrap();
    }
    assert_eq!(cold.commit(half, T0).unwrap_err().code(), "unchecked");
}

/// Whoever goes on after a refusal does not get past it.
#[test]
fn a_fault_stays_found() {
    let whole = || tree((1..=600).map(record).collect());
    type Lie = (fn(&mut Tree), &'static str);
    let lies: [Lie; 4] = [
        (|tree| tree.directory[30] ^= 1, "wrong_digest"),
        (
            |tree| {
                tree.directory[6] = 0;
                reseal(tree);
            },
            "bad_field",
        ),
        (
            |tree| {
                tree.directory[8] = 7;
                reseal(tree);
            },
            "wrong_pepper",
        ),
        (|tree| tree.shards[2][40] ^= 1, "wrong_digest"),
    ];
    for (lie, code) in lies {
        let mut bad = whole();
        lie(&mut bad);
        let mut cold = edge("");
        let mut staged = staged(&mut cold, &bad);
        let first = loop {
            match staged.check(100) {
                Ok(left) => assert!(left > 0),
                Err(error) => break error,
            }
        };
        assert_eq!(first.code(), code);
        for budget in [0, 1, usize::MAX] {
            assert_eq!(staged.check(budget).unwrap_err(), first);
        }
        assert!(!staged.is_ready());
        assert_eq!(cold.commit(staged, T0).unwrap_err().code(), "unchecked");
    }
}
