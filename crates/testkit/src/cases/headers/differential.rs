//! The same requests, made by chance, to every host: each answers as the core judges what was sent, refuses it before anybody else sees it, or differs
//! for a reason that stands here.

use super::{
    fixture::{self, Fixture},
    hosts::{self, Listening},
    judge::is_hosts_own,
    language::{Call, name_of, wire as as_sent},
    random,
};
use crate::{random::Random, shell, snapshot::NOW, tally::Tally, wire};
use anyhow::{Context, Result, anyhow};
use edgelatch_core::{
    edge::{Edge, HostConfig, Outcome, RequirementId},
    http::BlockWriter,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt, fs, path::Path};

/// States of an edge, with what a route requires there.
const LISTENERS: &[(&str, Option<&str>)] = &[
    ("default", None),
    ("default", Some("write")),
    ("sources=bearer,x-api-key;query=api_key", None),
    ("allow_preflight=on;sources=x-api-key", Some("read")),
];
/// Differences that are shown of a host.
const SHOWN: usize = 8;

/// What a host is known to make another request of, before the check can see it.
struct Reason {
    says: &'static str,
    on: fn(&str) -> bool,
    of: fn(&Call) -> bool,
    /// Whether more may pass by it, and not only be refused in another way.
    passes: bool,
}

const REASONS: &[Reason] = &[];

/// What was answered, or is to be.
#[derive(Clone, PartialEq, Eq)]
enum Told {
    /// The handler was reached.
    Passed,
    /// Refused, with this status and problem; a reply to HEAD names none.
    Refused(u16, Option<String>),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Passed => f.write_str("passed"),
            Told::Refused(status, problem) => write!(f, "{status} {}", problem.as_deref().unwrap_or_default()),
        }
    }
}

/// How many requests, and which.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    /// What they are made by; not 0.
    pub seed: u64,
    /// How many there are.
    pub requests: usize,
}

/// Asks every host, or those named. The package must be staged.
pub fn run(chance: Chance, only: &[String]) -> Result<Vec<Tally>> {
    let asked = Asked::make(chance)?;
    let mut tallies = Vec::new();
    for host in hosts::all().filter(|host| only.is_empty() || only.iter().any(|name| name == host.name)) {
        if !host.exists() && !shell::in_ci() {
            println!("{}: skipped, it cannot be started on this machine", host.name);
            continue;
        }
        tallies.push(asked.ask(host.name, &host.start(&asked.configuration(host.name)?)?)?);
    }
    Ok(tallies)
}

/// Asks servers inside this process; `start` is as for [`super::run_here`].
pub fn run_here(name: &str, chance: Chance, start: impl Fn(&Path) -> Result<BTreeMap<String, u16>>) -> Result<Tally> {
    let asked = Asked::make(chance)?;
    asked.ask(name, &Listening::here(start(&asked.configuration(name)?)?))
}

/// Requests, each with its listener and what the core says to it.
struct Asked {
    fixture: Fixture,
    seed: u64,
    calls: Vec<(Call, usize, Told)>,
}

impl Asked {
    fn make(Chance { seed, requests }: Chance) -> Result<Asked> {
        let fixture = fixture::build()?;
        let judges = LISTENERS.iter().map(|(state, need)| Judge::new(&fixture, state, *need)).collect::<Result<Vec<_>>>()?;
        let mut random = Random(seed.max(1));
        let mut calls = Vec::new();
        for _ in 0..requests {
            let at = random.below(judges.len());
            let call = random::call(&mut random, &fixture.keys)?;
            let told = judges[at].judge(&call);
            calls.push((call, at, told));
        }
        Ok(Asked { fixture, seed, calls })
    }

    /// What a host's program reads: see `tests/conformance/servers/README.md`.
    fn configuration(&self, host: &str) -> Result<std::path::PathBuf> {
        let listeners = LISTENERS.iter().enumerate().map(|(at, (state, need))| {
            let mut listener = json!({ "name": format!("l{at}"), "port": 0, "config": state });
            need.iter().for_each(|need| listener["need"] = json!(need));
            listener
        });
        let configuration = json!({
            "root": self.fixture.snapshot.root, "bundle": self.fixture.snapshot.bundle, "now": NOW, "expiredNow": fixture::EXPIRED_NOW,
            "listeners": listeners.collect::<Vec<_>>(),
        });
        let path = shell::scratch("differential")?.join(format!("{host}.json"));
        fs::write(&path, configuration.to_string())?;
        Ok(path)
    }

