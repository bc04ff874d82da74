//! What `serve` serves, and where.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use common::Plane;
use serde_json::Value;

struct Serving {
    child: Child,
    first: Value,
}

impl Serving {
    fn start(plane: &Plane, args: &[&str]) -> Serving {
        let mut command = plane.command(&[&["--json", "serve", "--no-publish"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Serving { first: serde_json::from_str(&line).unwrap(), child }
    }

    /// The status of a path at an address that the first line names.
    fn get(&self, name: &str, path: &str) -> String {
        let addr = self.first[name].as_str().unwrap().trim_start_matches("http://").trim_end_matches("/api/v1");
        let addr = addr.replace("0.0.0.0", "127.0.0.1");
        let mut stream = TcpStream::connect(addr).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text[9..12].into()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
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
