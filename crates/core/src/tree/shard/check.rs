//! What must hold of a shard before any of it is relied on. SPEC.md section 5.3.

use super::{MAGIC, OBJECT, Shard, Validity, is_id, read_pair, read_validity, shard_of, width_for};
use crate::error::Error;
use crate::limits::{MAX_METADATA_BYTES, MAX_NAME_BYTES, MAX_SHARD_RECORDS};
use crate::policy::{AllowMode, PolicyView};
use crate::tree::directory::Directory;
use crate::wire::{Reader, size};

impl<'a> Shard<'a> {
    /// Reads and checks all of a shard whose digest has been checked. `bits` and `number` say which digests belong here.
    pub fn parse(bytes: &'a [u8], bits: u8, number: u32, directory: &Directory<'_>) -> Result<Self, Error> {
        let shard = Self::inspect(bytes)?;
        shard.check_order(bits, number)?;
        shard.check_tables(directory)?;
        Ok(shard)
    }

    /// Reads a shard without proving where it belongs: to show it, never to act on it.
    pub fn inspect(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::check_header(bytes)?;
        Self::trusted(bytes).ok_or(Error::Truncated { object: OBJECT })
    }

    fn check_header(bytes: &[u8]) -> Result<(), Error> {
        let field = |field| Error::BadField { object: OBJECT, field };
        let mut reader = Reader::open(bytes, MAGIC, OBJECT)?;
        let (zero, count, widths) = (reader.u16()?, reader.u32()?, reader.array::<6>()?);
        if zero != 0 || reader.u16()? != 0 {
            return Err(field("zero"));
        }
        if count > MAX_SHARD_RECORDS {
            return Err(Error::TooLong { what: "shard records", bytes: size(count), limit: size(MAX_SHARD_RECORDS) });
        }
        if !widths.iter().all(|width| matches!(width, 0 | 1 | 2 | 4)) {
            return Err(field("width"));
        }
        Ok(())
    }

    fn check_order(&self, bits: u8, number: u32) -> Result<(), Error> {
        let mut before = None;
        for index in 0..self.count {
            let record = self.words(index).ok_or(Error::Truncated { object: OBJECT })?;
            if before.is_some_and(|b| b >= record) {
                return Err(Error::Unsorted { object: OBJECT });
            }
            if shard_of(record.0, bits) != number {
                return Err(Error::WrongShard { shard: number });
            }
            before = Some(record);
        }
        Ok(())
    }

    fn check_tables(&self, directory: &Directory<'_>) -> Result<(), Error> {
        let (tables, reader) = self.tables(true)?;
        reader.finish()?;
        let field = |field| Error::BadField { object: OBJECT, field };
        for entry in tables.validities.iter() {
            let validity = read_validity(entry).ok_or(field("validity"))?;
            if validity == Validity::default() {
                return Err(field("validity"));
            }
        }
        for entry in tables.policies.iter() {
            let policy = PolicyView::validate(entry).map_err(|_| field("policy"))?;
            // One that restricts nobody is not stored, or the same records had two encodings.
            if policy.allow_mode() == AllowMode::Any && policy.deny().next().is_none() {
                return Err(field("policy"));
            }
        }
        for entry in tables.subjects.iter() {
            let (org, owner) = read_pair(entry).ok_or(field("subject"))?;
            if !is_id(org) || !is_id(owner) {
                return Err(field("subject"));
            }
        }
        for entry in tables.claims.iter() {
            let (name, metadata) = read_pair(entry).ok_or(field("claims"))?;
            if name.len() > MAX_NAME_BYTES || metadata.len() > MAX_METADATA_BYTES || (name.is_empty() && metadata.is_empty()) {
                return Err(field("claims"));
            }
            // The identity crosses to JavaScript as one text with control characters between its parts.
            if name.chars().chain(metadata.chars()).any(char::is_control) {
                return Err(field("claims"));
            }
        }
        // What each reference may point to: `none` plus the table, or the table alone.
        let bounds = [
            tables.validities.len() + 1,
            tables.policies.len() + 1,
            directory.role_set_count(),
            directory.scope_count(),
            tables.subjects.len().max(1),
            tables.claims.len() + 1,
        ];
        let names = ["validity", "policy", "roles", "scope", "subject", "claims"];
        for (which, (bound, name)) in bounds.into_iter().zip(names).enumerate() {
            let greatest = (0..self.count).map(|row| self.reference(which, row)).max().unwrap_or(0);
            if size(greatest) >= bound {
                return Err(Error::BadReference { object: OBJECT, field: name });
            }
            if self.layout.fields.get(which).map(|(_, width)| *width) != Some(width_for(greatest)) {
                return Err(field("width"));
            }
        }
        let subjects_used = self.count == 0 || tables.subjects.len() > 0;
        if subjects_used { Ok(()) } else { Err(Error::BadReference { object: OBJECT, field: "subject" }) }
    }
}
