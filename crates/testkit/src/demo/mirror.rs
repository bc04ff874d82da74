//! The network between the control plane and the edges, in the hands of the demo: it passes on, serves what an attacker
//! would, or is cut.

use anyhow::Result;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// What the network does.
#[derive(Clone)]
pub enum Mode {
    /// Requests reach the control plane.
    Pass,
    /// These bytes stand for `head` and `bundle`; everything else reaches the control plane.
    Serve { head: Vec<u8>, bundle: Vec<u8> },
    /// Every connection ends at once.
    Cut,
}

/// A listener between the edges and the control plane.
pub struct Mirror {
    pub address: SocketAddr,
    mode: Arc<Mutex<Mode>>,
}

impl Mirror {
    /// Stands in front of a control plane.
    pub fn start(upstream: SocketAddr, mode: Mode) -> Result<Mirror> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mode = Arc::new(Mutex::new(mode));
        let shared = Arc::clone(&mode);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mode = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // A client that goes away is no concern of ours.
                thread::spawn(move || drop(serve(client, upstream, mode)));
            }
        });
        Ok(Mirror { address, mode })
    }

    /// Changes what happens to requests from now on.
    pub fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

fn serve(mut client: TcpStream, upstream: SocketAddr, mode: Mode) -> Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
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
    if let Some(bytes) = bytes {
        write!(client, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len())?;
        client.write_all(bytes)?;
        return Ok(());
    }
    // One request a connection: the control plane closes, so the end of its answer is the end of the stream.
    let lines = rest.lines().filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("connection:"));
    let mut server = TcpStream::connect(upstream)?;
    server.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(server, "{first}{}Connection: close\r\n\r\n", lines.map(|line| format!("{line}\r\n")).collect::<String>())?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    client.write_all(&answer)?;
    Ok(())
}
