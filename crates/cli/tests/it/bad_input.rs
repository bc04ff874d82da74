//! Bad input: one line with what, where and how to mend; exit code 2; nothing changed.

use std::fs;

use crate::common::{self, Plane, Ran};

/// Runs a command that must be refused in one line that holds every one of `says`, and must change no file.
fn refused(p: &Plane, args: &[&str], says: &[&str]) -> Ran {
    let before = p.files();
    let ran = p.run(args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {}", ran.err);
    assert!(ran.err.starts_with("error: ") && ran.err.lines().count() == 1, "{args:?}: {}", ran.err);
    for word in says {
        assert!(ran.err.contains(word), "{args:?} should say `{word}`: {}", ran.err);
    }
    assert!(p.files() == before, "{args:?} changed a file");
    ran
}

#[test]
fn fields() {
    let p = Plane::new();
    let (id, _) = p.create(&["--name", "ci", "--allow", "10.0.0.0/8"]);
    let long = "x".repeat(129);
    let digest = "0".repeat(64);
    let create = |args: &[&'static str]| [&["keys", "create", "--name", "x"], args].concat();
    let rows: Vec<(Vec<&str>, &[&str])> = vec![
        (create(&["--allow", "10.0.0.1/24"]), &["--allow", "10.0.0.1/24", "10.0.0.0/24"]),
        (create(&["--deny", "2001:db8::1/32"]), &["--deny", "2001:db8::/32"]),
        (create(&["--allow", "10.0.0.256"]), &["--allow"]),
        (create(&["--allow", "010.0.0.1"]), &["--allow"]),
        (create(&["--allow", "::1,::1"]), &["--allow", "twice"]),
        (create(&["--allow", "::1", "--allow-mode", "any"]), &["--allow-mode", "list"]),
        (create(&["--order", "sideways"]), &["--order", "allow-first, deny-first"]),
        (create(&["--expires", "2020-01-01"]), &["--expires", "past", "never"]),
        (create(&["--expires", "soon"]), &["--expires", "3mo", "RFC 3339"]),
        (create(&["--expires", "2027-01-31T23:59"]), &["--expires", "without an offset", "2027-01-31T23:59:00Z"]),
        (create(&["--not-before", "2027-01-31 08:00:00"]), &["--not-before", "without an offset", "2027-01-31T08:00:00Z"]),
        (create(&["--expires", "1m"]), &["--expires", "minute or a month", "1mo"]),
        (vec!["keys", "list", "--expires-before", "2027-01-31T23:59"], &["--expires-before", "2027-01-31T23:59:00Z"]),
        (vec!["audit", "list", "--since", "2027-01-31T23:59"], &["--since", "2027-01-31T23:59:00Z"]),
        (create(&["--not-before", "2d", "--expires", "1d"]), &["--not-before", "earlier"]),
        (create(&["--metadata", "[1]"]), &["--metadata", "JSON object"]),
        (create(&["--metadata", "{"]), &["--metadata", "not JSON"]),
        (create(&["--scope", ""]), &["--scope"]),
        (create(&["--scope", "cdn,*"]), &["--scope"]),
        (create(&["--role", "nobody"]), &["no role `nobody`", "roles list"]),
        (create(&["--owner", "nobody"]), &["no owner `nobody`", "owners list"]),
        (create(&["--org", "nobody"]), &["no org `nobody`", "orgs list"]),
        (vec!["keys", "create", "--name", ""], &["--name", "empty"]),
        (vec!["keys", "create", "--name", "a\nb"], &["--name", "without control"]),
        (vec!["keys", "create", "--name", "a\u{202e}b"], &["--name", "U+202E"]),
        (vec!["keys", "create", "--name", "a", "--description", "b\u{200b}c"], &["--description", "U+200B"]),
        (vec!["owners", "create", "x", "--name", "b\u{2066}c"], &["--name", "U+2066"]),
        (vec!["orgs", "create", "x", "--name", "b\u{feff}"], &["--name", "U+FEFF"]),
        (vec!["keys", "create", "--name", &long], &["--name", "limit of 128"]),
        (vec!["keys", "show", "key_00000000000"], &["no key `key_00000000000`", "keys list"]),
        (vec!["keys", "revoke", "key_00000000000"], &["no key `key_00000000000`", "keys list"]),
        (vec!["keys", "edit", "key_00000000000", "--name", "x"], &["no key `key_00000000000`", "keys list"]),
        (vec!["keys", "edit", &id], &["nothing to change"]),
        (vec!["keys", "edit", &id, "--add-allow", "10.0.0.1/24"], &["--add-allow", "10.0.0.0/24"]),
        (vec!["keys", "edit", &id, "--remove-allow", "192.0.2.0/24"], &["192.0.2.0/24 is not in the list"]),
        (vec!["keys", "edit", &id, "--expires", "2020-01-01T00:00:00Z"], &["--expires", "past"]),
        (vec!["keys", "edit", &id, "--name", "y", "--role", "nobody"], &["no role `nobody`"]),
        (vec!["keys", "import", "--name", "x", "--sha256", "abc"], &["--sha256", "64 hexadecimal digits"]),
        (vec!["keys", "import", "--name", "x", "--sha256", &digest], &["--sha256", "all zeros"]),
        (vec!["keys", "list", "--limit", "501"], &["--limit", "500"]),
        (vec!["keys", "list", "--cursor", "zzz"], &["--cursor"]),
        (vec!["keys", "list", "--state", "lost"], &["--state", "active, pending, expired, revoked"]),
        (vec!["roles", "create", "r", "--permission", "dns*"], &["--permission", "dns.*"]),
        (vec!["roles", "create", "reader", "--permission", "a"], &["role `reader` exists"]),
        (vec!["orgs", "create", "Main"], &["a-z 0-9"]),
        (vec!["orgs", "create", "main"], &["org `main` exists"]),
        (vec!["owners", "create", "admin"], &["owner `admin` exists"]),
        (vec!["owners", "disable", "nobody"], &["no owner `nobody`"]),
        (vec!["realms", "edit", "acme", "--head-lifetime", "1s"], &["--head-lifetime", "60"]),
        (vec!["realms", "edit", "acme", "--head-lifetime", "40d"], &["--head-lifetime"]),
        (vec!["realms", "edit", "acme", "--head-lifetime", "x"], &["--head-lifetime", "24h"]),
        (vec!["serve", "--publish-interval", "1h30"], &["--publish-interval", "200ms"]),
        (vec!["keys", "list", "--realm", "nowhere"], &["no realm `nowhere`"]),
    ];
    for (args, says) in &rows {
        refused(&p, args, says);
    }
}

#[test]
fn a_secret_given_in_the_wrong_place_is_not_repeated() {
    let p = Plane::new();
    let (_, secret) = p.create(&["--name", "ci"]);
    for args in [["keys", "show", &secret], ["keys", "revoke", &secret]] {
        let ran = refused(&p, &args, &["not a key id", "keys list"]);
        assert!(!ran.err.contains(&secret[3..]));
    }
    let ran = p.run(&["keys", "list", &secret]);
    assert!(
        ran.code == 2 && ran.err.contains("unexpected argument '\u{2026}'") && !ran.err.contains(&secret[3..]),
        "{}",
        ran.err
    );
    let (limit, stdin, bearer) = (format!("--limit={secret}"), format!("--key-stdin={secret}"), format!("Bearer {secret}"));
    let (flag, stem) = (format!("--{secret}"), secret[..secret.len() - 1].to_owned() + "!x");
    let owner: &[&str] = &["keys", "create", "--name", "x", "--owner", &secret];
    let words: [&[&str]; 5] =
        [&["keys", "list", &limit], &["verify", &stdin], &["keys", "list", &bearer], &["keys", "list", &flag], owner];
    for args in words {
        let ran = p.run(args);
        assert!(ran.code == 2 && !ran.err.contains(&secret[3..]), "{}", ran.err);
    }
    // Nor is anything else that an argument does not take: what looks like no key may be a password.
    for args in
        [["keys", "list", "--limit=hunter2"], ["keys", "list", "--org=Hunter2"], ["keys", "list", "--database=x://hunter2"]]
    {
        let ran = refused(&p, &args, &[args[2].split('=').next().unwrap()]);
        assert!(!ran.err.to_ascii_lowercase().contains("hunter2"), "{}", ran.err);
    }
    let anywhere: [&[&str]; 6] = [
        &["keys", "list", "Hunter2"],
        &["hunter2"],
        &["keys", "list", "--hunter2"],
        &["serve", "--log-format", "hunter2"],
        &["serve", "--log-format=hunter2", "--json"],
        &["keys", "list", &stem],
    ];
    for args in anywhere {
        let ran = p.run(args);
        let said = ran.err.to_ascii_lowercase();
        assert!(ran.code == 2 && !said.contains("hunter2") && !ran.err.contains(&stem), "{}", ran.err);
    }
    // A slip is shown, with what was meant.
    for (args, says) in
        [(["kyes", "list"], "'kyes'"), (["keys", "--serach"], "'--serach'"), (["serve", "--log-format=x"], "text, json")]
    {
        assert!(p.run(&args).err.contains(says), "{args:?}");
    }
}

#[test]
#[cfg(unix)]
fn arguments_that_are_not_text() {
    let p = Plane::new();
    let name = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff");
    for args in [["keys", "list"], ["orgs", "create"]] {
        let name: &std::ffi::OsStr = name;
        let ran: std::process::Output = p.command(&args).arg(name).output().unwrap();
        assert_eq!(ran.status.code(), Some(2));
        assert!(!String::from_utf8_lossy(&ran.stderr).contains("panicked"));
    }
}

#[test]
fn errors_as_json() {
    let p = Plane::new();
    let ran = p.run(&["--json", "keys", "create", "--name", "x", "--allow", "10.0.0.1/24"]);
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((ran.code, &error["error"]["code"]), (2, &"invalid".into()));
    assert!(error["error"]["message"].as_str().unwrap().contains("10.0.0.0/24"));
    for args in [&["--json", "keys", "create"][..], &["keys", "rotat", "--json"], &["keys", "list", "--json", "--limit", "x"]] {
        let ran = p.run(args);
        let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
        assert_eq!((ran.code, &error["error"]["code"]), (2, &"usage".into()));
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
    }
    assert_ne!(p.run(&["keys", "--", "--json"]).err.chars().next(), Some('{'));
}

#[test]
fn directories() {
    let p = Plane::empty();
    // What is wrong with the arguments alone is said wherever they are given.
    refused(&p, &["keys", "edit", "key_00000000000"], &["nothing to change"]);
    refused(&p, &["keys", "revoke-many"], &["which keys?", "--all"]);
    refused(&p, &["keys", "import", "keys.txt"], &["--format", "csv", "jsonl"]);
    refused(&p, &["keys", "list"], &["registry.db", "edgelatch init", "--data"]);
    refused(&p, &["publish"], &["registry.db", "edgelatch init"]);
    fs::write(p.data(), b"a file").unwrap();
    refused(&p, &["init"], &["data", "check the path"]);
    let p = Plane::new();
    refused(&p, &["init"], &["registry.db", "exists", "--data"]);
    // Where nobody may write, not even root.
    if cfg!(target_os = "linux") {
        let ran: Ran = common::binary().args(["--data", "/proc/edgelatch", "init"]).output().unwrap().into();
        assert!(ran.code == 2 && ran.err.contains("/proc/edgelatch") && ran.err.lines().count() == 1, "{}", ran.err);
    }
    // The published directory cannot be written: the epoch is spent, and what is served stays.
    fs::remove_dir_all(p.published("objects")).unwrap();
    fs::write(p.published("objects"), b"in the way").unwrap();
    let (head, bundle) = (fs::read(p.published("head")).unwrap(), fs::read(p.published("bundle")).unwrap());
    let ran = p.run(&["publish"]);
    assert!(ran.code == 2 && ran.err.contains("objects") && ran.err.lines().count() == 1, "{}", ran.err);
    assert!(fs::read(p.published("head")).unwrap() == head && fs::read(p.published("bundle")).unwrap() == bundle);
    fs::remove_file(p.published("objects")).unwrap();
    assert_eq!(p.json(&["publish"])["epoch"], 3);
}

#[test]
fn databases() {
    let p = Plane::new();
    p.create(&["--name", "ci"]);
    let path = p.data().join("registry.db");
    let whole = fs::read(&path).unwrap();
    // Locked: waited for, then reported. Reading goes on.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = p.run(&["keys", "create", "--name", "x"]);
    assert!(ran.code == 2 && ran.err.contains("locked by another process") && ran.err.lines().count() == 1, "{}", ran.err);
    assert!(p.ok(&["keys", "list"]).contains("ci"));
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    assert_eq!(p.json(&["keys", "list"])["keys"].as_array().unwrap().len(), 1);
    // Damaged, at its beginning and further in.
    let mut torn = whole.clone();
    torn[100..].fill(0xff);
    for bytes in [b"garbage".repeat(1000), torn] {
        fs::write(&path, bytes).unwrap();
        refused(&p, &["keys", "list"], &["registry.db", "damaged", "backup"]);
        refused(&p, &["keys", "create", "--name", "x"], &["registry.db", "damaged", "backup"]);
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(p.json(&["keys", "list"])["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn signing_keys() {
    let p = Plane::new();
    let path = p.data().join("keys/publisher.key");
    let text = fs::read_to_string(&path).unwrap();
    let root_key = fs::read_to_string(p.data().join("keys/root.key")).unwrap();
    let put = |content: &str| {
        let _ = fs::remove_file(&path);
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    put(&text);
    p.ok(&["publish"]);
    #[cfg(unix)]
    {
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        refused(&p, &["publish"], &["publisher.key", "644", "chmod 600"]);
    }
    put(&root_key);
    refused(&p, &["publish"], &["publisher.key", "role root", "role publisher"]);
    put(&text.replace("seed ", "seed A"));
    let ran = refused(&p, &["publish"], &["publisher.key", "not a sound signing key"]);
    assert!(!ran.err.contains(text.lines().last().unwrap().trim_start_matches("seed ")));
    fs::remove_file(&path).unwrap();
    refused(&p, &["publish"], &["publisher.key", "missing", "restore"]);
    refused(&p, &["serve", "--addr", "127.0.0.1:0"], &["publisher.key", "missing"]);
    // The root key is not needed to publish.
    put(&text);
    fs::remove_file(p.data().join("keys/root.key")).unwrap();
    p.ok(&["publish"]);
}
