//! Keys that should be rotated are listed, and told of once.

use edgelatch_registry::{KeyEdit, KeyFilter, NewKey, OrgEdit, Rotate};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, alerts, caller, new_key, slug};
use serde_json::{Value, json};

const DAY: u64 = 86_400;

fn due(f: &Fixture, org: Option<&str>) -> Vec<String> {
    let filter = KeyFilter { rotation_due: true, org: org.map(slug), ..KeyFilter::default() };
    let mut names: Vec<_> = f.registry.keys(&f.realm).all(&filter).unwrap().iter().map(|key| key.name.to_string()).collect();
    names.sort();
    names
}

fn told(f: &Fixture) -> Vec<Value> {
    alerts(&f.registry).iter().map(|alert| serde_json::from_str(&alert.body).unwrap()).collect()
}

fn of(org: &str, name: &str, environment: &str) -> NewKey {
    NewKey { org: slug(org), environment: Some(slug(environment)), ..new_key(name) }
}

fn a_key_is_due_by_its_environment(f: Fixture) {
    let environments = json!([{ "environment": "production", "rotate_after_days": 7 }]);
    let edit = OrgEdit { settings: Some(json!({ "environments": environments })), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("two"), &edit).unwrap();
    let make = |new: NewKey| f.registry.keys(&f.realm).make(&caller(), &new).unwrap().key.key_id;
    make(of("one", "live", "production"));
    make(of("one", "test", "development"));
    let revoked = make(of("one", "revoked", "production"));
    f.registry.keys(&f.realm).revoke(&caller(), revoked, None).unwrap();
    let none = make(of("one", "none", "production"));
    let edit = KeyEdit { environment: Some(None), ..KeyEdit::default() };
    f.registry.keys(&f.realm).edit(&caller(), none, &edit).unwrap();
    make(of("two", "weekly", "production"));
    assert_eq!(due(&f, None), [""; 0]);
    f.advance(7 * DAY - 1);
    assert_eq!(due(&f, None), [""; 0]);
    f.advance(1);
    assert_eq!(due(&f, None), ["weekly"]);
    f.advance(83 * DAY);
    assert_eq!(due(&f, None), ["live", "weekly"]);
    assert_eq!((due(&f, Some("one")), due(&f, Some("two"))), (vec!["live".into()], vec!["weekly".into()]));
    f.advance(90 * DAY);
    assert_eq!(due(&f, Some("one")), ["live", "test"]);
    // What the list says and what the key says are one.
    for key in f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap() {
        let now = f.clock.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(key.due_at.is_some_and(|at| at <= now), due(&f, None).contains(&key.name.to_string()), "{}", key.name);
    }
}

fn each_secret_is_told_of_once(f: Fixture) {
    let keys: Vec<_> = (0..25)
        .map(|i| f.registry.keys(&f.realm).make(&caller(), &of("one", &format!("k{i}"), "production")).unwrap().key.key_id)
        .collect();
    let expiring = NewKey { expires_at: Some(edgelatch_testkit::registry::NOW + DAY), ..of("two", "gone", "production") };
    f.registry.keys(&f.realm).make(&caller(), &expiring).unwrap();
    assert_eq!(f.registry.remind().unwrap(), 0);
    f.advance(90 * DAY);
    assert_eq!((f.registry.remind().unwrap(), f.registry.remind().unwrap()), (25, 0));
    let told_once = told(&f);
    let [alert] = &told_once[..] else { panic!("{told_once:?}") };
    assert_eq!((&alert["type"], &alert["org"], &alert["number"]), (&json!("rotation_due"), &json!("one"), &json!(25)));
    assert_eq!(alert["keys"].as_array().unwrap().len(), 20);
    let first = json!({
        "key_id": keys[0].to_string(), "name": "k0", "environment": "production", "due_at": "2026-05-01T00:00:00Z",
    });
    assert_eq!(alert["keys"][0], first);
    f.registry.keys(&f.realm).renew(&caller(), keys[3], &Rotate::default()).unwrap();
    f.advance(90 * DAY);
    assert_eq!(f.registry.remind().unwrap(), 1);
    let told_again = told(&f);
    assert!(
        told_again.iter().any(|alert| alert["keys"][0]["key_id"] == keys[3].to_string() && alert["number"] == 1),
        "{told_again:?}"
    );
}

on_both_stores!(a_key_is_due_by_its_environment, each_secret_is_told_of_once);
