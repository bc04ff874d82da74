//! The native half of `cargo xtask bench`: makes the snapshots that both halves use and measures the core without wasm.
//!
//! `figures DIR SIZE…` writes `DIR/SIZE/{root.bin, bundle.bin, sample.json, keys.json}`, the last the same keys as JSON, and
//! prints one JSON object. `DIR/crowded/{1,2}/` are two epochs of a realm whose tenants have gone to their limits, and
//! `DIR/crowded/key.json` the text of a key in it.

mod crowded;

use anyhow::{Context, Result, anyhow, ensure};
use edgelatch_core::{
    build::{KeyRecord, RealmRecord},
    cidr::Cidr,
    edge::{Edge, HostConfig},
    ip::Ip,
    key::{self, KeyId, Prefix},
    policy::{AllowMode, IpPolicy, Order},
    verdict::Code,
};
use edgelatch_testkit::snapshot;
use serde_json::{Value, json};
use std::{
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

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (dir, sizes) = arguments.split_first().context("usage: figures DIR SIZE…")?;
    let sizes = sizes.iter().map(|size| size.parse()).collect::<Result<Vec<usize>, _>>()?;
    let largest = sizes.iter().max().copied().unwrap_or(0);
    crowded::write(&Path::new(dir).join("crowded"))?;
    let mut out = serde_json::Map::new();
    for size in sizes {
        out.insert(size.to_string(), one(&Path::new(dir).join(size.to_string()), size, size == largest)?);
    }
    println!("{}", Value::Object(out));
    Ok(())
}

fn one(dir: &Path, size: usize, whole: bool) -> Result<Value> {
    fs::create_dir_all(dir)?;
    let realm = snapshot::realm(&[("reader", &["read"]), ("writer", &["read", "write"])]);
    let policies = (0..POLICIES).map(policy).collect::<Result<Vec<_>>>()?;
    let prefix = Prefix::parse("vsp_sk").map_err(|error| anyhow!("{error}"))?;
    let mut random = random(size as u64);
    let texts: Vec<String> = (0..size).map(|_| key::issue(&prefix, &mut random).to_string()).collect();
    let plain: Vec<KeyRecord> =
        (1..).zip(&texts).map(|(id, text)| snapshot::record(key::digest(text.as_bytes()), KeyId(scatter(id)))).collect();
    let mut figures = serde_json::Map::new();
    if whole {
        figures.insert("plain_bytes".into(), bytes(dir, &realm, plain.clone())?.into());
        let named = (0u32..).zip(plain.clone()).map(|(n, key)| KeyRecord {
            name: format!("service {n}"),
            owner: format!("owner-{}", n % 5000),
            ..key
        });
        figures.insert("named_bytes".into(), bytes(dir, &realm, named.collect())?.into());
    }
    let records =
        (0u32..).zip(plain).map(|(n, key)| KeyRecord { ip_policy: policies.get((n % POLICIES) as usize).cloned(), ..key });
    let records: Vec<KeyRecord> = records.collect();
    write_json(&dir.join("keys.json"), &records, &policies)?;
    let begin = Instant::now();
    let written = snapshot::write(dir, &realm, records)?;
    figures.insert("build_ms".into(), (begin.elapsed().as_secs_f64() * 1e3).into());
    figures.insert("policy_bytes".into(), written.bytes.into());
    let sample: Vec<(&str, String)> = (0..SAMPLE.min(size * 4))
        .map(|n| {
            let index = (scatter(n as u64) % size as u64) as usize;
            (texts[index].as_str(), client(index as u32 % POLICIES, n as u32).to_string())
        })
        .collect();
    fs::write(dir.join("sample.json"), serde_json::to_string(&sample)?)?;
    figures.insert("native_ns".into(), native(&written, &sample)?.into());
    Ok(Value::Object(figures))
}

fn bytes(dir: &Path, realm: &RealmRecord, records: Vec<KeyRecord>) -> Result<u64> {
    Ok(snapshot::write(dir, realm, records)?.bytes)
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

/// Allows 50 networks, one in five of them IPv6.
fn policy(number: u32) -> Result<IpPolicy> {
    let allow = (0..ENTRIES).map(|entry| Cidr::parse(network(number, entry).as_bytes()).map_err(|error| anyhow!("{error}")));
    Ok(IpPolicy { allow_mode: AllowMode::List, order: Order::AllowFirst, allow: allow.collect::<Result<_>>()?, deny: vec![] })
}

fn network(policy: u32, entry: u32) -> String {
    match entry % 5 {
        0 => format!("2001:db8:{policy:x}:{entry:x}::/64"),
        1 => format!("198.{policy}.{entry}.77/32"),
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
fn write_json(path: &Path, records: &[KeyRecord], policies: &[IpPolicy]) -> Result<()> {
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
