//! A shard: some 128 to 256 records of fixed width, with tables for what repeats.
//!
//! ```text
//! shard    := "ELSH" u16 format, u16 zero, u32 count, u8 width[6], u16 zero,
//!             u64 high[count], record[count], list(validity), list(policy), list(subject), list(claims)
//! record   := u64 low, u64 key_id, references to validity, policy, role set, scope, subject, claims
//!             reference i takes width[i] bytes: 0, 1, 2 or 4; width 0 means that all are 0
//! validity := u8 flags (bit 0 revoked, bit 1 owner disabled), u64 not_before, u64 expires_at   Unix seconds, 0 = no bound
//! policy   := see policy.rs
//! subject  := text8 org, owner
//! claims   := text8 name, metadata (JSON text, may be empty)
//! ```
//! `high` and `low` are the first and second eight bytes of the truncated digest, read as big-endian numbers. References of
//! validity, policy and claims are one higher than the table's index, 0 standing for none; those of roles and scope point
//! into the directory. Widths are the least that hold the greatest reference. Records ascend strictly. The search runs over
//! `high` alone, which is dense; what follows of the record found lies in one cache line.

mod check;

use crate::error::Error;
use crate::limits::MAX_ID_BYTES;
use crate::policy::PolicyView;
use crate::wire::{List, Reader, size, u64_at};

pub(crate) const MAGIC: &[u8; 4] = b"ELSH";
pub(crate) const FLAG_REVOKED: u8 = 1;
pub(crate) const FLAG_OWNER_DISABLED: u8 = 2;
const OBJECT: &str = "shard";
const HEADER: usize = 20;

/// The least width that holds `greatest`.
pub(crate) const fn width_for(greatest: u32) -> u8 {
    match greatest {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        _ => 4,
    }
}

/// Where each reference lies in a record, and how wide it is.
#[derive(Clone, Copy)]
struct RecordLayout {
    stride: usize,
    fields: [(usize, u8); 6],
}

impl RecordLayout {
    #[inline]
    fn of(widths: [u8; 6]) -> Self {
        let mut layout = RecordLayout { stride: 16, fields: [(0, 0); 6] };
        for (field, width) in layout.fields.iter_mut().zip(widths) {
            *field = (layout.stride, width);
            layout.stride += usize::from(width);
        }
        layout
    }
}

/// A view of a shard. The tables behind the records are found when first asked for.
#[derive(Clone, Copy)]
pub struct Shard<'a> {
    count: usize,
    high: &'a [u8],
    records: &'a [u8],
    layout: RecordLayout,
    tables: &'a [u8],
}

const VALIDITY: usize = 0;
const POLICY: usize = 1;
const ROLES: usize = 2;
const SCOPE: usize = 3;
const SUBJECT: usize = 4;
const CLAIMS: usize = 5;

