//! Every filter in every order: its pages are what looking at all keys finds, whatever is done to be quick; and no filter looks at all keys.

use std::sync::Mutex;

use super::list::{conditions, expression};
use super::narrow::Effort;
use super::page::EFFORT;
use crate::model::{
    Caller, Direction, Handover, KeyEdit, KeyFilter, KeyOrder, NewKey, NewOrg, NewOwner, NewRealm, OwnerKind, Paging, Preset,
    Rotate, Scope, Slug, Sort, State, When, Word,
};
use crate::pending::Pending;
use crate::registry::{Env, Registry};
use crate::store::counting::{Counting, Ran, plan};
use crate::store::{Database, MIGRATIONS, Statements};
use crate::usage::{UsageBatch, UsageEvent};

const NOW: u64 = 1_769_817_600;
const KEYS: u64 = 60;
/// So little that each bound is met by a few keys.
const LITTLE: Effort = Effort { few: 3, wide: 9, step: 4, read: 24, tried: 10, counted: 5 };

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn caller(name: &str) -> Caller {
    Caller::new(name.parse().unwrap())
}

fn registry(database: &Database, now: u64) -> (Registry, &'static Mutex<Vec<Ran>>) {
    let ran: &'static Mutex<Vec<Ran>> = Box::leak(Box::default());
    let store = database.open(now == NOW, MIGRATIONS).unwrap();
    let env = Env::new(move || now, |bytes| getrandom::fill(bytes).is_ok());
    (Registry { store: Box::new(Counting { store, ran }), env, database: database.clone() }, ran)
}

/// Keys of all kinds in two orgs, made in the course of an hour.
fn fill(database: &Database) -> (Registry, &'static Mutex<Vec<Ran>>) {
    let (first, _) = registry(database, NOW);
    let (me, realm) = (caller("cli:me"), slug("acme"));
    let new = NewRealm {
        realm: realm.clone(),
        name: "Acme".parse().unwrap(),
        preset: Preset::Default,
        prefix: None,
        credentials: None,
    };
    first.create_realm(&me, &new).unwrap();
    for org in ["one", "two"] {
        first.tenants(&realm).create_org(&me, &NewOrg { org: slug(org), name: org.parse().unwrap(), preset: None }).unwrap();
        for owner in ["alice", "bob"] {
            let (owner, name) = (slug(owner), "Somebody".parse().unwrap());
            let new = NewOwner { org: slug(org), owner, kind: OwnerKind::User, name, roles: Vec::new() };
            first.tenants(&realm).create_owner(&me, &new).unwrap();
        }
    }
    let mut events = Vec::new();
    for n in 0..KEYS {
        let (at, _) = registry(database, NOW + 1 + n * 60);
        let keys = at.keys(&realm);
        let some = |every: u64| n.is_multiple_of(every);
        let new = NewKey {
            owner: Some(slug(if some(3) { "bob" } else { "alice" })),
            roles: vec![slug(if some(7) { "admin" } else { "reader" })],
            description: if some(4) { "Straße ☃ 100%" } else { "" }.parse().unwrap(),
            expires_at: some(5).then_some(NOW + 2_000 + n * 100),
            not_before: (n % 15 == 1).then_some(NOW + 5_000 - n),
            environment: some(9).then(|| slug("development")),
            scope: if some(2) { Scope::List(vec!["cdn".parse().unwrap(), "dns".parse().unwrap()]) } else { Scope::All },
            tags: if some(6) { vec!["Web".parse().unwrap(), format!("t{n}").parse().unwrap()] } else { Vec::new() },
            ..NewKey::new(slug(if some(8) { "two" } else { "one" }), format!("Key {}", n * 7919 % 100).parse().unwrap())
        };
        let who = caller(if some(11) { "cli:you" } else { "cli:me" });
        let id = keys.create(&who, &new, Handover::default()).unwrap().created().unwrap().key.key_id;
        let edit = KeyEdit { name: Some(format!("renamed {n}").parse().unwrap()), ..KeyEdit::default() };
        let other_scope = Scope::List(vec!["waf".parse().unwrap()]);
        match n % 10 {
            1 => drop(keys.edit(&me, id, &edit).unwrap()),
            3 => drop(keys.revoke(&me, id, None).unwrap()),
            4 => drop(keys.delete(&me, id, Some(new.name.as_str()), None).unwrap()),
            5 => drop(keys.edit(&me, id, &KeyEdit { scope: Some(other_scope.clone()), ..KeyEdit::default() }).unwrap()),
            6 => drop(keys.rotate(&me, id, &Rotate::default(), Handover::default()).unwrap()),
            _ => {}
        }
        let event = |n| UsageEvent {
            key_id: Some(id.to_string()),
            at: NOW + n,
            method: "GET".into(),
            endpoint: "/".into(),
            ip: None,
            country: None,
            status: 200,
            code: "valid".into(),
            event: None,
        };
        events.extend(some(2).then(|| event(n * 13 % 40 * 60)));
    }
    let (now, ran) = registry(database, NOW + 4_000);
    now.usage(&realm).ingest(&UsageBatch { batch: "b".into(), events }).unwrap();
    // An import is under way, of a key that fits whatever the first one does.
    let half = now.keys(&realm).0.write(|tx| {
        let pending = Pending::begin(tx, NOW)?;
        let columns = "realm_id, org_id, owner_id, name, skeleton, look, description, folded, origin, role_set, scope, policy, scope_all, \
                       allow_mode, ip_order, not_before, expires_at, environment, last_used_at, rotated_at, created_at, created_by, \
                       updated_at, updated_by";
        let sql = format!(
            "INSERT INTO key_rows (id, key_id, import_id, {columns}) SELECT 4000 + id, 'x' || key_id, CAST($1 AS BIGINT), {columns} FROM key_rows"
        );
        tx.run(&sql, &[tx.import.into()])?;
        Ok(pending)
    });
    half.unwrap();
    (now, ran)
}

