//! Key text, its check characters and digest, and public key ids. SPEC.md section 2.
//!
//! ```text
//! key    := prefix "_" secret check          at most 55 bytes: one SHA-256 block
//! prefix := [a-z][a-z0-9_]{0,17}
//! secret := 30 base62 characters             178 bits from a CSPRNG
//! check  := 6 base62 characters              CRC-32 of all before it, most significant digit first
//! id     := "key_" 11 base62 characters      64 random bits, unrelated to the secret
//! ```

mod check;
mod id;
#[cfg(feature = "builder")]
mod issue;
mod pepper;

use crate::http::is_token68;
use crate::limits::{IMPORTED_KEY_BYTES, MAX_CREDENTIAL_BYTES, MAX_PREFIX_BYTES};
use check::{CHECK, check_of};
use core::fmt;
use sha2::{Digest, Sha256};

pub use id::{BadKeyId, KeyId};
#[cfg(feature = "builder")]
pub use issue::{BadPrefix, Prefix, first_12, issue, masked};
pub use pepper::{NoPepperId, Pepper, PepperId};

const SECRET: usize = 30;

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
    #[inline]
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
    #[inline]
    pub fn parse_imported(text: &'a [u8]) -> Result<Self, Malformed> {
        let sound = IMPORTED_KEY_BYTES.contains(&text.len()) && is_token68(text);
        if sound { Ok(KeyText(text)) } else { Err(Malformed) }
    }

    /// SHA-256 of the whole text.
    #[inline]
    pub fn digest(&self) -> [u8; 32] {
        digest(self.0)
    }
}

const _: () = assert!(MAX_PREFIX_BYTES + 1 + SECRET + CHECK == 55 && MAX_CREDENTIAL_BYTES >= 255);

/// SHA-256 of a key's whole text: what the registry stores and an import brings.
#[inline]
pub fn digest(text: &[u8]) -> [u8; 32] {
    let Some(state) = one_block(text) else { return Sha256::digest(text).into() };
    let mut out = [0; 32];
    out.as_chunks_mut::<4>().0.iter_mut().zip(state).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
    out
}

/// The first 16 bytes of a digest as two big-endian numbers.
#[inline]
pub(crate) fn leading_words(digest: &[u8; 32]) -> (u64, u64) {
    let ([high, low, ..], _) = digest.as_chunks::<8>() else { return (0, 0) };
    (u64::from_be_bytes(*high), u64::from_be_bytes(*low))
}

/// SHA-256, as its eight words, of a text that fits one block with its padding, as every issued key does: 0x80, zeros, the length in
/// bits. The streaming interface costs a fifth of the hash on top.
#[inline]
fn one_block(text: &[u8]) -> Option<[u32; 8]> {
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
    Some(state)
}

#[inline]
fn is_prefix(text: &[u8]) -> bool {
    text.len() <= MAX_PREFIX_BYTES
        && text.first().is_some_and(u8::is_ascii_lowercase)
        && text.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec, vec::Vec};

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
}
