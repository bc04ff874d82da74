//! What a step costs, in statements and rows rather than time: as much as was touched, however large the realm.

use std::io::Cursor;
use std::sync::Mutex;

use edgelatch_core::key;

use super::Since;
use crate::import::{Import, ImportDefaults, ImportFormat};
use crate::model::{
    Caller, Handover, NewKey, NewOrg, NewOwner, NewRealm, NewRole, OwnerEdit, OwnerKind, Preset, RoleEdit, Scope, Service, Slug,
};
use crate::registry::{Env, Registry};
use crate::store::counting::{Counting, Ran, plan};
use crate::store::{Database, MIGRATIONS};

fn caller() -> Caller {
    Caller::new("cli:tester".parse().unwrap())
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

/// A realm of so many keys of one owner, one key of another, and a role, scope or policy for each tenth.
fn filled(database: &Database, keys: usize) -> (Registry, &'static Mutex<Vec<Ran>>) {
    let ran: &'static Mutex<Vec<Ran>> = Box::leak(Box::default());
    let store = Box::new(Counting { store: database.open(true, MIGRATIONS).unwrap(), ran });
    let registry = Registry { store, env: Env::system(), database: database.clone() };
    let (me, realm, org) = (caller(), slug("acme"), slug("one"));
    let new = NewRealm {
        realm: realm.clone(),
        name: "Acme".parse().unwrap(),
        preset: Preset::Default,
        prefix: None,
        credentials: None,
    };
    registry.create_realm(&me, &new).unwrap();
    let tenants = registry.tenants(&realm);
    tenants.create_org(&me, &NewOrg { org: org.clone(), name: "One".parse().unwrap(), preset: None }).unwrap();
    for owner in ["alice", "bob"] {
        let (owner, name) = (slug(owner), "Somebody".parse().unwrap());
        tenants
            .create_owner(&me, &NewOwner { org: org.clone(), owner, kind: OwnerKind::User, name, roles: Vec::new() })
            .unwrap();
    }
    for n in 0..keys / 10 {
        let role = NewRole {
            role: slug(&format!("r{n}")),
            org: None,
            name: "Role".parse().unwrap(),
            permissions: vec![format!("p{n}").parse().unwrap()],
        };
        tenants.create_role(&me, &role).unwrap();
    }
    let defaults = ImportDefaults { org: Some(org.clone()), owner: Some(slug("alice")), roles: Vec::new(), environment: None };
    let import = Import { format: ImportFormat::Csv, defaults, dry_run: false };
    let hex = |n: usize| key::digest(&n.to_be_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let line = |n: usize| format!("{},key {n},r{},s{},10.0.{}.0/24\n", hex(n), n / 10, n / 10, n / 10);
    let lines: String = (0..keys).map(line).collect();
    let mut input = Cursor::new(format!("sha256,name,roles,scope,allow\n{lines}"));
    let report = registry.keys(&realm).import_file(&me, &import, &mut input, &mut |_| {}).unwrap();
    assert!(report.done, "{report:?}");
    (registry, ran)
}

/// What reading the step costs that an act leads to: statements, and rows that they give.
fn costs(registry: &Registry, ran: &Mutex<Vec<Ran>>, act: &dyn Fn()) -> (usize, u64) {
    let realm = slug("acme");
    let ledger = registry.ledger(&realm);
    let before = ledger.changes().unwrap();
    act();
    ran.lock().unwrap().clear();
    assert!(matches!(ledger.since(before, None).unwrap(), Since::Change { .. }));
    let ran = ran.lock().unwrap();
    (ran.len(), ran.iter().map(|(_, _, rows)| rows).sum())
}

fn of_each_act(database: &Database, keys: usize) -> Vec<(usize, u64)> {
    let (registry, ran) = filled(database, keys);
    let (me, realm, org) = (caller(), slug("acme"), slug("one"));
    let new = NewKey {
        owner: Some(slug("bob")),
        roles: vec![slug("r1"), slug("r2")],
        scope: Scope::List(vec![Service::parse("scope", "new").unwrap()]),
        ..NewKey::new(org.clone(), "new".parse().unwrap())
    };
    let create = || drop(registry.keys(&realm).create(&me, &new, Handover::default()).unwrap());
    let disable = || {
        let edit = OwnerEdit { disabled: Some(true), ..OwnerEdit::default() };
        registry.tenants(&realm).edit_owner(&me, &org, &slug("bob"), &edit).unwrap();
    };
    let edit_role = || {
        let edit = RoleEdit { permissions: Some(vec!["other".parse().unwrap()]), ..RoleEdit::default() };
        registry.tenants(&realm).edit_role(&me, None, &slug("r1"), &edit).unwrap();
    };
    let all: [&dyn Fn(); 3] = [&create, &disable, &edit_role];
    let costs = all.map(|act| costs(&registry, ran, act));
    if database.path().is_some() {
        walks_through_nothing(&registry, ran);
    }
    costs.into()
}

/// The database finds what is asked for without looking at what is not.
fn walks_through_nothing(registry: &Registry, ran: &Mutex<Vec<Ran>>) {
    registry.ledger(&slug("acme")).since(0, None).unwrap();
    let statements: Vec<Ran> = ran.lock().unwrap().drain(..).collect();
    for (sql, values, _) in statements {
        for step in plan(&*registry.store, &sql, &values) {
            // That index leads through all keys of the realm.
            assert!(!step.contains("SCAN") && !step.contains("keys_realm"), "{step}: {sql}");
        }
    }
}

fn a_step_costs_what_was_touched(databases: [Database; 2]) {
    let [small, large] = databases;
    let (small, large) = (of_each_act(&small, 30), of_each_act(&large, 600));
    assert_eq!(small, large);
    assert!(large.iter().all(|(statements, rows)| *statements < 16 && *rows < 16), "{large:?}");
}

#[test]
fn on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    a_step_costs_what_was_touched(["small", "large"].map(|name| Database::file(dir.path().join(name))));
}

#[test]
fn on_postgres() {
    let Some(server) = edgelatch_testkit::postgres::server() else { return };
    a_step_costs_what_was_touched([(), ()].map(|()| server.url(&server.schema()).parse().unwrap()));
}
