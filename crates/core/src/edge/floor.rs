//! What an edge has seen, in a form that outlives it.

use crate::error::Error;
use crate::limits::MAX_EPOCH;
use crate::say;
use crate::text::{Say, shown, whole};
use alloc::string::String;
use core::str::FromStr;

/// The last epoch that an edge accepted, and the root that was in force then. Written `root version:epoch`.
///
/// It counts for every root of the same era, and an edge that was given one accepts no head under an older root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Version of the root in force, from 1.
    pub root_version: u32,
    /// The epoch, 1 to [`MAX_EPOCH`].
    pub epoch: u64,
}

impl Say for Floor {
    fn say(&self, out: &mut String) {
        say!(out, self.root_version, ":", self.epoch);
    }
}

shown!(Floor);

impl Floor {
    pub(super) const EXPECTED: &str = "expected `root version:epoch`, both from 1, the epoch below 2^53";

    pub(super) fn read(text: &str) -> Option<Self> {
        let (root_version, epoch) = text.split_once(':')?;
        let root_version = u32::try_from(whole(root_version)?).ok().filter(|version| *version >= 1)?;
        Some(Floor { root_version, epoch: whole(epoch).filter(|epoch| (1..=MAX_EPOCH).contains(epoch))? })
    }
}

impl FromStr for Floor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Floor::read(text).ok_or_else(|| Error::BadConfig { key: "floor".into(), reason: Floor::EXPECTED.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn is_read_as_it_is_written() {
        for text in ["1:1", "1:100", "4294967295:9007199254740991"] {
            assert_eq!(text.parse::<Floor>().unwrap().to_string(), text);
        }
        for text in
            ["", "1", "1:", ":1", "0:1", "1:0", "1:9007199254740992", "4294967296:1", "+1:1", "1:1.8e19", "1:1:1", " 1:1"]
        {
            assert!(text.parse::<Floor>().is_err(), "{text}");
        }
    }
}
