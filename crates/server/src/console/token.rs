//! What a browser's cookie holds, and everything that is derived from it: what the registry knows it by, what its forms carry. Beside it in the cookie
//! lies the management key's secret, sealed: it is stored nowhere else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_registry::{Env, Error};
use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;
use zeroize::Zeroizing;

/// 256 random bits.
const BYTES: usize = 32;

/// What a cookie holds.
pub(super) struct Token(Zeroizing<[u8; BYTES]>);

impl Token {
    /// A new one, which nobody has seen.
    pub(super) fn draw(env: &Env) -> Result<Token, Error> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        env.random(&mut *bytes)?;
        Ok(Token(bytes))
    }

    /// As a cookie's text; none if it is no such text.
    pub(super) fn read(text: &str) -> Option<Token> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        Some(Token(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// A cookie's text.
    pub(super) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.0))
    }

    fn derive(&self, what: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).ok()?;
        mac.update(what.as_bytes());
        Some(mac)
    }

    fn derived(&self, what: &str) -> [u8; 32] {
        // HMAC takes a key of any length.
        self.derive(what).map_or([0; 32], |mac| mac.finalize().into_bytes().into())
    }

    /// What the registry knows it by.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.derived("edgelatch console sign-in")
    }

    /// What its forms carry, which no other site can know.
    pub(super) fn form(&self) -> String {
        self.secret(FORM)
    }

    /// Whether a form carries that; compared in constant time.
    pub(super) fn is_form(&self, text: &str) -> bool {
        self.is_secret(FORM, text)
    }

    /// A text that only who has this can know, for what it is called.
    pub(super) fn secret(&self, what: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.derived(what))
    }

    /// Whether that is a text; compared in constant time.
    pub(super) fn is_secret(&self, what: &str, text: &str) -> bool {
        let given = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        self.derive(what).is_some_and(|mac| mac.verify_slice(&given).is_ok())
    }

    /// Seals a secret for this token: what opens it, and what it became.
    pub(super) fn seal(&self, secret: &str, env: &Env) -> Option<([u8; 32], Vec<u8>)> {
        let mut opener = [0; 32];
        env.random(&mut opener).ok()?;
        let mut bytes = secret.as_bytes().to_vec();
        cipher(&opener)?.seal_in_place_append_tag(nonce(), Aad::from(self.digest()), &mut bytes).ok()?;
        Some((opener, bytes))
    }

    /// Opens what [`Token::seal`] made.
    pub(super) fn open(&self, opener: &[u8; 32], sealed: &[u8]) -> Option<Zeroizing<String>> {
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let open = cipher(opener)?.open_in_place(nonce(), Aad::from(self.digest()), &mut bytes).ok()?;
        std::str::from_utf8(open).ok().map(|text| Zeroizing::new(text.to_owned()))
    }
}

fn cipher(opener: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, opener).ok().map(LessSafeKey::new)
}

/// Each opener seals one secret once, so its nonce need not differ from others.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// What the cookie of whoever is signed in holds: a token, and their key's secret, which only the registry's row for it opens.
pub(super) struct Ticket {
    pub(super) token: Token,
    pub(super) sealed: Vec<u8>,
}

impl Ticket {
    /// As a cookie's text.
    pub(super) fn text(&self) -> String {
        format!("{}.{}", *self.token.text(), URL_SAFE_NO_PAD.encode(&self.sealed))
    }

    /// The one of a cookie's text.
    pub(super) fn read(text: &str) -> Option<Ticket> {
        let (token, sealed) = text.split_once('.')?;
        Some(Ticket { token: Token::read(token)?, sealed: URL_SAFE_NO_PAD.decode(sealed).ok()? })
    }
}

const FORM: &str = "edgelatch console form";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_token_and_opener_together_lead_to_a_secret() {
        let env = Env::system();
        let [one, other] = [(); 2].map(|()| Token::draw(&env).unwrap());
        let (opener, sealed) = one.seal("elm_secret", &env).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        let read = Ticket::read(&Ticket { token: one, sealed: sealed.clone() }.text()).unwrap();
        assert_eq!(read.token.open(&opener, &read.sealed).unwrap().as_str(), "elm_secret");
        assert!(other.open(&opener, &sealed).is_none());
        assert!(read.token.open(&[0; 32], &sealed).is_none() && read.token.open(&opener, &sealed[1..]).is_none());
        assert_ne!(read.token.digest(), other.digest());
        assert_ne!(other.seal("elm_secret", &env).unwrap().0, other.seal("elm_secret", &env).unwrap().0);
    }

    #[test]
    fn a_form_is_its_own_tokens() {
        let [one, other] = [(); 2].map(|()| Token::draw(&Env::system()).unwrap());
        assert!(one.is_form(&one.form()));
        for bad in [other.form(), String::new(), one.text().to_string(), one.form().to_lowercase(), format!("{}A", one.form())]
        {
            assert!(!one.is_form(&bad), "{bad}");
        }
        for bad in ["", "short", &"A".repeat(42), &"A".repeat(44), &format!("{}=", *one.text())] {
            assert!(Token::read(bad).is_none(), "{bad}");
        }
    }
}
