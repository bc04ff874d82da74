//! Key texts, key ids and digests.

use super::raw::{hex, sha256};
use super::realms::{hmac, pepper_id};
use anyhow::{Result, ensure};
use edgelatch_core::key::{KeyId, Pepper};
use serde_json::{Value, json};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn base62(mut value: u64, digits: usize) -> String {
    let mut out = vec![b'0'; digits];
    for place in out.iter_mut().rev() {
        *place = BASE62[(value % 62) as usize];
        value /= 62;
    }
    out.into_iter().map(char::from).collect()
}

/// CRC-32 as in IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

fn with_check(body: &str) -> String {
    format!("{body}{}", base62(u64::from(crc32(body.as_bytes())), 6))
}

/// The text of test key `n`. It is well formed and says what it is.
pub fn text(n: u32) -> String {
    with_check(&format!("tst_sk_NOTASECRET{n:020}"))
}

pub fn id(value: u64) -> String {
    format!("key_{}", base62(value, 11))
}

/// Texts of issued keys.
fn issued() -> Vec<String> {
    let bodies = [
        "tst_sk_NOTASECRET00000000000000000001",
        "a_NOTASECRET00000000000000000002",
        "a________________9_NOTASECRETabcdefghijklmnopqrst",
        "x1__NOTASECRETABCDEFGHIJKLMNOPQRST",
        "vsp_sk_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "vsp_sk_000000000000000000000000000000",
    ];
    bodies.map(with_check).to_vec()
}

/// Texts that are no issued keys, and whether a realm with imports takes them as imported ones.
fn not_issued() -> Vec<(Vec<u8>, bool, &'static str)> {
    let good = with_check("tst_sk_NOTASECRET00000000000000000001");
    let body = &good[..good.len() - 6];
    let replaced = |at: usize, with: u8| {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = with;
        bytes
    };
    let mut swapped = good.clone().into_bytes();
    swapped.swap(16, 17);
    let owned = |text: &str| text.as_bytes().to_vec();
    vec![
        (owned(""), false, "empty"),
        (owned(body), true, "without check characters"),
        (owned(&good[..good.len() - 1]), true, "last character missing"),
        (owned(&good[1..]), true, "first character missing"),
        (owned(&format!("{good}0")), true, "a character too many"),
        (replaced(good.len() - 1, b'~'), true, "a check character that is none"),
        (replaced(20, b'1'), true, "one digit of the secret changed"),
        (swapped, true, "two characters swapped"),
        (owned(&good.to_uppercase()), true, "upper case"),
        (owned(&with_check("NOTASECRET00000000000000000001")), true, "no prefix"),
        (owned(&with_check("_NOTASECRET00000000000000000001")), true, "empty prefix"),
        (owned(&with_check("1st_NOTASECRET00000000000000000001")), true, "prefix begins with a digit"),
        (owned(&with_check("_st_NOTASECRET00000000000000000001")), true, "prefix begins with an underscore"),
        (owned(&with_check("Tst_NOTASECRET00000000000000000001")), true, "upper case in the prefix"),
        (owned(&with_check("t-t_NOTASECRET00000000000000000001")), true, "a dash in the prefix"),
        (owned(&with_check("a________________99_NOTASECRET00000000000000000001")), true, "prefix of 19"),
        (owned(&with_check("tst_sk_NOTASECRET0000000000000000000_")), true, "an underscore in the secret"),
        (owned(&with_check("tst_sk_NOTASECRET0000000000000000000+")), true, "a plus sign in the secret"),
        (owned(&format!(" {good}")), false, "a blank before"),
        (owned(&format!("{good}\n")), false, "a line feed after"),
        (replaced(20, 0), false, "a NUL"),
        (replaced(20, 0xff), false, "a byte that is not UTF-8"),
        (owned("tst_sk_NOTASECRET0000000000000000000é000000"), false, "a letter that is not ASCII"),
        (owned("123456789012345"), false, "15 bytes"),
        (owned("1234567890123456"), true, "16 bytes"),
        (vec![b'a'; 255], true, "255 bytes"),
        (vec![b'a'; 256], false, "256 bytes"),
        (vec![b'a'; 512], false, "512 bytes"),
        (vec![b'a'; 513], false, "513 bytes: refused unhashed"),
        (owned("fake/abc.def~0+-_=="), true, "every sign of token68"),
        (owned("================"), false, "nothing but padding"),
        (owned("fake=padding=inside"), false, "padding inside"),
        (owned("fake key with blanks"), false, "blanks"),
        (owned("fake,key,with,commas"), false, "commas"),
    ]
}

fn ids() -> Result<Vec<Value>> {
    let mut rows = Vec::new();
    for value in [0, 1, 61, 62, 3843, 0x0123_4567_89ab_cdef, u64::MAX - 1, u64::MAX] {
        // The core's own spelling is compared here once, so that rows may be written with either.
        ensure!(id(value) == KeyId(value).to_string(), "key id {value}");
        rows.push(json!({ "text": id(value), "value": value.to_string() }));
    }
    // LygHa16AHYF is 2^64 - 1.
    let bad = [
        "",
        "key_",
        "key_0000000000",
        "key_000000000000",
        "KEY_00000000000",
        "key-00000000000",
        "key_LygHa16AHYG",
        "key_zzzzzzzzzzz",
        "key_0000000000-",
        "key_0000000000 ",
        " key_00000000000",
        "key_+0000000001",
        "00000000000",
        "key_0000000000é",
    ];
    rows.extend(bad.iter().map(|text| json!({ "text": text, "value": null })));
    Ok(rows)
}

fn bytes_member(bytes: &[u8]) -> (&'static str, String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => ("text", text.to_owned()),
        Err(_) => ("hex", hex(bytes)),
    }
}

pub fn tables() -> Result<Value> {
    let mut texts: Vec<Value> =
        issued().iter().map(|text| json!({ "text": text, "issued": true, "imported": true, "why": "issued" })).collect();
    for (bytes, imported, why) in not_issued() {
        let (member, value) = bytes_member(&bytes);
        texts.push(json!({ member: value, "issued": false, "imported": imported, "why": why }));
    }
    let mut digests = Vec::new();
    for (n, secret) in [(1, [0x11u8; 16].to_vec()), (2, (0..64).collect())] {
        let digest = sha256(text(n).as_bytes());
        let pepper = Pepper::new(&secret).ok_or_else(|| anyhow::anyhow!("pepper {n}"))?;
        ensure!(pepper.apply(&digest) == hmac(&secret, &digest[..16]), "the core's digest under pepper {n} differs");
        ensure!(pepper.id().to_string() == pepper_id(&secret), "the core's id of pepper {n} differs");
        digests.push(json!({
            "text": text(n), "digest": hex(&digest), "pepper": hex(&secret), "pepper_id": pepper.id().to_string(), "peppered": hex(&pepper.apply(&digest)),
        }));
    }
    Ok(json!({ "texts": texts, "ids": ids()?, "digests": digests }))
}
