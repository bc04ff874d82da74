//! A registry that is older than what is published, as whoever restored it meets it; and each disaster of the guide, by the commands that stand there.

use std::fs;

use crate::common::{Plane, Ran};

/// A key is revoked after the backup; the registry is lost, and restored.
fn lost() -> (Plane, String, String) {
    let p = Plane::new();
    let (id, leaked) = p.create(&["--name", "leaked", "--role", "reader"]);
    p.ok(&["publish"]);
    p.ok(&["backup", p.beside("a.backup").to_str().unwrap()]);
    p.ok(&["keys", "revoke", &id]);
    let (_, later) = p.create(&["--name", "later", "--role", "reader"]);
    p.ok(&["publish"]);
    assert_eq!(p.verify(&leaked, &[]).1["code"], "revoked");
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(p.data().join(format!("registry.db{suffix}")));
    }
    (p, leaked, later)
}

#[test]
fn the_revoked_key_is_listed_and_never_accepted_again() {
    let (p, leaked, later) = lost();
    let file = p.beside("a.backup");
    let found = p.no(&["restore", file.to_str().unwrap()]);
    let realm = &found["realms"][0];
    assert_eq!((&realm["realm"], &realm["published_epoch"], &realm["settled"]), (&"acme".into(), &3.into(), &false.into()));
    let keys = realm["keys"].as_array().unwrap();
    let fates: Vec<_> = keys.iter().map(|key| (key["fate"].as_str().unwrap(), key["name"].as_str().unwrap())).collect();
    assert_eq!(fates, [("revived", "leaked"), ("lost", "later")]);
    let head = fs::read(p.published("head")).unwrap();
    for args in [&["publish"] as &[&str], &["publish", "--if-due"]] {
        let ran = p.run(args);
        assert!(ran.code == 2 && ran.err.contains("edgelatch restore"), "{}", ran.err);
    }
    assert_eq!(fs::read(p.published("head")).unwrap(), head);
    // To people, too: the key, and what can be done.
    let ran = p.run(&["restore"]);
    assert_eq!(ran.code, 1);
    for word in ["accepted again", "leaked", "unknown", "later", "--take-published", "--go-on-above"] {
        assert!(ran.out.contains(word), "`{word}` is missing in: {}", ran.out);
    }
    assert!(p.ok(&["restore", "--take-published"]).contains("goes on above epoch 3"));
    assert_eq!(p.json(&["publish"])["epoch"], 4);
    assert_eq!((p.verify(&leaked, &[]).1["code"].clone(), p.verify(&later, &[]).0), ("revoked".into(), 0));
    assert!(p.ok(&["restore"]).contains("not older than epoch 4"));
    p.ok(&["audit", "verify"]);
}

/// Whoever has seen nothing does not say that the registry is not older.
#[test]
fn nothing_seen_is_nothing_compared() {
    let (p, leaked, _) = lost();
    let file = p.beside("a.backup");
    fs::rename(p.published(""), p.beside("edges")).unwrap();
    // Here there may be nothing.
    let ran = p.run(&["restore", file.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for word in ["nothing published was found here", "compared with nothing", "--published"] {
        assert!(ran.out.contains(word), "`{word}` is missing in: {}", ran.out);
    }
    // Where somebody says that there is something, it must be there, and count: a slip, a page of a proxy, a head whose root is missing.
    let elsewhere = |name: &str, change: &dyn Fn(&std::path::Path)| {
        let dir = p.beside(name);
        fs::create_dir_all(&dir).unwrap();
        change(&dir);
        dir.to_str().unwrap().to_owned()
    };
    p.ok(&["trust", "extend", "--yes"]);
    let head = fs::read(p.published("head")).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(p.data().join(format!("registry.db{suffix}")));
    }
    fs::remove_dir_all(p.published("")).unwrap();
    p.ok(&["restore", file.to_str().unwrap()]);
    let places = [
        (p.beside("edgse").to_str().unwrap().to_owned(), "nothing"),
        (elsewhere("empty", &|_| {}), "nothing"),
        (elsewhere("page", &|dir| fs::write(dir.join("head"), "<html>Sign in</html>").unwrap()), "unproven"),
        (elsewhere("rootless", &|dir| fs::write(dir.join("head"), &head).unwrap()), "unproven"),
    ];
    for (place, seen) in &places {
        for args in [&["restore", "--published", place] as &[&str], &["restore", "--published", place, "--take-published"]] {
            let found = p.no(args);
            let realm = &found["realms"][0];
            assert_eq!(
                (&realm["seen"], &realm["settled"], &realm["published_epoch"]),
                (&(*seen).into(), &false.into(), &().into())
            );
        }
        p.no(&["restore", "--published", place, "--go-on-above"]);
    }
    p.no(&["restore", "--take-published"]);
    assert!(p.run(&["restore", "--published", &places[2].0]).out.contains("no head of this realm"));
    // Garbage in the directory that is looked at by itself is told of as well.
    fs::create_dir_all(p.published("")).unwrap();
    fs::write(p.published("head"), "garbage").unwrap();
    p.no(&["restore"]);
    fs::remove_file(p.published("head")).unwrap();
    // The right place, and then a number.
    let edges = p.beside("edges");
    assert_eq!(p.no(&["restore", "--published", edges.to_str().unwrap()])["realms"][0]["seen"], "older");
    assert!(p.ok(&["restore", "--published", &places[1].0, "--go-on-above=9"]).contains("goes on above epoch 9"));
    assert_eq!(p.json(&["publish"])["epoch"], 10);
    assert_eq!(p.verify(&leaked, &[]).0, 0);
}

#[test]
fn whoever_knows_may_go_on_above() {
    let (p, leaked, later) = lost();
    let file = p.beside("a.backup");
    let ran: Ran = p.run(&["restore", file.to_str().unwrap(), "--go-on-above", "--take-published"]);
    assert_eq!(ran.code, 2);
    assert!(!p.data().join("registry.db").exists());
    assert!(p.ok(&["restore", file.to_str().unwrap(), "--go-on-above"]).contains("1 revived, 0 changed, 1 lost"));
    assert_eq!(p.json(&["publish"])["epoch"], 4);
    assert_eq!((p.verify(&leaked, &[]).0, p.verify(&later, &[]).1["code"].clone()), (0, "unknown".into()));
}

/// The commands of a section of the guide, each line as it stands there.
fn commands(section: &str) -> Vec<Vec<String>> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/docs/disasters.md");
    let text = fs::read_to_string(guide).unwrap();
    let (_, rest) = text.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section `{section}`"));
    let rest = rest.split("\n## ").next().unwrap();
    let mut lines = Vec::new();
    for block in rest.split("```sh\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            let line = line.split(" #").next().unwrap().trim();
            let words: Vec<String> = line.split_whitespace().map(Into::into).collect();
            assert_eq!(words[0], "edgelatch", "{line}");
            lines.push(words[1..].to_vec());
        }
    }
    assert!(!lines.is_empty(), "{section}");
    lines
}

