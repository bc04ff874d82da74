//! Headers that every proxy appends to, read from the right: `X-Forwarded-For` and `Forwarded` (RFC 7239).
//!
//! ```text
//! x-forwarded-for := element *("," element)      element := [SP/TAB] node [SP/TAB]
//! node            := ipv4 [":" port] | ipv6 | "[" ipv6 "]" [":" port]
//! forwarded       := element *("," element)      element := [SP/TAB] pair *(";" pair) [SP/TAB], each pair optional
//! pair            := token "=" (token | quoted-string); for a `for`, ipv4 [":" node-port] | "[" ipv6 "]" [":" node-port]
//! node-port       := port | "_" 1*(letter | digit | "." | "_" | "-")
//! ```
//! Several lines are one list, in order. An element that is empty or not of this form has no address.

use super::value::is_port;
use crate::http::{Lines, take_quoted, take_token, trim};
use crate::ip::{Ip, parse_v6};
use crate::limits::{MAX_FORWARDED_NODE_BYTES, MAX_FORWARDED_PARAMETERS};

/// The two headers with a grammar of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    XForwardedFor,
    Forwarded,
}

impl Chain {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Chain::XForwardedFor => "x-forwarded-for",
            Chain::Forwarded => "forwarded",
        }
    }

    /// The addresses from the right; `None` for an element without one. The caller stops there.
    pub(super) fn rightmost_first(self, lines: Lines<'_>) -> impl Iterator<Item = Option<Ip>> {
        lines.values(self.name()).rev().flat_map(move |line| Elements { chain: self, left: Some(line) }).map(move |element| {
            match self {
                Chain::XForwardedFor => node(element?),
                Chain::Forwarded => forwarded_for(element?),
            }
        })
    }

    /// The `hops`-th address from the right, counted from 1, if all up to it are addresses.
    pub(super) fn nth_from_right(self, hops: u8, lines: Lines<'_>) -> Option<Ip> {
        let mut addresses = self.rightmost_first(lines);
        for _ in 1..hops {
            addresses.next()??;
        }
        addresses.next()?
    }
}

/// The elements of one line from the right, `None` where a quote is not closed.
struct Elements<'a> {
    chain: Chain,
    left: Option<&'a [u8]>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.left.take()?;
        let comma = match self.chain {
            Chain::XForwardedFor => Some(text.iter().rposition(|&b| b == b',')),
            Chain::Forwarded => last_comma(text),
        };
        let Some(comma) = comma else { return Some(None) };
        let element = match comma.and_then(|at| text.split_at_checked(at)) {
            Some((left, rest)) => {
                self.left = Some(left);
                rest.split_first().map_or(rest, |(_, element)| element)
            }
            None => text,
        };
        Some(Some(trim(element)))
    }
}

/// Where the last comma outside quoted-strings is, if any; `None` when a quote has no partner to its left.
///
/// Read from the right, so that a quote which a client leaves open cannot swallow what a proxy appended.
fn last_comma(text: &[u8]) -> Option<Option<usize>> {
    let mut left = text;
    while let Some((&byte, rest)) = left.split_last() {
        left = match byte {
            b',' => return Some(Some(rest.len())),
            b'"' => before_quoted(rest)?,
            _ => rest,
        };
    }
    Some(None)
}

/// What stands before a quoted-string whose closing quote was cut off: its opening quote is the nearest unescaped one.
fn before_quoted(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        let at = text.iter().rposition(|&b| b == b'"')?;
        text = text.get(..at)?;
        let escapes = text.iter().rev().take_while(|&&b| b == b'\\').count();
        if escapes % 2 == 0 {
            return Some(text);
        }
    }
}

/// An address with or without a port, an IPv6 one with or without brackets.
fn node(text: &[u8]) -> Option<Ip> {
    Ip::parse(text).ok().or_else(|| bracketed_or_v4(text, is_port))
}

/// `ipv4`, `ipv4:port`, `[ipv6]` or `[ipv6]:port`.
fn bracketed_or_v4(text: &[u8], is_port: fn(&[u8]) -> bool) -> Option<Ip> {
    let split = |byte: u8| text.iter().position(|&b| b == byte).and_then(|at| text.split_at_checked(at));
    let (ip, port) = match text.strip_prefix(b"[") {
        Some(_) => {
            let (head, rest) = split(b']')?;
            (Ip::from_v6(parse_v6(head.strip_prefix(b"[")?)?), rest.strip_prefix(b"]")?)
        }
        None => {
            let (address, port) = split(b':').unwrap_or((text, b""));
            (Ip::parse(address).ok()?, port)
        }
    };
    (port.is_empty() || port.strip_prefix(b":").is_some_and(is_port)).then_some(ip)
}

/// A port, or the name that stands for one (RFC 7239 section 6).
fn is_node_port(text: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    is_port(text) || text.strip_prefix(b"_").is_some_and(|name| !name.is_empty() && name.iter().all(letter))
}

