//! Orgs and their settings, owners, roles; lists of keys with every filter.

use crate::common::Plane;
use serde_json::{Value, json};

#[test]
fn an_org_and_its_settings() {
    let p = Plane::new();
    let web = p.json(&["orgs", "create", "web", "--name", "Web team", "--preset", "valar"]);
    assert_eq!((&web["settings"]["max_keys"], &web["settings"]["prefix"]), (&20.into(), &"vsp_sk".into()));
    let set = p.json(&["orgs", "set", "web", "max_keys=1", "prefix=web_sk", "unique_names=true", r#"expiry_choices=["30d"]"#]);
    assert_eq!(
        (&set["settings"]["prefix"], &set["settings"]["expiry_choices"], &set["revision"]),
        (&"web_sk".into(), &json!(["30d"]), &2.into())
    );
    let shown = p.ok(&["orgs", "show", "web"]);
    for line in [
        "name                Web team",
        "prefix              web_sk",
        r#"expiry_choices      ["30d"]"#,
        "max_active_keys     null",
    ] {
        assert!(shown.lines().any(|l| l == line), "{line}: {shown}");
    }
    // What is shown can be set again, and changes nothing.
    let again: Vec<String> = shown
        .lines()
        .skip(3)
        .map(|l| l.split_whitespace().collect::<Vec<_>>())
        .map(|l| format!("{}={}", l[0], l[1..].join(" ")))
        .collect();
    let args: Vec<&str> = ["orgs", "set", "web"].into_iter().chain(again.iter().map(String::as_str)).collect();
    assert_eq!(p.json(&args), set);
    p.ok(&["owners", "create", "bob", "--org", "web"]);
    let (id, secret) = p.create(&["--name", "ci", "--org", "web", "--expires", "30d"]);
    assert!(secret.starts_with("web_sk_"));
    p.refused(&["keys", "create", "--name", "b", "--org", "web"], "limit_reached", &["--org", "1 keys of an org"]);
    p.refused(&["orgs", "delete", "web"], "in_use", &["1 keys"]);
    assert_eq!(p.json(&["orgs", "rename", "web", "The web"])["name"], "The web");
    p.refused(&["orgs", "rename", "web", "x", "--if-revision", "2"], "stale", &["revision 3"]);
    for (setting, says) in [
        ("max_key=1", "max_key: is no setting"),
        ("max_keys=many", "max_keys: does not fit"),
        ("max_keys=-1", "max_keys: does not fit"),
        ("prefix=Web", "prefix: does not fit"),
        ("credentials=[]", "credentials: is empty"),
        (r#"services=["cdn","cdn"]"#, "services: names something twice"),
        ("expiry_choices=[\"soon\"]", "expiry_choices/0: must be a span"),
        ("hunter2", "SETTING: must be NAME=VALUE"),
    ] {
        let code = if setting.contains('=') { "invalid" } else { "usage" };
        p.refused(&["orgs", "set", "web", "unique_names=false", setting], code, &[says]);
    }
    p.refused(&["orgs", "set", "web", "max_keys=1", "max_keys=2"], "usage", &["max_keys: is given twice"]);
    p.refused(&["orgs", "set", "nobody", "max_keys=1"], "not_found", &["orgs list"]);
    p.refused(&["orgs", "create", "x", "--preset", "other"], "usage", &["--preset", "valar"]);
    p.ok(&["orgs", "set", "web", r#"services=["cdn","dns"]"#, "max_keys=9", r#"editable=["owner"]"#]);
    p.refused(&["keys", "create", "--name", "x", "--org", "web", "--scope", "cnd"], "not_allowed", &["--scope", "is `cdn`"]);
    p.ok(&["owners", "create", "eve", "--org", "web"]);
    assert_eq!(p.json(&["keys", "edit", &id, "--owner", "eve"])["key"]["owner"], "eve");
    p.refused(&["keys", "edit", &id, "--owner", "nobody"], "not_found", &["owners list"]);
    p.ok(&["keys", "delete", &id, "--confirm", "ci"]);
    assert_eq!(p.ok(&["orgs", "delete", "web"]), "deleted org web\n");
    assert_eq!(p.json(&["orgs", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn owners_and_roles() {
    let p = Plane::new();
    let role = p.json(&["roles", "create", "purger", "--permission", "cache.*,cache.view"]);
    assert_eq!((&role["permissions"], &role["predefined"]), (&json!(["cache.*", "cache.view"]), &false.into()));
    let bob = p.json(&["owners", "create", "bob", "--kind", "service", "--role", "purger"]);
    assert_eq!((&bob["roles"], &bob["kind"], &bob["revision"]), (&json!(["purger"]), &"service".into(), &1.into()));
    let (id, secret) = p.create(&["--name", "ci", "--owner", "bob", "--role", "purger"]);
    p.ok(&["publish"]);
    let asks = |permission: &str| {
        p.ok(&["publish"]);
        p.verify(&secret, &["--permission", permission]).1["code"].as_str().unwrap().to_owned()
    };
    assert_eq!((asks("cache.purge"), asks("dns.view")), ("valid".into(), "permission_denied".into()));
    let edited = p.json(&["roles", "edit", "purger", "--permission", "dns.*", "--name", "DNS"]);
    assert_eq!((&edited["permissions"], &edited["name"], &edited["revision"]), (&json!(["dns.*"]), &"DNS".into(), &2.into()));
    assert_eq!((asks("cache.purge"), asks("dns.view")), ("permission_denied".into(), "valid".into()));
    p.refused(&["roles", "edit", "purger", "--name", "x", "--if-revision", "1"], "stale", &["revision 2"]);
    p.refused(&["roles", "edit", "purger"], "usage", &["--permission"]);
    p.refused(&["roles", "edit", "reader", "--name", "x"], "not_allowed", &["predefined"]);
    p.refused(&["roles", "delete", "reader"], "not_allowed", &["predefined"]);
    p.refused(&["roles", "delete", "purger"], "in_use", &["1 keys and 1 owners"]);
    p.refused(&["owners", "edit", "bob"], "usage", &["--role"]);
    p.refused(&["owners", "edit", "bob", "--role", "nobody"], "not_found", &["roles list"]);
    p.refused(&["owners", "edit", "bob", "--name", "x", "--if-revision", "7"], "stale", &["revision 1"]);
    p.refused(&["owners", "delete", "bob"], "in_use", &["1 keys"]);
    assert!(p.ok(&["owners", "list"]).lines().any(|l| l.contains("bob") && l.contains("purger") && l.contains("enabled")));
    assert_eq!(p.json(&["owners", "disable", "bob"])["disabled"], true);
    assert_eq!(asks("dns.view"), "owner_disabled");
    p.ok(&["owners", "enable", "bob"]);
    assert_eq!(asks("dns.view"), "valid");
    assert_eq!(p.json(&["owners", "edit", "bob", "--no-roles", "--name", "Bob"])["roles"], json!([]));
    p.ok(&["keys", "edit", &id, "--no-roles"]);
    assert_eq!(p.ok(&["roles", "delete", "purger"]), "deleted role purger\n");
    p.ok(&["keys", "delete", &id, "--confirm", "ci"]);
    assert_eq!(p.ok(&["owners", "delete", "bob"]), "deleted owner bob of org main\n");
    // An org's own role beside the realm's of the same name.
    let shadows = p.run(&["roles", "create", "reader", "--org", "main", "--permission", "dns.view"]);
    assert!(shadows.code == 0 && shadows.err.contains("warning: the realm has a role `reader` too"), "{}", shadows.err);
    let edited = p.json(&["roles", "edit", "reader", "--org", "main", "--name", "Ours"]);
    assert_eq!((&edited["org"], &edited["warnings"][0]["code"]), (&json!("main"), &json!("shadows_role")));
    assert_eq!(p.ok(&["roles", "delete", "reader", "--org", "main"]), "deleted role reader\n");
}

#[test]
fn keys_are_listed_by_every_filter_and_in_every_order() {
    let p = Plane::new();
    let create = |name: &str, more: &[&str]| p.create(&[&["--name", name], more].concat()).0;
    create("b", &["--role", "reader", "--expires", "10d", "--tag", "web,Old", "--tag", "x"]);
    create("A", &["--role", "admin", "--environment", "development", "--expires", "2d"]);
    let c = create("c", &["--not-before", "1d", "--description", "for the night shift"]);
    let names = |args: &[&str]| -> String {
        let page = p.json(&[&["keys", "list"], args].concat());
        page["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect()
    };
    let cases: [(&[&str], &str); 24] = [
        (&[], "cAb"),
        (&["--sort", "name"], "Abc"),
        (&["--sort", "name", "--direction", "desc"], "cbA"),
        (&["--sort", "expires"], "Abc"),
        (&["--sort", "created", "--direction", "asc"], "bAc"),
        (&["--role", "admin"], "A"),
        (&["--environment", "development"], "A"),
        (&["--environment", "production"], "cb"),
        (&["--expires-before", "3d"], "A"),
        (&["--expires-before", "30d", "--role", "reader"], "b"),
        (&["--created-before", "1d"], "cAb"),
        (&["--created-before", "1d ago"], ""),
        (&["--created-before", "-1d"], ""),
        (&["--state", "pending"], "c"),
        (&["--state", "active"], "Ab"),
        (&["--search", "NIGHT"], "c"),
        (&["--owner", "admin", "--org", "main"], "cAb"),
        (&["--rotation-due"], ""),
        (&["--tag", "OLD"], "b"),
        (&["--tag", "web", "--role", "admin"], ""),
        (&["--never-used", "--sort", "name"], "Abc"),
        (&["--unused-since", "1d ago"], ""),
        (&["--created-by", "nobody"], ""),
        (&["--sort", "last-used", "--limit", "1"], "c"),
    ];
    for (args, expected) in cases {
        assert_eq!(names(args), expected, "{args:?}");
    }
    // Pages in another order, one key each.
    let (mut seen, mut cursor) = (String::new(), None::<String>);
    loop {
        let more = cursor.as_ref().map_or(vec![], |c| vec!["--cursor", c.as_str()]);
        let page = p.json(&[&["keys", "list", "--sort", "name", "--limit", "1"], &more[..]].concat());
        seen += page["keys"][0]["name"].as_str().unwrap();
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.into()),
            None => break,
        }
    }
    assert_eq!(seen, "Abc");
    let first = p.run(&["keys", "list", "--limit", "1"]);
    assert!(first.err.starts_with("more: --cursor "), "{}", first.err);
    let notes: Vec<&str> = first.err.lines().collect();
    assert_eq!(notes[1..], ["1 of 3 keys"]);
    let cursor = notes[0].trim_start_matches("more: --cursor ");
    // Back from the second page to the first.
    let second = p.json(&["keys", "list", "--limit", "1", "--cursor", cursor]);
    let back = p.json(&["keys", "list", "--limit", "1", "--cursor", second["previous"].as_str().unwrap()]);
    let facts = |page: &Value| (page["keys"][0]["name"].clone(), page["total"].clone(), page["exact"].clone());
    assert_eq!((facts(&second), facts(&back)), ((json!("A"), json!(3), json!(true)), (json!("c"), json!(3), json!(true))));
    assert!(back["previous"].is_null() && back["next"].is_string(), "{back}");
    p.refused(&["keys", "list", "--sort", "name", "--cursor", cursor], "invalid", &["--cursor", "another order"]);
    p.refused(&["keys", "list", "--sort", "size"], "usage", &["--sort", "created, name, expires, last-used"]);
    p.refused(&["keys", "list", "--direction", "up"], "usage", &["--direction", "asc, desc"]);
    p.refused(&["keys", "list", "--expires-before", "soon"], "invalid", &["--expires-before"]);
    p.refused(&["keys", "list", "--owner", "nobody", "--org", "main"], "not_found", &["nobody"]);
    let lines = p.ok(&["keys", "list", "--search", "A", "--role", "admin"]);
    let days: Vec<&str> = lines.lines().nth(1).unwrap().split_whitespace().collect();
    assert!(lines.lines().next().unwrap().contains("DAYS LEFT") && days.contains(&"2"), "{lines}");
    // Tags are shown, replaced and taken away; who made a key and who changed it last stands there.
    assert!(p.ok(&["keys", "list", "--tag", "x"]).contains("Old, web, x"));
    let shown = p.json(&["keys", "show", &c]);
    let me = &shown["created_by"];
    assert!(me.as_str().unwrap().starts_with("cli:") && *me == shown["updated_by"], "{shown}");
    assert_eq!(p.json(&["keys", "list", "--created-by", me.as_str().unwrap()])["total"], 3);
    assert_eq!(p.json(&["keys", "edit", &c, "--tag", "Night,night"])["key"]["tags"], json!(["Night"]));
    assert_eq!(p.json(&["keys", "edit", &c, "--no-tags"])["key"]["tags"], json!([]));
    p.refused(&["keys", "edit", &c, "--tag", "a b"], "invalid", &["--tag"]);
    // The environment of a key can be changed, and taken away.
    assert_eq!(p.json(&["keys", "edit", &c, "--environment", "development"])["key"]["environment"], "development");
    assert_eq!(p.json(&["keys", "edit", &c, "--no-environment"])["key"]["environment"], Value::Null);
    p.refused(&["keys", "edit", &c, "--environment", "moon"], "not_allowed", &["--environment", "production, development"]);
    p.refused(&["keys", "edit", &c, "--status", "lost"], "usage", &["--status", "active, revoked"]);
    p.refused(&["keys", "edit", &c, "--name", "x", "--if-revision", "1"], "stale", &["revision 5"]);
    p.refused(&["keys", "revoke", &c, "--if-revision", "1"], "stale", &["revision 5"]);
    p.refused(&["keys", "delete", &c, "--confirm", "c", "--if-revision", "1"], "stale", &["revision 5"]);
}

#[test]
fn entries_have_notes_and_can_be_off() {
    let p = Plane::new();
    let (id, secret) = p.create(&["--name", "ci", "--allow", "10.0.0.0/8=Head office,off:192.0.2.0/24=spare"]);
    let key = p.json(&["keys", "show", &id]);
    assert_eq!(
        key["allow"],
        json!([
            { "cidr": "10.0.0.0/8", "enabled": true, "note": "Head office" },
            { "cidr": "192.0.2.0/24", "enabled": false, "note": "spare" }
        ])
    );
    assert!(p.ok(&["keys", "show", &id]).contains("10.0.0.0/8 [Head office], 192.0.2.0/24 (off) [spare]"));
    let asks = |ip: &str| {
        p.ok(&["publish"]);
        p.verify(&secret, &["--ip", ip]).0 == 0
    };
    assert!(asks("10.0.0.1") && !asks("192.0.2.1"));
    p.ok(&["keys", "edit", &id, "--enable-allow", "192.0.2.0/24", "--add-allow", "10.0.0.0/8=HQ"]);
    assert!(asks("192.0.2.1"));
    let key = p.json(&["keys", "show", &id]);
    let notes: Vec<&str> = key["allow"].as_array().unwrap().iter().map(|e| e["note"].as_str().unwrap()).collect();
    assert_eq!(notes, ["spare", "HQ"]);
    let long = format!("::1={}", "x".repeat(201));
    for (entry, says) in
        [(long.as_str(), "limit of 200"), ("=note", "--allow"), ("off:", "--allow"), ("10.0.0.1/24=x", "10.0.0.0/24")]
    {
        p.refused(&["keys", "create", "--name", "x", "--allow", entry], "invalid", &["--allow", says]);
    }
}

#[test]
fn realms_are_made_renamed_and_deleted() {
    let p = Plane::new();
    assert_eq!(p.json(&["realms", "create", "spare", "--preset", "valar"])["prefix"], "vsp_sk");
    assert_eq!(p.json(&["realms", "edit", "spare", "--name", "To be deleted"])["name"], "To be deleted");
    p.refused(&["realms", "delete", "spare"], "unconfirmed", &["the realm's identifier"]);
    p.create(&["--realm", "acme", "--name", "ci"]);
    p.refused(&["realms", "delete", "acme", "--confirm", "acme"], "realm_in_use", &["1 of its keys", "revoke"]);
    assert_eq!(p.ok(&["realms", "delete", "spare", "--confirm", "spare"]), "deleted realm spare\n");
    let names: Vec<_> = p.json(&["realms", "list"]).as_array().unwrap().iter().map(|realm| realm["realm"].clone()).collect();
    assert_eq!(names, ["acme", "management"]);
    p.refused(&["realms", "create", "spare"], "invalid", &["deleted"]);
    p.refused(&["init", "--realm", "spare"], "invalid", &["deleted"]);
    p.refused(&["keys", "list", "--realm", "spare"], "not_found", &["edgelatch realms list"]);
    // Its log outlives it.
    assert_eq!(p.json(&["audit", "list", "--realm", "spare"])["activity"][0]["action"], "realm.delete");
    // Revoked, but edges have not heard of it.
    p.ok(&["keys", "revoke-many", "--realm", "acme", "--all", "--confirm", "1"]);
    p.refused(&["realms", "delete", "acme", "--confirm", "acme"], "realm_in_use", &["publish"]);
    p.ok(&["publish", "--realm", "acme"]);
    p.ok(&["realms", "delete", "acme", "--confirm", "acme"]);
}

#[test]
fn a_leak_of_which_only_the_secret_is_known_is_answered() {
    let p = Plane::new();
    let (id, secret) = p.create(&["--name", "ci", "--role", "reader"]);
    let found = p.with_stdin(&["--json", "keys", "find-secret"], &format!("{secret}\n"));
    assert!(found.code == 0 && found.out.contains(&id) && found.out.contains("\"current\""), "{}{}", found.out, found.err);
    let unknown = p.with_stdin(&["keys", "revoke-secret"], "nobody-has-this-one-0123456789");
    assert!(unknown.code == 2 && unknown.err.contains("no key here has this secret"), "{}", unknown.err);
    assert!(!unknown.err.contains("0123456789"));
    assert_eq!(p.with_stdin(&["keys", "revoke-secret"], "").code, 2);
    let revoked = p.with_stdin(&["keys", "revoke-secret"], &secret);
    assert_eq!((revoked.code, revoked.out), (0, format!("revoked {id}  ci\n")));
    assert!(p.with_stdin(&["keys", "revoke-secret"], &secret).out.starts_with("already revoked"));
    assert!(p.with_stdin(&["keys", "find-secret"], &secret).out.contains("revoked"));
}
