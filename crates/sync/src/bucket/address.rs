//! Where a bucket is, and how its store is reached.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use edgelatch_registry::Slug;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::trouble;
use crate::error::Error;

/// What to write instead of something that is none.
const FORM: &str = "write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX, without credentials or a query: those and the endpoint \
                    come from the environment";
/// Time for a connection to be made: one to the next continent takes a fifth of a second.
const CONNECT: &str = "5 seconds";
/// Tries of a request that failed at once: a store that is busy says so, and is well a moment later. The time for all is
/// [`TIME`].
const RETRIES: usize = 3;
/// Time for one request and its answer, however often it was tried.
pub(super) const TIME: Duration = Duration::from_secs(15);

/// What a store speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    S3,
    Google,
    Azure,
}

const KINDS: [(&str, Kind); 3] = [("s3", Kind::S3), ("gs", Kind::Google), ("az", Kind::Azure)];

/// `s3://BUCKET/PREFIX`, `gs://…` or `az://…`. Who may write there, and at which endpoint, says the environment, by the names that the
/// stores' own programs use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    kind: Kind,
    bucket: String,
    prefix: Path,
}

impl FromStr for Address {
    type Err = Error;

    /// An error does not repeat the text: somebody may have put credentials into it.
    fn from_str(text: &str) -> Result<Address, Error> {
        let none = || Error::TargetAddress { form: FORM };
        let (scheme, rest) = text.split_once("://").ok_or_else(none)?;
        let (_, kind) = KINDS.into_iter().find(|(name, _)| *name == scheme).ok_or_else(none)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let segments = || prefix.split('/').filter(|_| !prefix.is_empty());
        if bucket.is_empty() || !plain(bucket) || segments().any(|part| matches!(part, "" | "." | "..") || !plain(part)) {
            return Err(none());
        }
        Ok(Address { kind, bucket: bucket.into(), prefix: Path::from_iter(segments()) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = KINDS.into_iter().find(|(_, kind)| *kind == self.kind).map_or("", |(name, _)| name);
        write!(f, "{scheme}://{}", self.bucket)?;
        if self.prefix.as_ref().is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl Address {
    /// The place of one realm among others there.
    #[must_use]
    pub fn below(&self, realm: &Slug) -> Address {
        let prefix =
            Path::from_iter(self.prefix.parts().map(|part| part.as_ref().to_owned()).chain(["r".into(), realm.to_string()]));
        Address { prefix, ..self.clone() }
    }

    /// What stands before every key.
    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The store, as the environment says how to reach it.
    pub(super) fn connect(&self, environment: &[(String, String)]) -> Result<Arc<dyn ObjectStore>, Error> {
        // Another one may be in force already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let retry = RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES, retry_timeout: TIME };
        let name = self.bucket.as_str();
        let store = match self.kind {
            Kind::S3 => {
                let mut builder = AmazonS3Builder::new().with_allow_http(on_this_machine(environment));
                for (key, value) in settings(environment, "AWS_", AmazonS3ConfigKey::Client) {
                    builder = builder.with_config(key, value);
                }
                // The call that deletes many at once is not known to every store.
                let builder = builder.with_bucket_name(name).with_retry(retry).with_disable_bulk_delete(true);
                builder.build().map(|store| Arc::new(store) as _)
            }
            Kind::Google => {
                let mut builder = GoogleCloudStorageBuilder::new();
                for (key, value) in settings(environment, "GOOGLE_", GoogleConfigKey::Client) {
                    builder = builder.with_config(key, value);
                }
                builder.with_bucket_name(name).with_retry(retry).build().map(|store| Arc::new(store) as _)
            }
            Kind::Azure => {
                let mut builder = MicrosoftAzureBuilder::new();
                for (key, value) in settings(environment, "AZURE_", AzureConfigKey::Client) {
                    builder = builder.with_config(key, value);
                }
                builder.with_container_name(name).with_retry(retry).build().map(|store| Arc::new(store) as _)
            }
        };
        store.map_err(|error| Error::TargetDenied { target: self.to_string(), detail: trouble::words(&error) })
    }
}

/// The settings that the environment has for a kind of store, behind those that hold for all. How long a request takes depends on its
/// bytes: that is measured by whoever asks.
fn settings<'e, K: FromStr>(
    environment: &'e [(String, String)],
    begins: &'static str,
    client: fn(ClientConfigKey) -> K,
) -> impl Iterator<Item = (K, &'e str)> {
    let ours = [(client(ClientConfigKey::ConnectTimeout), CONNECT), (client(ClientConfigKey::Timeout), "1 day")];
    let theirs = environment.iter().filter(move |(name, _)| name.starts_with(begins));
    // A name of the family that the library does not know is for another program.
    ours.into_iter().chain(theirs.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.as_str()))))
}

/// Whether the endpoint is reached without leaving this machine, so that nobody can listen. Any other one takes TLS, unless the environment
/// says `AWS_ALLOW_HTTP=true`.
fn on_this_machine(environment: &[(String, String)]) -> bool {
    let endpoint =
        environment.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").and_then(|(_, url)| url.strip_prefix("http://"));
    let host = endpoint.and_then(|rest| rest.split(['/', ':']).next());
    host.is_some_and(|host| host == "localhost" || host.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_bucket_and_a_prefix_and_nothing_else() {
        for (text, shown, prefix) in [
            ("s3://keys", "s3://keys", ""),
            ("s3://keys/", "s3://keys", ""),
            ("gs://keys.example.com/r/acme", "gs://keys.example.com/r/acme", "r/acme"),
            ("az://keys/r/acme/", "az://keys/r/acme", "r/acme"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.prefix().as_ref()), (shown, prefix));
        }
        let below = "s3://keys/fleet".parse::<Address>().unwrap().below(&"acme".parse().unwrap());
        assert_eq!(below.to_string(), "s3://keys/fleet/r/acme");
        for text in [
            "keys",
            "s3:keys",
            "s3://",
            "s3:///r",
            "ftp://keys/r",
            "s3://user:secret@keys/r",
            "s3://keys/r?X-Amz-Signature=secret",
            "s3://keys/r#secret",
            "s3://keys/../r",
            "s3://keys//r",
            "s3://keys/./r",
            "s3://keys/a b",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.code() == "target_address" && !error.to_string().contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for (endpoint, here) in [
            ("http://127.0.0.1:9000", true),
            ("http://localhost:9000/", true),
            ("http://localhost.example.com", false),
            ("http://127.example.com", false),
            ("http://10.0.0.1:9000", false),
            ("https://127.0.0.1", false),
        ] {
            assert_eq!(on_this_machine(&[("AWS_ENDPOINT_URL".into(), endpoint.into())]), here, "{endpoint}");
        }
        assert!(!on_this_machine(&[]));
    }
}
