//! Public key ids.

use super::check::{BASE62, base62};
use crate::text::{Say, characters, shown};
use alloc::string::String;
use core::{fmt, str::FromStr};

/// A key's public id: safe to log, unrelated to the secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl Say for KeyId {
    fn say(&self, out: &mut String) {
        let mut digits = [0; 11];
        base62(self.0, &mut digits);
        "key_".say(out);
        characters(&digits, out);
    }
}

shown!(KeyId);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = BadKeyId;

    fn from_str(text: &str) -> Result<Self, BadKeyId> {
        let digits = text.strip_prefix("key_").filter(|d| d.len() == 11).ok_or(BadKeyId)?;
        let value = digits.bytes().try_fold(0u64, |value, byte| {
            let digit = BASE62.iter().position(|b| *b == byte)?;
            value.checked_mul(62)?.checked_add(u64::try_from(digit).ok()?)
        });
        value.map(KeyId).ok_or(BadKeyId)
    }
}

/// Not a key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKeyId;

impl fmt::Display for BadKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a key id: `key_` and 11 characters of 0-9 A-Z a-z")
    }
}

impl core::error::Error for BadKeyId {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn ids() {
        for value in [0, 61, 62, u64::MAX] {
            let text = KeyId(value).to_string();
            assert_eq!(text.len(), 15);
            assert_eq!(text.parse(), Ok(KeyId(value)));
        }
        for bad in ["", "key_", "key_0000000000", "key_zzzzzzzzzzz", "key_0000000000-", "KEY_00000000000", "key_000000000000"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }
}
