//! `plain DIR KEYS` writes `DIR/{root.bin, bundle.bin, sample.json}`: a snapshot of plain keys for `cargo xtask bench`, and the text of one
//! of them with a client's address.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use edgelatch_core::key::{self, KeyId, Prefix};
use edgelatch_testkit::snapshot;

fn main() -> Result<()> {
    let [dir, keys] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| anyhow!("usage: plain DIR KEYS"))?;
    let (dir, keys) = (Path::new(&dir), keys.parse::<u64>()?);
    let prefix = Prefix::parse("vsp_sk").map_err(|error| anyhow!("{error}"))?;
    let mut random = snapshot::stream("plain keys");
    let mut last = None;
    let records = (1..=keys).map(|id| {
        let text = key::issue(&prefix, &mut random).to_string();
        let record = snapshot::record(key::digest(text.as_bytes()), KeyId(id.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        last = Some(text);
        record
    });
    let records = records.collect();
    snapshot::write(dir, &snapshot::realm(&[("reader", &["read"])]), records)?;
    std::fs::write(dir.join("sample.json"), serde_json::to_string(&[(last.context("no key")?, "192.0.2.1")])?)?;
    Ok(())
}
