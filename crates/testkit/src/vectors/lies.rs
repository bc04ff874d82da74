//! Trees that are rightly hashed and signed but wrongly made: what a publisher that lies could send.

use super::policies::{self, policy};
use super::raw::{Chunk, Directory, Head, LAST, Shard, Tree, numbers, sha256, shorten, text8};
use super::records::{Key, Role, plain};
use super::{T0, keys};
use crate::snapshot;
use anyhow::{Result, ensure};
use edgelatch_core::{
    build::{KeyRecord, build_tree},
    key::KeyId,
};

#[rustfmt::skip]
const ROLES: &[Role] = &[("reader", &["*.view", "read"]), ("dns", &["dns.*"])];
#[rustfmt::skip]
const ALLOW: &[&str] = &["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"];

/// The parts of a tree of two records with an entry in every table.
#[derive(Clone)]
pub struct Parts {
    pub directory: Directory,
    /// One of each table.
    pub chunks: [Chunk; 4],
    pub shard: Shard,
}

/// A plain key and a rich one.
fn small_keys() -> [Key; 2] {
    let rich = Key {
        expires_at: Some(T0 + 5),
        metadata: "{}",
        services: Some(&["cdn", "dns"]),
        roles: &["dns", "reader"],
        policy: Some(policy(false, Some(ALLOW), &[])),
        ..plain(2)
    };
    [plain(1), rich]
}

impl Parts {
    /// Written from SPEC.md, and equal to what the builder makes of the same records.
    pub fn honest() -> Result<Parts> {
        let [one, two] = small_keys();
        let digest16 = |key: &Key| sha256(key.text.as_bytes())[..16].try_into().expect("16 bytes");
        let mut rows = [(digest16(&one), 1u64, 0u64), (digest16(&two), 2, 1)];
        rows.sort_unstable();
        // The plain key has 0 in every column, the rich one this.
        let column = |value: u64| rows.iter().map(|row| row.2 * value).collect();
        // No entry has the number 0.
        let chunk = |table, entries: &[Vec<u8>]| Chunk { table, number: 0, entries: [&[vec![]], entries].concat() };
        let chunks = [
            chunk(0, &[role(b"dns", &[b"dns.*"]), role(b"reader", &[b"*.view", b"read"])]),
            chunk(1, &[numbers(&[1, 2])]),
            chunk(2, &[scope(&[b"cdn", b"dns"])]),
            chunk(3, &[policy(false, Some(ALLOW), &[]).bytes()]),
        ];
        let shard = Shard {
            digests: rows.iter().map(|row| row.0).collect(),
            ids: rows.iter().map(|row| row.1).collect(),
            columns: [
                (1, column(4)),
                (1, column(1)),
                (1, column(1)),
                (0, column(0)),
                (4, column(T0 + 5)),
                (0, column(0)),
                (1, column(1)),
            ],
            lists: [vec![pair(b"acme", b"alice")], vec![pair(b"", b"{}")]],
        };
        let parts = Parts { directory: Directory { credentials: 3, flags: 0, pepper_id: 0 }, chunks, shard };
        let (tree, built) = (parts.tree(), build_small()?);
        ensure!(tree.shards == built.shards, "the core's shard differs");
        ensure!(tree.chunks == built.chunks.into_values().collect::<Vec<_>>(), "the core's chunks differ");
        ensure!(tree.directory == built.directory, "the core's directory differs");
        ensure!(tree.top == built.top && tree.page == built.pages[0], "the core's top page or index page differs");
        Ok(parts)
    }

    pub fn tree(&self) -> Tree {
        let chunks: Vec<_> = self.chunks.iter().map(Chunk::bytes).collect();
        self.tree_of(&chunks, self.shard.bytes())
    }

    /// With these chunks, one of each table, in place of its own.
    fn tree_of(&self, chunks: &[Vec<u8>], shard: Vec<u8>) -> Tree {
        let rows: Vec<_> = chunks.iter().zip(0..).map(|(bytes, table)| (table, 0, bytes.clone())).collect();
        Tree::seal(0, 2, self.directory.bytes(&rows), chunks.to_vec(), vec![shard])
    }
}

