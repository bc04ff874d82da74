//! The same question where the server speaks TLS.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, StreamOwned,
};

use super::connection::{Until, is_of_this_machine};
use crate::prelude::*;

/// Who may answer.
#[derive(Debug)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Whoever shows one of the certificates in the file, or one that they have issued for the server's name. Without a file, whoever listens at an
    /// address of this machine: nobody stands in between.
    pub(super) fn new(trusted: Option<&Path>) -> Result<Tls> {
        let provider = Arc::new(ring::default_provider());
        let trusted = trusted.map(|path| Trusted::read(path, &provider)).transpose()?;
        let verifier = Arc::new(Verifier { trusted, provider: Arc::clone(&provider) });
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| Failure::new("tls", error.to_string()))?;
        Ok(Tls(Arc::new(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())))
    }

    /// Speaks TLS over a connection with that host.
    pub(super) fn over(&self, stream: Until, host: &str) -> Result<StreamOwned<ClientConnection, Until>, String> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| format!("{host}: is no name that a certificate can be for"))?;
        let client = ClientConnection::new(Arc::clone(&self.0), name).map_err(|error| error.to_string())?;
        Ok(StreamOwned::new(client, stream))
    }
}

/// The certificates in a file, and what they have issued.
#[derive(Debug)]
struct Trusted {
    shown: Vec<CertificateDer<'static>>,
    issued: Arc<WebPkiServerVerifier>,
}

impl Trusted {
    fn read(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Trusted> {
        let wrong = |detail: String| Failure::usage(format!("--cacert {}: {detail}", path.display()));
        let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        let shown: Vec<CertificateDer<'static>> = found.map_err(|error| wrong(format!("cannot be read as PEM ({error})")))?;
        let mut roots = RootCertStore::empty();
        // One that can issue nothing may be shown all the same.
        roots.add_parsable_certificates(shown.iter().cloned());
        let issued = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        let issued = issued
            .map_err(|_| wrong("there is no CERTIFICATE in it: give the server's own, or that of who issued it".into()))?;
        Ok(Trusted { shown, issued })
    }
}

#[derive(Debug)]
struct Verifier {
    trusted: Option<Trusted>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trusted {
            Some(trusted) if !trusted.shown.contains(shown) => trusted.issued.verify_server_cert(shown, chain, name, ocsp, now),
            None if !is_of_this_machine(&name.to_str()) => Err(CertificateError::UnknownIssuer.into()),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
