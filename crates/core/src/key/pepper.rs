//! What makes the digests of keys that could be guessed useless to whoever has a snapshot.

use crate::hex::{Hex, digit};
use crate::limits::PEPPER_BYTES;
use crate::text::{Say, shown};
use alloc::string::String;
use core::fmt;
use core::num::NonZeroU32;
use core::str::FromStr;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the id of a pepper is made of. It is longer than what digests are made of, so no id tells anything of a digest.
const ID_OF: &[u8] = b"edgelatch pepper id";

/// Which pepper the digests of a snapshot are made with: the leftmost four bytes of HMAC-SHA-256(pepper, "edgelatch pepper id"), most significant
/// first, 1 where these are all zero. `Display` shows eight hexadecimal digits.
///
/// It follows from the secret, so nobody has to keep the two together, and a secret that was mistyped or cut off is known by its id to be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PepperId(NonZeroU32);

impl PepperId {
    /// The id of this number; none for 0, which stands for no pepper.
    pub fn new(id: u32) -> Option<Self> {
        NonZeroU32::new(id).map(PepperId)
    }

    /// Its number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl Say for PepperId {
    fn say(&self, out: &mut String) {
        Hex(&self.get().to_be_bytes()).say(out);
    }
}

shown!(PepperId);

/// The text is no id of a pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPepperId;

impl fmt::Display for NoPepperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be the id of a pepper: eight hexadecimal digits")
    }
}

impl core::error::Error for NoPepperId {}

impl FromStr for PepperId {
    type Err = NoPepperId;

    fn from_str(text: &str) -> Result<Self, NoPepperId> {
        let id = text.bytes().try_fold(0u32, |id, byte| Some(id << 4 | u32::from(digit(byte)?)));
        id.filter(|_| text.len() == 8).and_then(PepperId::new).ok_or(NoPepperId)
    }
}

/// The secret that a realm's digests are made with.
///
/// The digest in a snapshot is then HMAC-SHA-256(pepper, the leftmost 16 bytes of SHA-256(text)): keys of low entropy cannot be guessed from a leaked
/// snapshot, and imports by SHA-256 keep working. `Debug` shows the id alone.
#[derive(Clone)]
pub struct Pepper {
    id: PepperId,
    mac: Hmac<Sha256>,
}

impl Pepper {
    /// The pepper of 16 to 64 bytes; `None` for fewer or more.
    pub fn new(secret: &[u8]) -> Option<Self> {
        let mac = PEPPER_BYTES.contains(&secret.len()).then(|| Hmac::<Sha256>::new_from_slice(secret).ok()).flatten()?;
        let of: [u8; 32] = mac.clone().chain_update(ID_OF).finalize().into_bytes().into();
        let [first, ..] = of.as_chunks::<4>().0 else { return None };
        Some(Pepper { id: PepperId(NonZeroU32::new(u32::from_be_bytes(*first)).unwrap_or(NonZeroU32::MIN)), mac })
    }

    /// By which the directory names it.
    pub fn id(&self) -> PepperId {
        self.id
    }

    /// The digest that a snapshot holds for a key whose SHA-256 is `digest`, of which the leftmost 16 bytes count.
    pub fn apply(&self, digest: &[u8; 32]) -> [u8; 32] {
        let leftmost = digest.first_chunk::<16>().map_or(&[][..], |half| half.as_slice());
        self.mac.clone().chain_update(leftmost).finalize().into_bytes().into()
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
    use alloc::format;
    use alloc::string::ToString;
    use sha2::Digest;

    /// HMAC by its definition, RFC 2104.
    fn hmac(secret: &[u8], message: &[u8]) -> [u8; 32] {
        let pad = |with: u8| -> [u8; 64] { core::array::from_fn(|i| secret.get(i).copied().unwrap_or(0) ^ with) };
        let inner: [u8; 32] = Sha256::digest([&pad(0x36)[..], message].concat()).into();
        Sha256::digest([&pad(0x5c)[..], &inner].concat()).into()
    }

    #[test]
    fn digests_and_ids_are_hmac() {
        for secret in [&[7; 16][..], &[8; 32], &[9; 64]] {
            let pepper = Pepper::new(secret).unwrap();
            assert_eq!(pepper.apply(&digest(b"k")), hmac(secret, &digest(b"k")[..16]));
            assert_eq!(pepper.id().to_string(), Hex(&hmac(secret, b"edgelatch pepper id")[..4]).to_string());
            assert_eq!(pepper.id().to_string().parse(), Ok(pepper.id()));
        }
    }

    #[test]
    fn what_is_short_or_long_is_none() {
        for length in [0, 1, 15, 65, 1000] {
            assert!(Pepper::new(&[7; 1000][..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", Pepper::new(b"canary canary canary").unwrap());
        assert!(shown.len() < 30 && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn only_eight_digits_are_an_id() {
        assert_eq!("0000002a".parse(), Ok(PepperId::new(42).unwrap()));
        for text in ["", "00000000", "2a", "0000002", "00000002a", "+000002a", "0000002g", "\u{e9}00002a"] {
            assert_eq!(text.parse::<PepperId>(), Err(NoPepperId), "{text}");
        }
    }
}