fn role(name: &[u8], patterns: &[&[u8]]) -> Vec<u8> {
    let patterns: Vec<_> = patterns.iter().map(|pattern| text8(pattern)).collect();
    [text8(name), (patterns.len() as u16).to_le_bytes().to_vec(), patterns.concat()].concat()
}

fn scope(services: &[&[u8]]) -> Vec<u8> {
    [vec![services.len() as u8], services.iter().flat_map(|service| text8(service)).collect()].concat()
}

fn build_small() -> Result<edgelatch_core::build::Tree> {
    let record = |key: &Key| KeyRecord {
        org: key.org.into(),
        owner: key.owner.into(),
        metadata: key.metadata.into(),
        expires_at: key.expires_at,
        roles: if key.roles.is_empty() { vec![] } else { vec![1, 0] },
        services: key.services.map(|list| list.iter().rev().map(|s| (*s).into()).collect()),
        ip_policy: key.policy.map(|p| p.build()),
        ..snapshot::record(sha256(key.text.as_bytes()), KeyId(key.id))
    };
    Ok(build_tree(&snapshot::realm(ROLES), small_keys().iter().rev().map(record).collect())?)
}

/// The chunks, by their table.
const ROLE: usize = 0;
const SET: usize = 1;
const SCOPE: usize = 2;
const POLICY: usize = 3;

/// The columns of a shard and its lists.
const STATE: usize = 0;
const SCOPES: usize = 1;
const POLICIES: usize = 2;
const BEGIN: usize = 3;
const END: usize = 4;
const SUBJECT: usize = 5;
const CLAIM: usize = 6;
const SUBJECTS: usize = 0;
const CLAIMS: usize = 1;

/// A name, how the parts are changed, and the code; `None` where several faults follow from one and any may be named.
type Lie<T> = (&'static str, fn(&mut T), Option<&'static str>);

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// So many names, ascending.
fn names(count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("n{n:03}").into_bytes()).collect()
}

fn views(names: &[Vec<u8>]) -> Vec<&[u8]> {
    names.iter().map(Vec::as_slice).collect()
}

fn pair(first: &[u8], second: &[u8]) -> Vec<u8> {
    [text8(first), second.to_vec()].concat()
}

