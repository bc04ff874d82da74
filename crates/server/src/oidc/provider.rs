//! What is asked of the provider. Its documents are kept for a while, so that whoever only opens the sign-in page asks it nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::{Serializer, byte_serialize};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, Semaphore};
use zeroize::Zeroizing;

use super::options::Oidc;
use super::token::{Expected, Jwk, Unfit, verify};
use crate::limits::MAX_PROVIDER_CALLS;
use crate::net::address::keeps_secrets;

/// Time for one answer, and for all of its documents: somebody waits before an empty page.
const DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of an answer: a token of somebody in some hundred groups, or the keys of a large provider.
const MAX_ANSWER: usize = 256 * 1024;
/// How long the provider's documents are kept.
const KEPT: Duration = Duration::from_secs(600);
/// How long it is kept that they could not be had: whoever comes meanwhile is told so at once.
const FAILED: Duration = Duration::from_secs(5);
/// How soon they are asked for again where a token names a key that is not among them: whoever makes such tokens up asks no more often.
const AGAIN: Duration = Duration::from_secs(30);

/// Why a sign-in came to nothing.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// The provider cannot be reached, or answers what it must not. For the log.
    Provider(String),
    /// What came back is not believed.
    Token(&'static str),
    /// Others are signing in, as many as may at a time.
    Busy,
}

/// What a provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Zeroizing<String>,
}

/// Its documents, and when they were read.
struct Known {
    metadata: Metadata,
    keys: Vec<Jwk>,
    at: Instant,
}

/// What is known of a provider, and when asking it last came to nothing.
#[derive(Default)]
struct Memory {
    known: Option<Arc<Known>>,
    failed: Option<(Instant, Trouble)>,
}

/// What a sign-in has begun with, and must come back with.
pub(crate) struct Begun {
    /// What comes back with the code.
    pub(crate) state: String,
    /// What stands in the token.
    pub(crate) nonce: String,
    /// What whoever began it has, and whoever only overheard the code has not (RFC 7636).
    pub(crate) verifier: String,
    /// The digest of that, which is told at the beginning.
    pub(crate) challenge: String,
}

/// A provider that people sign in at.
pub(crate) struct Provider {
    pub(crate) options: Oidc,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    memory: Mutex<Memory>,
    deadline: Duration,
    places: Semaphore,
}

impl Provider {
    pub(crate) fn new(options: Oidc) -> std::io::Result<Provider> {
        let tls = HttpsConnectorBuilder::new().with_native_roots()?.https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(tls);
        Ok(Provider {
            options,
            client,
            memory: Mutex::default(),
            deadline: DEADLINE,
            places: Semaphore::new(MAX_PROVIDER_CALLS),
        })
    }

    /// Where the provider sends browsers back to.
    fn redirect_uri(&self) -> String {
        format!("{}/console/sign-in/callback", self.options.origin)
    }

