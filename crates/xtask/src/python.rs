//! Programs that are published for Python: in an environment of their own in the cache, made once for each list of versions.

use crate::{fresh, tools};
use anyhow::Result;
use edgelatch_testkit::shell::{self, command};
use std::{fs, path::PathBuf};

/// The packages that read the API's document, each at its version.
pub const API: &str = "tests/conformance/api/requirements.txt";
/// Those of the server that speaks S3.
pub const S3: &str = "tests/e2e/s3/requirements.txt";

/// Whether Python can make environments here.
pub fn is_there() -> bool {
    shell::capture(&mut command("python3", ["-c", "import venv, ensurepip"])).is_ok()
}

/// The directory of the programs of an environment with these packages.
pub fn programs(packages: &str) -> Result<PathBuf> {
    let name = format!("python-{:.16}", fresh::fingerprint("venv", &[packages])?);
    let env = tools::cache()?.join(name);
    let (bin, done) = (env.join("bin"), env.join("done"));
    if done.is_file() {
        return Ok(bin);
    }
    println!("installing what {packages} lists into {} (once, half a minute)", env.display());
    shell::run(command("python3", ["-m", "venv", "--clear"]).arg(&env))?;
    shell::run(&mut command(
        bin.join("pip"),
        ["--quiet", "--disable-pip-version-check", "install", "--requirement", packages],
    ))?;
    fs::write(done, "")?;
    Ok(bin)
}
