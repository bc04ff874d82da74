//! What is checked in, or is about to be.

use anyhow::Result;
use edgelatch_testkit::shell::{self, command};
use std::{collections::BTreeMap, fs};

/// Each file's path from the top, and its text.
pub struct Repo(BTreeMap<String, String>);

impl Repo {
    pub fn read() -> Result<Repo> {
        let list = shell::capture(&mut command("git", ["ls-files", "--cached", "--others", "--exclude-standard"]))?;
        let files = list.lines().filter_map(|path| Some((path, fs::read(shell::root().join(path)).ok()?)));
        Ok(Repo(files.map(|(path, bytes)| (path.to_owned(), String::from_utf8_lossy(&bytes).into_owned())).collect()))
    }

    /// Made of these files, for tests; of two with the same path, the second.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Repo {
        Repo(files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect())
    }

    pub fn text(&self, path: &str) -> Option<&String> {
        self.0.get(path)
    }

    /// The files whose path has this beginning and one of these ends.
    pub fn files<'r>(&'r self, begin: &'r str, ends: &'r [&str]) -> impl Iterator<Item = (&'r str, &'r str)> {
        let all = self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        all.filter(move |(path, _)| path.starts_with(begin) && ends.iter().any(|end| path.ends_with(end)))
    }

    /// Whether there is such a file or directory.
    pub fn has(&self, path: &str) -> bool {
        let directory = format!("{}/", path.trim_end_matches('/'));
        self.0.contains_key(path) || self.0.keys().any(|file| file.starts_with(&directory))
    }
}

/// The lines of a text, each as `path:number` and its content.
pub fn lines<'t>(path: &'t str, text: &'t str) -> impl Iterator<Item = (String, &'t str)> {
    text.lines().enumerate().map(move |(index, line)| (format!("{path}:{}", index + 1), line))
}

/// Where a path leads that is written in this file.
pub fn resolve(file: &str, path: &str) -> String {
    let mut at: Vec<&str> = file.split('/').collect();
    at.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(at.pop()),
            name => at.push(name),
        }
    }
    at.join("/")
}
