//! Why bytes were not believed. One table: variant, stable code, sentence. The facts compared are in the variant.

use crate::key::PepperId;
use crate::text::{Say, fill, shown};
use crate::time::Moment;
use alloc::boxed::Box;
use alloc::string::String;

macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident : $ty:ty),* })? = $code:literal, $text:literal;)*) => {
        /// Why a root, head, tree or update was refused. `Display` and [`Say`] state the facts; [`Error::code`] is stable.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Error { $(#[doc = $text] $variant $({ $(#[allow(missing_docs)] $field: $ty),* })?,)* }

        impl Error {
            /// Stable name for programs, such as `rollback`.
            pub const fn code(&self) -> &'static str { match self { $(Error::$variant $({ $($field: _),* })? => $code,)* } }
        }

        impl Error {
            /// The sentence, with the names of facts in the places of these.
            const fn sentence(&self) -> &'static str { match self { $(Error::$variant $({ $($field: _),* })? => $text,)* } }
        }

        impl Say for Error {
            fn say(&self, out: &mut String) {
                let facts: &[(&str, &dyn Say)] = match self {
                    $(Error::$variant $({ $($field),* })? => &[$($((stringify!($field), $field)),*)?],)*
                };
                fill(self.sentence(), facts, out);
            }
        }
    };
}

errors! {
    BadMagic { object: &'static str } = "bad_magic", "{object}: the bytes are not a {object}";
    UnsupportedFormat { object: &'static str, format: u16 } = "unsupported_format", "{object}: format {format} is not one this reader knows (2)";
    ReaderTooOld { needed: u16 } = "reader_too_old", "the object needs a reader of version {needed}; this one is version 2";
    Truncated { object: &'static str } = "truncated", "{object}: ends before what it announces";
    TrailingBytes { object: &'static str, bytes: usize } = "trailing_bytes", "{object}: {bytes} bytes follow its end";
    TooLarge { object: &'static str, bytes: u64, limit: u64 } = "too_large", "{object}: {bytes} bytes are more than the limit of {limit}";
    TooLong { what: &'static str, bytes: usize, limit: usize } = "too_long", "{what}: {bytes} is more than the limit of {limit}";
    NotText { object: &'static str } = "not_text", "{object}: a text is not UTF-8";
    BadField { object: &'static str, field: &'static str } = "bad_field", "{object}: `{field}` is out of its range";
    BadTable { object: &'static str } = "bad_table", "{object}: the ends of a table do not ascend or lie outside it";
    BadReference { object: &'static str, field: &'static str } = "bad_reference", "{object}: `{field}` points outside its table";
    Unsorted { object: &'static str } = "unsorted", "{object}: entries are unsorted or repeated";
    WrongShard { shard: u32 } = "wrong_shard", "shard {shard}: a record belongs to another shard";
    WrongCount { object: &'static str, announced: u64, found: u64 } = "wrong_count", "{object}: announces {announced}, holds {found}";
    WrongDigest { object: &'static str, index: u32 } = "wrong_digest", "{object} {index}: the bytes do not hash to the digest that was signed";
    WrongRealm { expected: String, found: String } = "wrong_realm", "expected realm `{expected}`, found `{found}`";
    BadRealm = "bad_realm", "a realm is 1 to 64 characters of a-z 0-9 . _ -";
    BadThreshold { role: &'static str, threshold: u8, keys: u8 } = "bad_threshold", "role {role}: threshold {threshold} with {keys} keys; it must be 1 to the number of keys";
    WeakKey { role: &'static str, index: u8 } = "weak_key", "role {role}: key {index} is of small order or not canonically encoded";
    KeyInBothRoles = "key_in_both_roles", "a public key stands in the root role and in the publisher role";
    DuplicateSignature = "duplicate_signature", "signatures are unsorted or a key signed twice";
    BadSignature { role: &'static str } = "bad_signature", "a signature of a known {role} key does not verify";
    TooFewSignatures { role: &'static str, threshold: u8, valid: u8 } = "too_few_signatures", "{valid} valid signatures of role {role}, {threshold} needed";
    RootExpired { expires_at: Moment, now: Moment } = "root_expired", "the root expired at {expires_at}, it is {now}";
    RootOutOfOrder { current: u32, found: u32 } = "root_out_of_order", "root {found} does not follow root {current}";
    RootNeeded { current: u32, needed: u32 } = "root_needed", "root {needed} is needed; this edge knows root {current}";
    BadEra { version: u32, era: u32 } = "bad_era", "root {version}: era {era} neither goes on from the root before nor begins with this one";
    EarlierEra { era: u32, found: u32 } = "earlier_era", "the head was signed under root {found}, before the present era began with root {era}";
    BadLifetime = "bad_lifetime", "`not_after` must lie after `issued_at`, by 30 days at the most";
    HeadExpired { not_after: Moment, now: Moment } = "head_expired", "the head expired at {not_after}, it is {now}";
    ClockInvalid { issued_at: Moment, now: Moment } = "clock_invalid", "the clock says {now}, before the time of issue {issued_at}";
    Rollback { current: u64, found: u64 } = "rollback", "epoch {found} is older than epoch {current}";
    BelowFloor { floor: u64, found: u64 } = "below_floor", "epoch {found} is below the floor of {floor}";
    Equivocation { epoch: u64 } = "equivocation", "another head was signed for epoch {epoch}: the publisher is compromised or misconfigured";
    Superseded = "superseded", "the state moved on while the update was being checked";
    Unchecked = "unchecked", "an update must be complete before it replaces a snapshot; top page, directory and index pages must be there before anything is served";
    BadConfig { key: String, reason: String } = "bad_config", "configuration `{key}`: {reason}";
    WrongPepper { needed: PepperId, given: String } = "wrong_pepper", "the realm's digests are made with pepper {needed}: give it to the host, which has {given}";
    DuplicateDigest = "duplicate_digest", "two records share the leftmost 16 bytes of their digest";
    BadRecord { what: &'static str, reason: &'static str } = "bad_record", "{what}: {reason}";
}

shown!(Error);

impl core::error::Error for Error {}

/// An error in the room of a pointer, for what is read piece by piece: each piece may fail, and to hand on a large value from each of them
/// takes more code than to read them.
pub(crate) type Boxed = Box<Error>;

impl From<Boxed> for Error {
    #[cold]
    #[inline(never)]
    fn from(error: Boxed) -> Self {
        *error
    }
}
