//! Imports that go on while nobody waits for them: one at a time, each with an end that whoever looks is told of.

use std::io::{self, Cursor, Read};
use std::sync::atomic::Ordering;

use edgelatch_registry::{Caller, Error, Import, ImportDefaults, ImportFormat, ImportState, KeyFilter};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, slug};

fn how(dry_run: bool) -> Import {
    let defaults =
        ImportDefaults { org: Some(slug("one")), owner: Some(slug("alice")), roles: vec![slug("reader")], environment: None };
    Import { format: ImportFormat::Csv, defaults, dry_run }
}

fn file(lines: std::ops::Range<u64>) -> String {
    let lines: String = lines.map(|n| n + 1).map(|n| format!("{n:032x}{n:032x},key {n}\n")).collect();
    format!("sha256,name\n{lines}")
}

fn count(f: &Fixture) -> usize {
    f.registry.keys(&f.realm).all(&KeyFilter::default()).unwrap().len()
}

fn each_ends_as_it_went(f: Fixture) {
    let imports = f.registry.imports(&f.realm);
    let run = |text: &str, dry_run: bool| {
        let job = imports.begin(&caller(), &how(dry_run), text.len() as u64).unwrap();
        assert_eq!((job.state, job.lines), (ImportState::Running, 0));
        let _ = imports.run(&caller(), &job.import, &how(dry_run), &mut Cursor::new(text), &mut |_| {});
        imports.get(&job.import).unwrap()
    };
    let tried = run(&file(0..3), true);
    assert_eq!((tried.state, tried.keys, tried.read_bytes, count(&f)), (ImportState::Tried, 3, tried.bytes, 0));
    let done = run(&file(0..3), false);
    assert_eq!((done.state, done.keys, done.refused, count(&f)), (ImportState::Imported, 3, 0, 3));
    let refused = run(&file(2..5), false);
    assert_eq!((refused.state, refused.keys, refused.refused, count(&f)), (ImportState::Refused, 2, 1, 3));
    assert!(refused.refusals.as_deref().is_some_and(|text| text.contains("digest_taken")), "{refused:?}");
    assert_eq!(run("sha256,name\n", false).state, ImportState::Refused);
    let failed = run("what,ever\n", false);
    assert_eq!((failed.state, failed.code.as_deref()), (ImportState::Failed, Some("invalid")));
    assert!(failed.detail.is_some_and(|detail| detail.contains("is no column")));
    // The newest first; who began one that is of an org is told of with it.
    let all = imports.list(|_| true).unwrap();
    assert_eq!((all.len(), &all[0].import, all[0].actor.as_str()), (5, &failed.import, caller().actor().as_str()));
    assert!(imports.list(|org| org.is_some()).unwrap().is_empty());
    let within = |org: &str| Caller::new("cli:them".parse().unwrap()).within(slug(org));
    let own = imports.begin(&within("one"), &how(true), 1).unwrap();
    assert_eq!(own.org, Some(slug("one")));
    assert_eq!(imports.list(|org| org.is_some_and(|org| org.as_str() == "one")).unwrap().len(), 1);
    assert!(imports.list(|org| org.is_some_and(|org| org.as_str() == "two")).unwrap().is_empty());
}

fn one_is_under_way_at_a_time_and_a_lost_one_is_told_of(f: Fixture) {
    let imports = f.registry.imports(&f.realm);
    let text = file(0..3);
    let first = imports.begin(&caller(), &how(false), 9).unwrap();
    let busy = imports.begin(&caller(), &how(false), 9).unwrap_err();
    assert_eq!((busy.code(), busy.to_string().contains(first.import.as_str())), ("import_under_way", true));
    // As long as it says that it is at work, it is.
    f.clock.fetch_add(50, Ordering::SeqCst);
    imports.tell(&first.import, 5, 2).unwrap();
    f.clock.fetch_add(50, Ordering::SeqCst);
    let seen = imports.get(&first.import).unwrap();
    assert_eq!((seen.state, seen.read_bytes, seen.lines), (ImportState::Running, 5, 2));
    // Once it has not for long enough, it is lost, and another one may begin.
    f.clock.fetch_add(50, Ordering::SeqCst);
    assert_eq!(imports.get(&first.import).unwrap().state, ImportState::Lost);
    let second = imports.begin(&caller(), &how(false), text.len() as u64).unwrap();
    assert_eq!(
        imports.list(|_| true).unwrap().iter().map(|job| job.state).collect::<Vec<_>>(),
        [ImportState::Running, ImportState::Lost]
    );
    imports.run(&caller(), &second.import, &how(false), &mut Cursor::new(&text), &mut |_| {}).unwrap();
    assert_eq!(imports.get(&second.import).unwrap().state, ImportState::Imported);
    // What is told late of one that has ended changes nothing of it.
    imports.fail(&second.import, "failed", "x").unwrap();
    imports.tell(&second.import, 1, 1).unwrap();
    let seen = imports.get(&second.import).unwrap();
    assert_eq!((seen.state, seen.code, seen.read_bytes), (ImportState::Imported, None, seen.bytes));
    // What cannot be read to its end has imported nothing.
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let third = imports.begin(&caller(), &how(false), 9).unwrap();
    let error = imports.run(&caller(), &third.import, &how(false), &mut Broken, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    assert_eq!((imports.get(&third.import).unwrap().state, count(&f)), (ImportState::Failed, 3));
    // They go when nobody wants to look at them any more.
    f.clock.fetch_add(400 * 86_400, Ordering::SeqCst);
    f.registry.purge().unwrap();
    assert!(imports.list(|_| true).unwrap().is_empty());
    assert_eq!(imports.get(&third.import).unwrap_err().code(), "not_found");
}

on_both_stores! {
    start: edgelatch_testkit::registry::Fixture::new;
    each_ends_as_it_went, one_is_under_way_at_a_time_and_a_lost_one_is_told_of,
}
