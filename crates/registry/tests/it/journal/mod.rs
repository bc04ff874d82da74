//! What a publisher reads step by step leads to the state that it would read as a whole, whatever is done; and no number of the
//! directory is given twice.

mod actor;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use edgelatch_core::build::{Change, Entry, Record, State, Table, Tree};
use edgelatch_core::cidr::Cidr;
use edgelatch_core::key::{self, KeyId};
use edgelatch_registry::limits::{ENDED_SECRET_DAYS, JOURNAL_ROWS, JOURNAL_STEPS};
use edgelatch_registry::{
    Authority, Digest, Error, FromText, Import, ImportDefaults, ImportFormat, IpEdit, IpEntry, Key, KeyEdit, KeyFilter,
    ListEdit, NewKey, NewOrg, NewOwner, NewRole, OrgEdit, OwnerEdit, OwnerKind, Pattern, Preset, RoleEdit, Rotate, Scope,
    Service, Since, Slug, StatusEdit,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, ip, new_key, slug};
use serde_json::json;

use actor::*;

type Entries = BTreeMap<(Table, u32), Entry>;

/// A publisher's copy of a realm, led from step to step.
struct Follower {
    changes: u64,
    tree: Tree,
    records: BTreeMap<[u8; 32], Record>,
    entries: Entries,
    headers: String,
    /// What each number has stood for; a role is known by its name.
    stood_for: BTreeMap<(Table, u32), String>,
    gone: BTreeSet<(Table, u32)>,
}

fn by_digest(records: Vec<Record>) -> BTreeMap<[u8; 32], Record> {
    records.into_iter().map(|record| (record.digest, record)).collect()
}

impl Follower {
    /// Begins with everything.
    fn new(f: &Fixture) -> Follower {
        let snapshot = f.registry.ledger(&f.realm).snapshot(None).unwrap();
        let tree = Tree::build(&snapshot.state).unwrap();
        let State { settings, entries, records } = snapshot.state;
        let (headers, records) = (format!("{settings:?}"), by_digest(records));
        let mut new = Follower {
            changes: snapshot.changes,
            tree,
            records,
            entries,
            headers,
            stood_for: BTreeMap::new(),
            gone: BTreeSet::new(),
        };
        new.remember();
        new
    }

    /// Takes the step to the present state.
    fn follow(&mut self, f: &Fixture, after: &str) {
        let Since::Change { changes, change } = f.registry.ledger(&f.realm).since(self.changes, None).unwrap() else {
            panic!("{after}: everything")
        };
        self.tree.change(&change).unwrap();
        let Change { settings, entries, removed, put } = *change;
        (self.changes, self.headers) = (changes, format!("{settings:?}"));
        for (table, number, entry) in entries {
            match entry {
                Some(entry) => drop(self.entries.insert((table, number), entry)),
                None => drop(self.entries.remove(&(table, number))),
            }
        }
        removed.iter().for_each(|digest| drop(self.records.remove(digest)));
        self.records.extend(by_digest(put));
        self.remember();
        self.compare(f, after);
    }

    /// No number stands for two things, or comes back.
    fn remember(&mut self) {
        for (place, entry) in &self.entries {
            let is = match entry {
                Entry::Role(role) => role.name.clone(),
                other => format!("{other:?}"),
            };
            assert!(!self.gone.contains(place) || place.0 == Table::Roles, "{place:?} came back");
            assert_eq!(*self.stood_for.entry(*place).or_insert_with(|| is.clone()), is, "{place:?}");
        }
        self.gone.extend(self.stood_for.keys().filter(|place| !self.entries.contains_key(*place)));
    }

    /// Step by step and as a whole give the same.
    fn compare(&self, f: &Fixture, after: &str) {
        let whole = Follower::new(f);
        assert_eq!(self.changes, whole.changes, "{after}");
        assert_eq!(self.headers, whole.headers, "{after}");
        assert_eq!(self.entries, whole.entries, "{after}");
        assert_eq!(self.records, whole.records, "{after}");
        assert!(self.tree == whole.tree, "{after}: the same state, another tree");
    }

    fn role_names(&self, record: &Record) -> Vec<String> {
        let Some(Entry::RoleSet(roles)) = self.entries.get(&(Table::RoleSets, record.role_set)) else { return Vec::new() };
        let name = |number: &u32| match &self.entries[&(Table::Roles, *number)] {
            Entry::Role(role) => role.name.clone(),
            other => panic!("{other:?}"),
        };
        let mut names: Vec<String> = roles.iter().map(name).collect();
        names.sort();
        names
    }

