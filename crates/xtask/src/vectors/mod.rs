//! `cargo xtask vectors`: writes `tests/vectors/`, the files that Rust, Python and JavaScript check the format against.
//!
//! Everything here is deterministic: fixed seeds, fixed times. What a row expects follows from the list it was made of, not
//! from asking the code under test; objects that the builder would never make are written byte by byte in [`raw`].

mod addresses;
mod clients;
mod edits;
mod eras;
mod flips;
mod heads;
mod json;
mod keys;
mod lies;
mod paths;
mod permissions;
mod policies;
mod raw;
mod realms;
mod records;
mod requests;
mod scenarios;
mod sequences;
mod trust;
mod verifications;

use crate::shell;
use anyhow::{Result, bail};
use serde_json::Value;
use std::fs;

/// When the snapshots were issued, and a day.
pub const T0: u64 = 1_800_000_000;
pub const DAY: u64 = 86_400;
/// The realm of every object that is not wrong on purpose.
pub const REALM: &str = "vectors";

#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail if a file differs
    #[arg(long)]
    check: bool,
}

/// Name, content, and how many levels are written over several lines.
type File = (&'static str, Value, usize);

fn files() -> Result<Vec<File>> {
    let realms = realms::all()?;
    Ok(vec![
        ("keys.json", keys::tables()?, 2),
        ("permissions.json", permissions::tables(), 2),
        ("addresses.json", addresses::table(), 2),
        ("paths.json", paths::table(), 2),
        ("requests.json", requests::tables(), 2),
        ("clients.json", clients::table(), 2),
        ("realms.json", realms::file(&realms), 4),
        ("verifications.json", verifications::file(&realms)?, 2),
        ("updates.json", scenarios::file()?, 4),
        ("flips.json", flips::file()?, 2),
    ])
}

pub fn main(arguments: &Arguments) -> Result<()> {
    let folder = shell::root().join("tests/vectors");
    let (mut stale, mut bytes) = (Vec::new(), 0);
    for (name, value, depth) in files()? {
        let (path, text) = (folder.join(name), json::lines(&value, depth));
        bytes += text.len();
        if arguments.check {
            if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
                stale.push(name);
            }
        } else if shell::write_if_changed(&path, &text)? {
            println!("wrote tests/vectors/{name}");
        }
    }
    if !stale.is_empty() {
        bail!("not what is generated: {} in tests/vectors; run `cargo xtask vectors`", stale.join(", "));
    }
    println!("vectors: {bytes} bytes, up to date");
    Ok(())
}
