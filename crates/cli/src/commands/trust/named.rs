//! How a signing key is named on the command line.

use std::path::Path;

use clap::ValueEnum;
use edgelatch_core::root::Root;
use edgelatch_core::signed::Role;
use edgelatch_sync::key_file::{self, public_text, read_public};

use crate::prelude::*;

/// A role of signing keys.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum KeyRole {
    /// Signs roots
    Root,
    /// Signs heads
    Publisher,
}

impl From<KeyRole> for Role {
    fn from(role: KeyRole) -> Role {
        match role {
            KeyRole::Root => Role::Root,
            KeyRole::Publisher => Role::Publisher,
        }
    }
}

/// A whole public key.
pub(super) fn public(text: &str) -> Result<[u8; 32]> {
    read_public(text)
        .ok_or_else(|| Failure::usage("must be a public key: 43 characters of base64url, as `trust new-key` prints it"))
}

/// The least that is typed of a key which a root names.
const LEAST: usize = 6;

/// The key of a root whose text begins so.
pub(super) fn find(root: &Root, text: &str) -> Result<[u8; 32]> {
    let keys = root.root.keys().chain(root.publisher.keys());
    let found: Vec<&[u8; 32]> = keys.filter(|key| text.len() >= LEAST && public_text(key).starts_with(text)).collect();
    match found[..] {
        [key] => Ok(*key),
        _ => {
            let reason =
                format!("KEY: must be a public key of root {}, or its first {LEAST} characters and more", root.version);
            Err(Failure::usage(format!("{reason}: see `edgelatch trust show`")))
        }
    }
}

/// Says of a key's file that others may read it, as on a stick whose file system keeps no modes.
pub(super) fn exposed(context: &Context, path: &Path) {
    if let Some(mode) = key_file::exposed(path) {
        let message = format!(
            "{}: mode {mode:03o} lets others read the signing key, as where a file system keeps no modes: whoever gets hold of the medium has the key. \
             Only `edgelatch trust import-key` takes it from there",
            path.display()
        );
        context.warn("key_exposed", message);
    }
}
