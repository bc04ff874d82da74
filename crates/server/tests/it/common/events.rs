//! A reader of server-sent events, as a test is one.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Far above what is waited for, far below what a broken server would take.
const LONG: Duration = Duration::from_secs(30);

pub struct Events {
    /// Status line and headers.
    pub head: String,
    lines: BufReader<TcpStream>,
}

impl Events {
    /// Opens the stream of the realm `acme`.
    pub fn open(addr: SocketAddr, headers: &str) -> Events {
        Events::on(TcpStream::connect(addr).unwrap(), headers)
    }

    /// The same on a connection that is there.
    pub fn on(mut stream: TcpStream, headers: &str) -> Events {
        stream.set_read_timeout(Some(LONG)).unwrap();
        // HTTP/1.0 knows no chunks: what follows the headers is the stream itself.
        write!(stream, "GET /r/acme/stream HTTP/1.0\r\nHost: x\r\n{headers}\r\n").unwrap();
        let mut events = Events { head: String::new(), lines: BufReader::new(stream) };
        events.head = events.block().unwrap().join("\n");
        events
    }

    pub fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    /// The lines up to the next empty one; none at the end of the stream.
    pub fn block(&mut self) -> Option<Vec<String>> {
        let mut block = Vec::new();
        loop {
            let mut line = String::new();
            match self.lines.read_line(&mut line) {
                Ok(0) | Err(_) => return None,
                Ok(_) if line.trim_end().is_empty() => return Some(block),
                Ok(_) => block.push(line.trim_end().to_owned()),
            }
        }
    }

    /// Epoch and bytes of the next head, whatever comments stand before it; none at the end of the stream.
    pub fn next_head(&mut self) -> Option<(u64, Vec<u8>)> {
        self.next_event().map(|(epoch, head, _)| (epoch, head))
    }

    /// The same, and the patch that came along.
    pub fn next_event(&mut self) -> Option<(u64, Vec<u8>, Option<Vec<u8>>)> {
        loop {
            let block = self.block()?;
            let field = |name: &str| block.iter().find_map(|line| line.strip_prefix(name));
            let Some(data) = field("data: ") else { continue };
            assert_eq!(field("event: "), Some("head"));
            let data: Value = serde_json::from_str(data).unwrap();
            let bytes = |name: &str| data.get(name).map(|text| STANDARD.decode(text.as_str().unwrap()).unwrap());
            return Some((field("id: ").unwrap().parse().unwrap(), bytes("head").unwrap(), bytes("patch")));
        }
    }
}
