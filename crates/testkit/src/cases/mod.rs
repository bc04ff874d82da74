//! The case files in `tests/vectors`: reading them, and judging their rows by the core itself.
//!
//! A file is tab-separated, one case a line; the first line names the columns. A cell may hold `\t`, `\r`, `\n`, `\\` and
//! `\uXXXX`; `<empty>` is the empty string.

pub mod headers;
pub mod ip;

use anyhow::{Context, Error, Result, ensure};
use std::{fs, path::Path};

/// A case file: its text and its rows.
pub struct CaseFile {
    /// The text.
    pub text: String,
    /// Its rows, one at least.
    pub rows: Vec<Row>,
}

impl CaseFile {
    /// Reads a file of one row at least.
    pub fn read(path: &Path) -> Result<CaseFile> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let rows = read(&text).map_err(Error::msg).with_context(|| format!("in {}", path.display()))?;
        ensure!(!rows.is_empty(), "{} holds no case", path.display());
        Ok(CaseFile { text, rows })
    }
}

/// One case.
#[derive(Clone, Debug)]
pub struct Row {
    /// Line in the file, from 1.
    pub line: usize,
    cells: Vec<(String, String)>,
}

impl Row {
    /// The row's name.
    pub fn id(&self) -> &str {
        self.get("id").unwrap_or("?")
    }

    /// The cell of a column, without escapes.
    pub fn get(&self, column: &str) -> Result<&str, String> {
        let cell = self.cells.iter().find(|(name, _)| name == column);
        cell.map(|(_, cell)| cell.as_str()).ok_or_else(|| format!("line {}: there is no column `{column}`", self.line))
    }
}

/// Reads a case file.
pub fn read(text: &str) -> Result<Vec<Row>, String> {
    let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.is_empty());
    let (header, _) = lines.next().ok_or("a case file begins with a line of column names")?;
    let columns: Vec<&str> = header.split('\t').collect();
    lines
        .map(|(text, line)| {
            let cells: Vec<&str> = text.split('\t').collect();
            if cells.len() != columns.len() {
                return Err(format!("line {line}: {} cells, {} columns", cells.len(), columns.len()));
            }
            let pair = |(name, cell): (&&str, &str)| Some((name.to_string(), unescape(cell)?));
            let cells: Option<_> = columns.iter().zip(cells).map(pair).collect();
            Ok(Row { line, cells: cells.ok_or_else(|| format!("line {line}: a bad escape"))? })
        })
        .collect()
}

fn unescape(cell: &str) -> Option<String> {
    if cell == "<empty>" {
        return Some(String::new());
    }
    let (mut out, mut rest) = (String::new(), cell);
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let (escaped, length) = match after.chars().next()? {
            't' => ('\t', 1),
            'r' => ('\r', 1),
            'n' => ('\n', 1),
            '\\' => ('\\', 1),
            'u' => (char::from_u32(u32::from_str_radix(after.get(1..5)?, 16).ok()?)?, 5),
            _ => return None,
        };
        out.push(escaped);
        rest = after.get(length..)?;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_escapes() {
        let rows = read("id\tinput\na\t\\u00e9\\t\\r\\n\\\\x\nb\t<empty>\n").unwrap();
        assert_eq!(rows[0].get("input").unwrap(), "é\t\r\n\\x");
        assert_eq!((rows[1].get("input").unwrap(), rows[1].line), ("", 3));
        assert!(rows[0].get("rule").is_err());
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for bad in ["", "id\tinput\na", "id\na\tb", "id\n\\x", "id\n\\u12", "id\n\\ud800", "id\n\\"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
