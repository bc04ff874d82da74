//! The roots of the test realms, and roots that must be refused.

use super::raw::{Edit, Keys, LAST, Root, role, seal, shorten, signatures, unhex};
use super::{DAY, REALM, T0};

/// Name, content, and who signs.
pub type Named = (&'static str, Root, &'static [u8]);

/// Root version 1: root role two of three, one publisher.
pub fn first() -> Root {
    Root {
        realm: REALM.into(),
        min_reader: 2,
        version: 1,
        issued_at: T0 - DAY,
        expires_at: T0 + 3650 * DAY,
        era: 1,
        min_epoch: 1,
        root: role(2, &[1, 2, 3]),
        publisher: role(1, &[101]),
    }
}

/// The roots in force one after the other. Version 2 rotates the publisher and one root key, version 3 raises the least epoch,
/// version 4 rotates the publisher and begins an era.
pub fn roots() -> [Named; 4] {
    let second = Root { version: 2, min_epoch: 2, root: role(2, &[2, 3, 4]), publisher: role(2, &[102, 103, 104]), ..first() };
    let third = Root { version: 3, expires_at: T0 + 4000 * DAY, min_epoch: 5, ..second.clone() };
    let fourth = Root { version: 4, era: 4, min_epoch: 3, publisher: role(1, &[105]), ..third.clone() };
    [("v1", first(), &[1, 2]), ("v2", second, &[1, 2, 4]), ("v3", third, &[3, 4]), ("v4", fourth, &[2, 3])]
}

/// Fields of a root of version 1 that is signed by keys 1 and 2, and what comes of deploying it.
#[rustfmt::skip]
const FIELDS: &[Edit<Root>] = &[
    ("as it should be", |_| {}, "accepted"),
    ("for readers of version 1", |r| r.min_reader = 1, "accepted"),
    ("for readers of version 0", |r| r.min_reader = 0, "bad_field"),
    ("for readers of version 3", |r| r.min_reader = 3, "reader_too_old"),
    ("longest realm", |r| r.realm = vec![b'r'; 64], "accepted"),
    ("realm of every character", |r| r.realm = b"a-z_0.9".to_vec(), "accepted"),
    ("realm of 65 bytes", |r| r.realm = vec![b'r'; 65], "bad_realm"),
    ("empty realm", |r| r.realm = vec![], "bad_realm"),
    ("realm with a slash", |r| r.realm = b"a/b".to_vec(), "bad_realm"),
    ("realm in upper case", |r| r.realm = b"A".to_vec(), "bad_realm"),
    ("realm not UTF-8", |r| r.realm = b"\xff".to_vec(), "not_text"),
    ("version 0", |r| r.version = 0, "bad_field"),
    ("highest version", |r| r.version = u32::MAX, "accepted"),
    ("highest version, which begins an era", |r| (r.version, r.era) = (u32::MAX, u32::MAX), "accepted"),
    ("era of the root before", |r| (r.version, r.era) = (3, 2), "accepted"),
    ("era 0", |r| r.era = 0, "bad_field"),
    ("era of a later root", |r| r.era = 2, "bad_field"),
    ("least epoch 0", |r| r.min_epoch = 0, "bad_field"),
    ("least epoch is the last one", |r| r.min_epoch = LAST, "accepted"),
    ("least epoch beyond the last one", |r| r.min_epoch = LAST + 1, "bad_field"),
    ("expires with the last second", |r| r.expires_at = LAST, "accepted"),
    ("expires a second after the last", |r| r.expires_at = LAST + 1, "bad_field"),
    ("expires never", |r| r.expires_at = u64::MAX, "bad_field"),
    ("expires when it is issued", |r| r.expires_at = r.issued_at, "bad_field"),
    ("expires before it is issued", |r| r.expires_at = r.issued_at - 1, "bad_field"),
    ("root threshold 0", |r| r.root.threshold = 0, "bad_threshold"),
    ("root threshold above its keys", |r| r.root.threshold = 4, "bad_threshold"),
    ("root threshold of three, two signed", |r| r.root.threshold = 3, "too_few_signatures"),
    ("publisher threshold 0", |r| r.publisher.threshold = 0, "bad_threshold"),
    ("publisher threshold above its keys", |r| r.publisher.threshold = 2, "bad_threshold"),
    ("publisher without keys", |r| r.publisher = role(0, &[]), "bad_threshold"),
    ("publisher without keys, threshold 1", |r| r.publisher = role(1, &[]), "bad_threshold"),
    ("16 publishers", |r| r.publisher = role(16, &[101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116]), "accepted"),
    ("17 publishers", |r| r.publisher = role(1, &[101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117]), "bad_threshold"),
    ("root keys unsorted", |r| r.root.keys.reverse(), "unsorted"),
    ("root key twice", |r| r.root.keys[1] = r.root.keys[0], "unsorted"),
    ("a key in both roles", |r| r.publisher = role(1, &[1]), "key_in_both_roles"),
    ("publisher key is a root key among others", |r| r.publisher = role(1, &[101, 3]), "key_in_both_roles"),
    ("signers are not of the role", |r| r.root = role(1, &[7]), "too_few_signatures"),
    ("one signer is of the role", |r| r.root = role(2, &[2, 7]), "too_few_signatures"),
    ("one of two is enough", |r| r.root = role(1, &[2, 7]), "accepted"),
];

