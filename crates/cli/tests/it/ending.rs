//! A server ends within eight seconds of being asked to, whatever those that it talks with do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use crate::common::Plane;
use crate::common::node::{Node, until};
use edgelatch_testkit::postgres;

/// Supervisors kill after ten.
const LONGEST: Duration = Duration::from_secs(8);

fn ends(what: &str, node: Node) {
    let took = node.end();
    assert!(took < LONGEST, "{what}: {took:?}");
}

#[test]
fn whatever_clients_do() {
    let p = Plane::new();
    let node = Node::start(&p.data(), &[]);
    // Readers that take nothing of what is larger than any buffer.
    std::fs::write(p.published("objects").join("7".repeat(64)), vec![7; 64 << 20]).unwrap();
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut reader = node.connect();
        write!(reader, "GET /r/acme/objects/{} HTTP/1.1\r\nHost: x\r\n\r\n", "7".repeat(64)).unwrap();
        reader.read_exact(&mut [0; 12]).unwrap();
        slow.push(reader);
    }
    // Streams, heads and bodies that are never finished.
    for begun in [
        "GET /r/acme/stream HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        "POST /api/v1/realms/acme/keys/import HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsha256,name\r\n",
    ] {
        let mut stream = node.connect();
        stream.write_all(begun.as_bytes()).unwrap();
        slow.push(stream);
    }
    ends("slow clients", node);
}

#[test]
fn whatever_the_receiver_of_events_does() {
    let p = Plane::new();
    // It takes connections, and says nothing.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, secret) = (format!("http://{}/", deaf.local_addr().unwrap()), p.file("secret", &"s".repeat(32)));
    p.create(&["--name", "told"]);
    let node = Node::start(&p.data(), &["--alert-url", &url, "--alert-secret-file", &secret]);
    let (_held, _) = deaf.accept().unwrap();
    ends("a deaf receiver", node);
}

/// A directory that is a pipe which nobody reads stands for a disk or a network that does not answer.
#[cfg(unix)]
#[test]
fn whatever_a_target_does() {
    let p = Plane::new();
    let target = p.beside("target");
    let realm = target.join("r/acme");
    std::fs::create_dir_all(&realm).unwrap();
    let pipe = realm.join("head");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let node = Node::start(&p.data(), &["--to", target.to_str().unwrap()]);
    p.create(&["--name", "waits"]);
    std::thread::sleep(Duration::from_millis(500));
    ends("a target that hangs", node);
}

#[test]
fn whatever_the_database_does() {
    let Some(server) = postgres::own() else { return };
    let (p, url) = (Plane::empty(), server.url(&server.schema()));
    p.ok(&["init", "--realm", "acme", "--database", &url]);
    let node = Node::start(&p.data(), &["--database", &url]);
    until("it serves", || node.epoch().is_some());
    server.freeze();
    let mut call = node.connect();
    call.write_all(b"GET /api/v1/realms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    ends("a database that does not answer", node);
    server.thaw();
}
