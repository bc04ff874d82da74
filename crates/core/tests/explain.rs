//! What is said of a record is what an edge says to the holder of its key.

use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::edge::{RequestFacts, explain_record};
use edgelatch_core::ip::Ip;
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::*;
use std::collections::BTreeSet;

const SERVICES: &[&str] = &["cdn", "dns", "dns.zone", "no service!"];
const PERMISSIONS: &[&str] = &["read", "cache.view", "dns.update", "dns.record.view", "*"];
const ADDRESSES: &[&str] = &["10.0.0.1", "10.9.0.1", "192.0.2.7", "2001:db8::7"];
const NETWORKS: &[&str] = &["10.0.0.0/8", "10.9.0.0/16", "192.0.2.7/32", "2001:db8::/32"];

/// One time in `often`.
fn rarely<T>(random: &mut Random, often: usize, value: impl FnOnce(&mut Random) -> T) -> Option<T> {
    (random.below(often) == 0).then(|| value(random))
}

fn some<'a>(random: &mut Random, from: &[&'a str]) -> Vec<&'a str> {
    (0..random.below(3)).map(|_| random.pick(from)).collect()
}

fn networks(random: &mut Random) -> Vec<Cidr> {
    some(random, NETWORKS).iter().map(|net| Cidr::parse(net.as_bytes()).unwrap()).collect()
}

fn any_policy(random: &mut Random) -> IpPolicy {
    let allow_mode = [AllowMode::Any, AllowMode::List][random.below(2)];
    let allow = if allow_mode == AllowMode::List { networks(random) } else { Vec::new() };
    IpPolicy { allow_mode, order: [Order::AllowFirst, Order::DenyFirst][random.below(2)], allow, deny: networks(random) }
}

fn any_record(random: &mut Random, n: u64) -> KeyRecord {
    KeyRecord {
        revoked: random.below(12) == 0,
        owner_disabled: random.below(12) == 0,
        not_before: rarely(random, 4, |r| T0 + r.below(40) as u64),
        expires_at: rarely(random, 4, |r| T0 + 20 + r.below(60) as u64),
        ip_policy: rarely(random, 2, any_policy),
        services: rarely(random, 2, |r| some(r, &SERVICES[..3]).into_iter().map(Into::into).collect()),
        roles: (0..random.below(3)).map(|_| random.below(3) as u32).collect(),
        ..record(n)
    }
}

#[test]
fn a_record_is_explained_as_an_edge_judges_it() {
    let mut random = Random(1);
    let mut codes = BTreeSet::new();
    for _ in 0..24 {
        let keys: Vec<KeyRecord> = (0..8).map(|n| any_record(&mut random, n)).collect();
        let mut edge = serving(keys.clone());
        for (key, n) in keys.iter().zip(0..) {
            for _ in 0..8 {
                let ip = rarely(&mut random, 1 + n as usize % 2, |r| r.pick(ADDRESSES));
                let facts = RequestFacts {
                    ip: ip.map(|ip| Ip::parse(ip.as_bytes()).unwrap()),
                    service: rarely(&mut random, 3, |r| r.pick(SERVICES)),
                    permission: rarely(&mut random, 2, |r| r.pick(PERMISSIONS)),
                    now: T0 + random.below(60) as u64,
                };
                let requirement = edge.compile(facts.service, facts.permission);
                let (seen, steps) = edge.explain_key(text(n).as_bytes(), ip.map(str::as_bytes), requirement, facts.now);
                let steps: Vec<_> = steps.into_iter().skip_while(|step| step.name != "status").collect();
                let told = explain_record(realm().roles, key.clone(), &facts).unwrap();
                assert_eq!(told, (seen.code, steps), "{key:?} {facts:?}");
                assert_eq!(told.1.iter().position(|step| !step.passed), (told.0.number() > 0).then(|| told.1.len() - 1));
                codes.insert(told.0.name());
            }
        }
    }
    let every = [
        "bad_requirement",
        "expired",
        "ip_denied",
        "ip_unknown",
        "not_yet_valid",
        "owner_disabled",
        "permission_denied",
        "revoked",
        "scope_denied",
        "valid",
    ];
    assert_eq!(codes, every.into());
}

#[test]
fn a_record_that_no_snapshot_takes_is_an_error() {
    let nobody = KeyRecord { org: String::new(), ..record(1) };
    let error = explain_record(realm().roles, nobody, &RequestFacts::default()).unwrap_err();
    assert_eq!(error.code(), "bad_record");
    let no_such_role = KeyRecord { roles: vec![3], ..record(1) };
    assert!(explain_record(realm().roles, no_such_role, &RequestFacts::default()).is_err());
}

#[test]
fn what_a_route_asks_of_a_scope_is_said_as_it_is() {
    let said = |services: Option<&[&str]>, service: Option<&str>| {
        let services = services.map(|services| services.iter().map(|service| (*service).into()).collect());
        let facts = RequestFacts { service, now: T0, ..RequestFacts::default() };
        let (_, steps) = explain_record(realm().roles, KeyRecord { services, ..record(1) }, &facts).unwrap();
        steps.into_iter().find(|step| step.name == "scope").map(|step| (step.passed, step.note)).unwrap()
    };
    assert_eq!(said(None, None), (true, "no service named; the key has all services".into()));
    assert_eq!(said(Some(&["dns"]), None), (false, "the route names no service; the key has dns".into()));
    assert_eq!(said(Some(&["dns"]), Some("cdn")), (false, "requires cdn; the key has dns".into()));
    assert_eq!(said(None, Some("cdn")), (true, "requires cdn; the key has all services".into()));
}
