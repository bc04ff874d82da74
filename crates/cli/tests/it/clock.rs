//! Clocks that are wrong, on the real binary: one that has jumped ahead signs nothing, and what was signed by one can be mended.

use std::process::Command;

use crate::common::node::{Node, until};
use crate::common::{Plane, Ran, binary};
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::head::Head;

/// The binary by a clock that is so far off. It is begun with what `faketime` gives its programs, and not by it: whoever ends a wrapper leaves the
/// program that it has begun.
fn at(offset: &str) -> Option<Command> {
    let given = Command::new("faketime").args(["-f", offset, "env"]).output().ok().filter(|ran| ran.status.success());
    let Some(given) = given else {
        assert!(std::env::var_os("CI").is_none(), "faketime is not installed: apt-get install faketime");
        return None;
    };
    let mut command = binary();
    let variables = String::from_utf8(given.stdout).unwrap();
    let named = variables.lines().filter_map(|line| line.split_once('='));
    command.envs(named.filter(|(name, _)| ["LD_PRELOAD", "FAKETIME"].contains(name)));
    // What counts time goes on as it does where a clock is set.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    Some(command)
}

fn run(mut command: Command, p: &Plane, args: &[&str]) -> Ran {
    command.arg("--data").arg(p.data()).arg("--json").args(args).output().unwrap().into()
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn head(p: &Plane) -> Head {
    Head::inspect(&std::fs::read(p.published("head")).unwrap()).unwrap()
}

/// An edge that begins with the present bundle.
fn edge(p: &Plane) -> Edge {
    let mut edge = Edge::new(&std::fs::read(p.published("root/1")).unwrap(), HostConfig::default()).unwrap();
    take(&mut edge, p);
    edge
}

fn take(edge: &mut Edge, p: &Plane) {
    let mut staged = edge.stage(&[], std::fs::read(p.published("bundle")).unwrap(), now()).unwrap();
    staged.check(usize::MAX).unwrap();
    edge.commit(staged, now()).unwrap();
}

/// Of a root's life half is over: `doctor` tells it, and ends as where nothing is wrong. At three quarters it does not.
#[test]
fn a_root_of_which_half_is_over_is_told_and_no_trouble() {
    for (offset, code, exit) in [("-200d", "half_over", 0), ("-300d", "ends", 1)] {
        let p = Plane::empty();
        let Some(before) = at(offset) else { return };
        let made = run(before, &p, &["init", "--realm", "acme", "--root-lifetime", "1y"]);
        assert_eq!(made.code, 0, "{}", made.err);
        p.ok(&["publish", "--accept-clock"]);
        let ran = p.run(&["--json", "doctor"]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let found: Vec<_> = report["findings"].as_array().unwrap().iter().map(|one| (&one["place"], &one["code"])).collect();
        assert_eq!((ran.code, found.len()), (exit, 1), "{report}");
        assert!(found[0].0 == "realm/acme/root" && found[0].1 == code, "{report}");
    }
}

#[test]
fn a_clock_that_jumped_ahead_signs_nothing() {
    let p = Plane::new();
    let before = head(&p);
    let Some(ahead) = at("+3d") else { return };
    let ran = run(ahead, &p, &["publish"]);
    assert!(ran.code == 2 && ran.err.contains("clock_off") && ran.err.contains("--accept-clock"), "{}", ran.err);
    assert_eq!(head(&p), before);
    // By as much as edges tolerate, it may be off.
    let ran = run(at("+200s").unwrap(), &p, &["publish"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    p.ok(&["publish"]);
}

#[test]
fn a_server_whose_clock_is_ahead_says_so_and_signs_nothing() {
    let p = Plane::new();
    let before = head(&p);
    let Some(ahead) = at("+20h") else { return };
    p.create(&["--name", "waits"]);
    let node = Node::run(ahead, &p.data(), &[]);
    // By its clock the head's life is nearly over too, which it may find first.
    until("it says so", || node.health() == 503 && node.log().contains("clock_off"));
    assert_eq!(head(&p), before);
    drop(node);
    let node = Node::start(&p.data(), &[]);
    until("it publishes", || head(&p).epoch > before.epoch && node.health() == 200);
}

/// Left in a unit, the option would take the comparison with the database away for good: so it is told of as long as it is there.
#[test]
fn a_server_that_was_told_to_believe_its_clock_says_so() {
    let p = Plane::new();
    let node = Node::start(&p.data(), &["--accept-clock"]);
    let said = String::from_utf8(node.get("/healthz").1).unwrap();
    assert!(node.health() == 200 && said.contains("clock/accepted") && said.contains("clock_accepted"), "{said}");
    assert!(node.log().contains("--accept-clock"), "{}", node.log());
    drop(node);
    assert!(!String::from_utf8(Node::start(&p.data(), &[]).get("/healthz").1).unwrap().contains("clock_accepted"));
}

/// Nor is a root made by such a clock, which would be the newest for a year.
#[test]
fn a_clock_that_jumped_ahead_makes_no_root() {
    let p = Plane::new();
    let Some(ahead) = at("+365d") else { return };
    let ran = run(ahead, &p, &["trust", "extend", "--yes"]);
    assert!(ran.code == 2 && ran.err.contains("clock_off"), "{}", ran.err);
    let versions = |p: &Plane| p.json(&["trust", "show"])["roots"].as_array().unwrap().len();
    assert_eq!(versions(&p), 1);
    p.ok(&["trust", "extend", "--yes"]);
    assert_eq!(versions(&p), 2);
}

/// Somebody said that the clock was right, and it was not: for three days nothing could be signed. Edges that hold the last good head, and such as
/// begin, take what is published after the repair; no new era is needed.
#[test]
fn what_was_signed_in_the_future_can_be_mended() {
    let p = Plane::new();
    let mut holding = edge(&p);
    let (_, secret) = p.create(&["--name", "one"]);
    let Some(ahead) = at("+3d") else { return };
    let ran = run(ahead, &p, &["publish", "--accept-clock"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(head(&p).issued_at > now() + 86_400);
    assert_eq!(holding.offer(&[], &std::fs::read(p.published("head")).unwrap(), now()).unwrap_err().code(), "clock_invalid");
    p.refused(&["publish"], "clock_back", &["edgelatch trust repair-clock"]);
    {
        let node = Node::start(&p.data(), &[]);
        until("it says so", || node.health() == 503);
        assert!(String::from_utf8(node.get("/healthz").1).unwrap().contains("future"));
        let repaired = p.json(&["trust", "repair-clock"]);
        assert_eq!(repaired["repaired"], true);
        let bundled = || std::fs::read(p.published("bundle")).unwrap();
        let issued = || Head::inspect(edgelatch_core::bundle::head_bytes(&bundled()).unwrap()).unwrap().issued_at;
        until("it goes on by itself", || node.health() == 200 && head(&p).issued_at <= now() && issued() <= now());
    }
    take(&mut holding, &p);
    for mut edge in [holding, edge(&p)] {
        let requirement = edge.compile(None, None);
        assert_eq!(edge.verify_key(secret.as_bytes(), None, requirement, now()).code.name(), "valid");
    }
    assert_eq!(p.json(&["trust", "repair-clock"])["repaired"], false);
    let acts = p.ok(&["audit", "list"]);
    assert!(acts.contains("realm.repair_clock"), "{acts}");
}
