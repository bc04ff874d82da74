//! A whole tree, built at once or step by step: the bytes are the same.

use super::entries::{self, Chunks};
use super::records::{Change, Entry, Settings, State};
use super::shards::{self, Row};
use crate::error::Error;
use crate::head::Head;
use crate::limits::{MAX_BUNDLE_BYTES, MAX_OBJECT_BYTES, SHARDS_PER_PAGE};
use crate::snapshot::Snapshot;
use crate::tree::chunk::chunk_of;
use crate::tree::directory::Directory;
use crate::tree::shard::shard_of;
use crate::tree::{ObjectId, Place, Slot, Table, page, shard_bits, top};
use crate::wire::{put, size};
use alloc::{collections::BTreeMap, collections::BTreeSet, vec::Vec};

/// Chunks as they will be; `None` for those that go.
type ChangedChunks = BTreeMap<(Table, u32), Option<Vec<u8>>>;
/// A digest, and its record from now on; `None` for none.
type Edit = ((u64, u64), Option<Row>);

/// All objects of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The top page.
    pub top: Vec<u8>,
    /// The directory.
    pub directory: Vec<u8>,
    /// The index pages.
    pub pages: Vec<Vec<u8>>,
    /// The directory's chunks, by table and number.
    pub chunks: BTreeMap<(Table, u32), Vec<u8>>,
    /// The shards.
    pub shards: Vec<Vec<u8>>,
    /// Records in the tree.
    pub records: u64,
}

/// An object that a change replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Where it stands.
    pub place: Place,
    /// What stood there; `None` if nothing did.
    pub before: Option<Vec<u8>>,
}

impl Tree {
    /// Builds the tree of a state (SPEC.md section 5). Fails on a record or an entry that breaks a limit or a rule of the format
    /// ([`Error::BadRecord`], [`Error::TooLong`], [`Error::TooLarge`]), on two digests that begin with the same 16 bytes
    /// ([`Error::DuplicateDigest`]), on an object of more than 2^28 bytes and on a tree of more than 3 GiB. Whether each number that a record refers to has an entry is not asked.
    pub fn build(state: &State) -> Result<Tree, Error> {
        let mut places: BTreeMap<(Table, u32), Vec<Vec<u8>>> = BTreeMap::new();
        for ((table, number), entry) in &state.entries {
            entries::check_number(*table, *number, entry)?;
            let (chunk, place) = chunk_of(*number);
            let places = places.entry((*table, chunk)).or_insert_with(|| entries::places(None));
            if let Some(place) = places.get_mut(place) {
                *place = entries::encode(entry)?;
            }
        }
        let mut chunks = Chunks::new();
        for ((table, number), places) in &places {
            if let Some(chunk) = entries::encode_chunk(*table, *number, places)? {
                chunks.insert((*table, *number), chunk);
            }
        }
        let pepper = state.settings.pepper.as_ref();
        let rows = state.records.iter().map(|record| Row::of(record, pepper)).collect::<Result<Vec<_>, _>>()?;
        let (shards, records) = shard_all(rows)?;
        Tree { top: Vec::new(), directory: Vec::new(), pages: Vec::new(), chunks, shards, records }.sealed(&state.settings)
    }

    /// Applies a change, and returns what it replaced, in the order of places: what no change touched is neither read nor written. The tree is
    /// the one that [`Tree::build`] makes of the changed state, whose pepper must be the same. After an error it is what it was.
    pub fn change(&mut self, change: &Change) -> Result<Vec<Replaced>, Error> {
        let chunks = self.changed_chunks(&change.entries)?;
        let (shards, records) = self.changed_shards(change)?;
        let mut next = BTreeMap::new();
        next.extend(chunks.into_iter().map(|((table, number), chunk)| (Place::Chunk(table, number), chunk)));
        if shard_bits(records) != shard_bits(self.records) {
            return self.split(change, next);
        }
        let fresh: BTreeSet<Place> = next.keys().copied().chain(shards.keys().map(|shard| Place::Shard(*shard))).collect();
        next.extend(shards.into_iter().map(|(shard, bytes)| (Place::Shard(shard), Some(bytes))));
        let mut replaced = self.put_all(next);
        let before = self.records;
        self.records = records;
        match self.seal(&change.settings, Some(&fresh)) {
            Ok(sealed) => replaced.extend(sealed),
            Err(error) => {
                self.records = before;
                self.put_all(replaced.into_iter().map(|replaced| (replaced.place, replaced.before)).collect());
                return Err(error);
            }
        }
        replaced.sort_unstable_by_key(|replaced| replaced.place);
        Ok(replaced)
    }

