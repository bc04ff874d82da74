//! Keys get new secrets, are revoked, enabled and deleted, as each preset has it.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::common::Plane;
use serde_json::Value;

fn publish(p: &Plane) {
    p.ok(&["publish"]);
}

fn accepted(p: &Plane, secret: &str) -> bool {
    p.verify(secret, &[]).0 == 0
}

fn secret(made: &Value) -> String {
    made["secret"].as_str().unwrap().to_owned()
}

#[test]
fn a_rotation_with_an_overlap_ends_by_the_clock_of_the_edge() {
    let p = Plane::new();
    let (id, old) = p.create(&["--name", "ci", "--role", "reader"]);
    let made = p.json(&["keys", "rotate", &id, "--overlap", "1h"]);
    let new = secret(&made);
    assert_eq!((made["key"]["key_id"].as_str(), made["key"]["revision"].as_u64()), (Some(id.as_str()), Some(2)));
    assert!(made["key"]["overlap_until"].is_string());
    publish(&p);
    assert!(accepted(&p, &old) && accepted(&p, &new));
    // The same snapshot, later.
    let at = |key: &str, now: &str| p.verify(key, &["--now", now]).1["code"].as_str().unwrap().to_owned();
    assert_eq!((at(&old, "59min"), at(&old, "61min"), at(&new, "61min")), ("valid".into(), "expired".into(), "valid".into()));
    p.refused(&["keys", "rotate", &id, "--overlap", "1h"], "wrong_state", &["lives beside the new one"]);
    let last = secret(&p.json(&["keys", "rotate", &id]));
    publish(&p);
    assert!(!accepted(&p, &old) && !accepted(&p, &new) && accepted(&p, &last));
    p.refused(&["keys", "rotate", &id, "--overlap", "1000h"], "not_allowed", &["overlap", "2592000"]);
    p.refused(&["keys", "rotate", &id, "--overlap", "soon"], "invalid", &["--overlap", "24h"]);
    p.refused(&["keys", "rotate", &id, "--if-revision", "1"], "stale", &["revision 3"]);
}

#[test]
fn valar_rotates_in_place_revokes_reversibly_and_wants_the_name_typed() {
    let p = Plane::with("valar");
    let (id, old) = p.create(&["--name", "Production API", "--expires", "3mo"]);
    assert!(old.starts_with("vsp_sk_"));
    publish(&p);
    assert!(accepted(&p, &old));
    p.refused(&["keys", "rotate", &id], "unconfirmed", &["--confirm", "name"]);
    p.refused(&["keys", "rotate", &id, "--confirm", "production api"], "unconfirmed", &["--confirm"]);
    p.refused(&["keys", "rotate", &id, "--confirm", "Production API", "--overlap", "1h"], "not_allowed", &["--overlap"]);
    let new = secret(&p.json(&["keys", "rotate", &id, "--confirm", "Production API"]));
    publish(&p);
    assert!(!accepted(&p, &old) && accepted(&p, &new));
    let shown = p.json(&["keys", "edit", &id, "--status", "revoked"]);
    assert_eq!((&shown["key"]["state"], &shown["changed"]), (&"revoked".into(), &true.into()));
    publish(&p);
    assert!(!accepted(&p, &new));
    assert!(p.ok(&["keys", "enable", &id]).starts_with("enabled key_"));
    assert!(p.ok(&["keys", "enable", &id]).starts_with("already enabled: key_"));
    publish(&p);
    assert!(accepted(&p, &new));
    p.refused(&["keys", "edit", &id, "--description", "x"], "not_allowed", &["--description", "name, status, ip"]);
    p.refused(
        &["keys", "create", "--name", "x", "--expires", "2d"],
        "not_allowed",
        &["--expires", "1d, 1w, 1mo, 3mo, 1y, never"],
    );
    p.refused(&["keys", "create", "--name", "x", "--deny", "::1"], "not_allowed", &["--deny", "allow list only"]);
    p.refused(&["keys", "delete", &id], "unconfirmed", &["--confirm"]);
    p.refused(&["keys", "delete", &id, "--confirm", "other"], "unconfirmed", &["--confirm"]);
    p.refused(&["keys", "delete", &id, "--yes"], "unconfirmed", &["--confirm", "typed exactly"]);
    assert_eq!(p.json(&["keys", "delete", &id, "--confirm", "Production API"])["deleted"], true);
    publish(&p);
    assert!(!accepted(&p, &new));
    p.refused(&["keys", "show", &id], "not_found", &["keys list"]);
}

