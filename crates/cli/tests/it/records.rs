//! What was done and what was used: the audit log and its check, requests, totals, explanations, purging.

use crate::common::Plane;
use edgelatch_registry::{Database, Env, Registry, UsageBatch};
use rusqlite::Connection;
use serde_json::{Value, json};

fn database(p: &Plane) -> Connection {
    Connection::open(p.data().join("registry.db")).unwrap()
}

/// Somebody who can write the database takes its guards away and does this to the log.
fn tamper(p: &Plane, sql: &str) {
    let db = database(p);
    let mut named = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_log'").unwrap();
    let triggers: Vec<String> = named.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(!triggers.is_empty());
    assert!(db.execute_batch(sql).is_err(), "the database itself refuses it");
    for name in triggers {
        db.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    db.execute_batch(sql).unwrap();
}

const ACME: &str = "realm_id = (SELECT id FROM realms WHERE slug = 'acme')";

/// A plane with some history: its end as an anchor.
fn history() -> (Plane, String) {
    let p = Plane::new();
    let (id, _) = p.create(&["--name", "ci"]);
    p.ok(&["keys", "edit", &id, "--name", "deploy"]);
    p.ok(&["keys", "revoke", &id]);
    let sound = p.json(&["audit", "verify"]);
    assert_eq!(sound["sound"], true);
    let anchor = sound["anchor"].as_str().unwrap().to_owned();
    assert!(anchor.starts_with(&format!("{}:", sound["rows"])));
    (p, anchor)
}

#[test]
fn the_log_says_who_what_before_and_after() {
    let (p, _) = history();
    let mut command = p.command(&["owners", "create", "bob"]);
    assert!(command.env("USER", "alice").output().unwrap().status.success());
    let page = p.json(&["audit", "list", "--action", "key.edit"]);
    let row = &page["activity"][0];
    assert_eq!(
        (&row["actor"], &row["before"]["name"], &row["after"]["name"]),
        (&"cli:unknown".into(), &"ci".into(), &"deploy".into())
    );
    let target = row["target"].as_str().unwrap();
    assert_eq!(p.json(&["audit", "list", "--target", target])["activity"].as_array().unwrap().len(), 3);
    let by_alice = p.json(&["audit", "list", "--actor", "cli:alice"]);
    assert_eq!((&by_alice["activity"][0]["action"], &by_alice["activity"][1]), (&"owner.create".into(), &Value::Null));
    // Pages, newest first, to the very first row.
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let more = cursor.as_ref().map_or(vec![], |c| vec!["--cursor", c.as_str()]);
        let page = p.json(&[&["audit", "list", "--limit", "2"], &more[..]].concat());
        seen.extend(page["activity"].as_array().unwrap().iter().map(|row| row["seq"].as_u64().unwrap()));
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.into()),
            None => break,
        }
    }
    assert!(seen.len() > 5 && seen.iter().rev().copied().eq(1..=seen.len() as u64), "{seen:?}");
    assert_eq!(p.json(&["audit", "list", "--until", "1h ago"])["activity"], json!([]));
    assert_eq!(
        p.json(&["audit", "list", "--since", "1h ago", "--limit", "500"])["activity"].as_array().unwrap().len(),
        seen.len()
    );
    let human = p.ok(&["audit", "list"]);
    assert!(
        human.contains("WHO")
            && human.contains("cli:alice")
            && human.contains(r#"{"name":"ci","revision":1} → {"name":"deploy""#),
        "{human}"
    );
    p.refused(&["audit", "list", "--since", "lately"], "invalid", &["--since"]);
    p.refused(&["audit", "list", "--cursor", "x"], "invalid", &["--cursor"]);
}

#[test]
fn a_removed_row_is_found_and_named() {
    let (p, _) = history();
    tamper(&p, &format!("DELETE FROM audit_log WHERE {ACME} AND seq = 4"));
    let found = p.no(&["audit", "verify"]);
    assert_eq!((&found["sound"], &found["row"], &found["code"]), (&false.into(), &4.into(), &"activity_altered".into()));
    let human = p.run(&["audit", "verify"]);
    assert!(human.code == 1 && human.out.starts_with("altered") && human.out.contains("row 4"), "{}", human.out);
}

