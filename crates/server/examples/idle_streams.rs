//! Opens streams of heads and prints what memory each takes while nothing is published:
//! `ulimit -n 30000; cargo run --release -p edgelatch-server --example idle_streams -- 10000`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;

use edgelatch_server::{Options, Streams, serve_until};
use edgelatch_testkit::core::build::sign_head;
use edgelatch_testkit::realm::{head_fields, signers, tree};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let number: u32 = std::env::args().nth(1).map_or(Ok(1_000), |text| text.parse())?;
    let dir = tempfile::tempdir()?;
    let realm = dir.path().join("r/acme");
    std::fs::create_dir_all(&realm)?;
    std::fs::write(realm.join("head"), sign_head(&head_fields(1, &tree(Vec::new())), &signers(&[1]))?)?;
    let streams = Streams { max: number, max_per_address: number, ..Streams::default() };
    let options = Options { streams, ..Options::new(([127, 0, 0, 1], 0).into(), dir.path().into()) };
    let (ready, bound) = mpsc::channel();
    std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ready = |bound| {
            let _ = ready.send(bound);
        };
        Ok(runtime.block_on(serve_until(options, ready, std::future::pending()))?)
    });
    let addr = bound.recv()?.files;
    let open = || -> Result<TcpStream> {
        let mut stream = TcpStream::connect(addr)?;
        stream.write_all(b"GET /r/acme/stream HTTP/1.1\r\nHost: x\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        if &status != b"HTTP/1.1 200" {
            return Err(String::from_utf8_lossy(&status).into());
        }
        Ok(stream)
    };
    // What the first one alone takes is the server's.
    let mut held = vec![open()?];
    held.reserve(usize::try_from(number)?);
    let before = resident()?;
    for _ in 1..number {
        held.push(open()?);
    }
    let taken = resident()?.saturating_sub(before);
    println!("{number} idle streams: {taken} bytes, {} each", taken / u64::from(number));
    Ok(())
}

/// Bytes of this process that are in memory. Its clients' ends take none worth mentioning.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
