//! Many keys at once by a filter: tried first, made by short transactions between which others act, and never more than was confirmed.

use edgelatch_registry::limits::BULK_KEYS;
use edgelatch_registry::management::{self, ADMINISTRATOR, ORG};
use edgelatch_registry::{Caller, IpEdit, KeyEdit, KeyFilter, ListEdit, NewKey, OrgEdit, Scope, State, StatusEdit, When};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, ip, new_key, slug};
use serde_json::json;

on_both_stores! {
    others_act_between_the_parts, all_are_changed_or_none, what_there_is_to_say_is_said_with_the_count, what_others_fill_up_stops_it_and_what_was_done_is_said,
    limits_hold_for_many_that_are_enabled, a_filter_that_is_edited_away_is_followed_to_its_end, it_ends_with_the_callers_own_key,
}

/// More than one transaction changes.
const MANY: usize = 2 * BULK_KEYS + 3;

/// Keys whose names no id can contain.
fn make(f: &Fixture, count: usize) {
    for n in 0..count {
        f.registry.keys(&f.realm).make(&caller(), &new_key(&format!("p-{n}"))).unwrap();
    }
}

fn settings(f: &Fixture, org: &str, settings: serde_json::Value) {
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug(org), &edit).unwrap();
}

fn named(search: &str) -> KeyFilter {
    KeyFilter { search: Some(search.into()), ..KeyFilter::default() }
}

fn count(f: &Fixture, filter: &KeyFilter) -> u64 {
    f.registry.keys(&f.realm).count(filter).unwrap()
}

fn expires(at: u64) -> KeyEdit {
    KeyEdit { expires_at: Some(Some(at)), ..KeyEdit::default() }
}

fn expired_by(at: u64) -> KeyFilter {
    KeyFilter { expires_before: Some(When::At(at)), ..KeyFilter::default() }
}

fn actions(f: &Fixture, action: &str) -> usize {
    f.rows(&format!("SELECT seq FROM audit_log WHERE action = '{action}'")).len()
}

/// A revocation is the emergency brake: whoever pulls it in the midst of another one is not held up by it.
fn others_act_between_the_parts(f: Fixture) {
    make(&f, MANY);
    let spared = f.registry.keys(&f.realm).make(&caller(), &new_key("p-spared")).unwrap().key.key_id;
    let urgent = f.registry.keys(&f.realm).make(&caller(), &new_key("urgent")).unwrap().key.key_id;
    let (other, filter) = (f.open(), named("p-"));
    let mut heard = Vec::new();
    let done = f.registry.keys(&f.realm).revoke_all(&caller(), &filter, Some(MANY as u64 + 1), &mut |done| {
        if heard.is_empty() {
            // Over connections of its own, as another process has them.
            let keys = other.keys(&f.realm);
            keys.revoke(&caller(), urgent, None).unwrap();
            let renamed = KeyEdit { name: Some("other".parse().unwrap()), ..KeyEdit::default() };
            keys.edit(&caller(), spared, &renamed).unwrap();
            keys.make(&caller(), &new_key("p-late")).unwrap();
        }
        heard.push(done);
    });
    let done = done.unwrap();
    assert_eq!((done.matched, done.revoked, done.done), (MANY as u64 + 1, MANY as u64, true));
    assert_eq!(heard, [BULK_KEYS as u64, 2 * BULK_KEYS as u64, MANY as u64]);
    // Neither what does not fit any more, nor what nobody has counted.
    let active = KeyFilter { state: Some(State::Active), ..KeyFilter::default() };
    let left = f.registry.keys(&f.realm).all(&active).unwrap();
    assert_eq!(left.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["p-late", "other"]);
    assert_eq!((actions(&f, "key.revoke"), actions(&f, "keys.revoke")), (MANY + 1, 1));
    f.registry.audit(&f.realm).verify(None).unwrap();
}

