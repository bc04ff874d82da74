//! Head and whole tree in one file. SPEC.md section 6.
//!
//! ```text
//! bundle := "ELBN" u16 format, u16 zero, u32 head_len, u32 top_len, head, top page, index pages, directory, shards
//! ```
//! Pages and shards follow in order without gaps; their sizes are those that the top page and the pages state. Nothing follows.

use crate::error::Error;
use crate::head::Head;
use crate::limits::{MAX_BUNDLE_BYTES, MAX_HEAD_BYTES, MAX_TOP_BYTES};
use crate::tree::ObjectId;
use crate::tree::page::{Page, page_len};
use crate::tree::top::Top;
use crate::wire::{Reader, bound, size};
use alloc::vec::Vec;
use core::ops::Range;

pub(crate) const MAGIC: &[u8; 4] = b"ELBN";
const HEADER: usize = 16;
const OBJECT: &str = "bundle";

/// Where head and top page lie in a bundle. Read from unproven bytes, so only a place to look.
pub(crate) struct Outline {
    pub(crate) head: Range<usize>,
    pub(crate) top: Range<usize>,
}

/// Reads the outline.
pub(crate) fn outline(bytes: &[u8]) -> Result<Outline, Error> {
    let total = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if total > MAX_BUNDLE_BYTES {
        return Err(Error::TooLarge { object: OBJECT, bytes: total, limit: MAX_BUNDLE_BYTES });
    }
    let (mut reader, head_len, top_len) = header(bytes)?;
    reader.bytes(head_len)?;
    reader.bytes(top_len)?;
    let top = HEADER + head_len;
    Ok(Outline { head: HEADER..top, top: top..top + top_len })
}

/// The lengths of head and top page, and what follows them.
fn header(bytes: &[u8]) -> Result<(Reader<'_>, usize, usize), Error> {
    let mut reader = Reader::open(bytes, MAGIC, OBJECT)?;
    if reader.u16()? != 0 {
        return Err(Error::BadField { object: OBJECT, field: "zero" });
    }
    let (head_len, top_len) = (size(reader.u32()?), size(reader.u32()?));
    bound("head", head_len, MAX_HEAD_BYTES)?;
    bound("top page", top_len, MAX_TOP_BYTES)?;
    Ok((reader, head_len, top_len))
}

/// The head in what is offered: a head alone, or the beginning of a bundle. Unproven.
pub(crate) fn offered_head(bytes: &[u8]) -> Result<&[u8], Error> {
    if !bytes.starts_with(MAGIC) {
        bound("head", bytes.len(), MAX_HEAD_BYTES)?;
        return Ok(bytes);
    }
    let (mut reader, head_len, _) = header(bytes)?;
    reader.bytes(head_len)
}

/// The name of the top page inside a bundle.
pub(crate) fn tree_id(bundle: &[u8]) -> Result<ObjectId, Error> {
    bundle.get(outline(bundle)?.top).map(ObjectId::of).ok_or(Error::Truncated { object: OBJECT })
}

/// The head inside a bundle, unproven.
pub fn head_bytes(bundle: &[u8]) -> Result<&[u8], Error> {
    let outline = outline(bundle)?;
    bundle.get(outline.head).ok_or(Error::Truncated { object: OBJECT })
}

/// The objects of a bundle, in order.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// The head.
    pub head: &'a [u8],
    /// The top page.
    pub top: &'a [u8],
    /// The index pages.
    pub pages: Vec<&'a [u8]>,
    /// The directory.
    pub directory: &'a [u8],
    /// The shards.
    pub shards: Vec<&'a [u8]>,
}

/// Takes a bundle apart without proving anything: to show it, never to act on it.
pub fn parts(bundle: &[u8]) -> Result<Parts<'_>, Error> {
    const CUT: Error = Error::Truncated { object: OBJECT };
    let outline = outline(bundle)?;
    let (head, top_bytes) = (bundle.get(outline.head.clone()).ok_or(CUT)?, bundle.get(outline.top.clone()).ok_or(CUT)?);
    let top = Top::parse(top_bytes)?;
    let layout = layout(bundle.len(), &outline, &top, &Head::inspect(head)?)?;
    let place = |number: usize| layout.pages + number * layout.page_len;
    let all = (0..top.page_count()).map(|number| bundle.get(place(number)..)?.split_at_checked(layout.page_len));
    let pages = all.map(|page| page.map(|(page, _)| page).ok_or(CUT)).collect::<Result<Vec<_>, _>>()?;
    let mut shards = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let start = top.page_start(number).and_then(|start| usize::try_from(start).ok()).ok_or(CUT)?;
        let rest = bundle.get(layout.shards..).and_then(|all| all.get(start..)).ok_or(CUT)?;
        let page = Page::parse(page)?;
        for index in 0..page.count() {
            shards.push(page.shard_range(index).and_then(|range| rest.get(range)).ok_or(CUT)?);
        }
    }
    let directory = bundle.get(layout.directory).ok_or(CUT)?;
    Ok(Parts { head, top: top_bytes, pages, directory, shards })
}

/// The layout of a bundle, once its head and top page are proven.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) pages: usize,
    pub(crate) page_len: usize,
    pub(crate) directory: Range<usize>,
    pub(crate) shards: usize,
}

/// Fits the proven top page to the bundle's length and to what the head announces.
pub(crate) fn layout(bundle_len: usize, outline: &Outline, top: &Top<'_>, head: &Head) -> Result<Layout, Error> {
    let page_len = page_len(top.shards_per_page());
    let pages = outline.top.end;
    let directory = pages + page_len * top.page_count();
    let shards = directory.checked_add(size(top.directory_len)).ok_or(Error::Truncated { object: OBJECT })?;
    let layout = Layout { pages, page_len, directory: directory..shards, shards };
    let end =
        u64::try_from(shards).ok().and_then(|s| s.checked_add(top.shard_bytes())).ok_or(Error::Truncated { object: OBJECT })?;
    let total = u64::try_from(bundle_len).unwrap_or(u64::MAX);
    match total.checked_sub(end) {
        None => return Err(Error::Truncated { object: OBJECT }),
        Some(0) => {}
        Some(rest) => return Err(Error::TrailingBytes { object: OBJECT, bytes: usize::try_from(rest).unwrap_or(usize::MAX) }),
    }
    let tree_bytes = end - u64::try_from(outline.top.start).unwrap_or(0);
    if tree_bytes != head.tree_bytes {
        return Err(Error::WrongCount { object: "tree", announced: head.tree_bytes, found: tree_bytes });
    }
    if top.records != head.records {
        return Err(Error::WrongCount { object: "head", announced: head.records, found: top.records });
    }
    Ok(layout)
}
