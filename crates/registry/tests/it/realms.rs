//! Realms are renamed and deleted: once no edge accepts a key of one any more, for ever, and with all that was kept of it but its audit log.

use edgelatch_core::limits::MAX_GRACE;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{Caller, EpochRequest, KeyFilter, NewRealm, Preset, RealmEdit, Registry, State, management};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug};

on_both_stores! {
    a_name_for_people_changes_and_the_other_stays, edges_must_have_heard_before_a_realm_is_deleted, a_head_that_has_ended_holds_nobody_up,
    nothing_is_left_but_the_log, who_has_one_org_deletes_no_realm,
}

fn delete(f: &Fixture, by: &Caller) -> Result<(), String> {
    f.registry.delete_realm(by, &f.realm, Some("acme"), None).map(drop).map_err(|error| error.code().to_owned())
}

fn revoke_all(f: &Fixture) {
    let matched = f.registry.keys(&f.realm).revoke_all(&caller(), &KeyFilter::default(), None, &mut |_| {}).unwrap().matched;
    f.registry.keys(&f.realm).revoke_all(&caller(), &KeyFilter::default(), Some(matched), &mut |_| {}).unwrap();
}

/// Takes an epoch that shows the present state, which lives for so many seconds.
fn reserve(f: &Fixture, lifetime: u64) -> u64 {
    let ledger = f.registry.ledger(&f.realm);
    let (changes, now) = (ledger.changes().unwrap(), f.registry.env().now().unwrap());
    let request = EpochRequest { above: 0, now, tree: ObjectId([7; 32]), records: 1, changes, root_version: 0, lifetime };
    ledger.reserve(&request).unwrap().epoch
}

fn again(registry: &Registry) -> String {
    let new = NewRealm {
        realm: slug("acme"),
        name: "Again".parse().unwrap(),
        preset: Preset::Valar,
        prefix: None,
        credentials: None,
    };
    registry.create_realm(&caller(), &new).unwrap_err().to_string()
}

fn a_name_for_people_changes_and_the_other_stays(f: Fixture) {
    let edit = |if_revision| RealmEdit { name: Some("Acme Europe".parse().unwrap()), head_lifetime: None, if_revision };
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let renamed = f.registry.edit_realm(&caller(), &f.realm, &edit(Some(1))).unwrap();
    assert_eq!((renamed.name.as_str(), renamed.realm.as_str(), renamed.revision), ("Acme Europe", "acme", 2));
    assert_eq!(f.registry.edit_realm(&caller(), &f.realm, &edit(Some(1))).unwrap_err().code(), "stale");
    assert_eq!(f.registry.edit_realm(&caller(), &f.realm, &edit(None)).unwrap().revision, 2);
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes, "edges know nothing of it");
    let log = f.registry.audit(&f.realm).list(&Default::default(), &Default::default()).unwrap();
    assert_eq!(
        (log.rows[0].action.as_str(), log.rows[0].after.as_deref().map(|after| after.contains("Europe"))),
        ("realm.edit", Some(true))
    );
}

/// Else those that have the realm's last head would accept its keys, and nobody could tell them otherwise any more.
fn edges_must_have_heard_before_a_realm_is_deleted(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    keys.make(&caller(), &new_key("ci")).unwrap();
    let epoch = reserve(&f, 1000);
    f.registry.ledger(&f.realm).mark_published(epoch).unwrap();
    assert_eq!(f.registry.delete_realm(&caller(), &f.realm, None, None).unwrap_err().code(), "unconfirmed");
    assert_eq!(f.registry.delete_realm(&caller(), &f.realm, Some("Acme"), None).unwrap_err().code(), "unconfirmed");
    assert_eq!(f.registry.delete_realm(&caller(), &f.realm, Some("acme"), Some(9)).unwrap_err().code(), "stale");
    assert_eq!(delete(&f, &caller()), Err("realm_in_use".into()), "a key is not revoked");
    revoke_all(&f);
    assert_eq!(delete(&f, &caller()), Err("realm_in_use".into()), "edges have not heard of it");
    let epoch = reserve(&f, 1000);
    assert_eq!(delete(&f, &caller()), Err("realm_in_use".into()), "a target may lack it");
    f.registry.ledger(&f.realm).mark_published(epoch).unwrap();
    delete(&f, &caller()).unwrap();
    // It is there for nobody, and nothing is signed for it any more.
    let code = |result: Result<(), edgelatch_registry::Error>| result.unwrap_err().code();
    assert_eq!(code(f.registry.realm(&f.realm).map(drop)), "not_found");
    assert_eq!(code(keys.make(&caller(), &new_key("late")).map(drop)), "not_found");
    assert_eq!(code(f.registry.ledger(&f.realm).snapshot(None).map(drop)), "not_found");
    assert_eq!(delete(&f, &caller()), Err("not_found".into()));
    assert!(f.registry.realms().unwrap().iter().all(|realm| realm.realm != f.realm));
    // What edges and management keys still name is never somebody else's.
    assert!(again(&f.registry).contains("deleted"));
}

