//! Heads and bundles that must be refused, over an honest tree.

use super::raw::{self, Edit, Head, LAST, Pair, Tree, malleated, message, public, seal, shorten, signatures, small_order_r};
use super::scenarios::small;
use super::{DAY, T0, trust};
use ed25519_dalek::Signer;

/// A bundle of epoch 5 that must be refused.
pub struct Refused {
    pub name: &'static str,
    pub now: u64,
    pub bundle: Vec<u8>,
    pub code: &'static str,
}

/// Fields of a head that is rightly signed, and the code.
#[rustfmt::skip]
const FIELDS: &[Edit<Head>] = &[
    ("head: of another realm", |h| h.realm = b"other".to_vec(), "wrong_realm"),
    ("head: realm in upper case", |h| h.realm = b"Vectors".to_vec(), "bad_realm"),
    ("head: empty realm", |h| h.realm = vec![], "bad_realm"),
    ("head: realm of 65 bytes", |h| h.realm = vec![b'r'; 65], "bad_realm"),
    ("head: realm not UTF-8", |h| h.realm = b"vect\xff".to_vec(), "not_text"),
    ("head: for readers of version 3", |h| h.min_reader = 3, "reader_too_old"),
    ("head: for readers of version 0", |h| h.min_reader = 0, "bad_field"),
    ("head: under root 0", |h| h.root_version = 0, "bad_field"),
    ("head: under a later root", |h| h.root_version = 2, "root_needed"),
    ("head: under the last root", |h| h.root_version = u32::MAX, "root_needed"),
    ("head: of another realm, under a later root", |h| (h.realm, h.root_version) = (b"other".to_vec(), 2), "wrong_realm"),
    ("head: epoch 0", |h| h.epoch = 0, "bad_field"),
    ("head: epoch beyond the last", |h| h.epoch = LAST + 1, "bad_field"),
    ("head: epoch 2^64 - 1", |h| h.epoch = u64::MAX, "bad_field"),
    ("head: no lifetime", |h| h.not_after = h.issued_at, "bad_lifetime"),
    ("head: ends before it begins", |h| h.not_after = h.issued_at - 1, "bad_lifetime"),
    ("head: a second more than 30 days", |h| h.not_after = h.issued_at + 30 * DAY + 1, "bad_lifetime"),
    ("head: valid until the end of time", |h| h.not_after = u64::MAX, "bad_lifetime"),
    ("head: for the day before the last second", |h| (h.issued_at, h.not_after) = (LAST - DAY, LAST), "clock_invalid"),
    ("head: for the day before the second after the last", |h| (h.issued_at, h.not_after) = (LAST - DAY + 1, LAST + 1), "bad_lifetime"),
    ("head: of another tree", |h| h.tree[31] ^= 1, "wrong_digest"),
    ("head: tree a byte longer", |h| h.tree_bytes += 1, "wrong_count"),
    ("head: tree a byte shorter", |h| h.tree_bytes -= 1, "wrong_count"),
    ("head: tree of more than 3 GiB", |h| h.tree_bytes = (3 << 30) + 1, "too_large"),
    ("head: tree of 2^64 bytes", |h| h.tree_bytes = u64::MAX, "too_large"),
    ("head: a record more", |h| h.records += 1, "wrong_count"),
    ("head: no record", |h| h.records = 0, "wrong_count"),
    ("head: 2^64 records", |h| h.records = u64::MAX, "wrong_count"),
];

/// Seconds after `T0` at which an honest head of a day is refused.
#[rustfmt::skip]
const TIMES: &[(&str, i64, &str)] = &[
    ("clock: 301 seconds before the time of issue", -301, "clock_invalid"),
    ("clock: at 0", -(T0 as i64), "clock_invalid"),
    ("clock: when the head ends", DAY as i64, "head_expired"),
    ("clock: far ahead", 1 << 40, "root_expired"),
];

/// Bytes of a head's frame that are changed after signing.
#[rustfmt::skip]
const FRAMES: &[Edit<Vec<u8>>] = &[
    ("head: magic of a root", |h| h[..4].copy_from_slice(b"ELRT"), "bad_magic"),
    ("head: format 1", |h| h[4] = 1, "unsupported_format"),
    ("head: statement of 4 GiB", |h| h[6..10].fill(0xff), "truncated"),
    ("head: a byte too many", |h| h.push(0), "trailing_bytes"),
    ("head: a byte too few", shorten, "truncated"),
    ("head: two signatures announced", |h| edit_count(h, 2), "truncated"),
    ("head: no signature announced", |h| edit_count(h, 0), "trailing_bytes"),
    ("head: 33 signatures announced", |h| edit_count(h, 33), "too_long"),
    ("head: signature changed", |h| flip_last(h), "bad_signature"),
    ("head: empty", Vec::clear, "truncated"),
];

fn edit_count(head: &mut [u8], count: u8) {
    let at = head.len() - 97;
    head[at] = count;
}

fn flip_last(head: &mut [u8]) {
    let at = head.len() - 40;
    head[at] ^= 1;
}

