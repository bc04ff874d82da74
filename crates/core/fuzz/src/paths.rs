//! Input: the path of a request, with whatever follows it.
//!
//! SPEC.md section 9, Path.

use edgelatch_core::http::normalize_path;

/// What stands for itself: letters, digits and these.
const PLAIN: &[u8] = b"-._~!$&'()*+,=:@";

fn hex(digits: &[u8]) -> Option<u8> {
    let text =
        std::str::from_utf8(digits).ok().filter(|text| text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

/// A segment without its escapes; `None` for a bad one, and for a character that cannot stand in a target.
fn decoded(segment: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(byte) = segment.get(at) {
        at += 1;
        out.push(match byte {
            b'%' => {
                at += 2;
                hex(segment.get(at - 2..at)?)?
            }
            b'\\' | b';' | 0..=b' ' | 0x7f.. => return None,
            plain => *plain,
        });
    }
    Some(out)
}

fn segment(written: &[u8]) -> Option<String> {
    let name = String::from_utf8(decoded(written)?).ok()?;
    let escape_left = name.as_bytes().windows(3).any(|three| three[0] == b'%' && hex(&three[1..]).is_some());
    let splits = name.contains(['/', '\\', ';', '?', '#']);
    // What becomes an ASCII letter where letter case is ignored beyond ASCII.
    let folds = name.contains(['\u{17f}', '\u{212a}']);
    if name == "." || name == ".." || escape_left || splits || folds || name.chars().any(char::is_control) {
        return None;
    }
    let spelled = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    Some(name.bytes().map(spelled).collect())
}

/// The normal form, if there is one.
pub fn normal(path: &[u8]) -> Option<String> {
    let path = path.split(|byte| *byte == b'?').next()?;
    let segments: Vec<&[u8]> = path.strip_prefix(b"/")?.split(|byte| *byte == b'/').collect();
    let (last, before) = segments.split_last()?;
    if before.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let mut out = String::new();
    for one in before.iter().chain([last]) {
        out += "/";
        out += &segment(one)?;
    }
    Some(out)
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let wanted = normal(data);
    assert_eq!(normalize_path(data).as_deref(), wanted.as_deref());
    if let Some(path) = wanted {
        assert_eq!(normalize_path(path.as_bytes()).as_deref(), Some(&*path), "once is enough");
    }
}
