//! Bodies that chance makes, of every operation that takes one: what the document describes, and what clients and attackers make of it. Nothing of it is a
//! failure of the server; a refusal points to what is there, repeats nothing, and does not depend on how the same JSON is spelled.
//!
//! `EDGELATCH_BODIES=10000 EDGELATCH_BODIES_SEED=7` sends that many of each operation, made by another seed.

use std::collections::BTreeSet;

use edgelatch_server::api_document;
use edgelatch_testkit::random::Random;
use serde_json::{Map, Value, json};

use crate::common::{Plane, Reply};

/// Bodies of an operation, unless said otherwise.
const BODIES: u64 = 40;
/// What looks like a secret in the wrong place: as a value, and as the name of a member.
const CANARY: &str = "vsp_sk_4eC39HqLyjWDarjtT1zdp7dc8nQ2xW00aB1cD2";

const TEXTS: &[&str] = &[
    "",
    "a",
    "acme",
    "reader",
    "admin",
    "all",
    "never",
    "now",
    "3mo",
    "1m",
    "2027-01-31",
    "2027-01-31T12:00:00Z",
    "10.0.0.0/8",
    "10.0.0.1",
    "::/0",
    "fe80::1%eth0",
    "Zu\u{308}rich",
    "\u{202e}",
    "\u{0}",
    " blank ",
    "*.*",
    "dns.*",
    CANARY,
    "key_00000000001",
    "9",
    "true",
];

/// JSON that has nothing to do with what is described.
fn anything(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.number() >> random.below(64)),
        3 => json!(-1),
        4 => json!(1.5),
        5 => json!(u64::MAX),
        6 => json!(random.pick(TEXTS)),
        7 => (0..random.below(3)).map(|_| anything(random, depth - 1)).collect(),
        _ => {
            let name = if random.below(2) == 0 { CANARY } else { random.pick(&["name", "a", "__proto__", "cidr"]) };
            json!({ name: anything(random, depth - 1) })
        }
    }
}

/// JSON as a schema describes it, more or less.
fn described(random: &mut Random, document: &Value, schema: &Value, depth: usize) -> Value {
    if depth == 0 || random.below(25) == 0 {
        return anything(random, 2);
    }
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.trim_start_matches('#');
        return described(random, document, document.pointer(pointer).unwrap(), depth);
    }
    if let Some(choices) = ["oneOf", "anyOf", "allOf"].iter().find_map(|kind| schema[*kind].as_array()) {
        let choice = &choices[random.below(choices.len())];
        return described(random, document, choice, depth - 1);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[random.below(words.len())].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[random.below(kinds.len())].as_str(),
        kind => kind.as_str(),
    };
    match kind {
        Some("object") => {
            let required: BTreeSet<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let mut object = Map::new();
            for (name, member) in schema["properties"].as_object().into_iter().flatten() {
                if random.below(3) == 0 || required.contains(name.as_str()) && random.below(20) > 0 {
                    object.insert(name.clone(), described(random, document, member, depth - 1));
                }
            }
            if random.below(12) == 0 {
                object.insert(random.pick(&[CANARY, "nmae", "Name", "a/b", "~"]).into(), anything(random, 1));
            }
            Value::Object(object)
        }
        Some("array") => (0..random.below(4)).map(|_| described(random, document, &schema["items"], depth - 1)).collect(),
        Some("string") => match schema["examples"].as_array().filter(|_| random.below(2) == 0) {
            Some(examples) => examples[random.below(examples.len())].clone(),
            None => json!(random.pick(TEXTS)),
        },
        Some("integer" | "number") => json!([0, 1, 5, 100, 1_769_817_600, u64::MAX][random.below(6)]),
        Some("boolean") => json!(random.below(2) == 0),
        Some("null") => Value::Null,
        _ => anything(random, 2),
    }
}

