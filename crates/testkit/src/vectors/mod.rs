//! What `tests/vectors/` holds: the files that Rust, Python and JavaScript check the format against.
//!
//! Everything here is deterministic: fixed seeds, fixed times. What a row expects follows from the list it was made of, not
//! from asking the code under test; objects that the builder would never make are written byte by byte in `raw`.

mod addresses;
mod clients;
mod edits;
mod eras;
mod flips;
mod heads;
mod json;
mod keys;
mod lazy;
mod lies;
mod patches;
mod paths;
mod permissions;
mod policies;
mod raw;
mod realms;
mod records;
mod requests;
mod routes;
mod scenarios;
mod sequences;
mod trust;
mod verifications;

use crate::DAY;
use anyhow::Result;
use serde_json::Value;

/// When the snapshots were issued.
pub const T0: u64 = 1_800_000_000;
/// The realm of every object that is not wrong on purpose.
pub const REALM: &str = "vectors";

/// Where the files lie, from the top of the repository.
pub const FOLDER: &str = "tests/vectors";

/// Name and content of every file.
pub fn files() -> Result<Vec<(&'static str, String)>> {
    let realms = realms::all()?;
    // How many levels of each are written over several lines.
    let files: [(&str, Value, usize); 13] = [
        ("keys.json", keys::tables()?, 2),
        ("permissions.json", permissions::tables(), 2),
        ("addresses.json", addresses::table(), 2),
        ("paths.json", paths::table(), 2),
        ("requests.json", requests::tables(), 2),
        ("routes.json", routes::tables(), 4),
        ("clients.json", clients::table(), 2),
        ("realms.json", realms::file(&realms), 4),
        ("verifications.json", verifications::file(&realms)?, 2),
        ("updates.json", scenarios::file()?, 4),
        ("patches.json", patches::file()?, 2),
        ("lazy.json", lazy::file()?, 2),
        ("flips.json", flips::file()?, 2),
    ];
    Ok(files.into_iter().map(|(name, value, depth)| (name, json::lines(&value, depth))).collect())
}