    /// The number of shards changes: all records are sorted anew.
    fn split(&mut self, change: &Change, chunks: BTreeMap<Place, Option<Vec<u8>>>) -> Result<Vec<Replaced>, Error> {
        let mut next = self.clone();
        next.put_all(chunks);
        let mut rows: BTreeMap<(u64, u64), Row> = BTreeMap::new();
        for shard in &self.shards {
            rows.extend(Row::all(shard)?.into_iter().map(|row| (row.words, row)));
        }
        edit(&mut rows, &edits(change)?);
        (next.shards, next.records) = shard_all(rows.into_values().collect())?;
        next.pages.clear();
        let next = next.sealed(&change.settings)?;
        let places: BTreeSet<Place> = self.places().chain(next.places()).collect();
        let differs = |place: &Place| self.object(*place) != next.object(*place);
        let replaced =
            places.into_iter().filter(differs).map(|place| Replaced { place, before: self.object(place).map(Into::into) });
        let replaced = replaced.collect();
        *self = next;
        Ok(replaced)
    }

    fn changed_chunks(&self, changes: &[(Table, u32, Option<Entry>)]) -> Result<ChangedChunks, Error> {
        let mut places: BTreeMap<(Table, u32), Vec<Vec<u8>>> = BTreeMap::new();
        for (table, number, entry) in changes {
            if let Some(entry) = entry {
                entries::check_number(*table, *number, entry)?;
            }
            let (chunk, place) = chunk_of(*number);
            let known = || entries::places(self.chunks.get(&(*table, chunk)).map(Vec::as_slice));
            let places = places.entry((*table, chunk)).or_insert_with(known);
            if let Some(place) = places.get_mut(place) {
                *place = entry.as_ref().map(entries::encode).transpose()?.unwrap_or_default();
            }
        }
        let chunk = |((table, number), places): (&(Table, u32), &Vec<Vec<u8>>)| {
            Ok(((*table, *number), entries::encode_chunk(*table, *number, places)?))
        };
        let chunks = places.iter().map(chunk).collect::<Result<BTreeMap<_, _>, Error>>()?;
        Ok(chunks.into_iter().filter(|(at, chunk)| self.chunks.get(at) != chunk.as_ref()).collect())
    }

    /// The shards that a change touches, as they will be, and how many records there are then.
    fn changed_shards(&self, change: &Change) -> Result<(BTreeMap<u32, Vec<u8>>, u64), Error> {
        let bits = shard_bits(self.records);
        let mut of_shard: BTreeMap<u32, Vec<Edit>> = BTreeMap::new();
        for edit in edits(change)? {
            of_shard.entry(shard_of(edit.0.0, bits)).or_default().push(edit);
        }
        let (mut shards, mut records) = (BTreeMap::new(), self.records);
        for (shard, edits) in of_shard {
            let before = self.shards.get(size(shard)).ok_or(Error::WrongShard { shard })?;
            let rows = Row::all(before)?;
            let count = rows.len();
            let mut rows: BTreeMap<(u64, u64), Row> = rows.into_iter().map(|row| (row.words, row)).collect();
            edit(&mut rows, &edits);
            let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            records = records.saturating_sub(wide(count)).saturating_add(wide(rows.len()));
            let rows: Vec<Row> = rows.into_values().collect();
            let bytes = shards::encode(&rows)?;
            if bytes != *before {
                shards.insert(shard, bytes);
            }
        }
        Ok((shards, records))
    }

    /// Puts objects in their places, or removes them. Returns what stood there.
    fn put_all(&mut self, objects: BTreeMap<Place, Option<Vec<u8>>>) -> Vec<Replaced> {
        objects.into_iter().map(|(place, bytes)| Replaced { place, before: self.put(place, bytes) }).collect()
    }

    fn put(&mut self, place: Place, bytes: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let slot = match place {
            Place::Top => Some(&mut self.top),
            Place::Directory => Some(&mut self.directory),
            Place::Page(number) => self.pages.get_mut(size(number)),
            Place::Shard(number) => self.shards.get_mut(size(number)),
            Place::Chunk(table, number) => {
                return match bytes {
                    Some(bytes) => self.chunks.insert((table, number), bytes),
                    None => self.chunks.remove(&(table, number)),
                };
            }
        };
        slot.map(|slot| core::mem::replace(slot, bytes.unwrap_or_default()))
    }