/// Encodings that are no public key: the eight points of small order, other encodings of them, y at or above the prime,
/// and one that is not on the curve.
#[rustfmt::skip]
const WEAK: &[(&str, &str)] = &[
    ("order 1", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order 4", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("order 4, other sign", "0000000000000000000000000000000000000000000000000000000000000080"),
    ("order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("order 8, other sign", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    ("order 8, second", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ("order 8, second, other sign", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    ("order 1, x is 0 with its sign set", "0100000000000000000000000000000000000000000000000000000000000080"),
    ("order 2, x is 0 with its sign set", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("y is p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("y is p, sign set", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("y is p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("y is p + 1, sign set", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("y is p + 3, of large order", "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("y is p + 9, of large order", "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("y is p + 3, sign set", "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    ("not on the curve", "0200000000000000000000000000000000000000000000000000000000000000"),
    ("all ones", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
];

/// Bytes of a root's frame that are changed after signing.
#[rustfmt::skip]
const FRAMES: &[Edit<Vec<u8>>] = &[
    ("empty", Vec::clear, "truncated"),
    ("magic of a head", |r| r[..4].copy_from_slice(b"ELHD"), "bad_magic"),
    ("format 1", |r| r[4] = 1, "unsupported_format"),
    ("statement of 4 GiB", |r| r[6..10].fill(0xff), "truncated"),
    ("a byte too many", |r| r.push(0), "trailing_bytes"),
    ("8192 bytes", |r| r.resize(8192, 0), "trailing_bytes"),
    ("8193 bytes", |r| r.resize(8193, 0), "too_large"),
    ("a byte too few", shorten, "truncated"),
    ("signature changed", |r| *r.last_mut().expect("not empty") ^= 0x10, "bad_signature"),
];

/// A root that an edge is deployed with, and `accepted` or the code of its refusal.
pub struct Deployment {
    pub name: String,
    pub root: Vec<u8>,
    pub code: &'static str,
}

pub fn deployments() -> Vec<Deployment> {
    let mut out = Vec::new();
    let mut add = |name: &str, root, code| out.push(Deployment { name: name.into(), root, code });
    for (name, edit, code) in FIELDS {
        let mut root = first();
        edit(&mut root);
        add(name, root.sign(&[1, 2]), *code);
    }
    for (name, key) in WEAK {
        let key: [u8; 32] = unhex(key).try_into().expect("32 bytes");
        let keys = Keys { threshold: 1, keys: vec![key] };
        add(&format!("publisher key: {name}"), Root { publisher: keys, ..first() }.sign(&[1, 2]), "weak_key");
    }
    for (name, edit, code) in FRAMES {
        let mut bytes = first().sign(&[1, 2]);
        edit(&mut bytes);
        add(name, bytes, *code);
    }
    let statement = first().statement();
    let twice = [signatures(1, &statement, &[1])[0]; 2];
    add("signed twice by one key", seal(b"ELRT", &statement, &twice), "duplicate_signature");
    add("without signature", first().sign(&[]), "too_few_signatures");
    add("signed by one of three", first().sign(&[1]), "too_few_signatures");
    add("signed by all three", first().sign(&[1, 2, 3]), "accepted");
    add("signed by two and a stranger", first().sign(&[1, 2, 150]), "accepted");
    add("signed by the publisher", first().sign(&[101]), "too_few_signatures");
    add("signed for the publisher role", seal(b"ELRT", &statement, &signatures(2, &statement, &[1, 2])), "bad_signature");
    let longer = [&statement[..], &[0]].concat();
    add("statement with a byte more", seal(b"ELRT", &longer, &signatures(1, &longer, &[1, 2])), "trailing_bytes");
    let shorter = &statement[..statement.len() - 1];
    add("statement with a byte less", seal(b"ELRT", shorter, &signatures(1, shorter, &[1, 2])), "truncated");
    out
}
