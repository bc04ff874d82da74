//! What is published at an address, read as an edge reads it: by whoever compares it with a registry. Nothing of it is believed here.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, Request, StatusCode, Uri, header};
use edgelatch_core::limits::MAX_OBJECT_BYTES;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

use crate::net::address::{has_user, keeps_secrets};

/// Time for one file: the largest at some megabytes a second.
const DEADLINE: Duration = Duration::from_secs(60);

/// A realm at an address such as `https://keys.example.com/r/acme`. To be used where blocking is allowed.
#[derive(Debug)]
pub struct Remote {
    base: String,
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    /// The read key, as it is sent. Redirects are not followed, so it goes nowhere else.
    bearer: Option<HeaderValue>,
}

impl Remote {
    /// Whether a text is an address rather than a path.
    pub fn is_address(text: &str) -> bool {
        ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
    }

    /// The realm at `address`, read with this read key if files take one there. An error says what would be right, and repeats neither.
    pub fn new(address: &str, key: Option<&str>) -> Result<Remote, String> {
        let uri: Option<Uri> = address.parse().ok();
        let sound = uri.filter(|uri| uri.host().is_some() && uri.query().is_none() && !has_user(uri));
        let Some(uri) = sound else {
            return Err("must be an address of a realm's files, such as https://keys.example.com/r/acme, without a user".into());
        };
        let bearer = match key {
            None => None,
            Some(_) if !keeps_secrets(&uri) => {
                return Err("a read key is sent to an https:// address only, or to this machine".into());
            }
            Some(key) => {
                let line = HeaderValue::try_from(format!("Bearer {}", key.trim()));
                let mut line = line.map_err(|_| "the read key holds characters that no key has")?;
                line.set_sensitive(true);
                Some(line)
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| error.to_string())?;
        let client = Client::builder(TokioExecutor::new()).build(tls.https_or_http().enable_http1().build());
        Ok(Remote { base: address.trim_end_matches('/').into(), runtime, client, bearer })
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// The file of this name; none where the server says that there is none.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let mut request = Request::get(format!("{}/{name}", self.base))
            .header(header::USER_AGENT, concat!("edgelatch/", env!("CARGO_PKG_VERSION")))
            .header(header::CACHE_CONTROL, "no-cache")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        request.headers_mut().extend(self.bearer.clone().map(|bearer| (header::AUTHORIZATION, bearer)));
        let fetch = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                    let why = match self.bearer {
                        None => "it takes a read key: a management key with the role `edge`",
                        Some(_) => {
                            "the read key is not taken: it must be a management key with the role `edge` for this realm, and be valid"
                        }
                    };
                    return Err(format!("{name}: answered {status}: {why}"));
                }
                other => return Err(format!("{name}: answered {other}")),
            }
            let limit = usize::try_from(MAX_OBJECT_BYTES).unwrap_or(usize::MAX);
            let body = Limited::new(response.into_body(), limit).collect().await.map_err(|error| format!("{name}: {error}"))?;
            Ok(Some(body.to_bytes().to_vec()))
        };
        let late = || format!("{name}: no whole answer within {} seconds", DEADLINE.as_secs());
        self.runtime.block_on(async { tokio::time::timeout(DEADLINE, fetch).await.unwrap_or_else(|_| Err(late())) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_key_goes_to_nobody_else_and_into_no_message() {
        let key = Some("canary-key");
        for good in ["https://keys.example.com/r/acme", "http://127.0.0.1:8787/r/acme", "http://[::1]/r/acme"] {
            let remote = Remote::new(good, key).unwrap();
            assert_eq!(remote.address(), good);
            assert!(!format!("{remote:?}").contains("canary"), "{remote:?}");
        }
        Remote::new("http://keys.example.com/r/acme", None).unwrap();
        for (address, key) in [
            ("http://keys.example.com/r/acme", key),
            ("http://10.0.0.1/r/acme", key),
            ("https://canary:canary@keys.example.com/r/acme", None),
            ("https://keys.example.com/r/acme?canary", None),
            ("https://keys.example.com/r/acme", Some("canary\nX-Other: 1")),
        ] {
            let error = Remote::new(address, key).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
