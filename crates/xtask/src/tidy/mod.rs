//! `cargo xtask tidy`: what this repository promises about itself and no compiler checks. Each rule is a function from what is
//! checked in to what is wrong with it.

mod circles;
mod crates;
mod documents;
mod files;
mod repo;

use crate::generated;
use anyhow::Result;
use edgelatch_testkit::tally::Tally;
use repo::Repo;

struct Rule {
    name: &'static str,
    about: &'static str,
    /// Says each thing that is wrong.
    faults: fn(&Repo) -> Result<Vec<String>>,
}

const RULES: &[Rule] = &[
    Rule { name: "arrows", about: "crates need each other in one direction", faults: |repo| Ok(crates::arrows(repo)) },
    Rule { name: "borrowed", about: "no source file is compiled into two crates", faults: |repo| Ok(crates::borrowed(repo)) },
    Rule { name: "compiled", about: "every Rust file is part of a crate", faults: |repo| Ok(crates::compiled(repo)) },
    Rule { name: "safe", about: "every crate forbids unsafe code", faults: |repo| Ok(crates::safe(repo)) },
    Rule {
        name: "circles",
        about: "no files of a crate need each other in a circle",
        faults: |repo| Ok(circles::faults(repo)),
    },
    Rule { name: "sizes", about: "source files can be read in one sitting", faults: |repo| Ok(files::sizes(repo)) },
    Rule { name: "words", about: "no word that must not be published", faults: |repo| Ok(files::words(repo)) },
    Rule { name: "names", about: "files that documents name exist", faults: |repo| Ok(documents::names(repo)) },
    Rule { name: "links", about: "links between documents lead somewhere", faults: |repo| Ok(documents::links(repo)) },
    Rule { name: "walks", about: "functions that ARCHITECTURE.md points to exist", faults: |repo| Ok(documents::walks(repo)) },
    Rule { name: "generated", about: "generated files are current", faults: stale },
];

pub fn main() -> Result<()> {
    let repo = Repo::read()?;
    let mut sum = Tally::default();
    for rule in RULES {
        let faults = (rule.faults)(&repo)?;
        sum.add(faults.is_empty());
        println!("{} {:10} {}", if faults.is_empty() { "ok  " } else { "FAIL" }, rule.name, rule.about);
        faults.iter().for_each(|fault| println!("     {fault}"));
    }
    println!("{sum}");
    std::process::exit(i32::from(sum.failed > 0))
}

