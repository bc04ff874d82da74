//! Tables. Columns stand in the order of what they are worth: on a terminal that is too narrow the last ones are left out, and cells that
//! are too long are cut. Whatever is no terminal (a pipe, a file) gets all of them whole, and so does a terminal with `--wide`.

use std::sync::OnceLock;

use terminal_size::terminal_size_of;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::{self, BOLD, DIM, RESET};

/// Blanks between two columns.
const GAP: usize = 2;
/// What no cell is cut below: a time, the longest of what is worth nothing in part, has so many characters.
const LEAST: usize = "2027-01-31T12:00:00Z".len();

/// What ends a cell that was cut.
const CUT: char = '\u{2026}';

/// Whether tables are printed whole on a terminal too.
static WIDE: OnceLock<bool> = OnceLock::new();

/// Says, once, whether tables are to be printed whole on a terminal too.
pub(crate) fn wide(wide: bool) {
    WIDE.get_or_init(|| wide);
}

/// Characters beside each other that tables may take; none for as many as they need.
fn room() -> Option<usize> {
    if WIDE.get() == Some(&true) {
        return None;
    }
    terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

/// A column of a table: its head, and what a row shows there.
pub(crate) type Column<T> = (&'static str, fn(&T) -> String);

/// A table with aligned columns; the last one is not padded.
pub(crate) fn table<'r, T: 'r>(columns: &[Column<T>], rows: impl IntoIterator<Item = &'r T>) {
    let head: Vec<String> = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let mut lines = vec![head.clone()];
    lines.extend(rows.into_iter().map(|row| columns.iter().map(|(_, cell)| shown(&cell(row))).collect()));
    let width = |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.width()).max().unwrap_or(0);
    let whole: Vec<usize> = (0..columns.len()).map(width).collect();
    let widths = room().map_or_else(|| whole.clone(), |room| fit(&whole, room));
    for (number, cells) in lines.iter().enumerate() {
        let padded: String = cells.iter().zip(&widths).map(|(cell, width)| padded(cell, *width)).collect();
        let text = padded.trim_end();
        if number == 0 {
            output::line(format_args!("{BOLD}{text}{RESET}"));
        } else {
            output::line(format_args!("{text}"));
        }
    }
    let left = head.get(widths.len()..).unwrap_or_default().join(", ");
    if !left.is_empty() {
        output::note(format_args!("{DIM}left out: {left}; --wide shows all columns, --json everything{RESET}"));
    } else if widths != whole {
        output::note(format_args!("{DIM}{CUT} stands for what does not fit; --wide shows it{RESET}"));
    }
}

/// A cell as it may reach a terminal. What edges reported holds what clients sent: characters that reorder a line, or cannot be seen, would have the
/// rest of the row say something else.
fn shown(cell: &str) -> String {
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    cell.chars().map(|c| if hides(c) { '\u{fffd}' } else { c }).collect()
}

/// A page of a list, and where the next one begins, if there is one.
pub(crate) fn page<'r, T: 'r>(columns: &[Column<T>], rows: impl IntoIterator<Item = &'r T>, next: Option<&str>) {
    table(columns, rows);
    if let Some(next) = next {
        output::note(format_args!("{DIM}more: --cursor {next}{RESET}"));
    }
}

/// The widths of as many columns as fit, the first one in any case. The widest are cut first, and none below [`LEAST`].
fn fit(whole: &[usize], room: usize) -> Vec<usize> {
    let taken = |columns: &[usize], most: usize| columns.iter().map(|width| (*width).min(most) + GAP).sum::<usize>();
    let fits = |columns: &[usize], most: usize| taken(columns, most) <= room + GAP;
    let count = (1..=whole.len()).rev().find(|count| fits(whole.get(..*count).unwrap_or_default(), LEAST)).unwrap_or(1);
    let shown = whole.get(..count).unwrap_or(whole);
    let most = (LEAST..=room).rev().find(|most| fits(shown, *most)).unwrap_or(room);
    shown.iter().map(|width| (*width).min(most)).collect()
}

/// A cell and the gap behind it, cut to a width.
fn padded(cell: &str, width: usize) -> String {
    let mut text = if cell.width() <= width { cell.to_owned() } else { cut(cell, width) };
    let blanks = (width + GAP).saturating_sub(text.width());
    text.extend(std::iter::repeat_n(' ', blanks));
    text
}

fn cut(cell: &str, width: usize) -> String {
    let mut taken = 1;
    let begin = cell.chars().take_while(|c| {
        taken += c.width().unwrap_or(0);
        taken <= width
    });
    begin.chain([CUT]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_reorders_its_line() {
        assert_eq!(shown("/a\u{202e}gnp.\u{200b}b\n\u{1b}[2J\u{2066}"), "/a\u{fffd}gnp.\u{fffd}b\u{fffd}\u{fffd}[2J\u{fffd}");
        assert_eq!(shown("Ζώνη 1 é"), "Ζώνη 1 é");
    }

    #[test]
    fn columns_go_from_the_right_and_the_widest_cells_are_cut_first() {
        for (whole, room, want) in [
            (&[15, 8, 7][..], 80, &[15, 8, 7][..]),
            (&[15, 8, 7], 34, &[15, 8, 7]),
            (&[15, 8, 7], 33, &[15, 8]),
            (&[15, 8, 7], 4, &[4]),
            (&[15, 128, 7, 20], 80, &[15, 32, 7, 20]),
            (&[15, 128, 7, 128, 20], 80, &[15, 26, 7, 26]),
            (&[15, 128, 7, 128, 20], 92, &[15, 21, 7, 21, 20]),
            (&[15, 20, 20, 20, 9], 81, &[15, 20, 20, 20]),
            (&[15, 20, 20, 20, 9], 80, &[15, 20, 20]),
            (&[300], 80, &[80]),
            (&[], 80, &[]),
        ] {
            let widths = fit(whole, room);
            assert_eq!(widths, want, "{whole:?} in {room}");
            assert!(widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1) <= room);
        }
    }

    #[test]
    fn cells_are_as_wide_as_a_terminal_shows_them() {
        assert_eq!(padded("東京", 4), "東京  ");
        assert_eq!(padded("東京", 5), "東京   ");
        assert_eq!(padded("東京都庁", 4), "東…   ");
        assert_eq!(padded("e\u{301}a", 2), "e\u{301}a  ");
        assert_eq!(padded("abcdef", 4), "abc…  ");
    }
}
