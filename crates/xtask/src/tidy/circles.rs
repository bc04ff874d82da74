//! Which files of a crate need which others, and where they need each other in a circle.
//!
//! A file needs the files whose items it names: in `use`, or by a path from `crate`, `super` or `self`. A name that a file only
//! passes on (`pub use`) leads to the file that defines it, and passing on is not needing, so a room's `mod.rs` stands in no
//! circle with what it shows. Tests are left out: they may look at everything. Methods leave no trace in paths and are not seen.

use super::repo::Repo;
use std::collections::{BTreeMap, BTreeSet};

/// Where the sources of the crates that ship lie.
const SOURCES: &[&str] = &["crates/core/src", "crates/registry/src", "crates/sync/src", "crates/server/src", "crates/cli/src"];

/// A module's path below the crate, such as `["keys", "list"]`; empty for the crate itself.
type Module = Vec<String>;

/// For each file, the files it needs.
type Needs = BTreeMap<Module, BTreeSet<Module>>;

pub fn faults(repo: &Repo) -> Vec<String> {
    let all = SOURCES.iter().flat_map(|src| circles(&needs(repo, src)).into_iter().map(move |circle| (src, circle)));
    all.map(|(src, circle)| format!("{src}: {}", circle.join(", "))).collect()
}

/// Reads a crate's sources from the directory of its `lib.rs` or `main.rs`.
fn needs(repo: &Repo, src: &str) -> Needs {
    let mut files = BTreeMap::new();
    for root in ["lib.rs", "main.rs"] {
        read(repo, &format!("{src}/{root}"), src, Vec::new(), &mut files);
    }
    let all = Files(files);
    all.0.keys().map(|module| (module.clone(), all.needs_of(module))).collect()
}

/// The circles, each as the files that are in it, none twice.
fn circles(needs: &Needs) -> Vec<Vec<String>> {
    let mut found: Vec<BTreeSet<&Module>> = Vec::new();
    for from in needs.keys() {
        let ahead = reach(needs, from);
        let circle: BTreeSet<&Module> = ahead.iter().copied().filter(|to| reach(needs, to).contains(from)).collect();
        if !circle.is_empty() && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found.iter().map(|circle| circle.iter().map(|module| module.join("::")).collect()).collect()
}

/// Everything that a file needs, directly or not.
fn reach<'n>(needs: &'n Needs, from: &Module) -> BTreeSet<&'n Module> {
    let (mut all, mut next): (BTreeSet<&Module>, Vec<&Module>) = (BTreeSet::new(), needs[from].iter().collect());
    while let Some(module) = next.pop() {
        if all.insert(module) {
            next.extend(&needs[module]);
        }
    }
    all
}

/// What a file says about others.
#[derive(Default)]
struct File {
    /// Paths it names, as segments.
    paths: Vec<Vec<String>>,
    /// Names it passes on, and where it has them from; `*` for everything.
    passed_on: Vec<(String, Vec<String>)>,
}

struct Files(BTreeMap<Module, File>);

impl Files {
    fn needs_of(&self, module: &Module) -> BTreeSet<Module> {
        let found = self.0[module].paths.iter().filter_map(|path| self.resolve(module, path));
        found.filter(|to| to != module).collect()
    }

    /// The file that defines what a path in `module` names, unless that is in another crate.
    fn resolve(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut at = module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => at.clear(),
            "super" => drop(at.pop()),
            "self" => {}
            first if self.0.contains_key(&child(&at, first)) => at.push(first.into()),
            _ => return None,
        }
        rest = &rest[1..];
        while let Some((name, after)) = rest.split_first() {
            if name == "super" {
                at.pop();
            } else if self.0.contains_key(&child(&at, name)) {
                at.push(name.clone());
            } else {
                let passed = self.0.get(&at)?.passed_on.iter().filter(|(passed, _)| passed == name || passed == "*");
                // Each step leads further down, so this ends.
                return Some(passed.filter_map(|(_, from)| self.resolve(&at, from)).next().unwrap_or(at));
            }
            rest = after;
        }
        Some(at)
    }
}

