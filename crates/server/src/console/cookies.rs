//! Cookies: one of whoever is signed in, and two of whoever is about to.

use axum::http::{HeaderMap, HeaderValue, header};

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// Of whoever is signed in.
    SignIn,
    /// Of the form by which one signs in: what it holds is never what signs in.
    Form,
    /// Of whoever is away at an identity provider, and is to come back from there.
    Provider,
}

impl Cookie {
    /// Under TLS a name that no other host, and no page without TLS, can set.
    fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Cookie::SignIn, true) => "__Host-edgelatch",
            (Cookie::SignIn, false) => "edgelatch",
            (Cookie::Form, true) => "__Host-edgelatch-form",
            (Cookie::Form, false) => "edgelatch-form",
            (Cookie::Provider, true) => "__Host-edgelatch-provider",
            (Cookie::Provider, false) => "edgelatch-provider",
        }
    }

    /// What a request holds of it. One that is there twice was set by somebody else too: then there is none.
    pub(super) fn read(self, headers: &HeaderMap, secure: bool) -> Option<&str> {
        let all =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(';'));
        let mut own = all.filter_map(|pair| pair.trim().split_once('=')).filter(|(name, _)| *name == self.name(secure));
        let (first, second) = (own.next()?, own.next());
        if second.is_some() { None } else { Some(first.1) }
    }

    /// Sets it, until the browser is closed: how long it counts is the registry's business.
    pub(super) fn set(self, text: &str, secure: bool) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.line(text, secure)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Takes it away.
    pub(super) fn clear(self, secure: bool) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{}; Max-Age=0", self.line("", secure))).ok()
    }

    fn line(self, value: &str, secure: bool) -> String {
        let under_tls = if secure { "; Secure" } else { "" };
        // Whoever is sent back by an identity provider comes from another site.
        let site = if self == Cookie::Provider { "Lax" } else { "Strict" };
        format!("{}={value}; Path=/; HttpOnly; SameSite={site}{under_tls}", self.name(secure))
    }
}