/// The same JSON in other letters: blanks everywhere, the first character of each text as an escape.
fn respelled(value: &Value) -> String {
    let text = |text: &str| match text.chars().next().filter(|first| u32::from(*first) <= 0xffff) {
        Some(first) => {
            let rest = serde_json::to_string(&text[first.len_utf8()..]).unwrap();
            format!("\"\\u{:04X}{}", u32::from(first), &rest[1..])
        }
        None => serde_json::to_string(text).unwrap(),
    };
    match value {
        Value::String(one) => text(one),
        Value::Array(items) => format!(" [\t{} ]", items.iter().map(respelled).collect::<Vec<_>>().join(" ,\n")),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{} : {}", text(name), respelled(value));
            format!("\r\n{{ {} }} ", members.iter().map(member).collect::<Vec<_>>().join(" , "))
        }
        other => other.to_string(),
    }
}

/// Whether a pointer leads to what was sent, or to a member that is missing in what it leads to.
fn exists(body: &Value, pointer: &str) -> bool {
    let above = pointer.rsplit_once('/').map_or("", |(above, _)| above);
    body.pointer(pointer).is_some() || body.pointer(above).is_some_and(Value::is_object)
}

fn check(reply: &Reply, sent: &str) {
    assert!(reply.status < 500, "{sent}\n{reply}");
    if reply.status < 400 {
        return;
    }
    let (status, _) = reply.refused();
    let told = reply.json();
    let body: Option<Value> = serde_json::from_str(sent).ok();
    if let (Some(pointer), Some(body)) = (told["pointer"].as_str(), &body) {
        assert!(exists(body, pointer), "{pointer} is not in {sent}\n{reply}");
    }
    // What is well formed and does not fit may be a secret in the wrong place.
    let invalid = matches!(status, 400 | 422);
    assert!(!invalid || !reply.to_string().contains(&CANARY[8..]), "{sent}\n{reply}");
}

#[test]
fn no_body_is_a_failure_of_the_server() {
    let number = |name: &str, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (bodies, seed) = (number("EDGELATCH_BODIES", BODIES), number("EDGELATCH_BODIES_SEED", 1));
    let plane = Plane::new();
    let s = plane.serve();
    let document = serde_json::to_value(api_document()).unwrap();
    let made = s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "name": "first" })).ok();
    let key_id = made["key"]["key_id"].as_str().unwrap();
    let mut random = Random(seed);
    let (mut accepted, mut refused, mut operations) = (0, 0, 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if schema.is_null() {
                continue;
            }
            operations += 1;
            let place = [
                ("{realm}", "acme"),
                ("{key_id}", key_id),
                ("{org}", "one"),
                ("{owner}", "alice"),
                ("{role}", "reader"),
                ("{person}", "nobody"),
            ];
            let path = place.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
            let line = format!("{} {path}", method.to_uppercase());
            let send = |text: &[u8]| s.send(&line, s.admin(), &[("Content-Type", "application/json")], text);
            for _ in 0..bodies {
                let body = described(&mut random, &document, schema, 8);
                let text = body.to_string();
                if random.below(6) == 0 {
                    let bent = random.mutate(&[&text, &text, "[]", "{\"name\":1}", "null"]);
                    let reply = send(&bent);
                    check(&reply, &String::from_utf8_lossy(&bent));
                    continue;
                }
                let reply = send(text.as_bytes());
                check(&reply, &text);
                if !matches!(reply.status, 400 | 422) {
                    accepted += usize::from(reply.status < 300);
                    continue;
                }
                refused += 1;
                let other = respelled(&body);
                let again = send(other.as_bytes());
                let told = |reply: &Reply| (reply.status, reply.json()["code"].clone(), reply.json()["pointer"].clone());
                assert_eq!(told(&again), told(&reply), "{line}\n{text}\n{other}\n{reply}\n{again}");
            }
        }
    }
    println!("{operations} operations, {accepted} bodies accepted, {refused} refused, seed {seed}");
    assert!(
        operations >= 20 && accepted > operations && refused > operations,
        "{operations} {accepted} {refused}: nothing is shown"
    );
}
