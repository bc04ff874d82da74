//! Key text, its check characters and digest, and public key ids. SPEC.md section 2.
//!
//! ```text
//! key    := prefix "_" secret check          at most 55 bytes: one SHA-256 block
//! prefix := [a-z][a-z0-9_]{0,17}
//! secret := 30 base62 characters             178 bits from a CSPRNG
//! check  := 6 base62 characters              CRC-32 of all before it, most significant digit first
//! id     := "key_" 11 base62 characters      64 random bits, unrelated to the secret
//! ```

use crate::http::is_token68;
use crate::limits::{IMPORTED_KEY_BYTES, MAX_CREDENTIAL_BYTES, MAX_PREFIX_BYTES};
use core::{fmt, str::FromStr};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET: usize = 30;
const CHECK: usize = 6;

/// A presented text that may be a key. Holds the text, so it has neither `Debug` nor `Display`.
#[derive(Clone, Copy)]
pub struct KeyText<'a>(&'a [u8]);

/// The text is not that of a key. Says no more, so that it can be shown to anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the text of a key: `prefix_`, 30 characters of secret and 6 check characters")
    }
}

impl core::error::Error for Malformed {}

impl<'a> KeyText<'a> {
    /// Accepts the text of an issued key, its check characters included.
    pub fn parse(text: &'a [u8]) -> Result<Self, Malformed> {
        let (body, check) = text.split_last_chunk::<CHECK>().ok_or(Malformed)?;
        let (front, secret) = body.split_last_chunk::<SECRET>().ok_or(Malformed)?;
        let prefix = front.strip_suffix(b"_").ok_or(Malformed)?;
        // Without an early end the loop becomes a few vector instructions.
        let alphanumeric = secret.iter().fold(true, |all, byte| all & byte.is_ascii_alphanumeric());
        let sound = alphanumeric && is_prefix(prefix) && *check == check_of(body);
        if sound { Ok(KeyText(text)) } else { Err(Malformed) }
    }

    /// Accepts what a realm with imported keys accepts: an issued key, or 16 to 255 bytes of token68 (RFC 9110 section 11.2).
    pub fn parse_imported(text: &'a [u8]) -> Result<Self, Malformed> {
        let sound = IMPORTED_KEY_BYTES.contains(&text.len()) && is_token68(text);
        if sound { Ok(KeyText(text)) } else { Err(Malformed) }
    }

    /// SHA-256 of the whole text.
    pub fn digest(&self) -> [u8; 32] {
        digest(self.0)
    }
}

const _: () = assert!(MAX_PREFIX_BYTES + 1 + SECRET + CHECK == 55 && MAX_CREDENTIAL_BYTES >= 255);

/// SHA-256 of a key's whole text: what the registry stores and an import brings.
pub fn digest(text: &[u8]) -> [u8; 32] {
    one_block(text).unwrap_or_else(|| Sha256::digest(text).into())
}

/// SHA-256 of a text that fits one block with its padding, as every issued key does: 0x80, zeros, the length in bits. The
/// streaming interface costs a fifth of the hash on top.
fn one_block(text: &[u8]) -> Option<[u8; 32]> {
    /// FIPS 180-4 section 5.3.3.
    const START: [u32; 8] = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    let mut block = [0; 64];
    let (room, length) = block.split_last_chunk_mut::<8>()?;
    let (start, padding) = room.split_at_mut_checked(text.len())?;
    start.copy_from_slice(text);
    *padding.first_mut()? = 0x80;
    *length = u64::try_from(text.len()).ok()?.checked_mul(8)?.to_be_bytes();
    let mut state = START;
    sha2::block_api::compress256(&mut state, &[block]);
    let mut out = [0; 32];
    out.as_chunks_mut::<4>().0.iter_mut().zip(state).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
    Some(out)
}

fn is_prefix(text: &[u8]) -> bool {
    text.len() <= MAX_PREFIX_BYTES
        && text.first().is_some_and(u8::is_ascii_lowercase)
        && text.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
}

/// The check characters of everything before them.
fn check_of(body: &[u8]) -> [u8; CHECK] {
    let mut out = [0; CHECK];
    // Not `base62`: dividing 32 bits by a constant takes no division, and this is on the path of every verification.
    let mut value = crc32(body);
    for place in out.iter_mut().rev() {
        *place = usize::try_from(value % 62).ok().and_then(|d| BASE62.get(d)).copied().unwrap_or(b'0');
        value /= 62;
    }
    out
}

/// Writes `value` as base62, most significant digit first, filling `out`.
fn base62(mut value: u64, out: &mut [u8]) {
    for place in out.iter_mut().rev() {
        *place = usize::try_from(value % 62).ok().and_then(|d| BASE62.get(d)).copied().unwrap_or(b'0');
        value /= 62;
    }
}

