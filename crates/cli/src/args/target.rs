//! Where else to publish.

use std::path::PathBuf;
use std::str::FromStr;

use edgelatch_registry::Slug;
use edgelatch_sync::{Address, Bucket, Directory, Target};

use crate::prelude::*;

/// A directory, or a bucket of an object store.
#[derive(Clone, Debug)]
pub(crate) enum To {
    Directory(PathBuf),
    Bucket(Address),
}

impl FromStr for To {
    type Err = Failure;

    fn from_str(text: &str) -> Result<To> {
        if text.contains("://") { Ok(To::Bucket(text.parse()?)) } else { Ok(To::Directory(text.into())) }
    }
}

impl To {
    /// What is written there, of a realm among others where that is named. A bucket is not asked for anything yet.
    pub(crate) fn open(&self, among: Option<&Slug>) -> Result<Box<dyn Target>, edgelatch_sync::Error> {
        let below = |path: &PathBuf, realm: &Slug| path.join("r").join(realm.as_str());
        Ok(match self {
            To::Directory(path) => Box::new(Directory::new(among.map_or_else(|| path.clone(), |realm| below(path, realm)))),
            To::Bucket(address) => {
                let address = among.map_or_else(|| address.clone(), |realm| address.below(realm));
                Box::new(Bucket::open(&address, environment())?)
            }
        })
    }
}

/// What is text of the environment: credentials and endpoints are.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
