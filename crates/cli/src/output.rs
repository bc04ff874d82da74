//! Printing: results to standard output, everything else to standard error; colours on a terminal only.

use std::fmt::{Arguments, Display};
use std::io::{ErrorKind, Write};

use anstyle::{AnsiColor, Reset, Style};
use edgelatch_registry::Warning;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::remark::remarks;
pub(crate) use crate::table::{Column, page, table};

/// The exit code of every command that could not do its work.
pub(crate) const FAILED: u8 = 2;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();
const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const RESET: Reset = Reset;

/// A line of the result.
pub(crate) fn line(text: Arguments<'_>) {
    match writeln!(anstream::stdout(), "{text}") {
        // `| head` closes the pipe when it has seen enough: no failure, and the command's own exit code stands.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            note(format_args!("{BAD}error:{RESET} standard output: {error}: the result could not be written"));
            std::process::exit(i32::from(FAILED));
        }
        _ => {}
    }
}

/// A line about what a server does. It goes on serving when nobody can read that.
pub(crate) fn news(text: Arguments<'_>) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// A line beside the result.
pub(crate) fn note(text: Arguments<'_>) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A result as indented JSON. It may hold a secret, so what it was written with is wiped.
pub(crate) fn json(value: &impl Serialize) {
    /// Bytes of most results: a text that grows would leave copies of itself.
    const ROOM: usize = 64 * 1024;
    let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
    if let Err(error) = serde_json::to_writer_pretty(&mut *text, value) {
        *text = format!("{{\"error\":\"{error}\"}}").into_bytes();
    }
    line(format_args!("{}", String::from_utf8_lossy(&text)));
}

/// A result that is one of many, as JSON on a line.
pub(crate) fn json_line(value: &impl Serialize) {
    let text = serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
    line(format_args!("{text}"));
}

/// Warnings, to standard error.
pub(crate) fn warnings(warnings: &[Warning]) {
    remarks(warnings).iter().for_each(|remark| warning(&remark.message));
}

/// A warning, to standard error.
pub(crate) fn warning(message: &str) {
    note(format_args!("{WARN}warning:{RESET} {message}"));
}

/// A text that may be missing: a dash stands for none.
pub(crate) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".into() } else { text.into() }
}

/// A list in one cell.
pub(crate) fn joined<T: Display>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A line of `show`: a name, padded to this width, and its value.
pub(crate) fn fact(width: usize, name: &str, value: &str) {
    line(format_args!("{DIM}{name:<width$}{RESET} {value}"));
}

/// The last line of an explanation: accepted, or refused with this verdict and HTTP status.
pub(crate) fn verdict(refused: Option<(&str, u16)>, remark: &str) {
    match refused {
        None => line(format_args!("{GOOD}{BOLD}accepted{RESET}{remark}")),
        Some((code, status)) => line(format_args!("{BAD}refused{RESET}: {code} (HTTP {status}){remark}")),
    }
}

/// One step of an explanation: what an edge looks at, and whether that lets the key pass.
pub(crate) fn step(passed: bool, name: &str, note: &str) {
    let (style, mark) = if passed { (GOOD, '✓') } else { (BAD, '✗') };
    line(format_args!("{style}{mark}{RESET} {name:<11} {note}"));
}
