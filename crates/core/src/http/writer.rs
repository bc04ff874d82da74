//! Writing a request block (SPEC.md section 9), for hosts in Rust.

use super::block::AUTHORITY;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// Room for most requests, so that a credential is seldom left behind where the block lay before it grew.
const ROOM: usize = 1024;
/// Stands for a byte that would end a part too early. A block that holds it anywhere is refused by whoever reads it.
const REFUSED: u8 = 0;

/// Writes the text that [`Edge::verify_block`](crate::edge::Edge::verify_block) judges. It is erased when dropped, since it may
/// hold a credential.
///
/// Nothing fails here, yet no part can pass for more than one: what would end it too early, such as a line feed in a header
/// value, is written as NUL, and the request is judged to be one that is not well formed.
///
/// ```
/// use edgelatch_core::http::{Block, BlockWriter};
///
/// let mut block = BlockWriter::new(Some("192.0.2.7"), "GET", "/zones?page=2");
/// block.line("x-api-key", b"a value, as it was received");
/// let bytes = block.finish();
/// assert_eq!(&bytes[..], b"192.0.2.7\nGET /zones?page=2\nx-api-key:a value, as it was received\n");
/// assert!(Block::parse(&bytes).is_ok());
/// ```
#[derive(Debug)]
pub struct BlockWriter(Zeroizing<Vec<u8>>);

impl BlockWriter {
    /// A block without header lines. `peer` is the connection's address as text, `None` if it is not known; `method` and
    /// `target` are those of the request line, as received.
    pub fn new(peer: Option<&str>, method: &str, target: &str) -> Self {
        let mut block = BlockWriter(Zeroizing::new(Vec::with_capacity(ROOM)));
        block.part(peer.unwrap_or_default().as_bytes(), b"\t\n", b'\n');
        block.part(method.as_bytes(), b" \n", b' ');
        block.part(target.as_bytes(), b"\n", b'\n');
        block
    }

    /// Adds a header line. One call for each line that was received, in that order: a repeated one is to be seen as repeated.
    /// Which names matter says [`HostConfig::interest`](crate::edge::HostConfig::interest).
    pub fn line(&mut self, name: &str, value: &[u8]) {
        let colon: &[u8] = if name == AUTHORITY { b"\n" } else { b":\n" };
        self.part(name.as_bytes(), colon, b':');
        self.part(value, b"\n", b'\n');
    }

    /// The block.
    pub fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    fn part(&mut self, text: &[u8], ends: &[u8], end: u8) {
        self.0.extend(text.iter().map(|byte| if ends.contains(byte) { REFUSED } else { *byte }));
        self.0.push(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Block, BlockError};

    fn block(peer: Option<&str>, method: &str, target: &str, lines: &[(&str, &str)]) -> Zeroizing<Vec<u8>> {
        let mut block = BlockWriter::new(peer, method, target);
        lines.iter().for_each(|(name, value)| block.line(name, value.as_bytes()));
        block.finish()
    }

    #[test]
    fn what_is_written_is_read() {
        let lines = [(":authority", "h:443"), ("host", "h:443"), ("x-a", ""), ("X-A", "  b: c\t"), ("x-a", "\u{fc}\u{7f}")];
        for (peer, target) in [(None, "/"), (Some("::1"), "https://h/p?q#f"), (Some("192.0.2.1"), "*")] {
            let bytes = block(peer, "GET", target, &lines);
            let read = Block::parse(&bytes).unwrap();
            assert_eq!((read.peer(), read.proxy_line()), (peer.map(str::as_bytes), None));
            assert_eq!((read.method(), read.target()), (&b"GET"[..], target.as_bytes()));
            // `Lines` splits at the first colon, which a pseudo-header has in its name.
            let rest: Vec<_> = read.lines().skip(1).collect();
            assert_eq!(rest, lines[1..].iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect::<Vec<_>>());
            assert_eq!(bytes.split(|b| *b == b'\n').nth(2), Some(&b":authority:h:443"[..]));
        }
    }

    /// Each would otherwise be read as another address, another request line or another header.
    #[test]
    fn no_part_passes_for_two() {
        let key = "x-api-key:K1";
        let smuggled = alloc::format!("v\n{key}");
        for bytes in [
            block(Some("192.0.2.1\tPROXY TCP4 10.0.0.1 10.0.0.2 1 2"), "GET", "/", &[]),
            block(Some("192.0.2.1\nGET /x"), "GET", "/", &[]),
            block(None, "GET /public", "/", &[]),
            block(None, "GET", &alloc::format!("/\n{key}"), &[]),
            block(None, "GET", "/", &[("x-a", &smuggled)]),
            block(None, "GET", "/", &[(&smuggled, "v")]),
            block(None, "GET", "/", &[(key, "v")]),
            block(None, "GET", "/", &[("x-a", "v\r")]),
            block(None, "GET", "/", &[(":authority:x", "v")]),
        ] {
            let error = Block::parse(&bytes).unwrap_err();
            let expected = matches!(error, BlockError::Control { .. } | BlockError::Header { .. } | BlockError::Request);
            assert!(expected, "{error}: {:?}", alloc::string::String::from_utf8_lossy(&bytes));
        }
    }
}
