//! Every realm of a registry is published by one server: those that are made while it runs too, and none that is deleted; and of what nobody
//! publishes it is told.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use crate::common::realm::{Realm, init};
use crate::common::{Served, caller, slug};
use edgelatch_core::signed::Role;
use edgelatch_registry::{Handover, NewKey, Registry, Slug};
use edgelatch_server::{Options, Realms, limits};
use edgelatch_sync::{DataDir, Directory, Error, Item, Publisher, Target, init_in, key_file};
use serde_json::Value;

fn wait(what: &str, mut until: impl FnMut() -> bool) {
    let there = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(20));
        until()
    });
    assert!(there.take(1_500).any(|there| there), "{what}");
}

/// Makes a realm with its signing keys, as `edgelatch init` does beside a server.
fn begin(realm: &Realm, name: &str) {
    init_in(&realm.dir, &realm.registry(), &init(name), &mut |_| Ok(())).unwrap();
}

fn create(registry: &Registry, realm: &Slug) -> edgelatch_registry::Created {
    let new =
        NewKey::new(slug("main"), format!("k{}", registry.keys(realm).count(&Default::default()).unwrap()).parse().unwrap());
    registry.keys(realm).create(&caller(), &new, Handover::default()).unwrap().created().unwrap()
}

/// A target that takes nothing until it is let go.
#[derive(Clone, Debug)]
struct Hanging(Directory, Arc<RwLock<()>>);

impl Target for Hanging {
    fn name(&self) -> String {
        "a target that hangs".into()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        self.0.read(item)
    }

    fn prepare(&self) -> Result<(), Error> {
        self.0.prepare()
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        let _held = self.1.read().unwrap();
        self.0.write(item, bytes)
    }

    fn settle(&self) -> Result<(), Error> {
        self.0.settle()
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        self.0.list()
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        self.0.remove(item)
    }
}

/// A server over the data directory, as the command runs it.
fn serve(realm: &Realm, realms: Realms) -> Served {
    serve_beside(realm, realms, |_| None)
}

/// The same with another target for some realms.
fn serve_beside(realm: &Realm, realms: Realms, beside: impl Fn(&Slug) -> Option<Hanging> + Send + Sync + 'static) -> Served {
    let dir = realm.dir.clone();
    let targets = |_: &DataDir| -> Vec<Box<dyn Target>> { Vec::new() };
    let mut publishing = realm.publishing("node", targets);
    let (of, here) = (realm.registry(), dir.clone());
    publishing.dir = dir;
    publishing.realms = realms;
    publishing.begin = Box::new(move |realm| {
        let key = key_file::load(&here.key_of(realm, Role::Publisher), Role::Publisher, realm)?;
        let publisher = Publisher::new(Arc::clone(&of), realm.clone(), key, 3600, &here)?;
        let own: Box<dyn Target> = Box::new(Directory::new(here.realm(realm)));
        let beside = beside(realm).map(|target| Box::new(target) as Box<dyn Target>);
        Ok((publisher, std::iter::once(own).chain(beside).collect()))
    });
    let api = edgelatch_server::ApiOptions {
        registry: realm.registry(),
        addr: None,
        client_ip: None,
        failures: Default::default(),
        github_keys: None,
        geoip: None,
    };
    Served::start(Options { publishing: Some(publishing), api: Some(api), ..realm.options() }, &realm.admin)
}

fn epoch(path: &Path) -> u64 {
    std::fs::read(path.join("head")).map_or(0, |head| edgelatch_core::head::Head::inspect(&head).unwrap().epoch)
}

/// Whether the last change of a realm is out.
fn is_out(registry: &Registry, realm: &Slug) -> bool {
    let state = registry.realm_states().unwrap().into_iter().find(|state| state.realm == *realm).unwrap();
    state.last.is_some_and(|last| last.changes == state.changes && last.published)
}

#[test]
fn all_realms_are_published_also_those_made_later() {
    let realm = Realm::new();
    begin(&realm, "second");
    let s = serve(&realm, Realms::All);
    let registry = realm.registry();
    for name in ["acme", "second"] {
        create(&registry, &slug(name));
        wait(name, || is_out(&registry, &slug(name)));
    }
    begin(&realm, "third");
    let third = slug("third");
    let key = create(&registry, &third).key.key_id;
    wait("one that is made meanwhile", || is_out(&registry, &third));
    registry.keys(&third).revoke(&caller(), key, None).unwrap();
    wait("a revocation there", || is_out(&registry, &third));
    registry.delete_realm(&caller(), &third, Some("third"), None).unwrap();
    let before = epoch(&realm.dir.realm(&third));
    create(&registry, &slug("second"));
    wait("the others go on", || is_out(&registry, &slug("second")));
    assert_eq!(epoch(&realm.dir.realm(&third)), before);
    assert_eq!(s.log.lines("not published").len(), 0, "{}", s.log.text());
    assert_eq!(s.get("/healthz").status, 200);
}

#[test]
fn many_realms_are_published_by_one_server() {
    let realm = Realm::new();
    let names: Vec<Slug> = (0..60).map(|n| slug(&format!("r{n}"))).collect();
    names.iter().for_each(|name| begin(&realm, name.as_str()));
    let _s = serve(&realm, Realms::All);
    let registry = realm.registry();
    names.iter().for_each(|name| drop(create(&registry, name)));
    for name in &names {
        wait(name.as_str(), || is_out(&registry, name));
    }
}

