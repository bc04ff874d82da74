//! SPEC.md sections 5 and 6.1: a whole bundle, read without a look at the core.

use super::policy::{self, Rules};
use super::wire::{Bytes, ascends};
use crate::permissions::{pattern, permission};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The last second.
const LAST: u64 = (1 << 53) - 1;

/// What a tree says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Bit 0 Bearer, bit 1 X-API-Key.
    pub credentials: u8,
    /// Whether the realm holds imported keys.
    pub imports: bool,
    /// 0 for none.
    pub pepper_id: u32,
    /// Patterns and names.
    pub roles: BTreeMap<u32, (String, Vec<String>)>,
    /// Numbers of roles.
    pub role_sets: BTreeMap<u32, Vec<u32>>,
    /// Services.
    pub scopes: BTreeMap<u32, Vec<String>>,
    /// Policies.
    pub policies: BTreeMap<u32, Rules>,
    /// By the first 16 bytes of the digest.
    pub records: BTreeMap<[u8; 16], Record>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The public id.
    pub key_id: u64,
    /// Number of the role set.
    pub role_set: u32,
    /// Whether the owner is disabled.
    pub disabled: bool,
    /// Whether the key is revoked.
    pub revoked: bool,
    /// Numbers of scope and policy.
    pub scope: u32,
    /// See `scope`.
    pub policy: u32,
    /// 0 for no bound.
    pub not_before: u64,
    /// 0 for no bound.
    pub expires_at: u64,
    /// Org and owner.
    pub subject: (String, String),
    /// Name and metadata.
    pub claims: (String, String),
}

/// What the head says of the tree.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// Digest of the top page.
    pub tree: [u8; 32],
    /// Size of all objects.
    pub bytes: u64,
    /// Number of records.
    pub records: u64,
}

struct Slot {
    digest: [u8; 32],
    length: usize,
}

fn slot(bytes: &mut Bytes<'_>) -> Option<Slot> {
    let digest = bytes.take(32)?.try_into().ok()?;
    let length = usize::try_from(bytes.number(4)?).ok()?;
    (1..=1 << 28).contains(&length).then_some(Slot { digest, length })
}

fn proven<'a>(bytes: &mut Bytes<'a>, slot: &Slot) -> Option<&'a [u8]> {
    let object = bytes.take(slot.length)?;
    (<[u8; 32]>::from(Sha256::digest(object)) == slot.digest).then_some(object)
}

fn int<T: TryFrom<u64>>(number: u64) -> Option<T> {
    T::try_from(number).ok()
}

/// The objects of a bundle behind its head: `top_len` is the length of the top page.
pub fn read(objects: &[u8], top_len: usize, announced: Announced) -> Option<Content> {
    let mut rest = Bytes(objects);
    if top_len > 256 * 1024 || objects.len() as u64 != announced.bytes {
        return None;
    }
    let top = proven(&mut rest, &Slot { digest: announced.tree, length: top_len })?;
    let mut top = Bytes::object(top, b"ELTP")?;
    let bits = top.number(1)?;
    top.is(&[0])?;
    let records = top.number(8)?;
    let least = (0..20).find(|bits| records <= 256 << bits).unwrap_or(20);
    let directory = slot(&mut top)?;
    let pages = top.number(4)?;
    let shards: u64 = 1 << least;
    if bits != least || records != announced.records || pages != (shards / 256).max(1) {
        return None;
    }
    let pages = (0..pages).map(|_| slot(&mut top)).collect::<Option<Vec<_>>>()?;
    top.end()?;
    let per_page = shards.min(256);
    if pages.iter().any(|page| page.length as u64 != 8 + 36 * per_page) {
        return None;
    }
    let mut content = Content::default();
    let chunks = read_directory(proven(&mut rest, &directory)?, &mut content)?;
    let mut all_shards = Vec::new();
    for page in &pages {
        let mut page = Bytes::object(proven(&mut rest, page)?, b"ELPG")?;
        (page.number(2)? == per_page).then_some(())?;
        for _ in 0..per_page {
            all_shards.push(slot(&mut page)?);
        }
        page.end()?;
    }
    for (table, number, slot) in chunks {
        read_chunk(proven(&mut rest, &slot)?, table, number, &mut content)?;
    }
    for (number, slot) in all_shards.iter().enumerate() {
        read_shard(proven(&mut rest, slot)?, number as u64, least, &mut content)?;
    }
    rest.end()?;
    (content.records.len() as u64 == records).then_some(content)
}

