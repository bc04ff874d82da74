//! Keys that programs sign with, and programs that do not do what they should.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::common::plane;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::build::SigningKey;
use edgelatch_sync::{Publisher, SIGNER_LIMIT, Signer, SignerCommand, Signers};
use edgelatch_testkit::DAY;

/// A program in a directory whose name has a space.
fn program(dir: &Path, name: &str, script: &str) -> PathBuf {
    let dir = dir.join("some programs");
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// One that answers with these bytes, having read what it is to sign.
fn answering(dir: &Path, name: &str, public: &[u8], signature: &[u8]) -> PathBuf {
    let (key, signed) = (dir.join(format!("{name}.public")), dir.join(format!("{name}.signature")));
    fs::write(&key, public).unwrap();
    fs::write(&signed, signature).unwrap();
    let script = format!(
        "test \"$1 $2\" = 'two words --public' && exec cat '{}'\ntest \"$1\" = 'two words' || exit 9\ncat > '{}'\ncat '{}'",
        key.display(),
        dir.join(format!("{name}.asked")).display(),
        signed.display()
    );
    program(dir, name, &script)
}

fn command(path: &Path) -> SignerCommand {
    SignerCommand::parse(&format!("'{}' 'two words'", path.display()), SIGNER_LIMIT).unwrap()
}

#[test]
fn a_program_signs() {
    let dir = tempfile::tempdir().unwrap();
    let (key, message) = (SigningKey::from_seed(&[5; 32]), b"what is to be signed");
    let (public, signature) = (key.public(), key.sign(message));
    let text = |bytes: &[u8]| format!("{}\n", URL_SAFE_NO_PAD.encode(bytes)).into_bytes();
    let raw = answering(dir.path(), "raw", &public, &signature);
    let words = answering(dir.path(), "text", &text(&public), &text(&signature));
    for path in [&raw, &words] {
        let array = serde_json::to_string(&[path.to_str().unwrap(), "two words"]).unwrap();
        for command in [command(path), SignerCommand::parse(&array, SIGNER_LIMIT).unwrap()] {
            let signer = command.open().unwrap();
            assert_eq!((signer.public(), signer.sign(message).unwrap()), (public, signature));
        }
    }
    assert_eq!(fs::read(dir.path().join("raw.asked")).unwrap(), message);
    assert_eq!(raw.to_str().unwrap(), command(&raw).open().unwrap().name(), "named without its arguments");
}

/// Words are told apart and nothing else: no variable, no second command.
#[test]
fn no_shell_reads_the_command() {
    let dir = tempfile::tempdir().unwrap();
    let seen = dir.path().join("seen");
    let path = program(dir.path(), "echo", &format!("printf '%s|' \"$@\" > '{}'", seen.display()));
    let evil = dir.path().join("evil");
    let text = format!("'{}' $HOME '$(touch {0})' ; touch {0} `touch {0}` *", path.display(),);
    let text = text.replace(&format!("touch {}", path.display()), &format!("touch {}", evil.display()));
    assert!(SignerCommand::parse(&text, SIGNER_LIMIT).unwrap().open().is_err(), "it answers nothing");
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.starts_with("$HOME|$(touch") && seen.ends_with("*|--public|") && !evil.exists(), "{seen}");
    for none in ["", "  ", "[]", "[1]", "'open", "[\"open", "''"] {
        assert_eq!(SignerCommand::parse(none, SIGNER_LIMIT).unwrap_err().code(), "usage", "{none}");
    }
}

#[test]
fn a_program_that_fails_is_named_and_publishes_nothing() {
    let p = plane();
    let dir = tempfile::tempdir().unwrap();
    let own = edgelatch_sync::key_file::load(
        &p.dir.key(edgelatch_core::signed::Role::Publisher),
        edgelatch_core::signed::Role::Publisher,
        &p.realm,
    )
    .unwrap();
    let (public, other) = (own.public(), SigningKey::from_seed(&[6; 32]));
    let before = p.file("head");
    let wrong: [(&str, Vec<u8>, &str); 4] = [
        ("wrong", other.sign(b"something else").to_vec(), "too_few_signatures"),
        ("short", vec![1; 63], "too_few_signatures"),
        ("long", vec![1; 9000], "too_few_signatures"),
        ("none", Vec::new(), "too_few_signatures"),
    ];
    for (name, signature, code) in wrong {
        let path = answering(dir.path(), name, &public, &signature);
        let signer = command(&path).open().unwrap();
        let publisher = Publisher::new(Arc::clone(&p.registry), p.realm.clone(), Signers::from(signer), DAY, &p.dir).unwrap();
        let refused = publisher.publish(&[&p.target()]).unwrap_err();
        assert!(refused.code() == code && refused.to_string().contains(path.to_str().unwrap()), "{name}: {refused}");
        assert_eq!(p.file("head"), before, "{name}");
    }
    let failing = program(dir.path(), "failing", "exit 3");
    for gone in [failing, dir.path().join("not there")] {
        let refused = command(&gone).open().unwrap_err();
        assert!(refused.code() == "signer" && refused.to_string().contains(gone.to_str().unwrap()), "{refused}");
    }
}

/// Also where what it started goes on, and holds its output open.
#[test]
fn a_program_that_hangs_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    for script in ["exec sleep 1000", "sleep 5 & wait", "cat /dev/null; exec >&-; exec sleep 1000"] {
        let path = program(dir.path(), "hangs", &format!("echo $$ > '{}'\n{script}", pid.display()));
        let limited = SignerCommand::parse(&format!("'{}'", path.display()), Duration::from_millis(300)).unwrap();
        let refused = limited.open().unwrap_err();
        assert!(
            refused.code() == "signer" && refused.to_string().contains("took longer than 0.3 seconds"),
            "{script}: {refused}"
        );
        // It may be ended before it has said who it is.
        if let Some(pid) = fs::read_to_string(&pid).ok().filter(|pid| !pid.trim().is_empty()) {
            assert!(!Path::new("/proc").join(pid.trim()).exists(), "{script}: still there");
        }
    }
}
