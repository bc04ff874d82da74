//! Where a realm is published, and the key that opens it: what is told to no other address, and in no error.

use crate::Error;
use http::HeaderValue;
use std::net::IpAddr;
use url::Url;

/// Characters that a management key has at most.
const MAX_KEY: usize = 512;

fn wrong(why: &str) -> Error {
    Error::Option(format!("source: {why}"))
}

/// A realm's address, such as `https://keys.example.com/r/acme`, ending with `/`: absolute, of http or https, without credentials and fragment. A query is kept.
pub fn realm_address(address: &str) -> Result<Url, Error> {
    let mut base =
        Url::parse(address).map_err(|_| wrong("the address is no absolute URL, such as https://keys.example.com/r/acme"))?;
    if !matches!(base.scheme(), "https" | "http") || !base.has_host() {
        return Err(wrong("the address must begin with https:// or http://"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(wrong("give credentials as a read key or a header, not in the address"));
    }
    base.set_fragment(None);
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

/// The line of `Authorization` by which an address is read. It must be of https, except on this machine.
pub fn read_key(base: &Url, key: &str) -> Result<HeaderValue, Error> {
    if !keeps_secrets(base) {
        return Err(wrong("with a read key, https: is needed, except on the loopback"));
    }
    bearer(key).ok_or_else(|| wrong("the read key must be the text of a management key, without spaces"))
}

/// Whether nobody on the way reads what is sent there: by https, or without leaving this machine.
pub fn keeps_secrets(base: &Url) -> bool {
    let is_local = |host: &str| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    };
    base.scheme() == "https" || base.scheme() == "http" && base.host_str().is_some_and(is_local)
}

/// The line of `Authorization` with a management key; `None` for what is no such key. It is shown nowhere.
pub fn bearer(key: &str) -> Option<HeaderValue> {
    let sound = (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let mut line = HeaderValue::try_from(format!("Bearer {key}")).ok().filter(|_| sound)?;
    line.set_sensitive(true);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_to_nobody_on_the_way() {
        for (address, kept) in [
            ("https://keys.example/r/acme", true),
            ("http://localhost:8080/r/acme", true),
            ("http://127.9.9.9/r/acme", true),
            ("http://[::1]/r/acme", true),
            ("http://keys.example/r/acme", false),
            ("http://localhost.example/r/acme", false),
            ("http://127.0.0.1.example/", false),
            ("http://10.0.0.1/", false),
        ] {
            let base = realm_address(address).unwrap();
            assert_eq!((keeps_secrets(&base), read_key(&base, "k").is_ok()), (kept, kept), "{address}");
        }
        let base = realm_address("https://h/r/acme").unwrap();
        for key in ["", "a b", "a\n", "\u{e9}", &"k".repeat(MAX_KEY + 1)] {
            assert!(read_key(&base, key).is_err_and(|error| key.len() < 2 || !error.to_string().contains(key)), "{key:?}");
        }
        assert!(read_key(&base, &"k".repeat(MAX_KEY)).unwrap().is_sensitive());
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(realm_address("https://h/r/acme?v=1#x").unwrap().as_str(), "https://h/r/acme/?v=1");
        for address in ["", "/r/acme", "h/r", "ftp://h/", "file:///r", "data:x", "https://u@h/", "https://u:p@h/"] {
            assert!(realm_address(address).is_err(), "{address}");
        }
    }
}
