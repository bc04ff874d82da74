//! Usage over time, and from where: sums by the hour and by the day, and countries and networks that are new for a key.

use edgelatch_core::key::KeyId;
use edgelatch_registry::{BucketSpan, NewKey, NewRealm, Preset, UsageBatch, UsageBucket, UsageEvent, UsageQuery, When, Window};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, alerts, caller, new_key, slug, usage_event};
use serde_json::{Value, json};

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

fn make(f: &Fixture, org: &str, name: &str) -> KeyId {
    f.registry.keys(&f.realm).make(&caller(), &NewKey { org: slug(org), ..new_key(name) }).unwrap().key.key_id
}

fn report(f: &Fixture, batch: &str, events: Vec<UsageEvent>) {
    f.registry.usage(&f.realm).ingest(&UsageBatch { batch: batch.into(), events }).unwrap();
}

fn series(f: &Fixture, query: &UsageQuery) -> Vec<UsageBucket> {
    f.registry.usage(&f.realm).series(query, &Window::default()).unwrap().buckets
}

fn bucket(at: u64, accepted: u64, refused: u64) -> UsageBucket {
    UsageBucket { at, accepted, refused }
}

fn by(by: BucketSpan) -> UsageQuery {
    UsageQuery { by: Some(by), ..UsageQuery::default() }
}

fn usage_is_summed_by_hour_and_day(f: Fixture) {
    let (a, b) = (make(&f, "one", "a"), make(&f, "two", "b"));
    f.advance(DAY + 2 * HOUR);
    let (today, hour) = (NOW + DAY, NOW + DAY + HOUR);
    let events = vec![
        usage_event(Some(a), NOW + 10, "valid"),
        usage_event(Some(a), hour + 1, "valid"),
        usage_event(Some(a), hour + 2, "ip_denied"),
        usage_event(Some(b), hour + 3, "valid"),
        usage_event(None, hour + 4, "unknown"),
        usage_event(Some(KeyId(7)), hour + 5, "valid"),
    ];
    report(&f, "b1", events.clone());
    report(&f, "b1", events);
    report(&f, "b2", vec![usage_event(Some(a), hour + 6, "valid"); 100]);
    let [hours, days] = [BucketSpan::Hour, BucketSpan::Day].map(by);
    let key = |query: &UsageQuery, id: KeyId| UsageQuery { key_id: Some(id.to_string()), ..query.clone() };
    let org = |query: &UsageQuery, org: &str| UsageQuery { org: Some(slug(org)), ..query.clone() };
    assert_eq!(series(&f, &key(&hours, a)), [bucket(NOW, 1, 0), bucket(hour, 101, 1)]);
    assert_eq!(series(&f, &key(&days, a)), [bucket(NOW, 1, 0), bucket(today, 101, 1)]);
    assert_eq!(series(&f, &key(&days, b)), [bucket(today, 1, 0)]);
    assert_eq!(series(&f, &org(&hours, "one")), [bucket(NOW, 1, 0), bucket(hour, 101, 1)]);
    assert_eq!(series(&f, &org(&days, "two")), [bucket(today, 1, 0)]);
    // The realm's also count what no key of ours was presented for.
    assert_eq!(series(&f, &hours), [bucket(NOW, 1, 0), bucket(hour, 103, 2)]);
    assert_eq!(series(&f, &UsageQuery::default()), [bucket(NOW, 1, 0), bucket(today, 103, 2)]);
    // A deleted key's can still be read.
    f.registry.keys(&f.realm).delete(&caller(), a, Some("a"), None).unwrap();
    assert_eq!(series(&f, &key(&days, a)).len(), 2);
    let both = UsageQuery { org: Some(slug("one")), ..key(&days, a) };
    let error = f.registry.usage(&f.realm).series(&both, &Window::default()).unwrap_err();
    assert_eq!((error.code(), error.field()), ("invalid", Some("org")));
    let error = f.registry.usage(&f.realm).series(&org(&days, "three"), &Window::default()).unwrap_err();
    assert_eq!(error.code(), "not_found");
    let new = NewRealm {
        realm: slug("other"),
        name: "Other".parse().unwrap(),
        preset: Preset::Default,
        prefix: None,
        credentials: None,
    };
    f.registry.create_realm(&caller(), &new).unwrap();
    assert_eq!(f.registry.usage(&slug("other")).series(&days, &Window::default()).unwrap().buckets, []);
}

fn a_stretch_begins_with_the_bucket_it_lies_in(f: Fixture) {
    let key = make(&f, "one", "a");
    f.advance(5 * HOUR);
    report(&f, "b", (0..5).map(|hour| usage_event(Some(key), NOW + hour * HOUR + 5, "valid")).collect());
    let of = |since: u64, until: u64| {
        let window = Window { since: Some(When::At(since)), until: Some(When::At(until)) };
        let found = f.registry.usage(&f.realm).series(&by(BucketSpan::Hour), &window).unwrap().buckets;
        found.iter().map(|bucket| (bucket.at - NOW) / HOUR).collect::<Vec<_>>()
    };
    assert_eq!(of(NOW + HOUR, NOW + 3 * HOUR), [1, 2]);
    assert_eq!(of(NOW + HOUR + 1_800, NOW + 3 * HOUR + 1), [1, 2, 3]);
}

