//! TLS for what listens: a certificate and its key, read again when their files have changed, as whatever renews them leaves them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{Error as TlsError, ServerConfig};
use tracing::{error, info};

use crate::limits::TLS_LOOK;
use crate::log::TLS;
use crate::tasks::watched::Watched;

/// Where a server's certificate and its key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate in PEM, with the others of its chain behind it.
    pub cert: PathBuf,
    /// Its private key in PEM: PKCS #8, PKCS #1 or SEC1.
    pub key: PathBuf,
    /// How often it is looked whether one of them has changed.
    pub pause: Duration,
}

impl TlsFiles {
    /// These files, looked at every ten seconds.
    pub fn new(cert: PathBuf, key: PathBuf) -> TlsFiles {
        TlsFiles { cert, key, pause: TLS_LOOK }
    }

    /// What a handshake takes. An error names the file, and holds nothing that stands in it.
    fn read(&self) -> Result<ServerConfig, String> {
        let (cert, key) = (self.cert.display(), self.key.display());
        let certs: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect)
            .map_err(|error| format!("{cert}: {}", said(&error)))?;
        if certs.is_empty() {
            return Err(format!("{cert}: there is no CERTIFICATE in it: give the certificate in PEM, with its chain"));
        }
        let secret = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| match error {
            PemError::NoItemsFound => {
                format!("{key}: there is no PRIVATE KEY in it: give the certificate's key in PEM, without a pass phrase")
            }
            error => format!("{key}: {}", said(&error)),
        })?;
        let unfit = |error| match error {
            TlsError::InconsistentKeys(_) => format!("{key}: it is not the key of the certificate in {cert}"),
            error => format!("{cert}, {key}: {error}"),
        };
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let mut config = config.map_err(unfit)?.with_no_client_auth().with_single_cert(certs, secret).map_err(unfit)?;
        // What is spoken inside.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// What is wrong with a file, without its lines: they may be those of a key.
fn said(error: &PemError) -> String {
    match error {
        PemError::Io(error) => format!("cannot be read ({error})"),
        _ => "is not PEM".into(),
    }
}

/// The certificate that is shown at the moment.
pub(crate) struct Tls(Watched<TlsAcceptor>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads the files; an error says what is wrong with one of them.
    pub(crate) fn open(files: &TlsFiles) -> Result<Tls, String> {
        let (read, path) = (files.clone(), files.cert.clone());
        let make = move || read.read().map(|config| TlsAcceptor::from(Arc::new(config)));
        let told = move |made: Result<(), String>| match made {
            Ok(()) => info!(target: TLS, path = %path.display(), "the certificate was read again"),
            Err(error) => error!(target: TLS, error, "the certificate cannot be read again: the last one goes on"),
        };
        Watched::open("tls", vec![files.cert.clone(), files.key.clone()], files.pause, make, told).map(Tls)
    }

    /// What makes a connection one that is encrypted.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::clone(&self.0.current())
    }
}
