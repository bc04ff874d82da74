//! Many keys at once: imported by their digests, revoked by a filter.

use std::fs;

use crate::common::Plane;
use serde_json::Value;

fn digest(text: &str) -> String {
    edgelatch_core::key::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

fn legacy(i: usize) -> String {
    format!("legacy+key/{i:012}==")
}

fn csv(keys: usize) -> String {
    let lines = (0..keys).map(|i| format!("{},legacy {i}\n", digest(&legacy(i))));
    std::iter::once("sha256,name\n".to_owned()).chain(lines).collect()
}

fn count(p: &Plane) -> usize {
    p.json(&["keys", "list", "--limit", "500"])["keys"].as_array().unwrap().len()
}

#[test]
fn a_file_is_imported_whole_with_what_lines_leave_out() {
    let p = Plane::new();
    let file = p.file("keys.csv", &csv(5));
    let import = ["keys", "import", &file, "--role", "reader", "--environment", "development"];
    let dry = p.json(&[&import[..], &["--dry-run"]].concat());
    assert_eq!((&dry["keys"], &dry["done"], count(&p)), (&5.into(), &false.into(), 0));
    let report = p.json(&import);
    assert_eq!((&report["keys"], &report["refused"], &report["done"]), (&5.into(), &0.into(), &true.into()));
    let key = &p.json(&["keys", "list"])["keys"][0];
    assert_eq!(
        (&key["roles"][0], &key["environment"], &key["org"], &key["owner"]),
        (&"reader".into(), &"development".into(), &"main".into(), &"admin".into())
    );
    p.ok(&["publish"]);
    assert_eq!(p.verify(&legacy(3), &["--permission", "zone.view"]).0, 0);
    let line = format!(
        r#"{{"sha256":"{}","name":"own","roles":["admin"],"allow":["10.0.0.0/8"],"metadata":{{"a":1}}}}"#,
        digest(&legacy(9))
    );
    let ran = p.with_stdin(&["keys", "import", "-", "--format", "jsonl"], &format!("{line}\n\n"));
    assert_eq!((ran.code, ran.out.as_str()), (0, "imported 1 keys\n"), "{}", ran.err);
    let own = &p.json(&["keys", "list", "--search", "own"])["keys"][0];
    assert_eq!((&own["roles"][0], &own["allow"][0]["cidr"]), (&"admin".into(), &"10.0.0.0/8".into()));
    assert!(ran.err.is_empty(), "no bar away from a terminal: {}", ran.err);
}

#[test]
fn a_long_import_says_how_far_it_is() {
    let p = Plane::new();
    let file = p.file("keys.csv", &csv(20_001));
    let ran = p.run(&["keys", "import", &file, "--dry-run"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, "20000 lines read …\n"));
}

#[test]
fn refused_lines_are_reported_and_nothing_is_imported() {
    let p = Plane::new();
    let (_, secret) = p.create(&["--name", "ci"]);
    p.ok(&["orgs", "set", "main", "unique_names=true"]);
    let good = digest("somebody's+key/0000==");
    let text = format!(
        "sha256,name,roles,owner\n{good},good,reader,\n{good},twice,reader,\nabc,short,reader,\n{},role,nobody,\n{},,reader,\n{},ci,,\n{},wrong column,,{secret}\n",
        digest("2"),
        digest("3"),
        digest("4"),
        digest("5"),
    );
    let file = p.file("keys.CSV", &text);
    let before = p.files();
    for dry in [&[][..], &["--dry-run"]] {
        let report = p.no(&[&["keys", "import", &file], dry].concat());
        let refusals = report["refusals"].as_array().unwrap();
        let codes: Vec<(u64, &str)> =
            refusals.iter().map(|r| (r["line"].as_u64().unwrap(), r["code"].as_str().unwrap())).collect();
        let expected =
            [(3, "digest_taken"), (4, "invalid"), (5, "not_found"), (6, "invalid"), (7, "name_taken"), (8, "invalid")];
        assert_eq!(codes, expected);
        assert_eq!((&report["keys"], &report["refused"], &report["done"]), (&1.into(), &6.into(), &false.into()));
        assert_eq!(report["refusals"][1]["field"], "sha256");
        assert!(!report.to_string().contains(&secret[3..]) && !report.to_string().contains(&good));
    }
    let human = p.run(&["keys", "import", &file]);
    assert_eq!(human.code, 1);
    assert!(human.out.contains("LINE") && human.out.ends_with("6 lines refused, nothing was imported\n"), "{}", human.out);
    assert_eq!(count(&p), 1);
    assert!(p.files() == before);
}

#[test]
fn files_that_cannot_be_read() {
    let p = Plane::new();
    let none = p.beside("none.csv");
    p.refused(&["keys", "import", none.to_str().unwrap()], "io", &["none.csv"]);
    let dir = p.beside("dir.csv");
    fs::create_dir(&dir).unwrap();
    p.refused(&["keys", "import", dir.to_str().unwrap()], "io", &["dir.csv"]);
    let file = p.file("keys.txt", &csv(1));
    p.refused(&["keys", "import", &file], "usage", &["--format", "csv", "jsonl"]);
    p.refused(&["keys", "import", &file, "--format", "xml"], "usage", &["--format", "csv, jsonl"]);
    let file = p.file("header.csv", &csv(1).replace("sha256", "sha512"));
    p.refused(&["keys", "import", &file], "invalid", &["header", "sha256"]);
    let file = p.file("open.csv", "sha256,name\n\"");
    assert_eq!(p.run(&["keys", "import", &file]).code, 1);
    // Half a command line of either kind.
    for args in [
        &["keys", "import"][..],
        &["keys", "import", "--sha256", &digest("1")],
        &["keys", "import", "--name", "x"],
        &["keys", "import", &file, "--sha256", &digest("1"), "--name", "x"],
        &["keys", "import", &file, "--scope", "cdn"],
        &["keys", "import", "--sha256", &digest("1"), "--name", "x", "--dry-run"],
    ] {
        let ran = p.run(args);
        assert!(ran.code == 2 && ran.out.is_empty() && !ran.err.contains("panicked"), "{args:?}: {}", ran.err);
    }
    assert_eq!(count(&p), 0);
}

#[test]
fn with_several_orgs_a_line_must_say_whose_it_is() {
    let p = Plane::new();
    p.ok(&["orgs", "create", "web"]);
    p.ok(&["owners", "create", "bob", "--org", "web"]);
    let file = p.file("keys.csv", &csv(2));
    let report = p.no(&["keys", "import", &file]);
    assert_eq!((&report["refused"], &report["refusals"][0]["field"]), (&2.into(), &"org".into()));
    assert_eq!(p.json(&["keys", "import", &file, "--org", "web"])["keys"], 2);
    assert_eq!(p.json(&["keys", "list"])["keys"][0]["owner"], "bob");
    let orgs = "sha256,name,org,owner\n".to_owned() + &format!("{},own,main,admin\n", digest(&legacy(7)));
    assert_eq!(p.json(&["keys", "import", &p.file("orgs.csv", &orgs)])["done"], true);
}

#[test]
fn a_leak_is_answered_by_a_filter_whose_count_is_confirmed() {
    let p = Plane::new();
    let create = |name: &str, role: &str| p.create(&["--name", name, "--role", role]);
    let (_, leaked) = create("deploy 1", "admin");
    let (last, _) = create("deploy 2", "admin");
    let (_, other) = create("reports", "reader");
    let many = ["keys", "revoke-many", "--role", "admin", "--search", "deploy"];
    let before = fs::read(p.data().join("registry.db")).unwrap();
    let dry = p.json(&many);
    assert_eq!((&dry["matched"], &dry["done"], dry["sample"].as_array().unwrap().len()), (&2.into(), &false.into(), 2));
    let human = p.run(&many);
    assert!(human.out.contains("deploy 1") && human.out.ends_with("2 keys fit\n"), "{}", human.out);
    assert!(human.err.contains("nothing was changed") && human.err.contains("--confirm 2"), "{}", human.err);
    p.refused(&[&many[..], &["--confirm", "3"]].concat(), "count_changed", &["2", "3", "nothing was changed"]);
    assert!(fs::read(p.data().join("registry.db")).unwrap() == before);
    // One fewer by now.
    p.ok(&["keys", "revoke", &last]);
    p.refused(&[&many[..], &["--confirm", "2"]].concat(), "count_changed", &["1"]);
    let done = p.json(&[&many[..], &["--confirm", "1"]].concat());
    assert_eq!((&done["matched"], &done["done"]), (&1.into(), &true.into()));
    p.ok(&["publish"]);
    assert_eq!((p.verify(&leaked, &[]).1["code"].clone(), p.verify(&other, &[]).0), ("revoked".into(), 0));
    let log = p.json(&["audit", "list", "--action", "keys.revoke"]);
    assert_eq!((&log["activity"][0]["after"]["revoked"], &log["activity"][0]["after"]["role"]), (&1.into(), &"admin".into()));
    assert_eq!(p.run(&many).out, "no key fits that is not revoked yet\n");
    // Neither nothing nor everything by a slip.
    p.refused(&["keys", "revoke-many"], "usage", &["--all"]);
    p.refused(&["keys", "revoke-many", "--confirm", "1"], "usage", &["--all"]);
    p.refused(&["keys", "revoke-many", "--all", "--role", "admin"], "usage", &["--all"]);
    assert_eq!(p.json(&["keys", "revoke-many", "--all", "--confirm", "1"])["done"], true);
    let states: Vec<Value> = p.json(&["keys", "list"])["keys"].as_array().unwrap().iter().map(|k| k["state"].clone()).collect();
    assert_eq!(states, ["revoked", "revoked", "revoked"]);
}

#[test]
fn many_keys_are_changed_once_their_count_was_confirmed() {
    let p = Plane::new();
    for name in ["deploy 1", "deploy 2", "reports"] {
        p.create(&["--name", name, "--role", "reader"]);
    }
    let many = ["keys", "edit-many", "--search", "deploy", "--expires", "2099-01-31", "--add-allow", "192.0.2.0/24=office"];
    let before = count_expiring(&p);
    let dry = p.json(&many);
    assert_eq!((&dry["matched"], &dry["changed"], &dry["done"]), (&2.into(), &2.into(), &false.into()));
    let human = p.run(&many);
    assert!(
        human.out.ends_with("2 keys fit\n") && human.err.contains("to change them: the same with --confirm 2"),
        "{}",
        human.err
    );
    p.refused(&[&many[..], &["--confirm", "3"]].concat(), "count_changed", &["2", "3"]);
    assert_eq!((before, count_expiring(&p)), (0, 0));
    assert_eq!(p.ok(&[&many[..], &["--confirm", "2"]].concat()), "changed 2 keys\n");
    assert_eq!(count_expiring(&p), 2);
    // The third has no such entry: none loses it.
    let remove = ["keys", "edit-many", "--all", "--remove-allow", "192.0.2.0/24", "--confirm", "3"];
    let refused = p.no(&remove);
    assert_eq!((&refused["refusals"][0]["code"], &refused["done"]), (&"invalid".into(), &false.into()));
    let human = p.run(&remove);
    assert!(human.code == 1 && human.out.contains("REASON") && human.out.ends_with("none was changed\n"), "{}", human.out);
    p.refused(&["keys", "edit-many", "--all"], "usage", &["nothing to change"]);
    p.refused(&["keys", "edit-many", "--expires", "never"], "usage", &["--all"]);
    let moved =
        ["keys", "edit-many", "--role", "reader", "--set-role", "admin", "--set-environment", "development", "--confirm", "3"];
    assert_eq!(p.json(&moved)["changed"], 3);
    let tagged =
        ["keys", "edit-many", "--role", "admin", "--set-tag", "moved,2099", "--description", "all of them", "--confirm", "3"];
    assert_eq!(p.json(&tagged)["changed"], 3);
    assert_eq!(p.json(&["keys", "list", "--tag", "2099"])["keys"].as_array().unwrap().len(), 3);
    let bare = ["keys", "edit-many", "--tag", "moved", "--no-tags", "--confirm", "3"];
    assert_eq!(p.json(&bare)["changed"], 3);
    assert_eq!(p.json(&["keys", "list", "--tag", "moved"])["keys"].as_array().unwrap().len(), 0);
    assert_eq!(
        p.json(&["keys", "list", "--role", "admin", "--environment", "development"])["keys"].as_array().unwrap().len(),
        3
    );
}

fn count_expiring(p: &Plane) -> usize {
    p.json(&["keys", "list", "--expires-before", "2099-02-01"])["keys"].as_array().unwrap().len()
}
