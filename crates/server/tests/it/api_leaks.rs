//! Keys by their secrets, and reports of leaked ones as GitHub's secret scanning sends them.

use std::path::PathBuf;

use crate::common::{self, Plane, Reply, Served, slug};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgelatch_registry::OrgEdit;
use edgelatch_server::{FailureRate, limits};
use edgelatch_testkit::on_both_stores;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

const ACME: &str = "/api/v1/realms/acme";
const LEAKS: &str = "POST /api/v1/leaks/github";

on_both_stores! {
    start: crate::common::Plane::at;
    a_key_is_found_and_revoked_by_its_secret, a_signed_report_is_answered_by_labels,
}

fn create(s: &Served, org: &str, name: &str) -> (String, String) {
    let made = s.call(&format!("POST {ACME}/keys"), &json!({ "org": org, "name": name, "roles": ["reader"] })).ok();
    (made["key"]["key_id"].as_str().unwrap().into(), made["secret"].as_str().unwrap().into())
}

fn a_key_is_found_and_revoked_by_its_secret(plane: Plane) {
    let s = plane.serve();
    let ((id, secret), (_, other)) = (create(&s, "one", "ci"), create(&s, "two", "theirs"));
    let ask = |key: &str, act: &str, secret: &str| {
        let reply = s.call_as(key, &format!("POST {ACME}/keys/by-secret{act}"), &[], &json!({ "secret": secret }));
        assert!(!reply.to_string().contains(&secret[12..]), "{reply}");
        reply
    };
    let found = ask(&plane.admin, "", &secret).ok();
    assert_eq!((&found["key"]["key_id"], &found["secret_kind"]), (&json!(id), &json!("current")));
    let (viewer, manager) = (plane.org_key("viewer", "one"), plane.org_key("key-manager", "one"));
    assert_eq!(ask(&viewer, "/revoke", &secret).refused(), (403, "insufficient-scope".into()));
    // To whoever has one org, another's key is as unknown as none.
    for text in [&other, "nobody-has-this-secret"] {
        assert_eq!(ask(&viewer, "", text).refused(), (404, "secret_unknown".into()));
        assert_eq!(ask(&manager, "/revoke", text).refused(), (404, "secret_unknown".into()));
    }
    let revoked = ask(&manager, "/revoke", &secret);
    assert!(revoked.header("edgelatch-change").is_some(), "{revoked}");
    assert_eq!(revoked.ok()["key"]["state"], "revoked");
    assert_eq!(ask(&plane.admin, "/revoke", &secret).ok()["changed"], false);
    for (body, pointer) in [(json!({}), ""), (json!({ "secret": "" }), "/secret"), (json!({ "secret": [secret] }), "/secret")] {
        let refused = s.call(&format!("POST {ACME}/keys/by-secret"), &body);
        assert_eq!((refused.status, &refused.json()["pointer"]), (422, &json!(pointer)), "{refused}");
        assert!(!refused.to_string().contains(&secret[12..]), "{refused}");
    }
    drop(s);
    let logged = plane.registry.audit(&slug("acme")).list(&Default::default(), &Default::default()).unwrap();
    assert!(!serde_json::to_string(&logged).unwrap().contains(&secret[12..]));
}

/// Whoever tries texts is slowed down; whoever has found real ones is not.
#[test]
fn texts_that_are_no_secret_are_counted() {
    let plane = Plane::new();
    let failures = FailureRate { burst: 3, per_minute: 1, pause: std::time::Duration::from_millis(20) };
    let s = plane.serve_with(|api| api.failures = failures);
    let (_, secret) = create(&s, "one", "ci");
    let ask = |text: &str| s.call(&format!("POST {ACME}/keys/by-secret"), &json!({ "secret": text }));
    for n in 0..3 {
        assert_eq!(ask(&format!("guess-{n}")).refused(), (404, "secret_unknown".into()));
    }
    let slowed = ask("guess-4");
    assert_eq!(slowed.refused(), (429, "rate_limited".into()));
    assert!(slowed.header("retry-after").is_some(), "{slowed}");
    assert_eq!((ask(&secret).status, s.get(&format!("{ACME}/keys")).status), (200, 200));
}

/// Who signs reports: a key of the curve P-256, under an identifier.
struct Signer(EcdsaKeyPair, SystemRandom);

impl Signer {
    fn new() -> Signer {
        let random = SystemRandom::new();
        let secret = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        Signer(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, secret.as_ref(), &random).unwrap(), random)
    }

    /// As GitHub lists it: a SubjectPublicKeyInfo in PEM.
    fn listed(&self, id: &str) -> Value {
        let head = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let head = (0..head.len()).step_by(2).map(|at| u8::from_str_radix(&head[at..at + 2], 16).unwrap());
        let der: Vec<u8> = head.chain(self.0.public_key().as_ref().iter().copied()).collect();
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
        json!({ "key_identifier": id, "key": pem, "is_current": true })
    }

    fn sign(&self, body: &str) -> String {
        STANDARD.encode(self.0.sign(&self.1, body.as_bytes()).unwrap())
    }
}

fn list(plane: &Plane, keys: &Value) -> PathBuf {
    let path = plane.dir.path().join("github-keys.json");
    std::fs::write(&path, json!({ "public_keys": keys }).to_string()).unwrap();
    path
}

fn send(s: &Served, id: &str, signature: &str, body: &str) -> Reply {
    let headers = [
        ("Content-Type", "application/json"),
        ("Github-Public-Key-Identifier", id),
        ("Github-Public-Key-Signature", signature),
    ];
    s.send(LEAKS, "", &headers, body.as_bytes())
}

