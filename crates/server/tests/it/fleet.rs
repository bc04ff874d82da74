//! The fleet over the API: edges report, and whoever may look sees which epoch each has and how far a change has got.

use std::time::{Duration, Instant};

use crate::common::{self, Plane, Reply, Served, slug};
use edgelatch_registry::{EpochRequest, management};
use edgelatch_server::limits::{MAX_REPORT_BYTES, MAX_WAITING_CALLS};
use edgelatch_testkit::core::tree::ObjectId;
use edgelatch_testkit::on_both_stores;
use serde_json::{Value, json};

const ACME: &str = "/api/v1/realms/acme";
/// When every epoch is signed.
const ISSUED: u64 = 1_800_000_000;

on_both_stores! {
    start: crate::common::Plane::at;
    a_change_is_followed_until_it_is_everywhere, each_part_of_a_report_is_checked, who_may_report_may_not_look,
    a_report_is_no_row_of_the_log, an_act_says_which_change_it_is, calls_that_wait_are_bounded,
    whoever_waits_is_answered_when_the_server_ends,
}

fn edge_key(plane: &Plane) -> String {
    plane.management_key("edge", &[management::realm_service(&slug("acme")).unwrap()]).1
}

fn report(edge: &str, number: u64, epoch: u64) -> Value {
    json!({ "edge": edge, "name": "fra-1", "report": number, "epoch": epoch, "issued_at": ISSUED, "root_version": 1, "serving": 2,
        "at": 1_800_000_000, "mode": "timer", "sdk": "edgelatch-js/0.1.0" })
}

fn tell(s: &Served, key: &str, body: &Value) -> Reply {
    s.call_as(key, &format!("POST {ACME}/edges"), &[], body)
}

/// Signs nothing, but notes that an epoch is out which shows this change.
fn publish(plane: &Plane, changes: u64) -> u64 {
    let realm = slug("acme");
    let ledger = plane.registry.ledger(&realm);
    let tree = ObjectId([1; 32]);
    let request = EpochRequest { above: 0, tree, records: 0, changes, root_version: 0, now: ISSUED, lifetime: 3_600 };
    let epoch = ledger.reserve(&request).unwrap().epoch;
    ledger.mark_published(epoch).unwrap();
    epoch
}

fn change_of(reply: &Reply) -> u64 {
    reply.header("edgelatch-change").unwrap_or_else(|| panic!("{reply}")).parse().unwrap()
}

fn create(s: &Served, name: &str) -> Reply {
    s.call(&format!("POST {ACME}/keys"), &json!({ "org": "one", "name": name, "roles": ["reader"] }))
}

