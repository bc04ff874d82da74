//! What the registry keeps, as the rest of the program sees it. Nothing here holds a secret or a digest.

use edgelatch_core::key::KeyId;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::ip_rules::IpRules;
use crate::text::{Description, Metadata, Name, Pattern, Prefix, Service, Slug};
use crate::time::rfc3339;
use crate::warning::Warning;

/// Where a realm's edges look for the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sources {
    /// `Authorization: Bearer`.
    pub bearer: bool,
    /// `X-API-Key`.
    pub x_api_key: bool,
}

impl Sources {
    /// Both headers.
    pub const BOTH: Sources = Sources { bearer: true, x_api_key: true };
}

/// A set of organisations published together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Realm {
    /// Its name in URLs and snapshots.
    pub realm: Slug,
    /// What people call it.
    pub name: Name,
    /// Prefix of the keys it issues.
    pub prefix: Prefix,
    /// Where edges look for the credential.
    pub sources: Sources,
    /// Whether it holds imported keys, of free syntax.
    pub imports: bool,
    /// Id of its pepper, if its digests are peppered.
    pub pepper_id: Option<u32>,
    /// Rises with every change that a snapshot would show.
    pub changes: u64,
    /// When it was made.
    #[serde(serialize_with = "rfc3339::one")]
    pub created_at: u64,
}

/// What it takes to make a realm.
#[derive(Clone, Debug)]
pub struct NewRealm {
    /// Its name in URLs and snapshots.
    pub realm: Slug,
    /// What people call it.
    pub name: Name,
    /// Prefix of the keys it issues.
    pub prefix: Prefix,
    /// Where edges look for the credential.
    pub sources: Sources,
}

/// A tenant inside a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Org {
    /// Its identifier.
    pub org: Slug,
    /// What people call it.
    pub name: Name,
    /// When it was made.
    #[serde(serialize_with = "rfc3339::one")]
    pub created_at: u64,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every word, for help texts.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text { $($word => Ok($name::$variant),)* _ => Err(format!("must be one of: {}", Self::WORDS.join(", "))) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.word())
            }
        }
    };
}

words! {
    /// What an owner is.
    OwnerKind {
        /// A person.
        User = "user",
        /// A program.
        Service = "service",
    }
}

words! {
    /// What a key is good for at the moment.
    State {
        /// Accepted, as far as time and status go.
        Active = "active",
        /// Its `not_before` lies ahead.
        Pending = "pending",
        /// Its `expires_at` has come.
        Expired = "expired",
        /// Revoked.
        Revoked = "revoked",
    }
}

words! {
    /// Where a key's secret came from.
    Origin {
        /// Issued here.
        Issued = "issued",
        /// Brought by its digest.
        Imported = "imported",
    }
}

/// The user or service account that keys belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// Its org.
    pub org: Slug,
    /// Its identifier inside the org.
    pub owner: Slug,
    /// User or service account.
    pub kind: OwnerKind,
    /// What people call it.
    pub name: Name,
    /// Whether its keys are refused.
    pub disabled: bool,
    /// When it was made.
    #[serde(serialize_with = "rfc3339::one")]
    pub created_at: u64,
}

/// A named set of permission patterns, for the whole realm or for one org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Role {
    /// Its identifier, which edges report.
    pub role: Slug,
    /// The org that made it, or none when it holds in the whole realm.
    pub org: Option<Slug>,
    /// What people call it.
    pub name: Name,
    /// What it grants.
    pub permissions: Vec<Pattern>,
    /// Whether it came with the realm.
    pub predefined: bool,
}

/// The services a key may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All, present and future.
    All,
    /// These.
    List(Vec<Service>),
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Scope::All => to.serialize_str("all"),
            Scope::List(services) => services.serialize(to),
        }
    }
}

