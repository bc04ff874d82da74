//! A verification takes no memory: what a flood of requests cannot make grow needs no bound.

use allocation_counter::measure;
use edgelatch_core::build::*;
use edgelatch_core::cidr::Cidr;
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_core::verdict::Code::{self, *};
use edgelatch_testkit::realm::*;

const CONFIG: &str = "client_ip=hops=1\nquery=key\nservice=dns";
const TABLE: &str = "router=lenient\ndefault\tdeny\n/zones/:zone\tpermission=read\n/cdn/*\tservice=cdn";

/// Key 1 is for one address and one service, 2 is revoked, 3 has no role.
fn keys() -> Vec<KeyRecord> {
    let allow = vec![Cidr::parse(b"192.0.2.0/24").unwrap(), Cidr::parse(b"2001:db8::/32").unwrap()];
    let policy = IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow, deny: vec![] };
    vec![
        KeyRecord { ip_policy: Some(policy), services: Some(vec!["dns".into()]), ..record(1) },
        KeyRecord { revoked: true, ..record(2) },
        KeyRecord { roles: vec![], ..record(3) },
    ]
}

#[test]
fn no_request_takes_memory() {
    let mut edge = edge(CONFIG);
    let table = edge.compile_routes(TABLE).unwrap();
    let read = edge.compile(None, Some("read"));
    let [one, two, three, unknown] = [1, 2, 3, 4].map(text);
    let block = |lines: &str| format!("198.51.100.1\nGET /zones/a?x=1\nHost:api.example.com\n{lines}").into_bytes();
    let requests: Vec<(Vec<u8>, Code)> = vec![
        (block(&format!("authorization:Bearer {one}\nx-forwarded-for:10.0.0.1, 192.0.2.7")), Valid),
        (block(&format!("x-api-key:{one}\nx-forwarded-for:2001:db8::1")), Valid),
        (block(&format!("x-api-key:{one}\nx-forwarded-for:198.51.100.2")), IpDenied),
        (block(&format!("x-api-key:{one}")), IpUnknown),
        (block(&format!("x-api-key:{two}")), Revoked),
        (block(&format!("x-api-key:{three}")), PermissionDenied),
        (block(&format!("x-api-key:{unknown}")), Unknown),
        (block("x-api-key:no-key"), Malformed),
        (block(""), Missing),
        (block("x-api-key:a\nx-api-key:b"), InvalidRequest),
        (format!("\nGET /CDN/x\nx-api-key:{one}\nx-forwarded-for:192.0.2.7").into_bytes(), ScopeDenied),
        (format!("\nGET /zones//a\nx-api-key:{one}").into_bytes(), InvalidRequest),
        (format!("\nGET /zones/a?key={three}").into_bytes(), PermissionDenied),
        (b"\nGET".to_vec(), InvalidRequest),
    ];
    for epoch in 5..9 {
        update(
            &mut edge,
            &[],
            bundle(epoch, &tree(keys().into_iter().chain((epoch < 7).then(|| record(epoch))).collect())),
            T0,
        )
        .unwrap();
        for (request, code) in &requests {
            let mut outcome = None;
            let taken = measure(|| outcome = Some(edge.verify_block(request, table, T0)));
            assert_eq!((outcome.unwrap().code, taken.count_total), (*code, 0), "{}", String::from_utf8_lossy(request));
        }
        for (key, ip, code) in [(&one, "192.0.2.7", Valid), (&one, "::1", IpDenied), (&three, "", PermissionDenied)] {
            let mut outcome = None;
            let taken = measure(|| outcome = Some(edge.verify_key(key.as_bytes(), Some(ip.as_bytes()), read, T0)));
            assert_eq!((outcome.unwrap().code, taken.count_total), (code, 0));
        }
    }
}
