//! Beginning: presets, a second realm, the management realm and its first key, another database.

use std::fs;

use crate::common::{Plane, Ran, binary};
use serde_json::Value;

fn secret(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("EDGELATCH_ADMIN_KEY=")).expect("an administrator key")
}

#[test]
fn the_first_administrator_key_is_shown_once() {
    let p = Plane::empty();
    let ran = p.run(&["init", "--realm", "acme"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let key = secret(&ran.out);
    assert!(key.starts_with("elm_") && key.len() == 40 && !ran.err.contains(key) && ran.err.contains("shown this once"));
    assert!(ran.out.lines().next().unwrap().starts_with("EDGELATCH_ROOT="));
    for (path, bytes) in p.files() {
        assert!(!bytes.windows(30).any(|w| w == &key.as_bytes()[4..34]), "{}", path.display());
    }
    // It is a key of the management realm, with everything in its scope, and can be looked at there.
    let keys = p.json(&["keys", "list", "--realm", "management"]);
    let first = &keys["keys"][0];
    assert_eq!((&first["roles"][0], &first["scope"]), (&"administrator".into(), &"all".into()));
    assert_eq!(first["first_12"].as_str().unwrap(), &key[..12]);
    // The only realm that is worked with is the other one.
    assert_eq!(p.json(&["keys", "list"])["keys"], Value::Array(vec![]));
    assert_eq!(p.json(&["realms", "list"]).as_array().unwrap().len(), 2);
    let id = first["key_id"].as_str().unwrap();
    p.refused(&["keys", "show", id], "not_found", &[]);
    let lost = p.json(&["keys", "rotate", id, "--realm", "management"]);
    assert!(lost["secret"].as_str().unwrap().starts_with("elm_"));
}

#[test]
fn the_first_administrator_key_goes_into_a_new_private_file() {
    let p = Plane::empty();
    let path = p.beside("admin.PAK");
    let text = path.to_str().unwrap();
    fs::write(&path, "mine").unwrap();
    p.refused(&["init", "--save-admin-key", text], "usage", &["exists already", "admin.PAK"]);
    assert!(!p.data().exists());
    fs::remove_file(&path).unwrap();
    // Nothing is begun, so no file stays.
    p.refused(&["init", "--save-admin-key", text, "--realm", "management"], "invalid", &["management"]);
    assert!(!p.data().exists() && !path.exists());
    let made = p.json(&["init", "--save-admin-key", text]);
    assert_eq!((&made["admin_key"], &made["admin_key_saved"]), (&Value::Null, &text.into()));
    let saved = fs::read_to_string(&path).unwrap();
    assert!(saved.starts_with("elm_") && saved.ends_with('\n') && saved.len() == 41);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
}

#[test]
fn each_preset_gives_its_prefix_headers_and_roles() {
    for (preset, prefix, headers, roles) in [
        ("default", "ek", [true, true], 0),
        ("vergeos", "vos", [true, false], 4),
        ("vergecloud", "", [false, true], 8),
        ("ipaware", "", [true, false], 1),
        ("valar", "vsp_sk", [true, false], 0),
    ] {
        let p = Plane::with(preset);
        let realm = &p.json(&["realms", "list"])[0];
        assert_eq!((&realm["realm"], &realm["preset"]), (&"acme".into(), &preset.into()));
        assert!(prefix.is_empty() || realm["prefix"] == prefix, "{realm}");
        assert_eq!(
            [&realm["credentials"]["bearer"], &realm["credentials"]["x_api_key"]].map(|v| v.as_bool().unwrap()),
            headers
        );
        assert!(p.json(&["roles", "list"]).as_array().unwrap().len() >= roles, "{preset}");
    }
    let p = Plane::empty();
    p.ok(&["init", "--realm", "acme", "--preset", "valar", "--prefix", "own", "--credentials", "x-api-key"]);
    let realm = &p.json(&["realms", "list"])[0];
    assert_eq!((&realm["prefix"], &realm["credentials"]["bearer"]), (&"own".into(), &false.into()));
    let p = Plane::empty();
    p.refused(&["init", "--preset", "other"], "usage", &["--preset", "vergeos", "valar"]);
    p.refused(&["init", "--preset", "management"], "usage", &["must be one of: default, vergeos, vergecloud, ipaware, valar"]);
    assert!(!p.data().exists());
}

#[test]
fn a_second_realm_has_keys_of_its_own() {
    let p = Plane::new();
    p.refused(&["init"], "already_initialised", &["--data"]);
    p.refused(&["init", "--realm", "acme"], "exists", &["acme"]);
    let second = p.json(&["init", "--realm", "other.eu", "--preset", "valar"]);
    assert_eq!((&second["epoch"], &second["admin_key"]), (&1.into(), &Value::Null));
    let key = second["publisher_key"].as_str().unwrap();
    assert!(key.ends_with("keys/r/other.eu/publisher.key") && fs::metadata(key).unwrap().is_file());
    p.refused(&["keys", "list"], "usage", &["2 realms", "--realm"]);
    for realm in ["acme", "other.eu"] {
        let (_, secret) = p.create(&["--name", "ci", "--realm", realm]);
        assert_eq!(p.json(&["publish", "--realm", realm])["epoch"], 2);
        assert_eq!(p.verify(&secret, &["--realm", realm]).0, 0, "{realm}");
    }
    let roots: Vec<Vec<u8>> =
        ["acme", "other.eu"].iter().map(|r| fs::read(p.data().join("published/r").join(r).join("root/1")).unwrap()).collect();
    assert_ne!(roots[0], roots[1]);
    p.refused(&["init", "--realm", "other.eu"], "exists", &["other.eu"]);
    let path = p.beside("admin.PAK");
    let ran = p.run(&["init", "--realm", "third", "--save-admin-key", path.to_str().unwrap()]);
    assert!(ran.code == 0 && ran.err.contains("none was made") && !path.exists(), "{}", ran.err);
}

#[test]
fn a_registry_without_management_is_given_it() {
    let p = Plane::new();
    let db = rusqlite::Connection::open(p.data().join("registry.db")).unwrap();
    // As an older version left it.
    let theirs = "realm_id = (SELECT id FROM realms WHERE slug = 'management')";
    let triggers: Vec<String> = {
        let mut named = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'audit_log'").unwrap();
        named.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let drop_all: String = triggers.iter().map(|name| format!("DROP TRIGGER {name};")).collect();
    db.execute_batch(&format!(
        "PRAGMA foreign_keys = ON; {drop_all} DELETE FROM key_rows WHERE {theirs}; DELETE FROM audit_log WHERE {theirs}; \
         DELETE FROM owners WHERE org_id IN (SELECT id FROM orgs WHERE {theirs}); DELETE FROM orgs WHERE {theirs}; \
         DELETE FROM roles WHERE {theirs}; DELETE FROM directory_entries WHERE {theirs}; DELETE FROM directory_uses WHERE {theirs}; \
         DELETE FROM directory_sizes WHERE {theirs}; DELETE FROM record_sizes WHERE {theirs}; DELETE FROM journal WHERE {theirs}; DELETE FROM events WHERE {theirs}; \
         DELETE FROM realms WHERE slug = 'management';"
    ))
    .unwrap();
    drop(db);
    let ran = p.run(&["init", "--realm", "acme"]);
    assert!(ran.code == 0 && secret(&ran.out).starts_with("elm_") && !ran.out.contains("ROOT"), "{}{}", ran.out, ran.err);
    p.refused(&["init", "--realm", "acme"], "exists", &["acme"]);
}

#[test]
fn an_attempt_that_failed_is_gone_on_with() {
    let p = Plane::new();
    // The directory for the second realm's keys is in the way.
    fs::write(p.data().join("keys/r"), "a file").unwrap();
    let ran = p.run(&["init", "--realm", "other"]);
    assert!(ran.code == 2 && ran.err.contains("keys/r/other") && ran.err.lines().count() == 1, "{}", ran.err);
    fs::remove_file(p.data().join("keys/r")).unwrap();
    assert_eq!(p.json(&["init", "--realm", "other"])["epoch"], 1);
    assert_eq!(p.json(&["publish", "--realm", "other"])["epoch"], 2);
}

#[test]
fn a_database_elsewhere() {
    let p = Plane::empty();
    let path = p.beside("elsewhere.db");
    let run = |args: &[&str]| -> Ran { p.command(args).env("EDGELATCH_DATABASE", &path).output().unwrap().into() };
    assert_eq!(run(&["init", "--realm", "acme"]).code, 0);
    assert!(path.is_file() && !p.data().join("registry.db").exists());
    let key = run(&["keys", "create", "--name", "ci"]).out;
    assert_eq!(run(&["publish"]).code, 0);
    assert_eq!(p.verify(key.trim(), &[]).0, 0);
    assert_eq!(run(&["init", "--realm", "acme"]).code, 2);
    p.refused(&["keys", "list"], "not_initialised", &["registry.db"]);
    assert!(p.ok(&["--database", path.to_str().unwrap(), "keys", "list"]).contains("ci"));
}

#[test]
fn the_password_of_a_database_is_never_shown() {
    let p = Plane::new();
    let good = "postgres://edge:s3cret@127.0.0.1:1/keys";
    for (args, url) in [
        (&["keys", "list"][..], good),
        (&["init", "--realm", "x"], good),
        (&["keys", "list"], "postgres://edge:s3cret@/%"),
        (&["keys", "list"], "mysql://edge:s3cret@host/db"),
        (&["--json", "store", "copy", "--to", good], ""),
        (&["store", "copy", good], ""),
        (&["store", "copy", "--to", "postgres://e:p@s3cret@[/db"], ""),
        (&["keys", "list", good], ""),
        (&["keys", "list", "--limit", "postgres://edge:a@b:s3cret@h/db"], ""),
    ] {
        let mut command = p.command(args);
        if !url.is_empty() {
            command.env("EDGELATCH_DATABASE", url);
        }
        let ran: Ran = command.output().unwrap().into();
        assert!(ran.code == 2 && !ran.err.contains("s3cret") && ran.out.is_empty(), "{args:?} {url}: {}", ran.err);
    }
    for args in [&["--help"][..], &["store", "copy", "--help"], &["keys", "create", "--help"]] {
        let help: Ran =
            binary().args(args).env("EDGELATCH_DATABASE", good).env("EDGELATCH_COPY_TO", good).output().unwrap().into();
        assert!(help.code == 0 && !help.out.contains("s3cret"));
    }
}