#[rustfmt::skip]
const PARTS: &[Lie<Parts>] = &[
    ("directory: no credential header", |p| p.directory.credentials = 0, Some("bad_field")),
    ("directory: unknown credential header", |p| p.directory.credentials = 4, Some("bad_field")),
    ("directory: unknown flag", |p| p.directory.flags = 2, Some("bad_field")),
    ("directory: a pepper that the edge has not", |p| p.directory.pepper_id = 9, Some("wrong_pepper")),
    ("role: pattern with a star inside a segment", |p| p.chunks[ROLE].entries[1] = role(b"dns", &[b"dn*"]), Some("bad_field")),
    ("role: pattern that is not UTF-8", |p| p.chunks[ROLE].entries[1] = role(b"dns", &[b"dn\xff"]), None),
    ("role: empty pattern", |p| p.chunks[ROLE].entries[1] = role(b"dns", &[b""]), Some("bad_field")),
    ("role: patterns unsorted", |p| p.chunks[ROLE].entries[2] = role(b"reader", &[b"read", b"*.view"]), Some("unsorted")),
    ("role: pattern twice", |p| p.chunks[ROLE].entries[2] = role(b"reader", &[b"read", b"read"]), Some("unsorted")),
    ("role: a pattern more announced", |p| p.chunks[ROLE].entries[2][7] = 3, Some("truncated")),
    ("role: a pattern less announced", |p| p.chunks[ROLE].entries[2][7] = 1, Some("trailing_bytes")),
    ("role: without a name", |p| p.chunks[ROLE].entries[1] = role(b"", &[b"dns.*"]), Some("bad_field")),
    ("role: name of 129 bytes", |p| p.chunks[ROLE].entries[1] = role(&[b'r'; 129], &[]), Some("bad_field")),
    ("role: name with a control character", |p| p.chunks[ROLE].entries[1] = role(b"a\x1eb", &[]), Some("bad_field")),
    ("role: name that is not UTF-8", |p| p.chunks[ROLE].entries[1] = role(b"\xffns", &[]), Some("not_text")),
    ("role: of 257 patterns", |p| p.chunks[ROLE].entries[1] = role(b"dns", &views(&names(257))), Some("too_long")),
    ("role: 65535 patterns announced", |p| p.chunks[ROLE].entries[2][7..9].fill(0xff), Some("too_long")),
    ("role: under number 0", |p| p.chunks[ROLE].entries[0] = role(b"zero", &[]), Some("bad_field")),
    ("role set: half a number", |p| p.chunks[SET].entries[1].push(0), Some("bad_reference")),
    ("role set: of less than a number", |p| p.chunks[SET].entries[1].truncate(3), Some("bad_reference")),
    ("role set: role 0", |p| p.chunks[SET].entries[1] = numbers(&[0, 1]), Some("bad_reference")),
    ("role set: descends", |p| p.chunks[SET].entries[1] = numbers(&[2, 1]), Some("unsorted")),
    ("role set: twice one role", |p| p.chunks[SET].entries[1] = numbers(&[1, 1]), Some("unsorted")),
    ("role set: of 33 roles", |p| p.chunks[SET].entries[1] = numbers(&Vec::from_iter(1..34)), Some("too_long")),
    ("role set: under number 0", |p| p.chunks[SET].entries[0] = numbers(&[1]), Some("bad_field")),
    ("scope: service with a star", |p| p.chunks[SCOPE].entries[1] = scope(&[b"*", b"cdn"]), Some("bad_field")),
    ("scope: unsorted", |p| p.chunks[SCOPE].entries[1] = scope(&[b"dns", b"cdn"]), Some("unsorted")),
    ("scope: service twice", |p| p.chunks[SCOPE].entries[1] = scope(&[b"cdn", b"cdn"]), Some("unsorted")),
    ("scope: of 129 services", |p| p.chunks[SCOPE].entries[1] = scope(&views(&names(129))), Some("too_long")),
    ("scope: a service more announced", |p| p.chunks[SCOPE].entries[1][0] = 3, Some("truncated")),
    ("scope: a service less announced", |p| p.chunks[SCOPE].entries[1][0] = 1, Some("trailing_bytes")),
    ("scope: under number 0", |p| p.chunks[SCOPE].entries[0] = scope(&[]), Some("bad_field")),
    ("policy: under number 0", |p| p.chunks[POLICY].entries[0] = p.chunks[POLICY].entries[1].clone(), Some("bad_field")),
    ("chunk: its last entry is none", |p| p.chunks[SCOPE].entries.push(vec![]), Some("bad_table")),
    ("chunk: no entry is there", |p| p.chunks[SCOPE].entries.truncate(1), Some("bad_table")),
    ("chunk: without entries", |p| p.chunks[SCOPE].entries.clear(), Some("bad_field")),
    ("chunk: 65 entries", |p| p.chunks[SCOPE].entries.resize(65, scope(&[b"cdn"])), Some("bad_field")),
    ("chunk: of another table", |p| p.chunks[SCOPE].table = 1, Some("bad_field")),
    ("chunk: of no table", |p| p.chunks[SCOPE].table = 4, Some("bad_field")),
    ("chunk: of another number", |p| p.chunks[SCOPE].number = 1, Some("bad_field")),
    ("shard: records unsorted", |p| p.shard.digests.reverse(), Some("unsorted")),
    ("shard: record twice", |p| p.shard.digests[1] = p.shard.digests[0], Some("unsorted")),
    ("shard: width of 3", |p| p.shard.columns[STATE].0 = 3, Some("bad_field")),
    ("shard: state without a width", |p| p.shard.columns[STATE] = (0, vec![0, 0]), Some("bad_field")),
    ("shard: state wider than needed", |p| p.shard.columns[STATE].0 = 2, Some("bad_field")),
    ("shard: scope wider than needed", |p| p.shard.columns[SCOPES].0 = 2, Some("bad_field")),
    ("shard: policy wider than needed", |p| p.shard.columns[POLICIES].0 = 4, Some("bad_field")),
    ("shard: policy of 8 bytes", |p| p.shard.columns[POLICIES].0 = 8, Some("bad_field")),
    ("shard: time of 2 bytes", |p| p.shard.columns[END] = (2, vec![0, 1]), Some("bad_field")),
    ("shard: time of 8 bytes that fits in 4", |p| p.shard.columns[END].0 = 8, Some("bad_field")),
    ("shard: times for nobody", |p| p.shard.columns[BEGIN].0 = 4, Some("bad_field")),
    ("shard: begins after the last second", |p| p.shard.columns[BEGIN] = (8, vec![0, LAST + 1]), Some("bad_field")),
    ("shard: ends after the last second", |p| p.shard.columns[END] = (8, vec![LAST + 1, 0]), Some("bad_field")),
    ("shard: width for a column of nothing", |p| p.shard.columns[SUBJECT].0 = 1, Some("bad_field")),
    ("shard: subject out of range", |p| p.shard.columns[SUBJECT] = (1, vec![0, 1]), Some("bad_reference")),
    ("shard: claims out of range", |p| p.shard.columns[CLAIM].1 = vec![0, 2], Some("bad_reference")),
    ("shard: no subject at all", |p| p.shard.lists[SUBJECTS].clear(), Some("bad_reference")),
    ("shard: subject twice", |p| p.shard.lists[SUBJECTS] = vec![pair(b"acme", b"alice"); 2], Some("unsorted")),
    ("shard: claims unsorted", |p| p.shard.lists[CLAIMS] = vec![pair(b"", b"{}"), pair(b"", b"[]")], Some("unsorted")),
    ("shard: empty org", |p| p.shard.lists[SUBJECTS][0] = pair(b"", b"alice"), Some("bad_field")),
    ("shard: empty owner", |p| p.shard.lists[SUBJECTS][0] = pair(b"acme", b""), Some("bad_field")),
    ("shard: blank in the owner", |p| p.shard.lists[SUBJECTS][0] = pair(b"acme", b"alice b"), Some("bad_field")),
    ("shard: owner not ASCII", |p| p.shard.lists[SUBJECTS][0] = pair(b"acme", "älice".as_bytes()), Some("bad_field")),
    ("shard: org of 65 bytes", |p| p.shard.lists[SUBJECTS][0] = pair(&[b'o'; 65], b"alice"), Some("bad_field")),
    ("shard: org longer than its entry", |p| p.shard.lists[SUBJECTS][0][0] = 200, Some("bad_field")),
    ("shard: claims that say nothing", |p| p.shard.lists[CLAIMS][0] = vec![0], Some("bad_field")),
    ("shard: name of 129 bytes", |p| p.shard.lists[CLAIMS][0] = text8(&[b'n'; 129]), Some("bad_field")),
    ("shard: name not UTF-8", |p| p.shard.lists[CLAIMS][0] = text8(b"\xc3\x28"), Some("bad_field")),
    ("shard: line feed in a name", |p| p.shard.lists[CLAIMS][0] = text8(b"a\nb"), Some("bad_field")),
    ("shard: C1 control character in a name", |p| p.shard.lists[CLAIMS][0] = text8("a\u{85}b".as_bytes()), Some("bad_field")),
    ("shard: unit separator in metadata", |p| p.shard.lists[CLAIMS][0] = pair(b"", b"{\x1f}"), Some("bad_field")),
    ("policy: unknown flag", |p| p.chunks[POLICY].entries[1][0] |= 4, Some("bad_field")),
    ("policy: second byte not zero", |p| p.chunks[POLICY].entries[1][1] = 1, Some("bad_field")),
    ("policy: allow entries without list mode", |p| p.chunks[POLICY].entries[1][0] = 0, Some("bad_field")),
    ("policy: a byte too many", |p| p.chunks[POLICY].entries[1].push(0), Some("bad_field")),
    ("policy: a byte too few", |p| shorten(&mut p.chunks[POLICY].entries[1]), Some("bad_field")),
    ("policy: counts too high", |p| p.chunks[POLICY].entries[1][2..4].fill(0xff), Some("bad_field")),
    ("policy: shorter than its counts", |p| p.chunks[POLICY].entries[1].truncate(9), Some("bad_field")),
    ("policy: restricts nobody", |p| p.chunks[POLICY].entries[1] = policies::raw(0, &[&[], &[]]), Some("bad_field")),
    ("policy: restricts nobody, deny first", |p| p.chunks[POLICY].entries[1] = policies::raw(2, &[&[], &[]]), Some("bad_field")),
    ("policy: host bits", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["10.0.0.1/8"], &[]]), Some("bad_field")),
    ("policy: host bits in IPv6", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["2001:db8::1/64"], &[]]), Some("bad_field")),
    ("policy: prefix of 33", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["10.0.0.0/33"], &[]]), Some("bad_field")),
    ("policy: prefix of 129", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["2001:db8::/129"], &[]]), Some("bad_field")),
    ("policy: unsorted", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["10.0.0.0/8", "9.0.0.0/8"], &[]]), Some("bad_field")),
    ("policy: entry twice", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["9.0.0.0/8", "9.0.0.0/8"], &[]]), Some("bad_field")),
    ("policy: one network inside another", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["10.0.0.0/8", "10.1.0.0/16"], &[]]), Some("bad_field")),
    ("policy: same network, wider and narrower", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["10.0.0.0/8", "10.0.0.0/16"], &[]]), Some("bad_field")),
    ("policy: overlap in the deny list", |p| p.chunks[POLICY].entries[1] = policies::raw(0, &[&[], &["2001:db8::/32", "2001:db8:1::/48"]]), Some("bad_field")),
    ("policy: mapped network in an IPv6 list", |p| p.chunks[POLICY].entries[1] = policies::raw(1, &[&["::ffff:10.0.0.0/104"], &[]]), Some("bad_field")),
];