fn stale(repo: &Repo) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for (command, files) in [("codes", generated::from_verdicts()?), ("vectors", generated::from_builder()?)] {
        let stale = files.iter().filter(|(path, text)| repo.text(path) != Some(text));
        faults.extend(stale.map(|(path, _)| format!("{path} is not what is generated: run `cargo xtask {command}`")));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each rule, files that keep it, what is changed in them, and the beginning of the complaint.
    type Case<'t> = (&'t str, &'t [(&'t str, &'t str)], (&'t str, &'t str), &'t str);

    #[test]
    fn every_rule_can_be_broken() {
        let long = "\n".repeat(201);
        let cases: &[Case<'_>] = &[
            (
                "arrows",
                &[(
                    "crates/core/Cargo.toml",
                    "[package]\n[dependencies]\nsha2 = \"1\"\n[dev-dependencies]\nedgelatch-testkit.workspace = true",
                )],
                ("crates/core/Cargo.toml", "[package]\n[target.'cfg(unix)'.dependencies.edgelatch-testkit]\nworkspace = true"),
                "crates/core/Cargo.toml: core needs edgelatch-testkit",
            ),
            (
                "arrows",
                &[("crates/sync/Cargo.toml", "[dependencies]\nedgelatch-core = \"1\"\nedgelatch-registry.workspace = true")],
                ("crates/sync/Cargo.toml", "[dev-dependencies]\nother = { package = \"edgelatch-server\" }"),
                "crates/sync/Cargo.toml: sync needs edgelatch-server",
            ),
            (
                "arrows",
                &[(
                    "crates/sync/src/a.rs",
                    "use edgelatch_registry::{x, y};\ninfo!(target: \"edgelatch::sync\");\nedgelatch_sync::z()",
                )],
                ("crates/sync/src/a.rs", "fn f() { ::edgelatch_server::x() }"),
                "crates/sync/src/a.rs: sync needs edgelatch-server",
            ),
            (
                "arrows",
                &[("wasm/Cargo.toml", "[dependencies]\nedgelatch-core = { path = \"../crates/core\" }")],
                ("crates/new/Cargo.toml", "[package]\n"),
                "crates/new/Cargo.toml: is not in the table",
            ),
            (
                "borrowed",
                &[(
                    "crates/core/src/a.rs",
                    "// a #[path] would be wrong\nconst A: &str = include_str!(\"../../../README.md\");",
                )],
                ("crates/core/tests/b.rs", "#[path = \"../../sync/src/a.rs\"]\nmod a;"),
                "crates/core/tests/b.rs:1: ",
            ),
            (
                "borrowed",
                &[("crates/core/src/a.rs", "const A: &str = include_str!(\"../tables/a.json\");")],
                ("crates/core/src/a.rs", "fn a() {}\nconst A: &str = include_str!(\"../../sync/a.json\");"),
                "crates/core/src/a.rs:2: ",
            ),
            ("borrowed", &[], ("wasm/src/a.rs", "include!(\"b.rs\");"), "wasm/src/a.rs:1: "),
            (
                "compiled",
                &[
                    ("crates/cli/tests/it/main.rs", "mod a;\n#[cfg(unix)]\nmod common;\n"),
                    ("crates/cli/tests/it/a.rs", "pub(super) mod b;"),
                    ("crates/cli/tests/it/a/b.rs", ""),
                    ("crates/cli/tests/it/common/mod.rs", "pub mod c;"),
                    ("crates/cli/tests/it/common/c.rs", ""),
                ],
                ("crates/cli/tests/it/d.rs", ""),
                "crates/cli/tests/it/d.rs: ",
            ),
            (
                "safe",
                &[("wasm/src/lib.rs", "//! Wasm.\n#![forbid(unsafe_code)]\n"), ("wasm/src/other.rs", "")],
                ("crates/cli/src/main.rs", "fn main() {}"),
                "crates/cli/src/main.rs: ",
            ),
            (
                "circles",
                &[
                    ("crates/sync/src/lib.rs", "mod a;\nmod b;\n"),
                    ("crates/sync/src/a.rs", "use crate::b::x;"),
                    ("crates/sync/src/b.rs", ""),
                ],
                ("crates/sync/src/b.rs", "use crate::a::y;"),
                "crates/sync/src: a, b",
            ),
            ("sizes", &[("crates/a.rs", "\n"), ("js/test/a.ts", &long)], ("js/src/a.ts", &long), "js/src/a.ts: 201 lines"),
            ("words", &[("a.rs", "a/tmp/b")], ("a.rs", "\n\"/tmp/a\""), "a.rs:2: "),
            (
                "words",
                &[("js/package-lock.json", "\"version\": 1")],
                ("js/package-lock.json", "\"resolved\": \"\""),
                "js/package-lock.json:1: ",
            ),
            (
                "names",
                &[
                    (
                        "README.md",
                        "See `crates/core/src/`, `a.rs`, `js/dist/a.js`, `a/b`, `GET /x`, `<a>.rs`.\n```\n`crates/none.rs`\n```\n",
                    ),
                    ("crates/core/src/a.rs", ""),
                    ("js/package.json", ""),
                ],
                ("README.md", "One.\nSee `crates/none/` and `none.rs`."),
                "README.md:2: `crates/none/`",
            ),
            (
                "links",
                &[("js/README.md", "# A b: `c`\n[a](../README.md#x) [b](https://x/y) [c](#a-b-c)"), ("README.md", "## X\n")],
                ("js/README.md", "[a](../README.md#y)"),
                "js/README.md:1: ../README.md#y",
            ),
            ("links", &[], ("README.md", "[a](LICENSE)"), "README.md:1: LICENSE"),
            (
                "walks",
                &[
                    (
                        "ARCHITECTURE.md",
                        "| 1 | `crates/a.rs` | `verify` | x |\n| 2 | `js/src/b.ts` | `Edge.ask`, `tell` | y |\n| `crates/` | x |",
                    ),
                    ("crates/a.rs", "pub fn verify<T>(x: T) {}"),
                    ("js/src/b.ts", "class Edge {\n  async ask(x) {\n}\nexport function tell() {}"),
                ],
                ("crates/a.rs", "fn verify_all() {}\n// verify("),
                "ARCHITECTURE.md:1: `crates/a.rs` has no `verify`",
            ),
            ("generated", &[], ("js/src/generated/codes.ts", ""), "js/src/generated/codes.ts is not"),
        ];
        for rule in RULES {
            assert!(cases.iter().any(|(name, ..)| *name == rule.name), "{} has no test", rule.name);
        }
        for (name, files, change, complaint) in cases {
            let rule = RULES.iter().find(|rule| rule.name == *name).unwrap();
            if *name != "generated" {
                assert_eq!((rule.faults)(&Repo::of(files)).unwrap(), [""; 0], "{name}, before");
            }
            let faults = (rule.faults)(&Repo::of(&[files, &[*change][..]].concat())).unwrap();
            assert!(faults.first().is_some_and(|fault| fault.starts_with(complaint)), "{name}: {faults:?}");
        }
    }
}
