//! Keys found and revoked by their secrets, and reports that a secret is public: what is noted, told and done, and how often.

use edgelatch_registry::{Caller, Digest, KeyEdit, Leak, NewKey, OrgEdit, Rotate, SecretKind, State, StatusEdit, management};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug};
use serde_json::{Value, json};

on_both_stores! {
    each_secret_of_a_key_leads_to_it, to_others_a_secret_is_unknown, a_text_leaves_nothing_behind,
    a_leak_is_told_once_and_revoked_where_the_org_says_so, a_secret_that_ended_revokes_nothing, a_leak_is_found_in_every_realm,
}

fn settings(f: &Fixture, settings: Value) {
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit).unwrap();
}

fn reporter() -> Caller {
    Caller::new("github:secret-scanning".parse().unwrap())
}

fn leaked(f: &Fixture, secret: &str) -> bool {
    let (source, url) = (Some("content".into()), Some("https://example.com/repository".into()));
    f.registry.leaked(&reporter(), &Leak { digest: Digest::of(secret), source, url }).unwrap()
}

/// The alerts that wait, each once.
fn alerts(f: &Fixture) -> Vec<Value> {
    let events = f.registry.outbox().take(100).unwrap();
    events.iter().for_each(|due| f.registry.outbox().delivered(&due.event).unwrap());
    // They wait for no act on a key.
    assert!(
        events.first().is_none_or(
            |due| due.body.contains("secret_leaked") || !events.iter().any(|due| due.body.contains("secret_leaked"))
        )
    );
    let told = events.iter().map(|due| serde_json::from_str::<Value>(&due.body).unwrap());
    told.filter(|body| body["type"] == "secret_leaked").collect()
}

fn each_secret_of_a_key_leads_to_it(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let made = keys.make(&caller(), &new_key("ci")).unwrap();
    let (id, first) = (made.key.key_id, Digest::of(&made.secret));
    let find = |digest: &Digest| keys.find_by_secret(digest, |_| true).map(|found| (found.key.key_id, found.secret_kind));
    assert_eq!(find(&first).unwrap(), (id, SecretKind::Current));
    let second = keys.renew(&caller(), id, &Rotate { overlap: 100, ..Rotate::default() }).unwrap();
    let second = Digest::of(&second.secret);
    assert_eq!((find(&first).unwrap(), find(&second).unwrap()), ((id, SecretKind::Overlapping), (id, SecretKind::Current)));
    f.advance(100);
    assert_eq!(find(&first).unwrap(), (id, SecretKind::Ended));
    // Whoever holds what a key had once cannot end what it has now.
    let refused = keys.revoke_by_secret(&caller(), &first).unwrap_err();
    assert_eq!((refused.code(), keys.get(id).unwrap().state), ("wrong_state", State::Active), "{refused}");
    let revoked = keys.revoke_by_secret(&caller(), &second).unwrap();
    assert_eq!((revoked.changed, revoked.key.state), (true, State::Revoked));
    assert!(!keys.revoke_by_secret(&caller(), &second).unwrap().changed);
    settings(&f, json!({ "revocation": "delete" }));
    let other = keys.make(&caller(), &new_key("other")).unwrap();
    assert!(keys.revoke_by_secret(&caller(), &Digest::of(&other.secret)).unwrap().deleted);
    assert_eq!(find(&Digest::of(&other.secret)).unwrap_err().code(), "secret_unknown");
}

fn to_others_a_secret_is_unknown(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let made = keys.make(&caller(), &new_key("ci")).unwrap();
    let digest = Digest::of(&made.secret);
    assert_eq!(keys.find_by_secret(&digest, |key| key.org == slug("two")).unwrap_err().code(), "secret_unknown");
    let confined = caller().within(slug("two"));
    assert_eq!(keys.revoke_by_secret(&confined, &digest).unwrap_err().code(), "secret_unknown");
    // A cut or longer text is another one.
    for text in [&made.secret[..made.secret.len() - 1], &format!("{}x", &*made.secret), ""] {
        assert_eq!(keys.revoke_by_secret(&caller(), &Digest::of(text)).unwrap_err().code(), "secret_unknown");
    }
    assert_eq!(keys.get(made.key.key_id).unwrap().state, State::Active);
}

