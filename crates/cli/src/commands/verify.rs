//! `edgelatch verify`: asks the core what an edge would ask it, and prints each step.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::bundle;
use edgelatch_core::edge::{Edge, HostConfig, Identity, Outcome, Step};
use edgelatch_core::error::Error;
use edgelatch_core::head::Head;
use edgelatch_core::http::{Block, BlockError, BlockWriter};
use edgelatch_core::ip::Ip;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Env, Slug, format_time, parse_time};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::args::Verify;
use crate::context::{Context, only};
use crate::failure::{Failure, Result};
use crate::output::{self, BAD, BOLD, DIM, GOOD, RESET};

/// What an edge holds: the root it was deployed with, those that follow it, and a bundle.
struct Files {
    root: Vec<u8>,
    later_roots: Vec<Vec<u8>>,
    bundle: Vec<u8>,
}

pub(crate) fn run(context: &Context, args: Verify) -> Result<ExitCode> {
    let system = Env::system().now()?;
    let now = args.now.as_deref().map_or(Ok(system), |text| parse_time("--now", text, system))?;
    let files = files(context, &args)?;
    let config = HostConfig::parse(&args.config.join("\n")).map_err(|e| Failure::core("--config", &e))?;
    let mut edge = Edge::new(&files.root, config).map_err(|e| Failure::core("the root", &e))?;
    let mut steps = load(&mut edge, files, now);
    let requirement = edge.compile(args.service.as_deref(), args.permission.as_deref());
    let (outcome, more) = if args.headers.is_empty() {
        let key = key(&args)?;
        let ip = args.ip.as_deref().map(client_ip).transpose()?;
        edge.explain_key(key.as_bytes(), ip.map(str::as_bytes), requirement, now)
    } else {
        edge.explain_block(&request(&args)?, requirement, now)
    };
    steps.extend(more);
    let identity = outcome.at.and_then(|at| edge.identity(edge.generation(), at));
    if context.json {
        output::json(&as_json(&edge, &outcome, &steps, identity.as_ref(), now));
    } else {
        print(&outcome, &steps, identity.as_ref());
    }
    Ok(if outcome.code == Code::Valid { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn files(context: &Context, args: &Verify) -> Result<Files> {
    let given = args.root.as_deref().map(root).transpose()?;
    if let (Some(bundle), Some(root)) = (&args.bundle, &given) {
        return Ok(Files { root: root.clone(), later_roots: Vec::new(), bundle: read_file(bundle)? });
    }
    let published = context.dir.published().join("r");
    let realm = match context.wanted_realm()? {
        Some(realm) => realm,
        None => {
            let entries = std::fs::read_dir(&published).map_err(|_| not_published(&published))?;
            let names = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse::<Slug>().ok());
            only(names.collect(), "published realm", "--realm")?
        }
    };
    let dir = context.dir.realm(&realm);
    let mut roots = Vec::new();
    for version in 1.. {
        match std::fs::read(dir.join("root").join(version.to_string())) {
            Ok(bytes) => roots.push(bytes),
            Err(_) if version > 1 => break,
            Err(_) => return Err(not_published(&dir)),
        }
    }
    let first = given.unwrap_or_else(|| roots.remove(0));
    // Those that follow the one in hand, which may be a later one than the first.
    let place = roots.iter().position(|root| *root == first).map_or(0, |at| at + 1);
    Ok(Files { root: first, later_roots: roots.split_off(place), bundle: read_file(&dir.join("bundle"))? })
}

fn not_published(path: &Path) -> Failure {
    Failure::usage(format!("{}: nothing is published here: run `edgelatch init`, or give --bundle and --root", path.display()))
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Failure::file(path, &error))
}

/// A root as a file or as text.
fn root(text: &str) -> Result<Vec<u8>> {
    match std::fs::read(text) {
        Ok(bytes) => Ok(bytes),
        Err(_) => URL_SAFE_NO_PAD
            .decode(text.trim())
            .map_err(|_| Failure::usage("--root: neither a file that can be read nor a root as base64url text")),
    }
}

fn key(args: &Verify) -> Result<Zeroizing<String>> {
    if args.key_stdin {
        let mut text = Zeroizing::new(String::new());
        // Far more than a key takes, so that an overlong one is judged as such.
        let read = std::io::stdin().lock().take(4096).read_to_string(&mut text);
        read.map_err(|error| Failure::file(Path::new("standard input"), &error))?;
        let length = text.trim_end_matches(['\n', '\r']).len();
        text.truncate(length);
        return Ok(text);
    }
    match &args.key {
        Some(key) => Ok(Zeroizing::new(key.clone())),
        None => std::env::var("EDGELATCH_KEY").map(Zeroizing::new).map_err(|_| {
            Failure::usage("which key? pipe it in with --key-stdin, or set EDGELATCH_KEY, or give --header lines")
        }),
    }
}

/// A slip of the pen here would look like a refusal.
fn client_ip(text: &str) -> Result<&str> {
    Ip::parse(text.as_bytes()).map(|_| text).map_err(|error| Failure::usage(format!("--ip: {error}")))
}

fn request(args: &Verify) -> Result<Zeroizing<Vec<u8>>> {
    let wrong = || Failure::usage("--header: must be one line `Name: value`");
    let headers = args.headers.iter().map(|line| line.split_once(':').ok_or_else(wrong)).collect::<Result<Vec<_>>>()?;
    let mut block = BlockWriter::new(args.ip.as_deref().map(client_ip).transpose()?, "GET", &args.path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        block.line("host", b"localhost");
    }
    headers.iter().for_each(|(name, value)| block.line(name, value.as_bytes()));
    let block = block.finish();
    // What no request can hold is a slip of the pen; whatever else is wrong with it is for the verdict to say.
    if let Err(BlockError::Control { .. }) = Block::parse(&block) {
        return Err(wrong());
    }
    Ok(block)
}

/// Loads the bundle as a cold edge does: each part is proven before it is first relied on.
fn load(edge: &mut Edge, files: Files, now: u64) -> Vec<Step> {
    let roots: Vec<&[u8]> = files.later_roots.iter().map(Vec::as_slice).collect();
    let mut take = |bundle: Vec<u8>, at: u64| {
        let mut staged = edge.stage(&roots, bundle, at)?;
        staged.make_ready()?;
        edge.commit(staged, at)
    };
    let taken = match take(files.bundle.clone(), now) {
        // An edge that took it in time would still hold it: let the verification say that it is stale.
        Err(Error::HeadExpired { .. } | Error::ClockInvalid { .. }) => {
            let issued_at = bundle::head_bytes(&files.bundle).and_then(Head::inspect).map(|head| head.issued_at);
            issued_at.and_then(|at| take(files.bundle, at))
        }
        other => other,
    };
    match taken {
        Ok(()) => {
            let note = format!("realm {}, root {}, signatures and digests sound", edge.realm(), edge.root_version());
            vec![Step { name: "update", passed: true, note }]
        }
        Err(error) => vec![Step { name: "update", passed: false, note: format!("{}: {error}", error.code()) }],
    }
}

fn as_json(edge: &Edge, outcome: &Outcome, steps: &[Step], identity: Option<&Identity<'_>>, now: u64) -> Value {
    let reply = outcome.reply();
    let step = |s: &Step| json!({ "name": s.name, "passed": s.passed, "note": s.note });
    json!({
        "accepted": outcome.code == Code::Valid, "code": outcome.code.name(), "status": reply.status, "title": reply.title,
        "stale": outcome.flags & Outcome::STALE != 0, "masked": outcome.flags & Outcome::MASKED != 0,
        "realm": edge.realm(), "root_version": edge.root_version(), "epoch": edge.head().map(|head| head.epoch),
        "now": format_time(now), "steps": steps.iter().map(step).collect::<Vec<_>>(),
        "key": identity.map(|key| json!({
            "key_id": key.key_id.to_string(), "org": key.labels.org, "owner": key.labels.owner, "name": key.labels.name,
            "roles": key.roles().collect::<Vec<_>>(), "scope": key.services().map_or(json!("all"), |list| json!(list)),
            "metadata": serde_json::from_str::<Value>(key.labels.metadata).unwrap_or(Value::Null),
        })),
    })
}

fn print(outcome: &Outcome, steps: &[Step], identity: Option<&Identity<'_>>) {
    for step in steps {
        output::step(step.passed, step.name, &step.note);
    }
    if let Some(key) = identity {
        let (labels, roles) = (key.labels, key.roles().collect::<Vec<_>>().join(", "));
        let scope = key.services().map_or("all services".into(), |list| list.join(", "));
        let roles = if roles.is_empty() { "none".into() } else { roles };
        output::line(format_args!(
            "{DIM}  key {} `{}`, org {}, owner {}, roles {roles}, scope {scope}{RESET}",
            key.key_id, labels.name, labels.org, labels.owner
        ));
    }
    let reply = outcome.reply();
    let stale = if outcome.flags & Outcome::STALE != 0 { " (the snapshot is stale, inside the grace)" } else { "" };
    match outcome.code {
        Code::Valid => output::line(format_args!("{GOOD}{BOLD}accepted{RESET}{stale}")),
        code => output::line(format_args!("{BAD}refused{RESET}: {} (HTTP {}){stale}", code.name(), reply.status)),
    }
}
