//! A registry is compared with published files that take a read key.

use crate::common::node::Node;
use crate::common::{Plane, Ran};

fn restore(at: &Plane, args: &[&str], key: Option<&str>) -> Ran {
    let mut command = at.command(&[&["--json", "restore"], args].concat());
    command.envs(key.map(|key| ("EDGELATCH_READ_KEY", key)));
    command.output().unwrap().into()
}

#[test]
fn published_files_that_take_a_key_are_read_with_it() {
    let p = Plane::new();
    let (id, _) = p.create(&["--name", "leaked", "--role", "reader"]);
    let management = |name: &str, role: &str| p.create(&["--realm", "management", "--name", name, "--role", role]).1;
    let (reader, viewer) = (management("site", "edge"), management("looks", "viewer"));
    let backup = p.beside("a.backup").to_str().unwrap().to_owned();
    p.ok(&["backup", &backup]);
    p.ok(&["keys", "revoke", &id]);
    p.ok(&["publish"]);
    let node = Node::start(&p.data(), &["--require-read-key", "--no-publish"]);
    let address = node.url("/r/acme");
    // On another machine, where only the backup is.
    let other = Plane::empty();
    let published = ["--published", &address];
    let ran = restore(&other, &[&[backup.as_str()], &published[..]].concat(), None);
    assert!(ran.code == 2 && ran.err.contains("401") && ran.err.contains("read key"), "{}", ran.err);
    for (wrong, says) in [("canary-no-key", "401"), (viewer.as_str(), "403")] {
        let ran = restore(&other, &published, Some(wrong));
        assert!(ran.code == 2 && ran.err.contains(says) && ran.err.contains("not taken"), "{}", ran.err);
        assert!(!ran.err.contains(wrong) && !ran.out.contains(wrong), "{}", ran.err);
    }
    let ran = restore(&other, &published, Some(&reader));
    assert!(ran.code == 1 && ran.out.contains("\"revived\"") && ran.out.contains("leaked"), "{}{}", ran.out, ran.err);
    let file = other.file("read.PAK", &format!("{reader}\n"));
    let ran = restore(&other, &[&published[..], &["--read-key-file", &file, "--take-published"]].concat(), None);
    assert!(ran.code == 0 && !ran.out.contains(&reader), "{}{}", ran.out, ran.err);
    assert_eq!(other.json(&["keys", "show", &id])["state"], "revoked");
    // It would be read by whoever is on the way.
    let ran = restore(&other, &["--published", "http://keys.example.com/r/acme"], Some(&reader));
    assert!(ran.code == 2 && ran.err.contains("https://") && !ran.err.contains(&reader), "{}", ran.err);
}
