//! What a caller reads of a value that does not fit: in the words of the API, not of the language that it is written in, and with a
//! pointer or a parameter that is there.

use crate::common::{Plane, Reply};
use edgelatch_registry::NewKey;
use edgelatch_server::api_document;
use edgelatch_testkit::registry::{KeysExt, caller, slug};
use serde_json::{Value, json};

/// Words of Rust, of its libraries, and of serde's data model.
const FOREIGN: [&str; 35] = [
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "f32",
    "f64",
    "bool",
    "str",
    "vec",
    "option",
    "struct",
    "enum",
    "variant",
    "variants",
    "tuple",
    "newtype",
    "sequence",
    "map",
    "unit",
    "borrowed",
    "serde",
    "deserialize",
    "trait",
    "integer",
    "floating",
    "untagged",
    "parseinterror",
    "tryfrominterror",
    "field",
];
const PHRASES: [&str; 6] = ["invalid type", "invalid value", "invalid length", "invalid digit", "target type", "at line"];

/// What is foreign in a text.
fn foreign(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let words = || text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let word = FOREIGN.iter().find(|word| words().any(|one| one == **word));
    word.or_else(|| PHRASES.iter().find(|phrase| text.contains(**phrase))).map(|found| (*found).to_owned())
}

struct Document(Value);

impl Document {
    fn resolved<'d>(&'d self, schema: &'d Value) -> Vec<&'d Value> {
        if let Some(name) = schema["$ref"].as_str() {
            return self.resolved(&self.0["components"]["schemas"][name.rsplit('/').next().unwrap()]);
        }
        let choices = ["oneOf", "anyOf", "allOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
        let mut all: Vec<&Value> = choices.flat_map(|one| self.resolved(one)).collect();
        all.push(schema);
        all
    }

    /// Every member of a body, as the members and lists that lead to it.
    fn members(&self, schema: &Value, path: &[String], all: &mut Vec<Vec<String>>) {
        for one in self.resolved(schema) {
            for (name, below) in one["properties"].as_object().into_iter().flatten() {
                let path = [path, std::slice::from_ref(name)].concat();
                all.push(path.clone());
                self.members(below, &path, all);
            }
            if !one["items"].is_null() {
                let path = [path, &["0".to_owned()]].concat();
                all.push(path.clone());
                self.members(&one["items"], &path, all);
            }
        }
    }

    fn has(&self, schema: &Value, pointer: &str) -> bool {
        let mut level = self.resolved(schema);
        for segment in pointer.split('/').skip(1) {
            let below = level.iter().flat_map(|one| {
                let item = one.get("items").filter(|_| segment.bytes().all(|b| b.is_ascii_digit()));
                let open = (one["type"] == "object" && one["properties"].is_null()).then_some(*one);
                one["properties"].get(segment).or(item).or(open)
            });
            level = below.flat_map(|schema| self.resolved(schema)).collect();
        }
        !level.is_empty()
    }
}

/// A body in which `value` stands at the end of a path.
fn holding(path: &[String], value: &Value) -> Value {
    match path.split_first() {
        None => value.clone(),
        Some((name, rest)) if name == "0" => json!([holding(rest, value)]),
        Some((name, rest)) => json!({ name: holding(rest, value) }),
    }
}

/// Checks what is said of a refusal, if it is one.
fn check(document: &Document, operation: &Value, call: &str, body: &Value, reply: &Reply) {
    if reply.status < 400 {
        return;
    }
    assert!(reply.status < 500, "{call}: {reply}");
    let problem = reply.json();
    for text in ["title", "detail"].map(|member| problem[member].as_str().unwrap_or_default()) {
        assert_eq!(foreign(text), None, "{call}: {text}");
    }
    if let Some(pointer) = problem["pointer"].as_str() {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        // One that was sent though there is none is named as it was sent.
        let there = body.pointer(pointer).is_some() || document.has(schema, pointer);
        assert!(!schema.is_null() && there, "{call}: there is no {pointer}: {reply}");
    }
    if let Some(name) = problem["parameter"].as_str() {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let mut known = parameters.filter_map(|parameter| parameter["name"].as_str()).chain(["query"]);
        assert!(known.any(|known| known.eq_ignore_ascii_case(name)), "{call}: there is no {name}: {reply}");
    }
}

fn plane() -> (Plane, String) {
    let plane = Plane::new();
    let new = NewKey { owner: Some(slug("alice")), ..NewKey::new(slug("one"), "ci".parse().unwrap()) };
    let key = plane.registry.keys(&slug("acme")).make(&caller(), &new).unwrap().key.key_id.to_string();
    (plane, key)
}

/// The path of an operation with what there is in the place of its parameters.
fn filled(path: &str, key: &str) -> String {
    [("{realm}", "acme"), ("{org}", "one"), ("{owner}", "alice"), ("{role}", "reader"), ("{key_id}", key)]
        .iter()
        .fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

/// Each operation with the method and path by which it is called.
fn operations(document: &Value) -> impl Iterator<Item = (String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (method.to_uppercase(), path, operation))
    })
}

