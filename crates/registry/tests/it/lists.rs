//! Lists in every order, and revoking by filter.

use edgelatch_core::cidr::Cidr;
use edgelatch_core::ip::Ip;
use edgelatch_registry::limits::{MAX_IP_ENTRIES, MAX_NOTE_BYTES, MAX_PAGE_BYTES, OWNERS_LOOKED_FOR};
use edgelatch_registry::{
    AuditFilter, Direction, IpEntry, Key, KeyFilter, KeyOrder, NewIpRules, NewKey, NewOrg, NewOwner, OwnerKind, Paging, Sort,
    State, When,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug};

fn names(keys: &[Key]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

fn page(f: &Fixture, filter: KeyFilter) -> Vec<Key> {
    f.registry.keys(&f.realm).all(&filter).unwrap()
}

fn fill(f: &Fixture) {
    for (name, expires) in [("delta", None), ("Alpha", Some(300)), ("charlie", Some(100)), ("bravo", Some(200)), ("echo", None)]
    {
        let new = NewKey { expires_at: expires.map(|at| NOW + at), ..new_key(name) };
        f.registry.keys(&f.realm).make(&caller(), &new).unwrap();
        f.advance(1);
    }
}

fn every_order_and_both_ways(f: Fixture) {
    fill(&f);
    for (sort, expected) in [
        (Sort::Created, ["echo", "bravo", "charlie", "Alpha", "delta"]),
        (Sort::Name, ["Alpha", "bravo", "charlie", "delta", "echo"]),
        (Sort::Expires, ["charlie", "bravo", "Alpha", "delta", "echo"]),
        (Sort::LastUsed, ["echo", "bravo", "charlie", "Alpha", "delta"]),
    ] {
        for org in [None, Some(slug("one"))] {
            let filter = KeyFilter { org, ..KeyFilter::default() };
            let order = |direction| KeyOrder { sort: Some(sort), direction };
            let list = |direction, paging: &Paging| f.registry.keys(&f.realm).list(&filter, order(direction), paging).unwrap();
            let natural = list(None, &Paging::default()).keys;
            assert_eq!(names(&natural), expected, "{sort}");
            let turned = match sort {
                Sort::Created | Sort::LastUsed => Direction::Ascending,
                Sort::Name | Sort::Expires => Direction::Descending,
            };
            let mut backwards = list(Some(turned), &Paging::default()).keys;
            backwards.reverse();
            assert_eq!(backwards, natural, "{sort}");
            // Page by page, with keys made in between that belong before and behind.
            for size in [1, 2, 4] {
                let mut walk = Paging::first(size);
                let mut seen = Vec::new();
                loop {
                    let page = list(None, &walk);
                    seen.extend(page.keys.into_iter().filter(|key| expected.contains(&key.name.as_str())));
                    walk.cursor = page.next;
                    if walk.cursor.is_none() {
                        break;
                    }
                    let between = f.registry.keys(&f.realm).make(&caller(), &new_key("aa")).unwrap().key.key_id;
                    f.registry.keys(&f.realm).delete(&caller(), between, Some("aa"), None).unwrap();
                }
                assert_eq!(names(&seen), expected, "{sort} by {size}");
            }
        }
    }
}

/// A cursor belongs to its order, and one that was made up does no harm.
fn cursors_are_not_taken_on_trust(f: Fixture) {
    use base64::Engine;
    fill(&f);
    let list = |sort, cursor: Option<String>| {
        let order = KeyOrder { sort: Some(sort), direction: None };
        f.registry.keys(&f.realm).list(&KeyFilter::default(), order, &Paging { limit: Some(2), cursor })
    };
    let next = list(Sort::Name, None).unwrap().next;
    assert_eq!(list(Sort::Expires, next).unwrap_err().code(), "invalid");
    for made_up in [
        r#"["name","asc",5,1,false]"#,
        r#"["name","asc",null,1,false]"#,
        r#"["name","asc",[97],1,false]"#,
        r#"["name","asc","a\u0000b",1,false]"#,
        r#"["name","asc","a",-1,false]"#,
        r#"["name","asc","a",1]"#,
        r#"["name","asc","a",1,0]"#,
        r#"["name"]"#,
        "17",
    ] {
        let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(made_up);
        assert_eq!(list(Sort::Name, Some(cursor)).unwrap_err().code(), "invalid", "{made_up}");
    }
    let far = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"["name","asc","zz",18446744073709551615,false]"#);
    assert!(list(Sort::Name, Some(far)).unwrap().keys.is_empty());
    // What is found by a part of it is found by all of it, in whatever language: keys are revoked by this.
    f.registry.keys(&f.realm).make(&caller(), &new_key("Émile ÜBER ΣΑΣ İ")).unwrap();
    for text in ["Émile ÜBER ΣΑΣ İ", "Émile", "ÉMILE", "ÜBER", "ΣΑΣ", "İ", "mile"] {
        assert_eq!(page(&f, KeyFilter { search: Some(text.into()), ..KeyFilter::default() }).len(), 1, "{text}");
    }
    let control = KeyFilter { search: Some("a\0b".into()), ..KeyFilter::default() };
    assert_eq!(f.registry.keys(&f.realm).all(&control).unwrap_err().code(), "invalid");
}

fn filters_combine(f: Fixture) {
    fill(&f);
    let dev = NewKey { environment: Some(slug("development")), roles: vec![slug("admin")], ..new_key("dev") };
    f.registry.keys(&f.realm).make(&caller(), &dev).unwrap();
    let count = |filter| page(&f, filter).len();
    assert_eq!(count(KeyFilter { environment: Some(slug("development")), ..KeyFilter::default() }), 1);
    assert_eq!(count(KeyFilter { role: Some(slug("reader")), ..KeyFilter::default() }), 5);
    assert_eq!(count(KeyFilter { role: Some(slug("admin")), search: Some("dev".into()), ..KeyFilter::default() }), 1);
    assert_eq!(count(KeyFilter { expires_before: Some(When::At(NOW + 201)), ..KeyFilter::default() }), 2);
    assert_eq!(count(KeyFilter { created_before: Some(When::At(NOW + 2)), ..KeyFilter::default() }), 2);
    assert_eq!(count(KeyFilter { owner: Some(slug("alice")), org: Some(slug("two")), ..KeyFilter::default() }), 0);
    let nobody = KeyFilter { owner: Some(slug("nobody")), org: Some(slug("one")), ..KeyFilter::default() };
    assert_eq!(f.registry.keys(&f.realm).all(&nobody).unwrap_err().code(), "not_found");
}

/// Owners of one name in many orgs are looked for one by one up to a number of them; one more, and their keys are found all the same.
fn owners_of_one_name_in_many_orgs(f: Fixture) {
    let (tenants, keys) = (f.registry.tenants(&f.realm), f.registry.keys(&f.realm));
    let of_all = KeyFilter { owner: Some(slug("same")), ..KeyFilter::default() };
    for n in 1..=OWNERS_LOOKED_FOR + 1 {
        let org = slug(&format!("org-{n}"));
        tenants.create_org(&caller(), &NewOrg { org: org.clone(), name: "Org".parse().unwrap(), preset: None }).unwrap();
        let (name, kind) = ("Same".parse().unwrap(), OwnerKind::Service);
        tenants
            .create_owner(&caller(), &NewOwner { org: org.clone(), owner: slug("same"), kind, name, roles: vec![] })
            .unwrap();
        keys.make(&caller(), &NewKey { org: org.clone(), owner: Some(slug("same")), ..new_key("theirs") }).unwrap();
        if n + 1 >= OWNERS_LOOKED_FOR {
            assert_eq!(page(&f, of_all.clone()).len(), n);
            assert_eq!(page(&f, KeyFilter { org: Some(org), ..of_all.clone() }).len(), 1);
        }
    }
    keys.make(&caller(), &new_key("another's")).unwrap();
    assert_eq!(page(&f, of_all).len(), OWNERS_LOOKED_FOR + 1);
}

fn a_leak_is_answered_by_filter(f: Fixture) {
    fill(&f);
    let filter = KeyFilter { expires_before: Some(When::At(NOW + 1000)), ..KeyFilter::default() };
    let nothing = KeyFilter { search: Some(String::new()), ..KeyFilter::default() };
    for confirm in [None, Some(5)] {
        let error = f.registry.keys(&f.realm).revoke_all(&caller(), &nothing, confirm, &mut |_| {}).unwrap_err();
        assert_eq!(error.field(), Some("search"));
    }
    let dry = f.registry.keys(&f.realm).revoke_all(&caller(), &filter, None, &mut |_| {}).unwrap();
    assert_eq!((dry.matched, dry.done, dry.sample.len()), (3, false, 3));
    assert_eq!(page(&f, KeyFilter { state: Some(State::Revoked), ..KeyFilter::default() }).len(), 0);
    // A key made since then is not revoked unseen.
    let new = NewKey { expires_at: Some(NOW + 500), ..new_key("late") };
    f.registry.keys(&f.realm).make(&caller(), &new).unwrap();
    let error = f.registry.keys(&f.realm).revoke_all(&caller(), &filter, Some(3), &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "count_changed");
    assert_eq!(page(&f, KeyFilter { state: Some(State::Revoked), ..KeyFilter::default() }).len(), 0);
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let done = f.registry.keys(&f.realm).revoke_all(&caller(), &filter, Some(4), &mut |_| {}).unwrap();
    assert!(done.done && done.matched == 4);
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes + 1);
    assert_eq!(names(&page(&f, KeyFilter { state: Some(State::Active), ..KeyFilter::default() })), ["echo", "delta"]);
    assert_eq!(f.registry.keys(&f.realm).revoke_all(&caller(), &filter, None, &mut |_| {}).unwrap().matched, 0);
}