/// Runs a section's commands in the directory beside the data; returns how each ended.
fn follow(p: &Plane, section: &str) -> Vec<Ran> {
    let run = |words: &Vec<String>| -> Ran {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut command = p.command(&words);
        command.current_dir(p.beside(""));
        command.output().unwrap().into()
    };
    commands(section).iter().map(run).collect()
}

fn all_done(ran: &[Ran]) {
    for ran in ran {
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
}

fn before() -> (Plane, String) {
    let p = Plane::new();
    let (_, secret) = p.create(&["--name", "ci", "--role", "reader"]);
    p.ok(&["publish"]);
    all_done(&follow(&p, "Before anything happens"));
    (p, secret)
}

fn lose_database(p: &Plane) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(p.data().join(format!("registry.db{suffix}")));
    }
}

#[test]
fn guide_the_database_is_lost() {
    let (p, secret) = before();
    let (id, leaked) = p.create(&["--name", "leaked", "--role", "reader"]);
    p.ok(&["publish"]);
    p.ok(&["keys", "revoke", &id]);
    p.ok(&["publish"]);
    lose_database(&p);
    let ran = follow(&p, "The database is lost");
    assert_eq!(ran.iter().map(|ran| ran.code).collect::<Vec<_>>(), [1, 0, 0, 0], "{}", ran[0].err);
    assert_eq!((p.verify(&secret, &[]).0, p.verify(&leaked, &[]).1["code"].clone()), (0, "revoked".into()));
}

#[test]
fn guide_the_published_files_are_lost() {
    let (p, secret) = before();
    fs::remove_dir_all(p.data().join("published")).unwrap();
    all_done(&follow(&p, "The published files are lost"));
    assert_eq!(p.verify(&secret, &[]).0, 0);
}

#[test]
fn guide_the_administrators_key_is_lost() {
    let (p, _) = before();
    let ran = follow(&p, "The administrator's key is lost");
    all_done(&ran);
    assert!(fs::read_to_string(p.beside("admin.PAK")).unwrap().starts_with("elm_"));
}

#[test]
fn guide_a_whole_site_is_lost() {
    let (p, secret) = before();
    // What is elsewhere: the backup with the keys, and what a mirror has.
    fs::create_dir_all(p.beside("mirror/r")).unwrap();
    fs::rename(p.data().join("published/r/acme"), p.beside("mirror/r/acme")).unwrap();
    fs::remove_dir_all(p.data()).unwrap();
    all_done(&follow(&p, "A whole site is lost"));
    assert_eq!(p.verify(&secret, &[]).0, 0);
}

/// A key whose owner lost its secret, or an entry in a table of signing keys, is a matter of the other guide: it must be named.
#[test]
fn guide_signing_keys_are_elsewhere() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../server/docs/disasters.md")).unwrap();
    for section in ["The publisher key is lost", "The root key is lost"] {
        let (_, rest) = text.split_once(&format!("\n## {section}\n")).unwrap();
        assert!(rest.split("\n## ").next().unwrap().contains("signing-keys.md"), "{section}");
    }
}
