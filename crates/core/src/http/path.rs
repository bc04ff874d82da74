//! One spelling for a path, so that a requirement and the router mean the same resource.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::chars::{escape, is_segment_char};

/// The path of a request target in normal form, or `None` when some router would read it as another path.
///
/// In normal form every character that may stand in a segment as itself does, and all others are escapes in upper case.
/// From `?` on nothing is read. Refused is what only one reader takes for structure: a dot segment, an empty segment
/// that is not the end, and, also as an escape, a backslash, `;`, `#` or control character; an escaped `/` or `?`; an
/// escape of an escape; escapes that are not UTF-8; a character beyond ASCII whose lower case is an ASCII letter. SPEC.md section 9 names
/// the routers behind each.
pub fn normalize_path(path: &[u8]) -> Option<Cow<'_, str>> {
    let end = path.iter().position(|b| *b == b'?').unwrap_or(path.len());
    let path = path.get(..end)?;
    let normal = if path.iter().all(|&b| b == b'/' || is_segment_char(b)) {
        Cow::Borrowed(core::str::from_utf8(path).ok()?)
    } else {
        Cow::Owned(spell(&decode(path)?))
    };
    let segments = normal.strip_prefix('/')?;
    // One slash may end a path; the root is nothing else.
    let segments = segments.strip_suffix('/').unwrap_or(segments);
    let named = |segment: &str| !matches!(segment, "" | "." | "..");
    (normal == "/" || segments.split('/').all(named)).then_some(normal)
}

/// What the path says once its escapes are decoded, if decoding it again, or before cutting it up, says the same.
fn decode(mut path: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    while let Some((&first, after)) = path.split_first() {
        let (byte, rest) = match first {
            b'%' => escape(path).filter(|(byte, _)| !matches!(byte, b'/' | b'?'))?,
            _ if first.is_ascii_graphic() => (first, after),
            _ => return None,
        };
        if matches!(byte, b'\\' | b';' | b'#') {
            return None;
        }
        bytes.push(byte);
        path = rest;
    }
    let nested = (0..bytes.len()).any(|at| bytes.get(at..).and_then(escape).is_some());
    let text = String::from_utf8(bytes).ok().filter(|_| !nested)?;
    // Unicode's simple case folding makes these two `s` and `k`, and no others an ASCII letter.
    let is_refused = |c: char| c.is_control() || matches!(c, '\u{17f}' | '\u{212a}');
    (!text.contains(is_refused)).then_some(text)
}

fn spell(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).map_or('0', |&digit| digit.into());
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte == b'/' || is_segment_char(byte) {
            out.push(byte.into());
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for (path, want) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/b/", "/a/b/"),
            ("/%61dmin", "/admin"),
            ("/%7Euser/%2D%2e_", "/~user/-._"),
            ("/%40scope/a%2Bb%3D%2c%3a", "/@scope/a+b=,:"),
            ("/@:!$&'()*+,=", "/@:!$&'()*+,="),
            ("/%c3%a9", "/%C3%A9"),
            ("/%c4%b1%C4%B0%c3%9f", "/%C4%B1%C4%B0%C3%9F"),
            ("/a%20b", "/a%20b"),
            ("/{a}|[b]^`<\"", "/%7Ba%7D%7C%5Bb%5D%5E%60%3C%22"),
            ("/%7ba%7D", "/%7Ba%7D"),
            ("/100%25", "/100%25"),
            ("/100%25/5%25g0", "/100%25/5%25g0"),
            ("/.../..a/.b", "/.../..a/.b"),
            ("/a?b/../c", "/a"),
            ("/?", "/"),
        ] {
            assert_eq!(normalize_path(path.as_bytes()).as_deref(), Some(want), "{path:?}");
            assert_eq!(normalize_path(want.as_bytes()).as_deref(), Some(want), "once is enough");
        }
    }

    /// Each with the reader that takes it for another path.
    #[test]
    fn no_spelling() {
        for (path, reader) in [
            ("/public/..%2fadmin/secret.txt", "send decodes, then resolves: /admin/secret.txt"),
            ("/public/%2e%2e%2fadmin/secret.txt", "the same"),
            ("/public/%2E%2E/admin", "the same"),
            ("/public/../admin", "URL parsers"),
            ("/public/..", "URL parsers"),
            ("/public/.", "URL parsers"),
            ("/./admin", "URL parsers"),
            ("/..", "URL parsers"),
            ("/admin%2fsecret.txt", "send: /admin/secret.txt"),
            ("/admin//secret.txt", "send, nginx: /admin/secret.txt"),
            ("//admin", "send, nginx; URL parsers: a host"),
            ("//", "the same"),
            ("/admin//", "the same"),
            ("/public/..\\admin", "URL parsers, and file systems of Windows"),
            ("/public/..%5cadmin", "file systems of Windows"),
            ("/admin%5Csecret", "the same"),
            ("/admin;x", "find-my-way, Tomcat: /admin"),
            ("/admin;/secret", "Tomcat: /admin/secret"),
            ("/public/..;/admin", "Tomcat: /admin"),
            ("/admin%3bx", "who decodes before: /admin"),
            ("/admin%3Fx", "who decodes before cutting off the query, as mod_rewrite did: /admin"),
            ("/admin%23x", "the same"),
            ("/files#/admin", "h3 1 cuts no fragment off: /:any/admin"),
            ("#", "the same"),
            ("/%2561dmin", "who decodes twice: /admin"),
            ("/%25%36%31dmin", "the same"),
            ("/public/%252e%252e%252fadmin", "who decodes twice"),
            ("/public/%25252e%25252e%25252fadmin", "who decodes three times"),
            ("/admin%253bx", "who decodes twice"),
            ("/admin%255csecret", "who decodes twice"),
            ("/admin%2500", "who decodes twice"),
            ("/100%25%2541", "who decodes twice"),
            ("/admin%00.png", "who ends a text at NUL"),
            ("/admin%0a", "who matches lines"),
            ("/%7f", "the same"),
            ("/%c2%85", "the same: a line end beyond ASCII"),
            ("/%e2%84%aaeys", "who ignores letter case beyond ASCII, as find-my-way can: /keys"),
            ("/key%c5%bf", "the same"),
            ("/a/%E2%84%AA/b", "the same"),
            ("/admin%c0%afsecret", "who decodes overlong UTF-8: /admin/secret"),
            ("/admin%ff", "some answer 400, some keep the escape, some put U+FFFD"),
            ("/%c3/%a9", "the same"),
            ("", "no path"),
            ("a", "no path"),
            ("*", "no path"),
            ("?a", "no path"),
            ("h:443", "no path"),
            ("/%", "some answer 400, some keep it"),
            ("/%4", "the same"),
            ("/%4g", "the same"),
            ("/a%2", "the same"),
            ("/a b", "not in a request line"),
            ("/\u{e9}", "Latin-1 or UTF-8"),
            ("/\n", "not in a request line"),
            ("/\0", "not in a request line"),
        ] {
            assert_eq!(normalize_path(path.as_bytes()), None, "{path:?}: {reader}");
        }
    }
}