/// Bytes of a bundle's own header, and its end.
#[rustfmt::skip]
const BUNDLES: &[Edit<Vec<u8>>] = &[
    ("bundle: empty", Vec::clear, "truncated"),
    ("bundle: only its magic", |b| b.truncate(4), "truncated"),
    ("bundle: only its header", |b| b.truncate(16), "truncated"),
    ("bundle: magic", |b| b[0] = b'e', "bad_magic"),
    ("bundle: format 1", |b| b[4] = 1, "unsupported_format"),
    ("bundle: reserved field", |b| b[6] = 1, "bad_field"),
    ("bundle: head of 4 GiB", |b| b[8..12].fill(0xff), "too_large"),
    ("bundle: head of 4097 bytes", |b| b[8..12].copy_from_slice(&4097u32.to_le_bytes()), "too_large"),
    ("bundle: head of 4096 bytes", |b| b[8..12].copy_from_slice(&4096u32.to_le_bytes()), "truncated"),
    ("bundle: top page of 4 GiB", |b| b[12..16].fill(0xff), "too_large"),
    ("bundle: top page of a byte more than 256 KiB", |b| b[12..16].copy_from_slice(&0x4_0001u32.to_le_bytes()), "too_large"),
    ("bundle: top page of 256 KiB", |b| b[12..16].copy_from_slice(&0x4_0000u32.to_le_bytes()), "truncated"),
    ("bundle: head a byte shorter", |b| b[8] -= 1, "truncated"),
    ("bundle: top page a byte shorter", |b| b[12] -= 1, "wrong_digest"),
    ("bundle: top page of no bytes", |b| b[12..16].fill(0), "wrong_digest"),
    ("bundle: a byte too many", |b| b.push(0), "trailing_bytes"),
    ("bundle: a byte too few", shorten, "truncated"),
    ("bundle: twice", |b| b.extend_from_within(..), "trailing_bytes"),
];

/// Heads whose signatures are wrong in one way.
fn forged(tree: &Tree) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let head = Head::of(tree);
    let statement = head.statement();
    let sealed = |pairs: &[Pair]| seal(b"ELHD", &statement, pairs);
    let good = signatures(2, &statement, &[101])[0];
    let signed = |seed: u8, bytes: &[u8]| (public(seed), raw::signer(seed).sign(bytes).to_bytes());
    let mut unsorted = signatures(2, &statement, &[101, 150]);
    unsorted.reverse();
    let longer = [&statement[..], &[0]].concat();
    let shorter = &statement[..statement.len() - 1];
    let head_seal = |statement: &[u8]| seal(b"ELHD", statement, &signatures(2, statement, &[101]));
    let root_statement = trust::first().statement();
    let broken_stranger = {
        let mut pairs = signatures(2, &statement, &[101, 150]);
        pairs.iter_mut().filter(|pair| pair.0 == public(101)).for_each(|pair| pair.1[0] ^= 1);
        pairs
    };
    vec![
        ("head: statement with a byte more", head_seal(&longer), "trailing_bytes"),
        ("head: statement with a byte less", head_seal(shorter), "truncated"),
        ("head: no statement", head_seal(&[]), "truncated"),
        ("head: without signature", sealed(&[]), "too_few_signatures"),
        ("head: signed by a stranger", head.sign(&[150]), "too_few_signatures"),
        ("head: signed by the root role", head.sign(&[1, 2, 3]), "too_few_signatures"),
        ("head: signed twice by the publisher", sealed(&[good, good]), "duplicate_signature"),
        ("head: signatures unsorted", sealed(&unsorted), "duplicate_signature"),
        ("head: stranger's signature good, publisher's bad", sealed(&broken_stranger), "bad_signature"),
        ("head: signed for the root role", sealed(&[signed(101, &message(1, 2, &statement))]), "bad_signature"),
        ("head: signed for format 1", sealed(&[signed(101, &message(2, 1, &statement))]), "bad_signature"),
        ("head: signed without the domain", sealed(&[signed(101, &statement)]), "bad_signature"),
        ("head: signature over another statement", sealed(&signatures(2, &longer, &[101])), "bad_signature"),
        ("head: S + L in place of S", sealed(&[(good.0, malleated(good.1))]), "bad_signature"),
        ("head: R of small order", sealed(&[(good.0, small_order_r(101, &message(2, 2, &statement)))]), "bad_signature"),
        ("head: signature of zeros", sealed(&[(good.0, [0; 64])]), "bad_signature"),
        (
            "head: a root's statement",
            seal(b"ELHD", &root_statement, &signatures(1, &root_statement, &[1, 2])),
            "too_few_signatures",
        ),
        ("head: signed under a later root", Head { root_version: 2, ..head.clone() }.sign(&[102, 103]), "root_needed"),
        (
            "head: of another realm, signed by a stranger under a later root",
            Head { realm: b"other".to_vec(), root_version: 2, ..head.clone() }.sign(&[150]),
            "too_few_signatures",
        ),
        (
            "head: signed under an earlier root by a stranger",
            Head { root_version: 0, ..head.clone() }.sign(&[150]),
            "too_few_signatures",
        ),
    ]
}

pub fn all(tree: &Tree) -> Vec<Refused> {
    let mut out = Vec::new();
    let mut add = |name, now, bundle, code| out.push(Refused { name, now, bundle, code });
    for (name, edit, code) in FIELDS {
        let mut head = Head::of(tree);
        edit(&mut head);
        add(name, T0, tree.bundle(&head.sign(&[101])), *code);
    }
    for (name, offset, code) in TIMES {
        add(name, T0.saturating_add_signed(*offset), small(tree, 5), *code);
    }
    for (name, edit, code) in FRAMES {
        let mut head = Head::of(tree).sign(&[101]);
        edit(&mut head);
        add(name, T0, tree.bundle(&head), *code);
    }
    for (name, head, code) in forged(tree) {
        add(name, T0, tree.bundle(&head), code);
    }
    for (name, edit, code) in BUNDLES {
        let mut bundle = small(tree, 5);
        edit(&mut bundle);
        add(name, T0, bundle, *code);
    }
    out
}
