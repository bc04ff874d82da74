//! Keys and realms.

use crate::read::{self, Description};
use edgelatch_core::build::{
    HeadFields, RealmRecord, RoleFields, RootFields, SigningKey, build_tree, encode_bundle, sign_head, sign_root,
};
use edgelatch_core::error::Error;
use edgelatch_core::http::CredentialHeaders;
use edgelatch_core::key::{self, Prefix};
use edgelatch_core::limits::MAX_EPOCH;

/// What keys of tests begin with.
const PREFIX: &str = "test";
const SEED: usize = 32;

pub(crate) fn key(random: &[u8]) -> Vec<u8> {
    let mut left = random;
    let mut next = |out: &mut [u8]| {
        let (now, rest) = left.split_at(left.len().min(out.len()));
        out.fill(0);
        out.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        left = rest;
    };
    match Prefix::parse(PREFIX) {
        Ok(prefix) => key::issue(&prefix, &mut next).as_bytes().to_vec(),
        Err(_) => Vec::new(),
    }
}

pub(crate) fn realm(input: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (root, rest) = input.split_first_chunk::<SEED>().ok_or("64 random bytes are needed")?;
    let (publisher, text) = rest.split_first_chunk::<SEED>().ok_or("64 random bytes are needed")?;
    let description = read::realm(std::str::from_utf8(text).map_err(|_| "the description is no text")?)?;
    sealed(description, &SigningKey::from_seed(root), &SigningKey::from_seed(publisher)).map_err(|error| error.to_string())
}

fn sealed(realm: Description, root: &SigningKey, publisher: &SigningKey) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let Description { name, epoch, issued_at, not_after, roles, keys, imports } = realm;
    let tree = build_tree(&RealmRecord { credentials: CredentialHeaders::all(), imports, pepper: None, roles }, keys)?;
    let role = |key: &SigningKey| RoleFields { threshold: 1, keys: vec![key.public()] };
    // The same for every epoch, and good for any time that a test lives in.
    let fields = RootFields {
        realm: name.clone(),
        version: 1,
        issued_at: 0,
        expires_at: MAX_EPOCH,
        era: 1,
        min_epoch: 1,
        root: role(root),
        publisher: role(publisher),
    };
    let head = HeadFields {
        realm: name,
        root_version: 1,
        epoch,
        issued_at,
        not_after,
        tree: tree.id(),
        tree_bytes: tree.bytes(),
        records: tree.records,
    };
    let head = sign_head(&head, std::slice::from_ref(publisher))?;
    Ok((sign_root(&fields, std::slice::from_ref(root))?, encode_bundle(&head, &tree)?))
}