fn all_are_changed_or_none(f: Fixture) {
    make(&f, MANY);
    let keys = f.registry.keys(&f.realm);
    keys.make(&caller(), &NewKey { org: slug("two"), ip: ip(&["192.0.2.0/24"], &[]), ..new_key("theirs") }).unwrap();
    settings(&f, "two", json!({ "editable": ["name"] }));
    let (everything, changes) = (KeyFilter::default(), f.registry.ledger(&f.realm).changes().unwrap());
    let edit = |filter: &KeyFilter, edit: &KeyEdit, confirm| keys.edit_all(&caller(), filter, edit, confirm, &mut |_| {});
    let later = expires(NOW + 1000);
    for confirm in [None, Some(MANY as u64 + 1)] {
        let refused = edit(&everything, &later, confirm).unwrap();
        assert_eq!((refused.matched, refused.done, refused.refusals.len()), (MANY as u64 + 1, false, 1));
        assert_eq!((refused.refusals[0].code, refused.refusals[0].field.as_deref()), ("not_allowed", Some("expires_at")));
    }
    assert_eq!(edit(&everything, &later, Some(3)).unwrap_err().code(), "count_changed");
    let mut name = later.clone();
    name.name = Some("x".parse().unwrap());
    assert_eq!(edit(&everything, &name, None).unwrap_err().field(), Some("name"));
    assert_eq!(edit(&everything, &KeyEdit::default(), None).unwrap_err().field(), Some("edit"));
    assert_eq!(edit(&everything, &expires(NOW - 1), None).unwrap_err().field(), Some("expires_at"));
    assert_eq!(edit(&named(""), &later, None).unwrap_err().field(), Some("search"));
    assert_eq!((count(&f, &expired_by(NOW + 1001)), f.registry.ledger(&f.realm).changes().unwrap()), (0, changes));

    let ours = KeyFilter { org: Some(slug("one")), ..KeyFilter::default() };
    let tried = edit(&ours, &later, None).unwrap();
    assert_eq!((tried.matched, tried.changed, tried.done, tried.sample.len()), (MANY as u64, MANY as u64, false, 20));
    assert_eq!((count(&f, &expired_by(NOW + 1001)), actions(&f, "key.edit")), (0, 0));
    let done = edit(&ours, &later, Some(MANY as u64)).unwrap();
    assert_eq!((done.changed, done.done, count(&f, &expired_by(NOW + 1001))), (MANY as u64, true, MANY as u64));
    assert_eq!(edit(&ours, &later, Some(MANY as u64)).unwrap().changed, 0);
    assert_eq!((actions(&f, "key.edit"), actions(&f, "keys.edit")), (MANY, 2));

    // What one list lacks cannot be taken from it.
    let lists = |allow| KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() };
    let add = ListEdit::Change { add: ip(&["10.0.0.0/8"], &[]).allow, remove: Vec::new(), switch: Vec::new() };
    let few = named("p-1");
    let fits = edit(&few, &lists(add.clone()), None).unwrap().matched;
    assert_eq!(edit(&few, &lists(add), Some(fits)).unwrap().changed, fits);
    let remove = ListEdit::Change { add: Vec::new(), remove: vec![ip(&["10.0.0.0/8"], &[]).allow[0].cidr], switch: Vec::new() };
    let refused = edit(&named("p-"), &lists(remove), None).unwrap();
    assert_eq!((refused.refusals.len(), refused.refusals[0].field.as_deref()), (20, Some("allow")));
    f.registry.audit(&f.realm).verify(None).unwrap();
}

/// What is said of a key that is edited by itself is said of many, and before it is done.
fn what_there_is_to_say_is_said_with_the_count(f: Fixture) {
    settings(&f, "one", json!({ "empty_allow_list": "everybody" }));
    let keys = f.registry.keys(&f.realm);
    for name in ["w-1", "w-2"] {
        keys.make(&caller(), &NewKey { ip: ip(&["10.0.0.0/8"], &[]), ..new_key(name) }).unwrap();
    }
    let allow = ListEdit::Change { add: Vec::new(), remove: vec![ip(&["10.0.0.0/8"], &[]).allow[0].cidr], switch: Vec::new() };
    let edit = KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() };
    let tried = keys.edit_all(&caller(), &named("w-"), &edit, None, &mut |_| {}).unwrap();
    let said: Vec<_> = tried.warnings.iter().map(|warning| (warning.code, warning.keys)).collect();
    assert_eq!((said, tried.done), (vec![("opens_to_all", 2)], false));
}

