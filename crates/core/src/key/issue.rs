//! Making keys, and showing them in lists. Feature `builder`.

use super::check::{BASE62, CHECK, check_of};
use super::{SECRET, is_prefix};
use alloc::string::String;
use core::fmt;
use zeroize::Zeroizing;

/// The prefix of an org's keys, such as `vsp_sk`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

/// Not a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPrefix;

impl fmt::Display for BadPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a prefix is a lower-case letter followed by at most 17 of a-z 0-9 _")
    }
}

impl core::error::Error for BadPrefix {}

impl Prefix {
    /// Reads a prefix.
    pub fn parse(text: &str) -> Result<Self, BadPrefix> {
        if is_prefix(text.as_bytes()) { Ok(Prefix(text.into())) } else { Err(BadPrefix) }
    }

    /// The prefix, without the `_` that follows it in a key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes a new key's text. `random` fills its argument from the operating system's CSPRNG.
pub fn issue(prefix: &Prefix, random: &mut dyn FnMut(&mut [u8])) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(55));
    text.push_str(&prefix.0);
    text.push('_');
    let mut bytes = Zeroizing::new([0u8; 64]);
    let whole = text.len() + SECRET;
    while text.len() < whole {
        random(bytes.as_mut_slice());
        // 248 = 4 * 62: larger bytes would favour the first characters.
        for byte in bytes.iter().filter(|b| **b < 248).take(whole - text.len()) {
            text.push(BASE62.get(usize::from(byte % 62)).map_or('0', |c| char::from(*c)));
        }
    }
    let check = check_of(text.as_bytes());
    check.iter().for_each(|c| text.push(char::from(*c)));
    text
}

/// The first 12 characters, shown in lists.
pub fn first_12(text: &str) -> String {
    text.chars().take(12).collect()
}

/// The masked form: prefix and four characters of the secret, then dots, then the last two check characters. Pasted as a
/// credential it is well formed but no key.
pub fn masked(text: &str) -> String {
    let shown = text.len().saturating_sub(SECRET + CHECK) + 4;
    let tail: String = text.chars().skip(text.len().saturating_sub(2)).collect();
    text.chars().take(shown).chain(core::iter::repeat_n('.', 8)).chain(tail.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyText;

    #[test]
    fn issued_keys_parse_and_show_little() {
        let mut seed = 1u8;
        let mut random = |out: &mut [u8]| {
            for b in out {
                seed = seed.wrapping_mul(181).wrapping_add(97);
                *b = seed;
            }
        };
        let prefix = Prefix::parse("vsp_sk").unwrap();
        let one = issue(&prefix, &mut random);
        assert!(KeyText::parse(one.as_bytes()).is_ok());
        assert_eq!(first_12(&one).len(), 12);
        assert_eq!(masked(&one).len(), "vsp_sk_".len() + 4 + 8 + 2);
        assert!(Prefix::parse("Vsp").is_err() && Prefix::parse("").is_err());
    }
}
