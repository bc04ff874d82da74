//! The directory's entries: what records refer to, 64 numbers to a chunk. SPEC.md section 5.2.
//!
//! ```text
//! chunk    := "ELCH" u16 format, u8 table, u8 count, u32 chunk_number, u32 end[count], bytes
//! role     := text8 name, u16 count, text8 pattern[count]       patterns ascend strictly
//! role_set := u32 role[]                                        ascend strictly
//! scope    := u8 count, text8 service[count]                    services ascend strictly
//! policy   := see policy.rs
//! ```
//! Entry `64 c + i` of chunk `c` is the bytes from `end[i-1]` up to `end[i]`; no bytes mean that there is none.

use crate::error::{Boxed, Error};
use crate::limits::{CHUNK_ENTRIES, MAX_NAME_BYTES, MAX_ROLE_PATTERNS, MAX_SCOPE_SERVICES, MAX_SET_ROLES};
use crate::permission::{is_pattern, is_permission};
use crate::policy::{AllowMode, PolicyView};
use crate::wire::{Reader, size, u32_at};
use crate::work;

pub(crate) const MAGIC: &[u8; 4] = b"ELCH";
const HEADER: usize = 12;

/// A table of the directory. `name` is what its entries are called together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Names and patterns.
    Roles,
    /// Which roles a key has together.
    RoleSets,
    /// For which services a key may be used.
    Scopes,
    /// From where.
    Policies,
}

impl Table {
    /// Every table, in the order of its number.
    pub const ALL: [Table; 4] = [Table::Roles, Table::RoleSets, Table::Scopes, Table::Policies];

    /// Its number in a chunk, 0 to 3.
    pub const fn number(self) -> u32 {
        match self {
            Table::Roles => 0,
            Table::RoleSets => 1,
            Table::Scopes => 2,
            Table::Policies => 3,
        }
    }

    /// The table with this number.
    pub fn of_number(number: u32) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.number() == number)
    }

    /// What its entries are called together.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Roles => "roles",
            Table::RoleSets => "role sets",
            Table::Scopes => "scopes",
            Table::Policies => "policies",
        }
    }

    pub(crate) const fn chunk_name(self) -> &'static str {
        match self {
            Table::Roles => "chunk of roles",
            Table::RoleSets => "chunk of role sets",
            Table::Scopes => "chunk of scopes",
            Table::Policies => "chunk of policies",
        }
    }

    /// A view of an entry of a chunk of this table.
    pub fn view(self, entry: &[u8]) -> Option<EntryView<'_>> {
        Some(match self {
            Table::Roles => EntryView::Role(RoleView::trusted(entry)?),
            Table::RoleSets => EntryView::RoleSet(RoleSet(entry)),
            Table::Scopes => EntryView::Scope(Scope::trusted(entry)?),
            Table::Policies => EntryView::Policy(PolicyView::new_unchecked_len(entry)),
        })
    }

    fn check(self, entry: &[u8]) -> Result<(), Boxed> {
        let mut reader = Reader::inside(entry, self.chunk_name());
        match self {
            Table::Roles => RoleView::read(&mut reader)?.check(),
            Table::RoleSets => RoleSet(entry).check(),
            Table::Scopes => Scope::read(&mut reader)?.check(),
            Table::Policies => match PolicyView::validate(entry) {
                // One that restricts nobody is not stored, or the same records had two encodings.
                Ok(policy) if policy.allow_mode() == AllowMode::List || policy.deny().next().is_some() => Ok(()),
                _ => Err(self.bad("policy")),
            },
        }
    }

    #[cold]
    #[inline(never)]
    fn bad(self, field: &'static str) -> Boxed {
        Error::BadField { object: self.chunk_name(), field }.into()
    }
}

/// Which chunk holds the entry with a number, and at which place.
#[inline]
pub(crate) fn chunk_of(number: u32) -> (u32, usize) {
    let entries = u32::try_from(CHUNK_ENTRIES).unwrap_or(u32::MAX);
    (number / entries, size(number % entries))
}