#[test]
fn an_altered_row_is_found_and_named() {
    for column in ["actor", "after", "action", "target"] {
        let (p, _) = history();
        tamper(&p, &format!("UPDATE audit_log SET {column} = 'cli:mallory' WHERE {ACME} AND seq = 5"));
        assert_eq!(p.no(&["audit", "verify"])["row"], 5, "{column}");
    }
}

#[test]
fn a_log_that_was_written_anew_is_found_by_the_anchor() {
    let (p, anchor) = history();
    // The end is cut off, and the realm's record of it set back.
    let last = p.json(&["audit", "verify"])["rows"].as_u64().unwrap();
    let sql = format!(
        "DELETE FROM audit_log WHERE {ACME} AND seq = {last}; UPDATE realms SET audit_seq = {last} - 1, audit_hash = \
         (SELECT hash FROM audit_log WHERE {ACME} AND seq = {last} - 1) WHERE slug = 'acme'"
    );
    tamper(&p, &sql);
    assert_eq!(p.json(&["audit", "verify"])["sound"], true, "nothing in the database tells");
    assert_eq!(p.no(&["audit", "verify", "--anchor", &anchor])["row"].as_u64(), Some(last));
    let (p, anchor) = history();
    p.ok(&["orgs", "create", "web"]);
    assert_eq!(p.json(&["audit", "verify", "--anchor", &anchor])["sound"], true, "later rows may follow it");
    let other = format!("{}{}", &anchor[..anchor.len() - 1], if anchor.ends_with('0') { "1" } else { "0" });
    assert_eq!(p.no(&["audit", "verify", "--anchor", &other])["sound"], false);
    for bad in ["", "4", "4:abc", &anchor.replace(':', " "), &anchor.to_uppercase().replace(':', ":A")] {
        p.refused(&["audit", "verify", "--anchor", bad], "usage", &["--anchor", "ROW:HASH"]);
    }
}

/// As an edge reports them.
fn report(p: &Plane, batch: &str, events: Value) {
    let registry = Registry::connect(&Database::file(p.data().join("registry.db")), Env::system()).unwrap();
    let batch: UsageBatch = serde_json::from_value(json!({ "batch": batch, "events": events })).unwrap();
    registry.usage(&"acme".parse().unwrap()).ingest(&batch).unwrap();
}

#[test]
fn requests_are_listed_in_pages_and_counted() {
    let p = Plane::new();
    let (id, _) = p.create(&["--name", "ci"]);
    let now = Env::system().now().unwrap();
    let event = |at: u64, status: u16, code: &str| json!({ "key_id": id, "at": at, "method": "GET", "endpoint": "/v1/zones?k=1", "ip": "192.0.2.7", "country": "CH", "status": status, "code": code });
    let good = (0..3).map(|i| event(now - 50 + i, 200, "valid"));
    report(&p, "b1", good.chain([event(now - 40, 403, "ip_denied"), event(now - 7200, 200, "valid")]).collect());
    let first = p.json(&["keys", "requests", &id, "--limit", "3"]);
    assert_eq!(first["requests"].as_array().unwrap().len(), 3);
    let newest = &first["requests"][0];
    assert_eq!(
        (&newest["code"], &newest["endpoint"], &newest["status"]),
        (&"ip_denied".into(), &"/v1/zones".into(), &403.into())
    );
    let rest = p.json(&["keys", "requests", &id, "--cursor", first["next"].as_str().unwrap()]);
    assert_eq!((rest["requests"].as_array().unwrap().len(), &rest["next"]), (2, &Value::Null));
    assert_eq!(p.json(&["keys", "requests", &id, "--until", "1h ago"])["requests"].as_array().unwrap().len(), 1);
    let human = p.ok(&["keys", "requests", &id]);
    assert!(human.starts_with("TIME") && human.contains("CH") && human.contains("/v1/zones"), "{human}");
    let totals = p.json(&["usage", "totals"]);
    assert_eq!(totals, json!([{ "code": "ip_denied", "number": 1 }, { "code": "valid", "number": 4 }]));
    let key = p.json(&["keys", "show", &id]);
    assert_eq!((&key["uses"], &key["refusals"], &key["last_used_ip"]), (&4.into(), &1.into(), &"192.0.2.7".into()));
    let shown = p.ok(&["keys", "show", &id]);
    assert!(shown.lines().any(|l| l.starts_with("last used ip") && l.ends_with("192.0.2.7")), "{shown}");
    assert!(shown.lines().any(|l| l.starts_with("rotation due") && l.contains('T')), "{shown}");
    assert!(p.ok(&["keys", "list"]).lines().next().unwrap().contains("LAST USED"));
    // What is past its time goes.
    p.ok(&["orgs", "set", "main", "request_log_days=0"]);
    assert_eq!(p.json(&["purge"])["requests"], 5);
    assert_eq!(p.json(&["keys", "requests", &id])["requests"], json!([]));
}

