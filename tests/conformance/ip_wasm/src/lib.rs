//! The reader and the judge of the address cases, compiled to wasm: the same source as the native ones.

#![forbid(unsafe_code)]

use edgelatch_testkit::cases::{self, ip};
use wasm_bindgen::prelude::wasm_bindgen;

/// Judges each row of a case file: what is wrong with it, or nothing.
#[wasm_bindgen]
pub fn judge_ip(file: &str) -> Result<Vec<String>, String> {
    let rows = cases::read(file)?;
    Ok(rows.iter().map(|row| ip::judge(row).err().unwrap_or_default()).collect())
}
