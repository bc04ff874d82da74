//! Reading and writing the binary forms: little-endian, fixed width, no padding.
//!
//! ```text
//! object    := magic[4] u16 format  …            every object starts like this
//! text8     := u8 length, bytes
//! list(T)   := u32 count, u8 width, end[count], bytes   item i is bytes[end[i-1] .. end[i]]; items ascend strictly as bytes;
//!              an end has the least width of 1, 2, 4 bytes that holds the last one
//! varint    := LEB128, at most five bytes, none of them superfluous
//! signed    := magic[4] u16 format u32 length, statement[length], u8 count, (key[32] signature[64])*count
//!              keys ascend strictly
//! ```

use crate::error::{Boxed, Error};
/// The format version that this crate reads and writes.
pub const FORMAT: u16 = 2;

const _: () = assert!(usize::BITS >= 32, "lengths of 32 bits must fit");

/// A 32-bit length or index as `usize`.
#[inline]
#[allow(clippy::as_conversions)]
pub(crate) const fn size(value: u32) -> usize {
    value as usize
}

/// So that a length that nobody signed makes nobody hash or copy much.
pub(crate) fn bound(object: &'static str, bytes: usize, limit: usize) -> Result<(), Boxed> {
    if bytes <= limit {
        return Ok(());
    }
    let wide = |size| u64::try_from(size).unwrap_or(u64::MAX);
    Err(Error::TooLarge { object, bytes: wide(bytes), limit: wide(limit) }.into())
}

/// The most bytes that a varint takes: 32 bits, seven to a byte.
const VARINT_BYTES: u32 = 5;

/// A cursor over untrusted bytes. Every read is bounded; nothing is copied.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    object: &'static str,
}

impl<'a> Reader<'a> {
    /// Starts reading an object: checks its magic and format version.
    pub(crate) fn open(bytes: &'a [u8], magic: &[u8; 4], object: &'static str) -> Result<Self, Boxed> {
        let mut reader = Reader { rest: bytes, object };
        if reader.bytes(4)? != magic {
            return Err(Error::BadMagic { object }.into());
        }
        let format = reader.u16()?;
        if format != FORMAT {
            return Err(Error::UnsupportedFormat { object, format }.into());
        }
        Ok(reader)
    }

    /// A reader over bytes inside an object.
    pub(crate) fn inside(bytes: &'a [u8], object: &'static str) -> Self {
        Reader { rest: bytes, object }
    }

    /// What is being read, for errors.
    pub(crate) fn object(&self) -> &'static str {
        self.object
    }

    #[cold]
    #[inline(never)]
    fn truncated(&self) -> Boxed {
        Error::Truncated { object: self.object }.into()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Boxed> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Boxed> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Boxed> {
        self.array().map(|[b]| *b)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Boxed> {
        self.array().map(|b| u16::from_le_bytes(*b))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Boxed> {
        self.array().map(|b| u32::from_le_bytes(*b))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Boxed> {
        self.array().map(|b| u64::from_le_bytes(*b))
    }

    /// `count` items of `size` bytes each, the product checked.
    pub(crate) fn items(&mut self, count: usize, size: usize) -> Result<&'a [u8], Boxed> {
        self.bytes(count.checked_mul(size).ok_or_else(|| self.truncated())?)
    }

    pub(crate) fn text8(&mut self) -> Result<&'a str, Boxed> {
        let len = self.u8()?;
        self.text(usize::from(len))
    }

    pub(crate) fn text(&mut self, len: usize) -> Result<&'a str, Boxed> {
        core::str::from_utf8(self.bytes(len)?).map_err(|_| Error::NotText { object: self.object }.into())
    }

    pub(crate) fn varint(&mut self) -> Result<u32, Boxed> {
        let object = self.object;
        let bad = || Boxed::from(Error::BadField { object, field: "varint" });
        let mut value = 0u64;
        for index in 0..VARINT_BYTES {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                // A last byte of zero adds nothing: the same number has a shorter form.
                let superfluous = byte == 0 && index > 0;
                return u32::try_from(value).ok().filter(|_| !superfluous).ok_or_else(bad);
            }
        }
        Err(bad())
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The end of an object: nothing may follow.
    pub(crate) fn finish(self) -> Result<(), Boxed> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(Error::TrailingBytes { object: self.object, bytes }.into()),
        }
    }
}