/// Names on a page, its bytes, and where the next one begins.
type Page = (Vec<String>, usize, Option<String>);

/// Keys may have a thousand IP entries with a note each: a page of them ends early, and the next one goes on.
fn a_page_of_long_rows_ends_early(f: Fixture) {
    let entry = |n: u32| IpEntry {
        cidr: Cidr::parse(format!("10.0.{}.{}", n / 256, n % 256).as_bytes()).unwrap(),
        enabled: true,
        note: "n".repeat(MAX_NOTE_BYTES).parse().unwrap(),
    };
    let allow: Vec<IpEntry> = (0..MAX_IP_ENTRIES as u32).map(entry).collect();
    let wanted: Vec<String> = (0..20).rev().map(|n| format!("k{n}")).collect();
    for name in wanted.iter().rev() {
        let ip = NewIpRules { allow: allow.clone(), ..NewIpRules::default() };
        f.registry.keys(&f.realm).make(&caller(), &NewKey { ip, ..new_key(name) }).unwrap();
    }
    let (keys, most) = (f.registry.keys(&f.realm), || Paging::first(500));
    let walk = |page: &dyn Fn(&Paging) -> Page| {
        let (mut seen, mut pages, mut paging) = (Vec::new(), 0, most());
        loop {
            let (names, bytes, next) = page(&paging);
            // The row that fills it is on it.
            assert!(!names.is_empty() && bytes < MAX_PAGE_BYTES + MAX_PAGE_BYTES / 10, "{bytes}");
            seen.extend(names);
            pages += 1;
            paging.cursor = next;
            if paging.cursor.is_none() {
                break (seen, pages);
            }
        }
    };
    let listed = walk(&|paging| {
        let page = keys.list(&KeyFilter::default(), KeyOrder::default(), paging).unwrap();
        (page.keys.iter().map(|key| key.name.to_string()).collect(), serde_json::to_vec(&page.keys).unwrap().len(), page.next)
    });
    assert_eq!(listed, (wanted.clone(), 2));
    let usable = walk(&|paging| {
        let page = keys.usable_from(Ip::parse(b"10.0.0.7").unwrap(), &KeyFilter::default(), true, paging).unwrap();
        (
            page.keys.iter().map(|usable| usable.key.name.to_string()).collect(),
            serde_json::to_vec(&page.keys).unwrap().len(),
            page.next,
        )
    });
    assert_eq!(usable, (wanted.clone(), 2));
    let acts = walk(&|paging| {
        let page = f.registry.audit(&f.realm).list(&AuditFilter::default(), paging).unwrap();
        (page.rows.iter().map(|row| row.target.clone()).collect(), serde_json::to_vec(&page.rows).unwrap().len(), page.next)
    });
    assert_eq!((acts.0.len() > wanted.len(), acts.1), (true, 2));
}

on_both_stores!(
    a_page_of_long_rows_ends_early,
    every_order_and_both_ways,
    cursors_are_not_taken_on_trust,
    filters_combine,
    owners_of_one_name_in_many_orgs,
    a_leak_is_answered_by_filter
);
