//! How many keys there are is kept, not counted: so every act that makes, ends or brings keys must say so.

use edgelatch_registry::{
    Import, ImportDefaults, ImportFormat, KeyEdit, KeyFilter, KeyOrder, NewKey, Paging, Preset, State, StatusEdit,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, Place, caller, new_key, slug};

/// What is kept is what is there, in the realm and in each org; returns how many are shown in the realm.
fn checked(f: &Fixture) -> u64 {
    let keys = f.registry.keys(&f.realm);
    let orgs = [None, Some(slug("one")), Some(slug("two"))];
    let of = |org: &Option<_>, state| KeyFilter { org: org.clone(), state, ..KeyFilter::default() };
    for filter in orgs.iter().flat_map(|org| [of(org, None), of(org, Some(State::Revoked))]) {
        let page = keys.list(&filter, KeyOrder::default(), &Paging::first(1)).unwrap();
        assert_eq!((page.total, page.exact), (keys.count(&filter).unwrap(), true), "{filter:?}");
    }
    keys.count(&KeyFilter::default()).unwrap()
}

fn import(f: &Fixture, lines: &[&str], roles: &[&str]) -> bool {
    let defaults = ImportDefaults {
        org: Some(slug("one")),
        owner: Some(slug("alice")),
        roles: roles.iter().map(|role| slug(role)).collect(),
        environment: None,
    };
    let how = Import { format: ImportFormat::Csv, defaults, dry_run: false };
    let text = format!("sha256,name,org\n{}\n", lines.join("\n"));
    f.registry.keys(&f.realm).import_file(&caller(), &how, &mut text.as_bytes(), &mut |_| {}).unwrap().done
}

fn every_act_is_counted(place: Place) {
    let f = Fixture::new(place);
    let keys = f.registry.keys(&f.realm);
    assert_eq!(checked(&f), 0);
    let mut ids: Vec<_> = (0..6).map(|n| keys.make(&caller(), &new_key(&format!("k{n}"))).unwrap().key.key_id).collect();
    ids.push(keys.make(&caller(), &NewKey { org: slug("two"), ..new_key("other") }).unwrap().key.key_id);
    assert_eq!(checked(&f), 7);
    let revoked = |id| keys.revoke(&caller(), id, None).unwrap().changed;
    assert!(revoked(ids[0]) && !revoked(ids[0]));
    checked(&f);
    let edit = |id, edit| keys.edit(&caller(), id, &edit).unwrap();
    edit(ids[1], KeyEdit { status: Some(StatusEdit::Revoke), ..KeyEdit::default() });
    edit(ids[2], KeyEdit { name: Some("renamed".parse().unwrap()), ..KeyEdit::default() });
    checked(&f);
    for (id, name) in [(ids[1], "k1"), (ids[3], "k3")] {
        keys.delete(&caller(), id, Some(name), None).unwrap();
        checked(&f);
    }
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|digit| digit.repeat(64));
    assert!(import(&f, &[&format!("{a},a,"), &format!("{b},b,two")], &["reader"]));
    let imported = checked(&f);
    // Lines that stand in the way bring nothing, neither do those beside them.
    assert!(!import(&f, &[&format!("{c},c,"), &format!("{a},again,")], &["reader"]));
    assert!(!import(&f, &[&format!("{d},d,three")], &["reader"]));
    assert_eq!(checked(&f), imported);
    let all = KeyFilter { org: Some(slug("one")), ..KeyFilter::default() };
    let matched = keys.revoke_all(&caller(), &all, None, &mut |_| {}).unwrap().matched;
    keys.revoke_all(&caller(), &all, Some(matched), &mut |_| {}).unwrap();
    checked(&f);
    // A copy has the same.
    let copied = Fixture::empty(Place::sqlite());
    f.registry.copy_to(&copied.registry, &mut |_| {}).unwrap();
    assert_eq!(checked(&copied), checked(&f));
}

fn a_key_that_is_enabled_again_counts_again(place: Place) {
    let f = Fixture::empty(place).with(Preset::Valar);
    let keys = f.registry.keys(&f.realm);
    let new = |name| NewKey { roles: Vec::new(), ..new_key(name) };
    let id = keys.make(&caller(), &new("a")).unwrap().key.key_id;
    keys.make(&caller(), &new("b")).unwrap();
    keys.revoke(&caller(), id, None).unwrap();
    checked(&f);
    keys.enable(&caller(), id, None).unwrap();
    keys.enable(&caller(), id, None).unwrap();
    assert_eq!(checked(&f), 2);
}

fn revoking_that_deletes_counts_so(place: Place) {
    let f = Fixture::empty(place).with(Preset::VergeOs);
    let keys = f.registry.keys(&f.realm);
    let new = |name| NewKey { roles: Vec::new(), expires_at: Some(NOW + 30 * 86_400), ..new_key(name) };
    let id = keys.make(&caller(), &new("a")).unwrap().key.key_id;
    keys.make(&caller(), &new("b")).unwrap();
    assert!(keys.revoke(&caller(), id, None).unwrap().deleted);
    assert_eq!(checked(&f), 1);
}

on_both_stores! {
    start: std::convert::identity;
    every_act_is_counted, a_key_that_is_enabled_again_counts_again, revoking_that_deletes_counts_so
}
