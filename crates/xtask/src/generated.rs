//! `cargo xtask codes` and `cargo xtask vectors`: files that are checked in and made by a command.

use anyhow::{Context, Result, ensure};
use edgelatch_testkit::{codes, fixture, shell, vectors};
use std::fs;

/// Path from the top of the repository, and content.
pub type File = (String, String);

#[derive(clap::Args)]
pub struct Arguments {
    /// Write nothing; fail if a file differs
    #[arg(long)]
    check: bool,
}

impl Arguments {
    /// Writes what differs, so that build tools see no change where there is none; or, to check, fails if anything does.
    pub fn keep(&self, files: &[File], command: &str) -> Result<()> {
        let differs = |(path, text): &&File| fs::read_to_string(shell::root().join(path)).ok().as_ref() != Some(text);
        let stale: Vec<&File> = files.iter().filter(differs).collect();
        let names: Vec<&str> = stale.iter().map(|(path, _)| path.as_str()).collect();
        ensure!(!self.check || stale.is_empty(), "not what is generated: {}; run `{command}`", names.join(", "));
        for (path, text) in stale {
            fs::write(shell::root().join(path), text).with_context(|| format!("cannot write {path}"))?;
            println!("wrote {path}");
        }
        println!("{} files up to date", files.len());
        Ok(())
    }
}

/// The TypeScript codes and the tables in documents.
pub fn from_verdicts() -> Result<Vec<File>> {
    codes::files()
}

/// What tests in Rust, Python and JavaScript read: `tests/vectors/` and the fixture of the JS tests.
pub fn from_builder() -> Result<Vec<File>> {
    let vectors = vectors::files()?.into_iter().map(|(name, text)| (format!("{}/{name}", vectors::FOLDER), text));
    Ok(vectors.chain([(fixture::FILE.to_owned(), fixture::text(fixture::START)?)]).collect())
}