    /// Records say what the keys are, and the directory has what they refer to and nothing else.
    fn says_what_keys_are(&self, f: &Fixture, after: &str) {
        let keys = f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap();
        let keys: BTreeMap<KeyId, Key> = keys.into_iter().map(|key| (key.key_id, key)).collect();
        let told: BTreeSet<KeyId> = self.records.values().map(|record| record.key_id).collect();
        assert!(told.iter().eq(keys.keys()), "{after}");
        let mut needed = BTreeSet::new();
        for record in self.records.values() {
            let key = &keys[&record.key_id];
            let roles: Vec<String> = match key.authority {
                Authority::Org => vec!["org".into()],
                _ => key.roles.iter().map(ToString::to_string).collect(),
            };
            assert_eq!(self.role_names(record), roles, "{after}");
            let scope = match self.entries.get(&(Table::Scopes, record.scope)) {
                Some(Entry::Scope(services)) => Scope::List(services.iter().map(|s| Service::parse("", s).unwrap()).collect()),
                _ => Scope::All,
            };
            assert_eq!(scope, key.scope, "{after}");
            let policy = match self.entries.get(&(Table::Policies, record.policy)) {
                Some(Entry::Policy(policy)) => Some(policy.encode().unwrap()),
                _ => None,
            };
            assert_eq!(policy, key.ip.policy().map(|policy| policy.encode().unwrap()), "{after}");
            assert_eq!((record.revoked, record.owner_disabled), (key.revoked_at.is_some(), key.owner_disabled), "{after}");
            assert_eq!(record.owner, key.owner.as_str(), "{after}");
            let all = [(Table::RoleSets, record.role_set), (Table::Scopes, record.scope), (Table::Policies, record.policy)];
            needed.extend(all.into_iter().filter(|(_, number)| *number != 0));
        }
        let sets: Vec<_> = needed.iter().filter_map(|place| self.entries.get(place)).cloned().collect();
        for entry in sets {
            if let Entry::RoleSet(roles) = entry {
                needed.extend(roles.into_iter().map(|role| (Table::Roles, role)));
            }
        }
        assert!(needed.iter().eq(self.entries.keys()), "{after}: {needed:?} {:?}", self.entries.keys());
    }
}

const ACTS: usize = 24;

/// The attack: an act that does not say all that it changes. A publisher would go on with what was true before.
fn step_by_step_is_as_a_whole(f: Fixture) {
    let (mut each, mut seldom) = (Follower::new(&f), Follower::new(&f));
    let mut done = [0; ACTS];
    let mut actor = Actor { f: &f, random: Random(2_026), clouds: 0 };
    for n in 1..=700 {
        let which = actor.random.below(ACTS);
        let result = actor.act(which);
        done[which] += usize::from(result.is_ok());
        let after = format!("act {n}, of kind {which}: {:?}", result.err());
        each.follow(&f, &after);
        if n % 7 == 0 {
            seldom.follow(&f, &after);
            each.says_what_keys_are(&f, &after);
        }
    }
    assert!(done.iter().all(|done| *done > 0), "{done:?}");
    let tables: BTreeSet<Table> = each.gone.iter().map(|(table, _)| *table).collect();
    assert_eq!(tables.len(), 4, "of each table something went: {tables:?}");
}