fn sums_go_when_they_are_old(f: Fixture) {
    let key = make(&f, "one", "a");
    let [hours, days] = [BucketSpan::Hour, BucketSpan::Day].map(by);
    let kept = |f: &Fixture| f.rows("SELECT count(*) FROM usage_buckets")[0][0].parse::<u64>().unwrap();
    report(&f, "b1", vec![usage_event(Some(key), NOW, "valid")]);
    assert_eq!(kept(&f), 6);
    f.advance(14 * DAY);
    f.registry.purge().unwrap();
    assert_eq!((series(&f, &hours).len(), series(&f, &days).len(), kept(&f)), (1, 1, 6));
    f.advance(HOUR);
    // They are not shown any more, whether the upkeep was there or not.
    assert_eq!((series(&f, &hours).len(), series(&f, &days).len(), kept(&f)), (0, 1, 6));
    f.registry.purge().unwrap();
    assert_eq!(kept(&f), 3);
    f.advance(401 * DAY);
    assert_eq!(series(&f, &days).len(), 0);
    f.registry.purge().unwrap();
    assert_eq!(kept(&f), 0);
}

fn from(key: KeyId, at: u64, ip: &str, country: Option<&str>) -> UsageEvent {
    UsageEvent { ip: Some(ip.into()), country: country.map(Into::into), ..usage_event(Some(key), at, "valid") }
}

/// Takes what is told of new places: countries, networks.
fn places(f: &Fixture) -> Vec<(Value, Value)> {
    let due = alerts(&f.registry);
    due.iter().for_each(|due| f.registry.outbox().delivered(&due.event).unwrap());
    let body = |due: &edgelatch_registry::Due| serde_json::from_str::<Value>(&due.body).unwrap();
    let told: Vec<Value> = due.iter().map(body).filter(|body| body["type"] == "key_new_place").collect();
    told.iter().map(|body| (body["countries"].clone(), body["networks"].clone())).collect()
}

fn a_new_place_is_told_of(f: Fixture) {
    let key = make(&f, "one", "a");
    // Whatever the first one is, it is not new; nor is another address there.
    report(&f, "1", vec![from(key, NOW, "192.0.2.1", Some("CH")), from(key, NOW, "192.0.2.77", Some("CH"))]);
    assert_eq!(places(&f), []);
    report(&f, "2", vec![from(key, NOW, "192.0.2.9", Some("NZ"))]);
    assert_eq!(places(&f), [(json!(["NZ"]), json!([]))]);
    report(&f, "3", vec![from(key, NOW, "198.51.100.1", Some("CH")), from(key, NOW, "2001:db8:1:2::1", None)]);
    assert_eq!(places(&f), [(json!([]), json!(["198.51.100.0/24", "2001:db8:1::/48"]))]);
    report(&f, "4", vec![from(key, NOW, "2001:db8:1:ffff::1", Some("NZ")), from(key, NOW, "198.51.100.9", Some("XX"))]);
    assert_eq!(places(&f), []);
    // What was refused came from nowhere.
    let refused = UsageEvent { code: "ip_denied".into(), status: 403, ..from(key, NOW, "203.0.113.1", Some("DE")) };
    report(&f, "5", vec![refused]);
    assert_eq!(places(&f), []);
    // Two in one report: the earlier is the first.
    let other = make(&f, "one", "b");
    report(&f, "6", vec![from(other, NOW, "192.0.2.1", Some("NZ")), from(other, NOW - 10, "192.0.2.1", Some("CH"))]);
    assert_eq!(places(&f), [(json!(["NZ"]), json!([]))]);
    // A place stays known while it is used, and is forgotten when it was not for long.
    f.advance(300 * DAY);
    report(&f, "7", vec![from(key, NOW + 300 * DAY, "192.0.2.1", Some("CH"))]);
    f.advance(200 * DAY);
    f.registry.purge().unwrap();
    report(&f, "8", vec![from(key, NOW + 500 * DAY, "192.0.2.1", Some("CH"))]);
    assert_eq!(places(&f), []);
    report(&f, "9", vec![from(key, NOW + 500 * DAY, "192.0.2.1", Some("NZ"))]);
    assert_eq!(places(&f), [(json!(["NZ"]), json!([]))]);
    f.registry.keys(&f.realm).delete(&caller(), key, Some("a"), None).unwrap();
}

/// A key that is used from everywhere has no usual places, and its table does not grow.
fn a_key_that_is_used_everywhere_is_told_of_no_more(f: Fixture) {
    let key = make(&f, "one", "a");
    let events = (0..200u64).map(|i| from(key, NOW, &format!("10.0.{i}.1"), None)).collect();
    report(&f, "1", events);
    let told = places(&f);
    assert_eq!((told.len(), told[0].1.as_array().unwrap().len()), (1, 63));
    report(&f, "2", vec![from(key, NOW, "10.1.1.1", None)]);
    assert_eq!(places(&f), []);
    assert_eq!(f.rows("SELECT count(*) FROM key_places"), [["64"]]);
}

on_both_stores!(
    usage_is_summed_by_hour_and_day,
    a_stretch_begins_with_the_bucket_it_lies_in,
    sums_go_when_they_are_old,
    a_new_place_is_told_of,
    a_key_that_is_used_everywhere_is_told_of_no_more,
);
