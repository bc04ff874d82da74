//! The audit log: complete, without secrets, and no row can be removed or altered unnoticed.

use edgelatch_core::ip::Ip;
use edgelatch_registry::{
    Anchor, AuditFilter, AuditRow, Caller, Digest, KeyEdit, KeyFilter, NewRole, OrgEdit, OwnerEdit, Paging, RoleEdit, Rotate,
    When, Window,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, new_org, slug};
use serde_json::json;

fn all(f: &Fixture) -> Vec<AuditRow> {
    f.registry.audit(&f.realm).list(&AuditFilter::default(), &Paging::first(500)).unwrap().rows
}

/// Whatever keeps rows from being changed, set aside: what somebody with the database's password can do.
fn force(f: &Fixture, sql: &str) {
    let (off, on) = match &f.schema {
        None => {
            let drop = |trigger| format!("DROP TRIGGER IF EXISTS {trigger};");
            (["audit_log_no_update", "audit_log_no_delete", "audit_log_no_replace"].map(drop).concat(), "")
        }
        Some(_) => ("ALTER TABLE audit_log DISABLE TRIGGER ALL;".into(), "ALTER TABLE audit_log ENABLE TRIGGER ALL;"),
    };
    f.execute(&format!("{off} {sql}; {on}")).unwrap();
}