#[rustfmt::skip]
const DIRECTORY: &[Lie<Vec<u8>>] = &[
    ("directory: magic", |d| d[0] = b'X', Some("bad_magic")),
    ("directory: format 1", |d| d[4] = 1, Some("unsupported_format")),
    ("directory: a byte too many", |d| d.push(0), Some("trailing_bytes")),
    ("directory: a byte too few", shorten, Some("truncated")),
    ("directory: four billion chunks", |d| put(d, 12, u32::MAX), Some("too_long")),
    ("directory: 2^16 + 1 chunks", |d| put(d, 12, (1 << 16) + 1), Some("too_long")),
    ("directory: 2^16 chunks", |d| put(d, 12, 1 << 16), None),
    ("directory: no chunk of roles announced", |d| put(d, 12, 0), None),
    ("directory: chunk number 2^24", |d| put(d, 16, 1 << 24), Some("bad_field")),
    ("directory: another chunk number", |d| put(d, 16, 1), Some("bad_field")),
    ("directory: the same chunk twice", |d| { put(d, 12, 2); let row = d[16..56].to_vec(); d.splice(16..16, row); }, Some("unsorted")),
    ("directory: chunks descend", |d| { put(d, 12, 2); let row = d[16..56].to_vec(); put(d, 16, 7); d.splice(56..56, row); }, Some("unsorted")),
    ("directory: digest of another chunk", |d| d[20] ^= 1, Some("wrong_digest")),
    ("directory: chunk of no bytes", |d| put(d, 52, 0), Some("bad_field")),
    ("directory: chunk of 4 MiB and a byte", |d| put(d, 52, (4 << 20) + 1), Some("too_large")),
    ("directory: chunk of 4 GiB", |d| put(d, 52, u32::MAX), Some("too_large")),
    ("directory: chunk a byte longer", |d| d[52] += 1, None),
    ("directory: empty", Vec::clear, Some("bad_field")),
];

