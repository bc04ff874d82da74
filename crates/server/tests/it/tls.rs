//! TLS: the certificate of the moment is shown, a renewed one is taken, and whoever does not shake hands holds no place.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::common::{Plane, Served};
use edgelatch_server::{Connections, Options, TlsFiles, serve_until};
use rcgen::{CertificateParams, KeyPair, date_time_ymd, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Far above what is waited for, far below what a broken server would take.
const LONG: Duration = Duration::from_secs(30);

/// Writes a new certificate with its key into the two files; returns what a client has to trust.
fn renew(files: &TlsFiles) -> CertificateDer<'static> {
    renew_for(files, 0, 90)
}

/// The same for one that is so many days old, and ends so many days from now.
fn renew_for(files: &TlsFiles, old: i64, left: i64) -> CertificateDer<'static> {
    let day = |from_now: i64| {
        let seconds = UNIX_EPOCH.elapsed().unwrap().as_secs().saturating_add_signed(from_now * 86_400);
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    (params.not_before, params.not_after) = (day(-old), day(left));
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    put(&files.key, &key.serialize_pem());
    put(&files.cert, &cert.pem());
    cert.der().clone()
}

/// As whatever renews certificates does: a new file in the place of the old one.
fn put(path: &Path, text: &str) {
    let aside = path.with_extension("new");
    fs::write(&aside, text).unwrap();
    fs::rename(aside, path).unwrap();
}

fn files(dir: &Path) -> TlsFiles {
    TlsFiles { pause: Duration::from_millis(20), ..TlsFiles::new(dir.join("tls.crt"), dir.join("tls.key")) }
}

