//! `cargo xtask cases`: judges every row of a case file, on every host.

use crate::{js, npm, wasm};
use anyhow::{Result, ensure};
use edgelatch_testkit::{
    cases::{CaseFile, headers, headers::differential::Chance, ip},
    shell,
};
use std::{path::PathBuf, time::SystemTime};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(clap::Subcommand)]
enum Kind {
    /// Address rows: in native Rust, in wasm and through the SDK
    Ip(File),
    /// Header rows: as raw bytes over sockets against the check on Node, Deno, Bun and workerd, and on every framework
    Headers(File),
    /// Requests made by chance: the same raw bytes to all of those hosts, each of which must answer as the core judges them
    Random(Random),
}

#[derive(clap::Args)]
struct Random {
    /// How many requests
    #[arg(long, default_value_t = 300)]
    requests: usize,
    /// Repeats those of a run that printed this
    #[arg(long)]
    seed: Option<u64>,
    /// Only on these hosts, comma-separated
    #[arg(long = "on", value_delimiter = ',')]
    hosts: Vec<String>,
}

impl Random {
    fn chance(&self) -> Chance {
        let now = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_secs());
        Chance { seed: self.seed.unwrap_or_else(now), requests: self.requests }
    }
}

#[derive(clap::Args)]
struct File {
    /// The case file, tab-separated
    file: PathBuf,
    /// Only on these hosts, comma-separated
    #[arg(long = "on", value_delimiter = ',')]
    hosts: Vec<String>,
}

impl File {
    fn runs_on(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|name| name == host)
    }
}

pub fn main(arguments: &Arguments) -> Result<()> {
    let tallies = match &arguments.kind {
        Kind::Ip(file) => {
            let cases = CaseFile::read(&file.file)?;
            let module = file.runs_on("wasm").then(|| wasm::build_conformance(&shell::scratch("addresses")?)).transpose()?;
            if file.runs_on("sdk") {
                js::prepare()?;
            }
            ip::hosts::run(&cases, &file.hosts, module.as_deref())?
        }
        Kind::Headers(file) => {
            let cases = CaseFile::read(&file.file)?;
            js::prepare()?;
            npm::hosts()?;
            headers::run(&cases, &file.hosts)?
        }
        Kind::Random(random) => {
            js::prepare()?;
            npm::hosts()?;
            headers::differential::run(random.chance(), &random.hosts)?
        }
    };
    ensure!(!tallies.is_empty(), "there is no such host");
    if tallies.iter().any(|tally| tally.failed > 0 || tally.passed == 0) {
        std::process::exit(1);
    }
    Ok(())
}
