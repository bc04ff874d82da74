//! One request as raw bytes over TCP, and just enough HTTP to read the answer.

use anyhow::{Context, Result, bail};
use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

const DEADLINE: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 1 << 20;

/// An answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Without its encoding.
    pub body: Vec<u8>,
}

impl Answer {
    /// Values of all lines of this name, joined by commas.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Whether the header holds this token in its comma-separated list.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.header(name).is_some_and(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    }
}

/// Sends the bytes and reads one answer; `None` if the host closed the connection without any.
pub fn exchange(port: u16, request: &[u8], head: bool) -> Result<Option<Answer>> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE).context("cannot connect")?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    // A host may answer and close before it has read everything.
    let _ = stream.write_all(request);
    let begin = Instant::now();
    let mut bytes = Vec::new();
    let mut buffer = [0; 16384];
    loop {
        if let Some(answer) = parse(&bytes, false, head)? {
            return Ok(Some(answer));
        }
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted) => break,
            Err(error) => return Err(error).context(format!("no whole answer within {DEADLINE:?}")),
        }
        if bytes.len() > MAX_ANSWER || begin.elapsed() > DEADLINE {
            bail!("no end of the answer after {} bytes and {:?}", bytes.len(), begin.elapsed());
        }
    }
    if bytes.is_empty() { Ok(None) } else { parse(&bytes, true, head)?.context("the answer breaks off").map(Some) }
}

/// Reads an answer; `None` while it is not whole. `closed`: no more bytes will come.
fn parse(bytes: &[u8], closed: bool, head: bool) -> Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text: String = bytes[..end].iter().copied().map(char::from).collect();
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or("");
    let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|digits| digits.parse().ok());
    let status: u16 = status.with_context(|| format!("not an HTTP answer: {first:?}"))?;
    let rest = &bytes[end + 4..];
    if (100..200).contains(&status) && status != 101 {
        return parse(rest, closed, head);
    }
    let headers =
        lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let mut answer = Answer { status, headers: headers.collect(), body: Vec::new() };
    if head || matches!(status, 101 | 204 | 304) {
        answer.body = rest.to_vec();
        // Bytes after such an answer are a fault that the judge reports, so wait for the end.
        return Ok(closed.then_some(answer));
    }
    let body = if answer.lists("transfer-encoding", "chunked") {
        dechunk(rest)
    } else if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().context("bad Content-Length")?;
        rest.get(..length).map(<[u8]>::to_vec)
    } else {
        closed.then(|| rest.to_vec())
    };
    Ok(body.map(|body| Answer { body, ..answer }))
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let digits = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(digits.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, closed: bool, head: bool) -> Option<Answer> {
        parse(text.as_bytes(), closed, head).unwrap()
    }

    #[test]
    fn bodies_end_where_the_header_says() {
        let answer = whole("HTTP/1.1 401 X\r\nA: b\r\nContent-Length: 2\r\n\r\nokmore", false, false).unwrap();
        assert_eq!((answer.status, &answer.body[..], answer.header("a").as_deref()), (401, &b"ok"[..], Some("b")));
        assert!(whole("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", false, false).is_none());
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;x=y\r\nmor\r\n0\r\n\r\n";
        assert_eq!(whole(chunked, false, false).unwrap().body, b"okmor");
        assert!(whole(&chunked[..chunked.len() - 8], false, false).is_none());
        assert_eq!(whole("HTTP/1.0 200 OK\r\n\r\nall", true, false).unwrap().body, b"all");
    }

    #[test]
    fn head_and_interim_answers() {
        assert!(whole("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true, true).unwrap().body.is_empty());
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(whole(interim, true, false).unwrap().status, 204);
        assert!(parse(b"SSH-2.0\r\n\r\n", true, false).is_err());
    }
}
