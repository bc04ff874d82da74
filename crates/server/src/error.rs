//! Why a server does not run.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, not ours, or a privileged port.
    #[error("{addr}: cannot listen ({source}): choose another --addr, or end the process that holds it")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The rule for the client's address is not one.
    #[error("the rule for the client's address: {detail}")]
    ClientIp {
        /// What is wrong with it.
        detail: String,
    },
    /// The list of keys by which reports of leaked secrets are signed cannot be used.
    #[error("--github-keys: {detail}")]
    GithubKeys {
        /// What is wrong with it.
        detail: String,
    },
    /// The database of countries cannot be used.
    #[error("{path}: {detail}: name a file in the form of MaxMind's, such as GeoLite2-Country.mmdb, or leave --geoip out")]
    GeoIp {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The certificate or its key cannot be used.
    #[error("--tls-cert, --tls-key: {detail}")]
    Tls {
        /// Which file, and what is wrong with it.
        detail: String,
    },
    /// No identity provider can be called.
    #[error(
        "--oidc-issuer: the certificates that this machine trusts cannot be read ({source}): install ca-certificates, or set SSL_CERT_FILE"
    )]
    Provider {
        /// Why.
        source: std::io::Error,
    },
    /// The registry could not be told by which rules people come.
    #[error("the rules for the identity provider: {source}")]
    Rules {
        /// Why.
        source: edgelatch_registry::Error,
    },
    /// This process could get no name.
    #[error("{detail}")]
    Node {
        /// Why.
        detail: String,
    },
    /// The process cannot run threads or take connections.
    #[error("the server failed ({0}): check the limits on threads and open files")]
    Failed(#[from] std::io::Error),
}

impl Error {
    /// Stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Error::Listen { .. } => "listen",
            Error::ClientIp { .. } | Error::GithubKeys { .. } | Error::Provider { .. } => "bad_config",
            Error::Rules { source } => source.code(),
            Error::GeoIp { .. } => "geoip",
            Error::Tls { .. } => "tls",
            Error::Node { .. } | Error::Failed(_) => "server",
        }
    }
}