fn what_others_fill_up_stops_it_and_what_was_done_is_said(f: Fixture) {
    make(&f, MANY);
    let (other, mut heard) = (f.open(), 0);
    let edited =
        f.registry.keys(&f.realm).edit_all(&caller(), &named("p-"), &expires(NOW + 1000), Some(MANY as u64), &mut |_| {
            if heard == 0 {
                let edit = OrgEdit { settings: Some(json!({ "editable": ["name"] })), ..OrgEdit::default() };
                other.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit).unwrap();
            }
            heard += 1;
        });
    let error = edited.unwrap_err();
    assert_eq!((error.code(), heard), ("partly_done", 1));
    assert!(error.to_string().starts_with(&format!("{BULK_KEYS} of {MANY} keys")), "{error}");
    assert_eq!(count(&f, &expired_by(NOW + 1001)), BULK_KEYS as u64);
}

fn limits_hold_for_many_that_are_enabled(f: Fixture) {
    settings(&f, "one", json!({ "revocation": "reversible" }));
    make(&f, 8);
    let keys = f.registry.keys(&f.realm);
    keys.revoke_all(&caller(), &named("p-"), Some(8), &mut |_| {}).unwrap();
    settings(&f, "one", json!({ "max_active_keys": 5 }));
    let (revoked, enable) = (
        KeyFilter { state: Some(State::Revoked), ..KeyFilter::default() },
        KeyEdit { status: Some(StatusEdit::Enable), ..KeyEdit::default() },
    );
    let refused = keys.edit_all(&caller(), &revoked, &enable, Some(8), &mut |_| {}).unwrap();
    assert_eq!((refused.refusals[0].code, refused.done, count(&f, &revoked)), ("limit_reached", false, 8));
    settings(&f, "one", json!({ "max_active_keys": 8 }));
    assert_eq!(keys.edit_all(&caller(), &revoked, &enable, Some(8), &mut |_| {}).unwrap().changed, 8);
    assert_eq!(count(&f, &revoked), 0);
}

/// Keys leave the filter one after the other, and the last one is changed too.
fn a_filter_that_is_edited_away_is_followed_to_its_end(f: Fixture) {
    make(&f, MANY);
    let of = |environment: &str| KeyFilter { environment: Some(slug(environment)), ..KeyFilter::default() };
    let edit = KeyEdit { environment: Some(Some(slug("development"))), ..KeyEdit::default() };
    let keys = f.registry.keys(&f.realm);
    assert_eq!(
        keys.edit_all(&caller(), &of("production"), &edit, Some(MANY as u64), &mut |_| {}).unwrap().changed,
        MANY as u64
    );
    assert_eq!((count(&f, &of("production")), count(&f, &of("development"))), (0, MANY as u64));
}

/// Whoever revokes a leaked management key stops what it is used for, also in the midst.
fn it_ends_with_the_callers_own_key(f: Fixture) {
    make(&f, MANY);
    management::establish(&f.registry, &caller(), &mut |_| Ok(())).unwrap();
    let realm = slug(management::REALM);
    for revokes in [false, true] {
        let name = format!("leaked {revokes}").parse().unwrap();
        let new = NewKey { roles: vec![slug(ADMINISTRATOR)], scope: Scope::All, ..NewKey::new(slug(ORG), name) };
        let leaked = f.registry.keys(&realm).make(&caller(), &new).unwrap().key.key_id;
        let (by, other) = (Caller::holding(leaked).unwrap(), f.open());
        let mut stop = |_| drop(other.keys(&realm).revoke(&caller(), leaked, None).unwrap());
        let (keys, filter) = (f.registry.keys(&f.realm), named("p-"));
        let result = match revokes {
            true => keys.revoke_all(&by, &filter, Some(MANY as u64), &mut stop).map(drop),
            false => keys.edit_all(&by, &filter, &expires(NOW + 1000), Some(MANY as u64), &mut stop).map(drop),
        };
        let error = result.unwrap_err();
        assert_eq!(error.code(), "partly_done");
        assert!(error.to_string().contains("own key is not accepted"), "{error}");
        // From the beginning it does nothing.
        let error = keys
            .revoke_all(&by, &filter, None, &mut |_| {})
            .and_then(|found| keys.revoke_all(&by, &filter, Some(found.matched), &mut |_| {}));
        assert_eq!(error.unwrap_err().code(), "key_ended");
    }
    assert_eq!(count(&f, &expired_by(NOW + 1001)), BULK_KEYS as u64);
    assert_eq!(count(&f, &KeyFilter { state: Some(State::Revoked), ..KeyFilter::default() }), BULK_KEYS as u64);
}
