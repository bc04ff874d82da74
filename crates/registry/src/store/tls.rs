//! Encryption towards PostgreSQL.

use std::sync::Arc;

use postgres::Config;
use postgres::config::SslMode;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(super) type Connector = MakeRustlsConnect;

/// A connector that checks the server's certificate against the system's roots, or those in the file that `SSL_CERT_FILE`
/// names. Without encryption it is never asked, and reads nothing.
pub(super) fn connector(config: &Config) -> Result<Connector, String> {
    let mut roots = RootCertStore::empty();
    if config.get_ssl_mode() != SslMode::Disable {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err("this system has no root certificates to check the server's against; name a file of them in \
                        SSL_CERT_FILE"
                .into());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.map_err(|e| e.to_string())?.with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(client))
}
