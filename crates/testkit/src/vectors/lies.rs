//! Trees that are rightly hashed and signed but wrongly made: what a publisher that lies could send.

use super::policies::{self, policy};
use super::raw::{Directory, Head, Shard, Tree, refs, sha256, shorten, text8};
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
        let mut rows = [(digest16(&one), 1u64, 0u32), (digest16(&two), 2, 1)];
        rows.sort_unstable();
        let column: Vec<u32> = rows.iter().map(|row| row.2).collect();
        let bytes = |texts: &[&str]| texts.iter().map(|t| t.as_bytes().to_vec()).collect::<Vec<_>>();
        let role = |name: &str, patterns: &[u32]| [text8(name.as_bytes()), refs(patterns)].concat();
        let directory = Directory {
            credentials: 3,
            flags: 0,
            pepper_id: 0,
            tables: [
                bytes(&["*.view", "dns.*", "read"]),
                bytes(&["cdn", "dns"]),
                vec![role("dns", &[1]), role("reader", &[0, 2])],
                vec![vec![], refs(&[0, 1])],
                vec![vec![0], [vec![1], refs(&[0, 1])].concat()],
            ],
        };
        let shard = Shard {
            digests: rows.iter().map(|row| row.0).collect(),
            ids: rows.iter().map(|row| row.1).collect(),
            columns: std::array::from_fn(|i| if i == SUBJECT { (0, vec![0, 0]) } else { (1, column.clone()) }),
            tables: [
                vec![validity(0, 0, T0 + 5)],
                vec![policy(false, Some(ALLOW), &[]).bytes()],
                vec![[text8(b"acme"), b"alice".to_vec()].concat()],
                vec![[text8(b""), b"{}".to_vec()].concat()],
            ],
        };
        let parts = Parts { directory, shard };
        let built = build_small()?;
        ensure!(parts.directory.bytes() == built.directory, "the core's directory differs");
        ensure!(parts.shard.bytes() == built.shards[0], "the core's shard differs");
        let tree = parts.tree();
        ensure!(tree.top == built.top && tree.page == built.pages[0], "the core's top page or index page differs");
        Ok(parts)
    }

    pub fn tree(&self) -> Tree {
        Tree::seal(0, 2, self.directory.bytes(), vec![self.shard.bytes()])
    }
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

fn validity(flags: u8, not_before: u64, expires_at: u64) -> Vec<u8> {
    [&[flags][..], &not_before.to_le_bytes(), &expires_at.to_le_bytes()].concat()
}

/// The columns and tables of a shard, and the tables of a directory, by their number.
const SUBJECT: usize = 4;
const VALIDITIES: usize = 0;
const POLICIES: usize = 1;
const SUBJECTS: usize = 2;
const CLAIMS: usize = 3;
const PATTERNS: usize = 0;
const SERVICES: usize = 1;
const DIRECTORY_ROLES: usize = 2;
const SETS: usize = 3;
const SCOPES: usize = 4;

