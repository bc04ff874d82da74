//! What one org can take of the directory that every edge holds, and what all of a realm can: enforced by every way in, on what is
//! there after the change.

use std::collections::BTreeSet;
use std::io::Cursor;

use edgelatch_core::build::build_tree;
use edgelatch_core::key::{self, KeyId};
use edgelatch_core::limits::MAX_DIRECTORY_ENTRIES;
use edgelatch_core::tree::directory::Directory;
use edgelatch_registry::limits::{
    MAX_KEY_SERVICES, MAX_ORG_ENTRIES, MAX_ORG_PATTERNS, MAX_ORG_ROLES, MAX_REALM_BYTES, MAX_REALM_ENTRIES, MAX_ROLE_PATTERNS,
};
use edgelatch_registry::{
    Digest, Error, Import, ImportDefaults, ImportFormat, ImportReport, KeyEdit, KeyFilter, NewKey, NewOwner, NewRole, OrgEdit,
    OwnerEdit, OwnerKind, Pattern, Preset, RoleEdit, Scope, Service, Slug,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::race::{Act, count, crowds, one_won, race};
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, new_key, new_org, slug};
use serde_json::json;

fn services(names: &[&str]) -> Vec<Service> {
    names.iter().map(|name| Service::parse("scope", name).unwrap()).collect()
}

fn scoped(name: &str, names: &[&str]) -> NewKey {
    NewKey { scope: Scope::List(services(names)), ..new_key(name) }
}

fn in_two(new: NewKey) -> NewKey {
    NewKey { org: slug("two"), ..new }
}

fn create(f: &Fixture, new: &NewKey) -> Result<KeyId, Error> {
    f.registry.keys(&f.realm).make(&caller(), new).map(|created| created.key.key_id)
}

fn delete(f: &Fixture, id: KeyId) {
    let name = f.registry.keys(&f.realm).get(id).unwrap().name;
    f.registry.keys(&f.realm).delete(&caller(), id, Some(name.as_str()), None).unwrap();
}

fn patterns(prefix: &str, count: usize) -> Vec<Pattern> {
    (0..count).map(|n| Pattern::parse("permissions", &format!("{prefix}.p{n}")).unwrap()).collect()
}

fn new_role(role: &str, org: Option<&str>, permissions: Vec<Pattern>) -> NewRole {
    NewRole { role: slug(role), org: org.map(slug), name: role.parse().unwrap(), permissions }
}