    fn sealed(mut self, settings: &Settings) -> Result<Tree, Error> {
        let pages = self.shards.len().div_ceil(SHARDS_PER_PAGE);
        self.pages.resize_with(pages, Vec::new);
        self.seal(settings, None)?;
        Ok(self)
    }

    /// Makes the objects that name others anew: those above `fresh` ones, or all. Returns those that differ. After an error the tree is
    /// what it was.
    fn seal(&mut self, settings: &Settings, fresh: Option<&BTreeSet<Place>>) -> Result<Vec<Replaced>, Error> {
        let pages: BTreeSet<usize> = match fresh {
            None => (0..self.pages.len()).collect(),
            Some(fresh) => fresh.iter().filter_map(|place| page_above(*place)).collect(),
        };
        let mut next = BTreeMap::new();
        for page in pages {
            next.insert(Place::Page(u32::try_from(page).unwrap_or(u32::MAX)), Some(self.encode_page(page, fresh)));
        }
        let known = fresh.and_then(|fresh| Some((Directory::parse(&self.directory).ok()?, fresh)));
        next.insert(Place::Directory, Some(entries::encode_directory(settings, &self.chunks, known)?));
        next.retain(|place, bytes| self.object(*place) != bytes.as_deref());
        let mut replaced = self.put_all(next);
        let top = self.encode_top()?;
        if top != self.top {
            replaced.push(Replaced { place: Place::Top, before: Some(core::mem::replace(&mut self.top, top)) });
        }
        if let Err(error) = self.check_sizes() {
            self.put_all(replaced.into_iter().map(|replaced| (replaced.place, replaced.before)).collect());
            return Err(error);
        }
        Ok(replaced)
    }

    /// What no edge would take is not published. Whoever may import digests can crowd a shard, and fill it with metadata.
    fn check_sizes(&self) -> Result<(), Error> {
        let wide = |object: &[u8]| u64::try_from(object.len()).unwrap_or(u64::MAX);
        let longest = self.objects().map(wide).max().unwrap_or(0);
        for (object, bytes, limit) in [("object", longest, MAX_OBJECT_BYTES.into()), ("tree", self.bytes(), MAX_BUNDLE_BYTES)] {
            if bytes > limit {
                return Err(Error::TooLarge { object, bytes, limit });
            }
        }
        Ok(())
    }

    /// A page over its shards. Only `fresh` ones are hashed, if the page is there.
    fn encode_page(&self, page: usize, fresh: Option<&BTreeSet<Place>>) -> Vec<u8> {
        let from = page.saturating_mul(SHARDS_PER_PAGE).min(self.shards.len());
        let shards = self.shards.get(from..self.shards.len().min(from + SHARDS_PER_PAGE)).unwrap_or(&[]);
        let before = self.pages.get(page).and_then(|page| page::Page::slots(page)).zip(fresh);
        let mut out = put::open(page::MAGIC);
        out.extend_from_slice(&u16::try_from(shards.len()).unwrap_or(u16::MAX).to_le_bytes());
        for (index, shard) in shards.iter().enumerate() {
            let place = Place::Shard(u32::try_from(from + index).unwrap_or(u32::MAX));
            let known = before.and_then(|(slots, fresh)| slots.get(index).filter(|_| !fresh.contains(&place)));
            known.unwrap_or_else(|| Slot::of(shard)).put(&mut out);
        }
        out
    }

    fn encode_top(&self) -> Result<Vec<u8>, Error> {
        let mut out = put::open(top::MAGIC);
        out.extend_from_slice(&[shard_bits(self.records), 0]);
        out.extend_from_slice(&self.records.to_le_bytes());
        Slot::of(&self.directory).put(&mut out);
        out.extend_from_slice(&put::count(self.pages.len(), "index pages")?);
        self.pages.iter().for_each(|page| Slot::of(page).put(&mut out));
        Ok(out)
    }

    /// The name that a head gives the tree: that of the top page.
    pub fn id(&self) -> ObjectId {
        ObjectId::of(&self.top)
    }

