//! What is to be another in the next root, and whether that would lock the realm out.

use edgelatch_core::build::{RoleFields, RootFields};
use edgelatch_core::limits::{MAX_EPOCH, MAX_ROLE_KEYS};
use edgelatch_core::root::Root;
use edgelatch_core::signed::Role;

use crate::error::Error;
use crate::key_file::public_text;
use crate::signers::role_fields;

/// The shortest life of a root, in seconds: a day. It outlives the fetches of edges, and leaves time to sign another.
pub const MIN_ROOT_LIFETIME: u64 = 24 * 3600;
/// The longest, some 30 years: longer than signing keys should be trusted.
pub const MAX_ROOT_LIFETIME: u64 = 30 * 366 * 24 * 3600;

/// What the next root has that the newest one has not. What is left out stays, but for the life: each root has one of its own.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Keys that join a role.
    pub add: Vec<(Role, [u8; 32])>,
    /// Keys that leave theirs.
    pub remove: Vec<[u8; 32]>,
    /// How many root keys must sign.
    pub root_threshold: Option<u8>,
    /// How many publisher keys must sign.
    pub publisher_threshold: Option<u8>,
    /// Begins an era, in which this is the least epoch that counts.
    pub min_epoch: Option<u64>,
    /// Seconds from now until it expires; as many as the root before had if left out.
    pub lifetime: Option<u64>,
}

fn refused<T>(reason: impl Into<String>) -> Result<T, Error> {
    Err(Error::RootChange { reason: reason.into() })
}

impl Change {
    /// The root that follows `before`, made by a clock that is right.
    pub fn after(&self, before: &Root, now: u64) -> Result<RootFields, Error> {
        let lifetime = self.lifetime.unwrap_or(before.expires_at.saturating_sub(before.issued_at));
        if !(MIN_ROOT_LIFETIME..=MAX_ROOT_LIFETIME).contains(&lifetime) {
            return refused(
                "it would live for less than a day, or for more than 30 years: choose a life between, such as `10y`",
            );
        }
        let Some(version) = before.version.checked_add(1) else { return refused("there is no higher version") };
        let (era, min_epoch) = match self.min_epoch {
            None => (before.era, before.min_epoch),
            Some(epoch) if (1..MAX_EPOCH).contains(&epoch) => (version, epoch),
            Some(_) => return refused(format!("its least epoch is not from 1 to {}", MAX_EPOCH - 1)),
        };
        for key in &self.remove {
            if !before.root.keys().chain(before.publisher.keys()).any(|known| known == key) {
                return refused(format!(
                    "root {} does not name the key {}: see those that it names",
                    before.version,
                    public_text(key)
                ));
            }
        }
        Ok(RootFields {
            realm: before.realm.clone(),
            version,
            issued_at: now,
            expires_at: now.saturating_add(lifetime),
            era,
            min_epoch,
            root: self.role(Role::Root, role_fields(&before.root), self.root_threshold)?,
            publisher: self.role(Role::Publisher, role_fields(&before.publisher), self.publisher_threshold)?,
        })
    }

    fn role(&self, role: Role, mut fields: RoleFields, threshold: Option<u8>) -> Result<RoleFields, Error> {
        let name = role.name();
        fields.threshold = threshold.unwrap_or(fields.threshold);
        fields.keys.retain(|key| !self.remove.contains(key));
        for (_, key) in self.add.iter().filter(|(of, _)| *of == role) {
            if fields.keys.contains(key) {
                return refused(format!("{} is a {name} key already", public_text(key)));
            }
            fields.keys.push(*key);
        }
        let (count, wanted) = (fields.keys.len(), usize::from(fields.threshold));
        if wanted == 0 {
            return refused(format!("at least one {name} key must sign: choose a threshold from 1 to {count}"));
        }
        if wanted > count {
            return refused(format!(
                "{wanted} {name} keys would have to sign, and there would be {count}, so nobody could ever sign again: keep or add keys, or choose \
                 a threshold of at most {count}"
            ));
        }
        if count > usize::from(MAX_ROLE_KEYS) {
            return refused(format!("there would be {count} {name} keys; {MAX_ROLE_KEYS} are the most: remove some"));
        }
        Ok(fields)
    }
}