fn a_head_that_has_ended_holds_nobody_up(f: Fixture) {
    f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    reserve(&f, 1000);
    revoke_all(&f);
    // And what edges may add to it.
    f.advance(999 + MAX_GRACE);
    assert_eq!(delete(&f, &caller()), Err("realm_in_use".into()));
    f.advance(1);
    delete(&f, &caller()).unwrap();
}

fn nothing_is_left_but_the_log(f: Fixture) {
    management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap();
    let keys = f.registry.keys(&f.realm);
    let made = keys.make(&caller(), &new_key("a-name-of-somebody")).unwrap();
    let epoch = reserve(&f, 1);
    f.registry.ledger(&f.realm).mark_published(epoch).unwrap();
    f.execute("INSERT INTO verdict_totals (realm_id, code, number) SELECT id, 'valid', 1 FROM realms WHERE slug = 'acme';")
        .unwrap();
    revoke_all(&f);
    f.advance(10 + MAX_GRACE);
    delete(&f, &caller()).unwrap();
    assert_eq!(f.rows("SELECT count(*) FROM key_rows WHERE name = 'a-name-of-somebody'"), [["1"]]);
    assert!(f.registry.purge().unwrap().others > 10);
    let digest = edgelatch_core::key::digest(made.secret.as_bytes());
    let tables = f.rows(match f.schema {
        None => {
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'realm_id' WHERE m.type = 'table'"
        }
        Some(_) => {
            "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t \
                    ON t.table_name = c.table_name AND t.table_schema = c.table_schema AND t.table_type = 'BASE TABLE' \
                    WHERE c.column_name = 'realm_id' AND c.table_schema = current_schema()"
        }
    });
    assert!(tables.len() > 15, "{tables:?}");
    let of_acme = "realm_id = (SELECT id FROM realms WHERE slug = 'acme')";
    for table in tables.concat() {
        let left = f.rows(&format!("SELECT count(*) FROM {table} WHERE {of_acme}")).concat().concat();
        let stays = ["audit_log", "imports"].contains(&table.as_str());
        assert!(left == "0" || stays, "{table}: {left}: add it to what a deleted realm leaves");
    }
    assert_eq!(f.rows("SELECT count(*) FROM owners WHERE slug = 'alice'"), [["0"]]);
    if f.schema.is_some() {
        assert!(!f.stored().windows(16).any(|window| window == &digest[..16]));
    }
    // Both logs say who did it; the realm's own can still be read and proven.
    f.registry.audit(&f.realm).verify(None).unwrap();
    let last = |realm: &str| {
        let rows = f.registry.audit(&slug(realm)).list(&Default::default(), &Default::default()).unwrap().rows;
        (rows[0].action.clone(), rows[0].target.clone())
    };
    assert_eq!(
        [last("acme"), last(management::REALM)],
        [("realm.delete".into(), "acme".into()), ("realm.delete".into(), "acme".into())]
    );
    assert_eq!(f.registry.audit(&f.realm).export(0, None).unwrap().rows.last().unwrap().row.action, "realm.delete");
    // A second time there is nothing to do, and the others go on.
    f.registry.purge().unwrap();
    f.registry.remind().unwrap();
    assert!(again(&f.registry).contains("deleted"));
    let refused = f.registry.delete_realm(&caller(), &slug(management::REALM), Some(management::REALM), None);
    assert_eq!(refused.unwrap_err().field(), Some("realm"));
}

fn who_has_one_org_deletes_no_realm(f: Fixture) {
    let confined = caller().within(slug("one"));
    assert_eq!(delete(&f, &confined), Err("forbidden".into()));
    let edit = RealmEdit { name: Some("Mine".parse().unwrap()), ..RealmEdit::default() };
    assert_eq!(f.registry.edit_realm(&confined, &f.realm, &edit).unwrap_err().code(), "forbidden");
    assert_eq!(
        f.registry.keys(&f.realm).all(&KeyFilter { state: Some(State::Active), ..KeyFilter::default() }).unwrap().len(),
        0
    );
    assert_eq!(f.registry.env().now().unwrap(), NOW);
    delete(&f, &caller()).unwrap();
}
