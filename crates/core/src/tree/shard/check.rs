//! What must hold of a shard before any of it is relied on. SPEC.md section 5.3.

use super::hints::{HINTS, Hints, sixteenth};
use super::{
    CLAIMS, COLUMNS, EXPIRES_AT, MAGIC, NOT_BEFORE, OBJECT, SUBJECT, Shape, Shard, WIDTHS, is_id, read_pair, shard_of,
    width_for,
};
use crate::error::{Boxed, Error};
use crate::limits::{MAX_EPOCH, MAX_METADATA_BYTES, MAX_NAME_BYTES, MAX_SHARD_RECORDS};
use crate::wire::{List, Reader, size};

impl<'a> Shard<'a> {
    /// Reads and checks all of a shard whose digest has been checked. `bits` and `number` say which digests belong here.
    pub(crate) fn parse(bytes: &'a [u8], bits: u8, number: u32) -> Result<Shape, Boxed> {
        let shape = Shape::read(bytes)?;
        let shard = Self::of_shape(bytes, shape).ok_or(Error::Truncated { object: OBJECT })?;
        let hints = shard.check_order(bits, number)?;
        shard.check_columns()?;
        Ok(Shape { hints, ..shape })
    }

    /// Reads a shard without proving where it belongs: to show it, never to act on it.
    pub fn inspect(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::of_shape(bytes, Shape::read(bytes)?).ok_or(Error::Truncated { object: OBJECT })
    }

    fn check_order(&self, bits: u8, number: u32) -> Result<Hints, Boxed> {
        let mut before = None;
        let mut counts = [0; HINTS];
        for index in 0..self.count {
            let record = self.words(index).ok_or(Error::Truncated { object: OBJECT })?;
            if before.is_some_and(|b| b >= record) {
                return Err(Error::Unsorted { object: OBJECT }.into());
            }
            if shard_of(record.0, bits) != number {
                return Err(Error::WrongShard { shard: number }.into());
            }
            before = Some(record);
            if let Some(count) = counts.get_mut(sixteenth(record.0, bits)) {
                *count += 1;
            }
        }
        Ok(Hints::of(&counts))
    }

    fn check_columns(&self) -> Result<(), Boxed> {
        let field = |field| Boxed::from(Error::BadField { object: OBJECT, field });
        let ([subjects, claims], reader) = self.lists(true)?;
        reader.finish()?;
        check_subjects(&subjects)?;
        check_claims(&claims)?;
        for column in 0..COLUMNS {
            let of_column = self.column(column).ok_or(Error::Truncated { object: OBJECT })?;
            let greatest = (0..self.count).filter_map(|row| of_column.get(row)).max().unwrap_or(0);
            if self.widths.get(column) != Some(&width_for(column, greatest)) {
                return Err(field("width"));
            }
            // Claims are one higher than their index.
            let limit = match column {
                NOT_BEFORE | EXPIRES_AT if greatest > MAX_EPOCH => return Err(field("time")),
                SUBJECT if self.count > 0 => subjects.len(),
                CLAIMS => claims.len().saturating_add(1),
                _ => continue,
            };
            if usize::try_from(greatest).map_or(true, |greatest| greatest >= limit) {
                return Err(Error::BadReference {
                    object: OBJECT,
                    field: if column == SUBJECT { "subject" } else { "claims" },
                }
                .into());
            }
        }
        Ok(())
    }
}

impl Shape {
    fn read(bytes: &[u8]) -> Result<Self, Boxed> {
        let field = |field| Boxed::from(Error::BadField { object: OBJECT, field });
        let mut reader = Reader::open(bytes, MAGIC, OBJECT)?;
        let (zero, count, widths) = (reader.u16()?, reader.u32()?, *reader.array::<COLUMNS>()?);
        if zero != 0 || reader.u8()? != 0 {
            return Err(field("zero"));
        }
        if count > MAX_SHARD_RECORDS {
            return Err(Error::TooLong { what: "shard records", bytes: size(count), limit: size(MAX_SHARD_RECORDS) }.into());
        }
        if !widths.iter().zip(WIDTHS).all(|(width, allowed)| allowed.contains(width)) {
            return Err(field("width"));
        }
        Ok(Shape { count, widths, hints: Hints::default() })
    }
}

fn check_subjects(subjects: &List<'_>) -> Result<(), Boxed> {
    let sound = |entry| read_pair(entry).is_some_and(|(org, owner)| is_id(org) && is_id(owner));
    if subjects.iter().all(sound) { Ok(()) } else { Err(Error::BadField { object: OBJECT, field: "subject" }.into()) }
}

fn check_claims(claims: &List<'_>) -> Result<(), Boxed> {
    let sound = |entry| {
        read_pair(entry).is_some_and(|(name, metadata)| {
            let some = !name.is_empty() || !metadata.is_empty();
            // The identity crosses to JavaScript as one text with control characters between its parts.
            let text = !name.chars().chain(metadata.chars()).any(char::is_control);
            some && text && name.len() <= MAX_NAME_BYTES && metadata.len() <= MAX_METADATA_BYTES
        })
    };
    if claims.iter().all(sound) { Ok(()) } else { Err(Error::BadField { object: OBJECT, field: "claims" }.into()) }
}
