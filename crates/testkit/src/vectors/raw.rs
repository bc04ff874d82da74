//! The format written byte by byte from SPEC.md, without the core's encoders: to state what honest objects must be, and to
//! make the ones that lie.

use super::{DAY, REALM, T0};
use curve25519_dalek::Scalar;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256, Sha512};

/// A test signer. Root keys have seeds 1.., publisher keys 101...
pub fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn public(seed: u8) -> [u8; 32] {
    signer(seed).verifying_key().to_bytes()
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex in a table");
    (0..text.len()).step_by(2).map(digit).collect()
}

pub fn text8(text: &[u8]) -> Vec<u8> {
    [&[text.len() as u8], text].concat()
}

/// A list, its ends as narrow as they can be.
pub fn list<T: AsRef<[u8]>>(items: &[T]) -> Vec<u8> {
    let bytes: usize = items.iter().map(|item| item.as_ref().len()).sum();
    let width = if bytes < 1 << 8 {
        1
    } else if bytes < 1 << 16 {
        2
    } else {
        4
    };
    let mut out = (items.len() as u32).to_le_bytes().to_vec();
    out.push(width as u8);
    ends(items).iter().for_each(|end| out.extend(&end.to_le_bytes()[..width]));
    items.iter().for_each(|item| out.extend(item.as_ref()));
    out
}

fn ends<T: AsRef<[u8]>>(items: &[T]) -> Vec<u32> {
    let add = |end: &mut u32, item: &T| {
        *end += item.as_ref().len() as u32;
        Some(*end)
    };
    items.iter().scan(0, add).collect()
}

/// Numbers of four bytes each.
pub fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

pub fn slot(bytes: &[u8]) -> Vec<u8> {
    [&sha256(bytes)[..], &(bytes.len() as u32).to_le_bytes()].concat()
}

/// A name, how an honest thing is changed, and the code of what becomes of it.
pub type Edit<T> = (&'static str, fn(&mut T), &'static str);

/// The last epoch, and the last second.
pub const LAST: u64 = (1 << 53) - 1;

/// Without its last byte.
pub fn shorten(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() - 1);
}

/// A role of a root, its keys as they are to stand there.
#[derive(Clone)]
pub struct Keys {
    pub threshold: u8,
    pub keys: Vec<[u8; 32]>,
}

/// A role of signers, ascending by public key.
pub fn role(threshold: u8, seeds: &[u8]) -> Keys {
    let mut keys: Vec<_> = seeds.iter().map(|seed| public(*seed)).collect();
    keys.sort_unstable();
    Keys { threshold, keys }
}

#[derive(Clone)]
pub struct Root {
    pub realm: Vec<u8>,
    pub min_reader: u16,
    pub version: u32,
    pub issued_at: u64,
    pub expires_at: u64,
    pub era: u32,
    pub min_epoch: u64,
    pub root: Keys,
    pub publisher: Keys,
}

impl Root {
    pub fn statement(&self) -> Vec<u8> {
        let mut out = text8(&self.realm);
        out.extend(self.min_reader.to_le_bytes());
        out.extend(self.version.to_le_bytes());
        out.extend(self.issued_at.to_le_bytes());
        out.extend(self.expires_at.to_le_bytes());
        out.extend(self.era.to_le_bytes());
        out.extend(self.min_epoch.to_le_bytes());
        for role in [&self.root, &self.publisher] {
            out.extend([role.threshold, role.keys.len() as u8]);
            out.extend(role.keys.concat());
        }
        out
    }

    pub fn sign(&self, seeds: &[u8]) -> Vec<u8> {
        seal(b"ELRT", &self.statement(), &signatures(1, &self.statement(), seeds))
    }
}

#[derive(Clone)]
pub struct Head {
    pub realm: Vec<u8>,
    pub min_reader: u16,
    pub root_version: u32,
    pub epoch: u64,
    pub issued_at: u64,
    pub not_after: u64,
    pub tree: [u8; 32],
    pub tree_bytes: u64,
    pub records: u64,
}

impl Head {
    /// Epoch 5 of a tree, a day long from `T0` on.
    pub fn of(tree: &Tree) -> Head {
        Head {
            realm: REALM.into(),
            min_reader: 2,
            root_version: 1,
            epoch: 5,
            issued_at: T0,
            not_after: T0 + DAY,
            tree: sha256(&tree.top),
            tree_bytes: tree.bytes().len() as u64,
            records: tree.records,
        }
    }

    pub fn statement(&self) -> Vec<u8> {
        let mut out = text8(&self.realm);
        out.extend(self.min_reader.to_le_bytes());
        out.extend(self.root_version.to_le_bytes());
        for number in [self.epoch, self.issued_at, self.not_after] {
            out.extend(number.to_le_bytes());
        }
        out.extend(self.tree);
        out.extend(self.tree_bytes.to_le_bytes());
        out.extend(self.records.to_le_bytes());
        out
    }

    pub fn sign(&self, seeds: &[u8]) -> Vec<u8> {
        seal(b"ELHD", &self.statement(), &signatures(2, &self.statement(), seeds))
    }
}

/// A key and its signature.
pub type Pair = ([u8; 32], [u8; 64]);

pub fn message(role: u8, format: u16, statement: &[u8]) -> Vec<u8> {
    [b"edgelatch signature\0", &[role][..], &format.to_le_bytes(), statement].concat()
}

/// Signatures of these signers over a statement, ascending by key.
pub fn signatures(role: u8, statement: &[u8], seeds: &[u8]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> =
        seeds.iter().map(|seed| (public(*seed), signer(*seed).sign(&message(role, 2, statement)).to_bytes())).collect();
    pairs.sort_unstable();
    pairs
}

