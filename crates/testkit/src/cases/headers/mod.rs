//! Header rows as raw bytes over sockets, on every host and framework.

pub mod differential;
mod fixture;
mod hosts;
mod judge;
mod keys;
mod language;
mod random;

use crate::{
    cases::{CaseFile, Row},
    shell, snapshot,
    tally::Tally,
    wire,
};
use anyhow::{Context, Error, Result, ensure};
use fixture::Fixture;
use hosts::Listening;
use judge::Expected;
use language::Call;
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path};

/// What the column `config` may say to a server; anything else is not understood.
const STATES: &[&str] = &["sources", "query", "mask_ip", "allow_preflight", "snapshot", "clock", "core", "client_ip"];
/// Items of the column `config` that ask for a check on the answer.
const CHECKS: &[&str] = &["cache check", "response check"];

/// Header lines without a value that a host does not pass on to the program behind it: host and header.
const HIDDEN: &[(&str, &str)] = &[("workerd", "authorization")];

/// A row whose every column was understood.
struct Case<'a> {
    id: &'a str,
    request: &'a str,
    call: Call,
    expected: Expected<'a>,
    /// Name of the listener that stands in the state the row wants.
    listener: String,
}

/// Judges every row on every host, or on those named. The package must be staged.
pub fn run(file: &CaseFile, only: &[String]) -> Result<Vec<Tally>> {
    let read = Read::of(file)?;
    let mut tallies = Vec::new();
    for host in hosts::all().filter(|host| only.is_empty() || only.iter().any(|name| name == host.name)) {
        if !host.exists() && !shell::in_ci() {
            println!("{}: skipped, it cannot be started on this machine", host.name);
            continue;
        }
        tallies.push(read.judge(&Started { name: host.name, start: &|configuration| host.start(configuration) })?);
    }
    Ok(tallies)
}

/// Judges every row on servers inside this process. `start` gets the path of a configuration, as `tests/conformance/servers/README.md` describes it, and
/// returns the port of each listener.
pub fn run_here(name: &str, file: &CaseFile, start: impl Fn(&Path) -> Result<BTreeMap<String, u16>>) -> Result<Tally> {
    Read::of(file)?.judge(&Started { name, start: &|configuration| start(configuration).map(Listening::here) })
}

/// A case file that was read.
struct Read<'a> {
    fixture: Fixture,
    listeners: Listeners,
    cases: Vec<Case<'a>>,
    /// What was not understood.
    riddles: Vec<String>,
}

impl<'a> Read<'a> {
    fn of(file: &'a CaseFile) -> Result<Self> {
        let mut read = Read { fixture: fixture::build()?, listeners: BTreeMap::new(), cases: Vec::new(), riddles: Vec::new() };
        for row in &file.rows {
            match understand(row, &read.fixture, &mut read.listeners) {
                Ok(case) => read.cases.push(case),
                Err(error) => read.riddles.push(format!("FAIL {}: {error:#}", row.id())),
            }
        }
        Ok(read)
    }

    fn judge(&self, host: &Started<'_>) -> Result<Tally> {
        println!("{}", host.name);
        self.riddles.iter().for_each(|riddle| println!("  {riddle}"));
        let mut tally = judge_on(host, &self.cases, &self.listeners, &self.fixture)?;
        tally.failed += self.riddles.len();
        println!("{}: {tally}", host.name);
        Ok(tally)
    }
}

/// A host, and how its servers are started for a configuration.
struct Started<'a> {
    name: &'a str,
    start: &'a dyn Fn(&Path) -> Result<Listening>,
}

/// The listeners that rows need: each with a state of its edge and a requirement.
type Listeners = BTreeMap<(String, Option<String>), String>;

fn understand<'a>(row: &'a Row, fixture: &Fixture, listeners: &mut Listeners) -> Result<Case<'a>> {
    let cell = |column| row.get(column).map_err(Error::msg);
    let request = cell("request")?;
    let call = Call::parse(request, &fixture.keys)?;
    let mut config = cell("config")?.to_owned();
    let cache_check = config.contains("cache check");
    CHECKS.iter().for_each(|check| config = config.replace(check, ""));
    let items: Vec<&str> = config.split([';', ' ']).filter(|item| !item.is_empty() && *item != "default").collect();
    for item in &items {
        let known = item.split_once('=').is_some_and(|(name, _)| STATES.contains(&name));
        ensure!(known, "cannot interpret the config `{item}`");
    }
    let state = if items.is_empty() { "default".to_owned() } else { items.join(";") };
    let status = cell("status")?;
    let status = status.parse().with_context(|| format!("status {status:?} is no number"))?;
    let expected = Expected { status, error: cell("www_authenticate_error")?, cache_check };
    let count = listeners.len();
    let listener = listeners.entry((state, call.need.clone())).or_insert_with(|| format!("l{count}")).clone();
    Ok(Case { id: row.id(), request, call, expected, listener })
}

