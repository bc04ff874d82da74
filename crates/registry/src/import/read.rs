//! Lines of a file. What stands in one is not repeated in errors: it may be a secret or a digest.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use super::line::{Line, column, from_json};
use crate::error::Error;
use crate::limits::MAX_LINE_BYTES;

/// Takes each line with its number, or what is wrong with it.
pub(super) type Take<'t> = &'t mut dyn FnMut(u64, Result<Line, Error>) -> Result<(), Error>;

fn unreadable(reason: &str) -> Error {
    Error::invalid("input", format!("cannot be read: {reason}"))
}

/// Comma-separated values under a header line.
pub(super) fn csv(input: &mut dyn Read, take: Take<'_>) -> Result<(), Error> {
    let bytes = Rc::new(Cell::new(0));
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(Bounded { input, since: Rc::clone(&bytes) });
    let headers = reader.headers().map_err(|e| unreadable(&e.to_string()))?;
    let columns = headers.iter().map(|name| column(name.trim())).collect::<Result<Vec<_>, _>>()?;
    if columns.iter().collect::<BTreeSet<_>>().len() < columns.len() {
        return Err(Error::invalid("header", "names a column twice"));
    }
    for needed in ["sha256", "name"] {
        if !columns.contains(&needed) {
            return Err(Error::invalid("header", format!("names no column `{needed}`")));
        }
    }
    let mut record = csv::StringRecord::new();
    loop {
        bytes.set(0);
        let number = reader.position().line();
        let wrong = match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line: Line = columns.iter().copied().zip(record.iter().map(Into::into)).collect();
                take(record.position().map_or(number, csv::Position::line), Ok(line))?;
                continue;
            }
            Err(error) => match error.kind() {
                csv::ErrorKind::Utf8 { .. } => "is not UTF-8".into(),
                csv::ErrorKind::UnequalLengths { len, expected_len, .. } => {
                    format!("has {len} columns where the header has {expected_len}")
                }
                _ => return Err(unreadable(&error.to_string())),
            },
        };
        take(number, Err(Error::invalid("line", wrong)))?;
    }
}

/// One JSON object a line.
pub(super) fn json_lines(input: &mut dyn Read, take: Take<'_>) -> Result<(), Error> {
    let mut reader = BufReader::with_capacity(1 << 16, input);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = reader.by_ref().take(limit).read_until(b'\n', &mut line).map_err(|e| unreadable(&e.to_string()))?;
        if read == 0 {
            break;
        }
        if read > MAX_LINE_BYTES {
            return Err(unreadable(&format!("line {number} is longer than {MAX_LINE_BYTES} bytes")));
        }
        if !line.trim_ascii().is_empty() {
            take(number, from_json(&line))?;
        }
    }
    Ok(())
}

/// Refuses a record that never ends, such as one with a quote left open.
struct Bounded<'r> {
    input: &'r mut dyn Read,
    since: Rc<Cell<usize>>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > MAX_LINE_BYTES {
            return Err(io::Error::other(format!("a line is longer than {MAX_LINE_BYTES} bytes")));
        }
        let read = self.input.read(buffer)?;
        self.since.set(self.since.get() + read);
        Ok(read)
    }
}
