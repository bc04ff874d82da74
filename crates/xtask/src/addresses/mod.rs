//! `cargo xtask cases ip FILE`: address rows by the native core, by the same judge compiled to wasm, and through the SDK.

mod probes;

use crate::{
    case_files::{CaseFile, id},
    cases, js, shell, snapshot,
    steps::Tally,
    wasm,
};
use anyhow::{Context, Result, ensure};
use probes::Probes;
use serde_json::json;
use std::{collections::BTreeMap, fs};

/// What is wrong with a row, by its index.
type Faults = BTreeMap<usize, String>;

type Judge = fn(&CaseFile) -> Result<Faults>;

/// Name of each host and how it judges.
const HOSTS: &[(&str, Judge)] = &[("native", native), ("wasm", in_wasm), ("sdk", through_sdk)];

/// Judges every row on every host, or on those named.
pub fn run(file: &CaseFile, only: &[String]) -> Result<Vec<Tally>> {
    let mut tallies = Vec::new();
    for (host, judge) in HOSTS.iter().filter(|(host, _)| only.is_empty() || only.iter().any(|name| name == host)) {
        let faults = judge(file).with_context(|| format!("on {host}"))?;
        println!("{host}");
        for (index, fault) in &faults {
            let row = &file.rows[*index];
            println!("  FAIL {} {:?} {:?}: {fault}", id(row), row.get("input").unwrap_or("?"), row.get("rule").unwrap_or("?"));
        }
        let tally = Tally { passed: file.rows.len() - faults.len(), failed: faults.len() };
        println!("{host}: {} passed, {} failed", tally.passed, tally.failed);
        tallies.push(tally);
    }
    Ok(tallies)
}

fn native(file: &CaseFile) -> Result<Faults> {
    Ok(file.rows.iter().enumerate().filter_map(|(index, row)| Some((index, cases::ip::judge(row).err()?))).collect())
}

/// The same reader and judge, compiled to wasm.
fn in_wasm(file: &CaseFile) -> Result<Faults> {
    let dir = shell::scratch("addresses")?;
    let module = wasm::build_conformance(&dir)?;
    let copy = dir.join("rows.tsv");
    fs::write(&copy, &file.text)?;
    let text = shell::capture(shell::command("node", ["tests/conformance/ip_wasm/run.cjs"]).arg(module).arg(&copy))?;
    let faults: Vec<String> = serde_json::from_str(&text).context("run.cjs printed no JSON")?;
    ensure!(faults.len() == file.rows.len(), "{} verdicts for {} rows", faults.len(), file.rows.len());
    Ok(faults.into_iter().enumerate().filter(|(_, fault)| !fault.is_empty()).collect())
}

fn through_sdk(file: &CaseFile) -> Result<Faults> {
    js::prepare()?;
    let mut probes = Probes::default();
    let mut faults = Faults::new();
    for (index, row) in file.rows.iter().enumerate() {
        if let Err(error) = probes.add(index, row) {
            faults.insert(index, format!("{error:#}"));
        }
    }
    let dir = shell::scratch("addresses")?;
    let snapshot = snapshot::write(&dir, &snapshot::realm(&[("reader", &["read"])]), probes.records)?;
    let questions: Vec<_> = probes.list.iter().map(|probe| &probe.question).collect();
    let path = dir.join("questions.json");
    let asked = json!({ "root": snapshot.root, "bundle": snapshot.bundle, "now": snapshot::NOW, "questions": questions });
    fs::write(&path, asked.to_string())?;
    let text = shell::capture(shell::command("node", ["tests/conformance/ip_sdk.mjs"]).arg(&path))?;
    let answers: Vec<String> = serde_json::from_str(&text).context("ip_sdk.mjs printed no JSON")?;
    ensure!(answers.len() == probes.list.len(), "{} answers to {} questions", answers.len(), probes.list.len());
    for (probe, answer) in probes.list.iter().zip(&answers) {
        let code = answer.split(':').next().unwrap_or("");
        if !probe.right.contains(&code) {
            let fault = format!("expected {}, got {answer} for {}", probe.right.join(" or "), probe.question);
            faults.entry(probe.row).or_insert(fault);
        }
    }
    Ok(faults)
}
