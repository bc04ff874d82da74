//! What one org can take of the directory that every edge holds, and what all of a realm can: enforced by every way in, on what is
//! there after the change.

mod acts;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use edgelatch_core::build::{Entry, Record, Table};
use edgelatch_core::key::{self, KeyId};
use edgelatch_core::limits::MAX_CHUNK_BYTES;
use edgelatch_registry::limits::{
    CHUNK_ENTRIES, MAX_IP_ENTRIES, MAX_KEY_ROLES, MAX_KEY_SERVICES, MAX_NUMBER, MAX_ORG_BYTES, MAX_ORG_ENTRIES,
    MAX_ORG_PATTERNS, MAX_ORG_POLICIES, MAX_ORG_ROLES, MAX_POLICY_BYTES, MAX_ROLE_PATTERNS, MAX_TABLE_BYTES, MAX_TABLE_CHUNKS,
};
use edgelatch_registry::{
    Digest, Error, FromText, Import, ImportDefaults, ImportFormat, ImportReport, IpEdit, IpEntry, KeyEdit, KeyFilter, ListEdit,
    NewKey, NewOwner, NewRole, OrgEdit, OwnerEdit, OwnerKind, Pattern, Preset, RoleEdit, Scope, Service,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::race::{Act, count, crowds, one_won, race};
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, ip, new_key, new_org, slug};
use serde_json::json;

use acts::*;

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
    f.registry.keys(&realm).revoke_all(&me, &all, Some(matched), &mut |_| {}).unwrap();
    assert_eq!(f.registry.keys(&realm).get(imported).unwrap_err().code(), "not_found");
    agree(&f, "all at once");
    delete(&f, other);
    f.registry.tenants(&realm).delete_owner(&me, &slug("two"), &slug("alice"), None).unwrap();
    f.registry.tenants(&realm).create_owner(&me, &NewOwner { org: slug("two"), ..bob }).unwrap();
    f.registry.tenants(&realm).delete_org(&me, &slug("two"), None).unwrap();
    f.registry.tenants(&realm).create_org(&me, &new_org("three")).unwrap();
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
    assert_eq!(sizes(&f, Some("one"), "scopes")[0], MAX_ORG_ENTRIES);

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

/// The same with the longest scopes: fewer of them fit.
fn an_org_has_so_many_bytes_and_no_more(f: Fixture) {
    let longest = |n: usize| {
        let name = |m: usize| format!("{:x<127}", format!("s{n}-{m}-")) + "y";
        (0..MAX_KEY_SERVICES).map(name).collect::<Vec<_>>()
    };
    let small = create(&f, &scoped("small", &["dns"])).unwrap();
    // With the small one, that many and one more are too much.
    let fit = MAX_ORG_BYTES as usize / (1 + 129 * MAX_KEY_SERVICES) - 1;
    let full: Vec<_> = (0..fit).map(|n| ("reader".into(), longest(n).join(" "))).collect();
    assert!(import(&f, &full).done);
    let more = longest(fit);
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    refused(create(&f, &scoped("one more", &more)), "/scope", "bytes of different scopes in an org is reached");
    create(&f, &scoped("as small", &["dns"])).unwrap();
    create(&f, &in_two(scoped("another org", &more))).unwrap();
    delete(&f, small);
    refused(create(&f, &scoped("one more", &more)), "/scope", "bytes of different scopes in an org is reached");
}

