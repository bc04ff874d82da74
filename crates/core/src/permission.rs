//! Permissions, patterns over them, and service names.
//!
//! ```text
//! permission := segment ("." segment)*          at most MAX_SEGMENTS
//! segment    := 1*(ALPHA / DIGIT / "_" / "-")   case-sensitive
//! pattern    := like a permission; a whole segment may be "*", which stands for one or more segments
//! service    := segment ("." segment)*
//! ```

use crate::limits::{MAX_PERMISSION_BYTES, MAX_SEGMENTS};

/// Whether `text` is a well-formed permission or service name: something a route may require.
pub fn is_permission(text: &[u8]) -> bool {
    well_formed(text, false)
}

/// Whether `text` is a well-formed pattern: something a role may grant.
pub fn is_pattern(text: &[u8]) -> bool {
    well_formed(text, true)
}

fn well_formed(text: &[u8], stars: bool) -> bool {
    let word = |s: &[u8]| !s.is_empty() && s.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    text.len() <= MAX_PERMISSION_BYTES
        && segments(text).count() <= MAX_SEGMENTS
        && segments(text).all(|s| word(s) || (stars && s == b"*"))
}

fn segments(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b'.')
}

/// Whether `pattern` grants `permission`. Both must be well formed; anything else never matches.
///
/// One bit per prefix of the permission: bit `j` says that the pattern so far matches its first `j` segments. So the work
/// is bounded by `MAX_SEGMENTS`² whatever the number of stars.
pub fn matches(pattern: &[u8], permission: &[u8]) -> bool {
    if !is_pattern(pattern) || !is_permission(permission) {
        return false;
    }
    let mut reached: u32 = 1;
    let mut total = 0;
    for piece in segments(pattern) {
        let mut next = 0;
        total = 0;
        for segment in segments(permission) {
            total += 1;
            let here = reached >> (total - 1) & 1 == 1;
            // A star also goes on from where it already stands: that is its second, third … segment.
            let goes_on = piece == b"*" && next >> (total - 1) & 1 == 1;
            if (here && (piece == b"*" || piece == segment)) || goes_on {
                next |= 1 << total;
            }
        }
        reached = next;
    }
    reached >> total & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String, vec::Vec};

    fn m(pattern: &str, permission: &str) -> bool {
        matches(pattern.as_bytes(), permission.as_bytes())
    }

    #[test]
    fn by_segment() {
        assert!(m("dns.record.update", "dns.record.update"));
        assert!(m("dns.*", "dns.view") && m("dns.*", "dns.record.update"));
        assert!(m("*.view", "dns.view") && m("*.view", "dns.record.view"));
        assert!(m("*", "dns") && m("*", "a.b.c.d"));
        assert!(m("a.*.d", "a.b.d") && m("a.*.d", "a.b.c.d"));
        assert!(m("*.*", "a.b.c") && !m("*.*", "a"));
    }

    #[test]
    fn no_more_than_it_says() {
        assert!(!m("dns.*", "dns"), "a star stands for at least one segment");
        assert!(!m("dns.*", "dnssec.view"), "never by prefix of a segment");
        assert!(!m("*.view", "view") && !m("*.view", "dns.review") && !m("*.view", "dns.view.all"));
        assert!(!m("a.*.d", "a.d") && !m("a.*.d", "a.b.c"));
        assert!(!m("read", "READ") && !m("read", "write"));
        assert!(!m("*", "*"), "a star is not a permission");
        assert!(!m("*", "") && !m("", "") && !m("a..b", "a..b") && !m("a*", "ab"));
    }

    /// Against a plain recursive reading of the rule, over every short pattern and permission of two letters.
    #[test]
    fn agrees_with_the_definition() {
        fn naive(p: &[&str], s: &[&str]) -> bool {
            match p.split_first() {
                None => s.is_empty(),
                Some((&"*", rest)) => (1..=s.len()).any(|n| naive(rest, &s[n..])),
                Some((word, rest)) => s.first() == Some(word) && naive(rest, &s[1..]),
            }
        }
        fn all(alphabet: &[&str], most: usize) -> Vec<String> {
            let mut out: Vec<String> = alphabet.iter().map(|s| String::from(*s)).collect();
            let mut last = out.clone();
            for _ in 1..most {
                last = last.iter().flat_map(|l| alphabet.iter().map(move |a| format!("{l}.{a}"))).collect();
                out.extend(last.iter().cloned());
            }
            out
        }
        for p in all(&["a", "b", "*"], 4) {
            for s in all(&["a", "b"], 5) {
                let (pv, sv): (Vec<_>, Vec<_>) = (p.split('.').collect(), s.split('.').collect());
                assert_eq!(m(&p, &s), naive(&pv, &sv), "{p} on {s}");
            }
        }
    }
}
