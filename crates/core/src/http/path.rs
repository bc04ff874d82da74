//! One spelling for a path, so that a route's requirement and the router mean the same resource.

use alloc::string::String;
use alloc::vec::Vec;

use super::chars::is_unreserved;
use super::credential::decode_first;

/// The path of a request target in normal form (RFC 3986 section 6.2.2), or `None` when it has no safe one.
///
/// Escapes of unreserved characters are decoded, those left are in upper case, dot segments are removed; nothing else is
/// collapsed or decoded. From `?` or `#` on nothing is read. Refused are a path that does not begin with `/`, a `%` without
/// two hexadecimal digits, and a backslash, blank, control or non-ASCII character, which URL parsers rewrite each in its way.
pub fn normalize_path(path: &[u8]) -> Option<String> {
    let end = path.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(path.len());
    let decoded = decode_unreserved(path.get(..end)?)?;
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = decoded.strip_prefix(b"/")?.split(|&b| b == b'/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            b"." => {}
            b".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        // A dot segment at the end leaves the slash before it.
        if segments.peek().is_none() {
            kept.push(b"");
        }
    }
    let mut normal = Vec::with_capacity(decoded.len());
    for segment in kept {
        normal.push(b'/');
        normal.extend_from_slice(segment);
    }
    String::from_utf8(normal).ok()
}

fn decode_unreserved(mut path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    while let Some((&first, _)) = path.split_first() {
        let (byte, rest) = decode_first(path)?;
        if first != b'%' {
            if !first.is_ascii_graphic() || first == b'\\' {
                return None;
            }
            out.push(first);
        } else if rest.len() + 3 != path.len() {
            return None;
        } else if is_unreserved(byte) {
            out.push(byte);
        } else {
            out.extend(path.iter().take(3).map(u8::to_ascii_uppercase));
        }
        path = rest;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, want) in [
            ("/", Some("/")),
            ("/%61dmin", Some("/admin")),
            ("/%7Euser/%2D%2e_", Some("/~user/-._")),
            ("/a%2fb", Some("/a%2Fb")),
            ("/a%252e", Some("/a%252e")),
            ("/a/./b", Some("/a/b")),
            ("/a/../b", Some("/b")),
            ("/a/%2e%2E/b", Some("/b")),
            ("/a/.", Some("/a/")),
            ("/a/..", Some("/")),
            ("/..", Some("/")),
            ("/../../a", Some("/a")),
            ("/a/b/../..", Some("/")),
            ("/a/b/../../..", Some("/")),
            ("/.../..a/.b", Some("/.../..a/.b")),
            ("//a//b/", Some("//a//b/")),
            ("//..", Some("/")),
            ("/a?b/../c", Some("/a")),
            ("/a#b", Some("/a")),
            ("/a;x=1/@:!$&'()*+,=", Some("/a;x=1/@:!$&'()*+,=")),
            ("/%00", Some("/%00")),
            ("", None),
            ("a", None),
            ("*", None),
            ("?a", None),
            ("/%", None),
            ("/%4", None),
            ("/%4g", None),
            ("/a\\..\\b", None),
            ("/a b", None),
            ("/\u{e9}", None),
            ("/\n", None),
            ("/\0", None),
        ] {
            assert_eq!(normalize_path(path.as_bytes()).as_deref(), want, "{path:?}");
        }
    }

    #[test]
    fn is_idempotent() {
        for path in ["/a/%2e%2e/%2fb", "/x/./../y//%c3%a9", "/%2E./"] {
            let once = normalize_path(path.as_bytes()).unwrap();
            assert_eq!(normalize_path(once.as_bytes()).unwrap(), once);
        }
    }
}
