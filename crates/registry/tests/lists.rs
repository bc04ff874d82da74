//! Lists in every order, and revoking by filter.

use edgelatch_registry::{Direction, Key, KeyFilter, KeyOrder, NewKey, Paging, Sort, State, When};
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
        r#"["name","asc",5,1]"#,
        r#"["name","asc",null,1]"#,
        r#"["name","asc",[97],1]"#,
        r#"["name","asc","a\u0000b",1]"#,
        r#"["name","asc","a",-1]"#,
        r#"["name"]"#,
        "17",
    ] {
        let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(made_up);
        assert_eq!(list(Sort::Name, Some(cursor)).unwrap_err().code(), "invalid", "{made_up}");
    }
    let far = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"["name","asc","zz",18446744073709551615]"#);
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

fn a_leak_is_answered_by_filter(f: Fixture) {
    fill(&f);
    let filter = KeyFilter { expires_before: Some(When::At(NOW + 1000)), ..KeyFilter::default() };
    let nothing = KeyFilter { search: Some(String::new()), ..KeyFilter::default() };
    for confirm in [None, Some(5)] {
        let error = f.registry.keys(&f.realm).revoke_all(&caller(), &nothing, confirm).unwrap_err();
        assert_eq!(error.field(), Some("search"));
    }
    let dry = f.registry.keys(&f.realm).revoke_all(&caller(), &filter, None).unwrap();
    assert_eq!((dry.matched, dry.done, dry.sample.len()), (3, false, 3));
    assert_eq!(page(&f, KeyFilter { state: Some(State::Revoked), ..KeyFilter::default() }).len(), 0);
    // A key made since then is not revoked unseen.
    let new = NewKey { expires_at: Some(NOW + 500), ..new_key("late") };
    f.registry.keys(&f.realm).make(&caller(), &new).unwrap();
    let error = f.registry.keys(&f.realm).revoke_all(&caller(), &filter, Some(3)).unwrap_err();
    assert_eq!(error.code(), "count_changed");
    assert_eq!(page(&f, KeyFilter { state: Some(State::Revoked), ..KeyFilter::default() }).len(), 0);
    let changes = f.registry.ledger(&f.realm).changes().unwrap();
    let done = f.registry.keys(&f.realm).revoke_all(&caller(), &filter, Some(4)).unwrap();
    assert!(done.done && done.matched == 4);
    assert_eq!(f.registry.ledger(&f.realm).changes().unwrap(), changes + 1);
    assert_eq!(names(&page(&f, KeyFilter { state: Some(State::Active), ..KeyFilter::default() })), ["echo", "delta"]);
    assert_eq!(f.registry.keys(&f.realm).revoke_all(&caller(), &filter, None).unwrap().matched, 0);
}

on_both_stores!(every_order_and_both_ways, cursors_are_not_taken_on_trust, filters_combine, a_leak_is_answered_by_filter);