/// `signed` with the signatures as they are given.
pub fn seal(magic: &[u8; 4], statement: &[u8], pairs: &[Pair]) -> Vec<u8> {
    let mut out = [&magic[..], &[2, 0], &(statement.len() as u32).to_le_bytes(), statement, &[pairs.len() as u8]].concat();
    pairs.iter().for_each(|(key, signature)| out.extend([&key[..], signature].concat()));
    out
}

/// The same signature with S + L in place of S: the equation holds, the encoding is not canonical.
pub fn malleated(mut signature: [u8; 64]) -> [u8; 64] {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (s, l) in signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = sum as u8;
        carry = sum >> 8;
    }
    signature
}

/// A signature with the neutral point as R: the equation without cofactor holds, but R is of small order.
pub fn small_order_r(seed: u8, message: &[u8]) -> [u8; 64] {
    let mut r = [0; 32];
    r[0] = 1;
    let k = Scalar::from_bytes_mod_order_wide(&Sha512::digest([&r, &public(seed)[..], message].concat()).into());
    let s = k * signer(seed).to_scalar();
    [r, s.to_bytes()].concat().try_into().expect("64 bytes")
}

/// A chunk of the directory; of its entries those that are empty are none.
#[derive(Clone)]
pub struct Chunk {
    pub table: u8,
    pub number: u32,
    pub entries: Vec<Vec<u8>>,
}

impl Chunk {
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = [b"ELCH", &[2, 0, self.table, self.entries.len() as u8][..], &self.number.to_le_bytes()].concat();
        out.extend(numbers(&ends(&self.entries)));
        out.extend(self.entries.concat());
        out
    }
}

/// What a directory says beside its tables.
#[derive(Clone)]
pub struct Directory {
    pub credentials: u8,
    pub flags: u8,
    pub pepper_id: u32,
}

impl Directory {
    /// With the slots of these chunks, which are given with table and number, in their order.
    pub fn bytes(&self, chunks: &[(u8, u32, Vec<u8>)]) -> Vec<u8> {
        let mut out = [b"ELDR", &[2, 0, self.credentials, self.flags][..], &self.pepper_id.to_le_bytes()].concat();
        for table in 0..4 {
            let rows: Vec<_> = chunks.iter().filter(|chunk| chunk.0 == table).collect();
            out.extend((rows.len() as u32).to_le_bytes());
            rows.iter().for_each(|(_, number, bytes)| out.extend([&number.to_le_bytes()[..], &slot(bytes)].concat()));
        }
        out
    }
}

/// The objects of a tree of one index page, to be taken apart and sealed again.
#[derive(Clone)]
pub struct Tree {
    pub bits: u8,
    pub records: u64,
    pub top: Vec<u8>,
    pub directory: Vec<u8>,
    pub page: Vec<u8>,
    pub chunks: Vec<Vec<u8>>,
    pub shards: Vec<Vec<u8>>,
}

impl Tree {
    /// Index page and top page for these objects, as an honest publisher makes them.
    pub fn seal(bits: u8, records: u64, directory: Vec<u8>, chunks: Vec<Vec<u8>>, shards: Vec<Vec<u8>>) -> Tree {
        let mut page = [b"ELPG", &[2, 0][..], &(shards.len() as u16).to_le_bytes()].concat();
        shards.iter().for_each(|shard| page.extend(slot(shard)));
        let mut tree = Tree { bits, records, top: vec![], directory, page, chunks, shards };
        tree.seal_top();
        tree
    }

    /// The top page for the other objects as they are now.
    pub fn seal_top(&mut self) {
        let begin = [&b"ELTP\x02\x00"[..], &[self.bits, 0], &self.records.to_le_bytes()].concat();
        self.top = [&begin[..], &slot(&self.directory), &1u32.to_le_bytes(), &slot(&self.page)].concat();
    }

    pub fn bytes(&self) -> Vec<u8> {
        [&self.top[..], &self.directory, &self.page, &self.chunks.concat(), &self.shards.concat()].concat()
    }

    /// The bundle under `head`.
    pub fn bundle(&self, head: &[u8]) -> Vec<u8> {
        let lengths = [head.len() as u32, self.top.len() as u32].map(u32::to_le_bytes).concat();
        [&b"ELBN\x02\x00\x00\x00"[..], &lengths, head, &self.bytes()].concat()
    }
}

/// A shard.
#[derive(Clone)]
pub struct Shard {
    /// The leftmost 16 bytes of the digests.
    pub digests: Vec<[u8; 16]>,
    pub ids: Vec<u64>,
    /// State, scope, policy, begin, end, subject, claims: width, and the value of each record.
    pub columns: [(u8, Vec<u64>); 7],
    /// Subjects and claims.
    pub lists: [Vec<Vec<u8>>; 2],
}

impl Shard {
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = [&b"ELSH\x02\x00\x00\x00"[..], &(self.digests.len() as u32).to_le_bytes()].concat();
        out.extend(self.columns.iter().map(|(width, _)| *width));
        out.push(0);
        let value = |out: &mut Vec<u8>, (width, values): &(u8, Vec<u64>), row: usize| {
            out.extend(&values[row].to_le_bytes()[..usize::from(*width)]);
        };
        let (hot, cold) = self.columns.split_at(5);
        // Big-endian numbers, stored little-endian.
        self.digests.iter().for_each(|digest| out.extend(digest[..8].iter().rev()));
        for (row, digest) in self.digests.iter().enumerate() {
            out.extend(digest[8..].iter().rev());
            hot.iter().for_each(|column| value(&mut out, column, row));
        }
        self.ids.iter().for_each(|id| out.extend(id.to_le_bytes()));
        for column in cold {
            (0..self.digests.len()).for_each(|row| value(&mut out, column, row));
        }
        self.lists.iter().for_each(|items| out.extend(list(items)));
        out
    }
}