fn filters(registry: &Registry) -> Vec<KeyFilter> {
    let none = KeyFilter::default;
    let realm = slug("acme");
    let keys = registry.keys(&realm);
    let known = keys.list(&none(), KeyOrder::default(), &Paging::first(500)).unwrap().keys;
    let (id, first_12) = (known[20].key_id.to_string(), known[7].first_12.clone().unwrap());
    let mut all = vec![
        KeyFilter { owner: Some(slug("bob")), ..none() },
        KeyFilter { role: Some(slug("admin")), ..none() },
        KeyFilter { role: Some(slug("no-such")), ..none() },
        KeyFilter { environment: Some(slug("development")), ..none() },
        KeyFilter { environment: Some(slug("production")), ..none() },
        KeyFilter { expires_before: Some(When::At(NOW + 5_000)), ..none() },
        KeyFilter { created_before: Some(When::At(NOW + 1_000)), ..none() },
        KeyFilter { unused_since: Some(When::At(NOW + 1_800)), ..none() },
        KeyFilter { never_used: true, ..none() },
        KeyFilter { created_by: Some("cli:you".parse().unwrap()), ..none() },
        KeyFilter { tag: Some("WEB".parse().unwrap()), ..none() },
        KeyFilter { tag: Some("t30".parse().unwrap()), ..none() },
        KeyFilter { tag: Some("none".parse().unwrap()), ..none() },
        KeyFilter { service: Some("cdn".parse().unwrap()), ..none() },
        KeyFilter { service: Some("waf".parse().unwrap()), ..none() },
        KeyFilter { service: Some("none".parse().unwrap()), ..none() },
        KeyFilter { rotation_due: true, ..none() },
    ];
    all.extend(State::WORDS.iter().map(|(_, state)| KeyFilter { state: Some(*state), ..none() }));
    let searches = [
        "k",
        "ke",
        "KEY 1",
        "renamed",
        "strasse",
        "☃",
        "0%",
        "nothing like it",
        "key_",
        &id,
        &id[4..9],
        &first_12[..9],
        &first_12,
    ];
    all.extend(searches.map(|text| KeyFilter { search: Some(text.into()), ..none() }));
    all
}

