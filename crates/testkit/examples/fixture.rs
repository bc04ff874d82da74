//! Prints the fixture of the JS tests as it were if it began at another time: `fixture SECONDS`.

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let start = std::env::args().nth(1).context("usage: fixture SECONDS")?;
    print!("{}", edgelatch_testkit::fixture::text(start.parse()?)?);
    Ok(())
}