    /// Where a browser is sent to sign in.
    pub(crate) async fn address(&self, begun: &Begun) -> Result<String, Trouble> {
        let known = self.known(KEPT).await?;
        let mut query = Serializer::new(String::new());
        let scope =
            std::iter::once("openid").chain(self.options.scopes.iter().map(String::as_str).filter(|one| *one != "openid"));
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", &scope.collect::<Vec<_>>().join(" "))
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &begun.challenge)
            .append_pair("code_challenge_method", "S256");
        let endpoint = &known.metadata.authorization_endpoint;
        let and = if endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{endpoint}{and}{}", query.finish()))
    }

    /// What the provider says of whoever came back with a code; nothing of it counts for another sign-in, or twice.
    pub(crate) async fn claims(&self, code: &str, begun: &Begun, now: u64) -> Result<Map<String, Value>, Trouble> {
        let mut known = self.known(KEPT).await?;
        let Tokens { id_token } = self.exchange(&known.metadata, code, &begun.verifier).await?;
        let expected = Expected { issuer: &self.options.issuer, client_id: &self.options.client_id, nonce: &begun.nonce, now };
        let mut found = verify(&id_token, &known.keys, &expected);
        if found == Err(Unfit::Key) {
            known = self.known(AGAIN).await?;
            found = verify(&id_token, &known.keys, &expected);
        }
        found.map_err(|unfit| match unfit {
            Unfit::Key => Trouble::Token("it is signed by none of the provider's keys"),
            Unfit::Token(why) => Trouble::Token(why),
        })
    }

    /// The provider's documents, no older than that. Nobody waits for them longer than for one answer, however many others do.
    async fn known(&self, age: Duration) -> Result<Arc<Known>, Trouble> {
        let begun = Instant::now();
        // One at a time asks; the others get what it was told, also that it was told nothing.
        let memory = tokio::time::timeout(self.deadline, self.memory.lock()).await;
        let mut memory = memory.map_err(|_| Trouble::Busy)?;
        if let Some(known) = memory.known.as_ref().filter(|known| known.at.elapsed() < age) {
            return Ok(Arc::clone(known));
        }
        if let Some((_, trouble)) = memory.failed.as_ref().filter(|(at, _)| at.elapsed() < FAILED) {
            return Err(trouble.clone());
        }
        let left = self.deadline.saturating_sub(begun.elapsed());
        let late = || Trouble::Provider(format!("no answer within {} s", self.deadline.as_secs()));
        let found = tokio::time::timeout(left, self.ask()).await.unwrap_or_else(|_| Err(late()));
        match &found {
            Ok(known) => *memory = Memory { known: Some(Arc::clone(known)), failed: None },
            // That all places are taken says nothing of the provider.
            Err(Trouble::Busy) => {}
            Err(trouble) => memory.failed = Some((Instant::now(), trouble.clone())),
        }
        found
    }

    /// The provider's documents, as it gives them now.
    async fn ask(&self) -> Result<Arc<Known>, Trouble> {
        let issuer = self.options.issuer.trim_end_matches('/');
        let metadata: Metadata = self.get(&format!("{issuer}/.well-known/openid-configuration")).await?;
        if metadata.issuer != self.options.issuer {
            return Err(Trouble::Provider("it calls itself otherwise than the issuer that was given".into()));
        }
        for endpoint in [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri] {
            if !endpoint.parse::<Uri>().is_ok_and(|uri| keeps_secrets(&uri)) {
                return Err(Trouble::Provider("one of its addresses is not https://".into()));
            }
        }
        let Jwks { keys } = self.get(&metadata.jwks_uri).await?;
        // Keys of kinds that are not known here are no harm.
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(Arc::new(Known { metadata, keys, at: Instant::now() }))
    }

    async fn exchange(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<Tokens, Trouble> {
        match self.send(self.redemption(metadata, code, verifier)?).await? {
            (status, bytes) if status.is_success() => {
                serde_json::from_slice(&bytes).map_err(|_| Trouble::Provider("it gave no ID token for a code".into()))
            }
            // A code that is none, that was used before, or that somebody else was given.
            (StatusCode::BAD_REQUEST, _) => Err(Trouble::Token("the provider does not take the code")),
            (status, _) => Err(Trouble::Provider(format!("it answered {} to a code", status.as_u16()))),
        }
    }

    /// What asks for a token, for a code.
    fn redemption(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<Request<Full<Bytes>>, Trouble> {
        let (id, escaped) = (&self.options.client_id, |text: &str| byte_serialize(text.as_bytes()).collect::<String>());
        let methods = &metadata.token_endpoint_auth_methods_supported;
        // RFC 8414: what is not said is `client_secret_basic`.
        let is_basic = methods.is_empty() || methods.iter().any(|method| method == "client_secret_basic");
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("client_id", id)
            .append_pair("code_verifier", verifier);
        let mut authorization = None;
        match &self.options.client_secret {
            Some(secret) if is_basic => {
                let pair = Zeroizing::new(format!("{}:{}", escaped(id), escaped(secret)));
                let line = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
                authorization = HeaderValue::from_str(&line).ok();
            }
            Some(secret) => drop(form.append_pair("client_secret", secret)),
            None => {}
        }
        let mut request = self.request(Method::POST, &metadata.token_endpoint, form.finish())?;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(mut line) = authorization {
            line.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, line);
        }
        Ok(request)
    }

    async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, Trouble> {
        let (status, bytes) = self.send(self.request(Method::GET, address, String::new())?).await?;
        if !status.is_success() {
            return Err(Trouble::Provider(format!("{address} answered {}", status.as_u16())));
        }
        serde_json::from_slice(&bytes).map_err(|error| Trouble::Provider(format!("{address}: {error}")))
    }

    fn request(&self, method: Method, address: &str, body: String) -> Result<Request<Full<Bytes>>, Trouble> {
        let request = Request::builder()
            .method(method)
            .uri(address)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("edgelatch/", env!("CARGO_PKG_VERSION")));
        request.body(Full::new(body.into())).map_err(|_| Trouble::Provider("one of its addresses is none".into()))
    }

    /// Sends one request; a redirection is no answer.
    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Trouble> {
        let _place = self.places.try_acquire().map_err(|_| Trouble::Busy)?;
        let answered = tokio::time::timeout(self.deadline, async {
            let answer = self.client.request(request).await.map_err(|error| Trouble::Provider(error.to_string()))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            Ok((status, body.map_err(|error| Trouble::Provider(error.to_string()))?.to_bytes()))
        });
        answered.await.unwrap_or_else(|_| Err(Trouble::Provider(format!("no answer within {} s", self.deadline.as_secs()))))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn begun() -> Begun {
        let text = || "x".to_owned();
        Begun { state: text(), nonce: text(), verifier: text(), challenge: text() }
    }

    /// One that takes connections and says nothing would let people wait one after the other, each as long as the first.
    #[tokio::test]
    async fn a_provider_that_hangs_lets_nobody_wait_for_others() {
        // The system completes connections that nobody accepts.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", silent.local_addr().unwrap());
        let rules = vec!["groups=ops:administrator@*".parse().unwrap()];
        let options = Oidc::new(&issuer, "console", None, "http://localhost:1", Vec::new(), rules).unwrap();
        let deadline = Duration::from_millis(400);
        let provider = Arc::new(Provider { deadline, ..Provider::new(options).unwrap() });
        let begin = Instant::now();
        let all: Vec<_> = (0..40)
            .map(|_| {
                let provider = Arc::clone(&provider);
                tokio::spawn(async move { provider.address(&begun()).await })
            })
            .collect();
        for one in all {
            assert!(matches!(one.await.unwrap(), Err(Trouble::Provider(_) | Trouble::Busy)));
        }
        // Forty in their turn would take forty times as long.
        assert!(begin.elapsed() < deadline * 10, "{:?}", begin.elapsed());
        // That it is away is known for a while, and told at once.
        let again = Instant::now();
        assert!(matches!(provider.address(&begun()).await, Err(Trouble::Provider(_))));
        assert!(again.elapsed() < deadline / 2, "{:?}", again.elapsed());
        // Whoever gives up waiting, as a browser that is closed, keeps nobody else waiting longer.
        provider.memory.lock().await.failed = None;
        let closed = tokio::time::timeout(deadline / 4, provider.address(&begun())).await;
        assert!(closed.is_err());
        assert!(provider.memory.try_lock().is_ok());
    }
}
