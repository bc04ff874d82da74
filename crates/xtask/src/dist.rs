//! `cargo xtask dist`: what is handed out, below `target/artifacts/`: one static program in an archive with its manual, completions and the files by which
//! it is run; the SDK's package; a list of what the program is made of; and checksums over all of it.

use crate::{js, tools};
use anyhow::{Context, Result, ensure};
use edgelatch_testkit::shell::{self, command, root};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What lies beside the program in its archive, by its path here.
const BESIDE: &[&str] =
    &["LICENSE", "README.md", "SECURITY.md", "OPERATIONS.md", "CHANGELOG.md", "crates/cli/deploy", "crates/server/docs"];
const SHELLS: &[(&str, &str)] = &[("bash", "edgelatch.bash"), ("zsh", "_edgelatch"), ("fish", "edgelatch.fish")];
/// What the C parts of the program are compiled with: SQLite and cryptography.
pub const COMPILER: &str = "musl-gcc";
/// An ELF file's program header that names who is to load it with its libraries: a static program has none.
const PT_INTERP: u32 = 3;

#[derive(clap::Args)]
pub struct Arguments {
    /// For this target rather than this machine's with musl
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Compile without optimisation, in a third of the time: to try what is made, not to hand it out
    #[arg(long)]
    quick: bool,
}

/// What of the profile `dist` takes its time.
const SLOW: &[(&str, &str)] = &[("CARGO_PROFILE_DIST_LTO", "off"), ("CARGO_PROFILE_DIST_OPT_LEVEL", "0")];

pub fn main(arguments: &Arguments) -> Result<()> {
    let out = shell::target().join("artifacts");
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out)?;
    let triple = arguments.target.clone().unwrap_or_else(|| format!("{}-unknown-linux-musl", std::env::consts::ARCH));
    let how = if arguments.quick { "-unoptimised" } else { "" };
    let name = format!("edgelatch-{}-{triple}{how}", env!("CARGO_PKG_VERSION"));
    let program = program(&triple, arguments.quick)?;
    archive(&out, &name, &program)?;
    fs::write(out.join(format!("{name}.cdx.json")), bill_of_materials()?)?;
    js::prepare()?;
    let mut pack = command("npm", ["pack", "--silent", "--pack-destination"]);
    shell::run(pack.arg(&out).current_dir(root().join("js")))?;
    checksums(&out)
}

/// The program for a target, built and known to need no library of the machine that it will run on.
fn program(triple: &str, quick: bool) -> Result<PathBuf> {
    tools::add_target(triple)?;
    let mut cargo = command("cargo", ["build", "--locked", "--profile", "dist", "--package", "edgelatch", "--target", triple]);
    if quick {
        cargo.envs(SLOW.iter().copied());
    }
    if triple.ends_with("-musl") {
        ensure!(shell::exists(COMPILER), "there is no {COMPILER}, which compiles SQLite for {triple}: install musl-tools");
        cargo.env(format!("CC_{}", triple.replace('-', "_")), COMPILER);
    }
    shell::run(&mut cargo)?;
    let path = shell::target().join(triple).join("dist/edgelatch");
    let bytes = fs::read(&path).with_context(|| format!("{}", path.display()))?;
    ensure!(is_static(&bytes) == Some(true), "{} is no static program", path.display());
    Ok(path)
}

/// Whether a 64-bit little-endian ELF file needs no loader; `None` if it is none.
fn is_static(elf: &[u8]) -> Option<bool> {
    let number = |at: usize, len: usize| {
        let bytes = elf.get(at..at.checked_add(len)?)?;
        Some(bytes.iter().rev().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)))
    };
    if elf.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let kinds = (0..count).map(|index| number(table.checked_add(index * size)?, 4));
    kinds.collect::<Option<Vec<_>>>().map(|kinds| !kinds.contains(&(PT_INTERP as usize)))
}

/// Packs the program with what belongs to it. The same files give the same archive, whenever and by whomever it is made.
fn archive(out: &Path, name: &str, program: &Path) -> Result<()> {
    let scratch = shell::scratch("dist")?;
    let dir = scratch.join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("completions"))?;
    fs::copy(program, dir.join("edgelatch"))?;
    for path in BESIDE {
        ensure!(root().join(path).exists(), "there is no {path}, which belongs into the archive");
        shell::run(command("cp", ["-r", path]).arg(&dir).current_dir(root()))?;
    }
    for (shell_name, file) in SHELLS {
        fs::write(dir.join("completions").join(file), shell::capture(&mut command(program, ["completions", shell_name]))?)?;
    }
    shell::capture(command(program, ["man"]).arg(dir.join("man")))?;
    let mut tar =
        command("tar", ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=u=rwX,go=rX"]);
    tar.args(["--use-compress-program", "gzip -9 --no-name", "--create", "--file"]).arg(out.join(format!("{name}.tar.gz")));
    shell::run(tar.arg("--directory").arg(&scratch).arg(name))?;
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// What the program is made of, as CycloneDX.
fn bill_of_materials() -> Result<String> {
    let sbom = tools::sbom()?;
    shell::capture(
        command(sbom, ["--cargo-package", "edgelatch", "--output-format", "cyclone_dx_json_1_4"]).current_dir(root()),
    )
}

/// `SHA256SUMS` over everything there, as `sha256sum --check` reads it.
fn checksums(out: &Path) -> Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(out)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort_unstable();
    let mut sums = String::new();
    for path in files {
        let (bytes, name) = (fs::read(&path)?, path.file_name().unwrap_or_default().display().to_string());
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        println!("{:>12} bytes  {name}", bytes.len());
        sums += &format!("{sum}  {name}\n");
    }
    fs::write(out.join("SHA256SUMS"), sums)?;
    println!("in {}, with SHA256SUMS", out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_static;

    /// The beginning of an ELF file with program headers of these kinds.
    fn elf(kinds: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (bytes[32], bytes[54], bytes[56]) = (64, 56, kinds.len() as u8);
        for kind in kinds {
            bytes.push(*kind);
            bytes.extend([0; 55]);
        }
        bytes
    }

    #[test]
    fn a_program_that_needs_a_loader_is_not_static() {
        assert_eq!(is_static(&elf(&[6, 1, 1])), Some(true));
        assert_eq!(is_static(&elf(&[6, 3, 1])), Some(false));
        assert_eq!(is_static(&elf(&[6])[..70]), Some(true));
        assert_eq!(is_static(&elf(&[6, 1])[..120]), None);
        assert_eq!(is_static(b"#!/bin/sh"), None);
        // What runs here was linked with the libraries of this machine, or not: it must be told in any case.
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(is_static(&own), Some(cfg!(target_env = "musl")));
        }
    }
}