/// A role that is edited, or a scope that is new, leaves every other entry and key as it was.
fn an_act_changes_what_it_is_about(f: Fixture) {
    let (me, keys, tenants) = (caller(), f.registry.keys(&f.realm), f.registry.tenants(&f.realm));
    let role = |permissions: &[&str]| permissions.iter().map(|p| p.parse().unwrap()).collect::<Vec<Pattern>>();
    let ours = NewRole { role: slug("ours"), org: Some(slug("one")), name: "Ours".parse().unwrap(), permissions: role(&["a"]) };
    tenants.create_role(&me, &ours).unwrap();
    let new = NewKey { roles: vec![slug("ours")], ip: ip(&["192.0.2.7"], &[]), ..new_key("first") };
    let first = keys.make(&me, &new).unwrap().key.key_id;
    keys.make(&me, &NewKey { name: "second".parse().unwrap(), ..new.clone() }).unwrap();
    let changed = |act: &dyn Fn()| {
        let before = f.registry.ledger(&f.realm).changes().unwrap();
        act();
        let Since::Change { change, .. } = f.registry.ledger(&f.realm).since(before, None).unwrap() else {
            panic!("everything")
        };
        let mut entries: Vec<_> = change.entries.iter().map(|(table, _, entry)| (*table, entry.is_some())).collect();
        entries.sort();
        (entries, change.put.len(), change.removed.len())
    };
    let edit_role = || {
        let edit = RoleEdit { permissions: Some(role(&["b"])), ..RoleEdit::default() };
        tenants.edit_role(&me, Some(&slug("one")), &slug("ours"), &edit).unwrap();
    };
    assert_eq!(changed(&edit_role), (vec![(Table::Roles, true)], 0, 0));
    let scoped = || {
        let scope = Some(Scope::List(vec![Service::parse("scope", "cdn").unwrap()]));
        keys.edit(&me, first, &KeyEdit { scope, ..KeyEdit::default() }).unwrap();
    };
    assert_eq!(changed(&scoped), (vec![(Table::Scopes, true)], 1, 0));
    let other_policy = || {
        let allow = ListEdit::Replace(vec![IpEntry::parse("allow", "192.0.2.8").unwrap()]);
        keys.edit(&me, first, &KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() }).unwrap();
    };
    // The second key still has the policy that the first one had.
    assert_eq!(changed(&other_policy), (vec![(Table::Policies, true)], 1, 0));
    let rotate = || drop(keys.renew(&me, first, &Rotate { overlap: 0, confirm: None, if_revision: None }).unwrap());
    assert_eq!(changed(&rotate), (vec![], 1, 1));
    let delete = || drop(keys.delete(&me, first, Some("first"), None).unwrap());
    assert_eq!(changed(&delete), (vec![(Table::Scopes, false), (Table::Policies, false)], 0, 1));
    // Where keys have their owner's roles, these are all its keys' affair; where they have their own, nobody's.
    let give_roles = |roles: &[&str]| {
        let edit = OwnerEdit { roles: Some(roles.iter().map(|role| slug(role)).collect()), ..OwnerEdit::default() };
        tenants.edit_owner(&me, &slug("one"), &slug("alice"), &edit).unwrap();
    };
    assert_eq!(changed(&|| give_roles(&["reader"])), (vec![], 0, 0));
    let authority = |word: &str| {
        let edit = OrgEdit { settings: Some(json!({ "authority": word })), ..OrgEdit::default() };
        tenants.edit_org(&me, &slug("one"), &edit).unwrap();
    };
    let (came, went) = ((Table::RoleSets, true), (Table::RoleSets, false));
    let roles = [(Table::Roles, false), (Table::Roles, true)];
    let exchanged = [&roles[..], &[went, came]].concat();
    assert_eq!(changed(&|| authority("owner")), (exchanged.clone(), 1, 0));
    assert_eq!(changed(&|| give_roles(&["writer"])), (exchanged.clone(), 1, 0));
    assert_eq!(changed(&|| authority("roles")), (exchanged, 1, 0));
    // Nobody has this role, so no edge is told of it.
    let unused = NewRole { role: slug("unused"), ..ours };
    assert_eq!(changed(&|| drop(tenants.create_role(&me, &unused).unwrap())), (vec![], 0, 0));
}

/// Numbers go on also where what had them is gone, and whatever its place in the table was.
fn a_number_is_given_once(f: Fixture) {
    let (me, keys, tenants) = (caller(), f.registry.keys(&f.realm), f.registry.tenants(&f.realm));
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        let permissions = vec!["a".parse().unwrap()];
        let role = NewRole { role: slug("ours"), org: Some(slug("one")), name: "Ours".parse().unwrap(), permissions };
        tenants.create_role(&me, &role).unwrap();
        let scope = Scope::List(vec![Service::parse("scope", "cdn").unwrap()]);
        let new = NewKey { roles: vec![slug("ours")], scope, ip: ip(&["192.0.2.7"], &[]), ..new_key("k") };
        let id = keys.make(&me, &new).unwrap().key.key_id;
        for place in Follower::new(&f).entries.into_keys() {
            assert!(seen.insert(place), "round {round}: {place:?}");
        }
        keys.delete(&me, id, Some("k"), None).unwrap();
        assert!(Follower::new(&f).entries.is_empty());
        tenants.delete_role(&me, Some(&slug("one")), &slug("ours"), None).unwrap();
    }
    assert_eq!(seen.len(), 12);
}

fn everything(f: &Fixture, changes: u64) -> bool {
    matches!(f.registry.ledger(&f.realm).since(changes, None).unwrap(), Since::Everything)
}

