//! One key all the way, and every attack on the way, against real programs over real HTTP.

mod control;
mod edges;
mod mirror;
mod road;
mod table;

use crate::{process::Running, shell, snapshot, tally::Tally};
use anyhow::{Context, Result, anyhow, ensure};
use control::{Control, Key, REALM, with_head};
use edges::{Ask, Edge, PLATFORM_CLIENT};
use mirror::{Mirror, Mode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use table::{Seen, Table};

/// A change must reach every edge within this.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the keys and the head live that are to expire during the demo.
const SHORT: u64 = 4;
/// A key as some older system issued it.
const LEGACY: &str = "legacy-7f3a9c51d2e84b06";

/// Runs the demo: prints a row for each thing that an edge did and whether that is right. The package must be staged and the
/// command built. With `keep`, everything runs on until somebody presses Enter.
pub fn run(keep: bool) -> Result<Tally> {
    let begin = Instant::now();
    let scene = Scene::set()?;
    let mut table = Table::begin();
    table.part("What requests are answered");
    scene.requests(&mut table)?;
    table.part("Changes in the control plane, and how long until edges go by them that look seven times a second");
    scene.changes(&mut table)?;
    table.part("A network in the hands of an attacker, who serves what an edge must not believe, or nothing");
    scene.attacks(&mut table)?;
    table.part("The road from the control plane to the edge");
    scene.streamed(&mut table)?;
    scene.behind_a_web_server(&mut table)?;
    scene.started_alone(&mut table)?;
    scene.lazily(&mut table)?;
    println!(
        "\ntime: the mean of many calls for this very request inside the edge, or how long after the command that made a change"
    );
    println!("      it took effect there");
    println!("the demo took {:.0} s", begin.elapsed().as_secs_f32());
    if keep {
        scene.keep()?;
    }
    Ok(table.tally)
}

/// Everything that runs.
struct Scene {
    control: Control,
    _server: Running,
    address: std::net::SocketAddr,
    mirror: Mirror,
    edges: Vec<Edge>,
    keys: Keys,
    /// Head and bundle of the first epoch that edges saw.
    first: (Vec<u8>, Vec<u8>),
}

struct Keys {
    reader: Key,
    inside: Key,
    purger: Key,
    brief: Key,
    early: Key,
    robot: Key,
    doomed: Key,
    unknown: String,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn bearer(key: &str) -> Vec<String> {
    vec![format!("Authorization: Bearer {key}")]
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

const fn reports(lines: &[String]) -> Ask<'_> {
    Ask { method: "GET", path: "/reports", lines }
}

impl Scene {
    fn set() -> Result<Scene> {
        let control = Control::init()?;
        control.json(&["roles", "create", "viewer", "--permission", "report.view"])?;
        control.json(&["roles", "create", "purger", "--permission", "cache.purge,report.view"])?;
        control.json(&["owners", "create", "robot", "--kind", "service"])?;
        let here = format!("127.0.0.1,{PLATFORM_CLIENT}");
        let keys = Keys {
            reader: control.create("reader", &["--owner", "admin", "--role", "viewer", "--allow", &here])?,
            inside: control
                .create("office network only", &["--owner", "admin", "--role", "viewer", "--allow", "10.0.0.0/8"])?,
            purger: control.create("purger", &["--owner", "admin", "--role", "purger", "--scope", "cdn"])?,
            brief: control.create("brief", &["--owner", "admin", "--role", "viewer", "--expires", &format!("{SHORT}s")])?,
            early: control.create("early", &["--owner", "admin", "--role", "viewer", "--not-before", "1d"])?,
            robot: control.create("robot", &["--owner", "robot", "--role", "viewer"])?,
            doomed: control.create("doomed", &["--owner", "admin", "--role", "viewer"])?,
            unknown: snapshot::key_text("never issued")?,
        };
        let expiry = Instant::now();
        control.json(&["publish"])?;
        let first = (control.published("head")?, control.published("bundle")?);
        let (server, address) = control.serve()?;
        let mirror = Mirror::start(address, Mode::Pass)?;
        let source = format!("http://{}/r/{REALM}", mirror.address);
        let mut edges = Vec::new();
        for name in ["node", "workerd"] {
            // Without a stream, or the attacker's network would not be all that they hear of.
            let settings = json!({ "root": control.root, "source": source, "stream": false });
            edges.push(Edge::start(name, name, &settings)?);
        }
        println!("control plane on http://{address}, SQLite and keys in {}", shell::scratch("demo")?.display());
        for edge in &edges {
            println!("protected API in {} on http://127.0.0.1:{}", edge.name, edge.port);
        }
        println!();
        // The brief key must have expired when its row comes.
        thread::sleep(Duration::from_secs(SHORT + 1).saturating_sub(expiry.elapsed()));
        Ok(Scene { control, _server: server, address, mirror, edges, keys, first })
    }

    /// What each request is answered.
    fn requests(&self, table: &mut Table) -> Result<()> {
        let keys = &self.keys;
        let reader = &keys.reader.secret;
        let mistyped = reader.replace(&reader[reader.len() - 1..], "-");
        let mistyped = mistyped.replace('-', if reader.ends_with('7') { "8" } else { "7" });
        let spoofed = [bearer(&keys.inside.secret), vec!["X-Forwarded-For: 10.1.2.3".into()]].concat();
        let both = [bearer(reader), vec![format!("X-API-Key: {reader}")]].concat();
        let purge = |key: &str| ("POST", "/purge", bearer(key));
        let get = |lines: Vec<String>| ("GET", "/reports", lines);
        let rows = [
            ("valid key", get(bearer(reader)), ("200", "valid")),
            ("the same key as X-API-Key", get(vec![format!("X-API-Key: {reader}")]), ("200", "valid")),
            ("no key", get(vec![]), ("401", "missing")),
            ("two credentials", get(both), ("400", "invalid_request")),
            ("one character mistyped", get(bearer(&mistyped)), ("401", "malformed")),
            ("well formed, never issued", get(bearer(&keys.unknown)), ("401", "unknown")),
            ("key of the office network, from elsewhere", get(bearer(&keys.inside.secret)), ("403", "ip_denied")),
            ("the same with a spoofed X-Forwarded-For", get(spoofed), ("403", "ip_denied")),
            ("without the permission", purge(reader), ("403", "permission_denied")),
            ("with the permission", purge(&keys.purger.secret), ("200", "valid")),
            ("with the permission, outside its scope", get(bearer(&keys.purger.secret)), ("403", "scope_denied")),
            ("expired key", get(bearer(&keys.brief.secret)), ("401", "expired")),
            ("key that is not valid yet", get(bearer(&keys.early.secret)), ("401", "not_yet_valid")),
        ];
        for edge in &self.edges {
            for (what, (method, path, lines), expected) in &rows {
                let seen = edge.ask(Ask { method, path, lines }, true)?;
                table.row(edge.name, &format!("{method} {path}, {what}"), &seen, *expected);
            }
        }
        Ok(())
    }

    /// Changes in the registry, and how long it takes until each edge goes by them.
    fn changes(&self, table: &mut Table) -> Result<()> {
        let digest: String = Sha256::digest(LEGACY).iter().map(|byte| format!("{byte:02x}")).collect();
        let import = ["keys", "import", "--name", "legacy", "--sha256", &digest, "--owner", "admin", "--role", "viewer"];
        self.change(table, "import of a key by its SHA-256", &import, LEGACY, ("200", "valid"))?;
        let disable = ["owners", "disable", "robot"];
        self.change(table, "owner disabled", &disable, &self.keys.robot.secret, ("401", "owner_disabled"))?;
        let revoke = ["keys", "revoke", &self.keys.doomed.id];
        self.change(table, "revocation", &revoke, &self.keys.doomed.secret, ("401", "revoked"))
    }

    fn change(&self, table: &mut Table, what: &str, command: &[&str], key: &str, expected: (&str, &str)) -> Result<()> {
        let lines = bearer(key);
        let before = if expected.0 == "200" { "401" } else { "200" };
        for edge in &self.edges {
            let seen = edge.ask(reports(&lines), false)?;
            ensure!(seen.status == before, "before `{what}` {} answers {} {}", edge.name, seen.status, seen.verdict);
        }
        self.control.json(command)?;
        let committed = Instant::now();
        let watch = |edge: &Edge| loop {
            let seen = edge.ask(reports(&lines), false)?;
            if seen.status == expected.0 || committed.elapsed() > PATIENCE {
                return Ok(Seen { time: format!("{} ms", committed.elapsed().as_millis()), ..seen });
            }
            thread::sleep(Duration::from_millis(5));
        };
        let seen: Vec<Result<Seen>> = thread::scope(|scope| {
            let watches: Vec<_> = self.edges.iter().map(|edge| scope.spawn(move || watch(edge))).collect();
            watches.into_iter().filter_map(|watch| watch.join().ok()).collect()
        });
        for (edge, seen) in self.edges.iter().zip(seen) {
            table.row(edge.name, &format!("{what}, until it takes effect"), &seen?, expected);
        }
        Ok(())
    }

    /// What comes over a network that an attacker holds.
    fn attacks(&self, table: &mut Table) -> Result<()> {
        let current = (self.control.published("head")?, self.control.published("bundle")?);
        let hold = || Mode::Serve { head: current.0.clone(), bundle: current.1.clone() };
        let mut epochs = Vec::new();
        for edge in &self.edges {
            epochs.push(edge.refresh()?.1);
        }
        // A new epoch with a new key, which reaches nobody but the attacker.
        self.mirror.set(hold());
        self.control.create("unseen", &["--owner", "admin", "--role", "viewer"])?;
        let next = self.wait_for_next(&current.0)?;
        let stale = |head: &mut edgelatch_core::build::HeadFields| {
            head.epoch += 1;
            (head.issued_at, head.not_after) = (now() - 7200, now() - 3600);
        };
        let expired = self.control.sign(stale)?;
        let other = self.control.sign(|head| {
            head.epoch = epochs.first().copied().unwrap_or(0);
            head.not_after += 60;
        })?;
        let attacks = [
            ("forged head: one bit flipped", flipped(&next.0, next.0.len() - 1), next.1.clone(), "bad_signature"),
            (
                "forged bundle: one bit of the last shard flipped",
                next.0.clone(),
                flipped(&next.1, next.1.len() - 1),
                "wrong_digest",
            ),
            ("truncated bundle", next.0.clone(), next.1[..next.1.len() - 1].to_vec(), "truncated"),
            // An older epoch than the one in force.
            ("replayed older head and bundle", self.first.0.clone(), self.first.1.clone(), "rollback"),
            ("another head for the current epoch", other.clone(), with_head(&next.1, &other)?, "equivocation"),
            ("expired head, rightly signed", expired.clone(), with_head(&next.1, &expired)?, "head_expired"),
        ];
        for (what, head, bundle, code) in attacks {
            self.mirror.set(Mode::Serve { head, bundle });
            for (edge, epoch) in self.edges.iter().zip(&epochs) {
                let (verdict, after) = edge.refresh()?;
                let status = if after == *epoch { "kept".to_owned() } else { format!("epoch {after}") };
                table.row(
                    edge.name,
                    &format!("update: {what}"),
                    &Seen { status, verdict, time: String::new() },
                    ("kept", code),
                );
            }
        }
        let (reader, doomed) = (bearer(&self.keys.reader.secret), bearer(&self.keys.doomed.secret));
        self.mirror.set(Mode::Cut);
        for edge in &self.edges {
            table.row(
                edge.name,
                "GET /reports, valid key, control plane out of reach",
                &edge.ask(reports(&reader), true)?,
                ("200", "valid"),
            );
            table.row(
                edge.name,
                "GET /reports, revoked key, control plane out of reach",
                &edge.ask(reports(&doomed), true)?,
                ("401", "revoked"),
            );
        }
        self.cut_off(table)?;
        self.mirror.set(Mode::Pass);
        for edge in &self.edges {
            let (verdict, after) = edge.refresh()?;
            let status = if after > epochs[0] { "newer" } else { "kept" }.to_owned();
            let verdict = if verdict == "unchanged" { "updated".into() } else { verdict };
            table.row(
                edge.name,
                "update: the network is honest again",
                &Seen { status, verdict, time: String::new() },
                ("newer", "updated"),
            );
        }
        Ok(())
    }

    /// Settings of an edge that reads from an address.
    fn settings(&self, address: std::net::SocketAddr, more: Value) -> Value {
        let mut settings = json!({ "root": self.control.root, "source": format!("http://{address}/r/{REALM}") });
        if let (Value::Object(settings), Value::Object(more)) = (&mut settings, more) {
            settings.extend(more);
        }
        settings
    }

    /// An edge that gets no new head until its last one expires.
    fn cut_off(&self, table: &mut Table) -> Result<()> {
        let mirror = Mirror::start(self.address, Mode::Pass)?;
        let edge = Edge::start("cut off", "node", &self.settings(mirror.address, json!({ "stream": false })))?;
        let head = self.control.sign(|head| (head.epoch, head.not_after) = (head.epoch + 1, now() + SHORT))?;
        let signed = Instant::now();
        let bundle = with_head(&self.control.published("bundle")?, &head)?;
        mirror.set(Mode::Serve { head, bundle });
        edge.refresh()?;
        let lines = bearer(&self.keys.reader.secret);
        let served = edge.ask(reports(&lines), false)?;
        table.row(edge.name, "GET /reports, valid key, head expires soon", &served, ("200", "valid"));
        thread::sleep(Duration::from_secs(SHORT + 1).saturating_sub(signed.elapsed()));
        let seen = edge.ask(reports(&lines), true)?;
        table.row(edge.name, "GET /reports, valid key, head has expired", &seen, ("503", "snapshot_stale"));
        Ok(())
    }

    /// Head and bundle of the next epoch.
    fn wait_for_next(&self, head: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        let begin = Instant::now();
        loop {
            let (next, bundle) = (self.control.published("head")?, self.control.published("bundle")?);
            // The bundle follows the head.
            let own = edgelatch_core::bundle::head_bytes(&bundle).map_err(|error| anyhow!("{error}"))?;
            if next != head && own == next {
                return Ok((next, bundle));
            }
            ensure!(begin.elapsed() < PATIENCE, "edgelatch serve published nothing within {PATIENCE:?} of a change");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Leaves everything running until somebody presses Enter.
    fn keep(&self) -> Result<()> {
        println!("\nStill running. Try:\n");
        let (reader, inside) = (bearer(&self.keys.reader.secret), bearer(&self.keys.inside.secret));
        for edge in &self.edges {
            println!("# {}\n{}\n{}", edge.name, edge.curl(reports(&reader)), edge.curl(reports(&inside)));
            println!("{}\n", edge.curl(Ask { method: "POST", path: "/purge", lines: &reader }));
        }
        println!(
            "# revoke it and try again\n{}\n",
            shell::shown(&self.control.command(&["keys", "revoke", &self.keys.reader.id]))
        );
        println!("# what an edge would say, step by step");
        println!(
            "printf %s '{}' | {}\n",
            self.keys.inside.secret,
            shell::shown(&self.control.command(&["verify", "--key-stdin", "--ip", "192.0.2.1"]))
        );
        println!("Press Enter to stop.");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("cannot wait")?;
        Ok(())
    }
}
