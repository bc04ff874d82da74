//! Input: a pattern, a line feed, and a permission, service or demand.
//!
//! SPEC.md section 3.

use edgelatch_core::permission::{is_demand, is_pattern, is_permission, matches};

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn form(text: &[u8], star: bool) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(text).ok()?;
    let segments: Vec<&str> = text.split('.').collect();
    let sound = segments.iter().all(|segment| is_word(segment) || star && *segment == "*");
    (sound && text.len() <= 128 && segments.len() <= 16).then_some(segments)
}

/// A permission's segments, if it is one.
pub fn permission(text: &[u8]) -> Option<Vec<&str>> {
    form(text, false)
}

/// A pattern's segments, if it is one.
pub fn pattern(text: &[u8]) -> Option<Vec<&str>> {
    form(text, true)
}

/// A `*` stands for one or more whole segments.
pub fn grants(pattern: &[&str], permission: &[&str]) -> bool {
    // How the first `i` parts of one match the first `j` of the other.
    let mut table = vec![vec![false; permission.len() + 1]; pattern.len() + 1];
    table[0][0] = true;
    for i in 1..=pattern.len() {
        for j in 1..=permission.len() {
            table[i][j] = match pattern[i - 1] {
                "*" => (0..j).any(|before| table[i - 1][before]),
                word => word == permission[j - 1] && table[i - 1][j - 1],
            };
        }
    }
    table[pattern.len()][permission.len()]
}

/// The permissions of a demand, and whether all of them are needed.
pub fn demand(text: &[u8]) -> Option<(Vec<Vec<&str>>, bool)> {
    let all = text.contains(&b'&');
    let parts: Vec<&[u8]> = text.split(|byte| *byte == if all { b'&' } else { b'|' }).collect();
    let permissions: Option<Vec<_>> = parts.into_iter().map(permission).collect();
    Some((permissions.filter(|list| list.len() <= 8)?, all))
}

/// Whether these patterns meet a demand.
pub fn meets(patterns: &[&[u8]], (demanded, all): &(Vec<Vec<&str>>, bool)) -> bool {
    let granted = |wanted: &Vec<&str>| patterns.iter().filter_map(|text| pattern(text)).any(|pattern| grants(&pattern, wanted));
    if *all { demanded.iter().all(granted) } else { demanded.iter().any(granted) }
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let (one, other) = crate::line(data);
    for text in [one, other] {
        assert_eq!(is_permission(text), permission(text).is_some());
        assert_eq!(is_pattern(text), pattern(text).is_some());
        assert_eq!(is_demand(text), demand(text).is_some());
    }
    let wanted = pattern(one).zip(permission(other)).is_some_and(|(pattern, permission)| grants(&pattern, &permission));
    assert_eq!(matches(one, other), wanted);
}
