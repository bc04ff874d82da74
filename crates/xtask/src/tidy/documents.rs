//! Rules about documents: what they point to exists.

use super::repo::{Repo, lines, resolve};

/// Files that tell what once was.
const HISTORY: &[&str] = &["CHANGELOG.md"];
/// What is built and not checked in.
const BUILT: &[&str] = &["js/dist/", "js/wasm/", "target/"];
/// A name with such an end is the name of a file.
const FILES: &[&str] = &[".rs", ".ts", ".mjs", ".py", ".md", ".tsv"];
/// How a line begins, apart from modifiers, that makes something with a name.
const MAKES: &[&str] = &["fn ", "struct ", "enum ", "trait ", "const ", "function ", "class ", "interface ", "def "];
/// What may stand before the name of a method in JavaScript.
const MODIFIERS: &[&str] = &["async ", "static ", "private ", "protected ", "public ", "get ", "set ", "*", "#"];

fn documents(repo: &Repo) -> impl Iterator<Item = (&str, &str)> {
    repo.files("", &[".md"]).filter(|(path, _)| !HISTORY.contains(path))
}

/// The lines of a document without its blocks of code.
fn prose<'t>(path: &'t str, text: &'t str) -> impl Iterator<Item = (String, &'t str)> {
    let mut code = false;
    lines(path, text).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// What stands between back-quotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

pub fn names(repo: &Repo) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in documents(repo) {
        for (place, line) in prose(path, text) {
            let missing = quoted(line).filter(|name| is_file(repo, name) && !exists(repo, path, name));
            faults.extend(missing.map(|name| format!("{place}: `{name}` does not exist")));
        }
    }
    faults
}

/// Whether it is meant as the name of a file or directory of this repository.
fn is_file(repo: &Repo, name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c)) && !name.starts_with('.');
    let below_top = name.split_once('/').is_some_and(|(top, _)| !top.is_empty() && repo.has(top));
    plain && (below_top || FILES.iter().any(|end| name.len() > end.len() && name.ends_with(end)))
}

/// Seen from the top, from the document, or, as the end of a path, from anywhere.
fn exists(repo: &Repo, document: &str, name: &str) -> bool {
    let end = format!("/{name}");
    BUILT.iter().any(|built| name.starts_with(built))
        || repo.has(name)
        || repo.has(&resolve(document, name))
        || repo.files("", &[&end]).next().is_some()
}

pub fn links(repo: &Repo) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in documents(repo) {
        for (place, line) in prose(path, text) {
            for link in line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
                let (file, heading) = link.split_once('#').unwrap_or((link, ""));
                let to = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
                let there = || heading.is_empty() || repo.text(&to).is_some_and(|text| has_heading(text, heading));
                let sound = link.contains("://") || repo.has(&to) && there();
                if !sound {
                    faults.push(format!("{place}: {link} leads nowhere"));
                }
            }
        }
    }
    faults
}

/// Whether a document has a heading with this anchor: in small letters, blanks as hyphens, without other signs.
fn has_heading(text: &str, anchor: &str) -> bool {
    prose("", text).filter_map(|(_, line)| line.strip_prefix('#')).any(|heading| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        heading.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).eq(anchor.chars())
    })
}

/// In rows of tables: a file in one cell, and in the next one names of what it defines.
pub fn walks(repo: &Repo) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in repo.files("ARCHITECTURE.md", &[""]) {
        for (place, line) in prose(path, text).filter(|(_, line)| line.starts_with('|')) {
            let cells: Vec<&str> = line.split('|').collect();
            for pair in cells.windows(2) {
                let [file, functions] = pair else { continue };
                let Some((file, code)) = quoted(file).find_map(|file| Some((file, repo.text(file)?))) else { continue };
                let missing = quoted(functions).filter(|name| !defines(code, name));
                faults.extend(missing.map(|name| format!("{place}: `{file}` has no `{name}`")));
            }
        }
    }
    faults
}

fn defines(code: &str, name: &str) -> bool {
    let name = name.trim_end_matches("()");
    let name = name.rsplit(['.', ':']).next().unwrap_or(name);
    let named =
        |rest: &str| rest.strip_prefix(name).is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
    code.lines().map(str::trim_start).filter(|line| !line.starts_with("//")).any(|line| {
        let mut method = line;
        while let Some(rest) = MODIFIERS.iter().find_map(|modifier| method.strip_prefix(modifier)) {
            method = rest;
        }
        MAKES.iter().filter_map(|make| line.split_once(make)).any(|(_, rest)| named(rest))
            || named(method) && method.contains(['(', ':', '=']) && method.ends_with(['{', '(', '>'])
    })
}
