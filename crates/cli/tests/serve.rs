//! What `serve` serves, and where.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::Plane;
use serde_json::Value;

struct Serving {
    child: Child,
    first: Value,
}

impl Serving {
    fn start(plane: &Plane, args: &[&str]) -> Serving {
        let mut command = plane.command(&[&["--json", "serve", "--no-publish"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Serving { first: serde_json::from_str(&line).unwrap(), child }
    }

    fn connect(&self, name: &str) -> TcpStream {
        let addr = self.first[name].as_str().unwrap().trim_start_matches("http://").trim_end_matches("/api/v1");
        let stream = TcpStream::connect(addr.replace("0.0.0.0", "127.0.0.1")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// The status of a path at an address that the first line names.
    fn get(&self, name: &str, path: &str) -> String {
        let mut stream = self.connect(name);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text[9..12].into()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A server that waits for somebody to read its log comes to its end.
        drop(self.child.stderr.take());
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// More than a pipe holds (64 KiB) in lines of the access log, of 200 bytes and more each.
const CALLS: usize = 1_000;

#[test]
fn calls_are_answered_though_nobody_reads_the_log() {
    let p = Plane::new();
    // Nobody reads the pipe behind standard error before the end.
    let mut serving = Serving::start(&p, &["--addr", "127.0.0.1:0", "--auth-failures", "60000"]);
    let mut stream = BufReader::new(serving.connect("api"));
    let request = format!("GET {REALMS} HTTP/1.1\r\nHost: x\r\n\r\n");
    for call in 0..CALLS {
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        stream.read_line(&mut line).unwrap_or_else(|error| panic!("call {call}: {error}"));
        assert!(line.starts_with("HTTP/1.1 401"), "call {call}: {line}");
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        stream.read_exact(&mut vec![0; length]).unwrap();
    }
    // Read now, it holds every call: so many lines may wait.
    let log = BufReader::new(serving.child.stderr.take().unwrap());
    assert_eq!(log.lines().map_while(Result::ok).filter(|line| line.contains("edgelatch::access")).take(CALLS).count(), CALLS);
}

const REALMS: &str = "/api/v1/realms";

#[test]
fn the_api_is_served_to_this_machine_alone_unless_told_otherwise() {
    let p = Plane::new();
    let beside = Serving::start(&p, &["--addr", "127.0.0.1:0"]);
    assert_eq!((beside.get("api", REALMS), beside.get("addr", "/healthz")), ("401".into(), "200".into()));
    assert_eq!(beside.get("api", "/api/v1/openapi.json"), "200");
    for args in [&["--addr", "0.0.0.0:0"][..], &["--addr", "127.0.0.1:0", "--no-api"]] {
        let without = Serving::start(&p, args);
        assert_eq!((&without.first["api"], without.get("addr", REALMS)), (&Value::Null, "404".into()), "{args:?}");
    }
    let apart = Serving::start(&p, &["--addr", "0.0.0.0:0", "--api-addr", "127.0.0.1:0"]);
    assert_eq!((apart.get("addr", REALMS), apart.get("api", REALMS)), ("404".into(), "401".into()));
    assert_eq!((apart.get("addr", "/healthz"), apart.get("api", "/healthz")), ("200".into(), "404".into()));
}

#[test]
fn wrong_settings_are_refused_and_not_repeated() {
    let p = Plane::new();
    let secret = p.beside("secret");
    std::fs::write(&secret, "canary").unwrap();
    let secret = secret.to_str().unwrap();
    for (args, says) in [
        (&["--client-ip", "trust=nowhere"][..], "the rule for the client's address"),
        (&["--alert-url", "https://a.example/canary"], "EDGELATCH_ALERT_SECRET"),
        (&["--alert-url", "http://a.example/canary", "--alert-secret-file", secret], "https://"),
        (&["--alert-url", "https://a.example/canary", "--alert-secret-file", secret], "24 to 64"),
        (&["--alert-secret-file", secret], "--alert-url"),
        (&["--no-api", "--api-addr", "127.0.0.1:0"], "--api-addr"),
        (&["--auth-failures", "0"], "--auth-failures"),
    ] {
        let ran = p.run(&[&["serve", "--addr", "127.0.0.1:0"], args].concat());
        assert!(ran.code == 2 && ran.err.contains(says) && !ran.err.contains("canary"), "{args:?}: {}", ran.err);
    }
}