/// The chunk of roles.
#[rustfmt::skip]
const CHUNK: &[Lie<Vec<u8>>] = &[
    ("chunk: magic", |c| c[0] = b'X', Some("bad_magic")),
    ("chunk: format 1", |c| c[4] = 1, Some("unsupported_format")),
    ("chunk: a byte too many", |c| c.push(0), Some("trailing_bytes")),
    ("chunk: a byte too few", shorten, None),
    ("chunk: four entries announced", |c| c[7] = 4, None),
    ("chunk: two entries announced", |c| c[7] = 2, None),
    ("chunk: ends descend", |c| put(c, 16, 200), Some("bad_table")),
    ("chunk: an end of 4 GiB", |c| put(c, 20, u32::MAX), None),
    ("chunk: one byte", |c| c.truncate(1), Some("truncated")),
    ("chunk: only its header", |c| c.truncate(12), Some("truncated")),
];

#[rustfmt::skip]
const SHARD: &[Lie<Vec<u8>>] = &[
    ("shard: magic", |s| s[0] = b'X', Some("bad_magic")),
    ("shard: format 1", |s| s[4] = 1, Some("unsupported_format")),
    ("shard: reserved field", |s| s[6] = 1, Some("bad_field")),
    ("shard: second reserved field", |s| s[19] = 1, Some("bad_field")),
    ("shard: four billion records", |s| put(s, 8, u32::MAX), Some("too_long")),
    ("shard: 2^22 + 1 records", |s| put(s, 8, (1 << 22) + 1), Some("too_long")),
    ("shard: 2^22 records", |s| put(s, 8, 1 << 22), Some("truncated")),
    ("shard: no record announced", |s| put(s, 8, 0), None),
    ("shard: one record announced", |s| put(s, 8, 1), None),
    ("shard: three records announced", |s| put(s, 8, 3), None),
    ("shard: a byte too many", |s| s.push(0), Some("trailing_bytes")),
    ("shard: a byte too few", shorten, Some("truncated")),
    ("shard: cut in its columns", |s| s.truncate(60), Some("truncated")),
    ("shard: four billion subjects", |s| put(s, SUBJECT_LIST, u32::MAX), Some("truncated")),
    ("shard: ends of three bytes", |s| s[SUBJECT_LIST + 4] = 3, Some("bad_field")),
    ("shard: ends of no bytes", |s| s[SUBJECT_LIST + 4] = 0, Some("bad_field")),
    ("shard: ends wider than needed", |s| { s[SUBJECT_LIST + 4] = 2; s.insert(SUBJECT_LIST + 6, 0); }, Some("bad_field")),
    ("shard: a subject of 255 bytes", |s| s[SUBJECT_LIST + 5] = 255, Some("truncated")),
];