#[test]
fn what_a_key_would_get_is_what_it_then_gets() {
    let p = Plane::new();
    let (id, secret) =
        p.create(&["--name", "ci", "--role", "reader", "--scope", "cdn", "--allow", "10.0.0.0/8", "--expires", "1d"]);
    let good = ["--service", "cdn", "--permission", "cache.view", "--ip", "10.1.2.3"];
    let cases: [(&[&str], &str); 5] = [
        (&["--permission", "cache.purge"], "permission_denied"),
        (&["--service", "dns"], "scope_denied"),
        (&["--ip", "192.0.2.1"], "ip_denied"),
        (&["--permission", "cache.*"], "bad_requirement"),
        (&[], "valid"),
    ];
    p.ok(&["publish"]);
    for (more, code) in cases {
        let kept = good.chunks(2).filter(|pair| !more.contains(&pair[0])).flatten().copied();
        let ask: Vec<&str> = kept.chain(more.iter().copied()).collect();
        let ran = p.run(&[&["--json", "explain", "key", &id], &ask[..]].concat());
        let said: Value = serde_json::from_str(&ran.out).unwrap();
        let (exit, verdict) = p.verify(&secret, &ask);
        assert_eq!((ran.code, &said["code"]), (exit, &verdict["code"]), "{more:?}");
        assert_eq!(said["code"], code);
    }
    assert_eq!(p.no(&[&["explain", "key", &id, "--at", "2d"], &good[..]].concat())["code"], "expired");
    // It knows what is not published yet.
    p.ok(&["owners", "disable", "admin"]);
    assert_eq!(p.no(&[&["explain", "key", &id], &good[..]].concat())["code"], "owner_disabled");
    assert_eq!(p.verify(&secret, &good).0, 0);
    let human = p.run(&["explain", "key", &id]);
    assert!(
        human.code == 1 && human.out.contains("✗") && human.out.ends_with("refused: owner_disabled (HTTP 401)\n"),
        "{}",
        human.out
    );
    p.refused(&["explain", "key", "key_00000000000"], "not_found", &[]);
    p.refused(&["explain", "key", &id, "--ip", "10.0.0.256"], "usage", &["--ip"]);
    p.refused(&["explain", "key", &id, "--at", "soon"], "invalid", &["--at"]);
}

#[test]
fn who_can_use_an_address() {
    let p = Plane::new();
    p.create(&["--name", "office", "--allow", "10.0.0.0/8"]);
    p.create(&["--name", "elsewhere", "--allow", "192.0.2.0/24"]);
    p.create(&["--name", "anywhere"]);
    let names = |args: &[&str]| {
        let page = p.json(&[&["explain", "address"], args].concat());
        let names = page["keys"].as_array().unwrap().iter().map(|usable| usable["key"]["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&["10.1.2.3"]), ["anywhere", "office"]);
    assert_eq!(names(&["10.1.2.3", "--only-listed"]), ["office"]);
    assert_eq!(names(&["::1"]), ["anywhere"]);
    assert_eq!(names(&["10.1.2.3", "--search", "off"]), ["office"]);
    assert!(p.ok(&["explain", "address", "10.1.2.3"]).contains("office"));
    p.refused(&["explain", "address", "10.1.2.3/8"], "usage", &["IP"]);
}
