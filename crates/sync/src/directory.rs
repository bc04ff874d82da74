//! A directory as target: what a static web server or `edgelatch serve` hands out.
//!
//! ```text
//! head  bundle  root/<n>  objects/<hex of SHA-256>
//! .edgelatch/recent          the last epochs: "<epoch> <tree> <unix seconds>" a line, newest last
//! .edgelatch/trees/<tree>    digests of the tree's objects, 32 bytes each
//! ```
//! Objects are written before anything names them, the head last; each file is whole or absent. So a crash at any moment
//! leaves the old epoch in place and at most some objects that the next publication writes again or sweeps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use edgelatch_core::tree::object_digest;

use crate::error::Error;
use crate::files;
use crate::hex::hex;
use crate::target::{Publication, Target, Written, check_epoch};

/// Trees of this many last epochs stay, for edges that are still fetching them.
const KEEP_EPOCHS: usize = 4;
/// Trees replaced less than this many seconds ago stay too …
const KEEP_SECONDS: u64 = 120;
/// … up to this many, so that a burst of changes does not fill the disk.
const MAX_TREES: usize = 64;

/// A directory that holds one realm's published files.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// An epoch that the directory showed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Recent {
    epoch: u64,
    tree: String,
    at: u64,
}

impl Directory {
    /// The directory at `path`, made when first published to.
    pub fn new(path: impl Into<PathBuf>) -> Directory {
        Directory { path: path.into() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn state(&self) -> PathBuf {
        self.path.join(".edgelatch")
    }

    fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    /// Digests of a tree that was written in full.
    fn manifest(&self, tree: &str) -> Result<BTreeSet<[u8; 32]>, Error> {
        let bytes = files::read(&self.state().join("trees").join(tree))?.unwrap_or_default();
        Ok(bytes.as_chunks::<32>().0.iter().copied().collect())
    }

    fn recent(&self) -> Result<Vec<Recent>, Error> {
        let text = String::from_utf8(files::read(&self.state().join("recent"))?.unwrap_or_default()).unwrap_or_default();
        Ok(text.lines().filter_map(Recent::parse).collect())
    }

    /// Writes the objects that are not there yet. Only those of a tree that was written in full count as there: others may
    /// be torn by a crash.
    fn write_objects(&self, publication: &Publication<'_>, recent: &[Recent]) -> Result<Written, Error> {
        let mut there = BTreeSet::new();
        for epoch in recent {
            there.append(&mut self.manifest(&epoch.tree)?);
        }
        let objects = self.objects();
        let mut manifest = Vec::new();
        let mut written = Written::default();
        for object in publication.tree.objects() {
            let digest = object_digest(object);
            manifest.extend_from_slice(&digest);
            let path = objects.join(hex(&digest));
            let whole = there.contains(&digest) && fs::metadata(&path).is_ok_and(|meta| meta.len() == object.len() as u64);
            if !whole {
                files::write(&path, object)?;
                there.insert(digest);
                written.objects += 1;
                written.bytes += object.len() as u64;
            }
        }
        files::sync_dir(&objects)?;
        files::write(&self.state().join("trees").join(hex(&publication.tree.digest())), &manifest)?;
        Ok(written)
    }

    /// Removes what no recent epoch needs, once the head is out.
    fn sweep(&self, recent: &[Recent]) -> Result<usize, Error> {
        let trees: BTreeSet<&str> = recent.iter().map(|r| r.tree.as_str()).collect();
        let mut needed = BTreeSet::new();
        for tree in &trees {
            needed.extend(self.manifest(tree)?.iter().map(|digest| hex(digest)));
        }
        remove(&self.state().join("trees"), |name| is_ours(name) && !trees.contains(name));
        Ok(remove(&self.objects(), |name| is_ours(name) && !needed.contains(name)))
    }
}

impl Target for Directory {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn head(&self) -> Result<Option<Vec<u8>>, Error> {
        files::read(&self.path.join("head"))
    }

    fn publish(&mut self, publication: &Publication<'_>) -> Result<Written, Error> {
        check_epoch(self, publication)?;
        for dir in [self.objects(), self.path.join("root"), self.state().join("trees")] {
            files::make_dir(&dir)?;
        }
        // What interrupted writes left. The publisher's lock says that none is under way.
        for dir in [self.path.clone(), self.path.join("root"), self.state()] {
            remove(&dir, |name| name.starts_with(files::TEMPORARY));
        }
        let before = self.recent()?;
        let mut written = self.write_objects(publication, &before)?;
        files::write(&self.path.join("bundle"), publication.bundle)?;
        for root in publication.roots {
            let path = self.path.join("root").join(root.version.to_string());
            if files::read(&path)?.as_ref() != Some(&root.object) {
                files::write(&path, &root.object)?;
            }
        }
        files::sync_dir(&self.path.join("root"))?;
        let tree = hex(&publication.tree.digest());
        let recent = keep(before.clone(), Recent { epoch: publication.epoch, tree, at: publication.now });
        // Known before it is shown: a crash in between must not make a later sweep take its objects away.
        files::write(&self.state().join("recent"), render(&recent).as_bytes())?;
        files::sync_dir(&self.path)?;
        files::write(&self.path.join("head"), publication.head)?;
        files::sync_dir(&self.path)?;
        let dropped = before.iter().any(|old| recent.iter().all(|new| new.tree != old.tree));
        if dropped || before.is_empty() {
            written.removed = self.sweep(&recent)?;
        }
        Ok(written)
    }
}

impl Recent {
    fn parse(line: &str) -> Option<Recent> {
        let mut words = line.split(' ');
        let (epoch, tree, at) = (words.next()?.parse().ok()?, words.next()?, words.next()?.parse().ok()?);
        is_digest(tree).then(|| Recent { epoch, tree: tree.into(), at })
    }
}

fn render(recent: &[Recent]) -> String {
    recent.iter().map(|r| format!("{} {} {}\n", r.epoch, r.tree, r.at)).collect()
}

/// The epochs to remember once `newest` is out: an epoch's time of replacement is when the next one was signed.
fn keep(mut all: Vec<Recent>, newest: Recent) -> Vec<Recent> {
    let now = newest.at;
    all.push(newest);
    let count = all.len();
    let replaced: Vec<u64> = all.iter().skip(1).map(|r| r.at).chain([now]).collect();
    let mut kept: Vec<Recent> = (0usize..)
        .zip(all)
        .filter(|(i, _)| i + KEEP_EPOCHS >= count || replaced.get(*i).is_some_and(|at| at + KEEP_SECONDS > now))
        .map(|(_, recent)| recent)
        .collect();
    // Equal trees count once: heartbeats cost nothing.
    while kept.iter().map(|r| &r.tree).collect::<BTreeSet<_>>().len() > MAX_TREES || kept.len() > 16 * MAX_TREES {
        kept.remove(0);
    }
    kept
}

/// Removes files of `dir` by their names. One that cannot be removed costs room and nothing else, and the next sweep tries
/// again; names that are not text are not ours.
fn remove(dir: &Path, unwanted: impl Fn(&str) -> bool) -> usize {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let ours = entries.filter_map(Result::ok).filter(|entry| entry.file_name().to_str().is_some_and(&unwanted));
    ours.filter(|entry| fs::remove_file(entry.path()).is_ok()).count()
}

/// Whether a publisher may have written a file of this name among objects or manifests.
fn is_ours(name: &str) -> bool {
    is_digest(name) || name.starts_with(files::TEMPORARY)
}

fn is_digest(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(epoch: u64, tree: u64, at: u64) -> Recent {
        Recent { epoch, tree: format!("{tree:064x}"), at }
    }

    #[test]
    fn remembers_the_last_epochs_and_the_young_ones() {
        let mut all = Vec::new();
        for epoch in 1..=10 {
            all = keep(all, recent(epoch, epoch, epoch * 1000));
        }
        assert_eq!(all.iter().map(|r| r.epoch).collect::<Vec<_>>(), [7, 8, 9, 10]);
        for epoch in 11..=30 {
            all = keep(all, recent(epoch, epoch, 10_000 + epoch));
        }
        // Epoch 9 was replaced at 10 000, less than two minutes ago.
        assert_eq!(all.first().map(|r| r.epoch), Some(9));
        for epoch in 31..=300 {
            all = keep(all, recent(epoch, epoch, 10_100));
        }
        assert_eq!(all.len(), MAX_TREES);
    }

    #[test]
    fn its_state_reads_back_and_survives_nonsense() {
        let all = vec![recent(1, 7, 5), recent(2, 8, 6)];
        assert_eq!(render(&all).lines().filter_map(Recent::parse).collect::<Vec<_>>(), all);
        for line in ["", "1", "1 abc 2", &format!("x {:064x} 1", 1), &format!("1 ../{:061x} 1", 1)] {
            assert_eq!(Recent::parse(line), None, "{line}");
        }
    }
}
