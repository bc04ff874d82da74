//! How long it takes until another node publishes what was changed as the first one ended: killed, or asked to. Two processes of the real binary over
//! a PostgreSQL that syncs its commits.
//!
//! `cargo build -p edgelatch --release && cargo run -p edgelatch-server --example takeover -- target/release/edgelatch [ROUNDS]`

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use edgelatch_registry::{Database, Env, Handover, Lease, NewKey, RealmState, Registry};
use edgelatch_testkit::postgres;
use edgelatch_testkit::registry::{caller, slug};

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

struct Nodes {
    binary: PathBuf,
    url: String,
    registry: Registry,
}

impl Nodes {
    fn command(&self, data: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--data").arg(data).env("EDGELATCH_DATABASE", &self.url).stderr(Stdio::null());
        command
    }

    fn start(&self, data: &Path) -> Result<Child> {
        let mut child =
            self.command(data).args(["--json", "serve", "--addr", "127.0.0.1:0", "--no-api"]).stdout(Stdio::piped()).spawn()?;
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut String::new())?;
        Ok(child)
    }

    fn state(&self) -> Result<RealmState> {
        self.registry.realm_states()?.into_iter().next().context("no realm")
    }

    fn holder(&self) -> Result<Option<Lease>> {
        Ok(self.state()?.holder)
    }

    fn until(&self, mut there: impl FnMut() -> Result<bool>) -> Result<Duration> {
        let begun = Instant::now();
        while !there()? {
            anyhow::ensure!(begun.elapsed() < LONG, "it takes too long");
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(begun.elapsed())
    }

    /// One round: the node that publishes ends, and the other one publishes the change.
    fn round(&self, signal: &str, first: &mut Child, data: &Path) -> Result<Duration> {
        self.until(|| Ok(self.state()?.last.is_some_and(|last| last.published)))?;
        let before = self.holder()?;
        let begun = Instant::now();
        anyhow::ensure!(Command::new("kill").args([signal, &first.id().to_string()]).status()?.success());
        let new = NewKey::new(slug("main"), format!("k{}", begun.elapsed().as_nanos()).parse()?);
        self.registry.keys(&slug("acme")).create(&caller(), &new, Handover::default())?;
        self.until(|| {
            let state = self.state()?;
            let out = state.last.is_some_and(|last| last.changes == state.changes && last.epoch == state.shown_epoch);
            Ok(out && state.holder.is_some() && state.holder != before)
        })?;
        let took = begun.elapsed();
        first.wait()?;
        *first = self.start(data)?;
        // Until it has said that it is at work, and copied what is there.
        std::thread::sleep(Duration::from_millis(1_500));
        Ok(took)
    }
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let binary = PathBuf::from(args.next().context("name the binary: target/release/edgelatch")?);
    let rounds: usize = args.next().map_or(Ok(50), |text| text.parse())?;
    let server = postgres::durable().context("PostgreSQL is not installed")?;
    let (temp, url) = (tempfile::tempdir()?, server.url(&server.schema()));
    let data = ["a", "b"].map(|name| temp.path().join(name));
    let init = Command::new(&binary)
        .arg("--data")
        .arg(&data[0])
        .env("EDGELATCH_DATABASE", &url)
        .args(["init", "--realm", "acme"])
        .output()?;
    anyhow::ensure!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    std::fs::create_dir_all(data[1].join("keys"))?;
    std::fs::copy(data[0].join("keys/publisher.key"), data[1].join("keys/publisher.key"))?;
    let registry = Registry::connect(&url.parse::<Database>()?, Env::system())?;
    let nodes = Nodes { binary, url, registry };
    let mut running = [nodes.start(&data[0])?, nodes.start(&data[1])?];
    nodes.until(|| Ok(nodes.holder()?.is_some()))?;
    std::thread::sleep(Duration::from_secs(2));
    for (what, signal) in [("asked to end", "-TERM"), ("killed", "-KILL")] {
        let mut took = Vec::new();
        for _ in 0..rounds {
            // Whose name is that of the holder is the one that publishes.
            let holder = nodes.holder()?.context("nobody publishes")?.node.name;
            let name = |data: &Path| std::fs::read_to_string(data.join("node")).unwrap_or_default();
            let first = usize::from(name(&data[0]).trim() != holder.as_str());
            let (child, data) = (&mut running[first], &data[first]);
            took.push(nodes.round(signal, child, data)?);
        }
        took.sort_unstable();
        let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64();
        println!(
            "{what}: another node has published after {:.2} s (p50), {:.2} s (p99), of {} rounds",
            at(50),
            at(99),
            took.len()
        );
    }
    for mut child in running {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}