/// Asks until the answer is so: reports are written a moment after they were taken.
fn until(s: &Served, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = s.get(path).ok();
        if holds(&answer) || Instant::now() > end {
            assert!(holds(&answer), "{answer:#}");
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn a_change_is_followed_until_it_is_everywhere(plane: Plane) {
    let s = plane.serve();
    let key = edge_key(&plane);
    let (made, change) = {
        let made = create(&s, "ci");
        let change = change_of(&made);
        (made.ok(), change)
    };
    let before = publish(&plane, change);
    assert_eq!(tell(&s, &key, &report("a", 1, before)).ok(), json!({ "interval": 30, "spread": 100 }));
    tell(&s, &key, &report("b", 1, before)).ok();
    let all = until(&s, &format!("{ACME}/edges"), |all| all["edges"].as_array().unwrap().len() == 2);
    let edge = &all["edges"][0];
    assert_eq!(
        (&edge["edge"], &edge["name"], &edge["live"], &edge["epoch"]),
        (&json!("a"), &json!("fra-1"), &json!(true), &json!(before))
    );
    assert_eq!((&edge["change"], &edge["behind"], &edge["mode"]), (&json!(change), &json!(0), &json!("timer")));
    let path = format!("{ACME}/keys/{}/revoke", made["key"]["key_id"].as_str().unwrap());
    let revoked = change_of(&s.call(&format!("POST {path}"), &json!({})));
    assert_eq!(revoked, change + 1);
    let fleet = format!("{ACME}/fleet?change={revoked}");
    let nowhere = s.get(&format!("{fleet}&wait=1")).ok();
    assert_eq!((&nowhere["everywhere"], &nowhere["published"], &nowhere["lacking"]), (&json!(false), &json!(false), &json!(2)));
    let after = publish(&plane, revoked);
    tell(&s, &key, &report("a", 2, after)).ok();
    let half = until(&s, &fleet, |fleet| fleet["lacking"] == 1);
    assert_eq!(
        (&half["published"], &half["everywhere"], &half["edges"][0]["edge"]),
        (&json!(true), &json!(false), &json!("b"))
    );
    let lacks = s.get(&format!("{ACME}/edges?lacks={revoked}&live=true")).ok();
    assert_eq!(lacks["edges"].as_array().unwrap().len(), 1);
    // Whoever waits is told at once.
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| (s.get(&format!("{fleet}&wait=25")).ok(), Instant::now()));
        std::thread::sleep(Duration::from_millis(300));
        tell(&s, &key, &report("b", 2, after)).ok();
        let told = Instant::now();
        let (answer, at) = waiting.join().unwrap();
        assert!(at - told < Duration::from_secs(15));
        answer
    });
    assert_eq!((&waited["everywhere"], &waited["live"], &waited["edges"]), (&json!(true), &json!(2), &json!([])));
    let figures = String::from_utf8(s.get("/metrics").body).unwrap();
    for line in [
        "edgelatch_edges_live{realm=\"acme\"} 2",
        "edgelatch_edges_gone{realm=\"acme\"} 0",
        "edgelatch_edges_lacking{realm=\"acme\"} 0",
        "edgelatch_edges_behind_epochs{realm=\"acme\"} 0",
        "edgelatch_edge_reports_lost_total 0",
        "edgelatch_edges_live{realm=\"management\"} 0",
    ] {
        assert!(figures.lines().any(|found| found == line), "{line}: {figures}");
    }
    // An edge that ends is not waited for.
    let mut end = report("b", 3, after);
    end["closing"] = json!(true);
    tell(&s, &key, &end).ok();
    until(&s, &fleet, |fleet| fleet["live"] == 1 && fleet["gone"] == 0);
}

fn each_part_of_a_report_is_checked(plane: Plane) {
    let s = plane.serve();
    let key = edge_key(&plane);
    for (member, wrong) in [
        ("edge", json!("a b")),
        ("edge", json!("x".repeat(65))),
        ("edge", json!("")),
        ("name", json!("x".repeat(1_000))),
        ("name", json!(null)),
        ("name", json!("a\u{1b}[2J")),
        ("report", json!(0)),
        ("report", json!(-1)),
        ("epoch", json!(1_u64 << 53)),
        ("issued_at", json!(u64::MAX)),
        ("root_version", json!(1_u64 << 40)),
        ("serving", json!(1.5)),
        ("at", json!("now")),
        ("mode", json!("always")),
        ("sdk", json!("a\n")),
        ("colour", json!("red")),
    ] {
        let mut body = report("a", 1, 1);
        body[member] = wrong;
        let refused = tell(&s, &key, &body);
        assert_eq!(
            (refused.refused(), &refused.json()["pointer"]),
            ((422, "invalid".into()), &json!(format!("/{member}"))),
            "{body}"
        );
    }
    let mut long = report("a", 1, 1);
    long["name"] = json!("x".repeat(MAX_REPORT_BYTES));
    assert_eq!(tell(&s, &key, &long).refused(), (413, "too_large".into()));
    assert_eq!(s.get(&format!("{ACME}/fleet?wait=26")).refused(), (422, "invalid".into()));
    assert_eq!(s.get(&format!("{ACME}/edges")).ok()["edges"], json!([]));
}

fn who_may_report_may_not_look(plane: Plane) {
    let s = plane.serve();
    let key = edge_key(&plane);
    let (viewer, org_viewer, org_edge) = (
        plane.management_key("viewer", &[management::realm_service(&slug("acme")).unwrap()]).1,
        plane.org_key("viewer", "one"),
        plane.org_key("edge", "one"),
    );
    let get = |key: &str, path: &str| s.call_as(key, &format!("GET {path}"), &[], &Value::Null).status;
    for path in ["edges", "fleet"] {
        assert_eq!(get(&key, &format!("{ACME}/{path}")), 403);
        assert_eq!(get(&viewer, &format!("{ACME}/{path}")), 200);
        // An edge serves all orgs of its realm.
        assert_eq!(get(&org_viewer, &format!("{ACME}/{path}")), 403);
        assert_eq!(get(&viewer, &format!("/api/v1/realms/elsewhere/{path}")), 403);
        assert_eq!(get(&plane.admin, &format!("/api/v1/realms/elsewhere/{path}")), 404);
        assert_eq!(get(&viewer, &format!("/api/v1/realms/management/{path}")), 403);
    }
    let post =
        |key: &str, realm: &str| s.call_as(key, &format!("POST /api/v1/realms/{realm}/edges"), &[], &report("a", 1, 1)).status;
    assert_eq!((post(&key, "acme"), post(&viewer, "acme"), post(&org_edge, "acme")), (200, 403, 403));
    assert_eq!((post(&key, "elsewhere"), post(&plane.admin, "elsewhere"), post("", "acme")), (403, 404, 401));
}

