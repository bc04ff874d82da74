//! A candidate on its way into force: what is proven, and in which order.
//!
//! Head and top page are proven before a candidate is made. The directory follows, then index pages and shards, in slices: the
//! host lets others run in between, and no slice takes longer because tenants filled the directory.

use super::config::HostConfig;
use crate::error::Error;
use crate::head::Head;
use crate::http::CredentialHeaders;
use crate::key::Pepper;
use crate::root::Root;
use crate::snapshot::Snapshot;
use crate::tree::directory::Directory;

/// What the directory and the host together say about credentials.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) credentials: CredentialHeaders,
    pub(super) imports: bool,
    pub(super) peppered: bool,
}

/// What the host's configuration says about credentials.
pub(super) struct Terms {
    credentials: Option<CredentialHeaders>,
    query: bool,
    pepper: Option<u32>,
}

impl Terms {
    pub(super) fn of(config: &HostConfig) -> Self {
        let pepper = config.pepper.as_ref().map(Pepper::id);
        Terms { credentials: config.credentials, query: config.query.is_some(), pepper }
    }

    fn settings(&self, directory: &Directory<'_>) -> Result<Settings, Error> {
        let credentials = self.credentials.map_or(directory.credentials, |s| s.intersection(directory.credentials));
        if credentials.is_empty() && !self.query {
            let reason = "the realm accepts none of the headers that the host leaves".into();
            return Err(Error::BadConfig { key: "credentials".into(), reason });
        }
        let peppered = directory.pepper_id != 0;
        if peppered && self.pepper != Some(directory.pepper_id) {
            return Err(Error::WrongPepper { needed: directory.pepper_id });
        }
        Ok(Settings { credentials, imports: directory.imports, peppered })
    }
}

/// A candidate that is being checked, not yet in force.
pub struct Staged {
    pub(super) root: Root,
    pub(super) head: Head,
    pub(super) snapshot: Snapshot,
    /// There once the directory is proven and suits the host.
    pub(super) settings: Option<Settings>,
    pub(super) complete: bool,
    terms: Terms,
    next: u32,
    records: u64,
}

impl Staged {
    pub(super) fn new(root: Root, head: Head, snapshot: Snapshot, terms: Terms) -> Self {
        Staged { root, head, snapshot, settings: None, complete: false, terms, next: 0, records: 0 }
    }

    /// Proves about `budget` bytes more of the tree: the directory, then the shards and the index pages
    /// that lead to them. Returns how many of these parts are left, the directory being one; 0 says that all is proven. After an
    /// error, a further call finds the same fault.
    pub fn check(&mut self, budget: usize) -> Result<u32, Error> {
        let shards = self.snapshot.shard_count();
        let Some(mut budget) = self.check_directory(budget.max(1))? else { return Ok(shards + 1) };
        while self.next < shards && budget > 0 {
            let (bytes, records) = self.snapshot.prove_shard(self.next)?;
            self.next += 1;
            self.records = self.records.saturating_add(records);
            budget = budget.saturating_sub(bytes);
        }
        if self.next == shards {
            if self.records != self.head.records {
                return Err(Error::WrongCount { object: "head", announced: self.head.records, found: self.records });
            }
            self.complete = true;
        }
        Ok(shards - self.next)
    }

    /// Proves what an edge needs that serves nothing yet, in one call: for hosts that hold up nobody with it.
    pub fn make_ready(&mut self) -> Result<(), Error> {
        self.check_directory(usize::MAX).map(|_| ())
    }

    /// Whether an edge that serves nothing yet may begin with it: its directory is proven and suits the host.
    pub fn is_ready(&self) -> bool {
        self.settings.is_some()
    }

    /// The epoch it would bring.
    pub fn epoch(&self) -> u64 {
        self.head.epoch
    }

    /// Returns what is left of the budget once the directory is proven, `None` before.
    fn check_directory(&mut self, budget: usize) -> Result<Option<usize>, Error> {
        let left = self.snapshot.prove_directory(budget)?;
        if left.is_some() && self.settings.is_none() {
            self.settings = Some(self.terms.settings(&self.snapshot.directory()?)?);
        }
        Ok(left)
    }
}
