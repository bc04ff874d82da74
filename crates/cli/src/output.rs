//! Printing: results to standard output, everything else to standard error; colours on a terminal only.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use anstyle::{AnsiColor, Reset, Style};
use edgelatch_registry::Warning;
use serde::Serialize;

use crate::failure::EXIT;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
pub(crate) const RESET: Reset = Reset;

/// A line of the result.
pub(crate) fn line(text: Arguments<'_>) {
    match writeln!(anstream::stdout(), "{text}") {
        // `| head` closes the pipe when it has seen enough: no failure, and the command's own exit code stands.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            note(format_args!("{BAD}error:{RESET} standard output: {error}: the result could not be written"));
            std::process::exit(i32::from(EXIT));
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

/// A result as indented JSON.
pub(crate) fn json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
    line(format_args!("{text}"));
}

/// News as one line of JSON.
pub(crate) fn news_json(value: &impl Serialize) {
    let text = serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
    news(format_args!("{text}"));
}

/// Warnings, to standard error.
pub(crate) fn warnings(warnings: &[Warning]) {
    for warning in warnings {
        note(format_args!("{WARN}warning:{RESET} {warning}"));
    }
}

/// A table with aligned columns; the last one is not padded.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|h| h.len())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let render = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
        }
        text.trim_end().to_owned()
    };
    line(format_args!("{BOLD}{}{RESET}", render(&mut head.iter().copied())));
    for row in rows {
        line(format_args!("{}", render(&mut row.iter().map(String::as_str))));
    }
}

/// One thing that was made or changed.
pub(crate) fn done(as_json: bool, value: &impl Serialize, text: &str) {
    if as_json { json(value) } else { line(format_args!("{text}")) }
}

/// A list of things.
pub(crate) fn list<T: Serialize>(as_json: bool, all: &[T], head: &[&str], row: impl Fn(&T) -> Vec<String>) {
    if as_json { json(&all) } else { table(head, &all.iter().map(row).collect::<Vec<_>>()) }
}

/// One thing that a verification looks at.
pub(crate) fn step(passed: bool, name: &str, note: &str) {
    let (style, mark) = if passed { (GOOD, '✓') } else { (BAD, '✗') };
    line(format_args!("{style}{mark}{RESET} {name:<11} {note}"));
}

/// Where the next page begins, if there is one.
pub(crate) fn more(next: Option<&str>) {
    if let Some(next) = next {
        note(format_args!("{DIM}more: --cursor {next}{RESET}"));
    }
}

/// Words that hold the text of a key, `prefix_` and 36 letters and digits, become `<key>`: what was typed in the wrong place
/// must not end up in a log. So does the password of a database's address.
pub(crate) fn mask(text: &str) -> String {
    let text = &mask_password(text);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut masked = String::with_capacity(text.len());
    for part in text.split_inclusive(|c| !is_word(c)) {
        let word = part.trim_end_matches(|c| !is_word(c));
        let secret = word.split('_').skip(1).any(|run| run.len() >= 36);
        masked.push_str(if secret { "<key>" } else { word });
        masked.push_str(part.get(word.len()..).unwrap_or_default());
    }
    masked
}

/// Of `scheme://user:password@host`, the password becomes `<password>`.
fn mask_password(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || c == '\'' || c == '`').unwrap_or(after.len());
        let (address, tail) = after.split_at(end);
        // A password may hold any character, so it ends at the last `@`.
        match address.rsplit_once('@').and_then(|(login, host)| Some((login.split_once(':')?.0, host))) {
            Some((user, host)) => masked.extend([user, ":<password>@", host]),
            None => masked.push_str(address),
        }
        rest = tail;
    }
    masked.push_str(rest);
    masked
}