/// Where the subjects stand in the honest shard: after the header, two records of 16 + 15 and 8 + 1 bytes.
const SUBJECT_LIST: usize = 20 + 2 * (8 + 15 + 8 + 1);

#[rustfmt::skip]
const PAGE: &[Lie<Vec<u8>>] = &[
    ("index page: magic", |p| p[3] = b'X', Some("bad_magic")),
    ("index page: format 258", |p| p[5] = 1, Some("unsupported_format")),
    ("index page: no shard", |p| p[6] = 0, Some("bad_field")),
    ("index page: 257 shards", |p| p[7] = 1, Some("bad_field")),
    ("index page: two shards announced", |p| p[6] = 2, None),
    ("index page: digest of another shard", |p| p[8] ^= 1, Some("wrong_digest")),
    ("index page: a shard of no bytes", |p| put(p, 40, 0), Some("bad_field")),
    ("index page: a shard of one byte", |p| put(p, 40, 1), None),
    ("index page: a shard of 2^28 bytes and one", |p| put(p, 40, (1 << 28) + 1), Some("too_large")),
    ("index page: a shard of 4 GiB", |p| put(p, 40, u32::MAX), Some("too_large")),
];

#[rustfmt::skip]
const TOP: &[Lie<Vec<u8>>] = &[
    ("top page: magic", |t| t[0] = 0, Some("bad_magic")),
    ("top page: format 1", |t| t[4] = 1, Some("unsupported_format")),
    ("top page: more shards than its records ask for", |t| t[6] = 1, Some("bad_field")),
    ("top page: 2^255 shards", |t| t[6] = 255, Some("bad_field")),
    ("top page: reserved byte", |t| t[7] = 1, Some("bad_field")),
    ("top page: other number of records", |t| t[8] = 3, Some("wrong_count")),
    ("top page: more records than its shards ask for", |t| t[9] = 2, Some("bad_field")),
    ("top page: digest of another directory", |t| t[16] ^= 1, Some("wrong_digest")),
    ("top page: directory of no bytes", |t| put(t, 48, 0), Some("bad_field")),
    ("top page: directory of 4 GiB", |t| put(t, 48, u32::MAX), Some("too_large")),
    ("top page: directory of 2^28 bytes and one", |t| put(t, 48, (1 << 28) + 1), Some("too_large")),
    ("top page: directory a byte longer", |t| t[48] = t[48].wrapping_add(1), Some("wrong_digest")),
    ("top page: directory a byte shorter", |t| t[48] = t[48].wrapping_sub(1), Some("wrong_digest")),
    ("top page: no index page", |t| put(t, 52, 0), None),
    ("top page: four billion index pages", |t| put(t, 52, u32::MAX), None),
    ("top page: digest of another index page", |t| t[56] ^= 1, Some("wrong_digest")),
    ("top page: index page of another length", |t| t[88] += 1, Some("bad_field")),
    ("top page: a byte too many", |t| t.push(0), Some("trailing_bytes")),
    ("top page: a byte too few", shorten, Some("truncated")),
];

