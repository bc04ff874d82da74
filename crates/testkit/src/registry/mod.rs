//! A registry with one realm, two orgs and their owners, on either store.

pub mod edge;
mod place;
pub mod race;

pub use place::Place;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::postgres;
use edgelatch_core::key::KeyId;
use edgelatch_registry::{
    Caller, Created, Database, Due, Env, Error, EventKind, FromText, Handover, Key, KeyFilter, KeyOrder, Keys, Name,
    NewIpRules, NewKey, NewOrg, NewOwner, NewRealm, OwnerKind, Paging, Preset, Registry, Rotate, Slug, UsageEvent,
};

/// 2026-01-31T00:00:00Z
pub const NOW: u64 = 1_769_817_600;

/// A registry, its database and its clock.
pub struct Fixture {
    /// Holds the SQLite file, and whatever else a test needs a directory for.
    pub dir: tempfile::TempDir,
    /// Its database.
    pub database: Database,
    /// The registry.
    pub registry: Registry,
    /// Its clock, in Unix seconds.
    pub clock: Arc<AtomicU64>,
    /// Its realm.
    pub realm: Slug,
    /// The schema that holds it, on PostgreSQL.
    pub schema: Option<String>,
}

/// A slug from a text that is known to be one.
pub fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

/// An environment whose clock the test sets.
pub fn env(clock: &Arc<AtomicU64>) -> Env {
    let clock = Arc::clone(clock);
    Env::new(move || clock.load(Ordering::SeqCst), |bytes| getrandom::fill(bytes).is_ok())
}

impl Fixture {
    /// With the default preset.
    pub fn new(place: Place) -> Fixture {
        Fixture::empty(place).with(Preset::Default)
    }

    /// The same on SQLite.
    pub fn sqlite() -> Fixture {
        Fixture::new(Place::sqlite())
    }

    /// The same on PostgreSQL; none where that is not installed.
    pub fn postgres() -> Option<Fixture> {
        Place::postgres().map(Fixture::new)
    }

    /// A registry on SQLite without anything in it.
    pub fn sqlite_empty() -> Fixture {
        Fixture::empty(Place::sqlite())
    }

    /// The same on PostgreSQL; none where that is not installed.
    pub fn postgres_empty() -> Option<Fixture> {
        Place::postgres().map(Fixture::empty)
    }

    /// A registry without anything in it.
    pub fn empty(Place { dir, database, schema }: Place) -> Fixture {
        let clock = Arc::new(AtomicU64::new(NOW));
        let registry = Registry::establish(&database, env(&clock)).unwrap();
        Fixture { dir, database, registry, clock, realm: slug("acme"), schema }
    }

    /// With a realm of some preset.
    pub fn with(self, preset: Preset) -> Fixture {
        fill(&self.registry, &self.realm, preset);
        self
    }

    /// The SQLite file.
    pub fn path(&self) -> PathBuf {
        self.database.path().unwrap().into()
    }

    /// The same registry over connections of its own, as another process has it.
    pub fn open(&self) -> Registry {
        self.open_with(env(&self.clock))
    }

    /// The same by another clock.
    pub fn open_with(&self, env: Env) -> Registry {
        Registry::connect(&self.database, env).unwrap()
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Runs statements behind the registry's back.
    pub fn execute(&self, sql: &str) -> Result<(), String> {
        match &self.schema {
            None => rusqlite::Connection::open(self.path()).unwrap().execute_batch(sql).map_err(|e| e.to_string()),
            Some(schema) => {
                let sql = format!("SET search_path = {schema}; {sql}");
                postgres::server()
                    .unwrap()
                    .admin()
                    .batch_execute(&sql)
                    .map_err(|e| e.as_db_error().map_or(e.to_string(), ToString::to_string))
            }
        }
    }

    /// What a query finds, as texts.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let Some(schema) = &self.schema else {
            let connection = rusqlite::Connection::open(self.path()).unwrap();
            let mut statement = connection.prepare(sql).unwrap();
            let text = |row: &rusqlite::Row<'_>, at| match row.get_unwrap::<_, rusqlite::types::Value>(at) {
                rusqlite::types::Value::Integer(n) => n.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => panic!("{other:?}"),
            };
            let columns = statement.column_count();
            let rows = statement.query_map([], |row| Ok((0..columns).map(|at| text(row, at)).collect())).unwrap();
            return rows.collect::<Result<_, _>>().unwrap();
        };
        let found = postgres::server().unwrap().admin().simple_query(&format!("SET search_path = {schema}; {sql}")).unwrap();
        let rows = found.iter().filter_map(|message| match message {
            ::postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).unwrap_or_default().into()).collect())
            }
            _ => None,
        });
        rows.collect()
    }

    /// Every byte that the database holds, to look for what must not be there.
    pub fn stored(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let Some(schema) = &self.schema else {
            for file in std::fs::read_dir(self.dir.path()).unwrap() {
                all.extend(std::fs::read(file.unwrap().path()).unwrap());
            }
            return all;
        };
        let mut admin = postgres::server().unwrap().admin();
        let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1";
        for table in admin.query(sql, &[schema]).unwrap() {
            let sql = format!("COPY {schema}.{} TO STDOUT (FORMAT binary)", table.get::<_, String>(0));
            admin.copy_out(&sql).unwrap().read_to_end(&mut all).unwrap();
        }
        assert!(!all.is_empty());
        all
    }
}

