//! A bundle with one bit flipped, for every bit: the error code of the refusal, range of bits by range of bits.

use super::lies::Parts;
use super::raw::Head;
use super::scenarios::{root, small};
use super::{REALM, T0};
use anyhow::Result;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// What a part of a bundle is, its bytes, and the code of a flip in it; `None` where it depends on the bit.
type Part = (&'static str, usize, Option<&'static str>);

pub fn file() -> Result<Value> {
    let tree = Parts::honest()?.tree();
    let bundle = small(&tree, 5);
    let head = Head::of(&tree);
    let statement = head.statement().len();
    let parts: Vec<Part> = vec![
        ("bundle: magic", 4, Some("bad_magic")),
        ("bundle: format", 2, Some("unsupported_format")),
        ("bundle: reserved field", 2, Some("bad_field")),
        ("bundle: length of the head", 4, None),
        ("bundle: length of the top page", 4, None),
        ("head: magic", 4, Some("bad_magic")),
        ("head: format", 2, Some("unsupported_format")),
        ("head: length of the statement", 4, None),
        ("head: realm and reader version", 1 + REALM.len() + 2, Some("bad_signature")),
        // A later root version in a head that cannot be proven asks for the roots; an earlier one does not.
        ("head: root version, lowest bit", 0, Some("bad_signature")),
        ("head: root version, other bits", 4, Some("root_needed")),
        ("head: from the epoch on", statement - (1 + REALM.len() + 2) - 4, Some("bad_signature")),
        ("head: number of signatures", 1, None),
        ("head: key of the signer", 32, Some("too_few_signatures")),
        ("head: signature", 64, Some("bad_signature")),
        ("top page", tree.top.len(), Some("wrong_digest")),
        ("directory", tree.directory.len(), Some("wrong_digest")),
        ("index page", tree.page.len(), Some("wrong_digest")),
        ("chunks", tree.chunks.concat().len(), Some("wrong_digest")),
        ("shard", tree.shards[0].len(), Some("wrong_digest")),
    ];
    let mut at = 0;
    let mut ranges = Vec::new();
    for (name, bytes, code) in parts {
        let (from, to) = match name {
            "head: root version, lowest bit" => (at * 8, at * 8 + 1),
            "head: root version, other bits" => (at * 8 + 1, (at + bytes) * 8),
            _ => (at * 8, (at + bytes) * 8),
        };
        ranges.push(json!({ "name": name, "from_bit": from, "to_bit": to, "code": code }));
        at += bytes;
    }
    anyhow::ensure!(at == bundle.len(), "the parts of the bundle are {at} bytes, the bundle has {}", bundle.len());
    Ok(json!({
        "root": BASE64_STANDARD.encode(root()), "bundle": BASE64_STANDARD.encode(bundle), "now": T0, "ranges": ranges,
    }))
}
