//! `cargo xtask cases`: judges every row of a case file, on every host.

use crate::{js, npm, wasm};
use anyhow::{Result, ensure};
use edgelatch_testkit::{
    cases::{CaseFile, headers, ip},
    shell,
};
use std::path::PathBuf;

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
    let (Kind::Ip(file) | Kind::Headers(file)) = &arguments.kind;
    let cases = CaseFile::read(&file.file)?;
    let tallies = match &arguments.kind {
        Kind::Ip(file) => {
            let module = file.runs_on("wasm").then(|| wasm::build_conformance(&shell::scratch("addresses")?)).transpose()?;
            if file.runs_on("sdk") {
                js::prepare()?;
            }
            ip::hosts::run(&cases, &file.hosts, module.as_deref())?
        }
        Kind::Headers(file) => {
            js::prepare()?;
            npm::hosts()?;
            headers::run(&cases, &file.hosts)?
        }
    };
    ensure!(!tallies.is_empty(), "no host to judge on: {:?}", file.hosts);
    if tallies.iter().any(|tally| tally.failed > 0 || tally.passed == 0) {
        std::process::exit(1);
    }
    Ok(())
}