/// What is asked for by either filter, where they ask for different things.
fn both(a: &KeyFilter, b: &KeyFilter) -> KeyFilter {
    let (a, b) = (a.clone(), b.clone());
    KeyFilter {
        org: a.org.or(b.org),
        owner: a.owner.or(b.owner),
        role: a.role.or(b.role),
        state: a.state.or(b.state),
        environment: a.environment.or(b.environment),
        expires_before: a.expires_before.or(b.expires_before),
        created_before: a.created_before.or(b.created_before),
        unused_since: a.unused_since.or(b.unused_since),
        never_used: a.never_used || b.never_used,
        created_by: a.created_by.or(b.created_by),
        tag: a.tag.or(b.tag),
        service: a.service.or(b.service),
        rotation_due: a.rotation_due || b.rotation_due,
        search: a.search.or(b.search),
    }
}

const SORTS: [Sort; 4] = [Sort::Created, Sort::Name, Sort::Expires, Sort::LastUsed];

/// The keys that a filter fits, of all there are.
fn looked_through(registry: &Registry, filter: &KeyFilter, sort: Sort, way: &str) -> Vec<String> {
    let found = registry.keys(&slug("acme")).0.read(|tx| {
        let (all, expression) = (conditions(tx, filter, NOW + 4_000)?, expression(sort));
        let sql = format!("SELECT k.key_id FROM keys k WHERE {} ORDER BY {expression} {way}, k.id {way}", all.sql());
        tx.all(&sql, &all.values)
    });
    found.unwrap()
}

/// Page by page to the end, and back to the beginning.
fn walk(registry: &Registry, filter: &KeyFilter, by: KeyOrder, effort: Effort) -> [Vec<String>; 2] {
    let list = |cursor: Option<String>| {
        let paging = Paging { limit: Some(7), cursor };
        registry.keys(&slug("acme")).list_with(filter, by, &paging, effort).unwrap()
    };
    let (mut there, mut back, mut cursor) = (Vec::new(), Vec::new(), None);
    let mut pages = 0;
    let mut last = loop {
        let page = list(cursor);
        assert_eq!(page.previous.is_some(), pages > 0);
        there.extend(page.keys.iter().map(|key| key.key_id.to_string()));
        pages += 1;
        assert!(pages < 100, "{filter:?}");
        cursor = page.next.clone();
        if cursor.is_none() {
            break page;
        }
    };
    // Where the last page ends, others could follow: what lies before that comes page by page too.
    loop {
        back.splice(0..0, last.keys.iter().map(|key| key.key_id.to_string()));
        pages += 1;
        assert!(pages < 200, "{filter:?}");
        match last.previous {
            Some(previous) => last = list(Some(previous)),
            None => break [there, back],
        }
    }
}

fn check(registry: &Registry, filter: &KeyFilter, sort: Sort, direction: Direction, effort: Effort) {
    let way = if direction == Direction::Ascending { "ASC" } else { "DESC" };
    let wanted = looked_through(registry, filter, sort, way);
    let by = KeyOrder { sort: Some(sort), direction: Some(direction) };
    let [there, back] = walk(registry, filter, by, effort);
    assert_eq!(there, wanted, "{filter:?} by {sort} {way}");
    assert_eq!(back, wanted, "{filter:?} by {sort} {way}, backwards");
    let page = registry.keys(&slug("acme")).list_with(filter, by, &Paging::first(1), effort).unwrap();
    let total = wanted.len() as u64;
    assert!(if page.exact { page.total == total } else { page.total <= total }, "{filter:?}: {} of {total}", page.total);
}

