//! The name of an object.

use crate::hex::{Hex, digit};
use crate::text::{Say, shown};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use sha2::{Digest, Sha256};

/// The name of a content-addressed object: the SHA-256 of its bytes (FIPS 180-4).
///
/// As text it has 64 lower-case hexadecimal digits, and no other spelling is read: the text is a file name and the last part of
/// a URL, and an object must have one of each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 32]);

impl ObjectId {
    /// The name of the object of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        ObjectId(Sha256::digest(bytes).into())
    }
}

impl Say for ObjectId {
    fn say(&self, out: &mut String) {
        Hex(&self.0).say(out);
    }
}

shown!(ObjectId);

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = BadObjectId;

    fn from_str(text: &str) -> Result<Self, BadObjectId> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(BadObjectId) };
        let pairs: &[[u8; 2]; 32] = pairs.try_into().map_err(|_| BadObjectId)?;
        let mut id = [0; 32];
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            let lower = |byte: u8| if byte.is_ascii_uppercase() { None } else { digit(byte) };
            *byte = lower(*high).zip(lower(*low)).map(|(high, low)| high << 4 | low).ok_or(BadObjectId)?;
        }
        Ok(ObjectId(id))
    }
}

/// Not the name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadObjectId;

impl fmt::Display for BadObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the name of an object: 64 digits of 0-9 a-f")
    }
}

impl core::error::Error for BadObjectId {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_name_has_one_spelling() {
        // FIPS 180-4: SHA-256 of no bytes.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(ObjectId::of(b"").to_string(), empty);
        assert_eq!(empty.parse(), Ok(ObjectId::of(b"")));
        let (short, long) = (&empty[..62], alloc::format!("{empty}00"));
        for other in [
            "",
            short,
            &empty[..63],
            &long,
            &empty.to_uppercase(),
            &alloc::format!("{short}g0"),
            &alloc::format!("{short}\u{e9}"),
        ] {
            assert_eq!(other.parse::<ObjectId>(), Err(BadObjectId), "{other}");
        }
    }
}
