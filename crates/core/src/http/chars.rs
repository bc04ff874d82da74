//! The character classes of RFC 9110 and RFC 3986, one table look-up each.

use crate::hex::digit;

const TCHAR: u8 = 1;
const TOKEN68: u8 = 2;
const UNRESERVED: u8 = 4;
const SEGMENT: u8 = 8;

/// Classes of every byte; what is not ASCII is in none.
static CLASSES: [u8; 256] = classes();

#[allow(clippy::indexing_slicing, clippy::as_conversions)] // Evaluated by the compiler.
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        let word = b.is_ascii_alphanumeric();
        let mut class = 0;
        if word || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~') {
            class |= TCHAR;
        }
        if word || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/') {
            class |= TOKEN68;
        }
        if word || matches!(b, b'-' | b'.' | b'_' | b'~') {
            class |= UNRESERVED | SEGMENT;
        }
        if matches!(b, b'!' | b'$' | b'&'..=b',' | b'=' | b':' | b'@') {
            class |= SEGMENT;
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

#[inline]
fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// RFC 9110 section 5.6.2.
#[inline]
pub(crate) fn is_tchar(byte: u8) -> bool {
    is(byte, TCHAR)
}

/// RFC 3986 section 2.3.
#[inline]
pub(crate) fn is_unreserved(byte: u8) -> bool {
    is(byte, UNRESERVED)
}

/// What stands for itself in a segment of a path: `pchar` of RFC 3986 section 3.3 but `;`, which ends the name for some routers.
#[inline]
pub(crate) fn is_segment_char(byte: u8) -> bool {
    is(byte, SEGMENT)
}

/// RFC 9110 section 5.6.2: one `tchar` or more.
#[inline]
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is_tchar(b))
}

/// RFC 9110 section 11.2: one character or more, then any number of `=`.
#[inline]
pub(crate) fn is_token68(text: &[u8]) -> bool {
    let body = text.iter().take_while(|&&b| is(b, TOKEN68)).count();
    body > 0 && text.iter().skip(body).all(|&b| b == b'=')
}

/// OWS of RFC 9110 section 5.6.3.
#[inline]
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Without the SP and TAB around it, and nothing else: NBSP and the like belong to the value.
#[inline]
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let Some((&first, rest)) = text.split_first()
        && is_blank(first)
    {
        text = rest;
    }
    while let Some((&last, rest)) = text.split_last()
        && is_blank(last)
    {
        text = rest;
    }
    text
}

/// Without the SP and TAB before it.
#[inline]
pub(crate) fn trim_start(mut text: &[u8]) -> &[u8] {
    while let Some((&first, rest)) = text.split_first()
        && is_blank(first)
    {
        text = rest;
    }
    text
}

/// Before and after the first `byte`.
#[inline]
pub(crate) fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == byte)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.split_first()?.1))
}

/// The byte of the percent-escape at the start, and what follows.
pub(crate) fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else { return None };
    Some((digit(*high)? << 4 | digit(*low)?, rest))
}

/// The token at the start, and what follows.
pub(crate) fn take_token(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|&&b| is_tchar(b)).count();
    text.split_at_checked(length).unwrap_or((text, &[]))
}

/// The content of the quoted-string at the start (RFC 9110 section 5.6.4), escapes left in, and what follows.
pub(crate) fn take_quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let (mut escaped, mut end) = (false, None);
    for (at, &byte) in inner.iter().enumerate() {
        match byte {
            _ if byte != b'\t' && byte.is_ascii_control() => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                end = Some(at);
                break;
            }
            _ => {}
        }
    }
    let (content, rest) = inner.split_at_checked(end?)?;
    Some((content, rest.split_first()?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_rfcs() {
        for byte in 0..=255u8 {
            let word = byte.is_ascii_alphanumeric();
            assert_eq!(is_tchar(byte), word || b"!#$%&'*+-.^_`|~".contains(&byte), "{byte}");
            assert_eq!(is(byte, TOKEN68), word || b"-._~+/".contains(&byte), "{byte}");
            assert_eq!(is_unreserved(byte), word || b"-._~".contains(&byte), "{byte}");
            assert_eq!(is_segment_char(byte), word || b"-._~!$&'()*+,=:@".contains(&byte), "{byte}");
        }
    }

    #[test]
    fn token68() {
        for good in [&b"a"[..], b"a=", b"a==", b"a=======", b"-._~+/"] {
            assert!(is_token68(good));
        }
        for bad in [&b""[..], b"=", b"==", b"=a", b"a=b", b"a b", b"a,", b"a\"", b"a%", b"a:", b"a\xe9", b"a\0", b"a\n"] {
            assert!(!is_token68(bad), "{bad:?}");
        }
    }

    #[test]
    fn quoted_strings() {
        assert_eq!(take_quoted(br#""a\"b\\"c"#), Some((&br#"a\"b\\"#[..], &b"c"[..])));
        assert_eq!(take_quoted(b"\"\""), Some((&b""[..], &b""[..])));
        for bad in [&b""[..], b"a", b"\"", b"\"a", b"\"a\\\"", b"\"a\nb\"", b"\"\\\x01\"", b"\"\x7f\""] {
            assert_eq!(take_quoted(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn trims_sp_and_tab_only() {
        assert_eq!(trim(b" \t a \t"), b"a");
        assert_eq!(trim(b" \t"), b"");
        assert_eq!(trim(b"\x0ba\x0c"), b"\x0ba\x0c");
        assert_eq!(trim(b"\xc2\xa0a"), b"\xc2\xa0a");
    }
}
