//! `edgelatch serve` as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use edgelatch_core::head::Head;
use serde_json::Value;

use super::binary;

/// A node of a realm `acme`.
pub struct Node {
    child: Child,
    addr: String,
    data: PathBuf,
}

/// Waits for what is to come soon; far longer than it may take.
pub fn until(what: &str, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !there() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Node {
    /// Starts it, with what it logs going to a file beside its data.
    pub fn start(data: &Path, args: &[&str]) -> Node {
        Node::run(binary(), data, args)
    }

    /// The same by a command that is to be given the arguments.
    pub fn run(mut command: Command, data: &Path, args: &[&str]) -> Node {
        let log = std::fs::File::options().create(true).append(true).open(data.with_extension("log")).unwrap();
        command.arg("--data").arg(data).args(["--json", "serve", "--addr", "127.0.0.1:0"]).args(args);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", log_of(data)));
        Node { child, addr: first["addr"].as_str().unwrap().into(), data: data.into() }
    }

    /// Where it listens, for the management API too.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Status and body of what is at a path.
    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return (0, Vec::new()) };
        let status = std::str::from_utf8(&bytes[9..12]).unwrap().parse().unwrap();
        (status, bytes.split_off(end + 4))
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// The epoch that it serves; none where it serves none.
    pub fn epoch(&self) -> Option<u64> {
        let (status, head) = self.get("/r/acme/head");
        (status == 200).then(|| Head::inspect(&head).unwrap().epoch)
    }

    pub fn health(&self) -> u16 {
        self.get("/healthz").0
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        log_of(&self.data)
    }

    pub fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Kills it, so that it has time for nothing.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end; how long that took.
    pub fn end(mut self) -> Duration {
        let begun = Instant::now();
        self.signal("-TERM");
        until("it does not end", || self.child.try_wait().unwrap().is_some());
        begun.elapsed()
    }
}

fn log_of(data: &Path) -> String {
    std::fs::read_to_string(data.with_extension("log")).unwrap_or_default()
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
