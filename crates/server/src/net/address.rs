//! Addresses that secrets are sent to.

use axum::http::Uri;
use axum::http::uri::Scheme;

/// Whether what is sent there reaches nobody else: by TLS, or on this machine. And nobody's name or password is part of it, which would be logged.
pub(crate) fn keeps_secrets(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let safe = uri.scheme() == Some(&Scheme::HTTPS) || (uri.scheme() == Some(&Scheme::HTTP) && local);
    safe && !host.is_empty() && !has_user(uri)
}

/// Whether a user is part of it.
pub(crate) fn has_user(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
}
