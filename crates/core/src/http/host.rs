//! The `Host` field, and CORS preflights.

use super::Block;
use super::block::Field;
use super::chars::{is_token, split_once};
use crate::ip::{Ip, parse_v6};

/// Whether the request names its host at most once, and as a host: `uri-host [ ":" port ]` (RFC 9110 section 7.2).
///
/// Wherever a URL is rebuilt from this field, `localhost/public?` would change its path; so a name consists of letters,
/// digits, `-`, `_` and single dots, or is an address. The `:authority` of HTTP/2 is the same field by another name, which a
/// proxy may have copied into `Host`: equal bytes are one host, others are two. A target in absolute form is held to the same
/// rule. No `Host` at all is for whoever receives the request to refuse: HTTP/1.0 and requests made by a program have none.
#[inline]
pub fn host_ok(block: &Block<'_>) -> bool {
    let field = match (block.pseudo_host, block.host) {
        (Field::Absent, Field::Absent) => true,
        (Field::One(value), Field::Absent) | (Field::Absent, Field::One(value)) => is_host(value),
        (Field::One(value), Field::One(copy)) => value == copy && is_host(value),
        _ => false,
    };
    field && block.authority().is_none_or(is_host)
}

#[inline]
fn is_host(value: &[u8]) -> bool {
    if let Some(rest) = value.strip_prefix(b"[") {
        let Some((address, rest)) = split_once(rest, b']') else { return false };
        return parse_v6(address).is_some() && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(is_port));
    }
    match split_once(value, b':') {
        Some((name, port)) => is_name(name) && is_port(port),
        None => is_name(value),
    }
}

/// Up to five digits. None at all is what RFC 3986 section 3.2.3 allows for the default port.
#[inline]
pub(crate) fn is_port(text: &[u8]) -> bool {
    text.len() <= 5
        && text.iter().all(u8::is_ascii_digit)
        && text.iter().fold(0u32, |n, &b| n * 10 + u32::from(b - b'0')) <= 65535
}

/// A DNS name with limits of RFC 1035, or an IPv4 address.
#[inline]
fn is_name(text: &[u8]) -> bool {
    let labels = text.strip_suffix(b".").unwrap_or(text);
    let (mut length, mut start) = (0, 0);
    for (at, &byte) in labels.iter().enumerate() {
        match byte {
            b'.' if length > 0 => (length, start) = (0, at + 1),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' if length < 63 => length += 1,
            _ => return false,
        }
    }
    if length == 0 || text.len() > 254 {
        return false;
    }
    // URL parsers read a name whose last label is a number as an IPv4 address, in any of its loose spellings.
    let numeric = labels.get(start..).is_some_and(|last| match last {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => last.iter().all(u8::is_ascii_digit),
    });
    !numeric || matches!(Ip::parse(text), Ok(Ip::V4(_)))
}

/// Whether this is a CORS preflight (Fetch standard): `OPTIONS` with one `Origin` and one `Access-Control-Request-Method`.
#[inline]
pub fn is_preflight(block: &Block<'_>) -> bool {
    let origin = matches!(block.origin, Field::One(origin) if !origin.is_empty());
    let method = matches!(block.request_method, Field::One(method) if is_token(method));
    block.method() == b"OPTIONS" && origin && method
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn ok(lines: &str, target: &str) -> bool {
        host_ok(&Block::parse(format!("\nGET {target}\n{lines}").as_bytes()).unwrap())
    }

    #[test]
    fn hosts() {
        for good in [
            "api.example.com",
            "api.example.com:8443",
            "API.Example.COM",
            "localhost",
            "a_b:80",
            "example.com.",
            "xn--bcher-kva.example",
            "192.0.2.1",
            "192.0.2.1:80",
            "[::1]",
            "[2001:db8::1]:443",
            "[::ffff:192.0.2.1]",
            "h:0",
            "h:65535",
            "h:",
            "1.2.3.4.example",
            "7up.com",
            "  h\t",
        ] {
            assert!(ok(&format!("Host:{good}"), "/"), "{good}");
        }
        let label = "a".repeat(64);
        for bad in [
            "",
            " ",
            "localhost/public?",
            "h/",
            "h?",
            "h#",
            "h\\x",
            "u@h",
            "u:p@h",
            "h h",
            "h\th",
            "h,h",
            "h:80:80",
            "h:x",
            "h:65536",
            "h:000080",
            "h:-1",
            "h: 80",
            ":80",
            ".",
            "..",
            ".h",
            "a..b",
            "h..",
            "%6c",
            "h%00",
            "bücher.example",
            "[::1",
            "::1",
            "[]",
            "[1.2.3.4]",
            "[::1]x",
            "[::1]:x",
            "[fe80::1%25eth0]",
            "[v1.x]",
            "[::1]]",
            "127.1",
            "1.2.3",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "010.0.0.1",
            "1.2.3.4.",
            "1.2.3.256",
            "a.1",
            "a.0x",
            "h;a",
            "h'",
            "<h>",
            "http://h",
            "*",
            "h~",
            "\"h\"",
            &label,
        ] {
            assert!(!ok(&format!("Host:{bad}"), "/"), "{bad}");
        }
        assert!(ok("", "/"), "no Host");
        assert!(!ok("Host:h\nhost:h", "/"), "two lines");
    }

    #[test]
    fn the_pseudo_header_is_a_host_line() {
        for (lines, good) in [
            (":authority:h", true),
            (":authority:h:80\nhost: h:80", true),
            ("Host:h\n:authority:h", true),
            (":authority:u:p@h", false),
            (":authority:u:p@h\nhost:h", false),
            (":authority:h\nhost:u:p@h", false),
            (":authority:u@h\nhost:u@h", false),
            (":authority:", false),
            (":authority:\nhost:h", false),
            (":authority:h\nhost:", false),
            (":authority:h\nhost:H", false),
            (":authority:h\nhost:h:443", false),
            (":authority:h\nhost:h.", false),
            (":authority:h\nhost:h\nhost:h", false),
            (":authority:h\n:authority:h", false),
        ] {
            assert_eq!(ok(lines, "/"), good, "{lines}");
        }
    }

    #[test]
    fn absolute_form() {
        assert!(ok("Host: h", "http://h:80/a"));
        for bad in ["http://u@h/", "http:///a", "http://h%2f/", "http://h\\x/", "http://[::1/"] {
            assert!(!ok("Host: h", bad), "{bad}");
        }
    }

    #[test]
    fn preflights() {
        let is = |method: &str, lines: &str| is_preflight(&Block::parse(format!("\n{method} /\n{lines}").as_bytes()).unwrap());
        let full = "Origin: https://a.example\nAccess-Control-Request-Method: PUT";
        assert!(is("OPTIONS", full));
        assert!(is("OPTIONS", "origin:null\naccess-control-request-method:GET"));
        for (method, lines) in [
            ("GET", full),
            ("options", full),
            ("OPTIONS", ""),
            ("OPTIONS", "Origin: https://a.example"),
            ("OPTIONS", "Access-Control-Request-Method: PUT"),
            ("OPTIONS", "Origin:\nAccess-Control-Request-Method: PUT"),
            ("OPTIONS", "Origin: a\nAccess-Control-Request-Method:"),
            ("OPTIONS", "Origin: a\nOrigin: b\nAccess-Control-Request-Method: PUT"),
            ("OPTIONS", "Origin: a\nAccess-Control-Request-Method: PUT, GET"),
        ] {
            assert!(!is(method, lines), "{method} {lines}");
        }
    }
}
