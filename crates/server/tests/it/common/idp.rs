//! An identity provider that says what a test wants it to say: honest by default, forging where asked.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_server::{ConsoleOptions, Oidc};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const CLIENT: &str = "console";
pub const SECRET: &str = "client-secret";

/// Changes a token before it is signed: header and claims. What it returns stands in the place of the signature.
pub type Forge = Box<dyn Fn(&mut Value, &mut Value) -> Option<Vec<u8>> + Send>;

struct Inner {
    key: EcdsaKeyPair,
    kid: String,
    /// The sign-ins that were begun, by the code that was given for them.
    codes: HashMap<String, HashMap<String, String>>,
    claims: Value,
    forge: Option<Forge>,
    /// Tokens that were given.
    given: u64,
}

pub struct Idp {
    pub addr: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

pub fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Idp {
    /// One that vouches for somebody with these claims.
    pub fn new(claims: Value) -> Idp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let inner = Inner { key: key(), kid: "one".into(), codes: HashMap::new(), claims, forge: None, given: 0 };
        let inner = Arc::new(Mutex::new(inner));
        let of = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, addr, &of);
            }
        });
        Idp { addr, inner }
    }

    pub fn issuer(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The console's options for it.
    pub fn options(&self, rules: &[&str]) -> ConsoleOptions {
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let oidc = Oidc::new(&self.issuer(), CLIENT, Some(SECRET), "http://localhost", vec!["groups".into()], rules);
        ConsoleOptions { oidc: Some(oidc.unwrap()), ..ConsoleOptions::default() }
    }

    pub fn says(&self, claims: Value) {
        self.inner.lock().unwrap().claims = claims;
    }

    pub fn forges(&self, forge: impl Fn(&mut Value, &mut Value) -> Option<Vec<u8>> + Send + 'static) {
        self.inner.lock().unwrap().forge = Some(Box::new(forge));
    }

    /// It takes another key from now on.
    pub fn changes_key(&self, kid: &str) {
        let mut inner = self.inner.lock().unwrap();
        (inner.key, inner.kid) = (key(), kid.into());
    }

    pub fn given(&self) -> u64 {
        self.inner.lock().unwrap().given
    }

    /// What a browser is sent to, followed: the query with which it comes back.
    pub fn authorize(&self, location: &str) -> String {
        let (address, query) = location.split_once('?').unwrap();
        assert_eq!(address, format!("{}/authorize", self.issuer()));
        let asked = pairs(query);
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("code_challenge_method", "S256"),
            ("redirect_uri", "http://localhost/console/sign-in/callback"),
            ("scope", "openid groups"),
        ] {
            assert_eq!(asked[name], value, "{location}");
        }
        let state = asked["state"].clone();
        let mut inner = self.inner.lock().unwrap();
        let code = format!("code-{}-{}", inner.codes.len(), &asked["nonce"][..8]);
        inner.codes.insert(code.clone(), asked);
        format!("code={code}&state={state}")
    }
}

pub fn pairs(text: &str) -> HashMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn answer(mut stream: TcpStream, addr: SocketAddr, inner: &Mutex<Inner>) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    let (head, body) = loop {
        let Ok(read) = stream.read(&mut piece) else { return };
        request.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        }
        if read == 0 {
            return;
        }
    };
    let mut inner = inner.lock().unwrap();
    let issuer = format!("http://{addr}");
    let (status, answer) = match head.split(' ').nth(1).unwrap_or_default() {
        "/.well-known/openid-configuration" => (
            200,
            json!({ "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/jwks") }),
        ),
        "/jwks" => {
            let point = inner.key.public_key().as_ref();
            let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
            (
                200,
                json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": inner.kid, "x": x, "y": y }, { "kty": "future" }] }),
            )
        }
        "/token" => token(&mut inner, &issuer, &head, &pairs(&body)),
        _ => (404, json!({})),
    };
    let text = answer.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
}

fn token(inner: &mut Inner, issuer: &str, head: &str, sent: &HashMap<String, String>) -> (u16, Value) {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    let has = head.lines().any(|line| line.eq_ignore_ascii_case(&format!("authorization: Basic {basic}")));
    // A code counts once, for whoever has the verifier.
    let begun = sent.get("code").and_then(|code| inner.codes.remove(code));
    let Some(begun) = begun.filter(|_| has) else { return (400, json!({ "error": "invalid_grant" })) };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(sent["code_verifier"].as_bytes()));
    if challenge != begun["code_challenge"] || sent["redirect_uri"] != begun["redirect_uri"] {
        return (400, json!({ "error": "invalid_grant" }));
    }
    let mut header = json!({ "alg": "ES256", "kid": inner.kid });
    let mut claims = json!({ "iss": issuer, "aud": CLIENT, "exp": now() + 300, "iat": now(), "nonce": begun["nonce"] });
    for (name, value) in inner.claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let forged = inner.forge.as_ref().and_then(|forge| forge(&mut header, &mut claims));
    let text = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = forged.unwrap_or_else(|| inner.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec());
    inner.given += 1;
    let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature));
    (200, json!({ "access_token": "unused", "token_type": "Bearer", "id_token": token }))
}
