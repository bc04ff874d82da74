//! A shard: some 128 to 256 records of fixed width, with lists for what repeats.
//!
//! ```text
//! shard   := "ELSH" u16 format, u16 zero, u32 count, u8 width[7], u8 zero,
//!            u64 high[count], hot[count], u64 key_id[count], subject[count], claims[count], list(subject), list(claims)
//! hot     := u64 low, state, scope, policy, not_before, expires_at
//! state   := role set * 4 + 2 if the owner is disabled + 1 if the key is revoked
//! subject := text8 org, owner
//! claims  := text8 name, metadata (JSON text, may be empty)
//! ```
//! `high` and `low` are the first and second eight bytes of the truncated digest, read as big-endian numbers. Role set, scope and
//! policy are numbers of the directory; a subject is an index into its list, claims are one higher than theirs, 0 standing for none.
//! Widths are the least that hold the greatest value. Records ascend strictly. The search runs over `high` alone, which is dense; what a
//! verification reads of the record found lies in one or two cache lines; what only an identity needs stands apart.

mod check;
mod find;
mod hints;

use crate::error::{Boxed, Error};
use crate::limits::MAX_ID_BYTES;
use crate::wire::{List, Reader, number, size, u64_at};
use crate::work;
use hints::Hints;

pub(crate) const MAGIC: &[u8; 4] = b"ELSH";
pub(crate) const FLAG_REVOKED: u64 = 1;
pub(crate) const FLAG_OWNER_DISABLED: u64 = 2;
pub(crate) const HEADER: usize = 20;
const OBJECT: &str = "shard";

/// Columns of a shard, in the order of their widths.
pub(crate) const COLUMNS: usize = 7;
/// State, scope and policy come first.
pub(crate) const NOT_BEFORE: usize = 3;
pub(crate) const EXPIRES_AT: usize = 4;
pub(crate) const SUBJECT: usize = 5;
pub(crate) const CLAIMS: usize = 6;
/// The columns that stand beside `low`, in one record.
const HOT: usize = 5;

/// The widths that each column may have, ascending; the last one holds every value.
pub(crate) const WIDTHS: [&[u8]; COLUMNS] =
    [&[1, 2, 4], &[0, 1, 2, 4], &[0, 1, 2, 4], &[0, 4, 8], &[0, 4, 8], &[0, 1, 2, 4], &[0, 1, 2, 4]];

/// The least width of a column that holds `greatest`.
pub(crate) fn width_for(column: usize, greatest: u64) -> u8 {
    let widths = WIDTHS.get(column).copied().unwrap_or_default();
    let holds = |width: &u8| greatest.checked_shr(8 * u32::from(*width)).unwrap_or(0) == 0;
    widths.iter().copied().find(holds).unwrap_or(8)
}

/// What the header of a shard says, and where its records lie: kept beside the shard, so that a verification does not read it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) count: u32,
    pub(crate) widths: [u8; COLUMNS],
    hints: Hints,
}

/// A view of a shard.
#[derive(Clone, Copy)]
pub struct Shard<'a> {
    count: usize,
    widths: [u8; COLUMNS],
    hints: Hints,
    stride: usize,
    high: &'a [u8],
    hot: &'a [u8],
    /// Key ids, subjects and claims, and the lists.
    cold: &'a [u8],
}

/// One value of each record, `stride` bytes apart.
#[derive(Clone, Copy)]
struct Column<'a> {
    bytes: &'a [u8],
    stride: usize,
    width: u8,
}

impl Column<'_> {
    fn get(&self, index: usize) -> Option<u64> {
        number(self.bytes.get(index.checked_mul(self.stride)?..)?, self.width)
    }
}

/// When a record may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Validity {
    /// The key was revoked.
    pub revoked: bool,
    /// Its owner is disabled.
    pub owner_disabled: bool,
    /// Unix seconds; 0 for no bound.
    pub not_before: u64,
    /// Unix seconds; 0 for never.
    pub expires_at: u64,
}

/// What a verification needs of a record, and numbers of the directory for the rest: 0 is no roles, all services, any address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Status and bounds in time.
    pub validity: Validity,
    /// Number of its role set.
    pub role_set: u32,
    /// Number of its scope.
    pub scope: u32,
    /// Number of its IP policy.
    pub policy: u32,
}

/// Who a record belongs to and what it is called.
#[derive(Clone, Copy)]
pub struct Labels<'a> {
    /// The tenant.
    pub org: &'a str,
    /// The user or service account.
    pub owner: &'a str,
    /// The key's name; empty when it has none.
    pub name: &'a str,
    /// Custom metadata, JSON text; empty when there is none.
    pub metadata: &'a str,
}