fn a_text_leaves_nothing_behind(f: Fixture) {
    let (text, keys) = ("somebody-elses-password-0123456789", f.registry.keys(&f.realm));
    let digest = edgelatch_core::key::digest(text.as_bytes());
    assert!(keys.find_by_secret(&Digest::of(text), |_| true).is_err() && !leaked(&f, text));
    assert!(keys.revoke_by_secret(&caller(), &Digest::of(text)).is_err());
    let stored = f.stored();
    for what in [text.as_bytes(), &digest[..16]] {
        assert!(!stored.windows(what.len()).any(|window| window == what));
    }
    assert!(alerts(&f).is_empty());
}

fn a_leak_is_told_once_and_revoked_where_the_org_says_so(f: Fixture) {
    settings(&f, json!({ "revocation": "reversible", "editable": ["status"] }));
    let keys = f.registry.keys(&f.realm);
    let made = keys.make(&caller(), &new_key("ci")).unwrap();
    let id = made.key.key_id;
    assert!(leaked(&f, &made.secret));
    let told = alerts(&f);
    assert_eq!((told.len(), &told[0]["type"], &told[0]["revoked"]), (1, &json!("secret_leaked"), &json!(false)));
    assert_eq!(
        (&told[0]["key_id"], &told[0]["org"], &told[0]["source"]),
        (&json!(id.to_string()), &json!("one"), &json!("content"))
    );
    assert_eq!((keys.get(id).unwrap().state, keys.get(id).unwrap().leaked_at), (State::Active, Some(NOW)));
    // The same report again, by whoever overheard it, asks for nothing new.
    let rows = f.rows("SELECT seq FROM audit_log").len();
    f.advance(10);
    assert!(leaked(&f, &made.secret) && alerts(&f).is_empty());
    assert_eq!((f.rows("SELECT seq FROM audit_log").len(), keys.get(id).unwrap().leaked_at), (rows, Some(NOW)));

    settings(&f, json!({ "revoke_leaked": true }));
    assert!(leaked(&f, &made.secret));
    assert_eq!((keys.get(id).unwrap().state, &alerts(&f)[0]["revoked"]), (State::Revoked, &json!(true)));
    assert!(leaked(&f, &made.secret) && alerts(&f).is_empty());
    let logged = f.rows("SELECT action FROM audit_log WHERE actor = 'github:secret-scanning' ORDER BY seq");
    assert_eq!(logged.concat(), ["key.leak", "key.leak", "key.revoke"]);
    // A secret that is public stays so, whoever enables its key.
    keys.edit(&caller(), id, &KeyEdit { status: Some(StatusEdit::Enable), ..KeyEdit::default() }).unwrap();
    assert!(leaked(&f, &made.secret));
    assert_eq!(keys.get(id).unwrap().state, State::Revoked);
    f.registry.audit(&f.realm).verify(None).unwrap();
}

fn a_secret_that_ended_revokes_nothing(f: Fixture) {
    settings(&f, json!({ "revoke_leaked": true }));
    let keys = f.registry.keys(&f.realm);
    let made = keys.make(&caller(), &new_key("ci")).unwrap();
    let id = made.key.key_id;
    let second = keys.renew(&caller(), id, &Rotate { overlap: 100, ..Rotate::default() }).unwrap();
    f.advance(100);
    assert!(leaked(&f, &made.secret), "it was a key's");
    assert_eq!((keys.get(id).unwrap().state, alerts(&f).len()), (State::Active, 0));
    assert!(leaked(&f, &second.secret));
    assert_eq!((keys.get(id).unwrap().state, alerts(&f).len()), (State::Revoked, 1));
}

fn a_leak_is_found_in_every_realm(f: Fixture) {
    let admin = management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap().unwrap();
    let other = slug("other");
    edgelatch_testkit::registry::fill(&f.registry, &other, edgelatch_registry::Preset::Valar);
    let new = NewKey { roles: Vec::new(), ..new_key("theirs") };
    let theirs = f.registry.keys(&other).make(&caller(), &new).unwrap();
    assert!(leaked(&f, &theirs.secret) && leaked(&f, &admin.secret));
    let realms: Vec<_> = alerts(&f).iter().map(|alert| alert["realm"].clone()).collect();
    assert_eq!(realms, ["other", "management"]);
    // An administrator's key that everybody can read is nobody's any more.
    let management = f.registry.keys(&slug(management::REALM)).get(admin.key.key_id).unwrap();
    assert_eq!(
        (management.state, f.registry.keys(&other).get(theirs.key.key_id).unwrap().state),
        (State::Revoked, State::Active)
    );
}