struct Tables<'a> {
    validities: List<'a>,
    policies: List<'a>,
    subjects: List<'a>,
    claims: List<'a>,
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
    /// A shard whose header has been checked before: the view alone, for the verification path.
    #[inline]
    pub(crate) fn trusted(bytes: &'a [u8]) -> Option<Self> {
        let ([_, _, _, _, _, _, _, _, c0, c1, c2, c3, w0, w1, w2, w3, w4, w5, _, _], rest) =
            bytes.split_first_chunk::<HEADER>()?;
        let count = size(u32::from_le_bytes([*c0, *c1, *c2, *c3]));
        let layout = RecordLayout::of([*w0, *w1, *w2, *w3, *w4, *w5]);
        let (high, rest) = rest.split_at_checked(count.checked_mul(8)?)?;
        let (records, tables) = rest.split_at_checked(count.checked_mul(layout.stride)?)?;
        Some(Shard { count, high, records, layout, tables })
    }

    fn tables(&self, check: bool) -> Result<(Tables<'a>, Reader<'a>), Error> {
        let mut reader = Reader::inside(self.tables, OBJECT);
        let tables = Tables {
            validities: List::read(&mut reader, check)?,
            policies: List::read(&mut reader, check)?,
            subjects: List::read(&mut reader, check)?,
            claims: List::read(&mut reader, check)?,
        };
        Ok((tables, reader))
    }

    /// Number of records.
    pub fn count(&self) -> usize {
        self.count
    }

    #[inline]
    fn record(&self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(self.layout.stride)?;
        self.records.get(start..start.checked_add(self.layout.stride)?)
    }

    /// The truncated digest of record `index` as two numbers.
    #[inline]
    pub(crate) fn words(&self, index: usize) -> Option<(u64, u64)> {
        Some((u64_at(self.high, index)?, u64_at(self.record(index)?, 0)?))
    }

    /// The leftmost 16 bytes of the digest of record `index`.
    pub fn digest16(&self, index: usize) -> Option<[u8; 16]> {
        let (high, low) = self.words(index)?;
        Some(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    }

    /// The record whose truncated digest is `(high, low)`, if any. Digests are evenly spread (or, imported ones, at least
    /// sorted): a guess by proportion, then steps of growing width, then bisection; so crowding costs a logarithm at most.
    #[inline]
    pub(crate) fn find(&self, bits: u8, high: u64, low: u64) -> Option<usize> {
        use subtle::ConstantTimeEq;
        let index = self.lower_bound(bits, high, low);
        // Words first: the comparison in constant time is made once, of the one candidate.
        if self.words(index)? != (high, low) {
            return None;
        }
        let (stored_high, stored_low) = self.words(index)?;
        bool::from(stored_high.ct_eq(&high) & stored_low.ct_eq(&low)).then_some(index)
    }

    /// The first record that is not below `(high, low)`.
    #[inline]
    fn lower_bound(&self, bits: u8, high: u64, low: u64) -> usize {
        let below = |index: usize| match u64_at(self.high, index) {
            None => false,
            Some(h) if h == high => self.words(index).is_some_and(|(_, l)| l < low),
            Some(h) => h < high,
        };
        let within = high.checked_shl(u32::from(bits)).unwrap_or(0) >> 32;
        let guess = u64::try_from(self.count).ok().and_then(|n| usize::try_from((within * n) >> 32).ok()).unwrap_or(0);
        // Everything before `from` is below, nothing from `to` on is.
        let (mut from, mut to) = (0, self.count);
        let mut step = 1;
        if below(guess) {
            from = guess + 1;
            while below(from + step - 1) {
                from += step;
                step *= 2;
            }
            to = to.min(from + step - 1);
        } else {
            to = guess;
            while to > 0 && !below(to.saturating_sub(step)) {
                to = to.saturating_sub(step);
                step *= 2;
            }
            if to > 0 {
                from = to.saturating_sub(step) + 1;
            }
        }
        while from < to {
            let middle = from + (to - from) / 2;
            if below(middle) { from = middle + 1 } else { to = middle }
        }
        from
    }

    /// The key id of record `index`.
    pub fn key_id(&self, index: usize) -> Option<u64> {
        u64_at(self.record(index)?, 1)
    }

    /// A reference of record `index`; one that points nowhere if there is no such record.
    #[inline]
    fn reference(&self, which: usize, index: usize) -> u32 {
        let field = || {
            let (offset, width) = *self.layout.fields.get(which)?;
            let rest = self.record(index)?.get(offset..)?;
            match width {
                0 => Some(0),
                1 => rest.first().map(|b| u32::from(*b)),
                2 => rest.first_chunk().map(|b| u32::from(u16::from_le_bytes(*b))),
                _ => rest.first_chunk().map(|b| u32::from_le_bytes(*b)),
            }
        };
        field().unwrap_or(u32::MAX)
    }

    /// When record `index` may be used; `None` if the tables are broken, which `parse` rules out.
    #[inline]
    pub fn validity(&self, index: usize) -> Option<Validity> {
        match self.reference(VALIDITY, index) {
            0 => Some(Validity::default()),
            entry => read_validity(List::trusted(self.tables)?.0.get(size(entry) - 1)?),
        }
    }

    /// The IP policy of record `index`; `Some(None)` when it has none.
    #[inline]
    pub fn policy(&self, index: usize) -> Option<Option<PolicyView<'a>>> {
        match self.reference(POLICY, index) {
            0 => Some(None),
            entry => {
                let (_, rest) = List::trusted(self.tables)?;
                let (policies, _) = List::trusted(rest)?;
                Some(Some(PolicyView::new_unchecked_len(policies.get(size(entry) - 1)?)))
            }
        }
    }

    /// The role set of record `index`, in the directory.
    #[inline]
    pub fn role_set(&self, index: usize) -> u32 {
        self.reference(ROLES, index)
    }

    /// The scope of record `index`, in the directory.
    #[inline]
    pub fn scope(&self, index: usize) -> u32 {
        self.reference(SCOPE, index)
    }

    /// Org, owner, name and metadata of record `index`.
    pub fn labels(&self, index: usize) -> Option<Labels<'a>> {
        let (tables, _) = self.tables(false).ok()?;
        let (org, owner) = read_pair(tables.subjects.get(size(self.reference(SUBJECT, index)))?)?;
        let (name, metadata) = match self.reference(CLAIMS, index) {
            0 => ("", ""),
            entry => read_pair(tables.claims.get(size(entry) - 1)?)?,
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

fn read_validity(entry: &[u8]) -> Option<Validity> {
    let mut reader = Reader::inside(entry, OBJECT);
    let flags = reader.u8().ok()?;
    let validity = Validity {
        revoked: flags & FLAG_REVOKED != 0,
        owner_disabled: flags & FLAG_OWNER_DISABLED != 0,
        not_before: reader.u64().ok()?,
        expires_at: reader.u64().ok()?,
    };
    (reader.rest().is_empty() && flags & !(FLAG_REVOKED | FLAG_OWNER_DISABLED) == 0).then_some(validity)
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
