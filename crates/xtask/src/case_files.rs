//! `cargo xtask cases`: judges every row of a case file, on every host.

use crate::{
    addresses,
    cases::{self, Row},
    headers,
    steps::Tally,
};
use anyhow::{Context, Error, Result, ensure};
use std::{fs, path::PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// Address rows: in native Rust, in wasm and through the SDK
    Ip(File),
    /// Header rows: as raw bytes over sockets against the middleware on Node, Deno, Bun and workerd
    Headers(File),
}

/// A case file: its text and its rows.
pub struct CaseFile {
    pub text: String,
    pub rows: Vec<Row>,
}

/// The name of a row.
pub fn id(row: &Row) -> &str {
    row.get("id").unwrap_or("?")
}

#[derive(clap::Args)]
struct File {
    /// The case file, tab-separated
    file: PathBuf,
    /// Only on these hosts, comma-separated
    #[arg(long = "on", value_delimiter = ',')]
    hosts: Vec<String>,
}

/// Judges a file on all hosts, or on those named.
type Run = fn(&CaseFile, &[String]) -> Result<Vec<Tally>>;

pub fn main(arguments: &Arguments) -> Result<()> {
    let (file, run): (&File, Run) = match &arguments.kind {
        Kind::Ip(file) => (file, addresses::run),
        Kind::Headers(file) => (file, headers::run),
    };
    let text = fs::read_to_string(&file.file).with_context(|| format!("cannot read {}", file.file.display()))?;
    let rows = cases::read(&text).map_err(Error::msg).with_context(|| format!("in {}", file.file.display()))?;
    ensure!(!rows.is_empty(), "{} holds no case", file.file.display());
    let tallies = run(&CaseFile { text, rows }, &file.hosts)?;
    ensure!(!tallies.is_empty(), "no host to judge on: {:?}", file.hosts);
    if tallies.iter().any(|tally| tally.failed > 0 || tally.passed == 0) {
        std::process::exit(1);
    }
    Ok(())
}
