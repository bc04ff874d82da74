//! Rules about single files.

use super::repo::{Repo, lines};

/// Beginning and end of a path, and how many lines such a file may have.
const LIMITS: &[(&str, &str, usize)] = &[("", ".rs", 450), ("js/src/", ".ts", 200)];

pub fn sizes(repo: &Repo) -> Vec<String> {
    let files = LIMITS.iter().flat_map(|(begin, end, most)| {
        repo.files(begin, std::slice::from_ref(end)).map(move |(path, text)| (path, text.lines().count(), most))
    });
    files
        .filter(|(_, count, most)| count > most)
        .map(|(path, count, most)| format!("{path}: {count} lines, at most {most}"))
        .collect()
}

/// A text, the beginning and the ends of the paths of files that must not hold it, and why.
const FORBIDDEN: &[(&str, &str, &[&str], &str)] = &[
    ("/tmp/", "", TEXTS, "a path of one machine"),
    ("/home/", "", TEXTS, "a path of one machine"),
    ("TODO", "", TEXTS, "work that is left belongs into the tracker"),
    ("FIXME", "", TEXTS, "work that is left belongs into the tracker"),
    ("\"resolved\"", "", &["package-lock.json"], "lock files record no download address"),
    ("\"sparse+", "", &["Cargo.lock"], "lock files record no download address"),
    ("\"git+", "", &["Cargo.lock"], "dependencies come from the registry"),
];
const TEXTS: &[&str] = &[".rs", ".md", ".ts", ".mjs", ".py", ".toml", ".json"];
/// This file spells out what it forbids, and the tests of these rules do.
const TIDY: &str = "crates/xtask/src/tidy/";

pub fn words(repo: &Repo) -> Vec<String> {
    let mut faults = Vec::new();
    for (word, begin, ends, why) in FORBIDDEN {
        for (path, text) in repo.files(begin, ends).filter(|(path, _)| !path.starts_with(TIDY)) {
            let found = lines(path, text).filter(|(_, line)| holds(line, word));
            faults.extend(found.map(|(place, _)| format!("{place}: {word:?}: {why}")));
        }
    }
    faults
}

/// Whether a line holds a word that is not the end of a longer one, as `/tmp/` is in `a/tmp/b`.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(char::is_alphanumeric))
}
