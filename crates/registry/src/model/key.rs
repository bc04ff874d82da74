//! A key, and what is done with it.

use edgelatch_core::key::KeyId;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::caller::Idempotency;
use super::ip::{IpEdit, IpRules, NewIpRules, OTHER_KEY};
use super::settings::{Authority, Field, Settings};
use super::text::{Description, Metadata, Name, Service, Slug, Tag};
use super::time::{DAY, Time, rfc3339};
use super::words::{display, words};
use crate::error::{Error, Warning};
use crate::limits::EXPIRY_NOTICE_DAYS;

words! {
    /// What a key is good for at the moment.
    State {
        /// Accepted, as far as time and revocation go.
        Active = "active",
        /// Its `not_before` lies ahead.
        Pending = "pending",
        /// Its `expires_at` has come.
        Expired = "expired",
        /// Revoked.
        Revoked = "revoked",
    }

    /// What an administrator sets.
    StatusEdit as "Status" {
        /// Not revoked.
        Enable = "active",
        /// Revoked.
        Revoke = "revoked",
    }

    /// Where a key's secret came from.
    Origin {
        /// Issued here.
        Issued = "issued",
        /// Brought by its digest.
        Imported = "imported",
    }
}

/// When it is told next that a key expires then, once it was told at so many days before; none once it was told at all of the thresholds.
pub(crate) fn next_notice(expires_at: Time, told: u64) -> Option<Time> {
    let days = EXPIRY_NOTICE_DAYS.into_iter().find(|days| *days < told)?;
    Some(expires_at.saturating_sub(days * DAY))
}

/// The services a key may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All, present and future.
    All,
    /// These.
    List(Vec<Service>),
}

impl Scope {
    /// The services that it names.
    pub(crate) fn listed(&self) -> &[Service] {
        match self {
            Scope::All => &[],
            Scope::List(services) => services,
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Scope::All => to.serialize_str("all"),
            Scope::List(services) => services.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Scope, D::Error> {
        from.deserialize_any(ScopeVisitor)
    }
}

struct ScopeVisitor;

impl<'de> Visitor<'de> for ScopeVisitor {
    type Value = Scope;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("`all`, or a list of services")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Scope, E> {
        if text == "all" { Ok(Scope::All) } else { Err(E::custom("must be `all`, or a list of services")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Scope, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Scope::List)
    }
}

/// What it takes to make a key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its org.
    pub org: Slug,
    /// Its owner inside the org; the org's only one unless said.
    pub owner: Option<Slug>,
    /// What people call it.
    pub name: Name,
    /// What it is for.
    pub description: Description,
    /// Its roles, the org's own before the realm's where both have one of that name.
    pub roles: Vec<Slug>,
    /// Where it may be used.
    pub scope: Scope,
    /// From where it may be used.
    pub ip: NewIpRules,
    /// From when it is accepted.
    pub not_before: Option<u64>,
    /// From when it is refused.
    pub expires_at: Option<u64>,
    /// Custom data for the handler behind the edge.
    pub metadata: Metadata,
    /// What it is used for; the org's first environment unless said.
    pub environment: Option<Slug>,
    /// Words to find it by.
    pub tags: Vec<Tag>,
}

impl NewKey {
    /// A key with neither roles nor restrictions.
    pub fn new(org: Slug, name: Name) -> NewKey {
        NewKey {
            org,
            owner: None,
            name,
            description: Description::default(),
            roles: Vec::new(),
            scope: Scope::All,
            ip: NewIpRules::default(),
            not_before: None,
            expires_at: None,
            metadata: Metadata::default(),
            environment: None,
            tags: Vec::new(),
        }
    }
}

/// What to change about a key; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct KeyEdit {
    /// New name.
    pub name: Option<Name>,
    /// Another owner of the same org, who has the key from now on.
    pub owner: Option<Slug>,
    /// New description.
    pub description: Option<Description>,
    /// New roles.
    pub roles: Option<Vec<Slug>>,
    /// New scope.
    pub scope: Option<Scope>,
    /// Changes to the IP rules.
    pub ip: IpEdit,
    /// New start.
    pub not_before: Option<Option<u64>>,
    /// New expiry.
    pub expires_at: Option<Option<u64>>,
    /// New metadata.
    pub metadata: Option<Metadata>,
    /// New environment, or none.
    pub environment: Option<Option<Slug>>,
    /// New tags, in place of the old ones.
    pub tags: Option<Vec<Tag>>,
    /// Revoked, or enabled again.
    pub status: Option<StatusEdit>,
    /// Refuse unless the key is at this revision.
    pub if_revision: Option<u64>,
}

impl KeyEdit {
    /// Whether it names nothing to change.
    pub fn is_empty(&self) -> bool {
        self.named().next().is_none()
    }

