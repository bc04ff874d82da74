//! `edgelatch health`

mod connection;
mod https;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use self::connection::{Until, is_of_this_machine, name};
use self::https::Tls;
use crate::prelude::*;

/// Bytes of an answer: a thousand troubles.
const MAX_ANSWER: u64 = 256 * 1024;

/// Ask a running server whether it is ready
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch health
  edgelatch health http://127.0.0.1:8787/healthz   # all that is wrong, warnings too
  edgelatch health https://127.0.0.1:8787/livez    # where it was started with --tls-cert
  edgelatch health https://plane.example:8788 --cacert tls.crt

Exit code: 0 ready; 1 not ready, or no answer; 2 not asked.")]
pub(crate) struct Ask {
    /// What to ask: the address that the server listens on, and the path [/readyz if there is none]
    #[arg(value_name = "URL", env = "EDGELATCH_HEALTH", default_value = "http://127.0.0.1:8787")]
    url: String,
    /// With https://, a file with the certificate that the server shows, or that of who issued it, in PEM. At an address of this machine nothing is
    /// asked of the certificate without it, since nobody stands in between
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
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
        let Asked { secure, host, path } = Asked::read(&self.url)?;
        let tls = match (secure, &self.cacert) {
            (false, None) => None,
            (false, Some(_)) => return Err(Failure::usage("--cacert: goes with https:// alone")),
            (true, None) if !is_of_this_machine(name(host)) => {
                let error = format!(
                    "--cacert: {} is not this machine: name a file with its certificate, or that of who issued it",
                    name(host)
                );
                return Err(Failure::usage(error));
            }
            (true, trusted) => Some(Tls::new(trusted.as_deref())?),
        };
        let asked = ask(tls.as_ref(), host, path, self.timeout).and_then(|bytes| understand(&bytes));
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

/// What is asked.
#[derive(Debug, PartialEq)]
struct Asked<'u> {
    secure: bool,
    /// Host, with a port or without one.
    host: &'u str,
    path: &'u str,
}

impl<'u> Asked<'u> {
    fn read(url: &'u str) -> Result<Asked<'u>> {
        let wrong = || Failure::usage("URL: must be http://HOST:PORT/PATH, or https://HOST:PORT/PATH");
        let (secure, rest) = match url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, url.strip_prefix("http://").ok_or_else(wrong)?),
        };
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || host.contains('@') || !plain(host) || !plain(path) {
            return Err(wrong());
        }
        Ok(Asked { secure, host, path: if path.len() > 1 { path } else { "/readyz" } })
    }
}

/// The bytes of the answer.
fn ask(tls: Option<&Tls>, host: &str, path: &str, timeout: Duration) -> Result<Vec<u8>, String> {
    let end = Instant::now() + timeout;
    let port = if tls.is_some() { 443 } else { 80 };
    let with_port =
        if host.rsplit(']').next().is_some_and(|rest| rest.contains(':')) { host.into() } else { format!("{host}:{port}") };
    let addresses = with_port.to_socket_addrs().map_err(|error| format!("{host}: {error}"))?;
    let mut last = format!("{host} has no address");
    for address in addresses {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let stream = match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => Until { stream, end },
            Err(error) => {
                last = format!("{address}: {error}: see whether `edgelatch serve` runs, and its --addr");
                continue;
            }
        };
        let answer = match tls {
            None => exchange(stream, host, path),
            Some(tls) => exchange(tls.over(stream, name(host))?, host, path),
        };
        return answer.map_err(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                format!("{address}: no whole answer within {} ms", timeout.as_millis())
            }
            _ => format!("{address}: {error}"),
        });
    }
    Err(last)
}

/// Asks, and reads to the end. HTTP/1.0 has no chunks, and ends with the connection.
fn exchange(mut stream: impl Read + Write, host: &str, path: &str) -> io::Result<Vec<u8>> {
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut bytes = Vec::new();
    match stream.take(MAX_ANSWER).read_to_end(&mut bytes) {
        // The server closes without saying so in TLS; whether the answer is whole is seen from what it says.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof || bytes.is_empty() => Err(error),
        _ => Ok(bytes),
    }
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
        for (url, secure, host, path) in [
            ("http://127.0.0.1:8787", false, "127.0.0.1:8787", "/readyz"),
            ("http://[::1]:8787/", false, "[::1]:8787", "/readyz"),
            ("https://edge/healthz", true, "edge", "/healthz"),
        ] {
            assert_eq!(Asked::read(url).unwrap(), Asked { secure, host, path });
        }
        for bad in [
            "",
            "127.0.0.1:8787",
            "ftp://x",
            "HTTPS://x",
            "http://",
            "https:///x",
            "http://u:canary@x/",
            "http://x/a b",
            "http://x\r\nA: b",
        ] {
            let error = Asked::read(bad).unwrap_err().to_string();
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
