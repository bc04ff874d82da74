//! The header cases as raw bytes, on axum and on hyper's own server: `tests/vectors/header_cases.tsv`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::http::{HeaderMap, Method};
use axum::response::IntoResponse;
use edgelatch_testkit::cases::{CaseFile, headers};
use edgelatch_testkit::shell;
use edgelatch_tower::{EdgelatchLayer, HostConfig, HttpSource, Need, Requirement, Verifier};
use serde_json::Value;

use crate::common::{axum, runtime};

const MONTH: u64 = 30 * 24 * 3600;
const NOBODY: &str = "http://127.0.0.1:1/r/none";

/// The handler that is protected: it tells that it was reached, and whether it saw a header that only we may set.
async fn answer(method: Method, headers: HeaderMap) -> impl IntoResponse {
    let leaked: Vec<&str> = headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-edgelatch-")).collect();
    let mut told = HeaderMap::new();
    told.insert("x-handler", "reached".parse().unwrap());
    if !leaked.is_empty() {
        told.insert("x-leak", leaked.join(" ").parse().unwrap());
    }
    if method == Method::OPTIONS {
        (axum::http::StatusCode::NO_CONTENT, told, "")
    } else {
        (axum::http::StatusCode::OK, told, "ok\n")
    }
}

fn need(need: Option<&str>) -> Need {
    let permission = |permission: &str| Requirement::permission(permission.to_owned());
    match need {
        None => Requirement::none().into(),
        // What is no permission can only come out of a function: a layer with one is not made.
        Some("undefined") => Need::choose(|_, _| Requirement::permission("")),
        Some("by method") => Need::choose(move |info, _| {
            permission(if matches!(info.method, "GET" | "HEAD" | "OPTIONS") { "read" } else { "write" })
        }),
        Some("by path") => Need::choose(move |info, _| {
            permission(if info.path == "/admin" || info.path.starts_with("/admin/") { "write" } else { "read" })
        }),
        Some(name) => permission(name).into(),
    }
}

async fn listen(file: &Path) -> Result<BTreeMap<String, u16>> {
    let config: Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let path = |name: &str| config[name].as_str().context("a path").map(std::fs::read);
    let (root, bundle) = (path("root")??, path("bundle")??);
    let number = |name: &str| config[name].as_u64().context("a number");
    let (now, expired) = (number("now")?, number("expiredNow")?);
    let mut ports = BTreeMap::new();
    for listener in config["listeners"].as_array().context("listeners")? {
        let mut lines = vec!["client_ip=trust=127.0.0.0/8;header=x-test-ip".to_owned()];
        let (mut judged_at, mut loaded) = (now, true);
        for item in listener["config"].as_str().context("config")?.split([';', ' ']).filter(|item| !item.is_empty()) {
            match item.split_once('=') {
                None if item == "default" => {}
                Some(("sources", headers)) => lines.push(format!("credentials={headers}")),
                Some(("query" | "mask_ip" | "allow_preflight", _)) => lines.push(item.into()),
                Some(("client_ip", rule)) => lines[0] = format!("client_ip={}", rule.replace('&', ";")),
                Some(("snapshot", "none")) => loaded = false,
                Some(("snapshot", state)) => {
                    judged_at = expired;
                    if state == "expired-in-grace" {
                        lines.push(format!("grace={MONTH}"));
                    }
                }
                Some(("clock", _)) => judged_at = 0,
                _ => bail!("{item}: no state of this host"),
            }
        }
        let clock = Arc::new(AtomicU64::new(now));
        let ticks = Arc::clone(&clock);
        let builder = Verifier::builder(root.clone()).config(HostConfig::parse(&lines.join("\n"))?).on_error(|_| {});
        let builder = builder.clock(move || ticks.load(Ordering::Relaxed));
        let verifier = if loaded { builder.serve(bundle.clone())? } else { builder.follow(HttpSource::new(NOBODY)?).await? };
        clock.store(judged_at, Ordering::Relaxed);
        let layer = EdgelatchLayer::builder(verifier).requirement(need(listener["need"].as_str())).build()?;
        ports
            .insert(listener["name"].as_str().context("name")?.into(), axum(Router::new().fallback(answer).layer(layer)).await);
    }
    Ok(ports)
}

#[test]
fn every_row_is_answered_as_on_every_other_host() {
    let file = CaseFile::read(&shell::root().join("tests/vectors/header_cases.tsv")).unwrap();
    let runtime = runtime();
    let tally = headers::run_here("axum", &file, |configuration| runtime.block_on(listen(configuration))).unwrap();
    assert!(tally.failed == 0 && tally.passed > 60, "{tally}");
}

#[test]
fn requests_made_by_chance_are_judged_as_the_core_judges_them() {
    let runtime = runtime();
    let chance = headers::differential::Chance { seed: 1, requests: 2_000 };
    let tally =
        headers::differential::run_here("axum", chance, |configuration| runtime.block_on(listen(configuration))).unwrap();
    assert!(tally.failed == 0 && tally.passed == 2_000, "{tally}");
}