fn connect(served: &Served) -> TcpStream {
    let stream = TcpStream::connect(served.addr).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// What a client that trusts this certificate alone is answered.
fn get(served: &Served, path: &str, trusted: &CertificateDer<'static>) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config =
        ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(client, connect(served));
    let key = served.admin();
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        // The server closes without saying so in TLS; what it wrote is whole.
        Err(error) if answer.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LONG, "not {what} after {LONG:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn served(plane: &Plane, files: &TlsFiles) -> Served {
    let connections = Connections { head_timeout: Duration::from_secs(2), ..Connections::default() };
    Served::start(Options { tls: Some(files.clone()), connections, ..plane.options() }, &plane.admin)
}

#[test]
fn files_and_api_are_encrypted_and_a_renewed_certificate_is_taken() {
    let plane = Plane::new();
    let files = files(plane.dir.path());
    let first = renew(&files);
    let served = served(&plane, &files);
    for path in ["/healthz", "/api/v1/openapi.json"] {
        let answer = get(&served, path, &first).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let second = renew(&files);
    until("renewed", || get(&served, "/healthz", &second).is_ok());
    get(&served, "/healthz", &first).unwrap_err();

    // What cannot be used is told of, and the last one goes on.
    for broken in ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let before = served.log.text().matches("cannot be read again").count();
        put(&files.cert, broken);
        until("told", || served.log.text().matches("cannot be read again").count() > before);
        get(&served, "/healthz", &second).unwrap();
    }
}

/// A certificate that is there and cannot be used at first, as before its owner or mode was mended: by nothing that a look at the file shows is it another
/// one later.
#[test]
fn a_certificate_that_could_not_be_read_is_tried_again() {
    let plane = Plane::new();
    let files = files(plane.dir.path());
    renew(&files);
    let served = served(&plane, &files);
    let made = generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    put(&files.key, &made.signing_key.serialize_pem());
    let (good, at) = (made.cert.pem(), std::time::SystemTime::now());
    // In place, of the same length and time.
    let write = |text: &str| {
        let mut file = fs::File::options().write(true).open(&files.cert).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.set_modified(at).unwrap();
    };
    put(&files.cert, &"x".repeat(good.len()));
    write(&"x".repeat(good.len()));
    until("told", || served.log.text().contains("tls.crt: there is no CERTIFICATE"));
    write(&good);
    until("renewed", || get(&served, "/healthz", made.cert.der()).is_ok());
}

#[test]
fn a_certificate_that_ends_is_told_of_by_health_metrics_and_log() {
    let plane = Plane::new();
    let files = files(plane.dir.path());
    let ends = renew_for(&files, 85, 5);
    let served = served(&plane, &files);
    let health = get(&served, "/healthz", &ends).unwrap();
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    assert!(health.contains(r#""place":"tls","severity":"warning","code":"ends_soon""#), "{health}");
    let metrics = get(&served, "/metrics", &ends).unwrap();
    let figure = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let left = figure("edgelatch_tls_left_seconds ").unwrap_or_else(|| panic!("{metrics}"));
    assert!((5 * 86_400 - 60..=5 * 86_400).contains(&left), "{left}");
    assert!(metrics.contains(r#"edgelatch_health{place="tls",code="ends_soon"} 1"#), "{metrics}");
    let told =
        |message: &str, code: &str| served.log.lines(message).iter().any(|line| line["place"] == "tls" && line["code"] == code);
    assert!(told("in trouble", "ends_soon"));
    // Files that cannot be used are trouble before the last certificate ends.
    put(&files.cert, "no certificate");
    until("told", || told("in trouble", "unreadable"));
    let expired = renew_for(&files, 90, -1);
    until("told", || told("failing", "expired"));
    get(&served, "/healthz", &expired).unwrap_err();
    let early = renew_for(&files, -1, 90);
    until("told", || told("failing", "not_yet_valid"));
    get(&served, "/healthz", &early).unwrap_err();
    let sound = renew(&files);
    until("well again", || get(&served, "/healthz", &sound).is_ok_and(|health| !health.contains(r#""tls""#)));
    assert!(told("fine again", "not_yet_valid"));
}

#[test]
fn whoever_does_not_shake_hands_is_answered_nothing_and_holds_no_place() {
    let plane = Plane::new();
    let files = files(plane.dir.path());
    renew(&files);
    let served = served(&plane, &files);
    for begun in [&b""[..], b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01"] {
        let mut stream = connect(&served);
        stream.write_all(begun).unwrap();
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        // An alert at the most.
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    // One that is still to shake hands does not hold up the end.
    let _idle = connect(&served);
    drop(served);
}

#[test]
fn files_that_cannot_be_used_are_named_and_nothing_of_them_is_repeated() {
    let plane = Plane::new();
    let files = files(plane.dir.path());
    renew(&files);
    let (cert, key) = (fs::read_to_string(&files.cert).unwrap(), fs::read_to_string(&files.key).unwrap());
    let other = generate_simple_self_signed(vec!["localhost".into()]).unwrap().signing_key.serialize_pem();
    let said = |cert: &str, key: &str| {
        put(&files.cert, cert);
        put(&files.key, key);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let options = Options { tls: Some(files.clone()), ..plane.options() };
        let error = runtime.block_on(serve_until(options, |_| panic!("it serves"), async {})).unwrap_err();
        assert_eq!(error.code(), "tls");
        error.to_string()
    };
    let body: String = key.lines().nth(1).unwrap().into();
    for (cert, key, expected) in [
        (&*cert, "", "tls.key: there is no PRIVATE KEY"),
        ("", &*key, "tls.crt: there is no CERTIFICATE"),
        (&*key, &*key, "tls.crt: there is no CERTIFICATE"),
        (&*cert, &*cert, "tls.key: there is no PRIVATE KEY"),
        (&*cert, &*other, "is not the key of the certificate"),
        (&*cert, &*key.replace("-----END PRIVATE KEY-----", ""), "tls.key: is not PEM"),
    ] {
        let error = said(cert, key);
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains(&body), "{error}");
    }
    fs::remove_file(&files.key).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = Options { tls: Some(files.clone()), ..plane.options() };
    let error = runtime.block_on(serve_until(options, |_| panic!("it serves"), async {})).unwrap_err().to_string();
    assert!(error.contains("tls.key: cannot be read"), "{error}");
}
