//! Input: a byte that says how the rest is taken; a file, or cells of a table that is written as one.
//!
//! What `POST …/keys/import` documents; RFC 4180 for what CSV is, RFC 8259 for JSON.

use std::collections::{BTreeMap, BTreeSet};

use edgelatch_registry::{Error, ImportDefaults, ImportFormat, each_line, key_of};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::oracle::csv::{Record, bare, records, separator};
use crate::{choice, repeats_nothing};

/// The columns that the documentation lists.
const COLUMNS: [&str; 16] = [
    "sha256",
    "name",
    "org",
    "owner",
    "description",
    "roles",
    "scope",
    "allow",
    "deny",
    "allow_mode",
    "order",
    "not_before",
    "expires_at",
    "metadata",
    "environment",
    "tags",
];
/// Those that JSON may have an array for.
const LISTS: [&str; 5] = ["roles", "scope", "allow", "deny", "tags"];
/// 2026-01-31T00:00:00Z.
const NOW: u64 = 1_769_817_600;

type Row = BTreeMap<&'static str, String>;

/// What the registry makes of a file: its lines, and whether it came to the end.
struct Read {
    lines: Vec<(u64, Result<Row, Error>)>,
    end: Result<(), Error>,
}

fn read(format: ImportFormat, file: &[u8]) -> Read {
    let mut lines = Vec::new();
    let end = each_line(format, &mut &file[..], &mut |number, line| lines.push((number, line)));
    Read { lines, end }
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    match choice(data, 3) {
        Some((0, rest)) => comma_separated(rest),
        Some((1, rest)) => json_lines(rest),
        Some((2, rest)) => written(rest),
        _ => {}
    }
}

/// Any text as CSV, against a reader that knows nothing else.
fn comma_separated(data: &[u8]) {
    let read = read(ImportFormat::Csv, data);
    read.lines.iter().for_each(|(_, line)| sound(line));
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A second mark is taken away too: some programs write one before what begins with one.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let separator = separator(text);
    let mut records = records(text, separator).into_iter();
    let Some(columns) = columns(records.next()) else {
        let error = read.end.expect_err("a header that names no columns");
        assert_eq!((read.lines.len(), error.field()), (0, Some("header")), "{error}");
        return data.split(|byte| b",;\t\r\n \"".contains(byte)).filter_map(|cell| std::str::from_utf8(cell).ok()).for_each(
            |cell| {
                repeats_nothing(&error.to_string(), cell);
            },
        );
    };
    read.end.expect("every record has an end");
    let records: Vec<Record> = records.collect();
    assert_eq!(read.lines.len(), records.len());
    for ((number, line), record) in read.lines.iter().zip(&records) {
        assert_eq!(*number, record.line, "the number is that of the line in which the record begins");
        let whole = record.fields.len() == columns.len()
            && !record.fields.iter().any(|field| field.contains(char::REPLACEMENT_CHARACTER));
        match line {
            Ok(row) => {
                assert!(whole);
                let wanted: Row =
                    columns.iter().copied().zip(record.fields.iter().map(|field| bare(field).to_owned())).collect();
                assert_eq!(row, &wanted);
            }
            Err(error) => assert!(!whole && error.field() == Some("line"), "{error}"),
        }
    }
}

/// The columns that a header names, if it is one.
fn columns(header: Option<Record>) -> Option<Vec<&'static str>> {
    let fields = header?.fields;
    let columns: Option<Vec<&str>> =
        fields.iter().map(|field| COLUMNS.into_iter().find(|column| *column == bare(field))).collect();
    let columns = columns?;
    let once = columns.iter().collect::<BTreeSet<_>>().len() == columns.len();
    (once && columns.contains(&"sha256") && columns.contains(&"name")).then_some(columns)
}

/// A line that was read describes a key or says what is wrong with it.
fn sound(line: &Result<Row, Error>) {
    let row = match line {
        Ok(row) => row,
        Err(error) => return assert!(error.field().is_some()),
    };
    assert!(row.keys().all(|column| COLUMNS.contains(column)));
    let defaults = ImportDefaults { org: "acme".parse().ok(), ..ImportDefaults::default() };
    match key_of(row, &defaults, NOW) {
        Ok((key, _)) => {
            assert_eq!(Some(key.name.as_str().is_empty()), Some(false));
            assert!(key.expires_at.is_none_or(|at| at > NOW));
            let given = |column: &str| row.get(column).filter(|text| !text.is_empty());
            assert_eq!(key.org.as_str(), given("org").map_or("acme", String::as_str));
            assert_eq!(key.owner.as_ref().map(|owner| owner.as_str()), given("owner").map(String::as_str));
        }
        Err(error) => {
            let field = error.field().expect("a line is refused for one of its columns");
            assert!(COLUMNS.contains(&field), "{field}");
            row.values().for_each(|cell| repeats_nothing(&error.to_string(), cell));
        }
    }
}