/// A name, how the parts are changed, and the code; `None` where several faults follow from one and any may be named.
type Lie<T> = (&'static str, fn(&mut T), Option<&'static str>);

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// So many entries, ascending.
fn names(prefix: &str, count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|n| format!("{prefix}{n:03}").into_bytes()).collect()
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
    ("directory: pattern with a star inside a segment", |p| p.directory.tables[PATTERNS][1] = b"dn*".to_vec(), Some("bad_field")),
    ("directory: pattern that is not UTF-8", |p| p.directory.tables[PATTERNS][2] = b"re\xff".to_vec(), Some("bad_field")),
    ("directory: patterns unsorted", |p| p.directory.tables[PATTERNS].swap(0, 1), Some("unsorted")),
    ("directory: pattern twice", |p| p.directory.tables[PATTERNS][1] = b"*.view".to_vec(), Some("unsorted")),
    ("directory: service with a star", |p| p.directory.tables[SERVICES][0] = b"*".to_vec(), Some("bad_field")),
    ("directory: role without a name", |p| p.directory.tables[DIRECTORY_ROLES][0] = pair(b"", &refs(&[1])), Some("bad_field")),
    ("directory: role name of 129 bytes", |p| p.directory.tables[DIRECTORY_ROLES][1] = text8(&[b'r'; 129]), Some("bad_field")),
    ("directory: role name with a control character", |p| p.directory.tables[DIRECTORY_ROLES][0] = text8(b"a\x1eb"), Some("bad_field")),
    ("directory: role name that is not UTF-8", |p| p.directory.tables[DIRECTORY_ROLES][0] = text8(b"\xffns"), Some("not_text")),
    ("directory: role points behind the patterns", |p| p.directory.tables[DIRECTORY_ROLES][0] = pair(b"dns", &refs(&[3])), Some("bad_reference")),
    ("directory: half a reference", |p| p.directory.tables[DIRECTORY_ROLES][0].push(0), Some("bad_reference")),
    ("directory: references of a role descend", |p| p.directory.tables[DIRECTORY_ROLES][1] = pair(b"reader", &refs(&[2, 0])), Some("unsorted")),
    ("directory: reference of a role twice", |p| p.directory.tables[DIRECTORY_ROLES][1] = pair(b"reader", &refs(&[2, 2])), Some("unsorted")),
    ("directory: roles unsorted", |p| p.directory.tables[DIRECTORY_ROLES].swap(0, 1), Some("unsorted")),
    ("directory: no empty role set", |p| drop(p.directory.tables[SETS].remove(0)), Some("bad_field")),
    ("directory: role set points behind the roles", |p| p.directory.tables[SETS][1] = refs(&[0, 2]), Some("bad_reference")),
    ("directory: role set twice one role", |p| p.directory.tables[SETS][1] = refs(&[1, 1]), Some("unsorted")),
    ("directory: no scope for all", |p| drop(p.directory.tables[SCOPES].remove(0)), Some("bad_field")),
    ("directory: unknown kind of scope", |p| p.directory.tables[SCOPES][1] = vec![2], Some("bad_field")),
    ("directory: scope for all with a list", |p| p.directory.tables[SCOPES][1] = vec![0, 0, 0, 0, 0], Some("bad_field")),
    ("directory: role of 257 patterns", |p| {
        p.directory.tables[PATTERNS] = names("p", 257);
        p.directory.tables[DIRECTORY_ROLES][1] = pair(b"reader", &refs(&Vec::from_iter(0..257)));
    }, Some("too_long")),
    ("directory: role set of 33 roles", |p| {
        p.directory.tables[DIRECTORY_ROLES] = names("r", 33).iter().map(|name| text8(name)).collect();
        p.directory.tables[SETS][1] = refs(&Vec::from_iter(0..33));
    }, Some("too_long")),
    ("directory: scope of 129 services", |p| {
        p.directory.tables[SERVICES] = names("s", 129);
        p.directory.tables[SCOPES][1] = [&[1][..], &refs(&Vec::from_iter(0..129))].concat();
    }, Some("too_long")),
    ("directory: scope points behind the services", |p| p.directory.tables[SCOPES][1] = vec![1, 2, 0, 0, 0], Some("bad_reference")),
    ("shard: records unsorted", |p| p.shard.digests.reverse(), Some("unsorted")),
    ("shard: record twice", |p| p.shard.digests[1] = p.shard.digests[0], Some("unsorted")),
    ("shard: width of 3", |p| p.shard.columns[0].0 = 3, Some("bad_field")),
    ("shard: width wider than needed", |p| p.shard.columns[0].0 = 2, Some("bad_field")),
    ("shard: width for a column of nothing", |p| p.shard.columns[SUBJECT].0 = 1, Some("bad_field")),
    ("shard: validity out of range", |p| p.shard.columns[0].1 = vec![0, 2], Some("bad_reference")),
    ("shard: policy out of range", |p| p.shard.columns[1].1 = vec![0, 2], Some("bad_reference")),
    ("shard: role set out of range", |p| p.shard.columns[2].1 = vec![0, 2], Some("bad_reference")),
    ("shard: scope out of range", |p| p.shard.columns[3].1 = vec![0, 255], Some("bad_reference")),
    ("shard: subject out of range", |p| p.shard.columns[SUBJECT] = (1, vec![0, 1]), Some("bad_reference")),
    ("shard: claims out of range", |p| p.shard.columns[5].1 = vec![0, 2], Some("bad_reference")),
    ("shard: no subject at all", |p| p.shard.tables[SUBJECTS].clear(), Some("bad_reference")),
    ("shard: validity that says nothing", |p| p.shard.tables[VALIDITIES][0] = validity(0, 0, 0), Some("bad_field")),
    ("shard: validity with an unknown flag", |p| p.shard.tables[VALIDITIES][0] = validity(4, 0, 1), Some("bad_field")),
    ("shard: validity too short", |p| shorten(&mut p.shard.tables[VALIDITIES][0]), Some("bad_field")),
    ("shard: validity too long", |p| p.shard.tables[VALIDITIES][0].push(0), Some("bad_field")),
    ("shard: validity twice", |p| p.shard.tables[VALIDITIES] = vec![validity(1, 0, 0); 2], Some("unsorted")),
    ("shard: validities unsorted", |p| p.shard.tables[VALIDITIES] = vec![validity(2, 0, 0), validity(1, 0, 0)], Some("unsorted")),
    ("shard: empty org", |p| p.shard.tables[SUBJECTS][0] = pair(b"", b"alice"), Some("bad_field")),
    ("shard: empty owner", |p| p.shard.tables[SUBJECTS][0] = pair(b"acme", b""), Some("bad_field")),
    ("shard: blank in the owner", |p| p.shard.tables[SUBJECTS][0] = pair(b"acme", b"alice b"), Some("bad_field")),
    ("shard: owner not ASCII", |p| p.shard.tables[SUBJECTS][0] = pair(b"acme", "älice".as_bytes()), Some("bad_field")),
    ("shard: org of 65 bytes", |p| p.shard.tables[SUBJECTS][0] = pair(&[b'o'; 65], b"alice"), Some("bad_field")),
    ("shard: org longer than its entry", |p| p.shard.tables[SUBJECTS][0][0] = 200, Some("bad_field")),
    ("shard: claims that say nothing", |p| p.shard.tables[CLAIMS][0] = vec![0], Some("bad_field")),
    ("shard: name of 129 bytes", |p| p.shard.tables[CLAIMS][0] = text8(&[b'n'; 129]), Some("bad_field")),
    ("shard: name not UTF-8", |p| p.shard.tables[CLAIMS][0] = text8(b"\xc3\x28"), Some("bad_field")),
    ("shard: line feed in a name", |p| p.shard.tables[CLAIMS][0] = text8(b"a\nb"), Some("bad_field")),
    ("shard: C1 control character in a name", |p| p.shard.tables[CLAIMS][0] = text8("a\u{85}b".as_bytes()), Some("bad_field")),
    ("shard: unit separator in metadata", |p| p.shard.tables[CLAIMS][0] = pair(b"", b"{\x1f}"), Some("bad_field")),
    ("policy: unknown flag", |p| p.shard.tables[POLICIES][0][0] |= 4, Some("bad_field")),
    ("policy: second byte not zero", |p| p.shard.tables[POLICIES][0][1] = 1, Some("bad_field")),
    ("policy: allow entries without list mode", |p| p.shard.tables[POLICIES][0][0] = 0, Some("bad_field")),
    ("policy: a byte too many", |p| p.shard.tables[POLICIES][0].push(0), Some("bad_field")),
    ("policy: a byte too few", |p| shorten(&mut p.shard.tables[POLICIES][0]), Some("bad_field")),
    ("policy: counts too high", |p| p.shard.tables[POLICIES][0][2..4].fill(0xff), Some("bad_field")),
    ("policy: shorter than its counts", |p| p.shard.tables[POLICIES][0].truncate(9), Some("bad_field")),
    ("policy: restricts nobody", |p| p.shard.tables[POLICIES][0] = policies::raw(0, &[&[], &[]]), Some("bad_field")),
    ("policy: restricts nobody, deny first", |p| p.shard.tables[POLICIES][0] = policies::raw(2, &[&[], &[]]), Some("bad_field")),
    ("policy: host bits", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["10.0.0.1/8"], &[]]), Some("bad_field")),
    ("policy: host bits in IPv6", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["2001:db8::1/64"], &[]]), Some("bad_field")),
    ("policy: prefix of 33", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["10.0.0.0/33"], &[]]), Some("bad_field")),
    ("policy: prefix of 129", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["2001:db8::/129"], &[]]), Some("bad_field")),
    ("policy: unsorted", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["10.0.0.0/8", "9.0.0.0/8"], &[]]), Some("bad_field")),
    ("policy: entry twice", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["9.0.0.0/8", "9.0.0.0/8"], &[]]), Some("bad_field")),
    ("policy: one network inside another", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["10.0.0.0/8", "10.1.0.0/16"], &[]]), Some("bad_field")),
    ("policy: same network, wider and narrower", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["10.0.0.0/8", "10.0.0.0/16"], &[]]), Some("bad_field")),
    ("policy: overlap in the deny list", |p| p.shard.tables[POLICIES][0] = policies::raw(0, &[&[], &["2001:db8::/32", "2001:db8:1::/48"]]), Some("bad_field")),
    ("policy: mapped network in an IPv6 list", |p| p.shard.tables[POLICIES][0] = policies::raw(1, &[&["::ffff:10.0.0.0/104"], &[]]), Some("bad_field")),
];