/// What it takes to make a key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its org.
    pub org: Slug,
    /// Its owner inside the org.
    pub owner: Slug,
    /// What people call it.
    pub name: Name,
    /// What it is for.
    pub description: Description,
    /// Its roles, the org's own before the realm's where both have one of that name.
    pub roles: Vec<Slug>,
    /// Where it may be used.
    pub scope: Scope,
    /// From where it may be used.
    pub ip: IpRules,
    /// From when it is accepted.
    pub not_before: Option<u64>,
    /// From when it is refused.
    pub expires_at: Option<u64>,
    /// Custom data for the handler behind the edge.
    pub metadata: Metadata,
}

/// What to change about a key; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct KeyEdit {
    /// New name.
    pub name: Option<Name>,
    /// New description.
    pub description: Option<Description>,
    /// New roles.
    pub roles: Option<Vec<Slug>>,
    /// New scope.
    pub scope: Option<Scope>,
    /// Changes to the IP rules.
    pub ip: crate::ip_rules::IpEdit,
    /// New start.
    pub not_before: Option<Option<u64>>,
    /// New expiry.
    pub expires_at: Option<Option<u64>>,
    /// New metadata.
    pub metadata: Option<Metadata>,
}

impl KeyEdit {
    /// Whether it names nothing to change.
    pub fn is_empty(&self) -> bool {
        let KeyEdit { name, description, roles, scope, ip, not_before, expires_at, metadata } = self;
        name.is_none()
            && description.is_none()
            && roles.is_none()
            && scope.is_none()
            && ip.is_empty()
            && not_before.is_none()
            && expires_at.is_none()
            && metadata.is_none()
    }
}

/// A key as lists and detail pages show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Key {
    /// Public id.
    #[serde(serialize_with = "display")]
    pub key_id: KeyId,
    /// Its org.
    pub org: Slug,
    /// Its owner.
    pub owner: Slug,
    /// Whether that owner is disabled.
    pub owner_disabled: bool,
    /// What people call it.
    pub name: Name,
    /// What it is for.
    pub description: Description,
    /// What it is good for at the moment.
    pub state: State,
    /// Where its secret came from.
    pub origin: Origin,
    /// First 12 characters of the secret; unknown for imported keys.
    pub first_12: Option<String>,
    /// Masked form of the secret; unknown for imported keys.
    pub masked: Option<String>,
    /// Its roles.
    pub roles: Vec<Slug>,
    /// Where it may be used.
    pub scope: Scope,
    /// From where it may be used.
    #[serde(flatten)]
    pub ip: IpRules,
    /// From when it is accepted.
    #[serde(serialize_with = "rfc3339::maybe")]
    pub not_before: Option<u64>,
    /// From when it is refused.
    #[serde(serialize_with = "rfc3339::maybe")]
    pub expires_at: Option<u64>,
    /// Custom data.
    pub metadata: Metadata,
    /// When it was made.
    #[serde(serialize_with = "rfc3339::one")]
    pub created_at: u64,
    /// When it was last changed.
    #[serde(serialize_with = "rfc3339::one")]
    pub updated_at: u64,
    /// When it was revoked.
    #[serde(serialize_with = "rfc3339::maybe")]
    pub revoked_at: Option<u64>,
    /// Rises with every change to this key.
    pub revision: u64,
}

/// A committed change, and what the administrator should know about it.
#[derive(Debug)]
pub struct Changed {
    /// The key as it is now.
    pub key: Key,
    /// Whether anything differs from before.
    pub changed: bool,
    /// What may not be as meant.
    pub warnings: Vec<Warning>,
}

/// A new key with its secret, which appears here and nowhere else.
pub struct Created {
    /// The key.
    pub key: Key,
    /// Its full text.
    pub secret: Zeroizing<String>,
    /// What may not be as meant.
    pub warnings: Vec<Warning>,
}

impl std::fmt::Debug for Created {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Created").field("key", &self.key).field("warnings", &self.warnings).finish_non_exhaustive()
    }
}

/// Which keys to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this org's.
    pub org: Option<Slug>,
    /// Only this owner's.
    pub owner: Option<Slug>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those whose name, description, id or first characters contain this text.
    pub search: Option<String>,
    /// At most this many; 0 stands for the default.
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// One page of a list, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// The keys.
    pub keys: Vec<Key>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

fn display<T: std::fmt::Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}
