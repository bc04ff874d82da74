//! Inputs of attacks that are made of the vectors: what the format's examples are, an attack begins with.

use anyhow::{Context, Result};
use edgelatch_testkit::shell;
use serde_json::Value;
use std::{fs, path::Path};

/// An attack, the file and the list in it, and how an input is made of a row.
type Row = (&'static str, &'static str, &'static str, fn(&Value) -> Option<Vec<String>>);

const ROWS: &[Row] = &[
    ("addresses", "addresses.json", "addresses", |row| Some(vec![text(row, "text")?, format!("{}\n::1", text(row, "text")?)])),
    ("permissions", "permissions.json", "forms", |row| Some(vec![text(row, "text")?])),
    ("permissions", "permissions.json", "matches", |row| {
        Some(vec![format!("{}\n{}", text(row, "pattern")?, text(row, "permission")?)])
    }),
    ("keys", "keys.json", "texts", |row| Some(vec![text(row, "text")?])),
    ("keys", "keys.json", "ids", |row| Some(vec![text(row, "text")?])),
    ("paths", "paths.json", "paths", |row| Some(vec![text(row, "path")?])),
    ("requests", "requests.json", "hosts", |row| Some(vec![format!("\u{3}\nGET /\nHost:{}", text(row, "host")?)])),
    ("requests", "requests.json", "targets", |row| Some(vec![format!("\u{7}\nGET {}\nx-api-key:K1", text(row, "target")?)])),
    ("requests", "requests.json", "lines", |row| {
        // With every place of the host's own in turn.
        Some((0..8u8).map(|place| format!("{}\nGET /?api_key=K\n{}", char::from(place << 3 | 7), lines(row))).collect())
    }),
    ("clients", "clients.json", "clients", |row| {
        let proxy = text(row, "proxy_line").map_or(String::new(), |line| format!("\t{line}"));
        let peer = text(row, "peer").unwrap_or_default();
        Some(vec![format!("{}\n{peer}{proxy}\nGET /\n{}", text(row, "rule")?, lines(row))])
    }),
    ("configuration", "clients.json", "clients", |row| Some(vec![format!("grace=9\nclient_ip={}", text(row, "rule")?)])),
    ("routes", "routes.json", "refused", |row| Some(vec![format!("GET /a\n{}", row.as_str()?)])),
    ("routes", "routes.json", "tables", |row| {
        let requests = row["requests"].as_array()?.iter();
        requests
            .map(|one| Some(format!("{} {}\n{}", text(one, "method")?, text(one, "target")?, text(row, "table")?)))
            .collect()
    }),
];

fn text(row: &Value, member: &str) -> Option<String> {
    Some(row[member].as_str()?.to_owned())
}

fn lines(row: &Value) -> String {
    row["lines"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Writes those of an attack, a file each; how many there are.
pub fn write(attack: &str, dir: &Path) -> Result<usize> {
    let mut count = 0;
    for (_, file, list, make) in ROWS.iter().filter(|(of, ..)| *of == attack) {
        let path = shell::root().join("tests/vectors").join(file);
        let vectors: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        let rows = vectors[list].as_array().with_context(|| format!("{file} has no list {list}"))?;
        for input in rows.iter().filter_map(make).flatten() {
            count += 1;
            fs::write(dir.join(count.to_string()), input)?;
        }
    }
    Ok(count)
}
