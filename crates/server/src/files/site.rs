//! The published directory over HTTP: head and bundle are asked for anew each time, objects and roots never change.
//!
//! Files are read from the directory at each request, so whatever process published last is what edges get.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::Slug;
use edgelatch_sync::Item;

use crate::problem::Problem;
use crate::tasks::publishing::fresh::Fresh;

/// A file's content with its entity tag.
#[derive(Clone)]
struct Content {
    bytes: Bytes,
    etag: String,
}

/// Tells one version of a file from the next. Publishing writes a new file and renames it into place, so the inode changes even
/// where time and length do not.
#[derive(Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    fn of(meta: &fs::Metadata) -> Stamp {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(meta);
        #[cfg(not(unix))]
        let inode = 0;
        Stamp { modified: meta.modified().ok(), length: meta.len(), inode }
    }
}

/// The published directory. The last bundle of each realm is kept in memory: to read and hash many megabytes anew for every
/// edge that asks would be slow.
pub(crate) struct Site {
    root: PathBuf,
    fresh: Arc<Fresh>,
    /// Whether files are not for everybody: then caches that several share keep none.
    private: bool,
    bundles: Mutex<HashMap<Slug, (Stamp, Content)>>,
}

impl Site {
    pub(crate) fn new(root: PathBuf, fresh: Arc<Fresh>, private: bool) -> Site {
        Site { root, fresh, private, bundles: Mutex::default() }
    }

    fn cache_control(&self, item: Item) -> &'static str {
        match (self.private, item.is_fixed()) {
            (false, _) => item.cache_control(),
            (true, true) => "private, max-age=31536000, immutable",
            (true, false) => "private, no-cache",
        }
    }

    /// Whether files of the realm may be passed off as the newest.
    pub(crate) fn is_fresh(&self, realm: &Slug) -> bool {
        self.fresh.serves(realm)
    }

    /// The head of a realm that lies here.
    pub(crate) fn head(&self, realm: &Slug) -> io::Result<Vec<u8>> {
        fs::read(self.path(realm, Item::Head))
    }

    /// The same, if it is known to be the current one.
    pub(crate) fn current_head(&self, realm: &Slug) -> io::Result<Vec<u8>> {
        if self.is_fresh(realm) { self.head(realm) } else { Err(io::Error::other("it may be an old one")) }
    }

    /// What leads from one tree to another, if it is published and has at most `limit` bytes.
    pub(crate) fn patch(&self, realm: &Slug, from: ObjectId, to: ObjectId, limit: u64) -> Option<Vec<u8>> {
        let file = File::open(self.path(realm, Item::Patch { to, from })).ok()?;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= limit).then_some(bytes)
    }

    fn path(&self, realm: &Slug, item: Item) -> PathBuf {
        self.root.join("r").join(realm.as_str()).join(item.to_string())
    }

    fn read(&self, realm: &Slug, item: Item) -> io::Result<Content> {
        let mut file = File::open(self.path(realm, item))?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut load = || {
            let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
            file.read_to_end(&mut bytes).map(|_| bytes)
        };
        let tagged = |bytes: Vec<u8>| Content { etag: format!("\"{}\"", ObjectId::of(&bytes)), bytes: bytes.into() };
        match item {
            // Its name is the digest that its bytes must have; edges check that.
            Item::Object(id) => Ok(Content { etag: format!("\"{id}\""), bytes: load()?.into() }),
            Item::Bundle => {
                let stamp = Stamp::of(&meta);
                // Held while reading, so that a crowd of edges after a change reads the file once.
                let mut bundles = self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
                match bundles.get(realm) {
                    Some((known, content)) if *known == stamp => Ok(content.clone()),
                    _ => {
                        let content = tagged(load()?);
                        bundles.insert(realm.clone(), (stamp, content.clone()));
                        Ok(content)
                    }
                }
            }
            _ => load().map(tagged),
        }
    }
}

/// Answers GET and HEAD; axum drops the latter's body.
pub(crate) async fn serve(
    State(site): State<Arc<Site>>,
    path: Result<Path<(Slug, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path((realm, path)) = path.map_err(|_| Problem::no_file())?;
    let item = Item::published(&path).ok_or_else(Problem::no_file)?;
    if !site.is_fresh(&realm) {
        return Err(Problem::stale());
    }
    let cache_control = site.cache_control(item);
    let read = tokio::task::spawn_blocking(move || site.read(&realm, item)).await;
    let content = match read {
        Ok(Ok(content)) => content,
        Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(Problem::no_file());
        }
        _ => return Err(Problem::unreadable()),
    };
    let matched = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| names(value, &content.etag));
    let mut response = if matched {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(content.bytes.clone()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, content.bytes.len().into());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache_control));
    if let Ok(etag) = HeaderValue::from_str(&content.etag) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

/// Whether an `If-None-Match` value names `etag`, by RFC 9110's weak comparison.
fn names(value: &HeaderValue, etag: &str) -> bool {
    let tag = |one: &str| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag
    };
    value.to_str().is_ok_and(|list| list.split(',').any(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_compare_weakly() {
        for (value, same) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(names(&HeaderValue::from_static(value), "\"a\""), same, "{value}");
        }
    }
}