/// Where the journal cannot tell, it does not guess.
fn what_is_not_in_the_journal_is_everything(f: Fixture) {
    let ledger = f.registry.ledger(&f.realm);
    let edit = |disabled| OwnerEdit { disabled: Some(disabled), ..OwnerEdit::default() };
    let act = |n: u64| {
        let disabled = edit(n.is_multiple_of(2));
        f.registry.tenants(&f.realm).edit_owner(&caller(), &slug("one"), &slug("alice"), &disabled).unwrap();
    };
    (0..4).for_each(act);
    let now = ledger.changes().unwrap();
    assert!(!everything(&f, now) && !everything(&f, now - 4));
    // A state from after this one is of another realm.
    assert!(everything(&f, now + 1));
    // Steps without a row, whatever took it.
    f.execute(&format!("DELETE FROM journal WHERE changes = {}", now - 1)).unwrap();
    assert!(everything(&f, now - 3) && !everything(&f, now - 1));
    // The journal goes back so far and no further.
    f.execute(&format!("UPDATE realms SET changes = {}", 2 * JOURNAL_STEPS - 1)).unwrap();
    act(4);
    let now = ledger.changes().unwrap();
    assert_eq!(now, 2 * JOURNAL_STEPS);
    assert!(everything(&f, now - JOURNAL_STEPS - 1) && !everything(&f, now - 1));
    let rows = |test: &str| f.rows(&format!("SELECT count(*) FROM journal {test}"))[0][0].clone();
    assert_eq!((rows(""), rows("WHERE changes > 0")), ("1".into(), "1".into()), "what is older was cut off");
}

/// An act on more keys than a journal is for is one row.
fn a_large_act_is_everything(f: Fixture) {
    let import = |from: usize, count: usize| {
        let defaults =
            ImportDefaults { org: Some(slug("one")), owner: Some(slug("alice")), roles: Vec::new(), environment: None };
        let import = Import { format: ImportFormat::Csv, defaults, dry_run: false };
        let hex = |n: usize| key::digest(&n.to_be_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
        let lines: String = (from..from + count).map(|n| format!("{},key {n}\n", hex(n))).collect();
        let mut input = Cursor::new(format!("sha256,name\n{lines}"));
        assert!(f.registry.keys(&f.realm).import_file(&caller(), &import, &mut input, &mut |_| {}).unwrap().done);
    };
    let (ledger, before) = (f.registry.ledger(&f.realm), f.registry.ledger(&f.realm).changes().unwrap());
    import(0, 10);
    let Since::Change { changes, change } = ledger.since(before, None).unwrap() else { panic!("everything") };
    assert_eq!((changes, change.put.len(), change.settings.imports), (before + 1, 10, true));
    import(10, JOURNAL_ROWS + 1);
    assert!(everything(&f, before) && everything(&f, changes));
    // What all keys share was shared before, so this act says one thing.
    assert_eq!(f.rows(&format!("SELECT kind FROM journal WHERE changes = {}", before + 2)), [["everything"]]);
    assert!(!everything(&f, before + 2));
}

/// Rows of keys and owners may be given to another realm once they are free there.
fn a_row_that_another_realm_has_now_is_not_read(f: Fixture) {
    let new = edgelatch_registry::NewRealm {
        realm: slug("other"),
        name: "Other".parse().unwrap(),
        preset: Preset::Default,
        prefix: None,
        credentials: None,
    };
    f.registry.create_realm(&caller(), &new).unwrap();
    let key = f.registry.keys(&f.realm).make(&caller(), &new_key("k")).unwrap().key;
    // As if the rows that the journal names were theirs.
    f.execute("INSERT INTO journal (realm_id, changes, kind, number) SELECT r.id, 1, 'key', k.id FROM realms r, keys k WHERE r.slug = 'other'")
        .unwrap();
    f.execute("INSERT INTO journal (realm_id, changes, kind, number) SELECT r.id, 1, 'owner', k.owner_id FROM realms r, keys k WHERE r.slug = 'other'")
        .unwrap();
    f.execute("UPDATE realms SET changes = 1 WHERE slug = 'other'").unwrap();
    let put = |realm: &str| match f.registry.ledger(&slug(realm)).since(0, None).unwrap() {
        Since::Change { change, .. } => change.put.into_iter().map(|record| record.key_id).collect::<Vec<_>>(),
        Since::Everything => panic!("everything"),
    };
    assert_eq!((put("other"), put("acme")), (vec![], vec![key.key_id]));
}

on_both_stores! {
    step_by_step_is_as_a_whole,
    an_act_changes_what_it_is_about,
    a_number_is_given_once,
    what_is_not_in_the_journal_is_everything,
    a_large_act_is_everything,
    a_row_that_another_realm_has_now_is_not_read,
}
