//! Events, usage over time and both logs, by command.

use crate::common::Plane;
use serde_json::Value;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn events_are_listed_and_delivered_once_more() {
    let p = Plane::new();
    p.json(&["keys", "create", "--name", "ci"]);
    let listed = p.json(&["events", "list", "--type", "key-created", "--state", "pending"]);
    let event = listed["events"][0].clone();
    assert_eq!((&event["type"], &event["body"]["name"]), (&"key_created".into(), &"ci".into()));
    assert_eq!(p.json(&["events", "list", "--alerts"])["events"], Value::Array(vec![]));
    let id = event["event"].as_str().unwrap();
    assert_eq!(p.json(&["events", "redeliver", id])["event"], *id);
    let text = p.ok(&["events", "list"]);
    assert!(text.contains(id) && text.contains("key_created") && text.contains("pending"), "{text}");
    let none = format!("evt_{}", "0".repeat(32));
    p.refused(&["events", "redeliver", &none], "not_found", &["edgelatch events list"]);
    p.refused(&["events", "redeliver", "x"], "invalid", &["evt_"]);
    p.refused(&["events", "list", "--state", "dead"], "usage", &["pending, delivered, failed"]);
}

#[test]
fn usage_is_shown_by_hour_and_day() {
    let p = Plane::new();
    let id = p.json(&["keys", "create", "--name", "ci"])["key"]["key_id"].as_str().unwrap().to_owned();
    for args in [&["usage", "show"][..], &["usage", "show", "--by", "hour", "--key", &id]] {
        let shown = p.json(args);
        assert_eq!(
            (&shown["by"], &shown["buckets"]),
            (&if args.len() > 2 { "hour" } else { "day" }.into(), &Value::Array(vec![]))
        );
    }
    p.refused(&["usage", "show", "--by", "month"], "usage", &["hour, day"]);
    p.refused(&["usage", "show", "--org", "nowhere"], "not_found", &["nowhere"]);
}

#[test]
fn logs_are_exported_from_any_place_on() {
    let p = Plane::new();
    p.json(&["keys", "create", "--name", "ci"]);
    let all = lines(&p.ok(&["audit", "export"]));
    assert!(all.iter().enumerate().all(|(i, row)| row["seq"] == i + 1) && all.len() > 2, "{all:?}");
    assert_eq!(all.last().unwrap()["action"], "key.create");
    let anchor = p.json(&["audit", "verify"])["anchor"].as_str().unwrap().to_owned();
    assert_eq!(anchor, format!("{}:{}", all.len(), all.last().unwrap()["hash"].as_str().unwrap()));
    let last = (all.len() - 1).to_string();
    assert_eq!(lines(&p.ok(&["audit", "export", "--after", &last])), all[all.len() - 1..]);
    let ran = p.run(&["audit", "export", "--after", &all.len().to_string()]);
    assert_eq!((ran.code, &*ran.out), (0, ""));
    assert!(ran.err.contains(&format!("--after {}", all.len())), "{}", ran.err);
    p.refused(&["audit", "export", "--after", "1000"], "invalid", &["beyond the end"]);
    assert_eq!(p.ok(&["usage", "export"]), "");
}
