//! Events over a webhook: signed, tried again, never redirected, never logged.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::common::{Plane, Served, slug};
use edgelatch_registry::UsageBatch;
use edgelatch_server::{Options, Upkeep, Webhook};
use edgelatch_testkit::registry::usage_event;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "a secret that signs alerts, 32 ok";

struct Delivery {
    head: String,
    body: String,
}

impl Delivery {
    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v).next().unwrap_or_default()
    }
}

/// Answers one request after the other with these replies, then no more.
fn receiver(replies: Vec<String>) -> (String, Receiver<Delivery>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook/canary", listener.local_addr().unwrap());
    let (send, deliveries) = channel();
    std::thread::spawn(move || {
        for reply in replies {
            let Ok((stream, _)) = listener.accept() else { return };
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head += &line.replace("\r\n", "\n");
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            reader.get_mut().write_all(reply.as_bytes()).unwrap();
            let _ = send.send(Delivery { head, body: String::from_utf8(body).unwrap() });
        }
    });
    (url, deliveries)
}

fn reply(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

fn fail_often(plane: &Plane, batch: &str) {
    let at = plane.registry.env().now().unwrap();
    let event = usage_event(None, at, "unknown");
    let batch = UsageBatch { batch: batch.into(), events: vec![event; 100] };
    plane.registry.usage(&slug("acme")).ingest(&batch).unwrap();
}

/// A control plane of which everything was told.
fn plane() -> Plane {
    let plane = Plane::new();
    for due in plane.registry.outbox().take(500).unwrap() {
        plane.registry.outbox().delivered(&due.event).unwrap();
    }
    plane
}

fn serve(plane: &Plane, url: &str) -> Served {
    let webhook = Webhook::new(url, SECRET).unwrap().every(Duration::from_millis(20));
    let upkeep = Upkeep::new(plane.registry.clone());
    Served::start(Options { webhook: Some(webhook), upkeep: Some(upkeep), ..plane.options() }, &plane.admin)
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn an_alert_arrives_signed_once() {
    let plane = plane();
    let (url, deliveries) = receiver(vec![reply("204 No Content", ""), reply("204 No Content", "")]);
    let s = serve(&plane, &url);
    fail_often(&plane, "b-1");
    let delivery = deliveries.recv_timeout(LONG).unwrap();
    assert!(delivery.head.starts_with("POST /hook/canary HTTP/1.1\n"), "{}", delivery.head);
    let body: serde_json::Value = serde_json::from_str(&delivery.body).unwrap();
    assert_eq!((&body["type"], &body["failures"]), (&"failed_authentication".into(), &100.into()));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let (id, timestamp) = (delivery.header("webhook-id"), delivery.header("webhook-timestamp"));
    mac.update(format!("{id}.{timestamp}.{}", delivery.body).as_bytes());
    use base64::Engine;
    let expected = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(delivery.header("webhook-signature"), format!("v1,{expected}"));
    let now = plane.registry.env().now().unwrap();
    assert!(now.abs_diff(timestamp.parse().unwrap()) < 60);
    assert!(deliveries.recv_timeout(Duration::from_millis(300)).is_err(), "it came twice");
    drop(s);
    assert_eq!(plane.registry.outbox().pending().unwrap(), 0);
}

#[test]
fn a_refused_alert_is_kept_and_a_redirection_is_not_followed() {
    for (status, more) in [("500 Oops", ""), ("307 Elsewhere", "Location: /elsewhere\r\n")] {
        let plane = plane();
        let (url, deliveries) = receiver(vec![reply(status, more), reply("200 OK", "")]);
        let s = serve(&plane, &url);
        fail_often(&plane, "b-1");
        deliveries.recv_timeout(LONG).unwrap();
        // The registry gives it out again after a pause, not before.
        assert!(deliveries.recv_timeout(Duration::from_millis(300)).is_err());
        let events = s.log.text();
        assert!(
            s.log.lines("an event was not delivered").iter().any(|line| {
                line["event"].as_str().unwrap().starts_with("evt_")
                    && line["error"] == format!("the receiver answered {}", &status[..3])
            }),
            "{events}"
        );
        assert!(!events.contains("canary") && !events.contains("secret") && !events.contains("hook"), "{events}");
        let listed = s.get("/api/v1/realms/acme/events?alerts=true").ok();
        let event = &listed["events"][0];
        assert_eq!((&event["state"], &event["attempts"]), (&"pending".into(), &1.into()));
        assert_eq!(event["last_error"], format!("the receiver answered {}", &status[..3]));
        assert!(!listed.to_string().contains("canary"), "{listed}");
        drop(s);
        assert_eq!(plane.registry.outbox().pending().unwrap(), 1);
    }
}

#[test]
fn a_receiver_that_is_away_is_reported() {
    let plane = plane();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let s = serve(&plane, &format!("http://{gone}/canary"));
    fail_often(&plane, "b-1");
    let line = s.log.wait("an event was not delivered", 0);
    assert_eq!((&line["level"], &line["error"]), (&"WARN".into(), &"the connection could not be made".into()));
    assert!(!s.log.text().contains("canary"), "{}", s.log.text());
}

#[test]
fn an_event_is_delivered_again_when_asked_for() {
    let plane = plane();
    let (url, deliveries) = receiver(vec![reply("204 No Content", ""), reply("204 No Content", "")]);
    let s = serve(&plane, &url);
    s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "one", "name": "ci", "roles": ["reader"] })).ok();
    let first = deliveries.recv_timeout(LONG).unwrap();
    let id = first.header("webhook-id").to_owned();
    let path = format!("/api/v1/realms/acme/events/{id}");
    let state = |expected: &str| {
        let state = || s.get(&path).ok()["state"].clone();
        assert!(
            (0..500).any(|_| state() == expected || {
                std::thread::sleep(Duration::from_millis(10));
                false
            }),
            "{}",
            state()
        );
    };
    state("delivered");
    let again = s.call(&format!("POST {path}/redeliver"), &Value::Null).ok();
    assert_eq!((&again["state"], &again["attempts"], &again["type"]), (&"pending".into(), &0.into(), &"key_created".into()));
    let second = deliveries.recv_timeout(LONG).unwrap();
    assert_eq!((second.header("webhook-id"), &second.body), (&*id, &first.body));
    state("delivered");
}
