//! Peppers by commands: made, rotated and retired; kept as signing keys are; and nodes of which one lacks the pepper.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::common::node::{Node, until};
use crate::common::{Plane, Ran};
use edgelatch_testkit::postgres;
use serde_json::{Value, json};

/// A pepper that was drawn: its id, and the file that it is in.
fn create(p: &Plane) -> (String, PathBuf) {
    let made = p.json(&["trust", "pepper", "create"]);
    (made["pepper"].as_str().unwrap().into(), made["path"].as_str().unwrap().into())
}

fn states(p: &Plane) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let shown = p.json(&["trust", "pepper", "show"]);
    let mut all: Vec<_> = shown.as_array().unwrap().iter().map(|row| (text(&row["pepper"]), text(&row["state"]))).collect();
    all.sort_unstable();
    all
}

fn with_env(p: &Plane, variable: &str, args: &[&str]) -> Ran {
    p.command(&[&["--json"], args].concat()).env("EDGELATCH_PEPPER", variable).output().unwrap().into()
}

#[test]
fn the_walk_by_commands() {
    let p = Plane::new();
    let (_, secret) = p.create(&["--name", "ci", "--role", "reader"]);
    p.ok(&["publish"]);
    p.refused(&["trust", "pepper", "rotate"], "usage", &["trust pepper create"]);
    p.refused(&["trust", "pepper", "rotate", "0000002a"], "not_found", &["0000002a", "trust pepper show"]);
    p.refused(&["trust", "pepper", "rotate", "42"], "usage", &["eight hexadecimal digits"]);
    let (one, path) = create(&p);
    assert_eq!(path, p.data().join(format!("keys/pepper-{one}.key")));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(states(&p), [(one.clone(), "new".into())]);
    let rotated = p.json(&["trust", "pepper", "rotate"]);
    assert_eq!(rotated, json!({ "pepper": one, "before": null }));
    p.ok(&["publish"]);
    let shown = p.json(&["inspect", p.published("bundle").to_str().unwrap()]);
    assert_eq!(shown["directory"]["pepper_id"], json!(one));
    let realm = p.json(&["realms", "list"]);
    assert!(realm.to_string().contains(&format!(r#""pepper_id":"{one}""#)), "{realm}");
    assert_eq!(p.verify(&secret, &[]).1["code"], "valid");
    // Back, once by name and once to none.
    let (two, _) = create(&p);
    p.ok(&["trust", "pepper", "rotate"]);
    p.ok(&["trust", "pepper", "rotate", &one]);
    p.refused(&["trust", "pepper", "retire", &one], "pepper_in_use", &["digests of all keys"]);
    p.ok(&["trust", "pepper", "rotate", "--none"]);
    assert!(p.ok(&["trust", "pepper", "rotate", "--none"]).contains("already"));
    p.refused(&["trust", "pepper", "retire", &two], "pepper_in_use", &["publish the next epoch first"]);
    p.ok(&["publish"]);
    p.refused(&["trust", "pepper", "retire", &two], "pepper_in_use", &["until 20"]);
    p.ok(&["trust", "pepper", "retire", &one, "--early"]);
    assert!(!path.exists());
    p.refused(&["trust", "pepper", "retire", &one], "not_found", &["trust pepper show"]);
    assert_eq!(states(&p), [(two, "left".to_owned())]);
    assert_eq!(p.verify(&secret, &[]).1["code"], "valid");
    // Edges take four, and no file is left of one more.
    (0..3).for_each(|_| drop(create(&p)));
    p.refused(&["trust", "pepper", "create"], "limit_reached", &["retire"]);
    assert!(p.ok(&["trust", "pepper", "show"]).contains("NEEDED UNTIL"));
}

#[test]
fn a_pepper_is_kept_as_signing_keys_are() {
    let p = Plane::new();
    let (one, path) = create(&p);
    let text = fs::read_to_string(&path).unwrap();
    p.ok(&["trust", "pepper", "rotate"]);
    p.ok(&["publish"]);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    p.refused(&["publish"], "exposed", &["chmod 600", "pepper"]);
    p.refused(&["trust", "pepper", "show"], "exposed", &["chmod 600"]);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    // In a backup only where that is asked for.
    let [without, with] = ["without.backup", "with.backup"].map(|name| p.beside(name).to_str().unwrap().to_owned());
    p.ok(&["backup", &without]);
    p.ok(&["backup", &with, "--with-keys"]);
    let holds = |file: &str| fs::read_to_string(file).unwrap().contains(text.trim());
    assert_eq!((holds(&without), holds(&with)), (false, true));
    let other = Plane::empty();
    other.ok(&["restore", &with]);
    assert_eq!(fs::read_to_string(other.data().join(format!("keys/pepper-{one}.key"))).unwrap(), text);
    // One whose text is damaged, and its name still the same.
    for wrong in ["", "short\n", &text[1..], &format!("{}\n", "A".repeat(43))] {
        fs::write(&path, wrong).unwrap();
        p.refused(&["publish"], "pepper_corrupt", &[path.to_str().unwrap()]);
    }
    fs::remove_file(&path).unwrap();
    p.refused(&["publish"], "pepper_missing", &[&one, "EDGELATCH_PEPPER"]);
    let found = p.no(&["doctor"]);
    let missing: Vec<&Value> =
        found["findings"].as_array().unwrap().iter().filter(|f| f["place"] == "realm/acme/pepper").collect();
    assert!(missing.len() == 1 && missing[0]["code"] == "pepper_missing", "{found}");
    assert!(missing[0]["mend"].as_str().unwrap().contains("trust pepper import"), "{found}");
    // From the environment, among others; and a variable that holds none is told of, without what it holds.
    let among = format!("{},{}", "A".repeat(43), text.trim());
    assert_eq!(with_env(&p, &among, &["publish"]).code, 0);
    let canary = "c0ffee-canary-pepper";
    let ran = with_env(&p, &format!("{canary}!"), &["publish"]);
    assert!(ran.code == 2 && ran.err.contains("pepper_corrupt") && ran.err.contains("EDGELATCH_PEPPER"), "{}", ran.err);
    assert!(!ran.err.contains(canary) && !ran.out.contains(canary), "{}", ran.err);
    // And back into its place.
    let from = p.file("from-safe", &text);
    fs::set_permissions(&from, PermissionsExt::from_mode(0o640)).unwrap();
    p.refused(&["trust", "pepper", "import", &from], "exposed", &["chmod 600"]);
    fs::set_permissions(&from, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(p.json(&["trust", "pepper", "import", &from])["pepper"], json!(one));
    p.ok(&["publish"]);
    assert_eq!(states(&p), [(one, "in_use".to_owned())]);
    let short = p.file("short", canary);
    fs::set_permissions(&short, PermissionsExt::from_mode(0o600)).unwrap();
    p.refused(&["trust", "pepper", "import", &short], "pepper_corrupt", &["16 to 64 bytes"]);
}

/// One that was brought along is made known, and verified with where the data directory is not.
#[test]
fn a_pepper_of_ones_own() {
    let p = Plane::new();
    let (_, secret) = p.create(&["--name", "ci", "--role", "reader"]);
    let text = "bm90IGEgc2VjcmV0OiBhIHRlc3QgcGVwcGVy";
    let file = p.file("own", text);
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let one = p.json(&["trust", "pepper", "import", &file])["pepper"].as_str().unwrap().to_owned();
    assert_eq!(states(&p), [(one.clone(), "new".to_owned())]);
    p.ok(&["trust", "pepper", "rotate"]);
    p.ok(&["publish"]);
    let (root, bundle) = (p.published("root/1"), p.published("bundle"));
    let elsewhere = Plane::empty();
    let args = ["verify", &secret, "--root", root.to_str().unwrap(), "--bundle", bundle.to_str().unwrap()];
    let ran = with_env(&elsewhere, "", &args);
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.code, &said["code"]), (1, &json!("snapshot_missing")));
    let note = said["steps"][0]["note"].as_str().unwrap();
    assert!(note.contains("wrong_pepper") && note.contains(&one), "{note}");
    let ran = with_env(&elsewhere, text, &args);
    assert_eq!(
        (ran.code, serde_json::from_str::<Value>(&ran.out).unwrap()["code"].clone()),
        (0, json!("valid")),
        "{}",
        ran.err
    );
    // Or as an edge is configured.
    let hex: String = b"not a secret: a test pepper".iter().map(|byte| format!("{byte:02x}")).collect();
    let config = format!("pepper={hex}");
    assert_eq!(elsewhere.run(&[&args[..], &["--config", &config]].concat()).code, 0);
}

/// Two nodes over one database, of which one was not given the pepper.
#[test]
fn a_standby_without_the_pepper_says_so_and_publishes_nothing() {
    let Some(server) = postgres::own() else { return };
    let (p, url) = (Plane::empty(), server.url(&server.schema()));
    let at = |args: &[&str]| p.json(&[args, &["--database", &url]].concat());
    p.ok(&["init", "--realm", "acme", "--database", &url]);
    let second = p.beside("second");
    fs::create_dir_all(second.join("keys")).unwrap();
    fs::set_permissions(second.join("keys"), PermissionsExt::from_mode(0o700)).unwrap();
    fs::copy(p.data().join("keys/publisher.key"), second.join("keys/publisher.key")).unwrap();
    let made = at(&["trust", "pepper", "create"]);
    let (pepper, path) = (made["pepper"].as_str().unwrap(), PathBuf::from(made["path"].as_str().unwrap()));
    let first = Node::start(&p.data(), &["--database", &url]);
    let standby = Node::start(&second, &["--database", &url]);
    let tells = |node: &Node| String::from_utf8(node.get("/healthz").1).unwrap();
    // Before it is in use: that is the time to mend it.
    until("it says so", || tells(&standby).contains("pepper_missing"));
    assert!(!tells(&first).contains("pepper_missing"));
    at(&["trust", "pepper", "rotate"]);
    let shown = || at(&["trust", "pepper", "show"])[0].clone();
    assert_eq!(shown()["state"], "in_use");
    let of = |node: &Node| {
        let bundle = p.beside("bundle");
        fs::write(&bundle, node.get("/r/acme/bundle").1).unwrap();
        p.json(&["inspect", bundle.to_str().unwrap()])["directory"]["pepper_id"].clone()
    };
    until("what was made with it is out, and at the standby too", || of(&first) == *pepper && of(&standby) == *pepper);
    // Nobody is left who could make the next one: it takes nothing over, and nothing wrong is published.
    first.kill();
    let before = standby.epoch();
    at(&["keys", "create", "--name", "late", "--role", "reader"]);
    until("it tells", || standby.health() == 503 && standby.log().contains("pepper_missing"));
    assert_eq!((standby.epoch(), of(&standby)), (before, json!(pepper)));
    // Given it, it goes on by itself.
    fs::copy(&path, second.join("keys").join(path.file_name().unwrap())).unwrap();
    until("the change is out", || standby.epoch() > before && standby.health() == 200);
    assert_eq!(of(&standby), json!(pepper));
    let text = fs::read_to_string(&path).unwrap();
    assert!(!standby.log().contains(text.trim()));
}
