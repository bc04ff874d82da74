//! Hexadecimal text.

use crate::text::{Say, shown};
use alloc::string::String;

/// Bytes shown as lower-case hexadecimal digits, two a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a [u8]);

impl Say for Hex<'_> {
    fn say(&self, out: &mut String) {
        for byte in self.0 {
            out.push(character(byte >> 4));
            out.push(character(byte & 15));
        }
    }
}

shown!(Hex<'_>);

/// The lower-case digit of a value below 16.
pub(crate) fn character(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}

/// The value of a digit of either case.
pub(crate) const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
