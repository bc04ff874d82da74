//! Whether an ID token is to be believed (OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725). Its signature is checked first, by a key of the provider
//! that is of the kind which the algorithm takes: a token chooses neither its key's kind nor that there is none.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self as signed, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Seconds by which a provider's clock may differ from this one.
const SKEW: u64 = 60;
/// Keys of a provider that are tried at most: it has two while it changes them.
const MAX_KEYS: usize = 32;

/// A public key, as providers write them (RFC 7517).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// What a token must be for.
pub(super) struct Expected<'e> {
    pub(super) issuer: &'e str,
    pub(super) client_id: &'e str,
    pub(super) nonce: &'e str,
    /// Seconds since 1970.
    pub(super) now: u64,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// None of the keys is the one that it names: the provider may have another one since.
    Key,
    /// For this reason.
    Token(&'static str),
}

/// How signatures of an algorithm are checked, and by which kind of key.
enum Way {
    Rsa(&'static RsaParameters),
    /// On a curve; a point's coordinate has so many bytes.
    Curve(&'static dyn VerificationAlgorithm, &'static str, usize),
    Edwards,
}

/// The algorithms that count: those by which nobody but the provider can sign.
fn way(alg: &str) -> Option<Way> {
    Some(match alg {
        "RS256" => Way::Rsa(&signed::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Way::Rsa(&signed::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Way::Rsa(&signed::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Way::Rsa(&signed::RSA_PSS_2048_8192_SHA256),
        "PS384" => Way::Rsa(&signed::RSA_PSS_2048_8192_SHA384),
        "PS512" => Way::Rsa(&signed::RSA_PSS_2048_8192_SHA512),
        "ES256" => Way::Curve(&signed::ECDSA_P256_SHA256_FIXED, "P-256", 32),
        "ES384" => Way::Curve(&signed::ECDSA_P384_SHA384_FIXED, "P-384", 48),
        "EdDSA" => Way::Edwards,
        _ => return None,
    })
}

fn bytes(text: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

impl Jwk {
    /// Whether the key may be the one of a token.
    fn may_be(&self, kid: Option<&str>, alg: &str) -> bool {
        let named = kid.is_none_or(|kid| self.kid.as_deref() == Some(kid));
        named
            && self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.alg.as_deref().is_none_or(|own| own == alg)
    }

    /// Whether it has signed a text; not, if it is of another kind.
    fn has_signed(&self, way: &Way, text: &[u8], signature: &[u8]) -> bool {
        let checked = || match way {
            Way::Rsa(parameters) if self.kty == "RSA" => {
                let key = RsaPublicKeyComponents { n: bytes(self.n.as_ref())?, e: bytes(self.e.as_ref())? };
                key.verify(parameters, text, signature).ok()
            }
            Way::Curve(algorithm, curve, size) if self.kty == "EC" && self.crv.as_deref() == Some(*curve) => {
                let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
                let point = (x.len() == *size && y.len() == *size).then(|| [&[4], &x[..], &y[..]].concat())?;
                UnparsedPublicKey::new(*algorithm, point).verify(text, signature).ok()
            }
            Way::Edwards if self.kty == "OKP" && self.crv.as_deref() == Some("Ed25519") => {
                UnparsedPublicKey::new(&signed::ED25519, bytes(self.x.as_ref())?).verify(text, signature).ok()
            }
            _ => None,
        };
        checked().is_some()
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// The claims of a token that one of these keys has signed, and that is meant for this sign-in, now.
pub(super) fn verify(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Map<String, Value>, Unfit> {
    let parts: Vec<&str> = token.split('.').collect();
    let &[header, payload, signature] = &parts[..] else { return Err(Unfit::Token("it is no signed token")) };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Unfit::Token("it is not written as a token is"));
    let header_bytes = decoded(header)?;
    let parsed: Header = serde_json::from_slice(&header_bytes).map_err(|_| Unfit::Token("its header is none"))?;
    if parsed.crit.is_some() {
        return Err(Unfit::Token("its header asks for what is not known here"));
    }
    let way = way(&parsed.alg).ok_or(Unfit::Token("its algorithm is not one by which only the provider can sign"))?;
    let (text, signature) = (format!("{header}.{payload}"), decoded(signature)?);
    let fitting: Vec<&Jwk> = keys.iter().filter(|key| key.may_be(parsed.kid.as_deref(), &parsed.alg)).take(MAX_KEYS).collect();
    if fitting.is_empty() {
        return Err(Unfit::Key);
    }
    if !fitting.iter().any(|key| key.has_signed(&way, text.as_bytes(), &signature)) {
        // Without a name for the key it may be one that is new.
        return Err(if parsed.kid.is_none() { Unfit::Key } else { Unfit::Token("its signature is not the provider's") });
    }
    let claims: Map<String, Value> =
        serde_json::from_slice(&decoded(payload)?).map_err(|_| Unfit::Token("its claims are no JSON object"))?;
    check(&claims, expected).map_err(Unfit::Token)?;
    Ok(claims)
}

fn check(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err("it is another provider's");
    }
    let is_own = |value: &Value| value.as_str() == Some(expected.client_id);
    let (is_for, is_for_others) = match claims.get("aud") {
        Some(Value::Array(all)) => (all.iter().any(is_own), !all.iter().all(is_own)),
        Some(one) => (is_own(one), false),
        None => (false, false),
    };
    if !is_for {
        return Err("it is for somebody else");
    }
    let presenter = claims.get("azp");
    if presenter.is_some_and(|presenter| !is_own(presenter)) || (is_for_others && presenter.is_none()) {
        return Err("it was given to somebody else");
    }
    // Times are numbers, with a fraction perhaps.
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(at) => {
            at.as_f64().filter(|at| at.is_finite() && *at >= 0.0).map(|at| Some(at as u64)).ok_or("one of its times is none")
        }
    };
    let latest = expected.now.saturating_add(SKEW);
    match time("exp")? {
        Some(end) if end.saturating_add(SKEW) > expected.now => {}
        Some(_) => return Err("it has expired"),
        None => return Err("it never ends"),
    }
    match time("iat")? {
        Some(at) if at <= latest => {}
        _ => return Err("it says not when it was made, or that this is yet to come"),
    }
    if time("nbf")?.is_some_and(|at| at > latest) {
        return Err("it does not count yet");
    }
    if text("nonce") != Some(expected.nonce) {
        return Err("it is for another sign-in");
    }
    if text("sub").is_none_or(str::is_empty) { Err("it names nobody") } else { Ok(()) }
}