/// Often each key has a policy of its own, so there is room for many, and an end.
fn an_org_has_so_many_policies_and_no_more(f: Fixture) {
    let with = |address: &str| NewKey { ip: ip(&[address], &[]), ..new_key(address) };
    let known = create(&f, &with("192.0.2.1")).unwrap();
    create(&f, &with("192.0.2.2")).unwrap();
    let of_one = "org_id = (SELECT id FROM orgs WHERE slug = 'one') AND kind = 'policies'";
    f.execute(&format!("UPDATE directory_sizes SET entries = {MAX_ORG_POLICIES} WHERE {of_one}")).unwrap();
    let what = "the limit of 65536 different IP policies of an org";
    refused(create(&f, &with("192.0.2.3")), "/allow", what);
    let edit = |address: &str| {
        let allow = ListEdit::Replace(vec![IpEntry::parse("allow", address).unwrap()]);
        let edit = KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() };
        f.registry.keys(&f.realm).edit(&caller(), known, &edit)
    };
    // Another one in the place of that which only this key had.
    edit("192.0.2.3").unwrap();
    create(&f, &with("192.0.2.2")).unwrap();
    create(&f, &in_two(with("192.0.2.4"))).unwrap();
    // What restricts nobody takes up nothing.
    create(&f, &new_key("anywhere")).unwrap();
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
    // An owner's roles are none of the directory's where keys have their own.
    let roles = Some(vec![slug("r1"), slug("r11")]);
    let edit = OwnerEdit { roles, ..OwnerEdit::default() };
    f.registry.tenants(&f.realm).edit_owner(&caller(), &slug("one"), &slug("alice"), &edit).unwrap();
    create(&f, &new(&["r1", "r0"])).unwrap();
    create(&f, &new(&[])).unwrap();
    create(&f, &in_two(NewKey { roles: vec![slug("reader"), slug("writer")], ..new_key("x") })).unwrap();
}

/// Where keys have other authority for a time, their own roles come back, also where these are as many as can be: what was before and what
/// is now are never counted together.
fn roles_that_come_back_find_their_room(f: Fixture) {
    for (name, roles) in [("a", vec!["reader"]), ("b", vec!["writer"]), ("c", vec!["reader", "writer"]), ("d", vec![])] {
        create(&f, &NewKey { roles: roles.into_iter().map(slug).collect(), ..new_key(name) }).unwrap();
    }
    let edit = OwnerEdit { roles: Some(vec![slug("admin")]), ..OwnerEdit::default() };
    f.registry.tenants(&f.realm).edit_owner(&caller(), &slug("one"), &slug("alice"), &edit).unwrap();
    let authority = |word: &str| {
        let edit = OrgEdit { settings: Some(json!({ "authority": word })), ..OrgEdit::default() };
        f.registry.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit)
    };
    let of_one = "org_id = (SELECT id FROM orgs WHERE slug = 'one') AND kind = 'role_sets'";
    let others = |sign: char| {
        let number = MAX_ORG_ENTRIES - 3;
        f.execute(&format!("UPDATE directory_sizes SET entries = entries {sign} {number} WHERE {of_one}")).unwrap();
    };
    for word in ["owner", "org", "roles"] {
        others('+');
        authority(word).unwrap();
        others('-');
        agree(&f, word);
        assert_eq!(sizes(&f, Some("one"), "role_sets")[0], if word == "roles" { 3 } else { 1 });
    }
    authority("owner").unwrap();
    others('+');
    f.execute(&format!("UPDATE directory_sizes SET entries = entries + 1 WHERE {of_one}")).unwrap();
    refused(authority("roles"), "/roles", "different combinations of roles in an org");
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
    let known = create(&f, &NewKey { ip: ip(&["192.0.2.1"], &[]), ..scoped("known", &["dns"]) }).unwrap();
    let set = |kind: &str, column: &str, number: u64| {
        f.execute(&format!("UPDATE directory_sizes SET {column} = {number} WHERE org_id = 0 AND kind = '{kind}'")).unwrap();
    };
    let last = |column: &str, number: u64| f.execute(&format!("UPDATE realms SET {column} = {number}")).unwrap();
    // The last chunk is taken: what has room in it has room, what would begin another one has not.
    set("scopes", "chunks", MAX_TABLE_CHUNKS);
    last("last_scope", u64::from(CHUNK_ENTRIES) - 2);
    create(&f, &scoped("in the chunk", &["a"])).unwrap();
    let new = scoped("in the next one", &["b"]);
    refused(create(&f, &new), "/scope", "the limit of 65536 chunks of 64 different scopes in a realm is reached");
    refused(create(&f, &in_two(new.clone())), "/scope", "chunks of 64 different scopes in a realm");
    create(&f, &in_two(scoped("known", &["dns"]))).unwrap();
    set("scopes", "chunks", 1);
    create(&f, &new).unwrap();
    agree(&f, "a second chunk");
    // Numbers are never given again, so they can come to an end.
    last("last_scope", MAX_NUMBER.into());
    refused(create(&f, &scoped("no number", &["c"])), "/scope", "scopes that a realm ever has is reached");
    last("last_scope", 100);

    let was = sizes(&f, None, "scopes")[1];
    set("scopes", "bytes", MAX_TABLE_BYTES - 10);
    refused(
        create(&f, &scoped("d", &["a-service-of-some-length"])),
        "/scope",
        "bytes of different scopes in a realm is reached",
    );
    create(&f, &in_two(scoped("d", &["a"]))).unwrap();
    set("scopes", "bytes", was);
    let was = sizes(&f, None, "policies")[1];
    set("policies", "bytes", MAX_POLICY_BYTES - 10);
    let elsewhere = NewKey { ip: ip(&["192.0.2.2"], &[]), ..new_key("e") };
    refused(create(&f, &elsewhere), "/allow", "bytes of different IP policies in a realm is reached");
    create(&f, &in_two(NewKey { ip: ip(&["192.0.2.1"], &[]), ..new_key("e") })).unwrap();
    set("policies", "bytes", was);

    // Roles count where keys have them.
    let ours = new_role("ours", Some("one"), patterns("x", 1));
    f.registry.tenants(&f.realm).create_role(&caller(), &ours).unwrap();
    let was = sizes(&f, None, "roles")[1];
    set("roles", "bytes", MAX_TABLE_BYTES);
    let with_ours = NewKey { roles: vec![slug("ours")], ..new_key("f") };
    refused(create(&f, &with_ours), "/roles", "bytes of all roles of a realm is reached");
    let edit = RoleEdit { permissions: Some(patterns("y", 20)), ..RoleEdit::default() };
    let edit_ours = || f.registry.tenants(&f.realm).edit_role(&caller(), Some(&slug("one")), &slug("ours"), &edit);
    edit_ours().unwrap();
    set("roles", "bytes", was);
    create(&f, &with_ours).unwrap();
    let was = sizes(&f, None, "roles")[1];
    set("roles", "bytes", MAX_TABLE_BYTES);
    let longer = RoleEdit { permissions: Some(patterns("y", 21)), ..RoleEdit::default() };
    let edited = f.registry.tenants(&f.realm).edit_role(&caller(), Some(&slug("one")), &slug("ours"), &longer);
    refused(edited, "/permissions", "bytes of all roles of a realm is reached");
    set("roles", "bytes", was);
    delete(&f, known);
    agree(&f, "full and mended");
}

