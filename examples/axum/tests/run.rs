//! The example as it stands: a key passes, another does not, a revocation reaches it. And the crate's README shows its lines.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::{StatusCode, Uri};
use base64::{Engine, engine::general_purpose::STANDARD};
use edgelatch_testkit::core::build::{HeadFields, KeyRecord, RootFields, encode_bundle, sign_head, sign_root};
use edgelatch_testkit::process::Running;
use edgelatch_testkit::realm::{head_fields, record, root_fields, signers, text, tree};
use edgelatch_testkit::wire::exchange;
use edgelatch_testkit::{DAY, shell};
use tokio::net::TcpListener;

type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

fn publish(files: &Files, epoch: u64, now: u64, keys: Vec<KeyRecord>) {
    let tree = tree(keys);
    let fields = HeadFields { issued_at: now, not_after: now + DAY, ..head_fields(epoch, &tree) };
    let head = sign_head(&fields, &signers(&[101])).unwrap();
    let bundle = encode_bundle(&head, &tree).unwrap();
    files.lock().unwrap().extend([("/r/acme/head".into(), head), ("/r/acme/bundle".into(), bundle)]);
}

fn asked(port: u16, key: u64) -> (u16, String) {
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
    let files = Files::default();
    publish(&files, 1, now, vec![record(1)]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let served = Arc::clone(&files);
    let realm = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = move |uri: Uri| {
            let file = served.lock().unwrap().get(uri.path()).cloned();
            async move { file.ok_or(StatusCode::NOT_FOUND) }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
        port
    });
    let mut program = Command::new(env!("CARGO_BIN_EXE_edgelatch-example-axum"));
    program.env("EDGELATCH_ROOT", root).env("EDGELATCH_SOURCE", format!("http://127.0.0.1:{realm}/r/acme")).env("PORT", "0");
    let running = Running::start(&mut program).unwrap();
    let port = running.first_line.trim().trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
    assert_eq!(asked(port, 1), (200, "hello key 1\n".into()));
    assert_eq!(asked(port, 2).0, 401);
    publish(&files, 2, now, vec![KeyRecord { revoked: true, ..record(1) }]);
    let end = Instant::now() + Duration::from_secs(60);
    while asked(port, 1).0 != 401 {
        assert!(Instant::now() < end, "the revocation did not arrive");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_readme_shows_the_program() {
    let read = |path: &str| std::fs::read_to_string(shell::root().join(path)).unwrap();
    let (program, readme) = (read("examples/axum/src/main.rs"), read("crates/tower/README.md"));
    let (_, shown) = readme.split_once("`examples/axum`").unwrap();
    let shown = shown.split("```").nth(1).unwrap().strip_prefix("rust,ignore\n").unwrap();
    assert!(program.ends_with(shown), "the page shows what the program does not have:\n{shown}");
}