/// Reads a little-endian u32 at item `index` of a packed array; `None` past its end.
#[inline]
pub(crate) fn u32_at(bytes: &[u8], index: usize) -> Option<u32> {
    let at = index.checked_mul(4)?;
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// Reads a little-endian u64 at item `index` of a packed array; `None` past its end.
#[inline]
pub(crate) fn u64_at(bytes: &[u8], index: usize) -> Option<u64> {
    let at = index.checked_mul(8)?;
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

/// Reads a little-endian number of `width` bytes (0, 1, 2, 4 or 8; 0 stands for the number 0) at the beginning of `bytes`.
#[inline]
pub(crate) fn number(bytes: &[u8], width: u8) -> Option<u64> {
    match width {
        0 => Some(0),
        1 => bytes.first().map(|b| u64::from(*b)),
        2 => bytes.first_chunk().map(|b| u64::from(u16::from_le_bytes(*b))),
        4 => bytes.first_chunk().map(|b| u64::from(u32::from_le_bytes(*b))),
        _ => bytes.first_chunk().map(|b| u64::from_le_bytes(*b)),
    }
}

/// A zero-parse view of `list(T)`.
#[derive(Clone, Copy)]
pub(crate) struct List<'a> {
    width: u8,
    ends: &'a [u8],
    items: &'a [u8],
}

impl<'a> List<'a> {
    /// Takes a list off `reader`; with `check`, its ends must be monotone and of least width, and its items strictly ascending.
    pub(crate) fn read(reader: &mut Reader<'a>, check: bool) -> Result<Self, Boxed> {
        let object = reader.object;
        let (count, width) = (size(reader.u32()?), reader.u8()?);
        if !matches!(width, 1 | 2 | 4) {
            return Err(Error::BadField { object, field: "width" }.into());
        }
        let ends = reader.items(count, usize::from(width))?;
        let mut list = List { width, ends, items: &[] };
        let total = list.end(count).ok_or(Error::BadTable { object })?;
        list.items = reader.bytes(total)?;
        if check {
            let mut before: Option<&[u8]> = None;
            for i in 0..count {
                let item = list.get(i).ok_or(Error::BadTable { object })?;
                if before.is_some_and(|b| b >= item) {
                    return Err(Error::Unsorted { object }.into());
                }
                before = Some(item);
            }
            if width != end_width(total) {
                return Err(Error::BadField { object, field: "width" }.into());
            }
        }
        Ok(list)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len() / usize::from(self.width)
    }

    /// Where the first `count` items end.
    fn end(&self, count: usize) -> Option<usize> {
        let Some(last) = count.checked_sub(1) else { return Some(0) };
        let at = last.checked_mul(usize::from(self.width))?;
        usize::try_from(number(self.ends.get(at..)?, self.width)?).ok()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&'a [u8]> {
        if index >= self.len() {
            return None;
        }
        self.items.get(self.end(index)?..self.end(index + 1)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let list = *self;
        (0..list.len()).map_while(move |i| list.get(i))
    }
}

/// The least width of an end that is as far as `total`.
pub(crate) const fn end_width(total: usize) -> u8 {
    match total {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    }
}

/// Writing the same forms. Lengths are checked against the format by the caller's limits.
#[cfg(feature = "builder")]
pub(crate) mod put {
    use crate::error::Error;
    use alloc::{collections::BTreeSet, vec::Vec};

    pub(crate) fn open(magic: &[u8; 4]) -> Vec<u8> {
        let mut out = magic.to_vec();
        out.extend_from_slice(&super::FORMAT.to_le_bytes());
        out
    }

    pub(crate) fn text8(out: &mut Vec<u8>, text: &str, what: &'static str) -> Result<(), Error> {
        out.push(u8::try_from(text.len()).map_err(|_| Error::TooLong { what, bytes: text.len(), limit: 255 })?);
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    pub(crate) fn count(value: usize, what: &'static str) -> Result<[u8; 4], Error> {
        let value = u32::try_from(value).map_err(|_| Error::TooLong { what, bytes: value, limit: super::size(u32::MAX) })?;
        Ok(value.to_le_bytes())
    }

    pub(crate) fn list<I: AsRef<[u8]> + Ord>(out: &mut Vec<u8>, items: &BTreeSet<I>, what: &'static str) -> Result<(), Error> {
        out.extend_from_slice(&count(items.len(), what)?);
        let width = super::end_width(items.iter().map(|item| item.as_ref().len()).sum());
        out.push(width);
        let mut end = 0usize;
        for item in items {
            end += item.as_ref().len();
            out.extend(count(end, what)?.iter().take(usize::from(width)));
        }
        items.iter().for_each(|item| out.extend_from_slice(item.as_ref()));
        Ok(())
    }

    pub(crate) fn varint(out: &mut Vec<u8>, mut value: usize) {
        while value >= 0x80 {
            out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
            value >>= 7;
        }
        out.push(u8::try_from(value).unwrap_or(0));
    }
}
