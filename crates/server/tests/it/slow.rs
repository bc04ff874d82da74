//! Clients that say nothing, or take nothing, hold no place for long.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::common::{Plane, Served};
use edgelatch_server::{Connections, Options};
use socket2::{Domain, Socket, Type};

/// Far above what is waited for, far below what a broken server would take.
const LONG: Duration = Duration::from_secs(30);

fn served(plane: &Plane, connections: Connections) -> Served {
    Served::start(Options { connections, ..plane.options() }, &plane.admin)
}

fn connect(addr: SocketAddr, begin: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(begin).unwrap();
    stream
}

/// The same from another address of this machine.
fn connect_from(source: &str, addr: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let source: SocketAddr = format!("{source}:0").parse().unwrap();
    socket.bind(&source.into()).unwrap();
    socket.connect(&addr.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// The first bytes of an answer.
fn begins(mut stream: TcpStream) -> [u8; 9] {
    let mut first = [0; 9];
    stream.read_exact(&mut first).unwrap();
    first
}

/// Reads until the server ends the connection; the bytes that came before.
fn until_closed(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => bytes,
        Err(error) => panic!("the connection stayed open: {error}"),
    }
}

#[test]
fn a_head_must_come_in_time() {
    let plane = Plane::new();
    let connections = Connections { head_timeout: Duration::from_millis(200), ..Connections::default() };
    let s = served(&plane, connections);
    let begun = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    let idle = [connect(s.addr, b""), connect(s.addr, b"G"), connect(s.addr, begun)];
    let start = Instant::now();
    for stream in idle {
        assert!(!until_closed(stream).starts_with(b"HTTP/1.1 200"));
    }
    // One that drips, too: it is the whole head that counts.
    let mut dripping = connect(s.addr, begun);
    dripping.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let silent = |error: std::io::Error| [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind());
    let ended = (0..1_000).any(|_| {
        let sent = dripping.write_all(b"x").is_ok();
        !sent || !dripping.read(&mut [0; 1]).is_err_and(silent)
    });
    assert!(ended && start.elapsed() < LONG);
    assert_eq!(s.send("GET /api/v1/openapi.json", "", &[], b"").status, 200);
}

#[test]
fn whoever_comes_gets_the_place_of_those_who_do_nothing() {
    let plane = Plane::new();
    for connections in [
        Connections { max: 2, head_timeout: LONG, ..Connections::default() },
        Connections { max_per_address: 2, head_timeout: LONG, ..Connections::default() },
    ] {
        let s = served(&plane, connections);
        let mut idle = [connect(s.addr, b""), connect(s.addr, b"GET ")].into_iter();
        let answered = connect(s.addr, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        // The first one went, the second one is there for the next.
        assert!(until_closed(idle.next().unwrap()).is_empty());
        assert_eq!(s.send("GET /api/v1/openapi.json", "", &[], b"").status, 200);
        assert!(until_closed(idle.next().unwrap()).is_empty());
        assert!(begins(answered).starts_with(b"HTTP/1.1 "));
    }
}

/// One address opens connections without end and says nothing. Others are served, from elsewhere and from behind the same address, without waiting
/// for the time that a head may take.
#[test]
fn half_open_connections_hold_nobody_up() {
    let plane = Plane::new();
    let connections = Connections { max: 8, max_per_address: 4, head_timeout: LONG * 10, ..Connections::default() };
    let s = served(&plane, connections);
    let mut held = Vec::new();
    for round in 0..50 {
        held.push(connect(s.addr, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "));
        if round % 10 == 9 {
            for source in ["127.0.0.1", "127.0.0.2", "127.0.0.3"] {
                let mut other = connect_from(source, s.addr);
                other.write_all(b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
                assert!(until_closed(other).starts_with(b"HTTP/1.1 200"), "{source} {round}");
            }
        }
    }
    // Of the oldest ones nothing is left.
    for stream in held.drain(..40) {
        assert!(until_closed(stream).is_empty());
    }
}

/// Who is at work is not ended for a newcomer: of one address, the newcomer is, and others wait until there is room.
#[test]
fn what_is_at_work_stays() {
    let plane = Plane::new();
    let s = served(&plane, Connections { max_per_address: 1, ..Connections::default() });
    let dir = plane.dir.path().join("published/r/acme");
    std::fs::create_dir_all(&dir).unwrap();
    // More than any socket's buffers hold.
    std::fs::write(dir.join("bundle"), vec![7; 64 << 20]).unwrap();
    let get = b"GET /r/acme/bundle HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut working = connect(s.addr, get);
    let mut first = [0; 12];
    working.read_exact(&mut first).unwrap();
    assert!(until_closed(connect(s.addr, b"")).is_empty());
    assert!(until_closed(working).len() > 64 << 20);
    assert_eq!(s.send("GET /api/v1/openapi.json", "", &[], b"").status, 200);
}

#[test]
fn an_answer_must_be_taken_in_time() {
    let plane = Plane::new();
    let connections = Connections { write_timeout: Duration::from_millis(300), ..Connections::default() };
    let s = served(&plane, connections);
    let dir = plane.dir.path().join("published/r/acme");
    std::fs::create_dir_all(&dir).unwrap();
    // More than any socket's buffers hold.
    std::fs::write(dir.join("bundle"), vec![7; 64 << 20]).unwrap();
    let mut stream = connect(s.addr, b"GET /r/acme/bundle HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    std::thread::sleep(Duration::from_millis(1_500));
    let rest = until_closed(stream);
    assert!(rest.len() < 64 << 20, "{}", rest.len());
}

#[test]
fn a_body_that_breaks_off_changes_nothing() {
    let plane = Plane::new();
    let s = plane.serve();
    let head = format!(
        "POST /api/v1/realms/acme/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{{\"org\":\"one\"",
        plane.admin
    );
    let stream = connect(s.addr, head.as_bytes());
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(!until_closed(stream).starts_with(b"HTTP/1.1 2"));
    assert_eq!(s.get("/api/v1/realms/acme/keys").ok()["keys"], serde_json::json!([]));
}
