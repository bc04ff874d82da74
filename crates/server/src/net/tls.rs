//! TLS for what listens: a certificate and its key, read again when their files have changed, as whatever renews them leaves them.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::{Error as TlsError, ServerConfig};
use tracing::{error, info};
use x509_cert::Certificate;
use x509_cert::der::Decode;

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
    fn read(&self) -> Result<Shown, String> {
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
        let life = Life::of(&certs);
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
        let mut config = config.map_err(unfit)?.with_no_client_auth().with_single_cert(certs, secret).map_err(unfit)?;
        // What is spoken inside.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Shown { acceptor: TlsAcceptor::from(Arc::new(config)), life })
    }
}

/// From when to when a certificate is valid with all of its chain, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) begins: u64,
    pub(crate) ends: u64,
}

impl Life {
    /// None where one of them cannot be read here, though it is good enough to be shown.
    fn of(certs: &[CertificateDer<'_>]) -> Option<Life> {
        let one = |cert: &CertificateDer<'_>| {
            let valid = Certificate::from_der(cert).ok()?.tbs_certificate.validity;
            Some(Life {
                begins: valid.not_before.to_unix_duration().as_secs(),
                ends: valid.not_after.to_unix_duration().as_secs(),
            })
        };
        let all = certs.iter().map(one).collect::<Option<Vec<Life>>>()?;
        Some(Life { begins: all.iter().map(|life| life.begins).max()?, ends: all.iter().map(|life| life.ends).min()? })
    }
}

/// What is shown.
struct Shown {
    acceptor: TlsAcceptor,
    life: Option<Life>,
}

/// What is wrong with a file, without its lines: they may be those of a key.
fn said(error: &PemError) -> String {
    match error {
        PemError::Io(error) => format!("cannot be read ({error})"),
        _ => "is not PEM".into(),
    }
}

/// The certificate that is shown at the moment.
pub(crate) struct Tls {
    shown: Watched<Shown>,
    /// Why the files that lie there now are not shown.
    refused: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads the files; an error says what is wrong with one of them.
    pub(crate) fn open(files: &TlsFiles) -> Result<Tls, String> {
        let (read, path, pause) = (files.clone(), files.cert.clone(), files.pause);
        let refused = Arc::new(Mutex::new(None));
        let note = Arc::clone(&refused);
        let told = move |made: Result<(), String>| {
            match &made {
                Ok(()) => info!(target: TLS, path = %path.display(), "the certificate was read again"),
                Err(error) => error!(target: TLS, error, "the certificate cannot be read again: the last one goes on"),
            }
            *note.lock().unwrap_or_else(PoisonError::into_inner) = made.err();
        };
        let files = vec![files.cert.clone(), files.key.clone()];
        let shown = Watched::open("tls", files, pause, move || read.read(), told)?;
        Ok(Tls { shown, refused })
    }

    /// How long what is shown is valid; none where that cannot be read.
    pub(crate) fn life(&self) -> Option<Life> {
        self.shown.current().life
    }

    /// Why the files that lie there now are not shown.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What makes a connection one that is encrypted.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.shown.current().acceptor.clone()
    }
}
