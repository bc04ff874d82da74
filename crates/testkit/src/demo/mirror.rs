//! The network between the control plane and the edges, in the hands of the demo: it passes on, serves what an attacker
//! would, or is cut.

use anyhow::Result;
use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How long a connection may be silent: a stream says every 15 seconds that it is still there.
const SILENCE: Duration = Duration::from_secs(30);

/// What the network does.
#[derive(Clone)]
pub enum Mode {
    /// Requests reach the control plane.
    Pass,
    /// These bytes stand for `head` and `bundle`, and nothing else leads to what they name; requests for roots reach the control plane.
    Serve { head: Vec<u8>, bundle: Vec<u8> },
    /// Every connection ends at once.
    Cut,
}

/// A listener between the edges and the control plane.
pub struct Mirror {
    pub address: SocketAddr,
    mode: Arc<Mutex<Mode>>,
    passed: Arc<AtomicU64>,
}

impl Mirror {
    /// Stands in front of a control plane.
    pub fn start(upstream: SocketAddr, mode: Mode) -> Result<Mirror> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mode = Arc::new(Mutex::new(mode));
        let (shared, passed) = (Arc::clone(&mode), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&passed);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mode = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // A client that goes away is no concern of ours.
                let count = Arc::clone(&count);
                thread::spawn(move || drop(serve(client, upstream, mode, &count)));
            }
        });
        Ok(Mirror { address, mode, passed })
    }

    /// Bytes that have come from the control plane so far, headers included.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Changes what happens to requests from now on.
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

fn serve(mut client: TcpStream, upstream: SocketAddr, mode: Mode, count: &AtomicU64) -> Result<()> {
    client.set_read_timeout(Some(SILENCE))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut rest = String::new();
    while reader.read_line(&mut rest)? > 2 {}
    let path = first.split(' ').nth(1).unwrap_or("");
    let bytes = match &mode {
        Mode::Cut => return Ok(()),
        Mode::Serve { head, .. } if path.ends_with("/head") => Some(head),
        Mode::Serve { bundle, .. } if path.ends_with("/bundle") => Some(bundle),
        Mode::Serve { .. } | Mode::Pass => None,
    };
    if matches!(mode, Mode::Serve { .. }) && ["/patch/", "/objects/"].iter().any(|part| path.contains(part)) {
        write!(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        return Ok(());
    }
    if let Some(bytes) = bytes {
        write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len())?;
        client.write_all(bytes)?;
        return Ok(());
    }
    // One request a connection: the control plane closes, so the end of its answer is the end of the stream.
    let lines = rest.lines().filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("connection:"));
    let mut server = TcpStream::connect(upstream)?;
    server.set_read_timeout(Some(SILENCE))?;
    write!(server, "{first}{}Connection: close\r\n\r\n", lines.map(|line| format!("{line}\r\n")).collect::<String>())?;
    // As it comes: the answer may be a stream.
    io::copy(&mut server, &mut Counted(client, count))?;
    Ok(())
}

/// A client, and how much was sent to it.
struct Counted<'a>(TcpStream, &'a AtomicU64);

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.1.fetch_add(u64::try_from(written).unwrap_or(0), Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