#[rustfmt::skip]
const DIRECTORY: &[Lie<Vec<u8>>] = &[
    ("directory: magic", |d| d[0] = b'X', Some("bad_magic")),
    ("directory: format 2", |d| d[4] = 2, Some("unsupported_format")),
    ("directory: a byte too many", |d| d.push(0), Some("trailing_bytes")),
    ("directory: a byte too few", shorten, Some("truncated")),
    ("directory: four billion patterns", |d| put(d, 12, u32::MAX), Some("too_long")),
    ("directory: 2^17 + 1 patterns", |d| put(d, 12, (1 << 17) + 1), Some("too_long")),
    ("directory: 2^17 patterns", |d| put(d, 12, 1 << 17), Some("truncated")),
    ("directory: a pattern of 4 GiB", |d| put(d, 24, u32::MAX), Some("truncated")),
    ("directory: ends of the patterns descend", |d| put(d, 16, u32::MAX), Some("bad_table")),
    ("directory: empty", Vec::clear, Some("truncated")),
];

#[rustfmt::skip]
const SHARD: &[Lie<Vec<u8>>] = &[
    ("shard: magic", |s| s[0] = b'X', Some("bad_magic")),
    ("shard: format 0", |s| s[4] = 0, Some("unsupported_format")),
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
    ("shard: four billion validities", |s| put(s, 78, u32::MAX), Some("truncated")),
    ("shard: a validity of 4 GiB", |s| put(s, 82, u32::MAX), Some("truncated")),
];

