//! What keys are sorted and found by beside their names: tags, who made and changed them, and whether they were ever used.

use edgelatch_registry::limits::MAX_KEY_TAGS;
use edgelatch_registry::{
    Caller, Digest, Import, ImportDefaults, ImportFormat, KeyEdit, KeyFilter, NewKey, Rotate, Tag, UsageBatch, When,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug, usage_event};

fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn names(f: &Fixture, filter: KeyFilter) -> Vec<String> {
    f.registry.keys(&f.realm).all(&filter).unwrap().iter().map(|key| key.name.to_string()).collect()
}

fn tagged(f: &Fixture, tag: &str) -> Vec<String> {
    names(f, KeyFilter { tag: Some(tag.parse().unwrap()), ..KeyFilter::default() })
}

fn somebody(name: &str) -> Caller {
    Caller::new(name.parse().unwrap())
}

fn a_tag_finds_keys_in_any_case(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let new = |name: &str, of: &[&str]| NewKey { tags: tags(of), ..new_key(name) };
    let made = keys.make(&caller(), &new("a", &["web", "Straße", "WEB"])).unwrap().key;
    assert_eq!(made.tags, tags(&["Straße", "web"]));
    keys.make(&caller(), &new("b", &["Web", "e\u{301}"])).unwrap();
    keys.make(&caller(), &new("c", &[])).unwrap();
    for (tag, found) in [("web", &["b", "a"][..]), ("WEB", &["b", "a"]), ("STRASSE", &["a"]), ("É", &["b"]), ("we", &[])] {
        assert_eq!(tagged(&f, tag), found, "{tag}");
    }
    let edit = |tags: Option<Vec<Tag>>| keys.edit(&caller(), made.key_id, &KeyEdit { tags, ..KeyEdit::default() }).unwrap();
    assert!(!edit(None).changed && !edit(Some(tags(&["WEB", "straße", "web", "Straße"])[2..].to_vec())).changed);
    let edited = edit(Some(tags(&["api"])));
    assert_eq!((edited.key.tags, edited.key.revision), (tags(&["api"]), made.revision + 1));
    assert_eq!((tagged(&f, "web"), tagged(&f, "Api")), (vec!["b".to_owned()], vec!["a".to_owned()]));
    let many: Vec<Tag> = (0..=MAX_KEY_TAGS).map(|n| format!("t{n}").parse().unwrap()).collect();
    let error = keys.edit(&caller(), made.key_id, &KeyEdit { tags: Some(many.clone()), ..KeyEdit::default() }).unwrap_err();
    assert_eq!(error.field(), Some("tags"));
    assert_eq!(keys.make(&caller(), &NewKey { tags: many, ..new_key("d") }).unwrap_err().field(), Some("tags"));
    // The log tells what they were.
    let acts = f.registry.audit(&f.realm).list(&Default::default(), &Default::default()).unwrap().rows;
    assert_eq!(acts[0].after.as_deref(), Some(r#"{"revision":2,"tags":["api"]}"#));
    keys.delete(&caller(), made.key_id, Some("a"), None).unwrap();
    assert!(tagged(&f, "api").is_empty());
}

fn an_import_brings_tags(f: Fixture) {
    let defaults =
        ImportDefaults { org: Some(slug("one")), owner: Some(slug("alice")), roles: vec![slug("reader")], environment: None };
    let import = |format, text: String| {
        let how = Import { format, defaults: defaults.clone(), dry_run: false };
        f.registry.keys(&f.realm).import_file(&caller(), &how, &mut text.as_bytes(), &mut |_| {}).unwrap()
    };
    let digest = |n: u32| format!("{n:02x}").repeat(32);
    let csv = format!("sha256,name,tags\n{},a,web Old WEB\n{},b,\n", digest(1), digest(2));
    assert_eq!(import(ImportFormat::Csv, csv).keys, 2);
    let lines = format!("{{\"sha256\":\"{}\",\"name\":\"c\",\"tags\":[\"web\",\"x\"]}}\n", digest(3));
    assert!(import(ImportFormat::JsonLines, lines).done);
    assert_eq!((tagged(&f, "web"), tagged(&f, "old")), (vec!["c".to_owned(), "a".into()], vec!["a".to_owned()]));
    let refused = import(ImportFormat::Csv, format!("sha256,name,tags\n{},d,\"a,b\"\n", digest(4)));
    assert_eq!((refused.refused, refused.refusals[0].field.as_deref()), (1, Some("tags")));
}

fn who_made_and_changed_a_key_stands_on_it(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let by = |id| {
        let key = keys.get(id).unwrap();
        (key.created_by.to_string(), key.updated_by.to_string())
    };
    let id = keys.make(&somebody("cli:ann"), &new_key("a")).unwrap().key.key_id;
    assert_eq!(by(id), ("cli:ann".into(), "cli:ann".into()));
    let edit = KeyEdit { name: Some("b".parse().unwrap()), ..KeyEdit::default() };
    keys.edit(&somebody("edits"), id, &edit).unwrap();
    assert_eq!(by(id), ("cli:ann".into(), "edits".into()));
    keys.renew(&somebody("rotates"), id, &Rotate::default()).unwrap();
    assert_eq!(by(id), ("cli:ann".into(), "rotates".into()));
    // What changes nothing has changed it no more.
    keys.edit(&somebody("nobody"), id, &edit).unwrap();
    assert_eq!(by(id).1, "rotates");
    let bulk = KeyFilter { created_by: Some("cli:ann".parse().unwrap()), ..KeyFilter::default() };
    keys.revoke_all(&somebody("sweeps"), &bulk, Some(1), &mut |_| {}).unwrap();
    assert_eq!(by(id).1, "sweeps");
    let other = keys.make(&somebody("cli:bea"), &new_key("d")).unwrap().key.key_id;
    keys.revoke(&somebody("revokes"), other, None).unwrap();
    assert_eq!(by(other), ("cli:bea".into(), "revokes".into()));
    let digest = Digest::parse("sha256", &"ab".repeat(32)).unwrap();
    let imported = keys.import(&somebody("cli:bob"), &new_key("c"), &digest).unwrap().key.key_id;
    assert_eq!(by(imported), ("cli:bob".into(), "cli:bob".into()));
    let of = |who: &str| names(&f, KeyFilter { created_by: Some(who.parse().unwrap()), ..KeyFilter::default() });
    assert_eq!((of("cli:bob"), of("CLI:BOB"), of("sweeps")), (vec!["c".to_owned()], vec![], vec![]));
}

fn unused_keys_are_found(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let used = |name: &str, at: Option<u64>| {
        let key_id = keys.make(&caller(), &new_key(name)).unwrap().key.key_id;
        let Some(at) = at else { return };
        let event = usage_event(Some(key_id), at, "valid");
        f.registry.usage(&f.realm).ingest(&UsageBatch { batch: name.replace(' ', "-"), events: vec![event] }).unwrap();
    };
    used("used long ago", Some(NOW));
    used("never used", None);
    f.advance(1000);
    used("used", Some(NOW + 1000));
    used("new", None);
    let since = |at| names(&f, KeyFilter { unused_since: Some(When::At(at)), ..KeyFilter::default() });
    assert_eq!(since(NOW + 500), ["never used", "used long ago"]);
    assert_eq!(since(NOW + 1001), ["new", "used", "never used", "used long ago"]);
    assert!(since(NOW).is_empty());
    let never = |unused_since| names(&f, KeyFilter { never_used: true, unused_since, ..KeyFilter::default() });
    assert_eq!(
        (never(None), never(Some(When::At(NOW + 500)))),
        (vec!["new".to_owned(), "never used".into()], vec!["never used".to_owned()])
    );
}

on_both_stores!(
    a_tag_finds_keys_in_any_case,
    an_import_brings_tags,
    who_made_and_changed_a_key_stands_on_it,
    unused_keys_are_found
);
