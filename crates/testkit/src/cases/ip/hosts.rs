//! Address rows by the native core, by the same judge compiled to wasm, and through the SDK.

use super::{judge, probes::Probes};
use crate::{cases::CaseFile, shell, snapshot, tally::Tally};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path};

/// What is wrong with a row, by its index.
type Faults = BTreeMap<usize, String>;

type Judge = fn(&CaseFile, Option<&Path>) -> Result<Faults>;

/// Name of each host and how it judges.
const HOSTS: &[(&str, Judge)] = &[("native", native), ("wasm", in_wasm), ("sdk", through_sdk)];

/// Judges every row on every host, or on those named. For `wasm`, `module` is the judge as a CommonJS module; for `sdk`, the
/// package must be staged.
pub fn run(file: &CaseFile, only: &[String], module: Option<&Path>) -> Result<Vec<Tally>> {
    let mut tallies = Vec::new();
    for (host, judge) in HOSTS.iter().filter(|(host, _)| only.is_empty() || only.iter().any(|name| name == host)) {
        let faults = judge(file, module).with_context(|| format!("on {host}"))?;
        println!("{host}");
        for (index, fault) in &faults {
            let row = &file.rows[*index];
            println!("  FAIL {} {:?} {:?}: {fault}", row.id(), row.get("input").unwrap_or("?"), row.get("rule").unwrap_or("?"));
        }
        let tally = Tally { passed: file.rows.len() - faults.len(), failed: faults.len() };
        println!("{host}: {tally}");
        tallies.push(tally);
    }
    Ok(tallies)
}

fn native(file: &CaseFile, _: Option<&Path>) -> Result<Faults> {
    Ok(file.rows.iter().enumerate().filter_map(|(index, row)| Some((index, judge(row).err()?))).collect())
}

/// The same reader and judge, compiled to wasm.
fn in_wasm(file: &CaseFile, module: Option<&Path>) -> Result<Faults> {
    let module = module.context("the judge was not compiled")?;
    let copy = shell::scratch("addresses")?.join("rows.tsv");
    fs::write(&copy, &file.text)?;
    let text = shell::capture(shell::command("node", ["tests/conformance/ip_wasm/run.cjs"]).arg(module).arg(&copy))?;
    let faults: Vec<String> = serde_json::from_str(&text).context("run.cjs printed no JSON")?;
    ensure!(faults.len() == file.rows.len(), "{} verdicts for {} rows", faults.len(), file.rows.len());
    Ok(faults.into_iter().enumerate().filter(|(_, fault)| !fault.is_empty()).collect())
}

fn through_sdk(file: &CaseFile, _: Option<&Path>) -> Result<Faults> {
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