#[test]
fn vergeos_deletes_where_others_revoke() {
    let p = Plane::with("vergeos");
    let (id, secret) = p.create(&["--name", "terraform"]);
    p.refused(&["keys", "rotate", &id], "not_allowed", &["make another key"]);
    p.refused(&["keys", "create", "--name", "x", "--role", "operator"], "not_allowed", &["--role", "owner"]);
    // Its owner has no role yet: the command that helps is one that helps.
    let said = p.json(&["keys", "edit", &id, "--description", "x"])["warnings"][0]["message"].as_str().unwrap().to_owned();
    let helps = "edgelatch owners edit admin --org main --role ROLE";
    assert!(said.ends_with(&format!("`{helps}`")), "{said}");
    assert!(p.run(&["keys", "edit", &id, "--description", "y"]).err.contains(helps));
    let command: Vec<&str> = helps.split(' ').skip(1).map(|word| if word == "ROLE" { "read-only" } else { word }).collect();
    p.ok(&command);
    assert!(p.json(&["keys", "edit", &id, "--description", "z"])["warnings"].as_array().unwrap().is_empty());
    p.ok(&["owners", "edit", "admin", "--no-roles"]);
    // Authority follows the owner.
    publish(&p);
    let asks = |permission: &str| p.verify(&secret, &["--permission", permission]).1["code"].as_str().unwrap().to_owned();
    assert_eq!(asks("vm.create"), "permission_denied");
    p.ok(&["owners", "edit", "admin", "--role", "operator"]);
    publish(&p);
    assert_eq!(asks("vm.create"), "valid");
    p.ok(&["owners", "set", "admin", "--no-roles"]);
    publish(&p);
    assert_eq!(asks("vm.create"), "permission_denied");
    p.refused(&["keys", "delete", &id, "--confirm", "other"], "unconfirmed", &["--confirm"]);
    let revoked = p.json(&["keys", "revoke", &id]);
    assert_eq!((&revoked["deleted"], &revoked["changed"]), (&true.into(), &true.into()));
    p.refused(&["keys", "show", &id], "not_found", &[]);
    // Deleting asks whether it is meant.
    for confirm in [&["--yes"][..], &["--confirm", "yes"], &["--confirm", "terraform"]] {
        let (id, _) = p.create(&["--name", "terraform"]);
        p.refused(&["keys", "delete", &id], "unconfirmed", &["--confirm", "`yes`, or the key's name"]);
        assert!(p.ok(&[&["keys", "delete", &id], confirm].concat()).starts_with("deleted key_"));
    }
}

#[test]
fn vergecloud_never_edits_and_ipaware_takes_one_role() {
    let p = Plane::with("vergecloud");
    p.refused(&["keys", "create", "--name", "ci"], "not_allowed", &["--role", "at least 1"]);
    let (id, _) = p.create(&["--name", "ci", "--role", "cache-purger,dns-manager", "--scope", "cdn"]);
    p.refused(&["keys", "edit", &id, "--name", "x"], "not_allowed", &["--name", "nothing can"]);
    p.refused(&["keys", "create", "--name", "ci", "--role", "admin"], "name_taken", &["ci"]);
    p.ok(&["keys", "revoke", &id]);
    p.refused(&["keys", "enable", &id], "not_allowed", &["for good"]);
    let p = Plane::with("ipaware");
    let role = p.json(&["roles", "list"])[0]["role"].as_str().unwrap().to_owned();
    p.refused(&["keys", "create", "--name", "ci"], "not_allowed", &["--role", "exactly 1"]);
    let (id, _) = p.create(&["--name", "ci", "--role", &role]);
    p.refused(&["keys", "edit", &id, "--expires", "1d"], "not_allowed", &["--expires", "name, owner, roles"]);
    assert_eq!(p.json(&["keys", "edit", &id, "--name", "deploy"])["key"]["name"], "deploy");
}

