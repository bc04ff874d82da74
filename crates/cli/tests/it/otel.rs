//! Traces reach a collector of OpenTelemetry, and no secret does. With the feature `otel`: `cargo xtask test --only otel`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::node::{Node, until};
use crate::common::{Plane, binary};
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector that keeps the bodies which are sent to it.
struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    fn start() -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (url, bodies) = (format!("http://{}", listener.local_addr().unwrap()), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let kept = Arc::clone(&bodies);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || take(stream, &kept));
            }
        });
        Collector { url, bodies }
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().flat_map(|body| spans(body)).collect()
    }

    /// Waits for a span.
    fn wait(&self, what: &str, like: impl Fn(&Span) -> bool) -> Span {
        let mut found = None;
        until(&format!("a span: {what}"), || {
            found = self.spans().into_iter().find(|span| like(span));
            found.is_some()
        });
        found.unwrap()
    }
}

/// Answers requests of one connection, each a POST of spans.
fn take(stream: TcpStream, bodies: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut first) = (String::new(), 0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.trim().to_ascii_lowercase();
            if first.is_empty() {
                first = lower.clone();
            }
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if lower.is_empty() {
                break;
            }
        }
        assert_eq!(first, "post /v1/traces http/1.1");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        bodies.lock().unwrap().push(body);
        reader
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
    }
}

/// A field of a protobuf message.
enum Field<'f> {
    Number(u64),
    Bytes(&'f [u8]),
}

/// The fields of a message (protobuf.dev/programming-guides/encoding), each with its number.
fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    fn varint(message: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = message.split_first().unwrap();
            *message = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }
    fn cut<'m>(message: &mut &'m [u8], length: usize) -> &'m [u8] {
        let (front, rest) = message.split_at(length);
        *message = rest;
        front
    }
    let mut all = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut message)),
            1 => Field::Number(u64::from_le_bytes(cut(&mut message, 8).try_into().unwrap())),
            2 => {
                let length = usize::try_from(varint(&mut message)).unwrap();
                Field::Bytes(cut(&mut message, length))
            }
            5 => Field::Bytes(cut(&mut message, 4)),
            other => panic!("wire type {other}"),
        };
        all.push((tag >> 3, field));
    }
    all
}

fn messages(message: &[u8], number: u64) -> Vec<&[u8]> {
    let bytes = |(found, field)| match field {
        Field::Bytes(bytes) if found == number => Some(bytes),
        _ => None,
    };
    fields(message).into_iter().filter_map(bytes).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug)]
struct Span {
    service: String,
    trace: String,
    parent: String,
    state: String,
    name: String,
    /// Nanoseconds.
    took: u64,
    attributes: BTreeMap<String, String>,
}

/// Attributes of a message, in its field of this number.
fn attributes(message: &[u8], number: u64) -> BTreeMap<String, String> {
    let value = |value: &[u8]| match fields(value).into_iter().next() {
        Some((1, Field::Bytes(bytes))) => text(bytes),
        Some((3, Field::Number(number))) => number.to_string(),
        _ => panic!("neither text nor a number: {value:?}"),
    };
    messages(message, number).into_iter().map(|one| (text(messages(one, 1)[0]), value(messages(one, 2)[0]))).collect()
}

/// The spans of an export (opentelemetry/proto/collector/trace/v1).
fn spans(body: &[u8]) -> Vec<Span> {
    let mut all = Vec::new();
    for of_resource in messages(body, 1) {
        let service = messages(of_resource, 1)
            .into_iter()
            .map(|resource| attributes(resource, 1)["service.name"].clone())
            .collect::<String>();
        for span in messages(of_resource, 2).into_iter().flat_map(|of_scope| messages(of_scope, 2)) {
            let one = |number| messages(span, number).into_iter().next().unwrap_or_default();
            let time = |number| {
                fields(span).into_iter().find_map(|(found, field)| match field {
                    Field::Number(at) if found == number => Some(at),
                    _ => None,
                })
            };
            all.push(Span {
                service: service.clone(),
                trace: hex(one(1)),
                state: text(one(3)),
                parent: hex(one(4)),
                name: text(one(5)),
                took: time(8).unwrap().checked_sub(time(7).unwrap()).expect("it ends after it begins"),
                attributes: attributes(span, 9),
            });
        }
    }
    all
}