fn pages_are_right(database: &Database, pairs: bool) {
    let (registry, _) = fill(database);
    let mut singles = filters(&registry);
    singles.push(KeyFilter::default());
    for (n, filter) in singles.iter().enumerate() {
        let org = KeyFilter { org: Some(slug("one")), ..KeyFilter::default() };
        for (way, sort) in SORTS.into_iter().enumerate() {
            let [one, other] = [Direction::Ascending, Direction::Descending];
            let (there, back) = if (n + way).is_multiple_of(2) { (one, other) } else { (other, one) };
            check(&registry, filter, sort, there, LITTLE);
            check(&registry, &both(filter, &org), sort, back, LITTLE);
        }
        check(&registry, filter, SORTS[n % 4], Direction::Descending, EFFORT);
        for other in singles.iter().skip(n + 1).step_by(3).filter(|_| pairs) {
            check(&registry, &both(filter, other), SORTS[n % 4], Direction::Ascending, LITTLE);
        }
    }
}

#[test]
fn on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    pages_are_right(&Database::file(dir.path().join("a.db")), true);
}

#[test]
fn on_postgres() {
    let Some(server) = edgelatch_testkit::postgres::server() else { return };
    pages_are_right(&server.url(&server.schema()).parse().unwrap(), false);
}

/// SQLite goes by an index that leads to what is asked for, in the order that is asked for, and begins where a page does; only what such an index
/// has found is sorted.
#[test]
fn no_filter_looks_at_all_keys() {
    let dir = tempfile::tempdir().unwrap();
    let (registry, ran) = fill(&Database::file(dir.path().join("a.db")));
    let mut singles = filters(&registry);
    singles.push(KeyFilter::default());
    ran.lock().unwrap().clear();
    for filter in singles {
        for org in [None, Some(slug("one"))] {
            for sort in SORTS {
                for direction in [Direction::Ascending, Direction::Descending] {
                    let (filter, by) = (
                        KeyFilter { org: org.clone(), ..filter.clone() },
                        KeyOrder { sort: Some(sort), direction: Some(direction) },
                    );
                    // So that the order's index is read as well.
                    for effort in [EFFORT, Effort { few: 0, ..EFFORT }] {
                        let list = |paging| registry.keys(&slug("acme")).list_with(&filter, by, &paging, effort).unwrap();
                        let first = list(Paging::first(7));
                        if first.next.is_some() {
                            list(Paging { limit: Some(7), cursor: first.next });
                        }
                    }
                }
            }
        }
    }
    let mut statements: Vec<Ran> = ran.lock().unwrap().drain(..).collect();
    statements.sort();
    statements.dedup_by(|(a, ..), (b, ..)| a == b);
    assert!(statements.len() > 50, "{}", statements.len());
    let mut onward = 0;
    for (sql, values, _) in statements.iter().filter(|(sql, ..)| sql.contains("key_rows") || sql.contains("FROM keys")) {
        let ordered = sql.contains("ORDER BY");
        for step in plan(&*registry.store, sql, values) {
            let of_all = step.contains("(realm_id=?)") || step.contains("(org_id=?)");
            assert!(
                !step.starts_with("SCAN")
                    || step.contains("CONSTANT ROW")
                    || step.contains("VALUES CLAUSE")
                    || ["SCAN d", "SCAN r", "SCAN s", "SCAN l"].contains(&step.as_str()),
                "{step}: {sql}"
            );
            assert!(ordered || !of_all || step.contains("_revoked") || step.contains("orgs"), "{step}: {sql}");
            let sorts = ordered && sql.contains("FROM key_rows") && step.contains("TEMP B-TREE");
            assert!(!sorts, "{step}: {sql}");
            if sql.contains(" AND k.id ") && step.contains(" k USING") {
                // Behind the row where the page begins, among those of its value, or behind that value.
                let (same, later) =
                    (step.contains("=? AND id>?") || step.contains("=? AND id<?"), step.contains(">?") || step.contains("<?"));
                assert!(if same { step.matches("=?").count() == 2 } else { later }, "{step}: {sql}");
                onward += 1;
            }
        }
    }
    assert!(onward >= 2 * 2 * SORTS.len(), "{onward}");
}
