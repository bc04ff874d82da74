//! Events go out as signed webhooks (<https://www.standardwebhooks.com>), taken from the registry's outbox and tried until they
//! arrive or are given up.
//!
//! ```text
//! webhook-id: evt_<32 digits>            the same at each try: receivers drop what they have seen
//! webhook-timestamp: <Unix seconds>
//! webhook-signature: v1,<base64 of HMAC-SHA-256(secret, id "." timestamp "." body)>
//! ```
//! Address and secret are never logged: whoever reads them could send events in our name.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgelatch_registry::{Due, Registry, format_time};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;
use tokio::sync::watch;
use tracing::field::display;
use tracing::{error, warn};
use zeroize::Zeroizing;

use super::background::blocking;
use crate::log::EVENTS;
use crate::net::address::keeps_secrets;

/// Pause between two looks into the outbox.
const PAUSE: Duration = Duration::from_secs(5);
/// Time for one delivery.
const DEADLINE: Duration = Duration::from_secs(10);
/// Events taken from the outbox at once: few enough to be tried before the registry gives them to another node.
const TAKE: usize = 4;
/// Bytes of a secret: 24 to 64, as the standard has it.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Where events go, and what they are signed with.
#[derive(Clone)]
pub struct Webhook {
    uri: Uri,
    secret: Zeroizing<Vec<u8>>,
    pause: Duration,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook")
    }
}

impl Webhook {
    /// Reads an address and a secret: `whsec_` and base64 of 24 to 64 bytes, or a text as long. An error says what would be
    /// right, and repeats neither.
    pub fn new(url: &str, secret: &str) -> Result<Webhook, String> {
        let wrong = "the address of the webhook must be https://HOST/PATH, or http:// on this machine, without a user";
        let uri: Uri = url.trim().parse().map_err(|_| wrong.to_owned())?;
        if !keeps_secrets(&uri) {
            return Err(wrong.into());
        }
        let secret = secret.trim();
        let bytes = match secret.strip_prefix("whsec_") {
            Some(text) => STANDARD.decode(text).ok(),
            None => Some(secret.as_bytes().to_vec()),
        };
        let bytes = bytes.map(Zeroizing::new).filter(|bytes| SECRET_BYTES.contains(&bytes.len()));
        let short = "the secret of the webhook must be `whsec_` and base64 of 24 to 64 bytes, or a text of that length; \
                     make one with: echo whsec_$(head -c 32 /dev/urandom | base64)";
        Ok(Webhook { uri, secret: bytes.ok_or_else(|| short.to_owned())?, pause: PAUSE })
    }

    /// The same, looking for events more or less often.
    pub fn every(self, pause: Duration) -> Webhook {
        Webhook { pause, ..self }
    }

    fn signature(&self, id: &str, timestamp: &str, body: &str) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    fn request(&self, due: &Due, now: u64) -> Result<Request<Full<Bytes>>, String> {
        let (id, timestamp) = (due.event.as_str(), now.to_string());
        let signature = self.signature(id, &timestamp, &due.body);
        let request = Request::post(self.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("edgelatch/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature);
        request.body(Full::new(due.body.clone().into())).map_err(|_| "the request cannot be made".into())
    }
}

type Poster = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

fn poster() -> std::io::Result<Poster> {
    let tls = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(tls))
}

/// Delivers until `stop` changes. An event that is under way then is delivered by the next server that runs.
pub(crate) async fn deliver(webhook: Webhook, registry: Arc<Registry>, mut stop: watch::Receiver<bool>) {
    let poster = match poster() {
        Ok(poster) => poster,
        Err(error) => return error!(target: EVENTS, %error, "no event can be delivered: there are no certificates"),
    };
    loop {
        let round = round(&webhook, &registry, &poster);
        let taken = tokio::select! {
            taken = round => taken,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let full = match taken {
            Ok(taken) => taken == TAKE,
            Err(error) => {
                error!(target: EVENTS, error, "the events could not be read");
                false
            }
        };
        let pause = if full { Duration::ZERO } else { webhook.pause };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Tries what is due; returns how many that were.
async fn round(webhook: &Webhook, registry: &Arc<Registry>, poster: &Poster) -> Result<usize, String> {
    let all = blocking(registry, |registry| registry.outbox().take(TAKE)).await?;
    let taken = all.len();
    for due in all {
        let now = registry.env().now().map_err(|error| error.to_string())?;
        let (posted, event) = (post(poster, webhook.request(&due, now)?).await, due.event);
        match posted {
            Ok(()) => blocking(registry, move |registry| registry.outbox().delivered(&event)).await?,
            Err(reason) => {
                let (id, said) = (event.clone(), reason.clone());
                let again = blocking(registry, move |registry| registry.outbox().failed(&id, &said)).await?;
                let again = again.map(|at| display(format_time(at)));
                warn!(target: EVENTS, %event, error = reason, again, "an event was not delivered");
            }
        }
    }
    Ok(taken)
}

/// Sends one request. A redirection is no delivery: the signature was meant for the address that was given.
async fn post(poster: &Poster, request: Request<Full<Bytes>>) -> Result<(), String> {
    let answered = tokio::time::timeout(DEADLINE, async {
        let answer = poster.request(request).await.map_err(|error| {
            if error.is_connect() { "the connection could not be made".to_owned() } else { "the connection broke".to_owned() }
        })?;
        // A connection can be used again only after its answer was read.
        let status = answer.status();
        let _ = http_body_util::Limited::new(answer.into_body(), 64 * 1024).collect().await;
        Ok::<StatusCode, String>(status)
    });
    let status: StatusCode = answered.await.map_err(|_| format!("no answer within {} s", DEADLINE.as_secs()))??;
    if status.is_success() { Ok(()) } else { Err(format!("the receiver answered {}", status.as_u16())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn signs_as_the_standard_does() {
        let webhook = Webhook::new("https://a.example/x", SECRET).unwrap();
        let signed = webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn refuses_addresses_that_others_could_read_and_repeats_nothing() {
        for good in ["https://a.example/hook?x=1", "http://127.0.0.1:1/x", "http://[::1]:1/", "http://localhost/x"] {
            assert!(Webhook::new(good, SECRET).is_ok(), "{good}");
        }
        let bad =
            ["", "a.example", "http://a.example/canary", "http://10.0.0.1/canary", "ftp://a/canary", "https://u:canary@a/"];
        for bad in bad {
            let error = Webhook::new(bad, SECRET).unwrap_err();
            assert!(error.contains("https://") && !error.contains("canary"), "{bad}: {error}");
        }
        for bad in ["", "canary", "whsec_Y2FuYXJ5", "whsec_!", &"x".repeat(65)] {
            let error = Webhook::new("https://a.example/", bad).unwrap_err();
            assert!(error.contains("24 to 64") && !error.contains("canary"), "{bad}");
        }
        assert!(!format!("{:?}", Webhook::new("https://a.example/canary", SECRET)).contains("canary"));
    }
}
