//! Lists in every order, and revoking by filter.

use edgelatch_registry::{Direction, Filter, Key, NewKey, Sort, State};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, NOW, caller, new_key, slug};

fn names(keys: &[Key]) -> Vec<&str> {
    keys.iter().map(|key| key.name.as_str()).collect()
}

fn page(f: &Fixture, filter: Filter) -> Vec<Key> {
    f.registry.keys(&f.realm, &Filter { limit: 100, ..filter }).unwrap().keys
}

fn fill(f: &Fixture) {
    for (name, expires) in [("delta", None), ("Alpha", Some(300)), ("charlie", Some(100)), ("bravo", Some(200)), ("echo", None)]
    {
        let new = NewKey { expires_at: expires.map(|at| NOW + at), ..new_key(name) };
        f.registry.create_key(&caller(), &f.realm, &new).unwrap();
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
            let filter = Filter { sort: Some(sort), org, ..Filter::default() };
            let natural = page(&f, filter.clone());
            assert_eq!(names(&natural), expected, "{sort}");
            let turned = match sort {
                Sort::Created | Sort::LastUsed => Direction::Ascending,
                Sort::Name | Sort::Expires => Direction::Descending,
            };
            let mut backwards = page(&f, Filter { direction: Some(turned), ..filter.clone() });
            backwards.reverse();
            assert_eq!(backwards, natural, "{sort}");
            // Page by page, with keys made in between that belong before and behind.
            for size in [1, 2, 4] {
                let mut walk = Filter { limit: size, ..filter.clone() };
                let mut seen = Vec::new();
                loop {
                    let page = f.registry.keys(&f.realm, &walk).unwrap();
                    seen.extend(page.keys.into_iter().filter(|key| expected.contains(&key.name.as_str())));
                    walk.cursor = page.next;
                    if walk.cursor.is_none() {
                        break;
                    }
                    let between = f.registry.create_key(&caller(), &f.realm, &new_key("aa")).unwrap().key.key_id;
                    f.registry.delete_key(&caller(), &f.realm, between, Some("aa"), None).unwrap();
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
    let by_name = Filter { sort: Some(Sort::Name), limit: 2, ..Filter::default() };
    let next = f.registry.keys(&f.realm, &by_name).unwrap().next;
    let other = Filter { sort: Some(Sort::Expires), cursor: next, ..by_name.clone() };
    assert_eq!(f.registry.keys(&f.realm, &other).unwrap_err().code(), "invalid");
    for made_up in [
        r#"["name","asc",null,5,1]"#,
        r#"["name","asc","a\u0000b",null,1]"#,
        r#"["name","asc","a",7,1]"#,
        r#"["name","asc","a",null,-1]"#,
        r#"["name"]"#,
        "17",
    ] {
        let cursor = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(made_up);
        let filter = Filter { cursor: Some(cursor), ..by_name.clone() };
        assert_eq!(f.registry.keys(&f.realm, &filter).unwrap_err().code(), "invalid", "{made_up}");
    }
    let far = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"["name","asc","zz",null,18446744073709551615]"#);
    assert!(f.registry.keys(&f.realm, &Filter { cursor: Some(far), ..by_name }).unwrap().keys.is_empty());
    // What is found by a part of it is found by all of it, in whatever language: keys are revoked by this.
    f.registry.create_key(&caller(), &f.realm, &new_key("Émile ÜBER ΣΑΣ İ")).unwrap();
    for text in ["Émile ÜBER ΣΑΣ İ", "Émile", "ÉMILE", "ÜBER", "ΣΑΣ", "İ", "mile"] {
        assert_eq!(page(&f, Filter { search: Some(text.into()), ..Filter::default() }).len(), 1, "{text}");
    }
    let control = Filter { search: Some("a\0b".into()), ..Filter::default() };
    assert_eq!(f.registry.keys(&f.realm, &control).unwrap_err().code(), "invalid");
}

fn filters_combine(f: Fixture) {
    fill(&f);
    let dev = NewKey { environment: Some(slug("development")), roles: vec![slug("admin")], ..new_key("dev") };
    f.registry.create_key(&caller(), &f.realm, &dev).unwrap();
    let count = |filter| page(&f, filter).len();
    assert_eq!(count(Filter { environment: Some(slug("development")), ..Filter::default() }), 1);
    assert_eq!(count(Filter { role: Some(slug("reader")), ..Filter::default() }), 5);
    assert_eq!(count(Filter { role: Some(slug("admin")), search: Some("dev".into()), ..Filter::default() }), 1);
    assert_eq!(count(Filter { expires_before: Some(NOW + 201), ..Filter::default() }), 2);
    assert_eq!(count(Filter { created_before: Some(NOW + 2), ..Filter::default() }), 2);
    assert_eq!(count(Filter { owner: Some(slug("alice")), org: Some(slug("two")), ..Filter::default() }), 0);
    let nobody = Filter { owner: Some(slug("nobody")), org: Some(slug("one")), ..Filter::default() };
    assert_eq!(f.registry.keys(&f.realm, &nobody).unwrap_err().code(), "not_found");
}

fn a_leak_is_answered_by_filter(f: Fixture) {
    fill(&f);
    let filter = Filter { expires_before: Some(NOW + 1000), ..Filter::default() };
    let dry = f.registry.revoke_keys(&caller(), &f.realm, &filter, None).unwrap();
    assert_eq!((dry.matched, dry.done, dry.sample.len()), (3, false, 3));
    assert_eq!(page(&f, Filter { state: Some(State::Revoked), ..Filter::default() }).len(), 0);
    // A key made since then is not revoked unseen.
    let new = NewKey { expires_at: Some(NOW + 500), ..new_key("late") };
    f.registry.create_key(&caller(), &f.realm, &new).unwrap();
    let error = f.registry.revoke_keys(&caller(), &f.realm, &filter, Some(3)).unwrap_err();
    assert_eq!(error.code(), "count_changed");
    assert_eq!(page(&f, Filter { state: Some(State::Revoked), ..Filter::default() }).len(), 0);
    let changes = f.registry.changes(&f.realm).unwrap();
    let done = f.registry.revoke_keys(&caller(), &f.realm, &filter, Some(4)).unwrap();
    assert!(done.done && done.matched == 4);
    assert_eq!(f.registry.changes(&f.realm).unwrap(), changes + 1);
    assert_eq!(names(&page(&f, Filter { state: Some(State::Active), ..Filter::default() })), ["echo", "delta"]);
    assert_eq!(f.registry.revoke_keys(&caller(), &f.realm, &filter, None).unwrap().matched, 0);
}

on_both_stores!(every_order_and_both_ways, cursors_are_not_taken_on_trust, filters_combine, a_leak_is_answered_by_filter);
