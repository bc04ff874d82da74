//! `cargo xtask vectors`: writes what tests in Rust, Python and JavaScript read, `tests/vectors/` and the fixture of the JS tests.

use crate::generated::{self, File};
use anyhow::Result;
use edgelatch_testkit::{fixture, vectors};

#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail if a file differs
    #[arg(long)]
    check: bool,
}

pub fn files() -> Result<Vec<File>> {
    let vectors = vectors::files()?.into_iter().map(|(name, text)| (format!("{}/{name}", vectors::FOLDER), text));
    Ok(vectors.chain([(fixture::FILE.to_owned(), fixture::text(fixture::START)?)]).collect())
}

pub fn main(arguments: &Arguments) -> Result<()> {
    generated::keep(&files()?, arguments.check, "cargo xtask vectors")
}