fn read_directory(object: &[u8], content: &mut Content) -> Option<Vec<(u64, u32, Slot)>> {
    let mut bytes = Bytes::object(object, b"ELDR")?;
    content.credentials = int(bytes.number(1)?)?;
    let flags = bytes.number(1)?;
    content.pepper_id = int(bytes.number(4)?)?;
    content.imports = flags == 1;
    if !(1..=3).contains(&content.credentials) || flags > 1 {
        return None;
    }
    let mut chunks = Vec::new();
    for table in 0..4 {
        let count = bytes.number(4)?;
        (count <= 1 << 16).then_some(())?;
        let mut numbers = Vec::new();
        for _ in 0..count {
            let number: u32 = int(bytes.number(4)?)?;
            let slot = slot(&mut bytes)?;
            (number < 1 << 24 && slot.length <= 4 << 20).then_some(())?;
            numbers.push(number);
            chunks.push((table, number, slot));
        }
        ascends(&numbers).then_some(())?;
    }
    bytes.end()?;
    Some(chunks)
}

fn read_chunk(object: &[u8], table: u64, number: u32, content: &mut Content) -> Option<()> {
    let mut bytes = Bytes::object(object, b"ELCH")?;
    (bytes.number(1)? == table).then_some(())?;
    let count = bytes.number(1)?;
    (bytes.number(4)? == u64::from(number) && (1..=64).contains(&count)).then_some(())?;
    let ends = (0..count).map(|_| bytes.number(4)).collect::<Option<Vec<_>>>()?;
    let mut from = 0;
    for (place, end) in ends.iter().enumerate() {
        let entry = bytes.take(int(end.checked_sub(from)?)?)?;
        from = *end;
        if entry.is_empty() {
            // The last one is there.
            (place + 1 < ends.len()).then_some(())?;
            continue;
        }
        let number = number * 64 + place as u32;
        (number > 0).then_some(())?;
        match table {
            0 => drop(content.roles.insert(number, role(entry)?)),
            1 => drop(content.role_sets.insert(number, role_set(entry)?)),
            2 => drop(content.scopes.insert(number, scope(entry)?)),
            _ => {
                let rules = policy::read(entry).filter(|rules| !rules.restricts_nobody())?;
                content.policies.insert(number, rules);
            }
        }
    }
    bytes.end()
}