fn judge_on(host: &Started<'_>, cases: &[Case<'_>], listeners: &Listeners, fixture: &Fixture) -> Result<Tally> {
    let servers = start(host, listeners, fixture)?;
    let mut tally = Tally::default();
    let mut refused = 0;
    // Whatever is wrong with a key, the body is the same; the first row seen sets it.
    let mut invalid_token: Option<(String, Vec<u8>)> = None;
    for case in cases {
        let port = servers.iter().find_map(|server| match server {
            Ok(server) => server.ports.get(&case.listener).map(|port| Ok(*port)),
            Err((listener, fault)) => (*listener == case.listener).then(|| Err(fault.clone())),
        });
        let id = case.id;
        let faults = match port.unwrap_or_else(|| Err("its listener is missing".into())) {
            Err(fault) => vec![fault],
            Ok(port) => match one(host, case, port) {
                Err(error) => vec![format!("{error:#}")],
                Ok(Reply::Refused(how)) => {
                    println!("  {} does not let this through: {id} {:?}: {how}", host.name, case.request);
                    refused += 1;
                    vec![]
                }
                Ok(Reply::Judged { mut faults, body }) => {
                    if case.expected.error == "invalid_token" && case.call.method != "HEAD" {
                        let (first, same) = invalid_token.get_or_insert_with(|| (id.to_owned(), body.clone()));
                        if *same != body {
                            faults.push(format!("the body differs from that of {first}"));
                        }
                    }
                    faults
                }
            },
        };
        tally.add(faults.is_empty());
        if !faults.is_empty() {
            println!("  FAIL {id} {:?}: {}", case.request, faults.join("; "));
        }
    }
    if refused > 0 {
        println!("  {refused} of the passed rows did not get through {} to any code of ours", host.name);
    }
    Ok(tally)
}

enum Reply {
    /// The host's own answer, before our code ran.
    Refused(String),
    Judged {
        faults: Vec<String>,
        body: Vec<u8>,
    },
}

fn one(host: &Started<'_>, case: &Case<'_>, port: u16) -> Result<Reply> {
    let mut extra = vec!["X-Test-IP: 198.51.100.9".to_owned()];
    let mut call = &case.call;
    let mut overwritten;
    if host.name == "workerd" {
        // The driver plays the platform in front of workerd, which sets this line whatever the client sent.
        extra.push("CF-Connecting-IP: 198.51.100.9".into());
        if call.has("cf-connecting-ip") {
            overwritten = call.clone();
            overwritten.lines.retain(|line| !language::name_of(line).eq_ignore_ascii_case("cf-connecting-ip"));
            call = &overwritten;
        }
    }
    let Some(answer) = wire::exchange(port, &call.bytes(&extra), call.method == "HEAD")? else {
        return Ok(Reply::Refused("connection closed without an answer".into()));
    };
    if judge::is_hosts_own(&answer, &call.method) {
        return Ok(Reply::Refused(format!("status {}", answer.status)));
    }
    if let Some((_, name)) = HIDDEN.iter().find(|(on, name)| *on == host.name && call.has_empty(name))
        && answer.status != case.expected.status
        && !(200..300).contains(&answer.status)
    {
        return Ok(Reply::Refused(format!("it hides an empty {name} line; the answer without it is {}", answer.status)));
    }
    Ok(Reply::Judged { faults: judge::faults(&answer, call, &case.expected), body: answer.body })
}

type Server = Result<Listening, (String, String)>;

/// One server with all listeners; if that fails, one server each, so that a bad state fails its own rows only.
fn start(host: &Started<'_>, listeners: &Listeners, fixture: &Fixture) -> Result<Vec<Server>> {
    let all: Vec<_> = listeners.iter().collect();
    match start_some(host, &all, fixture) {
        Ok(server) => Ok(vec![Ok(server)]),
        Err(_) if all.len() > 1 => Ok(all
            .iter()
            .map(|one| start_some(host, &[*one], fixture).map_err(|error| (one.1.clone(), format!("{error:#}"))))
            .collect()),
        Err(error) => Err(error),
    }
}

fn start_some(host: &Started<'_>, listeners: &[(&(String, Option<String>), &String)], fixture: &Fixture) -> Result<Listening> {
    let listeners = listeners.iter().map(|((config, need), name)| match need {
        Some(need) => json!({ "name": name, "port": 0, "config": config, "need": need }),
        None => json!({ "name": name, "port": 0, "config": config }),
    });
    let configuration = json!({
        "root": fixture.snapshot.root, "bundle": fixture.snapshot.bundle, "now": snapshot::NOW, "expiredNow": fixture::EXPIRED_NOW,
        "listeners": listeners.collect::<Vec<_>>(),
    });
    let path = shell::scratch("headers")?.join(format!("{}.json", host.name));
    fs::write(&path, configuration.to_string())?;
    (host.start)(&path)
}
