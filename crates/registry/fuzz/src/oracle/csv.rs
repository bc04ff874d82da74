//! Comma-separated values as RFC 4180 has them, and as programs write them beyond it: any of three separators, lines that end with CR, LF or both,
//! empty lines, quotes within a field that does not begin with one.

/// A record with the number of the line that it begins in.
pub struct Record {
    /// From 1.
    pub line: u64,
    /// Its fields, as they stand between separators.
    pub fields: Vec<String>,
}

/// What separates fields: whatever the first line has most of, commas before semicolons before tabs.
pub fn separator(text: &str) -> char {
    let first = text.split('\n').next().unwrap_or_default();
    let count = |separator: char| first.matches(separator).count();
    [';', '\t'].into_iter().fold(',', |best, other| if count(other) > count(best) { other } else { best })
}

/// The records of a text.
pub fn records(text: &str, separator: char) -> Vec<Record> {
    let (mut all, mut chars, mut line) = (Vec::new(), text.chars().peekable(), 1);
    loop {
        while let Some(end) = chars.next_if(|c| matches!(c, '\r' | '\n')) {
            line += u64::from(end == '\n');
        }
        if chars.peek().is_none() {
            return all;
        }
        let (begun, mut fields) = (line, Vec::new());
        loop {
            let mut field = String::new();
            if chars.next_if_eq(&'"').is_some() {
                while let Some(c) = chars.next() {
                    line += u64::from(c == '\n');
                    match c {
                        '"' if chars.next_if_eq(&'"').is_none() => break,
                        c => field.push(c),
                    }
                }
            }
            while let Some(c) = chars.next_if(|c| *c != separator && !matches!(c, '\r' | '\n')) {
                field.push(c);
            }
            fields.push(field);
            if chars.next_if_eq(&separator).is_none() {
                break;
            }
        }
        all.push(Record { line: begun, fields });
    }
}

/// A field without the blanks around it, nor the quotes that a blank has kept from being such.
pub fn bare(field: &str) -> &str {
    let bare = field.trim();
    let quoted = bare.len() >= 2 && bare.len() < field.len() && bare.starts_with('"') && bare.ends_with('"');
    match quoted && bare.matches('"').count() == 2 {
        true => &bare[1..bare.len() - 1],
        false => bare,
    }
}