fn plain(text: &str, most: usize) -> Option<String> {
    (text.len() <= most && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn texts(bytes: &mut Bytes<'_>, count: u64) -> Option<Vec<String>> {
    let all = (0..count).map(|_| Some(bytes.text8()?.to_owned())).collect::<Option<Vec<String>>>()?;
    ascends(&all).then_some(all)
}

fn role(entry: &[u8]) -> Option<(String, Vec<String>)> {
    let mut bytes = Bytes(entry);
    let name = plain(bytes.text8()?, 128).filter(|name| !name.is_empty())?;
    let count = bytes.number(2)?;
    (count <= 256).then_some(())?;
    let patterns = texts(&mut bytes, count)?;
    bytes.end()?;
    patterns.iter().all(|text| pattern(text.as_bytes()).is_some()).then_some((name, patterns))
}

fn role_set(entry: &[u8]) -> Option<Vec<u32>> {
    let numbers: Vec<u32> =
        entry.chunks(4).map(|four| Some(u32::from_le_bytes(four.try_into().ok()?))).collect::<Option<_>>()?;
    ((1..=32).contains(&numbers.len()) && numbers[0] > 0 && ascends(&numbers)).then_some(numbers)
}

fn scope(entry: &[u8]) -> Option<Vec<String>> {
    let mut bytes = Bytes(entry);
    let count = bytes.number(1)?;
    (count <= 128).then_some(())?;
    let services = texts(&mut bytes, count)?;
    bytes.end()?;
    services.iter().all(|text| permission(text.as_bytes()).is_some()).then_some(services)
}

/// A list of section 5.3.
fn list<'a>(bytes: &mut Bytes<'a>) -> Option<Vec<&'a [u8]>> {
    let count = bytes.number(4)?;
    let width: usize = int(bytes.number(1)?)?;
    // More than there are bytes for.
    (count <= bytes.0.len() as u64 && [1, 2, 4].contains(&width)).then_some(())?;
    let ends = (0..count).map(|_| bytes.number(width)).collect::<Option<Vec<_>>>()?;
    let last = ends.last().copied().unwrap_or(0);
    let least = [1, 2, 4].into_iter().find(|width| last < 1 << (8 * width)).unwrap_or(4);
    let mut from = 0;
    let mut items = Vec::new();
    for end in ends {
        items.push(bytes.take(int(end.checked_sub(from)?)?)?);
        from = end;
    }
    (width == least && ascends(&items)).then_some(items)
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn read_shard(object: &[u8], number: u64, bits: u64, content: &mut Content) -> Option<()> {
    let mut bytes = Bytes::object(object, b"ELSH")?;
    bytes.is(&[0, 0])?;
    let count = bytes.number(4)?;
    let widths = bytes.take(7)?;
    bytes.is(&[0])?;
    (count <= 1 << 22 && count <= bytes.0.len() as u64 / 24).then_some(())?;
    let high = (0..count).map(|_| bytes.number(8)).collect::<Option<Vec<_>>>()?;
    let mut hot = Vec::new();
    for _ in 0..count {
        let low = bytes.number(8)?;
        let fields = widths[..5].iter().map(|width| bytes.number(usize::from(*width).min(9))).collect::<Option<Vec<_>>>()?;
        hot.push((low, fields));
    }
    let ids = (0..count).map(|_| bytes.number(8)).collect::<Option<Vec<_>>>()?;
    let mut places = Vec::new();
    for width in &widths[5..] {
        places.push((0..count).map(|_| bytes.number(usize::from(*width).min(9))).collect::<Option<Vec<_>>>()?);
    }
    let subjects = list(&mut bytes)?.into_iter().map(subject).collect::<Option<Vec<_>>>()?;
    let claims = list(&mut bytes)?.into_iter().map(claim).collect::<Option<Vec<_>>>()?;
    bytes.end()?;
    for (field, width) in widths.iter().enumerate() {
        let greatest = match field {
            0..=4 => hot.iter().map(|(_, fields)| fields[field]).max(),
            _ => places[field - 5].iter().copied().max(),
        };
        let choices: &[u8] = match field {
            0 => &[1, 2, 4],
            3 | 4 => &[0, 4, 8],
            _ => &[0, 1, 2, 4],
        };
        let holds = |width: &&u8| **width == 8 || greatest.unwrap_or(0) < 1 << (8 * **width);
        (choices.iter().find(holds) == Some(width)).then_some(())?;
    }
    let mut before = None;
    for index in 0..hot.len() {
        let (low, fields) = &hot[index];
        let digest = (high[index], *low);
        let here = if bits == 0 { 0 } else { digest.0 >> (64 - bits) };
        (here == number && before < Some(digest) && fields[3] <= LAST && fields[4] <= LAST).then_some(())?;
        before = Some(digest);
        let [subject, claim] = [&places[0], &places[1]].map(|all| all[index]);
        let record = Record {
            key_id: ids[index],
            role_set: int(fields[0] >> 2)?,
            disabled: fields[0] & 2 == 2,
            revoked: fields[0] & 1 == 1,
            scope: int(fields[1])?,
            policy: int(fields[2])?,
            not_before: fields[3],
            expires_at: fields[4],
            subject: subjects.get(int::<usize>(subject)?)?.clone(),
            claims: match claim {
                0 => Default::default(),
                one => claims.get(int::<usize>(one - 1)?)?.clone(),
            },
        };
        let key = [digest.0.to_be_bytes(), digest.1.to_be_bytes()].concat();
        content.records.insert(key.try_into().ok()?, record);
    }
    Some(())
}

fn subject(item: &[u8]) -> Option<(String, String)> {
    let mut bytes = Bytes(item);
    let org = bytes.text8()?.to_owned();
    let owner = std::str::from_utf8(bytes.0).ok()?.to_owned();
    (is_id(&org) && is_id(&owner)).then_some((org, owner))
}

fn claim(item: &[u8]) -> Option<(String, String)> {
    let mut bytes = Bytes(item);
    let name = plain(bytes.text8()?, 128)?;
    let metadata = plain(std::str::from_utf8(bytes.0).ok()?, 4096)?;
    (!name.is_empty() || !metadata.is_empty()).then_some((name, metadata))
}
