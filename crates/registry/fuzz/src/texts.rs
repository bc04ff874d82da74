//! Input: a byte that chooses a type, and a text.
//!
//! The rule that each type states in its documentation. Whatever is accepted is shown as it is read again.

use std::fmt::{Debug, Display};

use edgelatch_registry::{
    Description, Digest, Email, EventId, FromText, Metadata, Name, Note, Pattern, Prefix, Scope, Service, Settings, Slug, Tag,
    Token,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{choice, repeats_nothing};

/// What shows nothing, or the other way round; a few that nobody should find in a name.
const HIDDEN: &[char] = &[
    '\u{ad}', '\u{200b}', '\u{200e}', '\u{202a}', '\u{202e}', '\u{2028}', '\u{2066}', '\u{2069}', '\u{feff}', '\u{e000}',
    '\u{a0}', '\u{3164}',
];

fn ascii(text: &str, bytes: std::ops::RangeInclusive<usize>, rest: impl Fn(u8) -> bool) -> bool {
    bytes.contains(&text.len()) && text.bytes().all(rest)
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_slug(text: &str) -> bool {
    ascii(text, 1..=64, |byte| is_plain(byte) || b"._-".contains(&byte)) && text.bytes().next().is_some_and(is_plain)
}

fn is_email(text: &str) -> bool {
    let visible = ascii(text, 3..=254, |byte| (b'!'..=b'~').contains(&byte) && !b"<>()\\,;:\"".contains(&byte));
    visible && text.matches('@').count() == 1 && !text.starts_with('@') && !text.ends_with('@')
}

fn is_event(text: &str) -> bool {
    let id = text.strip_prefix("evt_");
    id.is_some_and(|id| ascii(id, 32..=32, |byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)))
}

fn is_prefix(text: &str) -> bool {
    ascii(text, 1..=18, |byte| is_plain(byte) || byte == b'_') && text.as_bytes()[0].is_ascii_lowercase()
}

fn is_segments(text: &str, star: bool) -> bool {
    let word = |segment: &str| ascii(segment, 1..=128, |byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    text.len() <= 128 && text.split('.').all(|segment| word(segment) || star && segment == "*")
}

/// What a rule of ASCII says of a text is what the type says.
fn exact<T: FromText + Display + Debug + PartialEq + Serialize + DeserializeOwned>(text: &str, rule: impl Fn(&str) -> bool) {
    let read = T::parse("field", text);
    // Three characters are letters or signs of ASCII once they are composed.
    let composed = text.replace('\u{212a}', "K").replace('\u{37e}', ";").replace('\u{1fef}', "`");
    assert_eq!(read.is_ok(), rule(&composed), "{text:?}: {read:?}");
    if let Some(shown) = again(text, read) {
        assert_eq!(shown, composed);
    }
}

/// What people read is one line or several, without what deceives.
fn shown<T: FromText + Display + Debug + PartialEq + Serialize + DeserializeOwned>(text: &str, lines: &str, most: usize) {
    let Some(shown) = again(text, T::parse("field", text)) else {
        // Plain words are never refused.
        let plain = !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return assert!(!plain, "{text:?}");
    };
    assert!(shown.len() <= most && !shown.contains(HIDDEN), "{shown:?}");
    assert!(!shown.chars().any(|c| c.is_control() && !lines.contains(c)), "{shown:?}");
}

/// Whatever was read is shown as it is read again, and is the same in JSON; its text.
fn again<T: FromText + Display + Debug + PartialEq + Serialize + DeserializeOwned>(
    text: &str,
    read: Result<T, edgelatch_registry::Error>,
) -> Option<String> {
    let json = serde_json::from_value::<T>(text.into());
    match read {
        Ok(value) => {
            let shown = value.to_string();
            assert_eq!(T::parse("field", &shown).ok().as_ref(), Some(&value), "{shown:?}");
            assert_eq!(json.ok().as_ref(), Some(&value));
            assert_eq!(serde_json::to_value(&value).ok(), Some(shown.clone().into()));
            Some(shown)
        }
        Err(error) => {
            assert_eq!(error.field(), Some("field"));
            repeats_nothing(&error.to_string(), text);
            repeats_nothing(&json.expect_err("it is none").to_string(), text);
            None
        }
    }
}

/// The 32 bytes of base64 in either alphabet, with its padding or without.
fn base64(text: &str) -> Option<Vec<u8>> {
    let bare = text.strip_suffix('=').unwrap_or(text);
    if bare.len() != 43 || bare.contains(['+', '/']) && bare.contains(['-', '_']) {
        return None;
    }
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0, 0u32);
    for byte in bare.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = held << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    // What is left over of the last character is nothing.
    (held & ((1 << bits) - 1) == 0).then_some(bytes)
}

fn digest(text: &str) {
    let hex = ascii(text, 64..=64, |byte| byte.is_ascii_hexdigit());
    let bytes = match hex {
        true => (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect(),
        false => base64(text),
    };
    const EMPTY: [u8; 32] = [
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4,
        0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ];
    let sound = bytes.is_some_and(|bytes| bytes.len() == 32 && bytes != EMPTY && bytes != [0; 32]);
    let read = Digest::parse("field", text);
    assert_eq!(read.is_ok(), sound, "{text:?}");
    read.err().iter().for_each(|error| repeats_nothing(&error.to_string(), text));
}

/// JSON of a type that a body holds: what is read is written as what is read again.
fn json<T: Debug + PartialEq + Serialize + DeserializeOwned>(text: &str) {
    let Ok(value) = serde_json::from_str::<T>(text) else { return };
    let written = serde_json::to_string(&value).expect("it is written");
    assert_eq!(serde_json::from_str::<T>(&written).ok(), Some(value), "{written}");
}

fn metadata(text: &str) {
    let Ok(read) = Metadata::parse(text) else { return };
    assert!(read.as_str().len() <= 4096 && !read.as_str().chars().any(char::is_control));
    let object = serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let kept = if read.as_str().is_empty() { "{}" } else { read.as_str() };
    assert_eq!(serde_json::from_str::<serde_json::Value>(kept).ok(), Some(object));
    assert_eq!(Metadata::parse(kept).ok().as_ref(), Some(&read));
}

const TYPES: &[fn(&str)] = &[
    |text| exact::<Slug>(text, is_slug),
    |text| exact::<Email>(text, is_email),
    |text| exact::<EventId>(text, is_event),
    |text| exact::<Prefix>(text, is_prefix),
    |text| exact::<Service>(text, |text| is_segments(text, false)),
    |text| exact::<Pattern>(text, |text| is_segments(text, true)),
    |text| exact::<Token>(text, |text| ascii(text, 1..=64, |byte| (b'!'..=b'~').contains(&byte))),
    |text| shown::<Name>(text, "", 128),
    |text| shown::<Note>(text, "", 200),
    |text| shown::<Tag>(text, "", 64),
    |text| shown::<Description>(text, "\n\t", 1024),
    digest,
    metadata,
    json::<Settings>,
    json::<Scope>,
];

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let Some((place, rest)) = choice(data, TYPES.len()) else { return };
    if let Ok(text) = std::str::from_utf8(rest) {
        TYPES[place](text);
    }
}
