//! The published directory over HTTP: head and bundle are asked for anew each time, objects and roots never change.
//!
//! Files are read from the directory at each request, so whatever process published last is what edges get.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edgelatch_core::tree::object_digest;
use edgelatch_registry::Slug;
use edgelatch_sync::hex;

use crate::problem::Problem;

const ALWAYS_ASK: &str = "no-cache";
const NEVER_CHANGES: &str = "public, max-age=31536000, immutable";

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Head,
    Bundle,
    Root(u32),
    Object(String),
}

impl Item {
    /// Reads what follows `/r/<realm>/`. Only names that a publisher writes pass, so no path leaves the directory.
    pub(crate) fn parse(path: &str) -> Option<Item> {
        match path.split_once('/') {
            None if path == "head" => Some(Item::Head),
            None if path == "bundle" => Some(Item::Bundle),
            Some(("root", n)) if !n.starts_with(['0', '+']) => n.parse().ok().map(Item::Root),
            Some(("objects", name)) => {
                let digest = name.len() == 64 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                digest.then(|| Item::Object(name.into()))
            }
            _ => None,
        }
    }

    fn file(&self) -> PathBuf {
        match self {
            Item::Head => "head".into(),
            Item::Bundle => "bundle".into(),
            Item::Root(version) => Path::new("root").join(version.to_string()),
            Item::Object(name) => Path::new("objects").join(name),
        }
    }

    fn cache_control(&self) -> &'static str {
        match self {
            Item::Head | Item::Bundle => ALWAYS_ASK,
            Item::Root(_) | Item::Object(_) => NEVER_CHANGES,
        }
    }
}

/// A file's content with its entity tag.
#[derive(Clone)]
struct Content {
    bytes: Bytes,
    etag: String,
}

/// Tells one version of a file from the next: each is a new file, renamed into place.
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

/// The published directory. Bundles are kept in memory: reading and hashing one anew for every edge would be slow.
pub(crate) struct Site {
    root: PathBuf,
    bundles: Mutex<HashMap<Slug, (Stamp, Content)>>,
}

impl Site {
    pub(crate) fn new(root: PathBuf) -> Site {
        Site { root, bundles: Mutex::default() }
    }

    /// The realms that are published.
    pub(crate) fn realms(&self) -> io::Result<Vec<Slug>> {
        let mut realms = Vec::new();
        for entry in fs::read_dir(self.root.join("r"))? {
            realms.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Slug>().ok()));
        }
        realms.sort_unstable();
        Ok(realms)
    }

    /// The current head of a realm.
    pub(crate) fn head(&self, realm: &Slug) -> io::Result<Vec<u8>> {
        fs::read(self.path(realm, &Item::Head))
    }

    fn path(&self, realm: &Slug, item: &Item) -> PathBuf {
        self.root.join("r").join(realm.as_str()).join(item.file())
    }

    fn read(&self, realm: &Slug, item: &Item) -> io::Result<Content> {
        let mut file = File::open(self.path(realm, item))?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut load = || {
            let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
            file.read_to_end(&mut bytes).map(|_| bytes)
        };
        let tagged = |bytes: Vec<u8>| Content { etag: format!("\"{}\"", hex(&object_digest(&bytes))), bytes: bytes.into() };
        match item {
            Item::Head | Item::Root(_) => load().map(tagged),
            // Its name says what it must hash to; edges check that.
            Item::Object(name) => Ok(Content { etag: format!("\"{name}\""), bytes: load()?.into() }),
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
        }
    }
}

/// Answers GET and HEAD; the latter's body is dropped further out.
pub(crate) async fn answer(site: Arc<Site>, realm: String, path: String, headers: HeaderMap) -> Response {
    let (Ok(realm), Some(item)) = (realm.parse::<Slug>(), Item::parse(&path)) else {
        return Problem::NOT_FOUND.into_response();
    };
    let cache_control = item.cache_control();
    let read = tokio::task::spawn_blocking(move || site.read(&realm, &item)).await;
    let content = match read {
        Ok(Ok(content)) => content,
        Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Problem::NOT_FOUND.into_response();
        }
        _ => return Problem::UNREADABLE.into_response(),
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
    response
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
    fn only_published_names_pass() {
        let digest = "a".repeat(64);
        for (path, item) in [
            ("head", Item::Head),
            ("bundle", Item::Bundle),
            ("root/12", Item::Root(12)),
            (&format!("objects/{digest}"), Item::Object(digest.clone())),
        ] {
            assert_eq!(Item::parse(path), Some(item));
        }
        let upper = format!("objects/{}", digest.to_uppercase());
        for path in [
            "",
            "root",
            "root/",
            "root/0",
            "root/01",
            "root/+1",
            "root/-1",
            "root/4294967296",
            "root/1/",
            "objects",
            "objects/",
            "objects/../head",
            "objects/..",
            ".edgelatch/recent",
            "head/",
            "HEAD",
            "../../registry.db",
            &upper,
            &format!("objects/{digest}/"),
        ] {
            assert_eq!(Item::parse(path), None, "{path}");
        }
    }

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
