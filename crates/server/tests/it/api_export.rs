//! Usage over time, and both logs as JSON lines.

use crate::common::{Plane, Reply, Served};
use edgelatch_testkit::on_both_stores;
use serde_json::{Value, json};

const ACME: &str = "/api/v1/realms/acme";

on_both_stores! {
    start: crate::common::Plane::at;
    logs_are_exported, usage_is_summed,
}

fn create(s: &Served, org: &str, name: &str) -> String {
    let made = s.call(&format!("POST {ACME}/keys"), &json!({ "org": org, "name": name, "roles": ["reader"] })).ok();
    made["key"]["key_id"].as_str().unwrap().into()
}

fn report(plane: &Plane, s: &Served, batch: &str, keys: &[&str]) {
    let at = plane.registry.env().now().unwrap();
    let event = |(i, key): (usize, &&str)| json!({ "key_id": key, "at": at, "method": "GET", "endpoint": "/x", "status": 200, "code": "valid", "event": format!("{batch}-{i}") });
    let events: Vec<Value> = keys.iter().enumerate().map(event).collect();
    s.call(&format!("POST {ACME}/usage"), &json!({ "batch": batch, "events": events })).ok();
}

/// The lines of an answer that came in chunks.
fn lines(reply: &Reply) -> Vec<Value> {
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/jsonl")), "{reply}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    let (mut rest, mut text) = (&reply.body[..], Vec::new());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").expect("a chunk's length");
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            break;
        }
        text.extend(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
    String::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn logs_are_exported(plane: Plane) {
    let s = plane.serve();
    let (one, two) = (create(&s, "one", "a"), create(&s, "two", "b"));
    report(&plane, &s, "b1", &vec![&*one; 1_200]);
    report(&plane, &s, "b2", &[&two, &one]);
    let get = |key: &str, path: &str| s.call_as(key, &format!("GET {ACME}/{path}"), &[], &Value::Null);
    let requests = |key: &str, query: &str| lines(&get(key, &format!("requests/export{query}")));
    let all = requests(&plane.admin, "");
    assert!(all.len() == 1_202 && all.iter().enumerate().all(|(i, line)| line["seq"] == i + 1));
    assert_eq!((&all[1_200]["org"], &all[1_200]["key_id"], &all[1_200]["event"]), (&json!("two"), &json!(two), &json!("b2-0")));
    assert_eq!(requests(&plane.admin, "?after=1200"), all[1_200..]);
    assert_eq!(requests(&plane.admin, "?after=1202"), [Value::Null; 0]);
    assert_eq!(requests(&plane.admin, "?org=two"), all[1_200..1_201]);
    let viewer = plane.org_key("viewer", "two");
    assert_eq!(requests(&viewer, ""), all[1_200..1_201]);
    assert_eq!(get(&viewer, "requests/export?org=one").status, 403);
    assert_eq!(get(&viewer, "activity/export").status, 403);
    let acts = lines(&get(&plane.admin, "activity/export"));
    let end = s.get(&format!("{ACME}/activity/verify")).ok();
    assert_eq!((&acts.last().unwrap()["seq"], &acts.last().unwrap()["hash"]), (&end["seq"], &end["hash"]));
    let own = lines(&get(&plane.org_key("auditor", "two"), "activity/export"));
    let bare = |row: &Value| {
        let mut row = row.clone();
        row.as_object_mut().unwrap().remove("hash");
        row
    };
    let acts: Vec<Value> = acts.iter().map(bare).collect();
    assert!(!own.is_empty() && own.iter().all(|row| row["org"] == "two" && acts.contains(row)), "{own:?}");
    for (query, parameter) in [("after=1203", "after"), ("after=-1", "after"), ("after=x", "after"), ("colour=red", "colour")] {
        let refused = get(&plane.admin, &format!("requests/export?{query}"));
        assert_eq!((refused.refused(), &refused.json()["parameter"]), ((422, "invalid".into()), &json!(parameter)), "{query}");
    }
}

fn usage_is_summed(plane: Plane) {
    let s = plane.serve();
    let (one, two) = (create(&s, "one", "a"), create(&s, "two", "b"));
    report(&plane, &s, "b1", &[&one, &one, &two]);
    let get = |key: &str, query: &str| s.call_as(key, &format!("GET {ACME}/usage{query}"), &[], &Value::Null);
    // A day may begin while this runs.
    let sum = |key: &str, query: &str| {
        let found = get(key, query).ok();
        found["buckets"].as_array().unwrap().iter().map(|bucket| bucket["accepted"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((sum(&plane.admin, ""), sum(&plane.admin, "?by=hour"), sum(&plane.admin, "?org=two")), (3, 3, 1));
    assert_eq!(sum(&plane.admin, &format!("?by=hour&key_id={one}")), 2);
    assert_eq!(sum(&plane.admin, "?until=2020-01-01"), 0);
    assert_eq!(get(&plane.admin, "?by=hour").ok()["by"], "hour");
    let viewer = plane.org_key("viewer", "two");
    assert_eq!((sum(&viewer, ""), sum(&viewer, &format!("?key_id={two}"))), (1, 1));
    assert_eq!(get(&viewer, &format!("?key_id={one}")).status, 404);
    assert_eq!(get(&viewer, "?org=one").status, 403);
    for (query, parameter) in [("?by=month", "by"), ("?key_id=x", "key_id"), ("?org=one&key_id=key_00000000001", "org")] {
        let refused = get(&plane.admin, query);
        assert_eq!((refused.refused(), &refused.json()["parameter"]), ((422, "invalid".into()), &json!(parameter)), "{query}");
    }
}