fn a_report_is_no_row_of_the_log(plane: Plane) {
    let s = plane.serve();
    let (id, key) = plane.management_key("edge", &[]);
    for number in 1..=20 {
        tell(&s, &key, &report("a", number, 1)).ok();
    }
    let refused = tell(&s, &key, &json!({}));
    assert_eq!(refused.status, 422);
    // One for all that were taken, and whatever was refused.
    let log = until(&s, &format!("/api/v1/realms/management/keys/{id}/requests"), |log| {
        log["requests"].as_array().unwrap().len() >= 2
    });
    let statuses: Vec<u64> = log["requests"].as_array().unwrap().iter().map(|row| row["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [422, 200], "{log:#}");
    let figures = String::from_utf8(s.get("/metrics").body).unwrap();
    let line = "edgelatch_api_requests_total{endpoint=\"/api/v1/realms/{realm}/edges\",method=\"POST\",status=\"200\"} 20";
    assert!(figures.contains(line), "{figures}");
}

fn an_act_says_which_change_it_is(plane: Plane) {
    let s = plane.serve();
    let changes = || plane.registry.ledger(&slug("acme")).changes().unwrap();
    let made = create(&s, "ci");
    assert_eq!(change_of(&made), changes());
    let path = format!("{ACME}/keys/{}", made.json()["key"]["key_id"].as_str().unwrap());
    let before = changes();
    // It shows nothing new, so that whoever has what was there has all of it.
    assert_eq!(change_of(&s.call(&format!("POST {path}/enable"), &json!({}))), before);
    assert_eq!(change_of(&s.call(&format!("POST {path}/rotate"), &json!({}))), before + 1);
    let owner = format!("PATCH {ACME}/orgs/one/owners/alice");
    assert_eq!(change_of(&s.call(&owner, &json!({ "disabled": true }))), before + 2);
    assert_eq!(change_of(&s.call(&format!("DELETE {path}?confirm=ci"), &Value::Null)), before + 3);
    for reply in [s.get(&path), s.get(&format!("{ACME}/keys")), s.call(&format!("PATCH {path}"), &json!({ "colour": 1 }))] {
        assert_eq!(reply.header("edgelatch-change"), None, "{reply}");
    }
}

fn calls_that_wait_are_bounded(plane: Plane) {
    let s = plane.serve();
    publish(&plane, 0);
    // Nobody reports, so nothing is everywhere.
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = |wait: &str| s.get(&format!("{ACME}/fleet?wait={wait}")).status;
        let calls: Vec<_> = (0..2 * MAX_WAITING_CALLS).map(|_| scope.spawn(move || ask("3"))).collect();
        std::thread::sleep(Duration::from_millis(500));
        // Others of the same key are answered meanwhile.
        assert_eq!(ask("0"), 200);
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((count(200), count(503)), (MAX_WAITING_CALLS, MAX_WAITING_CALLS), "{statuses:?}");
    assert_eq!(s.get(&format!("{ACME}/fleet?wait=0")).ok()["everywhere"], false);
}

/// Else a call would hold the server up for as long as that may take, and then be cut off.
fn whoever_waits_is_answered_when_the_server_ends(plane: Plane) {
    let s = plane.serve();
    publish(&plane, 0);
    let (api, admin) = (s.api, plane.admin.clone());
    let waiting = std::thread::spawn(move || {
        let request = format!(
            "GET {ACME}/fleet?wait=25 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {admin}\r\n\r\n"
        );
        common::raw(api, request.as_bytes())
    });
    std::thread::sleep(Duration::from_millis(500));
    drop(s);
    assert_eq!(waiting.join().unwrap().ok()["everywhere"], false);
}
