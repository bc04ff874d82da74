//! `cargo xtask demo`: builds everything and shows it at work.

use crate::{
    steps::{Plan, Steps},
    test,
};
use anyhow::{Result, ensure};
use edgelatch_testkit::{closing::Counts, demo, shell::command};

#[derive(clap::Args)]
pub struct Arguments {
    /// Leave everything running and print curl lines
    #[arg(long)]
    keep: bool,
}

pub fn main(arguments: &Arguments) -> Result<()> {
    let build = command("cargo", ["build", "--package", "edgelatch"]);
    let mut steps = Steps::default();
    steps.run("sdk", test::own_step(Counts::Status, &["sdk"]));
    steps.run("control-plane", Ok(Plan::Run(Counts::Status, vec![build])));
    ensure!(steps.sum.failed == 0, "the demo needs the SDK and the command");
    println!();
    let tally = demo::run(arguments.keep)?;
    println!("{tally}");
    ensure!(tally.failed == 0, "{} rows of the demo are not as expected", tally.failed);
    Ok(())
}
