//! The console in a browser: as a step of the tests, and as pictures of every page.

use crate::{npm, steps::Plan, test};
use anyhow::{Result, bail};
use edgelatch_testkit::{closing::Counts, shell};
use std::path::PathBuf;

/// The browser.
const CHROMIUM: &str = "chromium";

#[derive(clap::Args)]
pub struct Arguments {
    /// Where to leave the pictures
    #[arg(long, default_value = "target/screenshots")]
    out: PathBuf,
    /// Only of these presets, comma-separated
    #[arg(long)]
    only: Option<String>,
}

/// The step of the tests.
pub fn plan() -> Result<Plan> {
    if !shell::exists(CHROMIUM) {
        return Ok(Plan::Skip(format!("{CHROMIUM} is not installed")));
    }
    npm::console()?;
    Ok(test::with_command(Counts::Ours, "tests/console/run.mjs", None))
}

/// The same, with a picture of every page.
pub fn main(arguments: &Arguments) -> Result<()> {
    let Plan::Run(_, mut commands) = plan()? else { bail!("{CHROMIUM} is not installed, and shows nothing") };
    if let Some(last) = commands.last_mut() {
        last.arg("--screenshots").arg(&arguments.out);
        last.args(arguments.only.iter().flat_map(|only| ["--only", only.as_str()]));
    }
    commands.iter_mut().try_for_each(shell::run)?;
    println!("{}", shell::root().join(&arguments.out).display());
    Ok(())
}
