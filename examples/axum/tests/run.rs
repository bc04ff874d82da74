//! The example as it stands, beside a real server of published files: a key passes, another does not, a revocation reaches it. Its connection is sealed,
//! and a certificate that the system does not trust is not believed. And the crate's README shows its lines.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use edgelatch_server::{Options, Streams, TlsFiles, serve_until};
use edgelatch_testkit::core::build::{HeadFields, KeyRecord, RootFields, encode_bundle, sign_head, sign_root};
use edgelatch_testkit::process::Running;
use edgelatch_testkit::realm::{head_fields, record, root_fields, signers, text, tree};
use edgelatch_testkit::wire::exchange;
use edgelatch_testkit::{DAY, shell};
use rcgen::{CertifiedKey, generate_simple_self_signed};

/// Replaces the files as a publisher does.
fn publish(dir: &Path, epoch: u64, now: u64, keys: Vec<KeyRecord>) {
    let tree = tree(keys);
    let fields = HeadFields { issued_at: now, not_after: now + DAY, ..head_fields(epoch, &tree) };
    let head = sign_head(&fields, &signers(&[101])).unwrap();
    let bundle = encode_bundle(&head, &tree).unwrap();
    for (name, bytes) in [("bundle", bundle), ("head", head)] {
        fs::write(dir.join("new"), bytes).unwrap();
        fs::rename(dir.join("new"), dir.join(name)).unwrap();
    }
}

fn asked(program: &Running, key: u64) -> (u16, String) {
    let port = program.first_line.trim().trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\nx-api-key: {}\r\n\r\n", text(key));
    let answer = exchange(port, request.as_bytes(), false).unwrap().unwrap();
    (answer.status, String::from_utf8(answer.body).unwrap())
}

#[test]
fn a_key_passes_until_its_revocation_arrives() {
    // The example goes by the real clock.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let root = RootFields { issued_at: now - DAY, expires_at: now + 3650 * DAY, ..root_fields(1) };
    let root = STANDARD.encode(sign_root(&root, &signers(&[1])).unwrap());
    let temp = tempfile::tempdir().unwrap();
    let realm = temp.path().join("published/r/acme");
    fs::create_dir_all(&realm).unwrap();
    publish(&realm, 1, now, vec![record(1)]);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = TlsFiles::new(temp.path().join("tls.crt"), temp.path().join("tls.key"));
    fs::write(&tls.cert, cert.pem()).unwrap();
    fs::write(&tls.key, signing_key.serialize_pem()).unwrap();
    let trusted = tls.cert.clone();

    let streams = Streams { look: Duration::from_millis(20), ..Streams::default() };
    let options = Options::new(([127, 0, 0, 1], 0).into(), temp.path().join("published"));
    let options = Options { streams, tls: Some(tls), ..options };
    let (ready, bound) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(serve_until(options, move |bound| ready.send(bound.files.port()).unwrap(), std::future::pending()));
    let source = format!("https://localhost:{}/r/acme", bound.recv().unwrap());

    let program = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_edgelatch-example-axum"));
        program.env("EDGELATCH_ROOT", &root).env("EDGELATCH_SOURCE", &source).env("PORT", "0");
        program
    };
    let stranger = Running::start(&mut program()).unwrap();
    assert_eq!(asked(&stranger, 1).0, 503);
    let running = Running::start(program().env("SSL_CERT_FILE", trusted)).unwrap();
    assert_eq!(asked(&running, 1), (200, "hello key 1\n".into()));
    assert_eq!(asked(&running, 2).0, 401);
    publish(&realm, 2, now, vec![KeyRecord { revoked: true, ..record(1) }]);
    let end = Instant::now() + Duration::from_secs(60);
    while asked(&running, 1).0 != 401 {
        assert!(Instant::now() < end, "the revocation did not arrive");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(asked(&stranger, 1).0, 503);
}

#[test]
fn the_readme_shows_the_program() {
    let read = |path: &str| std::fs::read_to_string(shell::root().join(path)).unwrap();
    let (program, readme) = (read("examples/axum/src/main.rs"), read("crates/tower/README.md"));
    let (_, shown) = readme.split_once("`examples/axum`").unwrap();
    let shown = shown.split("```").nth(1).unwrap().strip_prefix("rust,ignore\n").unwrap();
    assert!(program.ends_with(shown), "the page shows what the program does not have:\n{shown}");
}