/// A view of a chunk.
#[derive(Clone, Copy)]
pub struct Chunk<'a> {
    ends: &'a [u8],
    entries: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads and checks chunk `number` of `table`, whose digest has been checked.
    pub fn parse(bytes: &'a [u8], table: Table, number: u32) -> Result<Self, Error> {
        Ok(Self::read(bytes, table, number)?)
    }

    pub(crate) fn read(bytes: &'a [u8], table: Table, number: u32) -> Result<Self, Boxed> {
        let object = table.chunk_name();
        let mut reader = Reader::open(bytes, MAGIC, object)?;
        let (of_table, count) = (reader.u8()?, usize::from(reader.u8()?));
        if u32::from(of_table) != table.number() || !(1..=CHUNK_ENTRIES).contains(&count) || reader.u32()? != number {
            return Err(table.bad("table, count or chunk_number"));
        }
        let chunk = Chunk { ends: reader.items(count, 4)?, entries: reader.rest() };
        let mut before = 0;
        for index in 0..count {
            let end = u32_at(chunk.ends, index).filter(|end| *end >= before).ok_or(Error::BadTable { object })?;
            let entry = chunk.entries.get(size(before)..size(end)).ok_or(Error::BadTable { object })?;
            work::done(1 + entry.len());
            // Number 0 is none in every table.
            if !entry.is_empty() && number == 0 && index == 0 {
                return Err(table.bad("number"));
            }
            if !entry.is_empty() {
                table.check(entry)?;
            }
            if index + 1 == count && entry.is_empty() {
                return Err(Error::BadTable { object }.into());
            }
            before = end;
        }
        match chunk.entries.len().checked_sub(size(before)) {
            Some(0) => Ok(chunk),
            _ => Err(Error::TrailingBytes { object, bytes: chunk.entries.len().saturating_sub(size(before)) }.into()),
        }
    }

    /// Reads a chunk that says itself which one it is, without proving where it belongs: to show it, never to act on it.
    pub fn inspect(bytes: &'a [u8]) -> Result<(Table, u32, Self), Error> {
        let mut reader = Reader::open(bytes, MAGIC, "chunk")?;
        let (table, _, number) = (reader.u8()?, reader.u8()?, reader.u32()?);
        let table = Table::of_number(table.into()).ok_or(Error::BadField { object: "chunk", field: "table" })?;
        Ok((table, number, Self::parse(bytes, table, number)?))
    }

    /// A chunk that has been parsed before: the same view without the checks, for the verification path.
    #[inline]
    pub(crate) fn trusted(bytes: &'a [u8]) -> Option<Self> {
        let count = usize::from(*bytes.get(7)?);
        let (ends, entries) = bytes.get(HEADER..)?.split_at_checked(count.checked_mul(4)?)?;
        Some(Chunk { ends, entries })
    }

    /// The entry at a place of the chunk, 0 to 63; `None` if there is none.
    #[inline]
    pub fn entry(&self, place: usize) -> Option<&'a [u8]> {
        let start = match place.checked_sub(1) {
            None => 0,
            Some(before) => u32_at(self.ends, before)?,
        };
        self.entries.get(size(start)..size(u32_at(self.ends, place)?)).filter(|entry| !entry.is_empty())
    }

    /// The entries with their places.
    pub fn entries(&self) -> impl Iterator<Item = (usize, &'a [u8])> + use<'a> {
        let chunk = *self;
        (0..CHUNK_ENTRIES).filter_map(move |place| Some((place, chunk.entry(place)?)))
    }
}