    fn ask(&self, host: &str, servers: &Listening) -> Result<Tally> {
        let (mut tally, mut own, mut reasons) = (Tally::default(), 0, BTreeMap::<&str, usize>::new());
        let mut passed = 0;
        let mut faults = Vec::new();
        for (call, at, wanted) in &self.calls {
            let port = servers.ports.get(&format!("l{at}")).context("its listener is missing")?;
            let bytes = call.bytes(&added(host));
            let answer = wire::exchange(*port, &bytes, call.method == "HEAD")?;
            let Some(answer) = answer.filter(|answer| !is_hosts_own(answer, &call.method)) else {
                own += 1;
                tally.add(true);
                continue;
            };
            let found = told(&answer);
            let same = match (&found, wanted) {
                (Told::Refused(status, None), Told::Refused(wanted, _)) => status == wanted,
                (found, wanted) => found == wanted,
            };
            passed += usize::from(found == Told::Passed);
            let reason = REASONS
                .iter()
                .find(|reason| (reason.on)(host) && (reason.of)(call) && (reason.passes || found != Told::Passed));
            if let Some(reason) = reason.filter(|_| !same) {
                *reasons.entry(reason.says).or_default() += 1;
            }
            tally.add(same || reason.is_some());
            if !same && reason.is_none() {
                let (state, need) = LISTENERS[*at];
                faults.push(format!("{found} instead of {wanted} at {state} {need:?}: {:?}", String::from_utf8_lossy(&bytes)));
            }
        }
        if passed * 20 < self.calls.len() {
            tally.add(false);
            faults.push(format!("only {passed} of {} requests pass: nothing is shown", self.calls.len()));
        }
        let listed: Vec<String> = reasons.iter().map(|(says, count)| format!("{count} {says}")).collect();
        let listed = if listed.is_empty() { "none".into() } else { listed.join(", ") };
        faults.iter().take(SHOWN).for_each(|fault| println!("  FAIL {fault}"));
        println!(
            "  seed {}: {passed} passed the check, {own} were refused by the host itself; otherwise than the core: {listed}",
            self.seed
        );
        println!("{host}: {tally}");
        Ok(tally)
    }
}

/// What the driver adds to each request: the client's address, as the platform in front of a host tells it.
fn added(host: &str) -> Vec<String> {
    let mut lines = vec!["X-Test-IP: 198.51.100.9".to_owned()];
    lines.extend((host == "workerd").then(|| "CF-Connecting-IP: 198.51.100.9".into()));
    lines
}

fn told(answer: &wire::Answer) -> Told {
    if answer.header("x-handler").is_some() {
        return Told::Passed;
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Told::Refused(answer.status, body["type"].as_str().map(|kind| kind.trim_start_matches("urn:edgelatch:problem:").to_owned()))
}

/// The core, over what was sent.
struct Judge {
    edge: Edge,
    requirement: RequirementId,
}

impl Judge {
    fn new(fixture: &Fixture, state: &str, need: Option<&str>) -> Result<Judge> {
        let say = |error: edgelatch_core::error::Error| anyhow!("{error}");
        let mut config = "client_ip=trust=127.0.0.0/8;header=x-test-ip".to_owned();
        for item in state.split(';').filter(|item| *item != "default") {
            config.push_str(&format!("\n{}", item.replace("sources=", "credentials=")));
        }
        let config = HostConfig::parse(&config).map_err(say)?;
        let mut edge = Edge::new(&fs::read(&fixture.snapshot.root)?, config).map_err(say)?;
        let mut staged = edge.stage(&[], fs::read(&fixture.snapshot.bundle)?, NOW).map_err(say)?;
        while staged.check(1 << 20).map_err(say)? > 0 {}
        edge.commit(staged, NOW).map_err(say)?;
        let requirement = edge.compile(None, need);
        Ok(Judge { edge, requirement })
    }

    fn judge(&self, call: &Call) -> Told {
        let interest: Vec<&str> = self.edge.config().interest().collect();
        let mut block = BlockWriter::new(Some("127.0.0.1"), &call.method, &call.target);
        let lines = call.host.then_some("host: api.example.com").filter(|_| !call.has("host"));
        for line in lines.into_iter().chain(call.lines.iter().map(String::as_str)).chain(["x-test-ip: 198.51.100.9"]) {
            let name = name_of(line).to_ascii_lowercase();
            let value = line.split_once(':').map_or("", |(_, value)| value).trim_matches([' ', '\t']);
            if interest.contains(&name.as_str()) {
                block.line(&name, &as_sent(value));
            }
        }
        let outcome = self.edge.verify_block(&block.finish(), self.requirement, NOW);
        let reply = outcome.reply();
        match reply.status == 0 || outcome.flags & Outcome::PREFLIGHT != 0 {
            true => Told::Passed,
            false => Told::Refused(reply.status, Some(reply.slug.to_owned())),
        }
    }
}