#[rustfmt::skip]
const PAGE: &[Lie<Vec<u8>>] = &[
    ("index page: magic", |p| p[3] = b'X', Some("bad_magic")),
    ("index page: format 257", |p| p[5] = 1, Some("unsupported_format")),
    ("index page: no shard", |p| p[6] = 0, Some("bad_field")),
    ("index page: 257 shards", |p| p[7] = 1, Some("bad_field")),
    ("index page: two shards announced", |p| p[6] = 2, None),
    ("index page: a shard of no bytes", |p| put(p, 40, 0), Some("bad_table")),
    ("index page: a shard of one byte", |p| put(p, 40, 1), Some("bad_table")),
    ("index page: a shard of 4 GiB", |p| put(p, 40, u32::MAX), Some("bad_table")),
];

#[rustfmt::skip]
const TOP: &[Lie<Vec<u8>>] = &[
    ("top page: magic", |t| t[0] = 0, Some("bad_magic")),
    ("top page: format 2", |t| t[4] = 2, Some("unsupported_format")),
    ("top page: more shards than its records ask for", |t| t[6] = 1, Some("bad_field")),
    ("top page: 2^255 shards", |t| t[6] = 255, Some("bad_field")),
    ("top page: reserved byte", |t| t[7] = 1, Some("bad_field")),
    ("top page: other number of records", |t| t[8] = 3, Some("wrong_count")),
    ("top page: more records than its shards ask for", |t| t[9] = 2, Some("bad_field")),
    ("top page: digest of another directory", |t| t[16] ^= 1, Some("wrong_digest")),
    ("top page: directory of 4 GiB", |t| put(t, 48, u32::MAX), Some("too_large")),
    ("top page: directory of 32 MiB and a byte", |t| put(t, 48, (32 << 20) + 1), Some("too_large")),
    ("top page: directory of 32 MiB", |t| put(t, 48, 32 << 20), Some("truncated")),
    ("top page: directory a byte longer", |t| t[48] = t[48].wrapping_add(1), Some("truncated")),
    ("top page: directory a byte shorter", |t| t[48] = t[48].wrapping_sub(1), Some("trailing_bytes")),
    ("top page: no index page", |t| put(t, 52, 0), Some("trailing_bytes")),
    ("top page: four billion index pages", |t| put(t, 52, u32::MAX), Some("truncated")),
    ("top page: digest of another index page", |t| t[56] ^= 1, Some("wrong_digest")),
    ("top page: shards of 2^64 bytes", |t| t[88..96].fill(0xff), Some("truncated")),
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
    for (lies, is_directory) in [(DIRECTORY, true), (SHARD, false)] {
        for (name, edit, code) in lies {
            let (mut directory, mut shard) = (honest.directory.bytes(), honest.shard.bytes());
            edit(if is_directory { &mut directory } else { &mut shard });
            add(name, &Tree::seal(0, 2, directory, vec![shard]), *code);
        }
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
    let mut ends = Tree::seal(1, 257, built.directory.clone(), built.shards.clone());
    ensure!(ends.top == built.top && ends.page == built.pages[0], "the core's index of two shards differs");
    // The first end stands behind the count and two digests.
    put(&mut ends.page, 72, u32::MAX);
    ends.seal_top();
    Ok(vec![
        ("shards exchanged", Tree::seal(1, 257, built.directory, swapped), "wrong_shard"),
        ("index page: ends descend", ends, "bad_table"),
    ])
}