/// Imports a key for each line's roles and scope, as they stand in a file.
fn import(f: &Fixture, lines: &[(String, String)]) -> ImportReport {
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

fn refused<T>(result: Result<T, Error>, pointer: &str, what: &str) {
    let error = result.err().expect("it was allowed");
    assert_eq!((error.code(), error.pointer().as_deref()), ("limit_reached", Some(pointer)), "{error}");
    assert!(error.to_string().contains(what), "{error}");
}

/// The counts of the realm, or of an org, by the names of the tables, with the bytes last.
fn sizes(f: &Fixture, org: Option<&str>) -> Vec<u64> {
    let of = org.map_or("0".into(), |org| format!("(SELECT id FROM orgs WHERE slug = '{org}')"));
    let sql = format!("SELECT patterns, services, roles, role_sets, scopes, bytes FROM directory_sizes WHERE org_id = {of}");
    f.rows(&sql).first().map_or(vec![0; 6], |row| row.iter().map(|n| n.parse().unwrap()).collect())
}

/// What the counts must be, of what the registry shows.
fn recounted(f: &Fixture) -> [Vec<usize>; 2] {
    let keys = |org: &str| {
        let filter = KeyFilter { org: Some(slug(org)), ..KeyFilter::default() };
        f.registry.keys(&f.realm).all(&filter).unwrap()
    };
    let roles = f.registry.tenants(&f.realm).roles().unwrap();
    let distinct = |org: &str| {
        let (mut scopes, mut services, mut sets) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        // A role is the org's own, or else the realm's.
        let owned = |role: &Slug| (roles.iter().any(|r| r.role == *role && r.org == Some(slug(org))), role.to_string());
        for key in keys(org) {
            sets.insert(key.roles.iter().map(owned).collect::<Vec<_>>());
            if let Scope::List(list) = key.scope {
                services.extend(list.iter().map(ToString::to_string));
                scopes.insert(list.iter().map(ToString::to_string).collect::<Vec<_>>());
            }
        }
        for owner in f.registry.tenants(&f.realm).owners(Some(&slug(org))).unwrap() {
            sets.insert(owner.roles.iter().map(owned).collect());
        }
        sets.remove(&Vec::new());
        let own = |set: Vec<(bool, String)>| (set.iter().any(|role| role.0).then(|| org.to_owned()), set);
        (services, sets.into_iter().map(own).collect::<BTreeSet<_>>(), scopes)
    };
    let (one, two) = (distinct("one"), distinct("two"));
    let of_one = vec![0, one.0.len(), 0, one.1.len(), one.2.len()];
    let union = |a: usize, b: usize, both: usize| a + b - both;
    let patterns: BTreeSet<String> = roles.iter().flat_map(|r| r.permissions.iter().map(ToString::to_string)).collect();
    let contents: BTreeSet<(&Slug, &Vec<Pattern>)> = roles.iter().map(|r| (&r.role, &r.permissions)).collect();
    let of_realm = vec![
        patterns.len(),
        union(one.0.len(), two.0.len(), one.0.intersection(&two.0).count()),
        contents.len(),
        union(one.1.len(), two.1.len(), one.1.intersection(&two.1).count()),
        union(one.2.len(), two.2.len(), one.2.intersection(&two.2).count()),
    ];
    [of_one, of_realm]
}

/// How often the entries of a kind are needed in the first org.
fn users(f: &Fixture, kind: &str) -> usize {
    let org = "(SELECT id FROM orgs WHERE slug = 'one')";
    let sql = format!("SELECT users FROM directory_entries WHERE org_id = {org} AND kind = '{kind}'");
    f.rows(&sql).iter().map(|row| row[0].parse::<usize>().unwrap()).sum()
}

/// What is counted is what is there, and no less than what a publisher makes of it.
fn agree(f: &Fixture, after: &str) {
    let filter = KeyFilter { org: Some(slug("one")), ..KeyFilter::default() };
    let keys = f.registry.keys(&f.realm).all(&filter).unwrap();
    let owners = f.registry.tenants(&f.realm).owners(Some(&slug("one"))).unwrap();
    let scoped = keys.iter().filter(|key| key.scope != Scope::All).count();
    let with_roles =
        keys.iter().filter(|k| !k.roles.is_empty()).count() + owners.iter().filter(|o| !o.roles.is_empty()).count();
    assert_eq!((users(f, "scopes"), users(f, "role_sets")), (scoped, with_roles), "{after}");
    let [one, realm] = recounted(f);
    let as_counted = |org| sizes(f, org).iter().take(5).map(|n| *n as usize).collect::<Vec<_>>();
    assert_eq!((as_counted(Some("one")), as_counted(None)), (one, realm), "{after}");
    let snapshot = f.registry.ledger(&f.realm).snapshot(None).unwrap();
    let tree = build_tree(&snapshot.realm, snapshot.keys).unwrap();
    let bytes = *sizes(f, None).last().unwrap();
    assert!(tree.directory.len() as u64 <= bytes + 4096, "{after}: {} of {bytes}", tree.directory.len());
    let (published, counted) = (Directory::parse(&tree.directory).unwrap(), as_counted(None));
    let found = [published.patterns().count(), published.services().count(), published.roles().count()];
    assert!(found.iter().zip(counted).all(|(found, counted)| *found <= counted + 16), "{after}");
}

/// Every act that makes, changes or ends an entry, one after another.
fn whatever_is_done_the_counts_are_right(f: Fixture) {
    let (me, realm, one) = (caller(), f.realm.clone(), slug("one"));
    agree(&f, "at first");
    let plain = create(&f, &new_key("plain")).unwrap();
    let cdn = create(&f, &scoped("cdn", &["cdn", "dns"])).unwrap();
    let same = create(&f, &scoped("same", &["dns", "cdn", "cdn"])).unwrap();
    let other = create(&f, &in_two(scoped("other", &["dns"]))).unwrap();
    agree(&f, "created");
    let digest = Digest::parse("sha256", &"ab".repeat(32)).unwrap();
    let imported = f.registry.keys(&realm).import(&me, &scoped("imported", &["dns"]), &digest).unwrap().key.key_id;
    agree(&f, "imported");
    let lines = [("reader", "cdn dns"), ("reader writer", "cdn"), ("", "all"), ("writer reader", "cdn"), ("writer", "new")];
    let report = import(&f, &lines.map(|(roles, scope)| (roles.into(), scope.into())));
    assert!(report.done, "{report:?}");
    agree(&f, "imported from a file");
    let edits = [
        KeyEdit { scope: Some(Scope::List(services(&["dns"]))), ..KeyEdit::default() },
        KeyEdit { roles: Some(vec![slug("writer"), slug("reader")]), ..KeyEdit::default() },
        KeyEdit { scope: Some(Scope::All), roles: Some(Vec::new()), ..KeyEdit::default() },
        KeyEdit { scope: Some(Scope::List(services(&["a", "b"]))), ..KeyEdit::default() },
        KeyEdit { name: Some("renamed".parse().unwrap()), ..KeyEdit::default() },
    ];
    for (n, edit) in edits.iter().enumerate() {
        for id in [plain, cdn] {
            f.registry.keys(&realm).edit(&me, id, edit).unwrap();
            agree(&f, &format!("edit {n}"));
        }
    }
    f.registry.tenants(&realm).create_role(&me, &new_role("ours", Some("one"), patterns("x", 3))).unwrap();
    f.registry.tenants(&realm).create_role(&me, &new_role("ours", Some("two"), patterns("x", 3))).unwrap();
    f.registry.tenants(&realm).create_role(&me, &new_role("all", None, patterns("x", 2))).unwrap();
    agree(&f, "roles");
    let bob = NewOwner {
        org: one.clone(),
        owner: slug("bob"),
        kind: OwnerKind::User,
        name: "Bob".parse().unwrap(),
        roles: vec![slug("ours"), slug("reader")],
    };
    f.registry.tenants(&realm).create_owner(&me, &bob).unwrap();
    let own = create(&f, &NewKey { roles: vec![slug("reader"), slug("ours")], ..new_key("own") }).unwrap();
    agree(&f, "an owner, and a key with the same roles");
    let roles = Some(vec![slug("all")]);
    f.registry.tenants(&realm).edit_owner(&me, &one, &slug("bob"), &OwnerEdit { roles, ..OwnerEdit::default() }).unwrap();
    agree(&f, "another role for the owner");
    let permissions = Some(patterns("y", 4));
    let edit = RoleEdit { permissions, name: Some("Ours".parse().unwrap()), ..RoleEdit::default() };
    f.registry.tenants(&realm).edit_role(&me, Some(&one), &slug("ours"), &edit).unwrap();
    agree(&f, "other permissions");
    delete(&f, own);
    f.registry.tenants(&realm).delete_role(&me, Some(&one), &slug("ours"), None).unwrap();
    f.registry.tenants(&realm).delete_owner(&me, &one, &slug("bob"), None).unwrap();
    f.registry.tenants(&realm).delete_role(&me, None, &slug("all"), None).unwrap();
    agree(&f, "all of these deleted");
    let settings = |settings| OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    f.registry.tenants(&realm).edit_org(&me, &one, &settings(json!({ "revocation": "reversible" }))).unwrap();
    f.registry.keys(&realm).revoke(&me, same, None).unwrap();
    agree(&f, "revoked");
    f.registry.keys(&realm).enable(&me, same, None).unwrap();
    f.registry.tenants(&realm).edit_org(&me, &one, &settings(json!({ "revocation": "delete" }))).unwrap();
    f.registry.keys(&realm).revoke(&me, same, None).unwrap();
    agree(&f, "deleted by being revoked");
    let all = KeyFilter { org: Some(one.clone()), ..KeyFilter::default() };
    let matched = f.registry.keys(&realm).count(&all).unwrap();
    f.registry.keys(&realm).revoke_all(&me, &all, Some(matched)).unwrap();
    assert_eq!(f.registry.keys(&realm).get(imported).unwrap_err().code(), "not_found");
    agree(&f, "all at once");
    delete(&f, other);
    f.registry.tenants(&realm).delete_owner(&me, &slug("two"), &slug("alice"), None).unwrap();
    f.registry.tenants(&realm).create_owner(&me, &NewOwner { org: slug("two"), ..bob }).unwrap();
    f.registry.tenants(&realm).delete_org(&me, &slug("two"), None).unwrap();
    f.registry.tenants(&realm).create_org(&me, &new_org("two")).unwrap();
    agree(&f, "an org");
    let preset = Some(Preset::VergeCloud);
    f.registry.tenants(&realm).create_org(&me, &edgelatch_registry::NewOrg { preset, ..new_org("cloud") }).unwrap();
    agree(&f, "an org with roles of its own");
    f.registry.tenants(&realm).delete_org(&me, &slug("cloud"), None).unwrap();
    agree(&f, "and without");
}

/// The attack: as many scopes as one can make. It ends where nobody else notices.
fn an_org_has_so_many_scopes_and_no_more(f: Fixture) {
    let full: Vec<_> = (0..MAX_ORG_ENTRIES).map(|n| ("reader".into(), format!("s{n}"))).collect();
    let over = import(&f, &[&full[..], &[("reader".into(), "one-more".into())]].concat());
    let refusals: Vec<_> = over.refusals.iter().map(|r| (r.line, r.code, r.field.as_deref())).collect();
    assert_eq!((over.done, refusals), (false, vec![(MAX_ORG_ENTRIES + 2, "limit_reached", Some("scope"))]));
    assert!(import(&f, &full).done);
    assert_eq!(sizes(&f, Some("one"))[4], MAX_ORG_ENTRIES);

    let what = "the limit of 2048 different scopes of an org";
    refused(create(&f, &scoped("one more", &["s1", "s2"])), "/scope", what);
    let digest = Digest::parse("sha256", &"cd".repeat(32)).unwrap();
    refused(f.registry.keys(&f.realm).import(&caller(), &scoped("x", &["s1", "s2"]), &digest), "/scope", what);
    let known = create(&f, &scoped("as others", &["s7"])).unwrap();
    let edit = |names: &[&str]| KeyEdit { scope: Some(Scope::List(services(names))), ..KeyEdit::default() };
    refused(f.registry.keys(&f.realm).edit(&caller(), known, &edit(&["s1", "s2"])), "/scope", what);
    f.registry.keys(&f.realm).edit(&caller(), known, &edit(&["s8"])).unwrap();
    create(&f, &new_key("for all services")).unwrap();
    create(&f, &in_two(scoped("another org", &["s1", "s2"]))).unwrap();
    // One that nobody else has makes room when it goes.
    let keys = f.registry.keys(&f.realm).all(&KeyFilter { search: Some("key 0 2047".into()), ..KeyFilter::default() }).unwrap();
    delete(&f, keys[0].key_id);
    create(&f, &scoped("in its place", &["s1", "s2"])).unwrap();
    refused(create(&f, &scoped("one more", &["s1", "s3"])), "/scope", what);
}

fn an_org_has_so_many_services_and_no_more(f: Fixture) {
    let per_key = MAX_KEY_SERVICES as u64;
    let names = |from: u64| (from..from + per_key).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
    let full: Vec<_> = (0..MAX_ORG_ENTRIES / per_key).map(|n| ("reader".into(), names(n * per_key))).collect();
    assert!(import(&f, &full).done);
    refused(create(&f, &scoped("one more", &["s1", "new"])), "/scope", "the limit of 2048 different services of an org");
    create(&f, &scoped("old ones", &["s1", "s2047"])).unwrap();
    create(&f, &in_two(scoped("another org", &["s1", "new"]))).unwrap();
}

fn an_org_has_so_many_combinations_of_roles_and_no_more(f: Fixture) {
    for n in 0..12 {
        f.registry
            .tenants(&f.realm)
            .create_role(&caller(), &new_role(&format!("r{n}"), Some("one"), patterns("x", 1)))
            .unwrap();
    }
    let combination = |mask: u64| (0..12).filter(|n| mask >> n & 1 == 1).map(|n| format!("r{n}")).collect::<Vec<_>>().join(" ");
    let full: Vec<_> = (1..=MAX_ORG_ENTRIES).map(|mask| (combination(mask), "all".into())).collect();
    assert!(import(&f, &full).done);
    let what = "the limit of 2048 different combinations of roles in an org";
    let new = |roles: &[&str]| NewKey { roles: roles.iter().map(|role| slug(role)).collect(), ..new_key("x") };
    refused(create(&f, &new(&["r1", "r11"])), "/roles", what);
    let alice =
        |roles: &[&str]| OwnerEdit { roles: Some(roles.iter().map(|role| slug(role)).collect()), ..OwnerEdit::default() };
    let edit = |edit| f.registry.tenants(&f.realm).edit_owner(&caller(), &slug("one"), &slug("alice"), &edit);
    refused(edit(alice(&["r1", "r11"])), "/roles", what);
    edit(alice(&["r1", "r10"])).unwrap();
    create(&f, &new(&["r1", "r0"])).unwrap();
    create(&f, &new(&[])).unwrap();
    create(&f, &in_two(NewKey { roles: vec![slug("reader"), slug("writer")], ..new_key("x") })).unwrap();
}

fn an_org_has_so_many_roles_and_patterns_and_no_more(f: Fixture) {
    let create = |role: String, org: Option<&str>, permissions| {
        f.registry.tenants(&f.realm).create_role(&caller(), &new_role(&role, org, permissions))
    };
    let fat = MAX_ORG_PATTERNS as usize / MAX_ROLE_PATTERNS;
    for n in 0..fat {
        create(format!("fat{n}"), Some("one"), patterns("x", MAX_ROLE_PATTERNS)).unwrap();
    }
    let what = "the limit of 2048 permission patterns in all roles of an org";
    refused(create("one-more".into(), Some("one"), patterns("x", 1)), "/permissions", what);
    create("one-more".into(), Some("two"), patterns("x", 1)).unwrap();
    create("one-more".into(), None, patterns("x", MAX_ROLE_PATTERNS)).unwrap();
    let edit = |role: &str, permissions| {
        let edit = RoleEdit { permissions: Some(permissions), ..RoleEdit::default() };
        f.registry.tenants(&f.realm).edit_role(&caller(), Some(&slug("one")), &slug(role), &edit)
    };
    edit("fat0", patterns("x", 1)).unwrap();
    for n in 0..MAX_ORG_ROLES as usize - fat {
        create(format!("thin{n}"), Some("one"), patterns("x", 1)).unwrap();
    }
    refused(create("one-more".into(), Some("one"), patterns("x", 1)), "/org", "the limit of 256 roles of an org");
    refused(edit("fat0", patterns("x", 200)), "/permissions", what);
    f.registry.tenants(&f.realm).delete_role(&caller(), Some(&slug("one")), &slug("fat0"), None).unwrap();
    create("one-more".into(), Some("one"), patterns("x", 1)).unwrap();
}

/// Where a realm is full, it is so for new entries of any org; keys that need none go on, and it can be published.
fn a_full_realm_refuses_what_is_new_and_nothing_else(f: Fixture) {
    let known = create(&f, &scoped("known", &["dns"])).unwrap();
    f.registry.tenants(&f.realm).create_role(&caller(), &new_role("ours", Some("two"), patterns("x", 1))).unwrap();
    let set = |column: &str, number: u64| {
        f.execute(&format!("UPDATE directory_sizes SET {column} = {number} WHERE org_id = 0")).unwrap();
    };
    let was = sizes(&f, None);
    let entries = |what: &str| format!("the limit of {MAX_REALM_ENTRIES} different {what} of a realm is reached");
    set("scopes", MAX_REALM_ENTRIES);
    refused(create(&f, &scoped("a", &["dns", "cdn"])), "/scope", &entries("scopes"));
    create(&f, &in_two(scoped("a", &["dns"]))).unwrap();
    create(&f, &new_key("a")).unwrap();
    set("scopes", was[4]);
    set("services", MAX_REALM_ENTRIES);
    refused(create(&f, &scoped("b", &["new"])), "/scope", &entries("services"));
    create(&f, &in_two(scoped("b", &["dns"]))).unwrap();
    set("services", was[1]);
    set("role_sets", MAX_REALM_ENTRIES);
    let both = NewKey { roles: vec![slug("reader"), slug("writer")], ..new_key("c") };
    refused(create(&f, &both), "/roles", "different combinations of roles in a realm");
    create(&f, &in_two(new_key("c"))).unwrap();
    set("role_sets", was[3]);
    let role = |name: &str, prefix: &str| {
        f.registry.tenants(&f.realm).create_role(&caller(), &new_role(name, Some("one"), patterns(prefix, 1)))
    };
    set("roles", MAX_REALM_ENTRIES);
    refused(role("theirs", "x"), "/permissions", &entries("roles"));
    // As the other org's, to the last permission: the directory holds it once.
    role("ours", "x").unwrap();
    set("roles", was[2]);
    set("patterns", MAX_REALM_ENTRIES);
    refused(role("more", "y"), "/permissions", &entries("permission patterns"));
    set("patterns", was[0]);
    set("bytes", MAX_REALM_BYTES - 10);
    refused(create(&f, &scoped("d", &["a-service-of-some-length"])), "/scope", "bytes of a realm's directory is reached");
    create(&f, &scoped("d", &["dns"])).unwrap();
    set("bytes", was[5]);
    delete(&f, known);
    agree(&f, "full and mended");
}

/// The format takes what the registry lets a realm have, and what a publisher adds by itself.
#[test]
fn a_realm_at_its_limit_is_within_the_formats() {
    const { assert!(MAX_REALM_ENTRIES + 16 <= MAX_DIRECTORY_ENTRIES as u64) };
    const { assert!(MAX_REALM_BYTES + 4096 <= edgelatch_core::limits::MAX_DIRECTORY_BYTES as u64) };
    const { assert!(64 * MAX_ORG_ENTRIES <= MAX_DIRECTORY_ENTRIES as u64) };
}

fn of_those_who_want_the_last_scope_one_has_it(f: Fixture) {
    let full: Vec<_> = (1..MAX_ORG_ENTRIES).map(|n| ("reader".into(), format!("s{n}"))).collect();
    assert!(import(&f, &full).done);
    let mut round = 0;
    crowds(|crowd, apart| {
        round += 1;
        let creating = |n: usize| {
            let (f, new) = (&f, scoped("x", &[&format!("round{round}-{n}")]));
            Box::new(move |registry: &edgelatch_registry::Registry| registry.keys(&f.realm).make(&caller(), &new).map(drop))
                as Act<'_>
        };
        let outcomes = race(&f, apart, (0..crowd).map(creating).collect());
        one_won(&outcomes, "limit_reached");
        assert_eq!(count(&outcomes, "ok"), 1);
        let won = f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap();
        delete(&f, won[0].key_id);
        assert_eq!(sizes(&f, Some("one"))[4], MAX_ORG_ENTRIES - 1);
    });
}

on_both_stores! {
    whatever_is_done_the_counts_are_right,
    an_org_has_so_many_scopes_and_no_more,
    an_org_has_so_many_services_and_no_more,
    an_org_has_so_many_combinations_of_roles_and_no_more,
    an_org_has_so_many_roles_and_patterns_and_no_more,
    a_full_realm_refuses_what_is_new_and_nothing_else,
    of_those_who_want_the_last_scope_one_has_it,
}