/// Name, bundle of epoch 5, code.
pub type Refused = (&'static str, Vec<u8>, Option<&'static str>);

pub fn all() -> Result<Vec<Refused>> {
    let honest = Parts::honest()?;
    let mut out: Vec<Refused> = Vec::new();
    let mut add = |name: &'static str, tree: &Tree, code| out.push((name, tree.bundle(&Head::of(tree).sign(&[101])), code));
    for (name, edit, code) in PARTS {
        let mut parts = honest.clone();
        edit(&mut parts);
        add(name, &parts.tree(), *code);
    }
    let whole = honest.tree();
    for (name, edit, code) in DIRECTORY {
        let mut directory = whole.directory.clone();
        edit(&mut directory);
        add(name, &Tree::seal(0, 2, directory, whole.chunks.clone(), whole.shards.clone()), *code);
    }
    for (name, edit, code) in CHUNK {
        let mut chunks = whole.chunks.clone();
        edit(&mut chunks[ROLE]);
        add(name, &honest.tree_of(&chunks, whole.shards[0].clone()), *code);
    }
    for (name, edit, code) in SHARD {
        let mut shard = whole.shards[0].clone();
        edit(&mut shard);
        add(name, &honest.tree_of(&whole.chunks, shard), *code);
    }
    for (name, edit, code) in PAGE {
        let mut tree = honest.tree();
        edit(&mut tree.page);
        tree.seal_top();
        add(name, &tree, *code);
    }
    for (name, edit, code) in TOP {
        let mut tree = honest.tree();
        edit(&mut tree.top);
        add(name, &tree, *code);
    }
    let mut tree = honest.tree();
    tree.records = 3;
    tree.seal_top();
    add("head and top page: a record more than the shards hold", &tree, Some("wrong_count"));
    for (name, tree, code) in crowded()? {
        add(name, &tree, Some(code));
    }
    Ok(out)
}

/// Lies that need two shards: 257 records at least.
fn crowded() -> Result<Vec<(&'static str, Tree, &'static str)>> {
    let record = |n: u32| KeyRecord {
        org: "o".into(),
        owner: "o".into(),
        roles: vec![],
        ..snapshot::record(sha256(keys::text(n).as_bytes()), KeyId(0))
    };
    let built = build_tree(&snapshot::realm(&[]), (0..257).map(record).collect())?;
    let swapped = built.shards.iter().rev().cloned().collect();
    let honest = Tree::seal(1, 257, built.directory.clone(), vec![], built.shards);
    ensure!(honest.top == built.top && honest.page == built.pages[0], "the core's index of two shards differs");
    Ok(vec![("shards exchanged", Tree::seal(1, 257, built.directory, vec![], swapped), "wrong_shard")])
}
