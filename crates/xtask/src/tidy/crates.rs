//! Rules about crates.

use super::repo::{Repo, lines, resolve};

/// The crates that ship, in one row: each may need those before it. The directory's name, and that of the package.
const ROW: &[(&str, &str)] = &[
    ("core", "edgelatch-core"),
    ("registry", "edgelatch-registry"),
    ("sync", "edgelatch-sync"),
    ("server", "edgelatch-server"),
    ("cli", "edgelatch"),
];
const TESTKIT: &str = "edgelatch-testkit";
const HTTP: &str = "edgelatch-http";
/// The other crates, and what they may need.
const BESIDE: &[(&str, &[&str])] = &[
    ("wasm", &["edgelatch-core"]),
    ("upkeep", &["edgelatch-core"]),
    ("testing", &["edgelatch-core"]),
    // Its examples name it.
    ("http", &["edgelatch-core", HTTP]),
    ("tower", &["edgelatch-core", HTTP]),
    // The crate, its example and the program of the hosts' suite.
    ("fastly", &["edgelatch-core", HTTP]),
    ("axum", &[]),
    ("testkit", &["edgelatch-core", "edgelatch-registry"]),
    ("xtask", &["edgelatch-core", TESTKIT]),
    ("ip_wasm", &[TESTKIT]),
    ("fuzz", &["edgelatch-core", "edgelatch-registry", TESTKIT]),
];
/// What tests of a crate start besides: the servers that it is the other end of.
const BESIDE_IN_TESTS: &[(&str, &[&str])] =
    &[("tower", &["edgelatch-registry", "edgelatch-sync", "edgelatch-server"]), ("axum", &["edgelatch-server"])];
/// What may be compiled into no other crate: only data that lies outside `crates/` may be included from elsewhere.
const CRATES: &str = "crates/";
/// These files spell out what they forbid.
const TIDY: &str = "crates/xtask/src/tidy/";

/// The packages that a crate may need, by its directory's name.
fn allowed(name: &str) -> Option<Vec<&'static str>> {
    let beside = BESIDE.iter().find(|(beside, _)| *beside == name).map(|(_, needs)| needs.to_vec());
    beside.or_else(|| Some(ROW[..ROW.iter().position(|(own, _)| *own == name)?].iter().map(|(_, package)| *package).collect()))
}

fn is_package(word: &str) -> bool {
    [TESTKIT, HTTP].contains(&word) || ROW.iter().any(|(_, package)| *package == word)
}

pub fn arrows(repo: &Repo) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in
        repo.files("", &["Cargo.toml", ".rs"]).filter(|(path, _)| *path != "Cargo.toml" && !path.starts_with(TIDY))
    {
        let Some(name) = directory(path).rsplit('/').next() else { continue };
        let Some(allowed) = allowed(name) else {
            faults.push(format!("{path}: is not in the table of crates, crates/xtask/src/tidy/crates.rs"));
            continue;
        };
        let needs = if path.ends_with(".rs") { used(text) } else { declared(text) };
        for (need, by_tests) in needs {
            let own = path.ends_with(".rs") && ROW.contains(&(name, &need));
            let tested = BESIDE_IN_TESTS.iter().any(|(of, needs)| *of == name && needs.contains(&need.as_str()));
            let sound = own || allowed.contains(&need.as_str()) || by_tests && (need == TESTKIT || tested);
            if !sound {
                faults.push(format!("{path}: {name} needs {need}, and may need {}", allowed.join(", ")));
            }
        }
    }
    faults
}

/// The directory of the crate that a file belongs to.
fn directory(path: &str) -> &str {
    let end = ["/src/", "/tests/", "/examples/", "/Cargo.toml"].iter().filter_map(|part| path.rfind(part)).min();
    // A test's or an example's own directories lie further down.
    path.get(..end.unwrap_or(path.len())).unwrap_or(path)
}

/// Packages of ours that a manifest names, and whether for tests only.
fn declared(manifest: &str) -> Vec<(String, bool)> {
    let (mut section, mut needs) = ("", Vec::new());
    for line in manifest.lines() {
        section = line.trim().strip_prefix('[').unwrap_or(section);
        if section.contains("dependencies") {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            needs.extend(
                words.filter(|word| is_package(word)).map(|word| (word.to_owned(), section.contains("dev-dependencies"))),
            );
        }
    }
    needs
}

/// Packages of ours that code names. Cargo sees to it that it names the test kit in tests only.
fn used(code: &str) -> Vec<(String, bool)> {
    let paths = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').filter(|path| path.contains("::"));
    let first = paths.filter_map(|path| path.trim_start_matches(':').split(':').next());
    // Without the command, which is no library: `edgelatch::` is how targets of log lines begin.
    first
        .filter(|word| word.contains('_'))
        .map(|word| word.replace('_', "-"))
        .filter(|word| is_package(word))
        .map(|word| (word, true))
        .collect()
}

pub fn borrowed(repo: &Repo) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in repo.files("", &[".rs"]).filter(|(path, _)| !path.starts_with(TIDY)) {
        for (place, line) in lines(path, text).filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if line.contains("#[path") || line.contains("include!(") {
                faults.push(format!("{place}: a module lies where its name says; what crates share is in crates/testkit"));
            }
            let data = line.split_once("include_str!(\"").or_else(|| line.split_once("include_bytes!(\""));
            let to = data.and_then(|(_, rest)| Some(resolve(path, rest.split_once('"')?.0)));
            if to.is_some_and(|to| to.starts_with(CRATES) && !to.starts_with(&format!("{}/", directory(path)))) {
                faults.push(format!("{place}: the file belongs to another crate"));
            }
        }
    }
    faults
}

/// A file that no module names is not compiled, and nobody says so: a test in it never runs.
pub fn compiled(repo: &Repo) -> Vec<String> {
    let inside = |path: &str| path.contains("/src/") || path.contains("/tests/it/");
    let files = repo.files("", &[".rs"]).map(|(path, _)| path).filter(|path| inside(path) && !path.contains("/src/bin/"));
    let roots = ["/lib.rs", "/main.rs"];
    let named = |path: &&str| {
        let module = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs")).unwrap_or(path);
        let Some((dir, name)) = module.rsplit_once('/') else { return true };
        let parents = ["/lib.rs", "/main.rs", "/mod.rs", ".rs"].map(|end| format!("{dir}{end}"));
        let declares = |line: &str| line.trim_start().split_once("mod ").is_some_and(|(_, rest)| rest == format!("{name};"));
        parents.iter().filter_map(|parent| repo.text(parent)).any(|text| text.lines().any(declares))
    };
    let orphans = files.filter(|path| !roots.iter().any(|root| path.ends_with(root))).filter(|path| !named(path));
    orphans.map(|path| format!("{path}: no `mod` names it, so that it is not compiled")).collect()
}

pub fn safe(repo: &Repo) -> Vec<String> {
    let heads = repo.files("", &["/src/lib.rs", "/src/main.rs"]);
    let open = heads.filter(|(_, text)| !text.lines().any(|line| line == "#![forbid(unsafe_code)]"));
    open.map(|(path, _)| format!("{path}: `#![forbid(unsafe_code)]` is missing at its head")).collect()
}
