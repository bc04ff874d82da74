//! Who reports leaked secrets: GitHub's secret scanning, which signs each report (ECDSA over P-256 with SHA-256) by one of the keys that it lists at
//! `https://api.github.com/meta/public_keys/secret_scanning`. The list is a file here: the control plane asks nobody on its way.
//!
//! A signed report that comes again is taken again: what it says, that a text stands where everybody can read it, stays true, and nothing is done
//! that was not asked for before (`registry/src/usage/leaks.rs`). So signatures need no time and no memory of what came.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use spki::der::Decode;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use crate::limits::MAX_KEY_LIST_BYTES;

/// The headers that say by which key a report is signed, and how.
pub(crate) const KEY_ID: &str = "github-public-key-identifier";
pub(crate) const SIGNATURE: &str = "github-public-key-signature";

/// `id-ecPublicKey`, and the curve P-256 (RFC 5480).
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// GitHub's list, as GitHub writes it.
#[derive(Deserialize)]
struct Listed {
    public_keys: Vec<ListedKey>,
}

#[derive(Deserialize)]
struct ListedKey {
    key_identifier: String,
    key: String,
}

/// The keys in a file, which is read for each report: who replaces it need not start the server anew.
#[derive(Debug)]
pub(crate) struct Reporters(PathBuf);

/// What is claimed of a report.
pub(crate) struct Claim {
    key_id: String,
    signature: Vec<u8>,
}

impl Claim {
    /// Reads the two headers, each of which must be there once.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Claim> {
        let one = |name: &str| {
            let mut all = headers.get_all(name).iter();
            all.next().filter(|_| all.next().is_none()).and_then(|value| value.to_str().ok())
        };
        Some(Claim { key_id: one(KEY_ID)?.to_owned(), signature: STANDARD.decode(one(SIGNATURE)?).ok()? })
    }
}

impl Reporters {
    /// Those in a file, which must hold at least one. An error says what is wrong with it.
    pub(crate) fn open(path: PathBuf) -> Result<Reporters, String> {
        let reporters = Reporters(path);
        reporters.keys().map(|_| reporters)
    }

    /// Whether a body is signed as claimed.
    pub(crate) fn prove(&self, claim: &Claim, body: &[u8]) -> Result<bool, String> {
        let point = self.keys()?.into_iter().find(|(id, _)| *id == claim.key_id).map(|(_, point)| point);
        Ok(point
            .is_some_and(|point| UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(body, &claim.signature).is_ok()))
    }

    /// Each key's identifier, and its point on the curve.
    fn keys(&self) -> Result<Vec<(String, Vec<u8>)>, String> {
        let place = self.0.display();
        let mut text = String::new();
        let file = File::open(&self.0).map_err(|error| format!("{place}: {error}"))?;
        file.take(MAX_KEY_LIST_BYTES).read_to_string(&mut text).map_err(|error| format!("{place}: {error}"))?;
        let listed: Listed = serde_json::from_str(&text).map_err(|error| {
            format!("{place}: must be the JSON of https://api.github.com/meta/public_keys/secret_scanning: {error}")
        })?;
        let read = |ListedKey { key_identifier, key }: ListedKey| match point(&key) {
            Some(point) => Ok((key_identifier, point)),
            None => Err(format!("{place}: a key is no public key of the curve P-256 in PEM")),
        };
        let keys: Vec<_> = listed.public_keys.into_iter().map(read).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(format!("{place}: lists no key, so no report could be proven")) } else { Ok(keys) }
    }
}

fn point(pem: &str) -> Option<Vec<u8>> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    let key = SubjectPublicKeyInfoRef::from_der(&der).ok()?;
    key.algorithm.assert_oids(ELLIPTIC, P256).ok()?;
    key.subject_public_key.as_bytes().map(Into::into)
}
