//! The one table that the demo prints.

use crate::tally::Tally;

/// What an edge did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// HTTP status, or what happened to an update.
    pub status: String,
    /// Verdict code, or the code of a refused update.
    pub verdict: String,
    /// Time inside the verifier, or until something took effect.
    pub time: String,
}

pub struct Table {
    /// Rows as expected, and others.
    pub tally: Tally,
}

const WIDTHS: [usize; 5] = [8, 62, 8, 18, 9];

impl Table {
    /// Prints the head of the table.
    pub fn begin() -> Table {
        line(["edge", "request", "status", "verdict", "time"], "");
        println!("{}", WIDTHS.map(|width| "─".repeat(width)).join("  "));
        Table { tally: Tally::default() }
    }

    /// Prints what the next rows are about.
    pub fn part(&self, title: &str) {
        println!("\n{title}");
    }

    /// Prints a row and whether it is as expected: status and verdict.
    pub fn row(&mut self, edge: &str, request: &str, seen: &Seen, expected: (&str, &str)) {
        let sound = (seen.status.as_str(), seen.verdict.as_str()) == expected;
        self.tally.add(sound);
        let note = if sound { String::new() } else { format!("✗ expected {} {}", expected.0, expected.1) };
        line([edge, request, &seen.status, &seen.verdict, &seen.time], &note);
    }
}

fn line(cells: [&str; 5], note: &str) {
    let cells: Vec<String> = cells
        .iter()
        .zip(WIDTHS)
        .enumerate()
        .map(|(column, (cell, width))| {
            let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
            if column == 4 { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
        })
        .collect();
    println!("{}", format!("{}  {note}", cells.join("  ")).trim_end());
}
