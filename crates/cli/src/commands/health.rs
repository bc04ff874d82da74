//! `edgelatch health`

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use crate::prelude::*;

/// Bytes of an answer: a thousand troubles.
const MAX_ANSWER: u64 = 256 * 1024;

/// Ask a running server whether it is ready
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch health
  edgelatch health http://127.0.0.1:8787/healthz   # all that is wrong, warnings too
  HEALTHCHECK CMD [\"edgelatch\", \"health\"]          # in a Dockerfile; no shell and no other program is needed

Exit code: 0 ready; 1 not ready, or no answer; 2 not asked.")]
pub(crate) struct Ask {
    /// What to ask: the address that the server listens on, which speaks http://, and the path [/readyz if there is none]
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8787")]
    url: String,
    /// How long to wait for the answer
    #[arg(long, value_name = "SPAN", default_value = "3s", value_parser = read::pause)]
    timeout: Duration,
}

#[derive(Serialize)]
struct Answer {
    ready: bool,
    /// What the server answered; null without an answer.
    answer: Option<Value>,
    /// Why there is none.
    reason: Option<String>,
}

impl Ask {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let (host, path) = split(&self.url)?;
        let asked = ask(host, path, self.timeout).and_then(|bytes| understand(&bytes));
        let answer = match asked {
            Ok((status, body)) => Answer { ready: status == 200, answer: Some(body), reason: None },
            Err(reason) => Answer { ready: false, answer: None, reason: Some(reason) },
        };
        context.answer(answer.ready, &answer, |answer| match (&answer.answer, &answer.reason) {
            (Some(body), _) => print(body),
            (None, reason) => {
                output::line(format_args!("{BAD}no answer{RESET}: {}", reason.as_deref().unwrap_or_default()));
            }
        })
    }
}

/// Host with port, and path.
fn split(url: &str) -> Result<(&str, &str)> {
    let wrong =
        || Failure::usage("URL: must be http://HOST:PORT/PATH: the server itself speaks no https://, ask it behind its proxy");
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || host.contains('@') || !plain(host) || !plain(path) {
        return Err(wrong());
    }
    Ok((host, if path.len() > 1 { path } else { "/readyz" }))
}

/// The bytes of the answer. HTTP/1.0 has no chunks, and ends with the connection.
fn ask(host: &str, path: &str, timeout: Duration) -> Result<Vec<u8>, String> {
    let end = Instant::now() + timeout;
    let left = || end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    let with_port =
        if host.rsplit(']').next().is_some_and(|rest| rest.contains(':')) { host.into() } else { format!("{host}:80") };
    let addresses = with_port.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
    let mut last = format!("{host} has no address");
    for address in addresses {
        let mut stream = match TcpStream::connect_timeout(&address, left()) {
            Ok(stream) => stream,
            Err(error) => {
                last = format!("{address}: {error}: see whether `edgelatch serve` runs, and its --addr");
                continue;
            }
        };
        let broken = |error: std::io::Error| format!("{address}: {error}");
        stream.set_write_timeout(Some(left())).map_err(broken)?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").map_err(broken)?;
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        while (bytes.len() as u64) < MAX_ANSWER {
            if Instant::now() >= end {
                return Err(format!("{address}: no whole answer within {} ms", timeout.as_millis()));
            }
            stream.set_read_timeout(Some(left())).map_err(broken)?;
            match stream.read(&mut buffer).map_err(broken)? {
                0 => break,
                length => bytes.extend(buffer.iter().take(length)),
            }
        }
        return Ok(bytes);
    }
    Err(last)
}

/// Status and body.
fn understand(bytes: &[u8]) -> Result<(u16, Value), String> {
    let wrong = || "what answers there is no edgelatch server: check the address".to_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| wrong())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(wrong)?;
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok()).ok_or_else(wrong)?;
    let body: Value = serde_json::from_str(body).map_err(|_| wrong())?;
    // A proxy in between, or another path, may answer 200 to anything.
    if body["status"].is_string() || status != 200 { Ok((status, body)) } else { Err(wrong()) }
}

fn print(body: &Value) {
    let status = body["status"].as_str().unwrap_or("not ready");
    let style = if status == "ok" { GOOD } else { BAD };
    output::line(format_args!("{style}{status}{RESET}"));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    for trouble in body["troubles"].as_array().into_iter().flatten() {
        let [place, code, since] = ["place", "code", "since"].map(|name| text(&trouble[name]));
        output::line(format_args!("{place}: {code}, since {since}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_strictly() {
        for (url, host, path) in [
            ("http://127.0.0.1:8787", "127.0.0.1:8787", "/readyz"),
            ("http://[::1]:8787/", "[::1]:8787", "/readyz"),
            ("http://edge/healthz", "edge", "/healthz"),
        ] {
            assert_eq!(split(url).unwrap(), (host, path));
        }
        for bad in [
            "",
            "127.0.0.1:8787",
            "https://x",
            "http://",
            "http:///x",
            "http://u:canary@x/",
            "http://x/a b",
            "http://x\r\nA: b",
        ] {
            let error = split(bad).unwrap_err().to_string();
            assert!(error.contains("http://HOST:PORT") && !error.contains("canary"), "{bad}: {error}");
        }
    }

    #[test]
    fn what_is_no_answer_of_ours_is_none() {
        let read = |text: &str| understand(text.as_bytes());
        assert_eq!(read("HTTP/1.0 200 OK\r\nA: b\r\n\r\n{\"status\":\"ok\"}").unwrap().0, 200);
        assert_eq!(read("HTTP/1.1 503 X\r\n\r\n{\"status\":\"failing\"}").unwrap().0, 503);
        for bad in [
            "",
            "HTTP/1.1 200 OK\r\n\r\n<html>",
            "HTTP/1.1 200 OK\r\n\r\n{}",
            "SSH-2.0\r\n\r\n{\"status\":\"ok\"}",
            "HTTP/1.1 200",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
