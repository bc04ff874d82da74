//! Prints how long `/readyz` takes while a thousand clients hold connections and send their requests a byte at a time, beside how long it takes alone:
//! `ulimit -n 30000; cargo run --release -p edgelatch-server --example health_load -- 1000`.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use edgelatch_server::{Options, serve_until};
use edgelatch_testkit::core::build::sign_head;
use edgelatch_testkit::realm::{head_fields, signers, tree};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Clients of one source address: below what an address may have.
const OF_ADDRESS: u32 = 400;
/// Answers that are timed.
const ASKED: usize = 2_000;

fn main() -> Result<()> {
    let number: u32 = std::env::args().nth(1).map_or(Ok(1_000), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let realm = dir.path().join("r/acme");
    std::fs::create_dir_all(&realm)?;
    let now = std::time::UNIX_EPOCH.elapsed()?.as_secs();
    let mut fields = head_fields(1, &tree(Vec::new()));
    (fields.issued_at, fields.not_after) = (now, now + 3_600);
    std::fs::write(realm.join("head"), sign_head(&fields, &signers(&[1]))?)?;
    let options = Options::new((Ipv4Addr::LOCALHOST, 0).into(), dir.path().into());
    let (ready, bound) = mpsc::channel();
    std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ready = |bound| {
            let _ = ready.send(bound);
        };
        Ok(runtime.block_on(serve_until(options, ready, std::future::pending()))?)
    });
    let addr = bound.recv()?.files;
    print("alone", &mut timed(addr)?);
    let mut slow = (0..number).map(|client| connect(addr, client / OF_ADDRESS)).collect::<Result<Vec<_>>>()?;
    let (stop, stopped) = mpsc::channel::<()>();
    let dripping = std::thread::spawn(move || {
        let request = b"GET /r/acme/head HTTP/1.1\r\nHost: x\r\nX-Slow: ";
        let mut sent = 0_usize;
        while matches!(stopped.recv_timeout(Duration::from_millis(100)), Err(mpsc::RecvTimeoutError::Timeout)) {
            let byte = request.get(sent).copied().unwrap_or(b'x');
            slow.retain_mut(|client| client.write_all(&[byte]).is_ok());
            sent += 1;
        }
        slow.len()
    });
    let mut beside = timed(addr)?;
    drop(stop);
    let held = dripping.join().map_err(|_| "the slow clients failed")?;
    print(&format!("beside {held} slow clients"), &mut beside);
    Ok(())
}

/// A connection from an address of this machine.
fn connect(addr: SocketAddr, source: u32) -> Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    let source = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 2)) + source);
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&addr.into())?;
    Ok(socket.into())
}

/// How long answers took, each on a connection of its own, as a load balancer asks.
fn timed(addr: SocketAddr) -> Result<Vec<Duration>> {
    let mut all = Vec::new();
    for _ in 0..ASKED {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(addr)?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        all.push(begin.elapsed());
        if !answer.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&answer).into());
        }
    }
    Ok(all)
}

fn print(what: &str, all: &mut [Duration]) {
    all.sort_unstable();
    let at = |part: usize| all.get(all.len() * part / 1_000).copied().unwrap_or_default().as_micros();
    println!("/readyz {what}: p50 {} µs, p99 {} µs, p99.9 {} µs", at(500), at(990), at(999));
}