#[test]
fn wrong_values_in_bodies() {
    let document = Document(serde_json::to_value(api_document()).unwrap());
    let (plane, key) = plane();
    let served = plane.serve();
    let wrong = [
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e30),
        json!(70_000),
        json!(5_000_000_000_u64),
        json!("x y"),
        json!(""),
        json!([]),
        json!([[]]),
        json!([1, 2]),
        json!({}),
        json!({ "hunter2 is it": 1 }),
        json!({ "x": 1 }),
        json!(null),
        json!("1m"),
        json!("2027-01-31T23:59"),
    ];
    let mut number = 0;
    for (method, path, operation) in operations(&document.0) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        let mut members = vec![vec![]];
        document.members(schema, &[], &mut members);
        for member in &members {
            for value in &wrong {
                let (line, body) = (format!("{method} {}", filled(path, &key)), holding(member, value));
                let reply = served.call(&line, &body);
                check(&document, operation, &format!("{line} {body}"), &body, &reply);
                assert!(reply.status < 400 || !reply.to_string().contains("hunter2"), "{line} {body}: {reply}");
                number += 1;
            }
        }
    }
    assert!(number > 1_500, "{number}");
}

#[test]
fn wrong_values_in_queries() {
    let document = Document(serde_json::to_value(api_document()).unwrap());
    let (plane, key) = plane();
    let served = plane.serve();
    let mut number = 0;
    for (method, path, operation) in operations(&document.0) {
        for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query")
        {
            for value in ["", "x", "-1", "1.5", "99999999999999999999999", "[]", "1m", "%00", "nobody", "2027-01-31T23:59"] {
                let line = format!("{method} {}?{}={value}", filled(path, &key), parameter["name"].as_str().unwrap());
                let body = if ["POST", "PATCH"].contains(&&*method) { json!({}) } else { Value::Null };
                check(&document, operation, &line, &body, &served.call(&line, &body));
                number += 1;
            }
        }
    }
    assert!(number > 200, "{number}");
}

/// What the registry refuses on the way of a call that does not have the member or parameter that it names.
#[test]
fn refusals_point_to_what_the_call_takes() {
    let (plane, key) = plane();
    let served = plane.serve();
    let at = |rest: &str| format!("/api/v1/realms/acme/{rest}");
    for (line, body, place) in [
        // A role in the path is no list of roles, and an org in the query no member.
        (format!("PATCH {}", at("roles/nobody")), json!({ "name": "x" }), json!({ "parameter": "role" })),
        (format!("PATCH {}", at("roles/reader")), json!({ "permissions": ["a.b"] }), json!({ "parameter": "role" })),
        (format!("GET {}", at("roles/nobody")), Value::Null, json!({ "parameter": "role" })),
        (format!("PATCH {}", at("orgs/nobody")), json!({ "name": "x" }), json!({ "parameter": "org" })),
        (format!("PATCH {}", at("orgs/one/owners/nobody")), json!({ "name": "x" }), json!({ "parameter": "owner" })),
        (format!("PATCH {}", at("orgs/one/owners/alice")), json!({ "roles": ["nobody"] }), json!({ "pointer": "/roles" })),
        (format!("GET {}", at("keys?org=nobody")), Value::Null, json!({ "parameter": "org" })),
        (
            format!("POST {}", at("keys")),
            json!({ "org": "one", "name": "x", "roles": ["nobody"] }),
            json!({ "pointer": "/roles" }),
        ),
        (
            format!("POST {}", at("keys/revoke")),
            json!({ "filter": { "org": "nobody" }, "dry_run": true }),
            json!({ "pointer": "/filter/org" }),
        ),
        (format!("POST {}", at("keys/revoke")), json!({ "filter": {} }), json!({ "pointer": "/confirm" })),
        (
            format!("PATCH {}", at("orgs/one")),
            json!({ "settings": { "max_keys": -1 } }),
            json!({ "pointer": "/settings/max_keys" }),
        ),
        // Keys are not enabled again here, and this call takes no status.
        (format!("POST {}", at(&format!("keys/{key}/enable"))), json!({}), json!({})),
    ] {
        if line.ends_with("/enable") {
            served.call(&line.replace("/enable", "/revoke"), &json!({})).ok();
        }
        let reply = served.call(&line, &body);
        assert!((400..500).contains(&reply.status), "{line}: {reply}");
        let problem = reply.json();
        let found: Value =
            ["pointer", "parameter"].into_iter().filter_map(|m| Some((m.to_owned(), problem.get(m)?.clone()))).collect();
        assert_eq!(found, place, "{line}: {reply}");
    }
}
