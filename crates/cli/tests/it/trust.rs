//! Signing keys by commands: what the documents say, done; a leak; a ceremony; and programs that sign.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::common::{Plane, binary};
use edgelatch_core::tree::ObjectId;
use serde_json::{Value, json};

fn path(p: &Plane, name: &str) -> String {
    p.beside(name).to_str().unwrap().to_owned()
}

/// A control plane, and the root that edges are deployed with.
fn begun() -> (Plane, String) {
    let p = Plane::empty();
    let root = p.json(&["init", "--realm", "acme"])["root"].as_str().unwrap().to_owned();
    (p, root)
}

fn key(p: &Plane, role: &str, place: usize) -> String {
    p.json(&["trust", "show"])["roots"][0][role]["keys"][place]["key"].as_str().unwrap().to_owned()
}

fn newest(p: &Plane) -> Value {
    p.json(&["trust", "show"])["roots"][0].clone()
}

/// The whole walk of a leak, as edges see it: one that was deployed with the first root, and one that starts with the newest.
#[test]
fn a_publisher_key_leaks() {
    let (p, root) = begun();
    let (id, secret) = p.create(&["--name", "ci", "--role", "reader"]);
    p.ok(&["publish"]);
    // The thief has all that lies here, and publishes for himself, far ahead.
    let thief = path(&p, "thief");
    assert!(Command::new("cp").args(["-a", p.data().to_str().unwrap(), &thief]).status().unwrap().success());
    p.ok(&["keys", "revoke", &id]);
    p.ok(&["publish"]);
    for _ in 0..6 {
        assert!(binary().args(["--data", &thief, "publish"]).status().unwrap().success());
    }
    let stolen = format!("{thief}/published/r/acme/bundle");
    let code = |args: &[&str]| p.verify(&secret, args).1["code"].as_str().unwrap().to_owned();
    assert_eq!(code(&["--root", &root]), "revoked");
    assert_eq!(code(&["--root", &root, "--bundle", &stolen]), "valid", "what the theft is good for");
    let done = p.json(&["trust", "rotate-publisher", "--leaked", "--yes"]);
    assert_eq!((&done["root_version"], &done["published"]["epoch"]), (&json!(2), &json!(4)));
    let newest = newest(&p);
    assert_eq!((&newest["era"], &newest["min_epoch"], &newest["life"]), (&json!(2), &json!(4), &json!("fresh")));
    let second = p.published("root/2").to_str().unwrap().to_owned();
    for deployed in [&root, &second] {
        assert_eq!(code(&["--root", deployed]), "revoked");
    }
    // With the new root nothing of the thief's counts.
    assert_eq!(code(&["--root", &second, "--bundle", &stolen]), "snapshot_missing");
    // He can go on publishing for himself, but not as the operator: the key that he has is named by no root.
    fs::remove_file(p.data().join("keys/publisher-2.key")).unwrap();
    p.refused(&["publish"], "not_publisher", &["root 2"]);
}

