//! Permissions, patterns over them, and service names.
//!
//! ```text
//! permission := segment ("." segment)*          at most MAX_SEGMENTS
//! segment    := 1*(ALPHA / DIGIT / "_" / "-")   case-sensitive
//! pattern    := like a permission; a whole segment may be "*", which stands for one or more segments
//! service    := segment ("." segment)*
//! demand     := permission *("|" permission)    any of them will do
//!             / permission *("&" permission)    all of them are needed
//! ```

use crate::limits::{MAX_DEMANDED, MAX_PERMISSION_BYTES, MAX_SEGMENTS};
use crate::work;

/// Whether `text` is a well-formed permission or service name: something a route may require.
pub fn is_permission(text: &[u8]) -> bool {
    well_formed(text, false)
}

/// Whether `text` is a well-formed pattern: something a role may grant.
pub fn is_pattern(text: &[u8]) -> bool {
    well_formed(text, true)
}

const ANY: u8 = b'|';
const ALL: u8 = b'&';

/// Whether `text` is a well-formed demand: what a route may require of the roles of a key.
pub fn is_demand(text: &[u8]) -> bool {
    let mixed = text.contains(&ANY) && text.contains(&ALL);
    !mixed && demanded(text).count() <= MAX_DEMANDED && demanded(text).all(is_permission)
}

fn demanded(demand: &[u8]) -> impl Iterator<Item = &[u8]> {
    demand.split(|&b| b == ANY || b == ALL)
}

/// Whether a well-formed demand is met, where `granted` says of one permission whether it is granted.
pub(crate) fn is_met<E>(demand: &[u8], mut granted: impl FnMut(&[u8]) -> Result<bool, E>) -> Result<bool, E> {
    let all = demand.contains(&ALL);
    for permission in demanded(demand) {
        // The first that is granted settles one kind, the first that is not the other.
        if granted(permission)? != all {
            return Ok(!all);
        }
    }
    Ok(all)
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
pub fn matches(pattern: &[u8], permission: &[u8]) -> bool {
    is_pattern(pattern) && is_permission(permission) && Wanted::new(permission).is_granted_by(pattern)
}

/// A well-formed permission, taken apart to be held against many patterns.
pub(crate) struct Wanted<'a> {
    /// Its words, each once, with one bit for each segment that it is.
    words: [(&'a [u8], u32); MAX_SEGMENTS],
    segments: u32,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(permission: &'a [u8]) -> Self {
        let mut wanted = Wanted { words: [(b"", 0); MAX_SEGMENTS], segments: 0 };
        for word in segments(permission) {
            if let Some(entry) = wanted.words.iter_mut().find(|entry| entry.1 == 0 || entry.0 == word) {
                *entry = (word, entry.1 | 1 << wanted.segments);
            }
            wanted.segments += 1;
        }
        wanted
    }

    /// Whether a well-formed pattern matches. One bit per prefix of the permission: bit `j` says that the pattern so far matches
    /// its first `j` segments. A star costs the same whatever stands around it, a word is compared with each word of the
    /// permission once: so the work is bounded by `MAX_SEGMENTS`², and most patterns end at their first word.
    pub(crate) fn is_granted_by(&self, pattern: &[u8]) -> bool {
        let places = (2 << self.segments) - 1;
        let mut reached: u32 = 1;
        for piece in segments(pattern) {
            work::done(1);
            reached = match piece {
                // One or more segments: all places behind the first one that was reached.
                b"*" => places & !(reached ^ reached.wrapping_sub(1)),
                word => (reached & self.is_segment(word)) << 1,
            };
            if reached == 0 {
                return false;
            }
        }
        reached >> self.segments & 1 == 1
    }

    /// Which segments are this word, one bit for each.
    fn is_segment(&self, word: &[u8]) -> u32 {
        let known = self.words.iter().take_while(|entry| entry.1 != 0);
        let same = |entry: &&(&[u8], u32)| {
            work::done(1);
            entry.0 == word
        };
        known.into_iter().find(same).map_or(0, |entry| entry.1)
    }
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

    #[test]
    fn demands() {
        let met = |demand: &str, held: &[&str]| {
            assert!(is_demand(demand.as_bytes()), "{demand}");
            is_met(demand.as_bytes(), |wanted| Ok::<_, ()>(held.iter().any(|one| one.as_bytes() == wanted))).unwrap()
        };
        assert!(met("a", &["a"]) && !met("a", &[]) && !met("a", &["b"]));
        assert!(met("a|b", &["a"]) && met("a|b", &["b"]) && met("a|b", &["a", "b"]) && !met("a|b", &["c"]));
        assert!(met("a&b", &["a", "b"]) && !met("a&b", &["a"]) && !met("a&b", &["b"]) && !met("a&b", &[]));
        assert!(met("a&a", &["a"]) && !met("a|a", &["b"]));
        let many = ["p"; MAX_DEMANDED];
        assert!(is_demand(many.join("|").as_bytes()) && is_demand(many.join("&").as_bytes()));
        // None of these may pass for a demand that asks for less.
        for bad in ["", "|", "&", "a|", "|a", "a||b", "a&", "&a", "a&&b", "a|b&c", "a&b|c", "a|*", "a&b.*", "a |b", "a,b"] {
            assert!(!is_demand(bad.as_bytes()), "{bad}");
        }
        assert!(!is_demand(format!("{}|p", many.join("|")).as_bytes()));
        assert_eq!(is_met(b"a|b", |_| Err::<bool, _>("lack")), Err("lack"));
    }

    /// Stars multiply nothing: each costs one step, and a word at most one more for each segment.
    #[test]
    fn work_is_bounded_whatever_the_pattern() {
        let of = |pattern: &str, permission: &str| {
            let (wanted, pattern) = (Wanted::new(permission.as_bytes()), pattern.as_bytes());
            assert!(is_pattern(pattern) && is_permission(permission.as_bytes()));
            work::of(|| wanted.is_granted_by(pattern))
        };
        let (ones, stars) = (["a"; 16].join("."), ["*"; 16].join("."));
        assert_eq!(of(&stars, &ones), (true, 16));
        assert_eq!(of(&stars, "a.a"), (false, 3));
        assert_eq!(of("b.*.*.*.*.*.*.*", &ones), (false, 2));
        let different = (0..16).map(|n| format!("w{n}")).collect::<Vec<_>>().join(".");
        for permission in [&ones, &different] {
            let words: Vec<&str> = permission.split('.').collect();
            for mask in 0u32..1 << 16 {
                let pieces: Vec<&str> = (0..16).map(|at| if mask >> at & 1 == 1 { "*" } else { words[at] }).collect();
                let (granted, steps) = of(&pieces.join("."), permission);
                assert!(granted && steps <= 16 + 16 * 17 / 2, "{pieces:?}: {steps}");
            }
        }
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
