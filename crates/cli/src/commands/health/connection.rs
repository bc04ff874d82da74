//! Whom a connection leads to, and how long it lasts.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

/// A host without its port, and an address without its brackets.
pub(super) fn name(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// Whether a host is this machine, whatever a name server says.
pub(super) fn is_of_this_machine(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A connection that is over at a time, however slowly something comes.
#[derive(Debug)]
pub(super) struct Until {
    pub(super) stream: TcpStream,
    pub(super) end: Instant,
}

impl Until {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Until {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Until {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leads_nowhere_else_is_this_machine() {
        for (host, own) in [
            ("127.0.0.1:8787", true),
            ("127.9.9.9", true),
            ("[::1]:8787", true),
            ("localhost:1", true),
            ("10.0.0.1:8787", false),
            ("0.0.0.0", false),
            ("localhost.example", false),
            ("127.0.0.1.example:80", false),
            ("[::ffff:127.0.0.1]", false),
            ("[::1", true),
            ("", false),
        ] {
            assert_eq!(is_of_this_machine(name(host)), own, "{host}");
        }
    }
}
