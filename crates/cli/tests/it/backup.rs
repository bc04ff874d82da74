//! `edgelatch backup` and `edgelatch restore` with the real binary: beside a server, into the other store, out of a disk that is full.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::{Plane, Ran};
#[cfg(unix)]
use edgelatch_testkit::postgres;
use serde_json::Value;

/// What a registry shows to somebody who looks.
fn seen(p: &Plane) -> Vec<String> {
    let looks: [&[&str]; 6] = [
        &["keys", "list"],
        &["realms", "list"],
        &["orgs", "list"],
        &["roles", "list"],
        &["audit", "verify"],
        &["keys", "list", "--realm", "management"],
    ];
    looks.iter().map(|args| p.ok(&[&["--json"], *args].concat())).collect()
}

fn filled() -> (Plane, String, String) {
    let p = Plane::new();
    let (id, secret) = p.create(&["--name", "ci", "--role", "reader", "--allow", "10.0.0.0/8=office"]);
    p.ok(&["keys", "edit", &id, "--description", "a\nb"]);
    p.ok(&["publish"]);
    (p, id, secret)
}

fn path(p: &Plane, name: &str) -> String {
    p.beside(name).to_str().unwrap().into()
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
}

#[test]
fn a_whole_control_plane_comes_back_from_one_file() {
    let (p, id, secret) = filled();
    let file = path(&p, "a.backup");
    let ran = p.run(&["--json", "backup", &file, "--with-keys"]);
    let mut made: Value = serde_json::from_str(&ran.out).unwrap();
    let warned = made.as_object_mut().unwrap().remove("warnings").unwrap();
    assert_eq!((ran.code, made["tables"]["key_rows"].as_u64()), (0, Some(2)));
    assert_eq!(made["keys"], serde_json::json!(["keys/publisher.key", "keys/root.key"]));
    assert!(
        warned[0]["code"] == "holds_keys" && warned[0]["message"].as_str().unwrap().contains("holds the signing keys"),
        "{warned}"
    );
    #[cfg(unix)]
    assert_eq!(mode(Path::new(&file)), 0o600);
    let verified = p.json(&["backup", "--verify", &file]);
    assert_eq!(verified, made);
    assert!(p.ok(&["backup", "--verify", &file]).contains(made["sha256"].as_str().unwrap()));
    // Never over what is there, unless that is asked for.
    p.refused(&["backup", &file], "usage", &["a.backup", "--force"]);
    assert!(p.ok(&["backup", &file, "--with-keys", "--force"]).contains("2 signing keys"));
    // It says when it was taken, so it is another one.
    let sum = p.json(&["backup", "--verify", &file])["sha256"].as_str().unwrap().to_owned();
    let before = seen(&p);
    let published = p.published("head");
    let head = fs::read(&published).unwrap();
    // The site burns down, but for what a CDN has.
    fs::rename(p.data().join("published"), p.beside("cdn")).unwrap();
    fs::remove_dir_all(p.data()).unwrap();
    let cdn = p.beside("cdn/r/acme");
    // Whole, and not the one that was kept.
    p.refused(&["restore", &file, "--sha256", &"0".repeat(64)], "backup_foreign", &[&sum]);
    assert!(!p.data().exists());
    let ran = p.run(&["--json", "restore", &file, "--published", cdn.to_str().unwrap(), "--sha256", &sum]);
    let restored: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
    let realm = &restored["realms"][0];
    assert_eq!((ran.code, &realm["published_epoch"], &realm["seen"]), (0, &2.into(), &"known".into()));
    assert_eq!(seen(&p), before);
    #[cfg(unix)]
    assert_eq!(["registry.db", "keys/root.key", "keys"].map(|name| mode(&p.data().join(name))), [0o600, 0o600, 0o700]);
    assert_eq!(p.json(&["publish"])["epoch"], 3);
    assert_ne!(fs::read(&published).unwrap(), head);
    assert_eq!(p.verify(&secret, &["--ip", "10.0.0.1"]).0, 0);
    p.ok(&["keys", "revoke", &id]);
    // Into what holds something: neither a database nor other keys are touched.
    p.refused(&["restore", &file], "store_not_empty", &["registry.db"]);
    fs::remove_file(p.data().join("registry.db")).unwrap();
    fs::write(p.data().join("keys/root.key"), "another").unwrap();
    p.refused(&["restore", &file], "key_exists", &["root.key"]);
}

#[test]
fn without_keys_there_are_none_in_it() {
    let (p, ..) = filled();
    let file = path(&p, "a.backup");
    p.ok(&["backup", &file]);
    let text = fs::read_to_string(&file).unwrap();
    let key = fs::read_to_string(p.data().join("keys/publisher.key")).unwrap();
    let seed = key.lines().last().unwrap().strip_prefix("seed ").unwrap();
    assert!(!text.contains(seed) && !text.contains("signing key"));
    let ran: Ran = p.command(&["backup", "-"]).output().unwrap().into();
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.err.contains("holds the signing keys"), "{}", ran.err);
    let with_keys: Ran = p.command(&["backup", "-", "--with-keys"]).output().unwrap().into();
    assert!(with_keys.code == 0 && with_keys.err.contains("holds the signing keys"), "{}", with_keys.err);
    let piped = p.file("piped.backup", &ran.out);
    assert_eq!(p.json(&["backup", "--verify", &piped])["tables"], p.json(&["backup", "--verify", &file])["tables"]);
    let cut = p.file("cut.backup", &text[..text.len() / 2]);
    p.refused(&["backup", "--verify", &cut], "backup_damaged", &["cut.backup"]);
    fs::rename(p.data(), p.beside("old")).unwrap();
    p.refused(&["restore", &cut], "backup_damaged", &["cut.backup", "nothing was written"]);
    p.refused(&["restore", &path(&p, "none.backup")], "io", &["none.backup"]);
}

