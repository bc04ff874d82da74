//! What each realm's head is now, for those who wait for the next one.
//!
//! Publications are not passed on as they are made: the published directory is looked at, which is what edges are served from.
//! So whatever process published last, on this node or another, is what is told, and nobody is told of a head that cannot be
//! fetched here. This server's publisher task only says that a look is worth it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::sse::Event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgelatch_core::head::Head;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::Slug;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;

use crate::files::site::Site;
use crate::limits::{STREAM_PATCH_BYTES, STREAM_UNREADABLE_LOOKS};

/// A head that is published.
#[derive(Debug)]
pub(crate) struct Announced {
    bytes: Vec<u8>,
    tree: ObjectId,
    pub(crate) epoch: u64,
    event: Event,
}

/// The data of an event: bytes in base64.
#[derive(Serialize)]
struct Data {
    head: String,
    /// What leads to its tree from that of the head told before, which most edges have, so that they need not ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
}

impl Announced {
    /// `patch` finds the one that leads to a tree.
    fn of(bytes: Vec<u8>, patch: impl FnOnce(ObjectId) -> Option<Vec<u8>>) -> io::Result<Announced> {
        let Head { epoch, tree, .. } = Head::inspect(&bytes).map_err(io::Error::other)?;
        let data = Data { head: STANDARD.encode(&bytes), patch: patch(tree).map(|patch| STANDARD.encode(patch)) };
        let event = Event::default().id(epoch.to_string()).event("head").data(serde_json::to_string(&data)?);
        Ok(Announced { bytes, tree, epoch, event })
    }

    /// The head as an event.
    pub(crate) fn event(&self) -> Event {
        self.event.clone()
    }
}

/// The heads of those realms that somebody waits for.
pub(crate) struct Heads {
    site: Arc<Site>,
    watched: Mutex<HashMap<Slug, Watched>>,
    published: Arc<Notify>,
}

/// The head of one realm.
struct Watched {
    head: watch::Sender<Arc<Announced>>,
    /// Looks in a row at which it could not be read.
    unreadable: u32,
}

impl Watched {
    /// Tells of the published head if it is another one. Which of two is newer is for edges to say.
    fn look(&mut self, site: &Site, realm: &Slug) -> io::Result<()> {
        let (bytes, known) = (site.current_head(realm)?, Arc::clone(&self.head.borrow()));
        if bytes != known.bytes {
            let patch = |to| (to != known.tree).then(|| site.patch(realm, known.tree, to, STREAM_PATCH_BYTES)).flatten();
            self.head.send_replace(Arc::new(Announced::of(bytes, patch)?));
        }
        self.unreadable = 0;
        Ok(())
    }

    /// Whether it may be there again at the next look.
    fn missed(&mut self) -> bool {
        self.unreadable += 1;
        self.unreadable < STREAM_UNREADABLE_LOOKS
    }
}

impl Heads {
    pub(crate) fn new(site: Arc<Site>) -> Heads {
        Heads { site, watched: Mutex::default(), published: Arc::default() }
    }

    /// What a publisher notifies when it has put something.
    pub(crate) fn published(&self) -> Arc<Notify> {
        Arc::clone(&self.published)
    }

    /// The current head, and each later one; it ends when the head cannot be read any more. Reads a file.
    pub(crate) fn subscribe(&self, realm: &Slug) -> io::Result<watch::Receiver<Arc<Announced>>> {
        // Held while reading, here as in `look`, so that nobody puts an older head in the place of a newer one.
        let mut watched = self.watched();
        if let Some(known) = watched.get_mut(realm) {
            known.look(&self.site, realm)?;
            return Ok(known.head.subscribe());
        }
        let head = Announced::of(self.site.current_head(realm)?, |_| None)?;
        let (sender, receiver) = watch::channel(Arc::new(head));
        watched.insert(realm.clone(), Watched { head: sender, unreadable: 0 });
        Ok(receiver)
    }

    /// Looks at the heads again and again until `stop` changes: after each publication, and `pause` after the last look.
    pub(crate) async fn keep_looking(self: Arc<Self>, pause: Duration, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = self.published.notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let heads = Arc::clone(&self);
            // One that panicked has said so itself, and the next look may go well.
            let _ = spawn_blocking(move || heads.look()).await;
        }
    }

    /// Tells those who wait what has changed. Where the head cannot be read, their streams end: each further heartbeat would say
    /// that nothing newer is known, which nobody knows.
    fn look(&self) {
        self.watched().retain(|realm, known| match known.look(&self.site, realm) {
            Ok(()) => known.head.receiver_count() > 0,
            Err(_) => known.missed(),
        });
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Slug, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgelatch_testkit::core::build::sign_head;
    use edgelatch_testkit::realm::{head_fields, signers, tree};

    #[test]
    fn a_head_that_cannot_be_read_for_a_moment_ends_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (path, away) = (directory.path().join("r/acme/head"), directory.path().join("away"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, sign_head(&head_fields(7, &tree(Vec::new())), &signers(&[1])).unwrap()).unwrap();
        let heads = Heads::new(Arc::new(Site::new(directory.path().into(), Arc::default(), false)));
        let mut receiver = heads.subscribe(&"acme".parse().unwrap()).unwrap();
        assert_eq!(receiver.borrow_and_update().epoch, 7);
        for _ in 0..3 {
            std::fs::rename(&path, &away).unwrap();
            (1..STREAM_UNREADABLE_LOOKS).for_each(|_| heads.look());
            std::fs::rename(&away, &path).unwrap();
            heads.look();
            assert!(!receiver.has_changed().unwrap());
        }
        std::fs::rename(&path, &away).unwrap();
        (0..STREAM_UNREADABLE_LOOKS).for_each(|_| heads.look());
        assert!(receiver.has_changed().is_err());
        assert!(heads.watched().is_empty());
    }

    #[test]
    fn nobody_is_looked_after_for_whom_nobody_waits() {
        let directory = tempfile::tempdir().unwrap();
        let heads = Heads::new(Arc::new(Site::new(directory.path().into(), Arc::default(), false)));
        assert_eq!(heads.subscribe(&"acme".parse().unwrap()).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(heads.watched().is_empty());
    }
}
