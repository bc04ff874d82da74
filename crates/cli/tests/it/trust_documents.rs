//! Every command line of the documents about signing keys and peppers, run as it stands there.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Plane, binary};

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)).unwrap()
}

/// The blocks of shell lines of each section, under its heading.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                let script = &mut all.last_mut().expect("a heading comes first").1;
                script.push_str(line);
                script.push('\n');
            }
            line => {
                if let Some(heading) = line.strip_prefix("## ") {
                    all.push((heading.into(), String::new()));
                }
            }
        }
    }
    all.retain(|(_, script)| !script.is_empty());
    all
}

/// A program that signs with a key of OpenSSL's, for the section about such programs.
const KMS: &str = "#!/bin/sh
set -e
test -e kms.pem || openssl genpkey -algorithm ed25519 -out kms.pem
if [ \"$1\" = --public ]; then
  openssl pkey -in kms.pem -pubout -outform DER | tail -c 32 | base64 | tr '+/' '-_' | tr -d '=\\n'
  exit
fi
cat > message
openssl pkeyutl -sign -rawin -in message -inkey kms.pem
";

fn run(heading: &str, script: &str) {
    let p = Plane::empty();
    let dir = p.beside(".");
    let plane = dir.join("edgelatch-data");
    let begun = binary().current_dir(&dir).args(["init", "--realm", "acme"]).output().unwrap();
    assert!(begun.status.success() && plane.exists());
    let shown = binary().current_dir(&dir).args(["--json", "trust", "show"]).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let old = shown["roots"][0]["publisher"]["keys"][0]["key"].as_str().unwrap();
    fs::write(dir.join("kms-sign"), KMS).unwrap();
    fs::set_permissions(dir.join("kms-sign"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_edgelatch")).parent().unwrap().display().to_string();
    let mut shell = Command::new("sh");
    shell.env_clear().env("PATH", format!("{bin}:/usr/bin:/bin")).env("OLD", old).current_dir(&dir);
    let output = shell.args(["-eu", "-c", script]).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{heading}:\n{script}\n{out}{err}");
    // What was done holds: another epoch is published, unless only a program can sign it.
    if !script.contains("--signer") {
        let again = binary().current_dir(&dir).arg("publish").output().unwrap();
        assert!(again.status.success(), "{heading}: {}", String::from_utf8_lossy(&again.stderr));
    }
}

#[test]
fn the_guide_to_signing_keys_does_what_it_says() {
    let all = sections(&document("crates/server/docs/signing-keys.md"));
    assert!(all.len() >= 9, "{all:?}");
    for (heading, script) in all {
        run(&heading, &script);
    }
}

#[test]
fn the_guide_to_peppers_does_what_it_says() {
    let all = sections(&document("crates/server/docs/peppers.md"));
    assert!(all.len() >= 2, "{all:?}");
    for (heading, script) in all {
        run(&heading, &script);
    }
}

#[test]
fn security_does_what_it_says() {
    let all = sections(&document("SECURITY.md"));
    assert!(!all.is_empty());
    for (heading, script) in all {
        run(&heading, &script);
    }
}

/// What stands within sentences names commands and options that there are.
#[test]
fn commands_within_sentences_are_there() {
    let mut seen = 0;
    let guides = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/docs")).unwrap();
    let guides = guides.map(|guide| format!("crates/server/docs/{}", guide.unwrap().file_name().display()));
    let names: Vec<String> =
        guides.filter(|name| name.ends_with(".md")).chain(["SECURITY.md".into(), "OPERATIONS.md".into()]).collect();
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        let text = document(&name);
        for span in text.split('`').skip(1).step_by(2).filter(|span| span.starts_with("edgelatch ")) {
            let words: Vec<&str> = span.split_whitespace().skip(1).collect();
            let command = words
                .iter()
                .take_while(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-'));
            let help = binary().args(command).arg("--help").output().unwrap();
            let said = String::from_utf8_lossy(&help.stdout).into_owned();
            assert!(help.status.success(), "{name}: `{span}`");
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap();
                // What was not built in is run where it is: `otel.rs`.
                assert!(said.contains(option) || option.starts_with("--otel-"), "{name}: `{span}` has no {option}");
            }
            seen += 1;
        }
    }
    assert!(seen > 5);
}