#[test]
fn a_secret_is_saved_in_a_new_private_file_or_no_key_is_made() {
    let p = Plane::new();
    let path = p.beside("ci.PAK");
    let text = path.to_str().unwrap();
    let ran = p.run(&["keys", "create", "--name", "ci", "--role", "reader", "--save", text]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    let saved = fs::read_to_string(&path).unwrap();
    assert!(saved.starts_with("ek_") && saved.len() == 40 && saved.ends_with('\n') && !ran.err.contains(saved.trim()));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    publish(&p);
    assert!(accepted(&p, saved.trim()));
    // An existing file, even an empty one or a dangling link, is left alone, and nothing is made.
    let keys = || p.json(&["keys", "list"])["keys"].as_array().unwrap().len();
    fs::write(p.beside("empty"), b"").unwrap();
    let create = |path: &Path| p.run(&["keys", "create", "--name", "x", "--save", path.to_str().unwrap()]);
    for name in ["ci.PAK", "empty"] {
        let ran = create(&p.beside(name));
        assert!(ran.code == 2 && ran.err.contains("exists already") && ran.out.is_empty(), "{}", ran.err);
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(p.beside("nowhere"), p.beside("link")).unwrap();
        assert_eq!(create(&p.beside("link")).code, 2);
        assert!(!p.beside("nowhere").exists());
        fs::remove_file(p.beside("link")).unwrap();
    }
    let ran = create(&p.beside("none").join("x.PAK"));
    assert!(ran.code == 2 && ran.err.contains("x.PAK") && ran.err.lines().count() == 1, "{}", ran.err);
    assert_eq!((keys(), fs::read_to_string(&path).unwrap()), (1, saved.clone()));
    // A refused key leaves no file.
    let file = p.beside("refused.PAK");
    p.refused(
        &["keys", "create", "--name", "x", "--role", "nobody", "--save", file.to_str().unwrap()],
        "not_found",
        &["nobody"],
    );
    // A rotation likewise; the answer holds no secret.
    let id = p.json(&["keys", "list"])["keys"][0]["key_id"].as_str().unwrap().to_owned();
    let made = p.json(&["keys", "rotate", &id, "--save", file.to_str().unwrap()]);
    assert_eq!((&made["secret"], &made["saved"]), (&Value::Null, &file.to_str().unwrap().into()));
    publish(&p);
    assert!(!accepted(&p, saved.trim()) && accepted(&p, fs::read_to_string(&file).unwrap().trim()));
}

#[test]
fn a_key_that_cannot_be_committed_leaves_no_file() {
    let p = Plane::new();
    let other = rusqlite::Connection::open(p.data().join("registry.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let path = p.beside("ci.PAK");
    let ran = p.run(&["keys", "create", "--name", "ci", "--save", path.to_str().unwrap()]);
    assert!(ran.code == 2 && ran.err.contains("locked"), "{}", ran.err);
    assert!(!path.exists());
}

#[test]
fn a_process_that_is_killed_leaves_no_key_whose_secret_is_lost() {
    let p = Plane::new();
    let mut made = 0;
    for i in 0..24 {
        let (name, path) = (format!("k{i}"), p.beside(&format!("k{i}.PAK")));
        let mut command = p.command(&["keys", "create", "--name", &name, "--save", path.to_str().unwrap()]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(i));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = p.json(&["keys", "list", "--search", &name, "--sort", "created"]);
        let exact = found["keys"].as_array().unwrap().iter().find(|key| key["name"] == *name).cloned();
        if let Some(key) = exact {
            let saved = fs::read_to_string(&path).unwrap();
            assert!(saved.starts_with(key["first_12"].as_str().unwrap()) && saved.ends_with('\n'), "{name}");
            made += 1;
        }
    }
    println!("{made} of 24 were made");
    assert_eq!(p.json(&["audit", "verify"])["sound"], true);
}

#[test]
fn a_repeated_request_does_nothing_twice_and_shows_no_secret() {
    let p = Plane::new();
    let create = ["keys", "create", "--name", "ci", "--expires", "3mo", "--idempotency-key", "b9c1"];
    let first = p.json(&create);
    let again = p.run(&[&["--json"], &create[..]].concat());
    let shown: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((again.code, &shown["repeated"], &shown["secret"]), (1, &true.into(), &Value::Null));
    assert_eq!(shown["key"]["key_id"], first["key"]["key_id"]);
    let human = p.run(&create);
    assert!(human.code == 1 && human.out.is_empty() && human.err.contains("came before"), "{}", human.err);
    // Nor does it make a file.
    let path = p.beside("ci.PAK");
    assert_eq!(p.run(&[&create[..], &["--save", path.to_str().unwrap()]].concat()).code, 1);
    assert!(!path.exists());
    p.refused(&["keys", "create", "--name", "other", "--idempotency-key", "b9c1"], "idempotency_conflict", &["new one"]);
    p.refused(&["keys", "create", "--name", "other", "--idempotency-key", "b 1"], "invalid", &["--idempotency-key"]);
    let id = first["key"]["key_id"].as_str().unwrap();
    let rotate = ["keys", "rotate", id, "--overlap", "1h", "--idempotency-key", "c2"];
    assert!(p.json(&rotate)["secret"].is_string());
    assert_eq!(p.run(&rotate).code, 1);
    p.refused(&["keys", "rotate", id, "--idempotency-key", "c2"], "idempotency_conflict", &[]);
    assert_eq!(p.json(&["keys", "show", id])["revision"], 2);
    assert_eq!(p.json(&["keys", "list"])["keys"].as_array().unwrap().len(), 1);
}
