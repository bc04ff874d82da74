//! `cargo xtask demo`: builds everything and shows it at work.

use crate::{
    steps::{self, Plan},
    test,
};
use anyhow::{Result, ensure};
use edgelatch_testkit::{demo, shell::command};

#[derive(clap::Args)]
pub struct Arguments {
    /// Leave everything running and print curl lines
    #[arg(long)]
    keep: bool,
}

pub fn main(arguments: &Arguments) -> Result<()> {
    for (name, plan) in
        [("sdk", vec![test::own(["sdk"])]), ("control-plane", vec![command("cargo", ["build", "--package", "edgelatch"])])]
    {
        let tally = steps::run(name, Ok(Plan::Run(plan)))?;
        ensure!(tally.failed == 0, "the demo needs `{name}`");
    }
    println!();
    let tally = demo::run(arguments.keep)?;
    println!("{tally}");
    ensure!(tally.failed == 0, "{} rows of the demo are not as expected", tally.failed);
    Ok(())
}