/// Makes a realm of two orgs, each with an owner `alice`.
pub fn fill(registry: &Registry, realm: &Slug, preset: Preset) {
    let new = NewRealm { realm: realm.clone(), name: "Acme".parse().unwrap(), preset, prefix: None, credentials: None };
    registry.create_realm(&caller(), &new).unwrap();
    for org in ["one", "two"] {
        registry.tenants(realm).create_org(&caller(), &new_org(org)).unwrap();
        let owner = NewOwner {
            org: slug(org),
            owner: slug("alice"),
            kind: OwnerKind::User,
            name: "Alice".parse().unwrap(),
            roles: Vec::new(),
        };
        registry.tenants(realm).create_owner(&caller(), &owner).unwrap();
    }
}

/// Short forms of what most tests do with keys.
pub trait KeysExt {
    /// Makes a key and takes its secret from the answer.
    fn make(&self, caller: &Caller, new: &NewKey) -> Result<Created, Error>;
    /// Rotates a key and takes the new secret from the answer.
    fn renew(&self, caller: &Caller, key_id: KeyId, rotate: &Rotate) -> Result<Created, Error>;
    /// The newest keys that a filter fits, up to 500.
    fn all(&self, filter: &KeyFilter) -> Result<Vec<Key>, Error>;
}

impl KeysExt for Keys<'_> {
    fn make(&self, caller: &Caller, new: &NewKey) -> Result<Created, Error> {
        self.create(caller, new, Handover::default())?.created()
    }

    fn renew(&self, caller: &Caller, key_id: KeyId, rotate: &Rotate) -> Result<Created, Error> {
        self.rotate(caller, key_id, rotate, Handover::default())?.created()
    }

    fn all(&self, filter: &KeyFilter) -> Result<Vec<Key>, Error> {
        Ok(self.list(filter, KeyOrder::default(), &Paging::first(500))?.keys)
    }
}

/// Takes alerts to deliver: of what is due, the events that tell of no act.
pub fn alerts(registry: &Registry) -> Vec<Due> {
    let is_alert = |due: &Due| EventKind::ALERTS.iter().any(|kind| due.body.contains(&format!(r#""type":"{kind}""#)));
    registry.outbox().take(500).unwrap().into_iter().filter(is_alert).collect()
}

/// The caller that tests act as.
pub fn caller() -> Caller {
    Caller::new("cli:tester".parse().unwrap())
}

/// An org whose display name is its slug.
pub fn new_org(org: &str) -> NewOrg {
    NewOrg { org: slug(org), name: org.parse().unwrap(), preset: None }
}

/// A reader's key of `alice` in org `one`.
pub fn new_key(name: &str) -> NewKey {
    let name = Name::parse("name", name).unwrap();
    NewKey { owner: Some(slug("alice")), roles: vec![slug("reader")], ..NewKey::new(slug("one"), name) }
}

/// A request as an edge reports it: with a key, or with one that nobody has, and what the edge said.
pub fn usage_event(key: Option<KeyId>, at: u64, code: &str) -> UsageEvent {
    UsageEvent {
        key_id: key.map(|id| id.to_string()),
        at,
        method: "GET".into(),
        endpoint: "/x".into(),
        ip: None,
        country: None,
        status: if code == "valid" { 200 } else { 401 },
        code: code.into(),
        event: None,
    }
}

/// An IP policy with these lists.
pub fn ip(allow: &[&str], deny: &[&str]) -> NewIpRules {
    let list = |texts: &[&str]| texts.iter().map(|t| FromText::parse("allow", t).unwrap()).collect();
    NewIpRules { allow: list(allow), deny: list(deny), ..NewIpRules::default() }
}
