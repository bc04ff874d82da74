//! The native half of `cargo xtask bench`: makes the snapshots that both halves use and measures the core without wasm.
//!
//! `figures DIR SIZE…` writes `DIR/SIZE/{root.bin, bundle.bin, sample.json, zipf.json}`, the last two being keys that are presented,
//! each with an address: all keys equally often, and some far more often than others. Where a program in JavaScript could hold them,
//! `keys.json` has the same keys as JSON. Prints one JSON object. `DIR/crowded/{1,2}/` are two epochs of a realm whose tenants have
//! gone to their limits, and `DIR/crowded/key.json` the text of a key in it.
//! `figures --files DIR SIZE…` writes no more than the files of each size, and measures nothing.

mod crowded;

use anyhow::{Context, Result, anyhow, ensure};
use edgelatch_core::{
    build::{Entry, Record, RoleRecord, Settings, State, Tree},
    cidr::Cidr,
    edge::{Edge, HostConfig},
    http::CredentialHeaders,
    ip::Ip,
    key::{self, KeyId, Prefix},
    policy::{AllowMode, IpPolicy, Order},
    tree::Table,
    verdict::Code,
};
use edgelatch_testkit::snapshot;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    time::Instant,
};

/// Keys that are presented: enough that caches do not hold all their shards.
const SAMPLE: usize = 20_000;
/// Distinct policies of 50 entries each, as orgs have them.
const POLICIES: u32 = 8;
const ENTRIES: u32 = 50;
const ROUNDS: usize = 15;
/// Keys that are written as JSON at most: ten million have 1.6 GB, and no JavaScript text is that long.
const MOST_AS_JSON: usize = 2_000_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (files, rest) = match arguments.split_first() {
        Some((flag, rest)) if flag == "--files" => (true, rest),
        _ => (false, &*arguments),
    };
    let (dir, sizes) = rest.split_first().context("usage: figures [--files] DIR SIZE…")?;
    let sizes = sizes.iter().map(|size| size.parse()).collect::<Result<Vec<usize>, _>>()?;
    let largest = sizes.iter().max().copied().unwrap_or(0);
    if !files {
        crowded::write(&Path::new(dir).join("crowded"))?;
    }
    let mut out = serde_json::Map::new();
    for size in sizes {
        out.insert(size.to_string(), one(&Path::new(dir).join(size.to_string()), size, (!files).then_some(size == largest))?);
    }
    println!("{}", Value::Object(out));
    Ok(())
}

/// Writes the files of a realm. What is `measured` is told: all of it, or not what the largest realm alone is for.
fn one(dir: &Path, size: usize, measured: Option<bool>) -> Result<Value> {
    fs::create_dir_all(dir)?;
    let policies = (0..POLICIES).map(policy).collect::<Result<Vec<_>>>()?;
    let prefix = Prefix::parse("vsp_sk").map_err(|error| anyhow!("{error}"))?;
    let mut random = random(size as u64);
    let texts: Vec<String> = (0..size).map(|_| key::issue(&prefix, &mut random).to_string()).collect();
    let records = (1..).zip(&texts).map(|(id, text)| record(key::digest(text.as_bytes()), KeyId(scatter(id)))).collect();
    let mut state = state(&policies, records);
    let mut figures = serde_json::Map::new();
    if measured == Some(true) {
        figures.insert("plain_bytes".into(), snapshot::write_tree(dir, 1, &Tree::build(&state)?)?.bytes.into());
        for (n, record) in state.records.iter_mut().enumerate() {
            (record.name, record.owner) = (format!("service {n}"), format!("owner-{}", n % 5000));
        }
        figures.insert("named_bytes".into(), snapshot::write_tree(dir, 1, &Tree::build(&state)?)?.bytes.into());
    }
    for (record, n) in state.records.iter_mut().zip(0u32..) {
        (record.name, record.owner, record.policy) = (String::new(), OWNER.into(), 1 + n % POLICIES);
    }
    if size <= MOST_AS_JSON {
        write_json(&dir.join("keys.json"), &state.records, &policies)?;
    }
    let begin = Instant::now();
    let written = snapshot::write_tree(dir, 1, &Tree::build(&state)?)?;
    figures.insert("build_ms".into(), (begin.elapsed().as_secs_f64() * 1e3).into());
    figures.insert("policy_bytes".into(), written.bytes.into());
    drop(state);
    let uniform = |n: u64| scatter(n) % size as u64;
    // The one at rank r is asked for 1/r as often as the first: of a fraction of the draws, as many ranks as that power of their number.
    let zipf = |n: u64| scatter((size as f64).powf(scatter(n) as f64 / u64::MAX as f64) as u64) % size as u64;
    for (name, draw) in [("sample", &uniform as &dyn Fn(u64) -> u64), ("zipf", &zipf)] {
        let presented = |n: u64| {
            let index = draw(n) as usize;
            (texts[index].as_str(), client(index as u32 % POLICIES, n as u32).to_string())
        };
        let sample: Vec<_> = (0..SAMPLE.min(size * 4) as u64).map(presented).collect();
        fs::write(dir.join(format!("{name}.json")), serde_json::to_string(&sample)?)?;
        if measured.is_some() {
            figures.insert(format!("native {name}"), native(&written, &sample)?.into());
        }
    }
    Ok(Value::Object(figures))
}