impl<'a> Shard<'a> {
    /// A shard whose header is known: the view alone, for the verification path.
    #[inline]
    pub(crate) fn of_shape(bytes: &'a [u8], shape: Shape) -> Option<Self> {
        let (count, widths) = (size(shape.count), shape.widths);
        let stride = widths.iter().take(HOT).fold(8, |sum, width| sum + usize::from(*width));
        let (high, rest) = bytes.get(HEADER..)?.split_at_checked(count.checked_mul(8)?)?;
        let (hot, cold) = rest.split_at_checked(count.checked_mul(stride)?)?;
        Some(Shard { count, widths, hints: shape.hints, stride, high, hot, cold })
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.count
    }

    #[inline]
    fn record(&self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(self.stride)?;
        let record = self.hot.get(start..start.checked_add(self.stride)?)?;
        work::read(record);
        Some(record)
    }

    #[inline]
    fn high(&self, index: usize) -> Option<u64> {
        let word = self.high.get(index.checked_mul(8)?..)?.first_chunk()?;
        work::read(word);
        Some(u64::from_le_bytes(*word))
    }

    /// The truncated digest of record `index` as two numbers.
    #[inline]
    pub(crate) fn words(&self, index: usize) -> Option<(u64, u64)> {
        Some((self.high(index)?, u64_at(self.record(index)?, 0)?))
    }

    /// The leftmost 16 bytes of the digest of record `index`.
    pub fn digest16(&self, index: usize) -> Option<[u8; 16]> {
        let (high, low) = self.words(index)?;
        Some(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    /// What a verification needs of record `index`.
    #[inline]
    pub fn terms(&self, index: usize) -> Option<Terms> {
        let mut rest = self.record(index)?.get(8..)?;
        let mut values = [0; HOT];
        for (value, width) in values.iter_mut().zip(self.widths) {
            *value = number(rest, width)?;
            rest = rest.get(usize::from(width)..)?;
        }
        let [state, scope, policy, not_before, expires_at] = values;
        let small = |value| u32::try_from(value).ok();
        let (revoked, owner_disabled) = (state & FLAG_REVOKED != 0, state & FLAG_OWNER_DISABLED != 0);
        let validity = Validity { revoked, owner_disabled, not_before, expires_at };
        Some(Terms { validity, role_set: small(state >> 2)?, scope: small(scope)?, policy: small(policy)? })
    }

    /// The key id of record `index`.
    pub fn key_id(&self, index: usize) -> Option<u64> {
        if index < self.count { u64_at(self.cold, index) } else { None }
    }

    /// One column of all records.
    fn column(&self, column: usize) -> Option<Column<'a>> {
        let width = *self.widths.get(column)?;
        if column < HOT {
            let before = self.widths.iter().take(column).fold(8, |sum, width| sum + usize::from(*width));
            return Some(Column { bytes: self.hot.get(before..).unwrap_or(&[]), stride: self.stride, width });
        }
        let [subjects, claims] = self.cold_columns()?.0;
        let bytes = if column == SUBJECT { subjects } else { claims };
        Some(Column { bytes, stride: usize::from(width), width })
    }

    /// Subjects and claims of all records, and what follows.
    fn cold_columns(&self) -> Option<([&'a [u8]; 2], &'a [u8])> {
        let rest = self.cold.get(self.count.checked_mul(8)?..)?;
        let bytes = |column: usize| self.count.checked_mul(usize::from(*self.widths.get(column)?));
        let (subjects, rest) = rest.split_at_checked(bytes(SUBJECT)?)?;
        let (claims, rest) = rest.split_at_checked(bytes(CLAIMS)?)?;
        Some(([subjects, claims], rest))
    }

    fn lists(&self, check: bool) -> Result<([List<'a>; 2], Reader<'a>), Boxed> {
        let (_, rest) = self.cold_columns().ok_or(Error::Truncated { object: OBJECT })?;
        let mut reader = Reader::inside(rest, OBJECT);
        Ok(([List::read(&mut reader, check)?, List::read(&mut reader, check)?], reader))
    }

    /// Org, owner, name and metadata of record `index`.
    pub fn labels(&self, index: usize) -> Option<Labels<'a>> {
        let ([subjects, claims], _) = self.lists(false).ok()?;
        let place = |column| usize::try_from(self.column(column)?.get(index)?).ok();
        let (org, owner) = read_pair(subjects.get(place(SUBJECT)?)?)?;
        let (name, metadata) = match place(CLAIMS)?.checked_sub(1) {
            None => ("", ""),
            Some(entry) => read_pair(claims.get(entry)?)?,
        };
        Some(Labels { org, owner, name, metadata })
    }
}

/// The shard to which a digest with this high word belongs.
#[inline]
pub(crate) fn shard_of(high: u64, bits: u8) -> u32 {
    match bits {
        0 => 0,
        bits => u32::try_from(high >> (64 - u32::from(bits.min(32)))).unwrap_or(u32::MAX),
    }
}

/// `text8`, then text up to the end.
fn read_pair(entry: &[u8]) -> Option<(&str, &str)> {
    let mut reader = Reader::inside(entry, OBJECT);
    let first = reader.text8().ok()?;
    Some((first, core::str::from_utf8(reader.rest()).ok()?))
}

/// Whether `text` can name an org or an owner: printable ASCII without spaces.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
