//! Why a server does not run.

use std::net::SocketAddr;

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
    /// The process cannot run threads or take connections.
    #[error("the server failed ({0}): check the limits on threads and open files")]
    Failed(#[from] std::io::Error),
}

impl Error {
    /// Stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Error::Listen { .. } => "listen",
            Error::ClientIp { .. } => "bad_config",
            Error::Failed(_) => "server",
        }
    }
}
