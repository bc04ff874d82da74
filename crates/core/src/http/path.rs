//! One spelling for a path, so that a route's requirement and the router mean the same resource.

use alloc::string::String;
use alloc::vec::Vec;

use super::chars::is_unreserved;
use super::credential::decode_first;

/// The path of a request target in normal form (RFC 3986 section 6.2.2), or `None` when it has no safe one.
///
/// Escapes of unreserved characters are decoded, those left are in upper case; nothing else is collapsed or decoded. From `?`
/// or `#` on nothing is read. Refused is what routers and URL parsers read each in its way: a path that does not begin with
/// one `/`, a dot segment (also an escaped one), a `%` without two hexadecimal digits, a backslash, blank, control or
/// non-ASCII character.
pub fn normalize_path(path: &[u8]) -> Option<String> {
    let end = path.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(path.len());
    let normal = decode_unreserved(path.get(..end)?)?;
    let rest = normal.strip_prefix(b"/")?;
    let ambiguous = rest.starts_with(b"/") || rest.split(|&b| b == b'/').any(|segment| matches!(segment, b"." | b".."));
    if ambiguous { None } else { String::from_utf8(normal).ok() }
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
            ("/a/./b", None),
            ("/a/../b", None),
            ("/a/%2e%2E/b", None),
            ("/a/.", None),
            ("/a/..", None),
            ("/..", None),
            ("/../../a", None),
            ("/a/%2e", None),
            ("/%2E./a", None),
            ("/.../..a/.b", Some("/.../..a/.b")),
            ("//x/admin", None),
            ("/a//b/", Some("/a//b/")),
            ("//", None),
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
        for path in ["/a/%2fb", "/x/y//%c3%a9", "/%2E.a/"] {
            let once = normalize_path(path.as_bytes()).unwrap();
            assert_eq!(normalize_path(once.as_bytes()).unwrap(), once);
        }
    }
}
