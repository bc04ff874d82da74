//! Countries come from a database where an edge does not tell them, and from a newer one once it is there.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::common::{self, Plane, Served};
use edgelatch_server::GeoIp;
use edgelatch_testkit::mmdb;
use serde_json::{Value, json};

const ACME: &str = "/api/v1/realms/acme";

fn put(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, bytes).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

fn serve(plane: &Plane, path: &Path) -> Served {
    plane.serve_with(|api| api.geoip = Some(GeoIp { path: path.to_path_buf(), pause: Duration::from_millis(10) }))
}

fn create(s: &Served) -> String {
    let made = s.call(&format!("POST {ACME}/keys"), &json!({ "org": "one", "name": "ci", "roles": ["reader"] })).ok();
    made["key"]["key_id"].as_str().unwrap().into()
}

/// Reports a use, and returns the country that is logged for it.
fn country(plane: &Plane, s: &Served, key: &str, ip: Value, said: Option<&str>) -> Value {
    let at = plane.registry.env().now().unwrap();
    let mut event =
        json!({ "key_id": key, "at": at, "method": "GET", "endpoint": "/x", "ip": ip, "status": 200, "code": "valid" });
    if let Some(said) = said {
        event["country"] = said.into();
    }
    static BATCHES: AtomicU64 = AtomicU64::new(0);
    let batch = BATCHES.fetch_add(1, Ordering::Relaxed).to_string();
    s.call(&format!("POST {ACME}/usage"), &json!({ "batch": batch, "events": [event] })).ok();
    s.get(&format!("{ACME}/keys/{key}/requests?limit=1")).ok()["requests"][0]["country"].clone()
}

#[test]
fn a_country_is_looked_up_where_the_edge_tells_none() {
    let plane = Plane::new();
    let path = plane.dir.path().join("countries.mmdb");
    put(
        &path,
        &mmdb::countries(&[
            ("192.0.2.0", 24, "CH"),
            ("2001:db8::", 32, "NZ"),
            ("127.0.0.0", 8, "LI"),
            ("198.51.100.7", 32, "DE"),
        ]),
    );
    let s = serve(&plane, &path);
    let key = create(&s);
    for (ip, said, expected) in [
        (json!("192.0.2.77"), None, json!("CH")),
        (json!("::ffff:192.0.2.77"), None, json!("CH")),
        (json!("2001:db8:1::1"), None, json!("NZ")),
        (json!("198.51.100.7"), None, json!("DE")),
        (json!("198.51.100.8"), None, Value::Null),
        (json!("192.0.2.77"), Some("FR"), json!("FR")),
        (Value::Null, None, Value::Null),
    ] {
        assert_eq!(country(&plane, &s, &key, ip.clone(), said), expected, "{ip}");
    }
    // Calls of the API itself have one too.
    let (admin, registry) = (plane.admin_id.parse().unwrap(), plane.registry.clone());
    drop(s);
    let realm = common::slug("management");
    let log = registry.usage(&realm).requests(admin, &Default::default(), &Default::default()).unwrap().requests;
    assert!(!log.is_empty() && log.iter().all(|request| request.country.as_deref() == Some("LI")), "{log:?}");
}

#[test]
fn a_newer_database_is_read_and_a_broken_one_is_not() {
    let plane = Plane::new();
    let path = plane.dir.path().join("countries.mmdb");
    put(&path, &mmdb::countries(&[("192.0.2.0", 24, "CH")]));
    let s = serve(&plane, &path);
    let key = create(&s);
    let seen = || country(&plane, &s, &key, json!("192.0.2.1"), None);
    assert_eq!(seen(), "CH");
    put(&path, b"half a file");
    s.log.wait("the database of countries cannot be read: the last one goes on", 0);
    assert_eq!(seen(), "CH");
    std::fs::remove_file(&path).unwrap();
    s.log.wait("the database of countries cannot be read: the last one goes on", 1);
    assert_eq!(seen(), "CH");
    put(&path, &mmdb::countries(&[("192.0.2.0", 24, "NZ"), ("10.0.0.0", 8, "CH")]));
    s.log.wait("the database of countries was read again", 0);
    assert_eq!(seen(), "NZ");
}
