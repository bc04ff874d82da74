//! Both logs, for whoever keeps them elsewhere: in the order in which they were written, from any place on, and beside writers.

use std::sync::atomic::{AtomicBool, Ordering};

use edgelatch_core::key::KeyId;
use edgelatch_registry::{ChainedRow, Error, Exported, LoggedRequest, NewKey, UsageBatch, UsageEvent};
use edgelatch_testkit::ends::Ends;
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug, usage_event};

const DAY: u64 = 86_400;

fn make(f: &Fixture, org: &str, name: &str) -> KeyId {
    f.registry.keys(&f.realm).make(&caller(), &NewKey { org: slug(org), ..new_key(name) }).unwrap().key.key_id
}

fn event(key: KeyId, number: u64, at: u64) -> UsageEvent {
    UsageEvent { event: Some(format!("e{number}")), ..usage_event(Some(key), at, "valid") }
}

fn report(f: &Fixture, batch: &str, events: Vec<UsageEvent>) {
    f.registry.usage(&f.realm).ingest(&UsageBatch { batch: batch.into(), events }).unwrap();
}

/// Everything from a place on, and where it ended.
fn all<T>(after: u64, mut export: impl FnMut(u64) -> Result<Exported<T>, Error>) -> (Vec<T>, u64) {
    let (mut rows, mut reached) = (Vec::new(), after);
    loop {
        let part = export(reached).unwrap();
        assert!(part.reached > reached || part.reached == part.end, "it does not come on");
        rows.extend(part.rows);
        reached = part.reached;
        if reached >= part.end {
            return (rows, reached);
        }
    }
}

fn requests(f: &Fixture, after: u64, org: Option<&str>) -> (Vec<LoggedRequest>, u64) {
    let org = org.map(slug);
    all(after, |after| f.registry.usage(&f.realm).export(after, org.as_ref()))
}

fn acts(f: &Fixture, after: u64, org: Option<&str>) -> (Vec<ChainedRow>, u64) {
    let org = org.map(slug);
    all(after, |after| f.registry.audit(&f.realm).export(after, org.as_ref()))
}

fn requests_come_as_they_were_reported(f: Fixture) {
    let (one, two) = (make(&f, "one", "a"), make(&f, "two", "b"));
    assert_eq!(requests(&f, 0, None), (vec![], 0));
    f.advance(1_000);
    // Of different times, and more than a look returns.
    report(&f, "b1", (0..1_200).map(|i| event(one, i, NOW + 900 - i / 2)).collect());
    report(&f, "b2", vec![event(two, 1_200, NOW + 5), event(one, 1_201, NOW)]);
    let (rows, end) = requests(&f, 0, None);
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=1_202).collect::<Vec<_>>());
    assert!(rows.iter().enumerate().all(|(i, row)| row.request.event == Some(format!("e{i}"))));
    let row = &rows[1_200];
    assert_eq!((row.org.as_ref(), &*row.key_id, row.request.at), (Some(&slug("two")), &*two.to_string(), NOW + 5));
    assert_eq!(end, 1_202);
    // From any place on.
    assert_eq!(requests(&f, 700, None).0, rows[700..]);
    assert_eq!(requests(&f, end, None).0, []);
    assert_eq!(requests(&f, 0, Some("two")), (vec![row.clone()], end));
    // A place that the log never had.
    let beyond = f.registry.usage(&f.realm).export(end + 1, None).unwrap_err();
    assert_eq!((beyond.code(), beyond.field()), ("invalid", Some("after")));
    assert!(!beyond.to_string().contains("1202"), "{beyond}");
}

/// On a database that gives numbers again, what is written after a purge would lie before the place that was reached.
fn what_is_logged_after_a_purge_comes_next(f: Fixture) {
    let key = make(&f, "one", "a");
    report(&f, "b1", (0..3).map(|i| event(key, i, NOW)).collect());
    let (_, reached) = requests(&f, 0, None);
    f.advance(91 * DAY);
    assert_eq!(f.registry.purge().unwrap().requests, 3);
    report(&f, "b2", vec![event(key, 9, NOW + 91 * DAY)]);
    let (rows, end) = requests(&f, reached, None);
    assert_eq!((rows.len(), rows[0].seq, rows[0].request.event.as_deref(), end), (1, 4, Some("e9"), 4));
}

/// Writers that are slow to commit must not hide rows behind those that are faster.
fn nothing_is_lost_beside_writers(f: Fixture) {
    let key = make(&f, "one", "a");
    let (done, writers) = (AtomicBool::new(false), [f.open(), f.open(), f.open()]);
    let (requested, acted) = std::thread::scope(|scope| {
        let writing: Vec<_> = writers
            .iter()
            .enumerate()
            .map(|(w, registry)| {
                let (realm, key) = (&f.realm, key);
                scope.spawn(move || {
                    for n in 0..20 {
                        let events = (0..7).map(|i| event(key, (w as u64) * 1_000 + n * 7 + i, NOW)).collect();
                        registry.usage(realm).ingest(&UsageBatch { batch: format!("{w}-{n}"), events }).unwrap();
                        registry.keys(realm).make(&caller(), &new_key(&format!("{w}-{n}"))).unwrap();
                    }
                })
            })
            .collect();
        let reading = scope.spawn(|| {
            let (mut requested, mut acted, mut places) = (Vec::new(), Vec::new(), (0, 0));
            loop {
                let last = done.load(Ordering::SeqCst);
                let (rows, reached) = requests(&f, places.0, None);
                requested.extend(rows);
                let (rows, seq) = acts(&f, places.1, None);
                acted.extend(rows);
                places = (reached, seq);
                if last {
                    return (requested, acted);
                }
            }
        });
        let ends = Ends(&done);
        writing.into_iter().for_each(|writer| writer.join().unwrap());
        drop(ends);
        reading.join().unwrap()
    });
    assert_eq!((requested.len(), requests(&f, 0, None).0), (420, requested));
    assert_eq!(acted.iter().filter(|row| row.row.action == "key.create").count(), 61);
    assert_eq!(acts(&f, 0, None).0, acted);
}

fn acts_come_with_their_chain(f: Fixture) {
    make(&f, "one", "a");
    make(&f, "two", "b");
    let (rows, end) = acts(&f, 0, None);
    assert!(rows.iter().enumerate().all(|(i, row)| row.row.seq == i as u64 + 1));
    assert_eq!(rows.len() as u64, end);
    // What was exported last is the end that a check of the chain finds.
    let anchor = f.registry.audit(&f.realm).verify(None).unwrap();
    assert_eq!((anchor.seq, Some(&anchor.hash)), (end, rows.last().unwrap().hash.as_ref()));
    assert_eq!(acts(&f, end - 1, None).0, rows[rows.len() - 1..]);
    let own = acts(&f, 0, Some("two")).0;
    // Not to who sees some rows only: by the hashes before and after a row of others, what that says could be guessed.
    assert!(!own.is_empty() && own.iter().all(|row| row.row.org.as_deref() == Some("two") && row.hash.is_none()));
    assert_eq!(f.registry.audit(&f.realm).export(end + 1, None).unwrap_err().field(), Some("after"));
    let line = serde_json::to_value(rows.last().unwrap()).unwrap();
    assert_eq!((&line["action"], &line["seq"], &line["after"]["name"]), (&"key.create".into(), &end.into(), &"b".into()));
}

on_both_stores!(
    requests_come_as_they_were_reported,
    what_is_logged_after_a_purge_comes_next,
    nothing_is_lost_beside_writers,
    acts_come_with_their_chain,
);
