//! How news gets to an edge: over a stream, and as plain files behind any web server.

use super::{
    PATIENCE, Scene, bearer,
    control::{Key, REALM},
    edges::{Edge, listener},
    mirror::{Mirror, Mode},
    reports,
    table::{Seen, Table},
};
use crate::{
    process::Running,
    shell::command,
    wire::{self, Answer},
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Milliseconds between two looks of an edge that is to hear nothing but a stream.
const HOUR: u64 = 3_600_000;
/// Edges behind the web server.
const FLEET: [&str; 5] = ["files 1", "files 2", "files 3", "files 4", "files 5"];
/// How often two publications are tried until both are of one second.
const TRIES: usize = 5;

impl Scene {
    /// A revocation that is told over a stream: what comes over the network for it, and how long it takes.
    pub(super) fn streamed(&self, table: &mut Table) -> Result<()> {
        let mirror = Mirror::start(self.address, Mode::Pass)?;
        let settings = self.settings(mirror.address, json!({ "interval": HOUR, "stream": true }));
        let edge = Edge::start("stream", "node", &settings)?;
        // The edge has looked, and looks again in an hour: what it knows of this key, it was told.
        let key = self.viewer("told by the stream")?;
        let known = until(&edge, &key, "200")?;
        table.row(edge.name, "GET /reports, key made after its only look at the source", &known, ("200", "valid"));
        let before = mirror.passed();
        self.control.json(&["keys", "revoke", &key.id])?;
        let refused = until(&edge, &key, "401")?;
        let what = format!("the same key, revoked: {} bytes over the network", mirror.passed() - before);
        table.row(edge.name, &what, &refused, ("401", "revoked"));
        Ok(())
    }

    /// Two publications within one second, which a web server that makes its tags of second and length cannot tell apart.
    pub(super) fn behind_a_web_server(&self, table: &mut Table) -> Result<()> {
        let mut node = command("node", ["tests/e2e/demo/static.mjs"]);
        let server = Running::start(node.arg(self.control.site())).context("the web server does not start")?;
        let port = listener(&server)?;
        let settings = self.settings(SocketAddr::from(([127, 0, 0, 1], port)), json!({ "stream": false }));
        let edges = FLEET.iter().map(|name| Edge::start(name, "node", &settings)).collect::<Result<Vec<_>>>()?;
        let (tag, key) = self.twice_within_a_second(port, &edges)?;
        let told = head(port, &[format!("If-None-Match: {tag}")])?;
        let status = told.status.to_string();
        let seen =
            Seen { status, verdict: if told.status == 304 { "as before".into() } else { String::new() }, ..Seen::default() };
        table.row("server", "GET head, with the tag from before the revocation", &seen, ("304", "as before"));
        let mut seen = Vec::new();
        for edge in &edges {
            edge.refresh()?;
            seen.push(edge.ask(reports(&bearer(&key.secret)), false)?);
        }
        // One that differs speaks for all.
        let odd = seen.iter().position(|seen| seen.status != "401").unwrap_or(0);
        table.row("5 × node", "GET /reports, revoked key, after each edge's next look", &seen[odd], ("401", "revoked"));
        Ok(())
    }

    /// Publishes, lets the edges look, revokes a key and publishes again, all within one second. Returns the tag between the two, and
    /// the key.
    fn twice_within_a_second(&self, port: u16, edges: &[Edge]) -> Result<(String, Key)> {
        let tag = || -> Result<String> { head(port, &[])?.header("etag").context("the web server gave no tag") };
        for _ in 0..TRIES {
            let key = self.viewer("revoked within the second")?;
            self.wait_until_valid(edges, &key)?;
            let before = self.control.published("head")?;
            let into_second = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_millis();
            thread::sleep(Duration::from_millis(u64::from(1000 - into_second)));
            self.viewer("made in the same second")?;
            let between = self.wait_for_next(&before)?.0;
            for edge in edges {
                edge.refresh()?;
            }
            let first = tag()?;
            self.control.json(&["keys", "revoke", &key.id])?;
            self.wait_for_next(&between)?;
            if tag()? == first {
                return Ok((first, key));
            }
        }
        anyhow::bail!("no two publications within one second in {TRIES} attempts: this machine is busy with other things")
    }

    fn wait_until_valid(&self, edges: &[Edge], key: &Key) -> Result<()> {
        for edge in edges {
            until(edge, key, "200")?;
        }
        Ok(())
    }

    /// A new key that may read reports.
    fn viewer(&self, name: &str) -> Result<Key> {
        self.control.create(name, &["--owner", "admin", "--role", "viewer"])
    }
}

/// Asks with a key until it is answered with that status, and says how long that took.
fn until(edge: &Edge, key: &Key, status: &str) -> Result<Seen> {
    let (begin, lines) = (Instant::now(), bearer(&key.secret));
    loop {
        let seen = edge.ask(reports(&lines), false)?;
        if seen.status == status || begin.elapsed() > PATIENCE {
            return Ok(Seen { time: format!("{} ms", begin.elapsed().as_millis()), ..seen });
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// The published head, from a web server.
fn head(port: u16, lines: &[String]) -> Result<Answer> {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!("GET /r/{REALM}/head HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    let answer = wire::exchange(port, text.as_bytes(), false)?.context("the web server closed the connection")?;
    ensure!(answer.status != 404, "the web server has no head");
    Ok(answer)
}