    /// What it names, by the setting that allows to edit it and by the member.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Field, &'static str)> {
        let all = [
            (Field::Name, "name", self.name.is_some()),
            (Field::Owner, "owner", self.owner.is_some()),
            (Field::Description, "description", self.description.is_some()),
            (Field::Description, "tags", self.tags.is_some()),
            (Field::Roles, "roles", self.roles.is_some()),
            (Field::Scope, "scope", self.scope.is_some()),
            (Field::Ip, "allow", !self.ip.is_empty()),
            (Field::Expiry, "not_before", self.not_before.is_some()),
            (Field::Expiry, "expires_at", self.expires_at.is_some()),
            (Field::Metadata, "metadata", self.metadata.is_some()),
            (Field::Environment, "environment", self.environment.is_some()),
            (Field::Status, "status", self.status.is_some()),
        ];
        all.into_iter().filter(|(.., named)| *named).map(|(field, member, _)| (field, member))
    }
}

/// How to give a key a new secret.
#[derive(Clone, Debug, Default)]
pub struct Rotate {
    /// Seconds that the old secret lives on; edges end it by their own clocks.
    pub overlap: u64,
    /// The key's name, where the org wants it typed.
    pub confirm: Option<String>,
    /// Refuse unless the key is at this revision.
    pub if_revision: Option<u64>,
}

/// A key as lists and detail pages show it.
#[serde_with::apply(
    Time => #[serde(serialize_with = "rfc3339")] #[schema(value_type = String, format = DateTime)],
    Option<Time> => #[serde(serialize_with = "rfc3339")] #[schema(value_type = Option<String>, format = DateTime)],
)]
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Key {
    /// Public id.
    #[serde(serialize_with = "display")]
    #[schema(value_type = String, pattern = "^key_[0-9A-Za-z]{11}$")]
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
    /// Where its permissions come from.
    pub authority: Authority,
    /// Its roles, or its owner's where its authority is the owner's.
    pub roles: Vec<Slug>,
    /// Where it may be used.
    pub scope: Scope,
    /// From where it may be used.
    #[serde(flatten)]
    pub ip: IpRules,
    /// From when it is accepted.
    pub not_before: Option<Time>,
    /// From when it is refused.
    pub expires_at: Option<Time>,
    /// Whole days until then, begun ones counted; 0 once it has expired.
    pub days_left: Option<u64>,
    /// Custom data.
    pub metadata: Metadata,
    /// What it is used for.
    pub environment: Option<Slug>,
    /// Words to find it by.
    pub tags: Vec<Tag>,
    /// When its secret was made.
    pub rotated_at: Time,
    /// When it should be rotated.
    pub due_at: Option<Time>,
    /// Until when its last secret lives beside the new one.
    pub overlap_until: Option<Time>,
    /// When its secret was reported to stand where everybody can read it.
    pub leaked_at: Option<Time>,
    /// When an edge last accepted it.
    pub last_used_at: Option<Time>,
    /// From where that was.
    pub last_used_ip: Option<String>,
    /// How often edges accepted it.
    pub uses: u64,
    /// How often edges refused it.
    pub refusals: u64,
    /// When it was made.
    pub created_at: Time,
    /// By whom: a management key's id, or `cli:` and the name of a user of the machine.
    pub created_by: Name,
    /// When it was last changed.
    pub updated_at: Time,
    /// By whom.
    pub updated_by: Name,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// Rises with every change to this key.
    pub revision: u64,
}