/// The address in the `for` of one element of `Forwarded`. No parameter may stand in it twice (RFC 7239 section 4), and there
/// is no room for blanks around `;`: what other readers do with either is anybody's guess.
fn forwarded_for(element: &[u8]) -> Option<Ip> {
    let mut names = [&b""[..]; MAX_FORWARDED_PARAMETERS];
    let mut free = 0;
    let mut found = None;
    let mut rest = element;
    loop {
        let (name, after) = take_token(rest);
        if !name.is_empty() {
            let value = after.strip_prefix(b"=")?;
            let (token, after) = take_token(value);
            let (value, after) = if token.is_empty() { take_quoted(value)? } else { (token, after) };
            if names.iter().take(free).any(|known| known.eq_ignore_ascii_case(name)) {
                return None;
            }
            *names.get_mut(free)? = name;
            free += 1;
            if name.eq_ignore_ascii_case(b"for") {
                found = Some(value);
            }
            rest = after;
        }
        match rest.split_first() {
            None => return unescaped(found?, |text| bracketed_or_v4(text, is_node_port))?,
            Some((b';', more)) => rest = more,
            Some(_) => return None,
        }
    }
}

/// The content of a quoted-string without its escapes, if it is short enough to be an address and a port.
fn unescaped<T>(text: &[u8], read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let mut buffer = [0; MAX_FORWARDED_NODE_BYTES];
    let mut length = 0;
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        let byte = if byte == b'\\' { *bytes.next()? } else { byte };
        *buffer.get_mut(length)? = byte;
        length += 1;
    }
    buffer.get(..length).map(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    fn read(chain: Chain, lines: &str) -> Vec<String> {
        let lines: String = lines.split('|').map(|l| alloc::format!("{}:{l}\n", chain.name())).collect();
        chain.rightmost_first(Lines::new(lines.as_bytes())).map(|ip| ip.map_or("?".into(), |ip| ip.to_string())).collect()
    }

    #[test]
    fn x_forwarded_for() {
        for (lines, want) in [
            ("1.1.1.1", &["1.1.1.1"][..]),
            ("1.1.1.1, 2.2.2.2\t,3.3.3.3", &["3.3.3.3", "2.2.2.2", "1.1.1.1"]),
            ("1.1.1.1, 2.2.2.2|3.3.3.3", &["3.3.3.3", "2.2.2.2", "1.1.1.1"]),
            ("", &["?"]),
            ("1.1.1.1,", &["?", "1.1.1.1"]),
            (",1.1.1.1", &["1.1.1.1", "?"]),
            ("1.1.1.1||2.2.2.2", &["2.2.2.2", "?", "1.1.1.1"]),
            ("1.1.1.1:80", &["1.1.1.1"]),
            ("1.1.1.1:65536", &["?"]),
            ("1.1.1.1:", &["?"]),
            ("1.1.1.1:x", &["?"]),
            ("1.1.1.1:_a", &["?"]),
            ("[::1]:_a", &["?"]),
            ("1.1.1.1:000080", &["?"]),
            ("1.1.1.1:+80", &["?"]),
            ("1.1.1.1 :80", &["?"]),
            ("1.1.1.1: 80", &["?"]),
            ("1.1.1.1:80:80", &["?"]),
            ("01.1.1.1:80", &["?"]),
            ("::1", &["::1"]),
            ("[::1]", &["::1"]),
            ("[::1]:80", &["::1"]),
            ("[::ffff:1.1.1.1]:80", &["1.1.1.1"]),
            ("[1.1.1.1]", &["?"]),
            ("[::1", &["?"]),
            ("::1]", &["?"]),
            ("[::1]80", &["?"]),
            ("[::1]:", &["?"]),
            ("[::1] :80", &["?"]),
            ("[fe80::1%eth0]", &["?"]),
            ("unknown", &["?"]),
            ("\"1.1.1.1\"", &["?"]),
            ("1.1.1.1 2.2.2.2", &["?"]),
            ("1.1.1.1;2.2.2.2", &["?"]),
            ("1.1.1.1/32", &["?"]),
            ("localhost", &["?"]),
            ("1.1.1.1\u{a0}", &["?"]),
        ] {
            assert_eq!(read(Chain::XForwardedFor, lines), want, "{lines}");
        }
    }

    #[test]
    fn forwarded() {
        for (lines, want) in [
            ("for=1.1.1.1", &["1.1.1.1"][..]),
            ("FOR=1.1.1.1;proto=https;By=\"_x\"", &["1.1.1.1"]),
            (" by=_x;for=1.1.1.1;;\t", &["1.1.1.1"]),
            ("by=_x ;for=1.1.1.1", &["?"]),
            ("by=_x; for=1.1.1.1", &["?"]),
            ("by=_x;\tfor=1.1.1.1", &["?"]),
            ("for=1.1.1.1; ", &["1.1.1.1"]),
            ("for=1.1.1.1; ;", &["?"]),
            (";for=1.1.1.1", &["1.1.1.1"]),
            ("for=1.1.1.1, for=2.2.2.2|for=3.3.3.3", &["3.3.3.3", "2.2.2.2", "1.1.1.1"]),
            ("for=\"1.1.1.1:80\"", &["1.1.1.1"]),
            ("for=\"1.1.1.1:_p\"", &["1.1.1.1"]),
            ("for=\"1.1.1.1:_\"", &["?"]),
            ("for=1.1.1.1:80", &["?"]),
            ("for=\"[2001:db8::1]\"", &["2001:db8::1"]),
            ("for=\"[2001:db8::1]:4711\"", &["2001:db8::1"]),
            ("for=\"[::ffff:1.1.1.1]\"", &["1.1.1.1"]),
            ("for=\"[2001\\:db8::\\1]\"", &["2001:db8::1"]),
            ("for=\"2001:db8::1\"", &["?"]),
            ("for=2001:db8::1", &["?"]),
            ("for=[2001:db8::1]", &["?"]),
            ("for=\"[1.1.1.1]\"", &["?"]),
            ("for=\" 1.1.1.1\"", &["?"]),
            ("for=unknown", &["?"]),
            ("for=\"unknown:80\"", &["?"]),
            ("for=_hidden", &["?"]),
            ("for=", &["?"]),
            ("for=\"\"", &["?"]),
            ("for", &["?"]),
            ("=1.1.1.1", &["?"]),
            ("for =1.1.1.1", &["?"]),
            ("for= 1.1.1.1", &["?"]),
            ("1.1.1.1", &["?"]),
            ("proto=https", &["?"]),
            ("fore=1.1.1.1", &["?"]),
            ("for=1.1.1.1;for=1.1.1.1", &["?"]),
            ("for=1.1.1.1;FOR=2.2.2.2", &["?"]),
            ("for=1.1.1.1;proto=a;proto=b", &["?"]),
            ("for=1.1.1.1;x=a;y=b;X=c", &["?"]),
            ("for=1.1.1.1;x=a;y=b", &["1.1.1.1"]),
            ("for=1.1.1.1;x=a, for=2.2.2.2;x=a", &["2.2.2.2", "1.1.1.1"]),
            ("for=1.1.1.1;for=\"[::1]\"", &["?"]),
            ("for=\"1.1.1.1:\"", &["?"]),
            ("for=\"1.1.1.1:000080\"", &["?"]),
            ("for=\"1.1.1.1:_a b\"", &["?"]),
            ("for=\"1.1.1.1:_\u{e9}\"", &["?"]),
            ("for=1.1.1.1 proto=a", &["?"]),
            ("for=1.1.1.1;proto", &["?"]),
            ("for=1.1.1.1;host=a:80", &["?"]),
            ("", &["?"]),
            ("for=1.1.1.1,", &["?", "1.1.1.1"]),
            ("for=1.1.1.1;host=\"a,for=2.2.2.2\"", &["1.1.1.1"]),
            ("for=1.1.1.1;host=\"a\\\",for=2.2.2.2\"", &["1.1.1.1"]),
            ("for=1.1.1.1;host=\"a\\\\\",for=2.2.2.2", &["2.2.2.2", "1.1.1.1"]),
            ("for=\"1.1.1.1", &["?"]),
            ("for=1.1.1.1\"", &["?"]),
            // What a client leaves open ends at the comma that the proxy wrote.
            ("for=\", for=2.2.2.2", &["2.2.2.2", "?"]),
            ("for=\", for=\"[::2]\"", &["::2", "?"]),
            ("for=\"\\, for=\"[::2]\"", &["::2", "?"]),
            ("for=\"|for=2.2.2.2", &["2.2.2.2", "?"]),
        ] {
            assert_eq!(read(Chain::Forwarded, lines), want, "{lines}");
        }
    }

    #[test]
    fn parameters_are_bounded() {
        let element = |extra: usize| {
            let extra: String = (0..extra).map(|n| alloc::format!(";x{n}=a")).collect();
            read(Chain::Forwarded, &alloc::format!("for=1.1.1.1{extra}"))
        };
        assert_eq!(element(MAX_FORWARDED_PARAMETERS - 1), ["1.1.1.1"]);
        assert_eq!(element(MAX_FORWARDED_PARAMETERS), ["?"]);
    }

    #[test]
    fn names_of_ports_are_bounded() {
        let element = |bytes: usize| {
            let name = "a".repeat(bytes - "1.1.1.1:_".len());
            read(Chain::Forwarded, &alloc::format!("for=\"1.1.1.1:_{name}\""))
        };
        assert_eq!(element(MAX_FORWARDED_NODE_BYTES), ["1.1.1.1"]);
        assert_eq!(element(MAX_FORWARDED_NODE_BYTES + 1), ["?"]);
    }

    #[test]
    fn counts_from_the_right() {
        let lines = Lines::new(b"x-forwarded-for: bad, 1.1.1.1\nX-Forwarded-For: 2.2.2.2");
        let nth = |hops| Chain::XForwardedFor.nth_from_right(hops, lines).map(|ip| ip.to_string());
        assert_eq!([nth(1), nth(2), nth(3), nth(4)], [Some("2.2.2.2".into()), Some("1.1.1.1".into()), None, None]);
        let lines = Lines::new(b"x-forwarded-for: 1.1.1.1,,2.2.2.2");
        assert_eq!(Chain::XForwardedFor.nth_from_right(3, lines), None, "an empty element is not stepped over");
    }
}