fn child(module: &Module, name: &str) -> Module {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// Reads a file, if there is one, and the modules that it declares.
fn read(repo: &Repo, path: &str, dir: &str, module: Module, files: &mut BTreeMap<Module, File>) {
    let Some(text) = repo.text(path) else { return };
    let code = without_tests(&without_comments(text));
    for statement in code.split(['{', ';', '}']) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        if let [.., "mod", name] = words[..] {
            for file in [format!("{dir}/{name}.rs"), format!("{dir}/{name}/mod.rs")] {
                read(repo, &file, &format!("{dir}/{name}"), child(&module, name), files);
            }
        }
    }
    let mut file = File::default();
    for (at, _) in code.match_indices("use ").filter(|(at, _)| !code[..*at].ends_with(is_of_name)) {
        let Some(end) = code[at..].find(';') else { continue };
        let before = code[..at].trim_end();
        let passes_on = before.ends_with("pub") || before.ends_with("pub(crate)") || before.ends_with("pub(super)");
        for path in leaves(code[at + 4..at + end].trim()) {
            let (path, name) = path.split_once(" as ").unwrap_or((&path, path.rsplit("::").next().unwrap_or_default()));
            let segments = segments(path);
            if passes_on { file.passed_on.push((name.trim().into(), segments)) } else { file.paths.push(segments) }
        }
    }
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root).filter(|(at, _)| !code[..*at].ends_with(is_of_path)) {
            let line = code[..at].rfind(';').map_or(0, |end| end + 1);
            if !code[line..at]
                .trim_start()
                .trim_start_matches("pub(crate)")
                .trim_start_matches("pub")
                .trim_start()
                .starts_with("use ")
            {
                let end = code[at..].find(|c| !is_of_path(c)).unwrap_or(code.len() - at);
                file.paths.push(segments(code[at..at + end].trim_end_matches(':')));
            }
        }
    }
    files.insert(module, file);
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_of_path(c: char) -> bool {
    is_of_name(c) || c == ':'
}

fn segments(path: &str) -> Vec<String> {
    path.split("::")
        .map(str::trim)
        .filter(|part| !part.is_empty() && *part != "self" || path.starts_with("self"))
        .map(Into::into)
        .collect()
}

/// The paths that a tree of `use` names, written out.
fn leaves(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else { return vec![tree.into()] };
    let (head, inner) = (&tree[..open], tree[open + 1..].trim_end().strip_suffix('}').unwrap_or_default());
    let (mut depth, mut from, mut all) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inner[from..at].trim();
                if !part.is_empty() {
                    all.extend(leaves(part).into_iter().map(|leaf| format!("{head}{leaf}")));
                }
                from = at + 1;
            }
            _ => {}
        }
    }
    all
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Without modules that are compiled for tests only.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let end = match (item.find(';'), item.find("{\n")) {
            (Some(semicolon), brace) if brace.is_none_or(|brace| semicolon < brace) => semicolon + 1,
            // A module of tests is the last thing in its file, and closes at the margin.
            _ => item.find("\n}").map_or(item.len(), |close| close + 2),
        };
        rest = &item[end..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        circles(&needs(&Repo::of(files), "src"))
    }

    #[test]
    fn a_circle_is_found_through_what_rooms_pass_on() {
        let lib = ("src/lib.rs", "mod a;\nmod b;\npub use a::Thing;\n");
        let a = ("src/a/mod.rs", "mod thing;\nmod other;\npub use thing::Thing;\n");
        let thing = ("src/a/thing.rs", "use crate::b::help;\npub struct Thing;\n");
        let other = ("src/a/other.rs", "fn f() { super::Thing; }\n");
        assert!(crate_of(&[lib, a, thing, other, ("src/b.rs", "pub fn help() {}\n")]).is_empty());
        let back = ("src/b.rs", "use std::fmt;\npub fn help(_: crate::a::Thing) {}\n");
        assert_eq!(crate_of(&[lib, a, thing, other, back]), [["a::thing", "b"]]);
        let tests = ("src/b.rs", "pub fn help() {}\n#[cfg(test)]\nmod tests {\n    use crate::a::{Thing};\n}\n");
        assert!(crate_of(&[lib, a, thing, other, tests]).is_empty());
        let nested = ("src/b.rs", "use crate::{a::{self, Thing}};\npub fn help() {}\n");
        assert_eq!(crate_of(&[lib, a, thing, other, nested]), [["a::thing", "b"]]);
    }

    #[test]
    fn the_needs_of_a_whole_crate_are_seen() {
        let needs = needs(&Repo::read().unwrap(), "crates/registry/src");
        assert!(needs.len() > 40 && needs.values().map(BTreeSet::len).sum::<usize>() > 200, "{needs:?}");
    }
}