const OWNER: &str = "someone";

/// Keys with the first of two roles; a policy is theirs only once it is put down.
fn state(policies: &[IpPolicy], records: Vec<Record>) -> State {
    let role = |name: &str, patterns: &[&str]| {
        Entry::Role(RoleRecord { name: name.into(), patterns: patterns.iter().map(|pattern| (*pattern).into()).collect() })
    };
    let mut entries = BTreeMap::from([
        ((Table::Roles, 1), role("reader", &["read"])),
        ((Table::Roles, 2), role("writer", &["read", "write"])),
        ((Table::RoleSets, 1), Entry::RoleSet(vec![1])),
    ]);
    entries.extend((1..).zip(policies).map(|(n, policy)| ((Table::Policies, n), Entry::Policy(policy.clone()))));
    let settings = Settings { credentials: CredentialHeaders::all(), imports: false, pepper: None };
    State { settings, entries, records }
}

fn record(digest: [u8; 32], key_id: KeyId) -> Record {
    Record {
        digest,
        key_id,
        org: "acme".into(),
        owner: OWNER.into(),
        owner_disabled: false,
        name: String::new(),
        metadata: String::new(),
        revoked: false,
        not_before: None,
        expires_at: None,
        role_set: 1,
        scope: 0,
        policy: 0,
    }
}

/// Median over rounds of the time for one verification.
fn native(snapshot: &snapshot::Snapshot, sample: &[(&str, String)]) -> Result<f64> {
    let mut edge = Edge::new(&fs::read(&snapshot.root)?, HostConfig::default())?;
    let mut staged = edge.stage(&[], fs::read(&snapshot.bundle)?, snapshot::NOW)?;
    while staged.check(1 << 20)? > 0 {}
    edge.commit(staged, snapshot::NOW)?;
    let requirement = edge.compile(None, Some("read"));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let valid = sample.iter().filter(|(text, ip)| {
            edge.verify_key(text.as_bytes(), Some(ip.as_bytes()), requirement, snapshot::NOW).code == Code::Valid
        });
        let valid = valid.count();
        rounds.push(begin.elapsed().as_nanos() as f64 / sample.len() as f64);
        ensure!(valid == sample.len(), "only {valid} of {} keys were accepted", sample.len());
    }
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[ROUNDS / 2])
}

/// Allows 50 networks, one in five of them IPv6. The first is the machine's own: requests of `cargo xtask bench path` come from there.
fn policy(number: u32) -> Result<IpPolicy> {
    let allow = (0..ENTRIES).map(|entry| Cidr::parse(network(number, entry).as_bytes()).map_err(|error| anyhow!("{error}")));
    Ok(IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow: allow.collect::<Result<_>>()?, deny: vec![] })
}

fn network(policy: u32, entry: u32) -> String {
    match (entry, entry % 5) {
        (0, _) => "127.0.0.0/8".into(),
        (_, 0) => format!("2001:db8:{policy:x}:{entry:x}::/64"),
        (_, 1) => format!("198.{policy}.{entry}.77/32"),
        _ => format!("10.{policy}.{entry}.0/24"),
    }
}

/// An IPv4 address inside one of the policy's /24 networks.
fn client(policy: u32, n: u32) -> Ip {
    let entries: Vec<u32> = (0..ENTRIES).filter(|entry| entry % 5 > 1).collect();
    let entry = entries[n as usize % entries.len()];
    Ip::V4(u32::from_be_bytes([10, policy as u8, entry as u8, (n % 251) as u8]))
}

/// What somebody would keep who has no snapshot format: one JSON object a key, policies first.
fn write_json(path: &Path, records: &[Record], policies: &[IpPolicy]) -> Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let lists = policies.iter().map(|policy| policy.allow.iter().map(ToString::to_string).collect::<Vec<_>>());
    write!(out, "{{\"policies\":{},\"keys\":[", json!(lists.collect::<Vec<_>>()))?;
    for (n, record) in records.iter().enumerate() {
        let mut digest = String::new();
        record.digest.iter().for_each(|byte| digest.push_str(&format!("{byte:02x}")));
        let comma = if n == 0 { "" } else { "," };
        let policy = n as u32 % POLICIES;
        write!(
            out,
            "{comma}{{\"digest\":\"{digest}\",\"id\":\"{}\",\"org\":\"{}\",\"owner\":\"{}\",\"roles\":[\"reader\"],\"policy\":{policy}}}",
            record.key_id, record.org, record.owner
        )?;
    }
    out.write_all(b"]}")?;
    Ok(())
}

/// SplitMix64: fast bytes for keys that guard nothing.
fn random(seed: u64) -> impl FnMut(&mut [u8]) {
    let mut state = seed;
    move |out| {
        for chunk in out.chunks_mut(8) {
            state = state.wrapping_add(1);
            chunk.copy_from_slice(&scatter(state).to_le_bytes()[..chunk.len()]);
        }
    }
}

fn scatter(n: u64) -> u64 {
    let z = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