/// A disk that is full while a backup is written leaves no file; one that is full while it is read back leaves no registry.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_half_done() {
    let (p, ..) = filled();
    // So many that a backup takes more than the files which SQLite makes beside its own.
    let lines: String = (0..500).map(|n| format!("a{n:031x}{:032x},key {n}\n", 1)).collect();
    p.ok(&["keys", "import", &p.file("keys.csv", &format!("sha256,name\n{lines}")), "--role", "reader"]);
    let file = path(&p, "a.backup");
    p.ok(&["backup", &file]);
    // A file may take so many kilobytes; the signal that says so is ignored, so that writing fails as on a full disk.
    let limited = |kilobytes: u32, args: &[&str]| -> Ran {
        let mut command = Command::new("sh");
        command.env_clear().args(["-c", &format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kilobytes * 2), "sh"]);
        command.arg(env!("CARGO_BIN_EXE_edgelatch")).arg("--json").arg("--data").arg(p.data()).args(args);
        command.output().unwrap().into()
    };
    let before = p.files();
    let other = path(&p, "b.backup");
    let ran = limited(64, &["backup", &other]);
    assert!(ran.code == 2 && ran.err.contains("backup_stopped") && ran.err.contains("b.backup"), "{}", ran.err);
    assert!(p.files() == before);
    // Nor does it leave a signing key that is none, which would stand in the way of the next attempt.
    let saved = path(&p, "ann.key");
    let new_key = ["trust", "new-key", "--realm", "acme", "--role", "root", "--save", &saved];
    assert_eq!(limited(0, &new_key).code, 2);
    assert!(p.files() == before);
    p.ok(&new_key);
    p.ok(&["backup", &file, "--with-keys", "--force"]);
    fs::rename(p.data(), p.beside("old")).unwrap();
    for kilobytes in [0, 16, 200, 400] {
        let ran = limited(kilobytes, &["restore", &file]);
        assert!(ran.code == 2 && ran.err.contains("\"code\""), "{}", ran.err);
        assert!(!p.data().join("registry.db").exists() && !p.data().join("keys").exists(), "{kilobytes}");
    }
    // Where signing keys cannot be written, there is no registry without them either.
    std::os::unix::fs::symlink("/proc", p.data().join("keys")).unwrap();
    assert_eq!(p.run(&["restore", &file]).code, 2);
    assert!(!p.data().join("registry.db").exists());
    fs::remove_file(p.data().join("keys")).unwrap();
    // A process that was ended in between leaves some of the keys; the same command goes on.
    fs::create_dir(p.data().join("keys")).unwrap();
    fs::copy(p.beside("old/keys/root.key"), p.data().join("keys/root.key")).unwrap();
    p.ok(&["restore", &file]);
    assert_eq!(fs::read(p.data().join("keys/publisher.key")).unwrap(), fs::read(p.beside("old/keys/publisher.key")).unwrap());
}

#[cfg(unix)]
#[test]
fn the_way_to_another_store_and_back() {
    let Some(server) = postgres::server() else { return };
    let (p, id, secret) = filled();
    let (first, second) = (path(&p, "1.backup"), path(&p, "2.backup"));
    p.ok(&["backup", &first]);
    let before = seen(&p);
    let url = server.url(&server.schema());
    let on = |args: &[&str]| -> Ran { p.command(args).env("EDGELATCH_DATABASE", &url).output().unwrap().into() };
    fs::rename(p.data().join("registry.db"), p.beside("old.db")).unwrap();
    let ran = on(&["--json", "restore", &first]);
    assert!(ran.code == 0 && !ran.out.contains("p%40ss") && !ran.out.contains(postgres::PASSWORD), "{}{}", ran.out, ran.err);
    assert_eq!(on(&["keys", "revoke", &id]).code, 0);
    assert_eq!(serde_json::from_str::<Value>(&on(&["--json", "publish"]).out).unwrap()["epoch"], 3);
    assert_eq!(p.verify(&secret, &["--ip", "10.0.0.1"]).1["code"], "revoked");
    assert_eq!(on(&["backup", &second]).code, 0);
    assert!(on(&["restore", &first]).err.contains("holds rows already"));
    p.ok(&["restore", &second]);
    p.ok(&["audit", "verify"]);
    assert_ne!(seen(&p), before);
    assert_eq!(p.json(&["publish"])["epoch"], 4);
    assert_eq!(p.verify(&secret, &["--ip", "10.0.0.1"]).1["code"], "revoked");
}
