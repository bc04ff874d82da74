//! Whoever calls is told who they are and what they may do where, and nothing of their secret.

use crate::common::{Plane, Reply, Served, slug};
use edgelatch_registry::{Scope, management};
use edgelatch_testkit::registry::{KeysExt, caller};
use serde_json::{Value, json};

fn ask(s: &Served, key: &str) -> Reply {
    s.call_as(key, "GET /api/v1/whoami", &[], &Value::Null)
}

#[test]
fn any_key_that_is_accepted_gets_an_answer() {
    let plane = Plane::new();
    let s = plane.serve();
    let me = ask(&s, &plane.admin).ok();
    let (id, name) = (json!(plane.admin_id), json!("First administrator"));
    assert_eq!((&me["key_id"], &me["name"], &me["realm"], &me["org"]), (&id, &name, &json!("management"), &json!("main")));
    assert_eq!((&me["everywhere"], &me["reach"], &me["scope"]), (&json!(true), &json!([]), &json!("all")));
    assert_eq!((&me["roles"], &me["permissions"], &me["expires_at"]), (&json!(["administrator"]), &json!(["*"]), &json!(null)));
    // Roles that few calls are open to, and a scope of one realm and of an org of another.
    let (acme, two) = (slug("acme"), slug("two"));
    let scope = [management::realm_service(&slug("a.b")).unwrap(), management::org_service(&acme, &two).unwrap()];
    let (id, edge) = plane.management_key("edge", &scope);
    let me = ask(&s, &edge).ok();
    assert_eq!((&me["key_id"], &me["roles"], &me["everywhere"]), (&json!(id), &json!(["edge"]), &json!(false)));
    assert_eq!(me["reach"], json!([{ "realm": "a.b", "org": null }, { "realm": "acme", "org": "two" }]));
    let held: Vec<&str> = me["permissions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!held.is_empty() && held.iter().all(|permission| permission.starts_with("api.")), "{held:?}");
    // Neither the secret nor what lists show of it.
    for (key, me) in [(&plane.admin, ask(&s, &plane.admin)), (&edge, ask(&s, &edge))] {
        assert!(!String::from_utf8_lossy(&me.body).contains(&key[..12]), "{me}");
    }
    assert_eq!(s.call_as(&edge, "GET /api/v1/whoami?realm=acme", &[], &Value::Null).status, 422);
}

#[test]
fn a_key_that_is_not_accepted_gets_none() {
    let plane = Plane::new();
    let s = plane.serve();
    assert_eq!(ask(&s, "").status, 401);
    let (id, viewer) = plane.management_key("viewer", &[]);
    assert_eq!(ask(&s, &viewer).status, 200);
    plane.registry.keys(&slug("management")).revoke(&caller(), id.parse().unwrap(), None).unwrap();
    assert_eq!(ask(&s, &viewer).refused().0, 401);
    // A key of another realm is nobody here.
    let new = edgelatch_testkit::registry::new_key("elsewhere");
    let other = plane.registry.keys(&slug("acme")).make(&caller(), &new).unwrap();
    assert_eq!((ask(&s, &other.secret).status, &other.key.scope), (401, &Scope::All));
}