fn finding(token: &str) -> Value {
    json!({ "token": token, "type": "acme_api_key", "source": "content", "url": format!("https://example.com/?leaked={token}") })
}

fn a_signed_report_is_answered_by_labels(plane: Plane) {
    let signer = Signer::new();
    let path = list(&plane, &json!([signer.listed("k1")]));
    let edit = OrgEdit { settings: Some(json!({ "revoke_leaked": true })), ..OrgEdit::default() };
    plane.registry.tenants(&slug("acme")).edit_org(&common::caller(), &slug("one"), &edit).unwrap();
    let s = plane.serve_with(|api| api.github_keys = Some(path));
    let ((one, leaked), (two, kept)) = (create(&s, "one", "ci"), create(&s, "two", "ci"));
    let body = json!([finding(&leaked), finding("acme_nobodys"), finding(&kept)]).to_string();
    let reply = send(&s, "k1", &signer.sign(&body), &body);
    assert!(!reply.to_string().contains(&leaked[12..]), "{reply}");
    let labels = reply.ok();
    let digest: String = edgelatch_core::key::digest(leaked.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(labels[0], json!({ "token_hash": digest, "token_type": "acme_api_key", "label": "true_positive" }));
    assert_eq!((&labels[1]["label"], &labels[2]["label"]), (&json!("false_positive"), &json!("true_positive")));
    let state = |id: &str| s.get(&format!("{ACME}/keys/{id}")).ok();
    assert_eq!((&state(&one)["state"], &state(&two)["state"]), (&json!("revoked"), &json!("active")));
    assert!(state(&two)["leaked_at"].is_string());
    // Told of both, and of the text nothing, though it stood in the address too.
    let alerts = || {
        let due = plane.registry.outbox().take(100).unwrap();
        due.into_iter().filter(|due| due.body.contains(r#""type":"secret_leaked""#)).collect::<Vec<_>>()
    };
    let told = alerts();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|alert| !alert.body.contains(&leaked[12..]) && !alert.body.contains(&kept[12..])), "{told:?}");
    // Again, as it was overheard.
    assert_eq!(send(&s, "k1", &signer.sign(&body), &body).ok(), labels);
    assert_eq!(alerts().len(), 0);
}

#[test]
fn a_report_that_is_not_signed_is_refused() {
    let plane = Plane::new();
    let (signer, stranger) = (Signer::new(), Signer::new());
    let path = list(&plane, &json!([signer.listed("k1"), stranger.listed("k2")]));
    let s = plane.serve_with(|api| api.github_keys = Some(path.clone()));
    let (id, secret) = create(&s, "one", "ci");
    let body = json!([finding(&secret)]).to_string();
    let good = signer.sign(&body);
    let refused = |reply: Reply| {
        assert_eq!(reply.refused(), (403, "signature_refused".into()), "{reply}");
        assert!(!reply.to_string().contains(&secret[12..]), "{reply}");
    };
    refused(send(&s, "k1", &stranger.sign(&body), &body));
    refused(send(&s, "k2", &good, &body));
    refused(send(&s, "k3", &good, &body));
    refused(send(&s, "k1", "", &body));
    refused(send(&s, "k1", "====", &body));
    refused(send(&s, "k1", &signer.sign(&body.replace("content", "commit")), &body));
    refused(send(&s, "k1", &good, &format!("{body} ")));
    refused(s.call_as(&plane.admin, LEAKS, &[], &json!([finding(&secret)])));
    let twice =
        [("Content-Type", "application/json"), ("Github-Public-Key-Identifier", "k1"), ("Github-Public-Key-Signature", &good)];
    refused(s.send(LEAKS, "", &[&twice[..], &[("Github-Public-Key-Signature", &good)]].concat(), body.as_bytes()));
    let huge = format!("[{}]", " ".repeat(limits::MAX_LEAKS_BYTES));
    assert_eq!(send(&s, "k1", &signer.sign(&huge), &huge).refused(), (413, "too_large".into()));
    let many = json!(vec![finding("x"); limits::MAX_LEAKS + 1]).to_string();
    assert!(many.len() > limits::MAX_LEAKS_BYTES || send(&s, "k1", &signer.sign(&many), &many).status == 422);
    for unsound in ["[{}]", "{}", "[{\"token\": 1, \"type\": \"x\"}]", "nonsense"] {
        assert!([400, 422].contains(&send(&s, "k1", &signer.sign(unsound), unsound).status), "{unsound}");
    }
    assert_eq!(s.get(&format!("{ACME}/keys/{id}")).ok()["leaked_at"], Value::Null);
    // Keys that GitHub exchanges are known without a new start, and one that is listed no more proves nothing.
    list(&plane, &json!([stranger.listed("k4")]));
    refused(send(&s, "k1", &good, &body));
    assert_eq!(send(&s, "k4", &stranger.sign(&body), &body).ok()[0]["label"], "true_positive");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(send(&s, "k4", &stranger.sign(&body), &body).refused(), (500, "failed".into()));
}

#[test]
fn without_keys_no_report_is_taken() {
    let plane = Plane::new();
    let s = plane.serve();
    let signer = Signer::new();
    assert_eq!(send(&s, "k1", &signer.sign("[]"), "[]").refused(), (404, "not_found".into()));
}

#[test]
fn a_list_of_keys_that_cannot_be_used_stops_the_start() {
    let plane = Plane::new();
    let other_curve =
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    for keys in [
        json!([]),
        json!([{ "key_identifier": "k1", "key": "no key" }]),
        json!([{ "key_identifier": "k1", "key": other_curve }]),
    ] {
        let path = list(&plane, &keys);
        let started = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            plane.serve_with(|api| api.github_keys = Some(path));
        }));
        assert!(started.is_err(), "{keys}");
    }
}