fn post(node: &Node, key: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = node.connect();
    let head = format!(
        "POST /api/v1/realms/acme/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         {headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn administrator(p: &Plane) -> String {
    p.create(&["--realm", "management", "--name", "traced", "--role", "administrator"]).1
}

#[test]
fn calls_and_publications_are_traced_without_any_secret() {
    let (p, collector) = (Plane::new(), Collector::start());
    let admin = administrator(&p);
    // One target fails at first.
    let blocked = p.beside("blocked");
    std::fs::write(&blocked, b"in the way").unwrap();
    let mut command = binary();
    command.env("OTEL_BSP_SCHEDULE_DELAY", "50");
    let node = Node::run(command, &p.data(), &["--otel-endpoint", &collector.url, "--to", blocked.to_str().unwrap()]);
    let headers = format!("traceparent: 00-{TRACE}-{PARENT}-01\r\ntracestate: canary=state\r\nbaggage: canary=baggage\r\n");
    let body = r#"{"org":"main","name":"canary-name","description":"canary-description","roles":["reader"]}"#;
    let (status, made) = post(&node, &admin, &headers, body);
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().unwrap();
    let span = collector.wait("the call", |span| span.trace == TRACE);
    assert_eq!(
        (span.name.as_str(), span.parent.as_str(), span.state.as_str()),
        ("POST /api/v1/realms/{realm}/keys", PARENT, "")
    );
    assert_eq!(span.service, "edgelatch");
    assert!(span.took > 0 && Duration::from_nanos(span.took) < Duration::from_secs(60), "{span:?}");
    let of = |span: &Span, name: &str| span.attributes.get(name).cloned().unwrap_or_default();
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/v1/realms/{realm}/keys"),
        ("http.response.status_code", "201"),
        ("edgelatch.realm", "acme"),
        ("edgelatch.verdict", "valid"),
    ] {
        assert_eq!(of(&span, name), value, "{span:?}");
    }
    assert!(of(&span, "edgelatch.key_id").starts_with("key_"), "{span:?}");
    // The epochs that followed: one target lacks them, until nothing is in its way.
    let published =
        |outcome: &'static str| move |span: &Span| span.name == "publish" && of(span, "edgelatch.outcome") == outcome;
    let partly = collector.wait("a publication that a target has missed", published("partly"));
    std::fs::remove_file(&blocked).unwrap();
    let whole = collector.wait("a publication", published("published"));
    let epoch = |span: &Span| of(span, "edgelatch.epoch").parse::<u64>().unwrap();
    assert!(epoch(&partly) > 1 && epoch(&whole) > epoch(&partly), "{partly:?} {whole:?}");
    for span in [&partly, &whole] {
        assert_eq!((of(span, "edgelatch.realm").as_str(), span.parent.as_str()), ("acme", ""), "{span:?}");
        assert!(span.trace != TRACE && span.took > 0);
    }
    assert_eq!((of(&partly, "edgelatch.targets"), of(&whole, "edgelatch.targets")), ("1".into(), "2".into()));
    // A caller who is not admitted, and says nothing of a trace that anybody could read, or two things.
    let refused = |headers: &str| {
        let before = collector.spans().len();
        assert_eq!(post(&node, "canary-key", headers, "{}").0, 401);
        let span = collector
            .wait("the refusal", |span| collector.spans().len() > before && of(span, "http.response.status_code") == "401");
        assert_eq!((span.parent.as_str(), of(&span, "edgelatch.realm").as_str()), ("", ""), "{span:?}");
        assert!(span.trace.len() == 32 && span.trace != TRACE);
    };
    refused("");
    refused("traceparent: canary-parent\r\n");
    refused(&format!("traceparent: 00-{TRACE}-{PARENT}-01\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n"));
    for body in collector.bodies.lock().unwrap().iter() {
        let said = String::from_utf8_lossy(body);
        for hidden in [secret, admin.as_str(), "canary", p.data().to_str().unwrap(), "127.0.0.1"] {
            assert!(!said.contains(hidden), "`{hidden}` in {said}");
        }
    }
}

#[test]
fn what_is_left_is_sent_at_the_end() {
    let (p, collector) = (Plane::new(), Collector::start());
    let mut command = binary();
    // Far later than the end.
    command
        .env("OTEL_BSP_SCHEDULE_DELAY", "600000")
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_SERVICE_NAME", "ours");
    let node = Node::run(command, &p.data(), &[]);
    assert_eq!(post(&node, "none", "traceparent: x\r\n", "{}").0, 401);
    assert!(collector.spans().is_empty());
    node.end();
    let span = collector.wait("the last one", |span| span.name.starts_with("POST "));
    assert_eq!(span.service, "ours");
}

/// A collector that takes connections and says nothing holds up neither calls nor the end; one that is not there is told of in the log.
#[test]
fn a_collector_in_trouble_holds_up_nothing() {
    let p = Plane::new();
    let admin = administrator(&p);
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (number, addr) in [deaf.local_addr().unwrap(), gone].into_iter().enumerate() {
        let mut command = binary();
        command.env("OTEL_BSP_SCHEDULE_DELAY", "50");
        let node = Node::run(command, &p.data(), &["--otel-endpoint", &format!("http://{addr}/")]);
        for call in 0..20 {
            let body = format!(r#"{{"org":"main","name":"k{number}-{call}"}}"#);
            assert_eq!(post(&node, &admin, "traceparent: x\r\n", &body).0, 201);
        }
        if addr == gone {
            until("it is told of", || node.log().contains("opentelemetry"));
        }
        let took = node.end();
        assert!(took < Duration::from_secs(8), "{took:?}");
    }
    let ran = p.run(&["serve", "--otel-endpoint", "http://canary:canary@127.0.0.1:1"]);
    assert!(ran.code == 2 && ran.err.contains("--otel-endpoint") && !ran.err.contains("canary"), "{}", ran.err);
}
