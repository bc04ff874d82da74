//! How news gets to an edge: over a stream, as plain files behind any web server, and, where none gets there, out of its own cache.

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
    shell::{self, command},
    wire::{self, Answer},
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Milliseconds between two looks of an edge that is to hear nothing but a stream.
const HOUR: u64 = 3_600_000;
/// Edges behind the web server.
const FLEET: [&str; 5] = ["files 1", "files 2", "files 3", "files 4", "files 5"];
/// Keys that are imported for the edge that holds no more than a part of the snapshot, and how many bytes it may keep beside the index.
const MANY: usize = 20_000;
const BUDGET: u64 = 262_144;
/// How long nothing passes when nothing is on its way.
const QUIET: Duration = Duration::from_millis(200);
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
            reaches(edge, key, "200")?;
        }
        Ok(())
    }

    /// An edge that begins while the control plane cannot be reached: with what it kept of its last life, and without.
    pub(super) fn started_alone(&self, table: &mut Table) -> Result<()> {
        let cache = shell::scratch("demo")?.join("edge-cache");
        if cache.exists() {
            fs::remove_dir_all(&cache).with_context(|| format!("cannot empty {}", cache.display()))?;
        }
        let mirror = Mirror::start(self.address, Mode::Pass)?;
        let settings = self.settings(mirror.address, json!({ "cache": cache }));
        let edge = Edge::start("last life", "node", &settings)?;
        let key = self.viewer("revoked before the restart")?;
        reaches(&edge, &key, "200")?;
        self.control.json(&["keys", "revoke", &key.id])?;
        reaches(&edge, &key, "401")?;
        self.wait_until_kept(&cache)?;
        drop(edge);
        mirror.set(Mode::Cut);
        let (reader, revoked) = (bearer(&self.keys.reader.secret), bearer(&key.secret));
        let kept = Edge::start("new life", "node", &settings)?;
        for (what, lines, expected) in [("valid", &reader, ("200", "valid")), ("revoked", &revoked, ("401", "revoked"))] {
            let what = format!("GET /reports, {what} key, started without the control plane");
            table.row(kept.name, &what, &kept.ask(reports(lines), true)?, expected);
        }
        let bare = Edge::start("bare", "node", &self.settings(mirror.address, json!({})))?;
        let seen = bare.ask(reports(&reader), false)?;
        table.row(bare.name, "GET /reports, valid key, started so with no cache", &seen, ("503", "snapshot_missing"));
        Ok(())
    }

    /// An edge that fetches what a key needs while its request waits, and the rest never.
    pub(super) fn lazily(&self, table: &mut Table) -> Result<()> {
        let file = shell::scratch("demo")?.join("many.csv");
        let digest = |n: usize| Sha256::digest(format!("key {n}")).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let lines: String = (0..MANY).map(|n| format!("{},key {n}\n", digest(n))).collect();
        fs::write(&file, format!("sha256,name\n{lines}"))?;
        let before = self.control.published("head")?;
        let import = ["keys", "import", "--owner", "admin", "--role", "viewer"];
        self.control.json(&[&import[..], &[&file.to_string_lossy()]].concat())?;
        let bundle = self.wait_for_next(&before)?.1.len();
        let mirror = Mirror::start(self.address, Mode::Pass)?;
        let lazy = json!({ "stream": false, "interval": HOUR, "lazy": { "bytes": BUDGET } });
        let edge = Edge::start("lazy", "node", &self.settings(mirror.address, lazy))?;
        let asked = [
            ("valid key", bearer(&self.keys.reader.secret), ("200", "valid")),
            ("revoked key", bearer(&self.keys.doomed.secret), ("401", "revoked")),
            ("key that never was", bearer(&self.keys.unknown), ("401", "unknown")),
        ];
        for (what, lines, expected) in &asked {
            // A transfer that the edge has broken off may still be on its way.
            let before = quiet(&mirror);
            let seen = edge.ask(reports(lines), false)?;
            let what = format!("GET /reports, {what}: {} of {bundle} bytes fetched", mirror.passed() - before);
            table.row(edge.name, &what, &seen, *expected);
        }
        Ok(())
    }

    /// Waits until a file of an edge's cache holds the current head.
    fn wait_until_kept(&self, cache: &Path) -> Result<()> {
        let begin = Instant::now();
        loop {
            let head = self.control.published("head")?;
            // What is still being written is lost with the process that writes it.
            let whole = |file: &PathBuf| file.extension().is_none_or(|extension| extension != "unfinished");
            let files = fs::read_dir(cache).into_iter().flatten().flatten().map(|file| file.path()).filter(whole);
            let mut all = files.filter_map(|file| fs::read(file).ok());
            if all.any(|bytes| bytes.windows(head.len()).any(|part| part == head)) {
                return Ok(());
            }
            ensure!(begin.elapsed() < PATIENCE, "the edge kept nothing in {} within {PATIENCE:?}", cache.display());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// A new key that may read reports.
    fn viewer(&self, name: &str) -> Result<Key> {
        self.control.create(name, &["--owner", "admin", "--role", "viewer"])
    }
}

/// Waits until a key is answered with that status.
fn reaches(edge: &Edge, key: &Key, status: &str) -> Result<()> {
    let seen = until(edge, key, status)?;
    ensure!(
        seen.status == status,
        "{}: a key is answered with {} and not {status}, after {}",
        edge.name,
        seen.status,
        seen.time
    );
    Ok(())
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

/// How many bytes have passed, once no more do.
fn quiet(mirror: &Mirror) -> u64 {
    loop {
        let before = mirror.passed();
        thread::sleep(QUIET);
        if mirror.passed() == before {
            return before;
        }
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
