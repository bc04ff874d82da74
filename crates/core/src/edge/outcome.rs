//! What a verification returns.

use super::Location;
use crate::tree::Place;
use crate::verdict::{Code, Reply};
use alloc::string::String;

/// The outcome of one verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was decided.
    pub code: Code,
    /// [`Outcome::MASKED`], [`Outcome::STALE`], [`Outcome::PREFLIGHT`], [`Outcome::BARE`] or [`Outcome::RETURNING`].
    pub flags: u8,
    /// The record, once one was found; also for refusals, so that a log can name the key.
    pub at: Option<Location>,
    /// With [`Code::ShardNeeded`]: the object to [supply](super::Edge::supply) before asking again.
    pub needs: Option<Place>,
}

impl Outcome {
    /// Answer as for a key that is not valid, whatever the code.
    pub const MASKED: u8 = 1;
    /// The head has expired, but the host granted grace.
    pub const STALE: u8 = 2;
    /// Not accepted, but a CORS preflight that the host lets through to its handler, without an identity.
    pub const PREFLIGHT: u8 = 4;
    /// Answer without a challenge: the request is not one to which a credential could be added.
    pub const BARE: u8 = 8;

    /// With [`Code::ShardNeeded`], where [`Outcome::BARE`] has no meaning: the key is one that this edge has found before.
    pub const RETURNING: u8 = 8;

    #[inline]
    pub(super) const fn of(code: Code) -> Self {
        Outcome { code, flags: 0, at: None, needs: None }
    }

    /// The answer lies in an object that is not here.
    #[inline]
    pub(super) const fn needing(place: Place) -> Self {
        Outcome { needs: Some(place), ..Outcome::of(Code::ShardNeeded) }
    }

    /// What an HTTP host answers.
    pub fn reply(&self) -> &'static Reply {
        if self.flags & Self::MASKED != 0 { &Reply::INVALID_TOKEN } else { self.code.reply() }
    }

    /// `code + 64 * flags + 1024 * place`, where place is 0 without a record and `1 + index + 2^22 * shard` for one, or `1 + ` the number
    /// of the place of the object that is needed: below 2^53, so exact as a JavaScript number. SPEC.md section 8.
    #[inline]
    pub fn pack(&self) -> u64 {
        let record = self.at.map(|at| u64::from(at.index) | u64::from(at.shard) << 22);
        let place = self.needs.map(|place| u64::from(place.number())).or(record).map_or(0, |place| place + 1);
        u64::from(self.code.number()) | u64::from(self.flags) << 6 | place << 10
    }

    /// The object that a packed outcome asks for, and whether it is [`Outcome::RETURNING`]; `None` for an outcome of another code.
    pub fn needed(packed: u64) -> Option<(Place, bool)> {
        let number = u32::try_from((packed >> 10).checked_sub(1)?).ok()?;
        let place = Place::of_number(number).filter(|_| packed & 0x3f == u64::from(Code::ShardNeeded.number()))?;
        Some((place, packed >> 6 & u64::from(Self::RETURNING) != 0))
    }
}

impl Location {
    /// The place of the record inside a packed outcome; `None` when there was none. A missing object stands where a record would.
    pub fn unpack(packed: u64) -> Option<Location> {
        if packed & 0x3f == u64::from(Code::ShardNeeded.number()) {
            return None;
        }
        let place = (packed >> 10).checked_sub(1)?;
        Some(Location { shard: u32::try_from(place >> 22).ok()?, index: u32::try_from(place & 0x3f_ffff).ok()? })
    }
}

/// One step of a verification, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was looked at.
    pub name: &'static str,
    /// Whether it let the key pass.
    pub passed: bool,
    /// What was found. Never the key's text.
    pub note: String,
}
