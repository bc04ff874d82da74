//! What makes the digests of keys that could be guessed useless to whoever has a snapshot.

use crate::limits::PEPPER_BYTES;
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret of a realm whose digests are peppered, with the id that the signed directory names.
///
/// The digest in a snapshot is then HMAC-SHA-256(pepper, SHA-256(text)): keys of low entropy cannot be guessed from a
/// leaked snapshot, and imports by SHA-256 keep working.
#[derive(Clone)]
pub struct Pepper {
    id: u32,
    mac: Hmac<Sha256>,
}

impl Pepper {
    /// A pepper of 16 to 64 bytes under an id other than 0; `None` when either is out of range.
    pub fn new(id: u32, secret: &[u8]) -> Option<Self> {
        if id == 0 || !PEPPER_BYTES.contains(&secret.len()) {
            return None;
        }
        Hmac::new_from_slice(secret).ok().map(|mac| Pepper { id, mac })
    }

    /// The id under which the directory names it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The digest that a snapshot holds for a key whose SHA-256 is `digest`.
    pub fn apply(&self, digest: &[u8; 32]) -> [u8; 32] {
        self.mac.clone().chain_update(digest).finalize().into_bytes().into()
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper {{ id: {} }}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::digest;
    use sha2::Digest;

    #[test]
    fn peppered_digests_are_hmac() {
        assert!(Pepper::new(0, &[7; 32]).is_none() && Pepper::new(1, &[7; 15]).is_none() && Pepper::new(1, &[7; 65]).is_none());
        let pepper = Pepper::new(3, &[7; 32]).unwrap();
        let inner: [u8; 32] = Sha256::digest([&[7u8 ^ 0x36; 32][..], &[0x36; 32], &digest(b"k")].concat()).into();
        let outer: [u8; 32] = Sha256::digest([&[7u8 ^ 0x5c; 32][..], &[0x5c; 32], &inner].concat()).into();
        assert_eq!(pepper.apply(&digest(b"k")), outer);
    }
}