/// The format takes what the registry lets a realm have, also 64 of the longest entries in one chunk.
#[test]
fn a_realm_at_its_limit_is_within_the_formats() {
    const ROLE: usize = 1 + 128 + 2 + MAX_ROLE_PATTERNS * 129;
    const SCOPE: usize = 1 + MAX_KEY_SERVICES * 129;
    const POLICY: usize = 10 + 2 * MAX_IP_ENTRIES * 17;
    const CHUNK: usize = 16 + CHUNK_ENTRIES as usize * 4;
    const fn fits(entry: usize) -> bool {
        CHUNK + CHUNK_ENTRIES as usize * entry <= MAX_CHUNK_BYTES as usize
    }
    const { assert!(fits(ROLE) && fits(SCOPE) && fits(POLICY) && fits(4 * MAX_KEY_ROLES)) };
    // A record holds a role set's number times four in 32 bits.
    const { assert!(MAX_NUMBER <= u32::MAX >> 2) };
    // Tables together leave most of a tree's 3 GiB to keys.
    const { assert!(3 * MAX_TABLE_BYTES + MAX_POLICY_BYTES < 3 << 29) };
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
        assert_eq!(sizes(&f, Some("one"), "scopes")[0], MAX_ORG_ENTRIES - 1);
    });
}

on_both_stores! {
    whatever_is_done_the_counts_are_right,
    an_org_has_so_many_scopes_and_no_more,
    an_org_has_so_many_bytes_and_no_more,
    an_org_has_so_many_policies_and_no_more,
    an_org_has_so_many_combinations_of_roles_and_no_more,
    roles_that_come_back_find_their_room,
    an_org_has_so_many_roles_and_patterns_and_no_more,
    a_full_realm_refuses_what_is_new_and_nothing_else,
    of_those_who_want_the_last_scope_one_has_it,
}
