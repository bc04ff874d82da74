//! The edges of the demo and what is asked of them, over real HTTP.

use super::table::Seen;
use crate::{
    process::Running,
    shell::{self, command},
    wire::{self, Answer},
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;

/// The address under which the platform in front of workerd sees the client; Node sees 127.0.0.1.
pub const PLATFORM_CLIENT: &str = "198.51.100.9";

pub struct Edge {
    pub name: &'static str,
    pub port: u16,
    _running: Running,
}

/// A request of the table.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub lines: &'a [String],
}

/// The port that a program printed.
pub fn listener(running: &Running) -> Result<u16> {
    let ready: Value = serde_json::from_str(&running.first_line).unwrap_or(Value::Null);
    let port = ready["listeners"][0]["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    port.context("it printed no port")
}

impl Edge {
    /// Starts an edge. `program` is `node` or `workerd`; the settings are those of `tests/e2e/demo/edge.mjs`.
    pub fn start(name: &'static str, program: &str, settings: &Value) -> Result<Edge> {
        let text = settings.to_string();
        let settings = shell::scratch("demo")?.join(format!("{name}.json"));
        fs::write(&settings, text)?;
        let mut node = command("node", [format!("tests/e2e/demo/{program}.mjs")]);
        let running = Running::start(node.arg(&settings)).with_context(|| format!("the edge {name} does not start"))?;
        let port = listener(&running).with_context(|| format!("the edge {name} does not listen"))?;
        Ok(Edge { name, port, _running: running })
    }

    /// Sends a request and reads status, verdict and, if `measured`, time.
    pub fn ask(&self, ask: Ask<'_>, measured: bool) -> Result<Seen> {
        let mut lines = ask.lines.to_vec();
        if measured {
            lines.push("X-Demo: 1".into());
        }
        let answer = self.send(ask.method, ask.path, &lines)?;
        let nanoseconds = answer.header("x-demo-nanoseconds").and_then(|text| text.parse::<f64>().ok());
        Ok(Seen {
            status: answer.status.to_string(),
            verdict: answer.header("x-demo-verdict").unwrap_or_default(),
            time: nanoseconds.map_or(String::new(), |ns| format!("{:.2} µs", ns / 1e3)),
        })
    }

    /// Lets the edge look for a newer snapshot now: the code of what it refused, or `updated` or `unchanged`; and its epoch.
    pub fn refresh(&self) -> Result<(String, u64)> {
        let answer = self.send("GET", "/demo/refresh", &[])?;
        let shown: Value = serde_json::from_slice(&answer.body).context("the edge printed no JSON")?;
        let outcome = match (shown["refused"].as_str(), shown["changed"].as_bool()) {
            (Some(code), _) => code,
            (None, Some(true)) => "updated",
            (None, _) => "unchanged",
        };
        Ok((outcome.to_owned(), shown["epoch"].as_u64().unwrap_or(0)))
    }

    fn send(&self, method: &str, path: &str, lines: &[String]) -> Result<Answer> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n");
        if self.name == "workerd" {
            text.push_str(&format!("CF-Connecting-IP: {PLATFORM_CLIENT}\r\n"));
        }
        lines.iter().for_each(|line| text.push_str(&format!("{line}\r\n")));
        text.push_str(if method == "GET" { "\r\n" } else { "Content-Length: 0\r\n\r\n" });
        let answer = wire::exchange(self.port, text.as_bytes(), method == "HEAD")?;
        let answer = answer.with_context(|| format!("the edge {} closed the connection", self.name))?;
        ensure!(answer.status != 0, "no status");
        Ok(answer)
    }

    /// A command line that does the same.
    pub fn curl(&self, ask: Ask<'_>) -> String {
        let mut out = String::from("curl -i");
        if ask.method != "GET" {
            out.push_str(&format!(" -X {}", ask.method));
        }
        let platform = (self.name == "workerd").then(|| format!("CF-Connecting-IP: {PLATFORM_CLIENT}"));
        ask.lines.iter().chain(&platform).for_each(|line| out.push_str(&format!(" -H '{line}'")));
        out + &format!(" http://127.0.0.1:{}{}", self.port, ask.path)
    }
}
