//! What is published at an address, read as an edge reads it: by whoever compares it with a registry. Nothing of it is believed here.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use edgelatch_core::limits::MAX_OBJECT_BYTES;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

/// Time for one file: the largest at some megabytes a second.
const DEADLINE: Duration = Duration::from_secs(60);

/// A realm at an address such as `https://keys.example.com/r/acme`. To be used where blocking is allowed.
#[derive(Debug)]
pub struct Remote {
    base: String,
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Remote {
    /// Whether a text is an address rather than a path.
    pub fn is_address(text: &str) -> bool {
        ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
    }

    /// The realm at `address`. An error says what would be right.
    pub fn new(address: &str) -> Result<Remote, String> {
        let uri: Option<Uri> = address.parse().ok();
        if uri.is_none_or(|uri| uri.host().is_none() || uri.query().is_some()) {
            return Err("must be an address of a realm's files, such as https://keys.example.com/r/acme".into());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
        let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| error.to_string())?;
        let client = Client::builder(TokioExecutor::new()).build(tls.https_or_http().enable_http1().build());
        Ok(Remote { base: address.trim_end_matches('/').into(), runtime, client })
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// The file of this name; none where the server says that there is none.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let request = Request::get(format!("{}/{name}", self.base))
            .header(header::USER_AGENT, concat!("edgelatch/", env!("CARGO_PKG_VERSION")))
            .header(header::CACHE_CONTROL, "no-cache")
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let fetch = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
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