/// A server that was begun before goes on with the new key.
#[test]
fn a_root_is_shown_and_asked_about() {
    let (p, _) = begun();
    p.refused(&["trust", "extend"], "unconfirmed", &["--yes"]);
    let old = key(&p, "publisher", 0);
    let ran = p.run(&["trust", "rotate-publisher"]);
    assert_eq!(ran.code, 2);
    for says in ["Root 2 of realm acme, to follow root 1.", "ADDS ", "keeps ", "era 1", "For edges: "] {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
    assert_eq!(fs::read_dir(p.data().join("keys")).unwrap().count(), 2, "no key is left of what was not done");
    let done = p.json(&["trust", "rotate-publisher", "--yes"]);
    let new = done["new_key"]["key"].as_str().unwrap();
    let shown = p.ok(&["trust", "show"]);
    assert!(shown.contains(new) && shown.contains(&old) && shown.contains("publisher-2.key"), "{shown}");
    p.ok(&["trust", "remove-key", &old[..6], "--yes"]);
    assert_eq!(newest(&p)["publisher"]["keys"].as_array().unwrap().len(), 1);
    let shown = p.json(&["trust", "show"]);
    assert_eq!(shown["unnamed"][0]["key"], json!(old), "{shown:#}");
    assert_eq!((shown["roots"].as_array().unwrap().len(), &shown["head"]["root_version"]), (3, &json!(3)));
    // What would lock the realm out.
    p.refused(&["trust", "remove-key", new, "--yes"], "root_change", &["nobody could ever sign again"]);
    p.refused(&["trust", "extend", "--root-lifetime", "1h", "--yes"], "root_change", &["10y"]);
    p.refused(&["trust", "remove-key", "AbC", "--yes"], "usage", &["trust show"]);
    let stranger = "A".repeat(43);
    p.refused(&["trust", "rotate-publisher", "--leaked", "--public-key", &stranger, "--yes"], "root_draft", &["publisher"]);
}

/// Where the root key is elsewhere, the command leaves a draft; nothing but the holder's key and the file is needed to sign it.
#[test]
fn the_root_key_is_offline() {
    let (p, root) = begun();
    let before = fs::read(p.published("root/1")).unwrap();
    let (offline, draft) = (path(&p, "offline.key"), path(&p, "root.draft"));
    fs::rename(p.data().join("keys/root.key"), &offline).unwrap();
    let left = p.json(&["trust", "rotate-publisher", "--leaked", "--draft", &draft]);
    assert_eq!((&left["published"], &left["gathered"][0]["signed"]), (&json!(null), &json!(0)));
    p.refused(&["trust", "publish", &draft, "--yes"], "too_few_signatures", &["root 1"]);
    // Altered on its way, also by a letter of its words.
    let text = fs::read_to_string(&draft).unwrap();
    let altered = p.file("altered", &text.replacen("least epoch 2", "least epoch 1", 1));
    p.refused(&["trust", "sign", &altered, "--key", &offline, "--yes"], "root_draft", &["altered"]);
    p.refused(&["trust", "sign", &draft, "--key", &offline], "usage", &["--root"]);
    p.refused(&["trust", "sign", &draft, "--key", &offline, "--root", &root], "unconfirmed", &["--yes"]);
    let publisher = p.data().join("keys/publisher.key");
    p.refused(&["trust", "sign", &draft, "--key", publisher.to_str().unwrap(), "--yes"], "key_foreign", &["publisher"]);
    let elsewhere = Plane::empty();
    // Against a root that is not the one which edges have, the words of a draft say nothing.
    let copy = p.file("copy.draft", &text);
    for (known, fits) in [(&root, true), (&fingerprint(&before), true), (&fingerprint(b"another"), false), (&draft, false)] {
        let args: [&str; 8] = ["trust", "sign", &copy, "--key", &offline, "--yes", "--root", known];
        if fits {
            p.file("copy.draft", &text);
            elsewhere.ok(&args);
        } else {
            elsewhere.refused(&args, "root_foreign", &["root 1", &fingerprint(&before)]);
        }
    }
    // Programs are told of it in the result, and people beside it.
    p.file("copy.draft", &text);
    let ran = elsewhere.run(&["--json", "trust", "sign", &copy, "--key", &offline, "--yes"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, ran.err.as_str(), &told["warnings"][0]["code"]), (0, "", &json!("root_not_compared")), "{told}");
    assert!(
        told["draft"] == copy && told["warnings"][0]["message"].as_str().unwrap().contains(&fingerprint(&before)),
        "{told}"
    );
    let ran = elsewhere.run(&["trust", "sign", &draft, "--key", &offline, "--yes"]);
    assert!(ran.code == 0 && ran.err.contains("was not compared") && ran.err.contains(&fingerprint(&before)), "{}", ran.err);
    elsewhere.refused(
        &["trust", "sign", &draft, "--key", &offline, "--yes", "--root", &root],
        "root_change",
        &["would not count"],
    );
    // What was warned of before it failed is not lost with the result.
    let ran = elsewhere.run(&["--json", "trust", "sign", &draft, "--key", &offline, "--yes"]);
    let told: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((ran.code, ran.out.as_str(), &told["error"]["code"]), (2, "", &json!("root_change")), "{told}");
    assert_eq!(told["warnings"][0]["code"], "root_not_compared", "{told}");
    assert!(!elsewhere.data().exists());
    p.ok(&["trust", "publish", &draft, "--yes"]);
    p.refused(&["trust", "publish", &draft, "--yes"], "root_draft_stale", &["root 2"]);
    let (_, secret) = p.create(&["--name", "ci"]);
    p.ok(&["publish"]);
    assert_eq!(p.verify(&secret, &["--root", &root]).1["code"], "valid");
}

fn fingerprint(root: &[u8]) -> String {
    ObjectId::of(root).to_string()
}

/// While one holder is asked, another one signs the same file: both signatures are in it.
#[test]
fn two_holders_sign_one_file_at_the_same_time() {
    let (p, _) = begun();
    kms(&p.beside("."));
    let (script, draft, root) = (path(&p, "kms-sign"), path(&p, "root.draft"), p.data().join("keys/root.key"));
    let public = Command::new(&script).arg("--public").env("PATH", "/usr/bin:/bin").output().unwrap();
    let public = String::from_utf8(public.stdout).unwrap();
    p.ok(&["trust", "add-key", "--role", "root", "--public-key", &public, "--threshold", "2", "--draft", &draft]);
    // Before this one signs, the other one has.
    let slow = path(&p, "slow-sign");
    let text = format!(
        "#!/bin/sh\nset -e\ntest \"$1\" = --public || '{}' trust sign '{draft}' --key '{}' --yes < /dev/null > /dev/null 2>&1\nexec '{script}' \"$@\"\n",
        env!("CARGO_BIN_EXE_edgelatch"),
        root.display()
    );
    fs::write(&slow, text).unwrap();
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = p.command(&["trust", "sign", &draft, "--signer", &slow, "--yes"]).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    p.ok(&["trust", "publish", &draft, "--yes"]);
    assert_eq!(p.json(&["trust", "show"])["roots"].as_array().unwrap().len(), 2);
}

/// A program that signs with a key which nobody else ever sees: here with OpenSSL, as one for a KMS would.
fn kms(dir: &Path) {
    let pem = dir.join("kms.pem");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&pem).output().expect("openssl");
    assert!(made.status.success());
    let (pem, script) = (pem.display(), dir.join("kms-sign"));
    let text = format!(
        "#!/bin/sh\nset -e\nif [ \"$1\" = --public ]; then\n  openssl pkey -in '{pem}' -pubout -outform DER | tail -c 32 | base64 | tr '+/' '-_' | tr -d '=\\n'\n  \
         exit\nfi\ntest -z \"$EDGELATCH_PUBLISHER_KEY\"\nm=$(mktemp)\ntrap 'rm -f \"$m\"' EXIT\ncat > \"$m\"\nopenssl pkeyutl -sign -rawin -in \"$m\" -inkey '{pem}'\n"
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_program_signs_heads_and_roots() {
    let (p, root) = begun();
    kms(&p.beside("."));
    let script = path(&p, "kms-sign");
    let public = Command::new(&script).arg("--public").env("PATH", "/usr/bin:/bin").output().unwrap();
    let public = String::from_utf8(public.stdout).unwrap();
    // What the environment holds is not for programs.
    let text = fs::read_to_string(p.data().join("keys/publisher.key")).unwrap();
    let with_path = |args: &[&str]| {
        let output = p.command(args).env("PATH", "/usr/bin:/bin").env("EDGELATCH_PUBLISHER_KEY", &text).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    // Nobody here could sign heads with it, were its program not named.
    let leaked = ["trust", "rotate-publisher", "--leaked", "--public-key", &public, "--yes"];
    p.refused(&leaked, "not_publisher", &["0 of them are here"]);
    with_path(&[&leaked[..], &["--signer", &script]].concat());
    p.refused(&["publish"], "not_publisher", &["root 2"]);
    with_path(&["publish", "--signer", &script]);
    assert_eq!(p.json(&["trust", "show"])["head"]["epoch"], 3);
    let (_, secret) = p.create(&["--name", "ci"]);
    with_path(&["publish", "--signer", &script]);
    assert_eq!(p.verify(&secret, &["--root", &root]).1["code"], "valid");
}

#[test]
fn a_publisher_key_comes_from_the_environment() {
    let (p, _) = begun();
    let file = p.data().join("keys/publisher.key");
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    p.refused(&["publish"], "key_missing", &["publisher.key"]);
    let with = |text: &str| p.command(&["publish"]).env("EDGELATCH_PUBLISHER_KEY", text).output().unwrap();
    for text in [&text[..], text.trim_end()] {
        assert!(with(text).status.success());
    }
    let seed = text.lines().last().unwrap().strip_prefix("seed ").unwrap();
    for wrong in [&text[..text.len() - 9], "", "garbage", &text.replace("role publisher", "role root")] {
        let ran = with(wrong);
        let says = String::from_utf8(ran.stderr).unwrap();
        assert!(
            ran.status.code() == Some(2) && says.contains("EDGELATCH_PUBLISHER_KEY") && !says.contains(&seed[..20]),
            "{says}"
        );
    }
}

#[test]
fn heads_live_as_the_realm_says() {
    let (p, _) = begun();
    p.ok(&["realms", "edit", "acme", "--head-lifetime", "2h", "--name", "Acme Europe"]);
    let realm = p.json(&["realms", "list"]).as_array().unwrap().iter().find(|realm| realm["realm"] == "acme").unwrap().clone();
    assert_eq!((&realm["head_lifetime"], &realm["name"]), (&json!(7200), &json!("Acme Europe")));
    p.ok(&["publish"]);
    let head = p.json(&["inspect", p.published("head").to_str().unwrap()]);
    let seconds = |name: &str| head[name]["unix"].as_u64().unwrap();
    assert_eq!(seconds("not_after") - seconds("issued_at"), 7200, "{head:#}");
}