    /// Bytes of all objects together, which the head announces.
    pub fn bytes(&self) -> u64 {
        self.objects().map(|object| u64::try_from(object.len()).unwrap_or(u64::MAX)).sum()
    }

    /// What each object must be, in the order of a bundle: read from the objects that name them, so nothing is hashed but the top page.
    pub fn slots(&self) -> impl Iterator<Item = (Place, Slot)> + '_ {
        let directory = Directory::parse(&self.directory).ok();
        let of_table = move |table| directory.map(|directory| directory.chunks(table)).into_iter().flatten();
        let chunks =
            Table::ALL.into_iter().flat_map(move |table| of_table(table).map(move |(n, slot)| (Place::Chunk(table, n), slot)));
        let of_top = top::Top::trusted(&self.top);
        let named = of_top.into_iter().flat_map(|(directory, pages)| {
            let pages = (0..).map(Place::Page).zip(pages.iter());
            core::iter::once((Place::Directory, directory)).chain(pages)
        });
        let shards = self.pages.iter().filter_map(|page| page::Page::slots(page)).flat_map(|slots| slots.iter());
        core::iter::once((Place::Top, Slot::of(&self.top)))
            .chain(named)
            .chain(chunks)
            .chain((0..).map(Place::Shard).zip(shards))
    }

    /// Every place, in the order of a bundle.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let numbers = |list: &[Vec<u8>]| 0..u32::try_from(list.len()).unwrap_or(u32::MAX);
        let chunks = self.chunks.keys().map(|(table, number)| Place::Chunk(*table, *number));
        let pages = numbers(&self.pages).map(Place::Page);
        [Place::Top, Place::Directory].into_iter().chain(pages).chain(chunks).chain(numbers(&self.shards).map(Place::Shard))
    }

    /// The object at a place.
    pub fn object(&self, place: Place) -> Option<&[u8]> {
        let found = match place {
            Place::Top => Some(&self.top),
            Place::Directory => Some(&self.directory),
            Place::Page(number) => self.pages.get(size(number)),
            Place::Chunk(table, number) => self.chunks.get(&(table, number)),
            Place::Shard(number) => self.shards.get(size(number)),
        };
        found.map(Vec::as_slice)
    }

    /// Every object, in the order of a bundle.
    pub fn objects(&self) -> impl Iterator<Item = &[u8]> {
        self.places().filter_map(|place| self.object(place))
    }

    /// The tree as an edge holds it.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Error> {
        let head = Head::of_tree(self.id(), self.bytes(), self.records);
        let mut snapshot = Snapshot::begin(self.top.clone(), &head, None, usize::MAX)?;
        for place in self.places().skip(1) {
            snapshot.supply(place, self.object(place).unwrap_or_default().to_vec(), None)?;
        }
        Ok(snapshot)
    }
}

/// The index page that names the object at `place`.
fn page_above(place: Place) -> Option<usize> {
    match place {
        Place::Shard(number) => Some(size(number) / SHARDS_PER_PAGE),
        _ => None,
    }
}

/// What a change does to each digest.
fn edits(change: &Change) -> Result<Vec<Edit>, Error> {
    let pepper = change.settings.pepper.as_ref();
    let removed = change.removed.iter().map(|digest| Ok((shards::words(digest, pepper), None)));
    let put = change.put.iter().map(|record| Row::of(record, pepper).map(|row| (row.words, Some(row))));
    removed.chain(put).collect()
}

fn edit(rows: &mut BTreeMap<(u64, u64), Row>, edits: &[Edit]) {
    for (words, row) in edits {
        match row {
            Some(row) => drop(rows.insert(*words, row.clone())),
            None => drop(rows.remove(words)),
        }
    }
}

/// The shards of all records.
fn shard_all(mut rows: Vec<Row>) -> Result<(Vec<Vec<u8>>, u64), Error> {
    rows.sort_unstable_by_key(|row| row.words);
    if rows.iter().zip(rows.iter().skip(1)).any(|(a, b)| a.words == b.words) {
        return Err(Error::DuplicateDigest);
    }
    let records = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let bits = shard_bits(records);
    let mut rest = rows.as_slice();
    let shard = |number| {
        let (here, after) = rest.split_at(rest.partition_point(|row| shard_of(row.words.0, bits) <= number));
        rest = after;
        shards::encode(here)
    };
    Ok(((0..1u32 << bits).map(shard).collect::<Result<_, _>>()?, records))
}
