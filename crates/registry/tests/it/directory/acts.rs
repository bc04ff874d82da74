//! What the cases do, and the counts that must agree with what a snapshot holds.

use super::*;

pub fn services(names: &[&str]) -> Vec<Service> {
    names.iter().map(|name| Service::parse("scope", name).unwrap()).collect()
}

pub fn scoped(name: &str, names: &[&str]) -> NewKey {
    NewKey { scope: Scope::List(services(names)), ..new_key(name) }
}

pub fn in_two(new: NewKey) -> NewKey {
    NewKey { org: slug("two"), ..new }
}

pub fn create(f: &Fixture, new: &NewKey) -> Result<KeyId, Error> {
    f.registry.keys(&f.realm).make(&caller(), new).map(|created| created.key.key_id)
}

pub fn delete(f: &Fixture, id: KeyId) {
    let name = f.registry.keys(&f.realm).get(id).unwrap().name;
    f.registry.keys(&f.realm).delete(&caller(), id, Some(name.as_str()), None).unwrap();
}

pub fn patterns(prefix: &str, count: usize) -> Vec<Pattern> {
    (0..count).map(|n| Pattern::parse("permissions", &format!("{prefix}.p{n}")).unwrap()).collect()
}

pub fn new_role(role: &str, org: Option<&str>, permissions: Vec<Pattern>) -> NewRole {
    NewRole { role: slug(role), org: org.map(slug), name: role.parse().unwrap(), permissions }
}

/// Imports a key for each line's roles and scope, as they stand in a file.
pub fn import(f: &Fixture, lines: &[(String, String)]) -> ImportReport {
    let (org, owner) = (Some(slug("one")), Some(slug("alice")));
    let defaults = ImportDefaults { org, owner, roles: Vec::new(), environment: None };
    let import = Import { format: ImportFormat::Csv, defaults, dry_run: false };
    let taken = f.registry.keys(&f.realm).count(&KeyFilter::default()).unwrap();
    let hex = |n: u64| key::digest(format!("{taken} {n}").as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let line = |(n, (roles, scope)): (u64, &(String, String))| format!("{},key {taken} {n},{roles},{scope}\n", hex(n));
    let file: String = (0..).zip(lines).map(line).collect();
    let mut input = Cursor::new(format!("sha256,name,roles,scope\n{file}"));
    f.registry.keys(&f.realm).import_file(&caller(), &import, &mut input, &mut |_| {}).unwrap()
}

pub fn refused<T>(result: Result<T, Error>, pointer: &str, what: &str) {
    let error = result.err().expect("it was allowed");
    assert_eq!((error.code(), error.pointer().as_deref()), ("limit_reached", Some(pointer)), "{error}");
    assert!(error.to_string().contains(what), "{error}");
}

pub const KINDS: [(&str, Table); 4] =
    [("roles", Table::Roles), ("role_sets", Table::RoleSets), ("scopes", Table::Scopes), ("policies", Table::Policies)];

/// What is counted of a kind for the realm, or for an org: entries, bytes, chunks.
pub fn sizes(f: &Fixture, org: Option<&str>, kind: &str) -> [u64; 3] {
    let of = org.map_or("0".into(), |org| format!("(SELECT id FROM orgs WHERE slug = '{org}')"));
    let sql = format!("SELECT entries, bytes, chunks FROM directory_sizes WHERE org_id = {of} AND kind = '{kind}'");
    let row = f.rows(&sql).first().map(|row| row.iter().map(|n| n.parse().unwrap()).collect::<Vec<u64>>());
    row.map_or([0; 3], |row| row.try_into().unwrap())
}

/// The bytes of an entry, as SPEC section 5.2 has them.
pub fn bytes(entry: &Entry) -> u64 {
    let text8 = |text: &String| 1 + text.len();
    let length = match entry {
        Entry::Role(role) => text8(&role.name) + 2 + role.patterns.iter().map(text8).sum::<usize>(),
        Entry::RoleSet(roles) => 4 * roles.len(),
        Entry::Scope(services) => 1 + services.iter().map(text8).sum::<usize>(),
        Entry::Policy(policy) => policy.encode().unwrap().len(),
    };
    length as u64
}

/// What is counted is what a snapshot has, and how many need it.
pub fn agree(f: &Fixture, after: &str) {
    let state = f.registry.ledger(&f.realm).snapshot(None).unwrap().state;
    // In an overlap a key has two records.
    let keys: BTreeMap<KeyId, &Record> = state.records.iter().map(|record| (record.key_id, record)).collect();
    let number = |table: Table, record: &Record| match table {
        Table::RoleSets => record.role_set,
        Table::Scopes => record.scope,
        Table::Policies => record.policy,
        Table::Roles => 0,
    };
    for (kind, table) in KINDS {
        let entries: Vec<(u32, &Entry)> =
            state.entries.iter().filter(|((of, _), _)| *of == table).map(|((_, number), entry)| (*number, entry)).collect();
        let chunks: BTreeSet<u32> = entries.iter().map(|(number, _)| number / 64).collect();
        let all = [entries.len() as u64, entries.iter().map(|(_, entry)| bytes(entry)).sum(), chunks.len() as u64];
        assert_eq!(sizes(f, None, kind), all, "{after}: {kind}");
        let mut users: BTreeMap<u32, u64> = BTreeMap::new();
        for org in ["one", "two"] {
            let mut needed: BTreeMap<u32, u64> = BTreeMap::new();
            for record in keys.values().filter(|record| record.org == org && number(table, record) != 0) {
                *needed.entry(number(table, record)).or_default() += 1;
            }
            let size = needed.keys().map(|number| bytes(&state.entries[&(table, *number)])).sum();
            assert_eq!(sizes(f, Some(org), kind), [needed.len() as u64, size, 0], "{after}: {kind} of {org}");
            needed.keys().for_each(|number| *users.entry(*number).or_default() += 1);
            let sql = format!(
                "SELECT number, users FROM directory_uses WHERE kind = '{kind}' \
                 AND org_id = (SELECT id FROM orgs WHERE slug = '{org}') ORDER BY number"
            );
            let needed: Vec<_> = needed.iter().map(|(number, keys)| vec![number.to_string(), keys.to_string()]).collect();
            assert_eq!(f.rows(&sql), needed, "{after}: keys of {org} that need {kind}");
        }
        if table == Table::Roles {
            let sets = state.entries.values().filter_map(|entry| match entry {
                Entry::RoleSet(roles) => Some(roles),
                _ => None,
            });
            sets.flatten().for_each(|role| *users.entry(*role).or_default() += 1);
        }
        let users: Vec<_> = users.iter().map(|(number, users)| vec![number.to_string(), users.to_string()]).collect();
        let sql = format!("SELECT number, users FROM directory_entries WHERE kind = '{kind}' ORDER BY number");
        assert_eq!(f.rows(&sql), users, "{after}: {kind}");
    }
}
