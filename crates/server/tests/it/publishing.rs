//! What is known of targets: which epoch each has, how many changes it lacks, since when it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::common::Served;
use crate::common::realm::Realm;
use edgelatch_registry::{Env, Registry};
use edgelatch_server::{ApiOptions, FailureRate, Options, Upkeep};
use edgelatch_sync::{DEFAULT_LIFETIME, DataDir, Directory, Error, Item, Target};
use serde_json::{Value, json};

#[test]
fn a_target_that_fails_is_told_of_with_what_it_lacks_until_it_works_again() {
    let realm = Realm::new();
    // A file stands where the directory would be.
    let place = realm.dir.path().join("mounted");
    std::fs::write(&place, b"").unwrap();
    let other = place.join("r/acme");
    let s = realm.node_with("node-1", vec![realm.own(), Directory::new(&other)], |options| {
        options.api = Some(ApiOptions {
            registry: realm.registry(),
            addr: None,
            client_ip: None,
            failures: FailureRate::default(),
            github_keys: None,
            geoip: None,
        });
    });
    let own = realm.own().path().display().to_string();
    let known = |target: &str| -> Value {
        let said = s.get("/api/v1/realms/acme/publishing").ok();
        said["targets"].as_array().unwrap().iter().find(|one| one["target"] == target).cloned().unwrap_or_default()
    };
    let wait = |what: &str, holds: &dyn Fn() -> bool| {
        let end = Instant::now() + Duration::from_secs(60);
        while !holds() {
            assert!(Instant::now() < end, "{what}: {}", s.get("/api/v1/realms/acme/publishing"));
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let bad = other.display().to_string();
    wait("it is known to fail", &|| known(&bad)["code"] == "io");
    let fails = known(&bad);
    assert!(fails["failing_since"].is_string() && fails["message"].as_str().unwrap().contains("mounted"), "{fails}");
    assert!(known(&own)["failing_since"].is_null() && known(&own)["behind"] == 0, "{}", known(&own));
    // It never took an epoch, so nobody can say what it lacks.
    assert_eq!((&fails["epoch"], &fails["behind"]), (&Value::Null, &Value::Null));
    let figures = |name: &str| {
        s.get("/metrics").to_string().lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(figures("edgelatch_target_failing_seconds").len(), 2);
    assert!(figures("edgelatch_target_behind_changes").iter().all(|line| line.ends_with(" 0")));
    std::fs::remove_file(&place).unwrap();
    wait("it works again", &|| known(&bad)["behind"] == 0 && known(&bad)["failing_since"].is_null());
    // From here on it is known what it lacks.
    std::fs::rename(&place, realm.dir.path().join("away")).unwrap();
    std::fs::write(&place, b"").unwrap();
    for name in ["one", "two"] {
        s.call("POST /api/v1/realms/acme/keys", &json!({ "org": "main", "name": name })).ok();
    }
    wait("it lacks both", &|| known(&bad)["behind"] == 2 && known(&own)["behind"] == 0);
    assert!(known(&bad)["epoch"].as_u64() < known(&own)["epoch"].as_u64());
    assert_eq!(s.get("/api/v1/realms/ghost/publishing").status, 404);
}

/// A target that cannot promise all.
#[derive(Debug)]
struct Weak(Directory);

impl Target for Weak {
    fn name(&self) -> String {
        "a weak target".into()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        self.0.read(item)
    }

    fn prepare(&self) -> Result<(), Error> {
        self.0.prepare()
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
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

    fn weakness(&self) -> Option<&'static str> {
        Some("it forgets on Sundays")
    }
}

/// It is no failure: traffic still comes, and nobody is told that the target fails.
#[test]
fn what_a_target_cannot_promise_is_in_health_log_and_api() {
    let realm = Realm::new();
    let place = realm.dir.path().join("weak");
    let targets = move |_: &DataDir| vec![Box::new(Weak(Directory::new(&place))) as Box<dyn Target>];
    let api = ApiOptions {
        registry: realm.registry(),
        addr: None,
        client_ip: None,
        failures: FailureRate::default(),
        github_keys: None,
        geoip: None,
    };
    let options = Options { publishing: Some(realm.publishing("node", targets)), api: Some(api), ..realm.options() };
    let s = Served::start(options, &realm.admin);
    let said = s.log.wait("in trouble", 0);
    assert_eq!((&said["place"], &said["code"]), (&"realm/acme/target/a weak target".into(), &"weak".into()));
    assert_eq!(said["detail"], "it forgets on Sundays");
    s.log.wait("published", 0);
    let health = s.get("/healthz");
    assert_eq!(health.status, 200, "{health}");
    let weak = |one: &Value| one["place"] == "realm/acme/target" && one["severity"] == "warning" && one["code"] == "weak";
    assert!(health.json()["troubles"].as_array().unwrap().iter().any(weak), "{health}");
    let told = s.get("/api/v1/realms/acme/publishing").ok();
    let target = &told["targets"][0];
    assert_eq!((&target["target"], &target["warning"]), (&"a weak target".into(), &"it forgets on Sundays".into()));
    assert!(target["failing_since"].is_null() && target["code"].is_null(), "{told}");
    let failing = r#"edgelatch_target_failing_seconds{realm="acme",target="a weak target"} 0"#;
    assert!(s.get("/metrics").to_string().contains(failing));
}

/// What an operator sees in the console is what programs are told: the stage of life of root and head, and the realm's troubles with their sentences.
#[test]
fn what_grows_old_is_in_the_api_and_the_figures() {
    let realm = Realm::new();
    let ahead = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&ahead);
    let clock = move || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + shown.load(Ordering::SeqCst);
    let env = Env::new(clock, |bytes| getrandom::fill(bytes).is_ok());
    let registry = Arc::new(Registry::connect(realm.registry().database(), env).unwrap());
    let api = ApiOptions {
        registry: Arc::clone(&registry),
        addr: None,
        client_ip: None,
        failures: FailureRate::default(),
        github_keys: None,
        geoip: None,
    };
    let s = Served::start(Options { upkeep: Some(Upkeep::new(registry)), api: Some(api), ..realm.options() }, &realm.admin);
    let told = || s.get("/api/v1/realms/acme/publishing").ok();
    let young = told();
    assert_eq!((&young["root"]["life"], &young["head"]["life"]), (&json!("fresh"), &json!("fresh")));
    assert_eq!((&young["root"]["number"], &young["head"]["number"], &young["troubles"]), (&json!(1), &json!(1), &json!([])));
    for (eighths, life, code) in [(4, "half", "half_over"), (6, "three_quarters", "ends"), (7, "seven_eighths", "ends_soon")] {
        ahead.store(DEFAULT_LIFETIME * eighths / 8 + 60, Ordering::SeqCst);
        let end = Instant::now() + Duration::from_secs(60);
        let of_head = |told: &Value| {
            let all = told["troubles"].as_array().unwrap();
            all.iter().find(|trouble| trouble["place"] == "head" && trouble["code"] == code).cloned()
        };
        let found = loop {
            if let Some(found) = of_head(&told()) {
                break found;
            }
            assert!(Instant::now() < end, "{code}: {}", told());
            std::thread::sleep(Duration::from_millis(50));
        };
        assert!(found["severity"] == "warning" && found["since"].is_string(), "{found}");
        assert!(found["message"].as_str().unwrap().contains("the head ends at 20"), "{found}");
        assert_eq!(told()["head"]["life"], life);
        let figure = format!(r#"edgelatch_health{{place="realm/acme/head",code="{code}"}} 1"#);
        assert!(s.get("/metrics").to_string().contains(&figure), "{figure}");
    }
}
