//! What an edge finds.

use std::fs;
use std::path::{Path, PathBuf};

use edgelatch_core::tree::ObjectId;
use edgelatch_registry::Slug;
use edgelatch_sync::Item;

use crate::context::only;
use crate::prelude::*;

/// A root that is trusted.
#[derive(Clone)]
pub(super) struct Root(Vec<u8>);

impl Root {
    /// Reads a file, or base64url text.
    pub(super) fn read(text: &str) -> Result<Root> {
        read::root(text).map(Root)
    }
}

/// The root that an edge was deployed with, those that follow it, and a bundle.
pub(super) struct Files {
    pub(super) root: Vec<u8>,
    pub(super) later_roots: Vec<Vec<u8>>,
    pub(super) bundle: Vec<u8>,
    /// What else is there, where it was not a bundle alone that was named.
    pub(super) published: Option<Published>,
}

/// A published realm. Its head is shown before its bundle follows.
pub(super) struct Published {
    dir: PathBuf,
    pub(super) head: Vec<u8>,
}

impl Published {
    /// An object of one of the last trees.
    pub(super) fn object(&self, id: ObjectId) -> Result<Vec<u8>> {
        read(&self.dir.join(Item::Object(id).to_string()))
    }
}

impl Files {
    /// Those that were named; for the rest, what is published in the data directory.
    pub(super) fn find(context: &Context, given: Option<Root>, bundle: Option<&Path>) -> Result<Files> {
        if let (Some(bundle), Some(Root(root))) = (bundle, &given) {
            return Ok(Files { root: root.clone(), later_roots: Vec::new(), bundle: read(bundle)?, published: None });
        }
        let published = context.dir.published().join("r");
        let realm = match &context.realm {
            Some(realm) => realm.clone(),
            None => {
                let entries = fs::read_dir(&published).map_err(|_| not_published(&published))?;
                let names = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse::<Slug>().ok());
                only(names.collect(), "published realm", "--realm")?
            }
        };
        let dir = context.dir.realm(&realm);
        let mut roots = Vec::new();
        for version in 1.. {
            match fs::read(dir.join("root").join(version.to_string())) {
                Ok(bytes) => roots.push(bytes),
                Err(_) if version > 1 => break,
                Err(_) => return Err(not_published(&dir)),
            }
        }
        let first = given.map_or_else(|| roots.remove(0), |Root(root)| root);
        // Those that follow the one in hand, which may be a later one than the first.
        let place = roots.iter().position(|root| *root == first).map_or(0, |at| at + 1);
        // In this order, as an edge does: what is published in between makes the bundle the newer one of the two.
        let (head, bundle) = (read(&dir.join("head"))?, read(&dir.join("bundle"))?);
        Ok(Files { root: first, later_roots: roots.split_off(place), bundle, published: Some(Published { dir, head }) })
    }
}

fn not_published(path: &Path) -> Failure {
    Failure::usage(format!("{}: nothing is published here: run `edgelatch init`, or give --bundle and --root", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Failure::file(path, &error))
}
