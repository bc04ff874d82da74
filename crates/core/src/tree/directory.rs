//! What all shards share: settings, and where the chunks of each table are.
//!
//! ```text
//! directory   := "ELDR" u16 format, u8 credentials, u8 flags, u32 pepper_id, table roles, role_sets, scopes, policies
//! table       := u32 count, (u32 chunk_number, slot)[count]        chunk numbers ascend strictly
//! credentials := bit 0 `Authorization: Bearer`, bit 1 `X-API-Key`; at least one
//! flags       := bit 0 the realm holds imported keys
//! ```

use super::chunk::Table;
use super::slot::{SLOT, Slot};
use crate::error::{Boxed, Error};
use crate::http::CredentialHeaders;
use crate::key::PepperId;
use crate::limits::{MAX_CHUNK_BYTES, MAX_CHUNK_NUMBER, MAX_TABLE_CHUNKS};
use crate::wire::{Reader, size};
use crate::work;

pub(crate) const MAGIC: &[u8; 4] = b"ELDR";
pub(crate) const FLAG_IMPORTS: u8 = 1;
const OBJECT: &str = "directory";

/// A view of a directory.
#[derive(Clone, Copy)]
pub struct Directory<'a> {
    /// Headers in which the realm accepts a key.
    pub credentials: CredentialHeaders,
    /// Whether the realm holds imported keys, whose text has no check characters.
    pub imports: bool,
    /// The pepper that the realm's digests are made with, if there is one.
    pub pepper: Option<PepperId>,
    tables: [&'a [u8]; 4],
}

/// Bytes of a chunk's number and slot.
const ROW: usize = 4 + SLOT;

impl<'a> Directory<'a> {
    /// Reads a directory whose digest has been checked.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Ok(Self::read(bytes)?)
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Boxed> {
        let field = |field| Boxed::from(Error::BadField { object: OBJECT, field });
        let mut reader = Reader::open(bytes, MAGIC, OBJECT)?;
        let (credentials, flags, pepper_id) = (reader.u8()?, reader.u8()?, reader.u32()?);
        let credentials =
            CredentialHeaders::from_bits(credentials).filter(|c| !c.is_empty()).ok_or_else(|| field("credentials"))?;
        if flags & !FLAG_IMPORTS != 0 {
            return Err(field("flags"));
        }
        let mut tables: [&[u8]; 4] = [&[]; 4];
        for (rows, table) in tables.iter_mut().zip(Table::ALL) {
            *rows = read_table(&mut reader, table)?;
        }
        reader.finish()?;
        Ok(Directory { credentials, imports: flags & FLAG_IMPORTS != 0, pepper: PepperId::new(pepper_id), tables })
    }

    /// The chunks of a table, by number: they ascend.
    pub fn chunks(&self, table: Table) -> impl Iterator<Item = (u32, Slot)> + use<'a> {
        let rows = self.tables.get(size(table.number())).copied().unwrap_or_default();
        rows.as_chunks::<ROW>().0.iter().map_while(|row| read_row(row).ok())
    }
}

fn read_row(row: &[u8; ROW]) -> Result<(u32, Slot), Boxed> {
    let mut reader = Reader::inside(row, OBJECT);
    Ok((reader.u32()?, Slot::read(&mut reader)?))
}

/// Takes one table. Its length is looked at before anything else.
fn read_table<'a>(reader: &mut Reader<'a>, table: Table) -> Result<&'a [u8], Boxed> {
    let count = size(reader.u32()?);
    if count > MAX_TABLE_CHUNKS {
        return Err(Error::TooLong { what: table.name(), bytes: count, limit: MAX_TABLE_CHUNKS }.into());
    }
    let rows = reader.items(count, ROW)?;
    let mut before = None;
    for row in rows.as_chunks::<ROW>().0 {
        work::done(1);
        let (number, slot) = read_row(row)?;
        if slot.length > MAX_CHUNK_BYTES {
            return Err(Error::TooLarge {
                object: table.chunk_name(),
                bytes: slot.length.into(),
                limit: MAX_CHUNK_BYTES.into(),
            }
            .into());
        }
        if number >= MAX_CHUNK_NUMBER {
            return Err(Error::BadField { object: OBJECT, field: "chunk_number" }.into());
        }
        if before.is_some_and(|before| before >= number) {
            return Err(Error::Unsorted { object: OBJECT }.into());
        }
        before = Some(number);
    }
    Ok(rows)
}