/// CRC-32 as in IEEE 802.3 (reflected, polynomial 0xEDB88320), four bytes a step: the look-ups of one step do not wait for
/// each other.
fn crc32(bytes: &[u8]) -> u32 {
    let row = |table: &[u32; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    let [last, third, second, first] = &CRC_TABLES;
    let (words, rest) = bytes.as_chunks::<4>();
    let crc = words.iter().fold(!0, |crc, word| {
        let [a, b, c, d] = (crc ^ u32::from_le_bytes(*word)).to_le_bytes();
        row(first, a) ^ row(second, b) ^ row(third, c) ^ row(last, d)
    });
    !rest.iter().fold(crc, |crc, byte| (crc >> 8) ^ row(last, crc.to_le_bytes()[0] ^ byte))
}

/// Table `n`: what a byte does to the CRC when `n` more bytes follow it in the same step.
// Evaluated at compile time, where a bad index is a build error.
#[allow(clippy::as_conversions, clippy::indexing_slicing)]
static CRC_TABLES: [[u32; 256]; 4] = {
    let mut tables = [[0u32; 256]; 4];
    let mut i = 0;
    while i < 256 {
        let mut value = i as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        tables[0][i] = value;
        i += 1;
    }
    let mut n = 1;
    while n < 4 {
        let mut i = 0;
        while i < 256 {
            let before = tables[n - 1][i];
            tables[n][i] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            i += 1;
        }
        n += 1;
    }
    tables
};

/// The secret of a realm whose digests are peppered, with the id that the signed directory names.
///
/// The digest in a snapshot is then HMAC-SHA-256(pepper, SHA-256(text)): keys of low entropy cannot be guessed from a
/// leaked snapshot, and imports by SHA-256 keep working.
#[derive(Clone)]
pub struct Pepper {
    id: u32,
    mac: Hmac<Sha256>,
}

impl Pepper {
    /// A pepper of 16 to 64 bytes under an id other than 0; `None` when either is out of range.
    pub fn new(id: u32, secret: &[u8]) -> Option<Self> {
        if id == 0 || !crate::limits::PEPPER_BYTES.contains(&secret.len()) {
            return None;
        }
        Hmac::new_from_slice(secret).ok().map(|mac| Pepper { id, mac })
    }

    /// The id under which the directory names it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The digest that a snapshot holds for a key whose SHA-256 is `digest`.
    pub fn apply(&self, digest: &[u8; 32]) -> [u8; 32] {
        self.mac.clone().chain_update(digest).finalize().into_bytes().into()
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper {{ id: {} }}", self.id)
    }
}

/// A key's public id: safe to log, unrelated to the secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 11];
        base62(self.0, &mut digits);
        f.write_str("key_")?;
        digits.iter().try_for_each(|d| fmt::Write::write_char(f, char::from(*d)))
    }
}

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

#[cfg(feature = "builder")]
pub use issue::{BadPrefix, Prefix, first_12, issue, masked};

#[cfg(feature = "builder")]
mod issue {
    use super::*;
    use alloc::string::String;
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString, vec, vec::Vec};

    const SECRET30: &str = "0123456789abcdefghijABCDEFGHIJ";

    fn key(prefix: &str) -> Vec<u8> {
        let mut text = format!("{prefix}_{SECRET30}").into_bytes();
        let check = check_of(&text);
        text.extend(check);
        text
    }

    #[test]
    fn one_block_is_sha_256() {
        let text = [0xa5; 130];
        for length in 0..=text.len() {
            let (text, expected) = (&text[..length], <[u8; 32]>::from(Sha256::digest(&text[..length])));
            assert_eq!((digest(text), one_block(text).is_some()), (expected, length < 56), "{length}");
        }
    }

    #[test]
    fn crc_and_base62_have_their_published_values() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let mut out = [0; 6];
        base62(u64::from(u32::MAX), &mut out);
        assert_eq!(&out, b"4gfFC3");
    }

    #[test]
    fn accepts_what_it_should() {
        for prefix in ["a", "vsp_sk", "a________________9", "x1_"] {
            assert!(KeyText::parse(&key(prefix)).is_ok(), "{prefix}");
        }
        assert_eq!(key("a________________9").len(), 55);
    }

    #[test]
    fn refuses_every_other_text() {
        for prefix in ["", "_a", "A", "1a", "a-b", "a________________99"] {
            assert!(KeyText::parse(&key(prefix)).is_err(), "{prefix}");
        }
        let good = key("vsp_sk");
        for cut in 0..good.len() {
            assert!(KeyText::parse(&good[..cut]).is_err() && KeyText::parse(&good[cut + 1..]).is_err());
        }
        // One wrong character anywhere, a swap of neighbours, a character too many.
        for i in 0..good.len() {
            for c in (0u8..=255).filter(|c| *c != good[i]) {
                let mut bad = good.clone();
                bad[i] = c;
                assert!(KeyText::parse(&bad).is_err(), "{i} {c}");
            }
            let mut swapped = good.clone();
            if i + 1 < good.len() && good[i] != good[i + 1] {
                swapped.swap(i, i + 1);
                assert!(KeyText::parse(&swapped).is_err());
            }
        }
        assert!(KeyText::parse(&[&good[..], b"z"].concat()).is_err());
        assert!(KeyText::parse(&vec![b'A'; 513]).is_err());
    }

    #[test]
    fn imported_texts() {
        assert!(KeyText::parse_imported(b"sk-live/abc.def~0+==").is_ok());
        assert!(KeyText::parse_imported(&[b'a'; 255]).is_ok());
        for bad in [&b"tooshort"[..], &[b'a'; 256], b"has space in it 12", b"================", b"a=b=c=d=e=f=g=h=i"] {
            assert!(KeyText::parse_imported(bad).is_err());
        }
    }

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

    #[test]
    fn peppered_digests_are_hmac() {
        assert!(Pepper::new(0, &[7; 32]).is_none() && Pepper::new(1, &[7; 15]).is_none() && Pepper::new(1, &[7; 65]).is_none());
        let pepper = Pepper::new(3, &[7; 32]).unwrap();
        let inner: [u8; 32] = Sha256::digest([&[7u8 ^ 0x36; 32][..], &[0x36; 32], &digest(b"k")].concat()).into();
        let outer: [u8; 32] = Sha256::digest([&[7u8 ^ 0x5c; 32][..], &[0x5c; 32], &inner].concat()).into();
        assert_eq!(pepper.apply(&digest(b"k")), outer);
    }

    #[cfg(feature = "builder")]
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