/// A committed change, and what the administrator should know about it.
#[derive(Debug)]
pub struct Changed {
    /// The key as it is now, or as it was when it was deleted.
    pub key: Key,
    /// Whether anything differs from before.
    pub changed: bool,
    /// Whether the key is gone, as where revoking means deleting.
    pub deleted: bool,
    /// What may not be as meant.
    pub warnings: Vec<Warning>,
}

impl Changed {
    /// A key that was changed just now, with what may not be as meant, and how to mend that by what the org's settings allow.
    pub(crate) fn done(key: Key, settings: &Settings) -> Changed {
        let mut warnings = key.ip.warnings(settings.is_editable(Field::Ip), &settings.ip_orders);
        let (org, owner) = (key.org.to_string(), key.owner.to_string());
        match key.authority {
            Authority::Roles if key.roles.is_empty() => warnings.push(Warning::NoRoles),
            Authority::Owner if key.roles.is_empty() => {
                warnings.push(Warning::OwnerWithoutRoles { org: org.clone(), owner: owner.clone() });
            }
            Authority::Roles | Authority::Owner | Authority::Org => {}
        }
        if key.owner_disabled {
            warnings.push(Warning::OwnerDisabled { org, owner });
        }
        if key.state == State::Expired {
            let later = "it stays refused until it is given a later one";
            warnings.push(Warning::Expired { mend: if settings.is_editable(Field::Expiry) { later } else { OTHER_KEY } });
        }
        Changed { key, changed: true, deleted: false, warnings }
    }

    /// A key that was so already.
    pub(crate) fn unchanged(key: Key, settings: &Settings) -> Changed {
        Changed { changed: false, ..Changed::done(key, settings) }
    }
}

/// A key with its new secret, which appears here and nowhere else.
#[derive(derive_more::Debug)]
pub struct Created {
    /// The key.
    pub key: Key,
    /// Its full text.
    #[debug(skip)]
    pub secret: Zeroizing<String>,
    /// What may not be as meant.
    pub warnings: Vec<Warning>,
}

/// The outcome of a request that may come twice.
#[derive(Debug)]
pub enum Once {
    /// It was the first: done.
    Done(Box<Created>),
    /// It was done before. This is the key it made or rotated, without the secret.
    Repeated(Box<Key>),
}

impl Once {
    /// What was made, for whoever never asks twice.
    pub fn created(self) -> Result<Created, Error> {
        match self {
            Once::Done(created) => Ok(*created),
            Once::Repeated(_) => Err(Error::Repeated),
        }
    }
}

/// Puts a new secret where it is to stay, before the change is committed: none is made that nobody has. It comes last in the
/// transaction, and an error undoes everything. It may be called again with another secret, which takes the place of the
/// first, when the transaction has to be tried again.
pub type Keep<'k> = &'k mut dyn FnMut(&str) -> Result<(), Error>;

/// How a new secret gets to whoever asked for it, beside being in the answer.
#[derive(Default)]
pub struct Handover<'h> {
    /// Of a request that may come twice: what it is known by.
    pub once: Option<&'h Idempotency>,
    /// Where the secret is put before it is committed.
    pub keep: Option<Keep<'h>>,
}

impl Handover<'_> {
    pub(crate) fn put(&mut self, secret: &str) -> Result<(), Error> {
        self.keep.as_mut().map_or(Ok(()), |keep| keep(secret))
    }
}
