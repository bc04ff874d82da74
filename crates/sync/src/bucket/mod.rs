//! A bucket of an object store as target: S3 and what speaks its language (R2, MinIO), Google Cloud Storage, Azure. The names of [`Item`]s are
//! keys in it, below a prefix.
//!
//! | read | for |
//! |---|---|
//! | `address` | `s3://BUCKET/PREFIX`, and how the store is reached |
//! | `reach` | one request after the other: for how long it is waited for, and what becomes of a store that does not answer |
//! | `trouble` | what a store's error says, without what is not for logs |
//!
//! A store has no rename and no lock, but each write is whole. Two publishers are told apart by the head: it is written only in the place of the
//! one that was read at the beginning (`If-Match`, or `If-None-Match: *` where there was none). Whether the store heeds that is tried once.
//! Objects are written without a condition: their names are their digests, so whoever writes one writes the same.

mod address;
mod reach;
mod trouble;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    Attribute, Attributes, Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult, UpdateVersion,
};

pub use self::address::Address;
use self::address::TIME;
use self::reach::Reach;
use crate::error::Error;
use crate::layout::Item;
use crate::target::{Target, Version};

/// Objects on their way at a time: each waits for a network, which takes far longer than its bytes.
const AT_ONCE: usize = 16;
/// Bytes that must go in a second beyond the time for a request, on average: two megabits. A bundle has hundreds of megabytes.
const RATE: u64 = 256 * 1024;
/// What is written to see whether the store heeds conditions, and removed again. Each try has a name of its own.
const TRIED: &str = ".edgelatch";
/// What it means if it does not.
const UNCONDITIONAL: &str = "the store ignores If-Match and If-None-Match, so a publisher that was held up can put an older head in the place of \
                             a newer one: let one node alone publish there, or take a store that heeds them";

/// A bucket, or what lies in one below a prefix, that holds one realm's published files.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    store: PrefixStore<Arc<dyn ObjectStore>>,
    reach: Reach,
    /// Whether the store heeds conditions; none before that was tried.
    heeds: Mutex<Option<bool>>,
}

impl Bucket {
    /// The bucket there. Credentials and endpoint are those that the environment, as names and values, has for its kind of store. Asks nobody
    /// yet.
    pub fn open(address: &Address, environment: impl IntoIterator<Item = (String, String)>) -> Result<Bucket, Error> {
        let environment: Vec<(String, String)> = environment.into_iter().collect();
        let store = PrefixStore::new(address.connect(&environment)?, address.prefix().clone());
        Ok(Bucket { name: address.to_string(), store, reach: Reach::new()?, heeds: Mutex::default() })
    }

    /// Asks the store something.
    fn ask<T: Send>(
        &self,
        bytes: usize,
        request: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<Result<T, StoreError>, Error> {
        let time = TIME + Duration::from_secs(u64::try_from(bytes).unwrap_or(u64::MAX) / RATE);
        self.reach.ask(&self.name, time, &self.store, request)
    }

    fn put(&self, key: &Path, item: Item, bytes: &[u8], mode: PutMode) -> Result<Result<PutResult, StoreError>, Error> {
        let attributes =
            [(Attribute::ContentType, "application/octet-stream"), (Attribute::CacheControl, item.cache_control())];
        let options = PutOptions { mode, attributes: Attributes::from_iter(attributes), ..PutOptions::default() };
        self.ask(bytes.len(), self.store.put_opts(key, bytes.to_vec().into(), options))
    }

    fn get(&self, item: Item) -> Result<Option<(Vec<u8>, Version)>, Error> {
        let read = async {
            let found = self.store.get(&key(item)).await?;
            let (e_tag, number) = (found.meta.e_tag.clone(), found.meta.version.clone());
            let (mut bytes, mut pieces) = (Vec::new(), found.into_stream());
            while let Some(piece) = pieces.next().await {
                bytes.extend_from_slice(&piece?);
                if bytes.len() as u64 > item.limit() {
                    bytes = Vec::new();
                    break;
                }
            }
            Ok((bytes, Version { e_tag, number, bytes: None }))
        };
        match self.ask(0, read)? {
            Ok(found) => Ok(Some(found)),
            Err(error) if trouble::is_absent(&error) => Ok(None),
            Err(error) => Err(trouble::of(&self.name, &error)),
        }
    }

    /// Whether the store heeds conditions, tried once with something that nobody reads.
    fn heeds(&self) -> Result<bool, Error> {
        let known = |heeds: &Mutex<Option<bool>>| *heeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heeds) = known(&self.heeds) {
            return Ok(heeds);
        }
        let key = Path::from(format!("{TRIED}/{}", reach::drawn()));
        let put = |mode| self.put(&key, Item::Head, b"this file may be removed", mode);
        let fail = |error: StoreError| trouble::of(&self.name, &error);
        let refused = |tried: Result<PutResult, StoreError>| match tried {
            Ok(_) => Ok(false),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(true),
            Err(error) if trouble::is_unknown(&error) => Ok(false),
            Err(error) => Err(fail(error)),
        };
        put(PutMode::Overwrite)?.map_err(fail)?;
        let wrong = UpdateVersion { e_tag: Some("\"00000000000000000000000000000000\"".into()), version: Some("1".into()) };
        let heeds = refused(put(PutMode::Create)?)? && refused(put(PutMode::Update(wrong))?)?;
        *self.heeds.lock().unwrap_or_else(PoisonError::into_inner) = Some(heeds);
        match self.delete(&key) {
            // Whoever may write and not delete is told so when old objects are to go; until then he publishes, and one such file stays.
            Ok(()) | Err(Error::TargetDenied { .. }) => Ok(heeds),
            Err(error) => Err(error),
        }
    }