/// What stands under a number, for whoever shows it.
pub enum EntryView<'a> {
    /// A role.
    Role(RoleView<'a>),
    /// The roles of a key.
    RoleSet(RoleSet<'a>),
    /// The services of a key.
    Scope(Scope<'a>),
    /// From where a key may be used.
    Policy(PolicyView<'a>),
}

/// Texts one after another, each with its length.
#[derive(Clone, Copy)]
struct Texts<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut reader = Reader::inside(self.bytes, "texts");
        (0..self.count).map_while(move |_| reader.text8().ok())
    }

    /// That they are as many as announced and no more than `limit`, ascend strictly, and are each what they must be.
    fn check(&self, table: Table, field: &'static str, limit: usize, is: impl Fn(&[u8]) -> bool) -> Result<(), Boxed> {
        if self.count > limit {
            return Err(Error::TooLong { what: field, bytes: self.count, limit }.into());
        }
        let mut reader = Reader::inside(self.bytes, table.chunk_name());
        let mut before: Option<&str> = None;
        for _ in 0..self.count {
            let text = reader.text8()?;
            if !is(text.as_bytes()) {
                return Err(table.bad(field));
            }
            if before.is_some_and(|before| before >= text) {
                return Err(Error::Unsorted { object: table.chunk_name() }.into());
            }
            before = Some(text);
        }
        reader.finish()
    }
}

/// A role: its name and the patterns that it grants.
#[derive(Clone, Copy)]
pub struct RoleView<'a> {
    /// Its name.
    pub name: &'a str,
    patterns: Texts<'a>,
}

impl<'a> RoleView<'a> {
    /// A role whose form has been checked.
    pub(crate) fn trusted(entry: &'a [u8]) -> Option<Self> {
        Self::read(&mut Reader::inside(entry, "role")).ok()
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Boxed> {
        let (name, count) = (reader.text8()?, usize::from(reader.u16()?));
        Ok(RoleView { name, patterns: Texts { count, bytes: reader.rest() } })
    }

    fn check(&self) -> Result<(), Boxed> {
        // The identity crosses to JavaScript as one text with control characters between its parts.
        if !(1..=MAX_NAME_BYTES).contains(&self.name.len()) || self.name.chars().any(char::is_control) {
            return Err(Table::Roles.bad("role name"));
        }
        self.patterns.check(Table::Roles, "patterns of a role", MAX_ROLE_PATTERNS, is_pattern)
    }

    /// The patterns that it grants, ascending.
    pub fn patterns(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.patterns.iter()
    }
}

/// The roles of a key: their numbers.
#[derive(Clone, Copy)]
pub struct RoleSet<'a>(pub(crate) &'a [u8]);

impl<'a> RoleSet<'a> {
    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.0.as_chunks::<4>().0.iter().map(|number| u32::from_le_bytes(*number))
    }

    fn check(&self) -> Result<(), Boxed> {
        let count = self.0.len() / 4;
        if count > MAX_SET_ROLES {
            return Err(Error::TooLong { what: "roles of a role set", bytes: count, limit: MAX_SET_ROLES }.into());
        }
        if !self.0.len().is_multiple_of(4) || self.iter().next() == Some(0) {
            return Err(Error::BadReference { object: Table::RoleSets.chunk_name(), field: "role" }.into());
        }
        if self.iter().zip(self.iter().skip(1)).any(|(a, b)| a >= b) {
            return Err(Error::Unsorted { object: Table::RoleSets.chunk_name() }.into());
        }
        Ok(())
    }
}

/// The services that a key may be used for.
#[derive(Clone, Copy)]
pub struct Scope<'a>(Texts<'a>);

impl<'a> Scope<'a> {
    /// A scope whose form has been checked.
    pub(crate) fn trusted(entry: &'a [u8]) -> Option<Self> {
        Self::read(&mut Reader::inside(entry, "scope")).ok()
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Boxed> {
        let count = usize::from(reader.u8()?);
        Ok(Scope(Texts { count, bytes: reader.rest() }))
    }

    fn check(&self) -> Result<(), Boxed> {
        self.0.check(Table::Scopes, "services of a scope", MAX_SCOPE_SERVICES, is_permission)
    }

    /// The services, ascending.
    pub fn services(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.iter()
    }
}