fn every_act_leaves_a_row(f: Fixture) {
    let me = Caller::new("key_0a1B2c3D4e5".parse().unwrap()).from_address(Ip::parse(b"192.0.2.7").unwrap());
    let (r, realm) = (&f.registry, &f.realm);
    let before = all(&f).len();
    let org = |settings| OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    r.tenants(realm).edit_org(&me, &slug("one"), &org(json!({ "revocation": "reversible" }))).unwrap();
    let created = r.keys(realm).make(&me, &new_key("ci")).unwrap();
    let id = created.key.key_id;
    let edit = KeyEdit { name: Some("deploy".parse().unwrap()), ..KeyEdit::default() };
    r.keys(realm).edit(&me, id, &edit).unwrap();
    r.keys(realm).edit(&me, id, &edit).unwrap(); // Changes nothing, so leaves none.
    let rotated = r.keys(realm).renew(&me, id, &Rotate::default()).unwrap();
    r.keys(realm).revoke(&me, id, None).unwrap();
    r.keys(realm).revoke(&me, id, None).unwrap();
    r.keys(realm).enable(&me, id, None).unwrap();
    assert!(r.keys(realm).delete(&me, id, Some("ci"), None).is_err());
    r.keys(realm).delete(&me, id, Some("deploy"), None).unwrap();
    let digest = "cd".repeat(32);
    r.keys(realm).import(&me, &new_key("legacy"), &Digest::parse("sha256", &digest).unwrap()).unwrap();
    r.keys(realm).revoke_all(&me, &KeyFilter::default(), None, &mut |_| {}).unwrap();
    r.keys(realm).revoke_all(&me, &KeyFilter::default(), Some(1), &mut |_| {}).unwrap();
    let role = NewRole { role: slug("r"), org: None, name: "R".parse().unwrap(), permissions: vec!["a".parse().unwrap()] };
    r.tenants(realm).create_role(&me, &role).unwrap();
    let patterns = RoleEdit { permissions: Some(vec!["b".parse().unwrap()]), ..RoleEdit::default() };
    r.tenants(realm).edit_role(&me, None, &slug("r"), &patterns).unwrap();
    r.tenants(realm).delete_role(&me, None, &slug("r"), None).unwrap();
    let off = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
    r.tenants(realm).edit_owner(&me, &slug("two"), &slug("alice"), &off).unwrap();
    r.tenants(realm).delete_owner(&me, &slug("two"), &slug("alice"), None).unwrap();
    r.tenants(realm).delete_org(&me, &slug("two"), None).unwrap();
    let mut rows = all(&f);
    rows.truncate(rows.len() - before);
    rows.reverse();
    let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    let expected = [
        "org.edit",
        "key.create",
        "key.edit",
        "key.rotate",
        "key.revoke",
        "key.enable",
        "key.delete",
        "key.import",
        "key.revoke",
        "keys.revoke",
        "role.create",
        "role.edit",
        "role.delete",
        "owner.edit",
        "owner.delete",
        "org.delete",
    ];
    assert_eq!(actions, expected);
    assert!(
        rows.iter().all(|row| row.actor == "key_0a1B2c3D4e5" && row.address.as_deref() == Some("192.0.2.7") && row.at == NOW)
    );
    // Before and after hold what differs, and nothing else.
    let edit = &rows[2];
    assert_eq!((edit.target.as_str(), edit.kind.as_str()), (id.to_string().as_str(), "key"));
    assert_eq!(edit.before.as_deref(), Some(r#"{"name":"ci","revision":1}"#));
    assert_eq!(edit.after.as_deref(), Some(r#"{"name":"deploy","revision":2}"#));
    assert!(rows[0].after.as_deref().is_some_and(|json| json.contains(r#""revocation":"reversible""#)));
    let text = format!("{rows:?}");
    for secret in [&created.secret, &rotated.secret] {
        assert!(!text.contains(&secret[3..12]) && !text.contains(&secret[secret.len() - 6..]), "{text}");
    }
    assert!(!text.contains(&digest) && !text.contains("masked"));
    f.registry.audit(realm).verify(None).unwrap();
}

fn a_refused_act_leaves_none(f: Fixture) {
    let before = all(&f);
    let mut new = new_key("ci");
    new.roles = vec![slug("nobody")];
    f.registry.keys(&f.realm).make(&caller(), &new).unwrap_err();
    f.registry.tenants(&f.realm).create_org(&caller(), &new_org("one")).unwrap_err();
    assert_eq!(all(&f), before);
}

fn rows_are_filtered_and_paged(f: Fixture) {
    let other = Caller::new("cli:other".parse().unwrap());
    for i in 0..7 {
        f.advance(10);
        let who = if i % 2 == 0 { other.clone() } else { caller() };
        f.registry.keys(&f.realm).make(&who, &new_key("k")).unwrap();
    }
    let list = |filter: AuditFilter, paging: &Paging| f.registry.audit(&f.realm).list(&filter, paging);
    let count = |filter| list(filter, &Paging::default()).unwrap().rows.len();
    assert_eq!(count(AuditFilter { actor: Some("cli:other".into()), ..AuditFilter::default() }), 4);
    assert_eq!(count(AuditFilter { action: Some("key.create".into()), ..AuditFilter::default() }), 7);
    assert_eq!(
        count(AuditFilter { window: Window { since: Some(When::At(NOW + 60)), until: None }, ..AuditFilter::default() }),
        2
    );
    assert_eq!(
        count(AuditFilter {
            window: Window { since: Some(When::At(NOW + 10)), until: Some(When::At(NOW + 30)) },
            ..AuditFilter::default()
        }),
        2
    );
    assert_eq!(count(AuditFilter { org: Some(slug("two")), ..AuditFilter::default() }), 2);
    let first = list(AuditFilter::default(), &Paging::first(5)).unwrap();
    f.registry.keys(&f.realm).make(&caller(), &new_key("late")).unwrap();
    let next = Paging { limit: Some(5), cursor: first.next.clone() };
    let second = list(AuditFilter::default(), &next).unwrap();
    assert_eq!(first.rows[4].seq, second.rows[0].seq + 1);
    let wrong = Paging { cursor: Some("x".into()), ..Paging::default() };
    assert_eq!(list(AuditFilter::default(), &wrong).unwrap_err().code(), "invalid");
}

fn the_database_refuses_to_change_rows(f: Fixture) {
    let again =
        "INTO audit_log SELECT realm_id, seq, at, 'x', address, action, kind, target, org, before, after, hash FROM audit_log";
    let only_here = match &f.schema {
        // Replacing a row deletes the old one, of which SQLite tells no trigger.
        None => format!("INSERT OR REPLACE {again}"),
        Some(_) => "TRUNCATE audit_log".into(),
    };
    let upsert = format!("INSERT {again} WHERE seq = 1 ON CONFLICT (realm_id, seq) DO UPDATE SET actor = 'x'");
    for sql in [
        "UPDATE audit_log SET actor = 'x'",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE seq = 1",
        &only_here,
        &upsert,
    ] {
        let error = f.execute(sql).unwrap_err();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    f.registry.audit(&f.realm).verify(None).unwrap();
}

/// What the chain says once somebody has run `sql`; then everything is put back.
fn verdict(f: &Fixture, sql: &str) -> String {
    force(f, &format!("CREATE TABLE saved AS SELECT * FROM audit_log; CREATE TABLE ends AS SELECT * FROM realms; {sql}"));
    let error = f.registry.audit(&f.realm).verify(None).map(|anchor| format!("fine up to {}", anchor.seq));
    let back = "DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM saved; DROP TABLE saved; \
                UPDATE realms SET audit_seq = (SELECT audit_seq FROM ends), audit_hash = (SELECT audit_hash FROM ends); \
                DROP TABLE ends";
    force(f, back);
    f.registry.audit(&f.realm).verify(None).unwrap();
    error.unwrap_or_else(|error| format!("{} {error}", error.code()))
}

fn whatever_is_changed_is_found(f: Fixture) {
    let me = caller().from_address(Ip::parse(b"192.0.2.7").unwrap());
    let id = f.registry.keys(&f.realm).make(&me, &new_key("ci")).unwrap().key.key_id;
    let edit = KeyEdit { name: Some("deploy".parse().unwrap()), ..KeyEdit::default() };
    f.registry.keys(&f.realm).edit(&me, id, &edit).unwrap();
    let end = all(&f).len();
    let found = |sql: &str, words: &str| {
        let said = verdict(&f, sql);
        assert!(said.starts_with("activity_altered") && said.contains(words), "{sql}: {said}");
    };
    let altered = format!("row {end} was altered");
    for column in ["actor", "address", "action", "kind", "target", "org", "before", "after"] {
        found(&format!("UPDATE audit_log SET {column} = {column} || ' ' WHERE seq = {end}"), &altered);
    }
    for column in ["address", "org", "before", "after"] {
        found(&format!("UPDATE audit_log SET {column} = NULL WHERE seq = {end}"), &altered);
    }
    found(&format!("UPDATE audit_log SET at = at - 1 WHERE seq = {end}"), &altered);
    // A hash in another's place, or the same for both.
    found("UPDATE audit_log SET hash = (SELECT hash FROM audit_log WHERE seq = 1) WHERE seq = 2", "row 2 was altered");
    // Two rows in each other's place, with and without their hashes.
    let swap = |column: &str| {
        format!(
            "UPDATE audit_log SET {column} = CASE seq WHEN 2 THEN (SELECT {column} FROM audit_log WHERE seq = 3) \
             ELSE (SELECT {column} FROM audit_log WHERE seq = 2) END WHERE seq IN (2, 3);"
        )
    };
    let rows = ["at", "actor", "address", "action", "kind", "target", "org", "before", "after"].map(swap).concat();
    found(&rows, "row 2 was altered");
    found(&(rows + &swap("hash")), "row 2 was altered");
    found("UPDATE audit_log SET seq = 99 WHERE seq = 2; UPDATE audit_log SET seq = 2 WHERE seq = 3", "row 2 was altered");
    // One too many, at the end and before the beginning of another realm's.
    let more = format!(
        "INSERT INTO audit_log SELECT realm_id, {end} + 1, at, actor, address, action, kind, target, org, before, after, hash \
         FROM audit_log WHERE seq = {end}"
    );
    found(&more, &format!("row {} was altered", end + 1));
    found("DELETE FROM audit_log", "row 1 is missing");
    found("UPDATE realms SET audit_seq = 0", "not the one that was written last");
}

/// A tail cut off together with the realm's note of it leaves a sound chain, which is too short for the anchor.
fn a_tail_cut_off_cleanly_misses_the_anchor(f: Fixture) {
    let anchor = f.registry.audit(&f.realm).verify(None).unwrap();
    let end = anchor.seq - 1;
    force(
        &f,
        &format!(
            "DELETE FROM audit_log WHERE seq > {end}; UPDATE realms SET audit_seq = {end}, \
             audit_hash = (SELECT hash FROM audit_log WHERE seq = {end})"
        ),
    );
    assert_eq!(f.registry.audit(&f.realm).verify(None).unwrap().seq, end);
    let error = f.registry.audit(&f.realm).verify(Some(&anchor)).unwrap_err().to_string();
    assert!(error.contains("beyond the end"), "{error}");
    // Filled up again with something else, it is another chain.
    f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    assert_eq!(f.registry.audit(&f.realm).verify(None).unwrap().seq, anchor.seq);
    let error = f.registry.audit(&f.realm).verify(Some(&anchor)).unwrap_err().to_string();
    assert!(error.contains("differs from the anchor"), "{error}");
}

fn altered_and_missing_rows_are_found(f: Fixture) {
    let anchor = f.registry.audit(&f.realm).verify(None).unwrap();
    assert_eq!(anchor.seq, all(&f).len() as u64);
    force(&f, "UPDATE audit_log SET actor = 'cli:nobody' WHERE seq = 2");
    let error = f.registry.audit(&f.realm).verify(None).unwrap_err();
    assert_eq!(error.code(), "activity_altered");
    assert!(error.to_string().contains("row 2 was altered"), "{error}");
}

fn a_row_missing_in_the_middle_is_found(f: Fixture) {
    force(&f, "DELETE FROM audit_log WHERE seq = 2");
    assert!(f.registry.audit(&f.realm).verify(None).unwrap_err().to_string().contains("row 2 is missing"));
}

fn a_row_missing_at_the_end_is_found(f: Fixture) {
    let end = all(&f).len();
    force(&f, &format!("DELETE FROM audit_log WHERE seq = {end}"));
    let error = f.registry.audit(&f.realm).verify(None).unwrap_err().to_string();
    assert!(error.contains(&format!("row {end} is missing")), "{error}");
}

/// Whoever may write everything can write a new chain; not one that an anchor kept elsewhere lies on.
fn a_chain_written_anew_misses_the_anchor(f: Fixture) {
    let anchor = f.registry.audit(&f.realm).verify(None).unwrap();
    f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    let later = f.registry.audit(&f.realm).verify(Some(&anchor)).unwrap();
    assert_eq!(later.seq, anchor.seq + 1);
    let false_one = Anchor { hash: "00".repeat(32), ..anchor };
    assert!(f.registry.audit(&f.realm).verify(Some(&false_one)).unwrap_err().to_string().contains("differs from the anchor"));
    let beyond = Anchor { seq: later.seq + 1, ..later };
    assert!(f.registry.audit(&f.realm).verify(Some(&beyond)).unwrap_err().to_string().contains("beyond the end"));
}

on_both_stores!(
    every_act_leaves_a_row,
    a_refused_act_leaves_none,
    rows_are_filtered_and_paged,
    the_database_refuses_to_change_rows,
    whatever_is_changed_is_found,
    a_tail_cut_off_cleanly_misses_the_anchor,
    altered_and_missing_rows_are_found,
    a_row_missing_in_the_middle_is_found,
    a_row_missing_at_the_end_is_found,
    a_chain_written_anew_misses_the_anchor,
);
