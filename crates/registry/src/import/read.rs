//! Lines of a file. What stands in one is not repeated in errors: it may be a secret or a digest.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use encoding_rs_io::DecodeReaderBytesBuilder;

use super::line::{Line, from_json, header};
use crate::error::Error;
use crate::limits::MAX_LINE_BYTES;

/// Takes each line with its number, or what is wrong with it.
pub(super) type Take<'t> = &'t mut dyn FnMut(u64, Result<Line, Error>) -> Result<(), Error>;

fn unreadable(reason: &str) -> Error {
    Error::invalid("input", format!("cannot be read: {reason}"))
}

/// The file as UTF-8: of other encodings UTF-16 is known, by the mark at its beginning. The mark itself is left out.
fn decoded(input: &mut dyn Read) -> impl Read {
    DecodeReaderBytesBuilder::new().bom_override(true).utf8_passthru(true).strip_bom(true).build(input)
}

/// Fields of a text under a header line, which tells by what they are separated: by commas, semicolons or tabs.
pub(super) fn csv(input: &mut dyn Read, take: Take<'_>) -> Result<(), Error> {
    let bytes = Rc::new(Cell::new(0));
    let mut input = BufReader::new(Bounded { input: decoded(input), since: Rc::clone(&bytes) });
    let mut first = Vec::new();
    input.read_until(b'\n', &mut first).map_err(|e| unreadable(&e.to_string()))?;
    let count = |separator: &u8| first.iter().filter(|byte| *byte == separator).count();
    let separator = b",;\t".iter().copied().rev().max_by_key(count).unwrap_or(b',');
    let begun = Begun::default();
    let input = Lines { input: first.as_slice().chain(input), begun: Rc::clone(&begun), byte: 0, line: 1, is_between: true };
    let mut reader = csv::ReaderBuilder::new().flexible(false).delimiter(separator).from_reader(input);
    let headers = reader.headers().map_err(|e| unreadable(&e.to_string()))?;
    let columns = header(headers.iter().map(bare))?;
    let mut record = csv::StringRecord::new();
    loop {
        bytes.set(0);
        let before = reader.position().byte();
        let read = reader.read_record(&mut record);
        let number = line_of(&begun, before);
        let wrong = match read {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let line: Line = columns.iter().copied().zip(record.iter().map(|field| bare(field).into())).collect();
                take(number, whole(line))?;
                continue;
            }
            Err(error) => match error.kind() {
                csv::ErrorKind::Utf8 { .. } => {
                    "is neither UTF-8, nor UTF-16 with a mark at the file's beginning: save the file as UTF-8".into()
                }
                csv::ErrorKind::UnequalLengths { len, expected_len, .. } => {
                    format!("has {len} columns where the header has {expected_len}")
                }
                _ => return Err(unreadable(&error.to_string())),
            },
        };
        take(number, Err(Error::invalid("line", wrong)))?;
    }
}

/// Where lines begin in which there is something, by byte and number.
type Begun = Rc<RefCell<VecDeque<(u64, u64)>>>;

/// The number of the first line that begins at a byte or behind it.
fn line_of(begun: &Begun, byte: u64) -> u64 {
    let mut begun = begun.borrow_mut();
    while begun.front().is_some_and(|(at, _)| *at < byte) {
        begun.pop_front();
    }
    begun.front().map_or(0, |(_, line)| *line)
}

/// Counts lines as an editor does. For the CSV reader a record begins where the one before it ended, so that its numbers are too low behind an empty
/// line, and in a file whose lines end with CR and LF.
struct Lines<R> {
    input: R,
    begun: Begun,
    byte: u64,
    line: u64,
    /// Whether what came last ends a line.
    is_between: bool,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let mut begun = self.begun.borrow_mut();
        for byte in buffer.iter().take(read) {
            let ends = matches!(byte, b'\r' | b'\n');
            if self.is_between && !ends {
                begun.push_back((self.byte, self.line));
            }
            self.is_between = ends;
            self.line += u64::from(*byte == b'\n');
            self.byte += 1;
        }
        Ok(read)
    }
}

/// A field without the blanks around it, nor quotes that a blank has kept from being such.
fn bare(field: &str) -> &str {
    let bare = field.trim();
    match bare.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) if bare.len() < field.len() && !inner.contains('"') => inner,
        _ => bare,
    }
}

/// Refuses a line with what a program writes that could not read a character.
fn whole(line: Line) -> Result<Line, Error> {
    match line.values().any(|text| text.contains(char::REPLACEMENT_CHARACTER)) {
        true => Err(Error::invalid("line", "has U+FFFD, which stands for what could not be read: save the file as UTF-8")),
        false => Ok(line),
    }
}

/// One JSON object a line.
pub(super) fn json_lines(input: &mut dyn Read, take: Take<'_>) -> Result<(), Error> {
    let mut reader = BufReader::with_capacity(1 << 16, decoded(input));
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
            take(number, from_json(&line).and_then(whole))?;
        }
    }
    Ok(())
}

/// Refuses a record that never ends, such as one with a quote left open.
struct Bounded<R> {
    input: R,
    since: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > MAX_LINE_BYTES {
            return Err(io::Error::other(format!("a line is longer than {MAX_LINE_BYTES} bytes")));
        }
        let read = self.input.read(buffer)?;
        self.since.set(self.since.get() + read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_number_that_an_editor_shows() {
        for (file, wanted) in [
            ("sha256,name\na,b\nc,d\n", &[2, 3][..]),
            ("sha256,name\r\na,b\r\nc,d", &[2, 3]),
            ("\r\nsha256,name\r\n\r\na,b\r\n\r\n\r\nc,d\r\n", &[4, 7]),
            ("sha256,name\n\n\"a\n\nb\",c\nd,e\n", &[3, 6]),
            ("sha256,name\r\na\r\n\r\nb,c\r\nd,e,f\r\n", &[2, 4, 5]),
        ] {
            let mut numbers = Vec::new();
            let mut take = |number, _| {
                numbers.push(number);
                Ok(())
            };
            csv(&mut file.as_bytes(), &mut take).unwrap();
            assert_eq!(numbers, wanted, "{file:?}");
        }
    }
}
