//! Input: the text of a key, an id or a pepper.
//!
//! SPEC.md section 2; HMAC as RFC 2104 defines it.

use edgelatch_core::key::{self, KeyId, KeyText, Pepper, PepperId, Prefix};
use sha2::{Digest, Sha256};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

/// The number of so many digits.
fn base62(mut number: u128, digits: usize) -> Vec<u8> {
    let mut text: Vec<u8> = (0..digits)
        .map(|_| {
            let digit = BASE62[usize::try_from(number % 62).expect("below 62")];
            number /= 62;
            digit
        })
        .collect();
    text.reverse();
    text
}

fn is_prefix(text: &[u8]) -> bool {
    let rest = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'_';
    (1..=18).contains(&text.len()) && text[0].is_ascii_lowercase() && text.iter().all(rest)
}

/// Whether it is a key as this system issues it.
pub fn is_issued(text: &[u8]) -> bool {
    let Some(prefix) = text.len().checked_sub(37) else { return false };
    let (checked, check) = text.split_at(text.len() - 6);
    is_prefix(&text[..prefix])
        && text[prefix] == b'_'
        && text[prefix + 1..].iter().all(|byte| BASE62.contains(byte))
        && base62(crc32(checked).into(), 6) == check
}

/// Whether it is a key, or could be an imported one.
pub fn is_imported(text: &[u8]) -> bool {
    is_issued(text) || (16..=255).contains(&text.len()) && crate::oracle::credentials::is_token68(text)
}

/// RFC 2104, for keys no longer than a block.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], message].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner].concat()).into()
}

/// The id of a pepper.
pub fn pepper_id(pepper: &[u8]) -> u32 {
    let id = u32::from_be_bytes(hmac(pepper, b"edgelatch pepper id")[..4].try_into().expect("four bytes"));
    id.max(1)
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    assert_eq!(KeyText::parse(data).is_ok(), is_issued(data));
    assert_eq!(KeyText::parse_imported(data).is_ok(), is_imported(data));
    let digest: [u8; 32] = Sha256::digest(data).into();
    assert_eq!(key::digest(data), digest);
    if let Ok(read) = KeyText::parse_imported(data) {
        assert_eq!(read.digest(), digest);
    }
    pepper(data, &digest);
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(Prefix::parse(text).is_ok(), is_prefix(data));
    ids(text);
    issue(data, text);
}

fn pepper(data: &[u8], digest: &[u8; 32]) {
    let pepper = Pepper::new(data);
    assert_eq!(pepper.is_some(), (16..=64).contains(&data.len()));
    let Some(pepper) = pepper else { return };
    assert_eq!(pepper.id().get(), pepper_id(data));
    assert_eq!(pepper.apply(digest), hmac(data, &digest[..16]));
    assert_eq!(pepper.id().to_string(), format!("{:08x}", pepper_id(data)));
}

fn ids(text: &str) {
    let digits = text.strip_prefix("key_").filter(|digits| digits.len() == 11).map(str::as_bytes);
    let value = digits.and_then(|digits| {
        digits.iter().try_fold(0u128, |sum, digit| Some(sum * 62 + BASE62.iter().position(|one| one == digit)? as u128))
    });
    let wanted = value.and_then(|value| u64::try_from(value).ok());
    assert_eq!(text.parse::<KeyId>().ok().map(|id| id.0), wanted);
    let number = text.bytes().fold(0u64, |sum, byte| sum.rotate_left(9) ^ u64::from(byte).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let spelled = format!("key_{}", String::from_utf8(base62(number.into(), 11)).expect("ASCII"));
    assert_eq!(KeyId(number).to_string(), spelled);
    assert_eq!(spelled.parse::<KeyId>().map(|id| id.0).ok(), Some(number));
    let hex = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u32::from_str_radix(text, 16).ok().filter(|id| hex && *id > 0);
    assert_eq!(text.parse::<PepperId>().ok().map(PepperId::get), id);
}

/// Issued keys are keys, whatever the random bytes are that the beginning of the input stands for.
fn issue(data: &[u8], text: &str) {
    let Ok(prefix) = Prefix::parse(text.get(..text.len().min(18)).unwrap_or("a")) else { return };
    let mut source = data.iter().cycle();
    let mut asked = 0;
    let issued = key::issue(&prefix, &mut |out: &mut [u8]| {
        asked += out.len();
        // Bytes that repeat would be refused for ever by whoever draws until they fit.
        let salt = u8::try_from(asked % 251).unwrap_or(0);
        out.iter_mut().for_each(|byte| *byte = source.next().copied().unwrap_or(0).wrapping_add(salt));
    });
    assert!(is_issued(issued.as_bytes()), "{}", &*issued);
    assert!(issued.starts_with(prefix.as_str()));
    // What lists show of it is the prefix and a few characters, and no key.
    let masked = key::masked(&issued);
    assert_eq!(masked.len(), prefix.as_str().len() + "_".len() + 4 + "........".len() + 2);
    assert!(!is_issued(masked.as_bytes()) && issued.starts_with(&key::first_12(&issued)));
}