/// One realm's target that does not answer holds up no other realm's revocation, nor the end of the server.
#[test]
fn a_target_that_hangs_holds_up_its_own_realm_alone() {
    let realm = Realm::new();
    begin(&realm, "second");
    let (hold, temp) = (Arc::new(RwLock::new(())), tempfile::tempdir().unwrap());
    let held = hold.write().unwrap();
    let (lock, path) = (Arc::clone(&hold), temp.path().join("acme"));
    let of_acme = move |realm: &Slug| (realm.as_str() == "acme").then(|| Hanging(Directory::new(&path), Arc::clone(&lock)));
    let s = serve_beside(&realm, Realms::All, of_acme);
    let (registry, second) = (realm.registry(), slug("second"));
    for _ in 0..3 {
        create(&registry, &slug("acme"));
        let key = create(&registry, &second).key.key_id;
        wait("a key of the other realm", || is_out(&registry, &second));
        registry.keys(&second).revoke(&caller(), key, None).unwrap();
        wait("its revocation", || is_out(&registry, &second));
    }
    assert!(!is_out(&registry, &slug("acme")));
    drop(held);
    wait("it goes on when its target does", || is_out(&registry, &slug("acme")));
    drop(s);
}

/// More targets hang than there are threads: the other realms are published all the same, and each that hangs is told of while it does.
#[test]
fn more_targets_hang_than_there_are_threads() {
    let realm = Realm::new();
    let names: Vec<Slug> = (0..limits::WORKERS + 2).map(|n| slug(&format!("hangs-{n}"))).collect();
    names.iter().for_each(|name| begin(&realm, name.as_str()));
    let (hold, temp) = (Arc::new(RwLock::new(())), tempfile::tempdir().unwrap());
    let held = hold.write().unwrap();
    let (lock, path) = (Arc::clone(&hold), temp.path().to_owned());
    let hanging = move |realm: &Slug| {
        realm.as_str().starts_with("hangs").then(|| Hanging(Directory::new(path.join(realm.as_str())), Arc::clone(&lock)))
    };
    let s = serve_beside(&realm, Realms::All, hanging);
    let registry = realm.registry();
    // All of them are waited for before the other one has anything to publish.
    names.iter().for_each(|name| drop(create(&registry, name)));
    let shown = |name: &Slug| epoch(&realm.dir.realm(name)) > 1;
    wait("each reaches the directory beside its target", || names.iter().all(shown));
    let acme = slug("acme");
    for _ in 0..3 {
        let key = create(&registry, &acme).key.key_id;
        wait("a key of the other realm", || is_out(&registry, &acme));
        registry.keys(&acme).revoke(&caller(), key, None).unwrap();
        wait("its revocation", || is_out(&registry, &acme));
    }
    assert!(names.iter().all(|name| !is_out(&registry, name)));
    let silent = |s: &Served| {
        let troubles = s.get("/healthz").json()["troubles"].as_array().unwrap().clone();
        troubles
            .iter()
            .filter(|trouble| trouble["code"] == "no_answer")
            .map(|trouble| trouble["place"].clone())
            .collect::<Vec<_>>()
    };
    wait("each is told of", || silent(&s).len() == names.len());
    assert!(silent(&s).iter().all(|place| place.as_str().unwrap().ends_with("/target")), "{:?}", silent(&s));
    // They hang below the bound, so nothing is said of threads.
    assert!(!s.log.text().contains(r#""place":"workers""#));
    drop(held);
    wait("they go on when their targets do", || names.iter().all(|name| is_out(&registry, name)));
    wait("nothing is wrong any more", || s.get("/healthz").json()["status"] == "ok");
}

#[test]
fn acts_in_a_realm_that_nobody_publishes_say_so() {
    let realm = Realm::new();
    begin(&realm, "second");
    let s = serve(&realm, Realms::Only(vec![slug("acme")]));
    // One that was made over the API alone has no signing keys anywhere.
    let made = s.call("POST /api/v1/realms", &serde_json::json!({ "realm": "bare" }));
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(s.call("POST /api/v1/realms/bare/orgs", &serde_json::json!({ "org": "main", "name": "main" })).status, 201);
    let owner = serde_json::json!({ "org": "main", "owner": "admin", "kind": "user", "name": "Admin" });
    assert_eq!(s.call("POST /api/v1/realms/bare/owners", &owner).status, 201);
    for (name, warned) in [("acme", false), ("second", true), ("bare", true)] {
        let path = format!("POST /api/v1/realms/{name}/keys");
        let body = |n: usize| serde_json::json!({ "org": "main", "name": format!("k{n}"), "roles": ["reader"] });
        let mut number = 0;
        let mut said = || {
            number += 1;
            let reply = s.call(&path, &body(number));
            assert_eq!(reply.status, 201, "{reply}");
            let header = reply.header("edgelatch-warning").map(ToOwned::to_owned);
            let codes: Vec<Value> = reply.json()["warnings"].as_array().unwrap().iter().map(|w| w["code"].clone()).collect();
            assert_eq!(
                header.as_deref() == Some("unpublished"),
                codes.contains(&Value::from("unpublished")),
                "{header:?} {codes:?}"
            );
            header.is_some()
        };
        if warned {
            wait(name, said);
        } else {
            assert!(!said());
        }
    }
    wait("health tells of it", || {
        let text = s.log.text();
        text.contains("realm/second/lease") && text.contains("realm/bare/lease")
    });
    // Whoever publishes it ends that.
    let second = serve(&realm, Realms::Only(vec![slug("second")]));
    wait("it is published", || is_out(&realm.registry(), &slug("second")));
    wait("nothing is said any more", || {
        let reply = s.call(
            "POST /api/v1/realms/second/keys",
            &serde_json::json!({ "org": "main", "name": "last", "roles": ["reader"] }),
        );
        reply.header("edgelatch-warning").is_none()
    });
    drop(second);
}
