//! Server-sent events, read as the HTML standard says ("Server-sent events", "Interpreting an event stream"), within bounds.

use std::mem;
use std::time::Duration;

use edgelatch_http::Error;

/// Bytes of a line, and of the data of one event: those of a head and of the largest patch that a server sends along, in base64, several times.
const MAX_LENGTH: usize = 1 << 17;
/// Digits of a `retry`: eleven days in milliseconds.
const MAX_RETRY: usize = 9;

/// What a stream says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An event of the type `head`.
    Head(String),
    /// A comment: there was nothing newer.
    Idle,
    /// After which time to connect again once the stream has ended.
    Retry(Duration),
}

/// Takes the stream in pieces, wherever they are cut. An `id` is passed over: what an edge has is what it serves, not what it was sent.
#[derive(Default)]
pub(crate) struct EventReader {
    /// Of the line whose end has not come yet.
    begun: Vec<u8>,
    /// Whether a line feed that comes next belongs to the line end before it.
    after_return: bool,
    /// Whether the first line is over, which may begin with a byte order mark.
    later: bool,
    kind: String,
    data: Option<String>,
}

impl EventReader {
    /// What the next bytes say. Refused is a line or an event without an end.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<Vec<Event>, Error> {
        let mut said = Vec::new();
        for &byte in piece {
            let continued = mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                _ if continued => {}
                b'\r' | b'\n' => {
                    let line = mem::take(&mut self.begun);
                    said.extend(self.line(&String::from_utf8_lossy(&line))?);
                }
                _ => {
                    self.begun.push(byte);
                    limited(self.begun.len())?;
                }
            }
        }
        Ok(said)
    }

    fn line(&mut self, line: &str) -> Result<Option<Event>, Error> {
        let first = !mem::replace(&mut self.later, true);
        let line = if first { line.strip_prefix('\u{feff}').unwrap_or(line) } else { line };
        if line.is_empty() {
            let (kind, data) = (mem::take(&mut self.kind), self.data.take());
            return Ok(data.filter(|_| kind == "head").map(Event::Head));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "" => return Ok(Some(Event::Idle)),
            "event" => self.kind = value.into(),
            "data" => match &mut self.data {
                None => self.data = Some(value.into()),
                Some(data) => {
                    limited(data.len() + 1 + value.len())?;
                    data.push('\n');
                    data.push_str(value);
                }
            },
            "retry" if value.len() <= MAX_RETRY && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Ok(value.parse().ok().map(|ms| Event::Retry(Duration::from_millis(ms))));
            }
            _ => {}
        }
        Ok(None)
    }
}

fn limited(length: usize) -> Result<(), Error> {
    if length <= MAX_LENGTH {
        return Ok(());
    }
    Err(Error::source("too_large", format!("GET stream: a line or an event of more than {MAX_LENGTH} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\r\n\r\nretry: 2000\nevent: head\rid: 7\rdata: {\"a\":\r\ndata:1}\r\n\r\nevent: other\ndata: x\n\ndata: y\n\nevent: head\n\nretry: x\n:\n";

    #[test]
    fn pieces_may_be_cut_anywhere() {
        let wanted = [Event::Idle, Event::Retry(Duration::from_secs(2)), Event::Head("{\"a\":\n1}".into()), Event::Idle];
        for size in 1..STREAM.len() {
            let mut reader = EventReader::default();
            let said: Vec<Event> = STREAM.as_bytes().chunks(size).flat_map(|piece| reader.push(piece).unwrap()).collect();
            assert_eq!(said, wanted, "in pieces of {size}");
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        let endless = EventReader::default().push(&vec![b'a'; MAX_LENGTH + 1]);
        assert_eq!(endless.unwrap_err().code(), "too_large");
        let mut reader = EventReader::default();
        let line = format!("data: {}\n", "a".repeat(1 << 10));
        let refused = (0..200).find_map(|_| reader.push(line.as_bytes()).err());
        assert_eq!(refused.map(|error| error.code()), Some("too_large"));
    }
}