    fn delete(&self, key: &Path) -> Result<(), Error> {
        match self.ask(0, self.store.delete(key))? {
            Err(error) if !trouble::is_absent(&error) => Err(trouble::of(&self.name, &error)),
            _ => Ok(()),
        }
    }
}

fn key(item: Item) -> Path {
    Path::from(item.to_string())
}

impl Target for Bucket {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.get(item)?.map(|(bytes, _)| bytes))
    }

    fn has(&self, item: Item) -> Result<bool, Error> {
        match self.ask(0, self.store.head(&key(item)))? {
            Ok(_) => Ok(true),
            // The answer to such a request has no body, and so does not say whether it is the bucket that is missing.
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(trouble::of(&self.name, &error)),
        }
    }

    fn head(&self) -> Result<(Option<Vec<u8>>, Version), Error> {
        Ok(self.get(Item::Head)?.map_or((None, Version::default()), |(bytes, version)| (Some(bytes), version)))
    }

    fn prepare(&self) -> Result<(), Error> {
        self.heeds().map(drop)
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        self.put(&key(item), item, bytes, PutMode::Overwrite)?.map(drop).map_err(|error| trouble::of(&self.name, &error))
    }

    fn replace_head(&self, bytes: &[u8], seen: &Version) -> Result<(), Error> {
        if !self.heeds()? {
            return self.write(Item::Head, bytes);
        }
        let mode = match seen.clone() {
            Version { e_tag: None, number: None, .. } => PutMode::Create,
            Version { e_tag, number, .. } => PutMode::Update(UpdateVersion { e_tag, version: number }),
        };
        match self.put(&key(Item::Head), Item::Head, bytes, mode)? {
            Ok(_) => Ok(()),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
                // It may be the one that was just written: an answer that was lost is asked for again.
                if self.read(Item::Head)?.as_deref() == Some(bytes) {
                    return Ok(());
                }
                Err(Error::TargetTaken { target: self.name.clone() })
            }
            Err(error) => Err(trouble::of(&self.name, &error)),
        }
    }

    fn settle(&self) -> Result<(), Error> {
        // What a store has confirmed is there to stay.
        Ok(())
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        let mut all = Vec::new();
        for folder in ["objects", "patch"] {
            let mut pages = self.store.list(Some(&Path::from(folder)));
            // The time is for one page, not for all of them.
            while let Some(found) = self.ask(0, async { Ok(pages.next().await) })?.unwrap_or_default() {
                let meta = found.map_err(|error| trouble::of(&self.name, &error))?;
                if let Some(item) = Item::published(meta.location.as_ref()) {
                    all.push((item, meta.size));
                }
            }
        }
        Ok(all)
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        self.delete(&key(item))
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    fn weakness(&self) -> Option<&'static str> {
        let heeds = *self.heeds.lock().unwrap_or_else(PoisonError::into_inner);
        (heeds == Some(false)).then_some(UNCONDITIONAL)
    }
}
