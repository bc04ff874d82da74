//! What a publisher reads step by step leads to the state that it would read as a whole, whatever is done; and no number of the
//! directory is given twice.

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

const ORGS: [&str; 3] = ["one", "two", "cloud"];
const OWNERS: [&str; 2] = ["alice", "bob"];
const ROLES: [&str; 5] = ["admin", "reader", "writer", "ours", "theirs"];
const SERVICES: [&str; 4] = ["cdn", "dns", "mail", "web"];
const NETWORKS: [&str; 4] = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "203.0.113.0/24"];

/// Acts at random over few names, so that they meet.
struct Actor<'f> {
    f: &'f Fixture,
    random: Random,
}

impl Actor<'_> {
    fn one_of(&mut self, names: &[&str]) -> Slug {
        slug(self.random.pick(names))
    }

    fn some_of<'n>(&mut self, names: &[&'n str]) -> Vec<&'n str> {
        names.iter().copied().filter(|_| self.random.below(3) == 0).collect()
    }

    fn roles(&mut self) -> Vec<Slug> {
        self.some_of(&ROLES[..4]).into_iter().map(slug).collect()
    }

    fn patterns(&mut self) -> Vec<Pattern> {
        let some = self.some_of(&["a.*", "b", "c.d", "*.view"]);
        some.iter().chain(&["z"]).map(|pattern| pattern.parse().unwrap()).collect()
    }

    fn scope(&mut self) -> Scope {
        let services: Vec<Service> = self.some_of(&SERVICES).iter().map(|s| Service::parse("scope", s).unwrap()).collect();
        if services.is_empty() { Scope::All } else { Scope::List(services) }
    }

    fn key(&mut self) -> Result<Key, Error> {
        let keys = self.f.registry.keys(&self.f.realm).all(&KeyFilter::default())?;
        let missing = || Error::NotFound { kind: edgelatch_registry::Kind::Key, id: String::new() };
        (!keys.is_empty()).then(|| keys[self.random.below(keys.len())].clone()).ok_or_else(missing)
    }

    fn new_key(&mut self) -> NewKey {
        let name = format!("key {}", self.random.below(1000));
        let (allow, deny) = (self.some_of(&NETWORKS[..2]), self.some_of(&NETWORKS[2..]));
        NewKey {
            org: self.one_of(&ORGS),
            owner: Some(self.one_of(&OWNERS)),
            roles: self.roles(),
            scope: self.scope(),
            ip: ip(&allow, &deny),
            metadata: serde_json::from_value(json!({ "n": self.random.below(3) })).unwrap(),
            ..new_key(&name)
        }
    }

    fn digest(&mut self) -> String {
        // Few of them, so that one that is gone comes back.
        let text = format!("imported {}", self.random.below(8));
        key::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn edit(&mut self) -> KeyEdit {
        let n = self.random.below(1000);
        let entry = |text: &&str| IpEntry::parse("allow", text).unwrap();
        let switched = (Cidr::parse(NETWORKS[0].as_bytes()).unwrap(), n.is_multiple_of(2));
        match self.random.below(10) {
            0 => KeyEdit { name: Some(format!("renamed {n}").parse().unwrap()), ..KeyEdit::default() },
            1 => KeyEdit { description: Some(n.to_string().parse().unwrap()), ..KeyEdit::default() },
            2 => KeyEdit { roles: Some(self.roles()), ..KeyEdit::default() },
            3 => KeyEdit { scope: Some(self.scope()), ..KeyEdit::default() },
            4 => {
                let allow = ListEdit::Replace(self.some_of(&NETWORKS).iter().map(entry).collect());
                KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() }
            }
            5 => {
                let allow = ListEdit::Change { add: vec![], remove: vec![], switch: vec![switched] };
                KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() }
            }
            6 => KeyEdit { expires_at: Some(Some(NOW + 900 * 86_400 + n as u64)), ..KeyEdit::default() },
            7 => KeyEdit { not_before: Some(Some(NOW - n as u64)), ..KeyEdit::default() },
            8 => KeyEdit { metadata: Some(serde_json::from_value(json!({ "edited": n })).unwrap()), ..KeyEdit::default() },
            _ => {
                let status = if n.is_multiple_of(2) { StatusEdit::Revoke } else { StatusEdit::Enable };
                KeyEdit { status: Some(status), ..KeyEdit::default() }
            }
        }
    }

    fn settings(&mut self) -> serde_json::Value {
        let all = [
            json!({ "authority": "roles" }),
            json!({ "authority": "owner" }),
            json!({ "authority": "org" }),
            json!({ "revocation": "reversible" }),
            json!({ "revocation": "delete" }),
            json!({ "credentials": ["bearer"] }),
            json!({ "credentials": ["bearer", "x-api-key"] }),
            json!({ "request_log_days": 30 }),
        ];
        all[self.random.below(all.len())].clone()
    }

    /// What is done `which` way, and whether it was.
    fn act(&mut self, which: usize) -> Result<(), Error> {
        let (me, f) = (caller(), self.f);
        let (keys, tenants) = (f.registry.keys(&f.realm), f.registry.tenants(&f.realm));
        match which {
            0 | 1 => keys.make(&me, &self.new_key()).map(drop),
            2 => keys.import(&me, &self.new_key(), &Digest::parse("sha256", &self.digest())?).map(drop),
            3 => {
                let (org, owner) = (Some(self.one_of(&ORGS)), Some(self.one_of(&OWNERS)));
                let import = Import {
                    format: ImportFormat::Csv,
                    defaults: ImportDefaults { org, owner, roles: Vec::new(), environment: None },
                    dry_run: false,
                };
                let lines = (0..2).map(|n| format!("{},file {n},cdn\n", self.digest())).collect::<String>();
                let mut input = Cursor::new(format!("sha256,name,scope\n{lines}"));
                let report = keys.import_file(&me, &import, &mut input, &mut |_| {})?;
                if report.done { Ok(()) } else { Err(Error::DigestTaken) }
            }
            4..=7 => keys.edit(&me, self.key()?.key_id, &self.edit()).map(drop),
            8 => keys.revoke(&me, self.key()?.key_id, None).map(drop),
            9 => keys.enable(&me, self.key()?.key_id, None).map(drop),
            10 => {
                let overlap = [0, 60, 86_400][self.random.below(3)];
                keys.renew(&me, self.key()?.key_id, &Rotate { overlap, confirm: None, if_revision: None }).map(drop)
            }
            11 => {
                let key = self.key()?;
                keys.delete(&me, key.key_id, Some(key.name.as_str()), None).map(drop)
            }
            12 => {
                let filter = KeyFilter { search: Some(format!("key {}", self.random.below(10))), ..KeyFilter::default() };
                let matched = keys.revoke_all(&me, &filter, None)?.matched;
                keys.revoke_all(&me, &filter, Some(matched)).map(drop)
            }
            13 => {
                let disabled = Some(self.random.below(2) == 0);
                let edit = OwnerEdit { disabled, ..OwnerEdit::default() };
                tenants.edit_owner(&me, &self.one_of(&ORGS), &self.one_of(&OWNERS), &edit).map(drop)
            }
            14 => {
                let edit = OwnerEdit { roles: Some(self.roles()), ..OwnerEdit::default() };
                tenants.edit_owner(&me, &self.one_of(&ORGS), &self.one_of(&OWNERS), &edit).map(drop)
            }
            15 => tenants.delete_owner(&me, &self.one_of(&ORGS), &self.one_of(&OWNERS), None).map(drop),
            16 => {
                let owner = self.one_of(&OWNERS);
                let name = "Somebody".parse().unwrap();
                let new = NewOwner { org: self.one_of(&ORGS), owner, kind: OwnerKind::User, name, roles: self.roles() };
                tenants.create_owner(&me, &new).map(drop)
            }
            17 => {
                let (org, role) = (Some(self.one_of(&ORGS)), self.one_of(&ROLES[3..]));
                let org = org.filter(|_| role.as_str() == "ours");
                tenants
                    .create_role(&me, &NewRole { role, org, name: "Role".parse().unwrap(), permissions: self.patterns() })
                    .map(drop)
            }
            18 => {
                let edit = RoleEdit { permissions: Some(self.patterns()), ..RoleEdit::default() };
                tenants.edit_role(&me, Some(&self.one_of(&ORGS)), &slug("ours"), &edit).map(drop)
            }
            19 => tenants.delete_role(&me, Some(&self.one_of(&ORGS)), &slug("ours"), None).map(drop),
            20 => {
                let edit = OrgEdit { settings: Some(self.settings()), ..OrgEdit::default() };
                tenants.edit_org(&me, &self.one_of(&ORGS), &edit).map(drop)
            }
            21 => {
                let new = NewOrg { org: slug("cloud"), name: "Cloud".parse().unwrap(), preset: Some(Preset::VergeCloud) };
                tenants.create_org(&me, &new).map(drop)
            }
            22 => tenants.delete_org(&me, &slug("cloud"), None).map(drop),
            _ => {
                f.advance(ENDED_SECRET_DAYS * 86_400 / 8);
                f.registry.purge().map(drop)
            }
        }
    }
}

const ACTS: usize = 24;

/// The attack: an act that does not say all that it changes. A publisher would go on with what was true before.
fn step_by_step_is_as_a_whole(f: Fixture) {
    let (mut each, mut seldom) = (Follower::new(&f), Follower::new(&f));
    let mut done = [0; ACTS];
    let mut actor = Actor { f: &f, random: Random(2_026) };
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