/// Any text as JSON lines.
fn json_lines(data: &[u8]) {
    let read = read(ImportFormat::JsonLines, data);
    read.lines.iter().for_each(|(_, line)| sound(line));
    // Text of other encodings is tried where it is known what was written.
    if data.starts_with(&[0xff, 0xfe]) || data.starts_with(&[0xfe, 0xff]) {
        return;
    }
    read.end.expect("no line is too long");
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let blank = |line: &[u8]| line.iter().all(|byte| b" \t\r\n\x0c".contains(byte));
    let lines = (1u64..).zip(data.split(|byte| *byte == b'\n')).filter(|(_, line)| !blank(line));
    let wanted: Vec<(u64, Option<Row>)> = lines.map(|(number, line)| (number, object(line))).collect();
    let found: Vec<(u64, Option<Row>)> = read.lines.into_iter().map(|(number, line)| (number, line.ok())).collect();
    assert_eq!(found, wanted);
}

/// The members of an object in order, each as often as it stands there.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

/// A line that is a JSON object whose members are columns, each once.
fn object(line: &[u8]) -> Option<Row> {
    let mut json = serde_json::Deserializer::from_slice(line);
    let members = json.deserialize_map(Members).ok()?;
    json.end().ok()?;
    let mut row = Row::new();
    let mut named = BTreeSet::new();
    for (name, value) in members {
        let column = COLUMNS.into_iter().find(|column| *column == name)?;
        named.insert(column).then_some(())?;
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Object(_) if column == "metadata" => value.to_string(),
            Value::Array(list) if LISTS.contains(&column) => {
                let items: Option<Vec<&str>> =
                    list.iter().map(|item| item.as_str().filter(|item| !item.contains(' '))).collect();
                items?.join(" ")
            }
            _ => return None,
        };
        row.insert(column, text);
    }
    (!row.values().any(|text| text.contains(char::REPLACEMENT_CHARACTER))).then_some(row)
}

/// A table that is written as programs write one, and read again.
fn written(data: &[u8]) {
    let Some((&[how, width, turn], rest)) = data.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    // What programs cannot know of: a mark where there is text, and what stands for what could not be read.
    let usable = |c: &char| !matches!(*c, '\u{feff}' | char::REPLACEMENT_CHARACTER | '\0');
    let cells: Vec<String> = text.split('\u{1f}').map(|cell| cell.chars().filter(usable).collect()).collect();
    let width = 2 + usize::from(width) % (COLUMNS.len() - 1);
    let mut columns: Vec<&'static str> = COLUMNS[..width].to_vec();
    columns.rotate_left(usize::from(turn) % width);
    let separator = [',', ';', '\t'][usize::from(how & 3) % 3];
    let end = ["\n", "\r\n"][usize::from(how >> 2 & 1)];
    let quote_all = how >> 3 & 1 == 1;
    let empty_lines = how >> 4 & 1 == 1;
    let quoted = |cell: &str| {
        let must = cell.contains(['"', separator, '\r', '\n']);
        if must || quote_all { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
    };
    let line = |cells: &mut dyn Iterator<Item = &str>| cells.map(quoted).collect::<Vec<_>>().join(&separator.to_string());
    let mut file = line(&mut columns.iter().copied());
    let (mut number, mut wanted) = (2u64, Vec::new());
    for row in cells.chunks_exact(width) {
        file.push_str(end);
        if empty_lines {
            file.push_str(end);
            number += 1;
        }
        file.push_str(&line(&mut row.iter().map(String::as_str)));
        let values: Row = columns.iter().copied().zip(row.iter().map(|cell| bare(cell).to_owned())).collect();
        wanted.push((number, values));
        number += 1 + row.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
    }
    file.push_str(if how >> 5 & 1 == 1 { end } else { "" });
    let units = || file.encode_utf16().collect::<Vec<u16>>();
    let bytes = match how >> 6 {
        0 => file.clone().into_bytes(),
        1 => [&b"\xef\xbb\xbf"[..], file.as_bytes()].concat(),
        2 => [vec![0xff, 0xfe], units().into_iter().flat_map(u16::to_le_bytes).collect()].concat(),
        _ => [vec![0xfe, 0xff], units().into_iter().flat_map(u16::to_be_bytes).collect()].concat(),
    };
    let read = read(ImportFormat::Csv, &bytes);
    read.end.expect("a whole table");
    let found: Vec<(u64, Row)> = read.lines.into_iter().map(|(number, line)| (number, line.expect("a whole row"))).collect();
    assert_eq!(found, wanted, "{file:?}");
}
