//! What the code of a wasm file comes from, by the names of its functions.

use anyhow::{Result, ensure};
use rustc_demangle::demangle;
use std::collections::BTreeMap;
use wasmparser::{KnownCustom, Name, Parser, Payload};

/// The crate whose modules are told apart.
const OURS: &str = "edgelatch_core";
const UNNAMED: &str = "(without a name)";

/// Prints the bytes of code by crate, and of the core by module; and the bytes of data.
pub fn print(wasm: &[u8]) -> Result<()> {
    let (mut sizes, mut names, mut data) = (Vec::new(), BTreeMap::new(), 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                ensure!(imports.count() == 0, "imported functions would shift the numbers of the others")
            }
            Payload::CodeSectionEntry(body) => sizes.push(body.range().len()),
            Payload::DataSection(section) => data = section.range().len(),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(section) = section.as_known() else { continue };
                for name in section {
                    let Name::Function(all) = name? else { continue };
                    for naming in all {
                        let naming = naming?;
                        names.insert(naming.index as usize, part(naming.name));
                    }
                }
            }
            _ => {}
        }
    }
    let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, size) in sizes.iter().enumerate() {
        *parts.entry(names.get(&index).map_or(UNNAMED, String::as_str)).or_default() += size;
    }
    parts.insert("(data)", data);
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    println!("{:>8}  of", "bytes");
    for (part, bytes) in &parts {
        println!("{bytes:>8}  {part}");
    }
    println!("{:>8}  all of it", parts.iter().map(|(_, bytes)| bytes).sum::<usize>());
    Ok(())
}

/// Where a function was written: its crate, and of the core the module. What a generic function was made for counts, not where it stands.
fn part(name: &str) -> String {
    let name = format!("{:#}", demangle(name));
    let modules = |at: usize| {
        let path: Vec<&str> = name.get(at..).unwrap_or_default().split("::").take(2).collect();
        path.join("::").split(['<', '>', ' ', ',']).next().unwrap_or_default().to_owned()
    };
    if let Some(at) = name.find(OURS) {
        return modules(at);
    }
    let plain = name.trim_start_matches(['<', '&', '*']).trim_start_matches("mut ");
    // Of `T as digest::Digest`, and of `alloc[3ca501edff3f0c7c]::vec`.
    let first = plain.split_once("::").and_then(|(first, _)| first.rsplit(' ').next()?.split('[').next());
    first.filter(|first| !first.is_empty()).unwrap_or(UNNAMED).to_owned()
}
