//! A registry is copied to another database, and all commands work there: SQLite and PostgreSQL.

use crate::common::{Plane, Ran};
#[cfg(unix)]
use edgelatch_testkit::postgres;
use serde_json::Value;

fn with(p: &Plane, database: &str, args: &[&str]) -> Ran {
    p.command(args).env("EDGELATCH_DATABASE", database).output().unwrap().into()
}

fn filled() -> (Plane, String, String) {
    let p = Plane::new();
    let (id, secret) = p.create(&["--name", "ci", "--role", "reader", "--allow", "10.0.0.0/8=office"]);
    p.ok(&["keys", "edit", &id, "--description", "a\nb"]);
    p.ok(&["publish"]);
    (p, id, secret)
}

/// What a registry shows to somebody who looks.
fn seen(p: &Plane, database: &str) -> Vec<String> {
    let looks: [&[&str]; 6] = [
        &["keys", "list"],
        &["realms", "list"],
        &["orgs", "list"],
        &["roles", "list"],
        &["audit", "verify"],
        &["keys", "list", "--realm", "management"],
    ];
    looks.iter().map(|args| with(p, database, &[&["--json"], *args].concat()).out).collect()
}

#[test]
fn to_another_file() {
    let (p, ..) = filled();
    let (source, target) = (p.data().join("registry.db"), p.beside("copy.db"));
    let (source, text) = (source.to_str().unwrap(), target.to_str().unwrap());
    let copied = p.json(&["store", "copy", "--to", text]);
    assert!(copied["rows"].as_u64().unwrap() > 20 && copied["to"] == text, "{copied}");
    assert_eq!(seen(&p, text), seen(&p, source));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&target).unwrap().permissions()) & 0o777, 0o600);
    let before = seen(&p, text);
    p.refused(&["store", "copy", "--to", text], "store_not_empty", &["copy.db", "nothing was copied"]);
    p.refused(&["store", "copy", "--to", source], "store_not_empty", &["registry.db"]);
    assert_eq!(seen(&p, text), before);
    p.refused(&["store", "copy", "--to", ""], "usage", &["--to", "postgres://"]);
    p.refused(&["store", "copy", "--to", "mysql://h/d"], "usage", &["--to", "postgres://"]);
    let ran = p.run(&["store", "copy", "--to", p.beside("none/x.db").to_str().unwrap()]);
    assert!(ran.code == 2 && ran.err.contains("none/x.db") && ran.err.lines().count() == 1, "{}", ran.err);
    let ran = p.run(&["store", "copy"]);
    assert!(ran.code == 2 && ran.err.contains("--to"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn to_postgresql_and_on_from_there() {
    let Some(server) = postgres::server() else { return };
    let (p, id, secret) = filled();
    let url = server.url(&server.schema());
    let source = p.data().join("registry.db");
    let mut copy = p.command(&["--json", "store", "copy"]);
    let ran: Ran = copy.env("EDGELATCH_COPY_TO", &url).output().unwrap().into();
    assert_eq!(ran.code, 0, "{}", ran.err);
    let copied: Value = serde_json::from_str(&ran.out).unwrap();
    let to = copied["to"].as_str().unwrap();
    assert!(to.starts_with("postgres://edgelatch@/") && !ran.out.contains("p%40ss") && !ran.out.contains(postgres::PASSWORD));
    assert_eq!(seen(&p, &url), seen(&p, source.to_str().unwrap()));
    // The next epoch, the next row of the log: it goes on from there.
    assert_eq!(with(&p, &url, &["keys", "revoke", &id]).code, 0);
    let published: Value = serde_json::from_str(&with(&p, &url, &["--json", "publish"]).out).unwrap();
    assert_eq!(published["epoch"], 3);
    assert_eq!(p.verify(&secret, &["--ip", "10.0.0.1"]).1["code"], "revoked");
    let again = with(&p, &url, &["--json", "audit", "verify"]);
    assert!(again.code == 0 && again.out.contains("\"sound\": true"), "{}", again.out);
    let ran: Ran = p.command(&["store", "copy"]).env("EDGELATCH_COPY_TO", &url).output().unwrap().into();
    assert!(ran.code == 2 && ran.err.contains("nothing was copied") && !ran.err.contains("p%40ss"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn beginning_on_postgresql() {
    let Some(server) = postgres::server() else { return };
    let (p, url) = (Plane::empty(), server.url(&server.schema()));
    let run = |args: &[&str]| with(&p, &url, args);
    assert!(run(&["keys", "list"]).err.contains("edgelatch init"));
    let ran = run(&["init", "--realm", "acme", "--preset", "vergecloud"]);
    assert!(ran.code == 0 && ran.out.contains("EDGELATCH_ADMIN_KEY=elm_"), "{}", ran.err);
    assert!(!p.data().join("registry.db").exists());
    let key = run(&["keys", "create", "--name", "ci", "--role", "cache-purger"]).out;
    assert_eq!(run(&["publish"]).code, 0);
    assert_eq!(p.verify(key.trim(), &["--permission", "cache.purge"]).1["code"], "valid");
    let again = run(&["init", "--realm", "acme"]);
    assert!(again.code == 2 && again.err.contains("acme") && !again.err.contains("p%40ss"), "{}", again.err);
    assert_eq!(run(&["init"]).code, 2);
    assert_eq!(run(&["init", "--realm", "second"]).code, 0);
    // A secret is saved before its key is committed here too.
    let path = p.beside("x.PAK");
    let refused =
        run(&["keys", "create", "--realm", "acme", "--name", "ci", "--role", "admin", "--save", path.to_str().unwrap()]);
    assert!(refused.code == 2 && refused.err.contains("ci") && !path.exists(), "{}", refused.err);
}

/// The key may exist, so its secret must not go; and the next attempt is not told that it came before.
#[cfg(unix)]
#[test]
fn a_secret_stays_where_nobody_knows_whether_its_key_was_made() {
    let Some(server) = postgres::server() else { return };
    let (p, schema) = (Plane::empty(), server.schema());
    let run = |args: &[&str]| with(&p, &server.url(&schema), args);
    assert_eq!(run(&["init", "--realm", "acme"]).code, 0);
    let sql = |text: &str| server.admin().batch_execute(&format!("SET search_path = {schema}; {text}")).unwrap();
    sql("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON realms DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()");
    let path = p.beside("ci.PAK");
    let create = ["--json", "keys", "create", "--name", "ci", "--save", path.to_str().unwrap()];
    let ran = run(&create);
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((ran.code, &error["error"]["code"]), (2, &"store_commit_unknown".into()));
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains("ci.PAK holds the secret"), "{message}");
    let saved = std::fs::read_to_string(&path).unwrap();
    assert!(saved.starts_with("ek_") && saved.len() == 40 && !ran.err.contains(saved.trim()));
    sql("DROP TRIGGER die ON realms");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run(&create).code, 0);
    assert_ne!(std::fs::read_to_string(&path).unwrap(), saved);
}
