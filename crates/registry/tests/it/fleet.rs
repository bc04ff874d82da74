//! Which edge has which epoch: what edges report of themselves, and how far a change has got.

use edgelatch_core::tree::ObjectId;
use edgelatch_registry::limits::{MAX_EDGES, MAX_NAMED};
use edgelatch_registry::{
    AuditFilter, EdgeFilter, EdgeMode, EdgeReport, EpochRequest, Heard, KeyEdit, NewKey, NewRealm, Paging, Preset, Reported,
    Standing, Token,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, NOW, caller, new_key, slug};

/// When every epoch is signed.
const ISSUED: u64 = NOW - 5;

fn heard(edge: &str, report: u64, epoch: u64, at: u64) -> Heard {
    let report = EdgeReport {
        edge: edge.parse().unwrap(),
        name: Some("fra-1".parse().unwrap()),
        report,
        epoch,
        issued_at: if epoch == 0 { 0 } else { ISSUED },
        root_version: 1,
        serving: 3,
        at: at + 40,
        mode: EdgeMode::Timer,
        sdk: "edgelatch-js/0.1.0".parse().unwrap(),
        closing: false,
    };
    Heard { report, at, interval: 30 }
}

/// An epoch that shows a change, at every target.
fn publish(f: &Fixture, changes: u64) -> u64 {
    let ledger = f.registry.ledger(&f.realm);
    let tree = ObjectId([7; 32]);
    let request = EpochRequest { above: 0, tree, records: 0, changes, root_version: 0, now: ISSUED, lifetime: 86_400 };
    let epoch = ledger.reserve(&request).unwrap().epoch;
    ledger.mark_published(epoch).unwrap();
    epoch
}

fn changes(f: &Fixture) -> u64 {
    f.registry.ledger(&f.realm).changes().unwrap()
}

fn report(f: &Fixture, all: &[Heard]) -> Reported {
    f.registry.fleet(&f.realm).report(all).unwrap()
}

fn standing(f: &Fixture, change: u64) -> Standing {
    f.registry.fleet(&f.realm).standing(Some(change)).unwrap()
}

fn ids(f: &Fixture, filter: &EdgeFilter) -> Vec<String> {
    let page = f.registry.fleet(&f.realm).list(filter, &Paging::first(500)).unwrap();
    page.edges.iter().map(|edge| edge.edge.to_string()).collect()
}

fn lacking(standing: &Standing) -> Vec<String> {
    standing.edges.iter().map(|edge| edge.edge.to_string()).collect()
}

fn an_act_is_there_when_each_edge_has_an_epoch_that_shows_it(f: Fixture) {
    let key = f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap().key.key_id;
    let before = publish(&f, changes(&f));
    let alone = standing(&f, changes(&f));
    assert_eq!((alone.published, alone.live, alone.everywhere), (true, 0, false));
    assert_eq!(report(&f, &[heard("a", 1, before, NOW), heard("b", 1, before, NOW)]), Reported { live: 2, refused: 0 });
    let me = caller();
    f.registry.keys(&f.realm).revoke(&me, key, None).unwrap();
    let change = me.committed().change().unwrap();
    assert_eq!(change, changes(&f));
    assert!(standing(&f, change - 1).everywhere);
    let revoked = standing(&f, change);
    assert_eq!((revoked.published, revoked.everywhere, revoked.lacking), (false, false, 2));
    let after = publish(&f, change);
    report(&f, &[heard("a", 2, after, NOW)]);
    let half = standing(&f, change);
    assert_eq!((half.published, half.everywhere, lacking(&half)), (true, false, vec!["b".to_owned()]));
    assert_eq!((half.epoch, half.min_epoch, half.oldest_age), (Some(after), Some(before), Some(5)));
    let lacks = EdgeFilter { lacks: Some(change), ..EdgeFilter::default() };
    assert_eq!(ids(&f, &lacks), ["b"]);
    report(&f, &[heard("b", 2, after, NOW)]);
    assert!(standing(&f, change).everywhere);
    assert!(f.registry.fleet(&f.realm).standing(None).unwrap().everywhere);
    // Nothing that a snapshot shows, and no act.
    let rows = f.registry.audit(&f.realm).list(&AuditFilter::default(), &Paging::default()).unwrap().rows;
    assert_eq!((changes(&f), &*rows[0].action), (change, "key.revoke"));
}

/// What a later epoch shows is what the ledger says of it, and not what its number may suggest.
fn an_epoch_is_believed_by_the_ledger_alone(f: Fixture) {
    f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    let change = changes(&f);
    let (newer, older) = (publish(&f, change), publish(&f, change));
    f.execute(&format!("UPDATE epochs SET changes = changes - 1 WHERE epoch = {older}")).unwrap();
    report(
        &f,
        &[
            heard("newer", 1, newer, NOW),
            heard("older", 1, older, NOW),
            heard("made-up", 1, older + 1_000, NOW),
            heard("none", 1, 0, NOW),
        ],
    );
    let found = standing(&f, change);
    assert_eq!((lacking(&found), found.published), (vec!["made-up".into(), "none".into(), "older".into()], false));
    let made_up = &found.edges[0];
    assert_eq!((made_up.change, made_up.behind, made_up.age), (None, 0, Some(5)));
    assert_eq!((found.edges[1].age, found.edges[1].behind), (None, older));
    // Not even of a change that everybody has.
    assert_eq!(lacking(&standing(&f, 0)), ["made-up", "none"]);
}

/// After a restore the ledger gives a number again, and edges hold the epoch that had it before.
fn an_epoch_of_another_time_is_another_one(f: Fixture) {
    let [first, second] = two_changes(&f);
    let epoch = publish(&f, second);
    let mut before = heard("before", 1, epoch, NOW);
    before.report.issued_at = ISSUED - 60;
    report(&f, &[before, heard("after", 1, epoch, NOW)]);
    for change in [first, second] {
        let found = standing(&f, change);
        assert_eq!((found.everywhere, lacking(&found)), (false, vec!["before".to_owned()]));
        assert_eq!((found.edges[0].change, found.edges[0].age), (None, Some(65)));
    }
}

fn every_act_tells_its_change(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let me = caller();
    assert_eq!(me.committed().change(), None);
    let key = keys.make(&me, &new_key("ci")).unwrap().key.key_id;
    assert_eq!(me.committed().change(), Some(changes(&f)));
    let other = caller();
    keys.make(&other, &new_key("other")).unwrap();
    assert_eq!((other.committed().change(), me.committed().change()), (Some(changes(&f)), Some(changes(&f) - 1)));
    // One that changes nothing of a snapshot is shown by the state that it left.
    let copy = me.clone();
    keys.edit(&copy, key, &KeyEdit { description: Some("x".parse().unwrap()), ..KeyEdit::default() }).unwrap();
    assert_eq!(me.committed().change(), Some(changes(&f)));
    let making = caller();
    let realm =
        NewRealm { realm: slug("new"), name: "New".parse().unwrap(), preset: Preset::Default, prefix: None, credentials: None };
    f.registry.create_realm(&making, &realm).unwrap();
    assert_eq!(making.committed().change(), Some(f.registry.ledger(&slug("new")).changes().unwrap()));
    // One that is refused is none.
    let refused = caller();
    keys.make(&refused, &NewKey { org: slug("nowhere"), ..new_key("x") }).unwrap_err();
    assert_eq!(refused.committed().change(), None);
}

fn a_report_is_passed_over_when_a_later_one_was_heard(f: Fixture) {
    let [first, second] = two_changes(&f).map(|change| publish(&f, change));
    report(&f, &[heard("a", 7, second, NOW), heard("a", 6, first, NOW + 1)]);
    report(&f, &[heard("a", 5, first, NOW + 2)]);
    let shown = f.registry.fleet(&f.realm).list(&EdgeFilter::default(), &Paging::default()).unwrap().edges;
    let [edge] = &shown[..] else { panic!("{shown:?}") };
    assert_eq!((edge.epoch, edge.change, edge.behind, edge.skew), (second, Some(2), 0, 40));
    assert_eq!((edge.since, edge.first_at, edge.seen_at, edge.age), (NOW - 3, NOW, NOW, Some(5)));
    assert_eq!(
        (edge.name.as_ref().unwrap().as_str(), edge.sdk.as_str(), edge.mode),
        ("fra-1", "edgelatch-js/0.1.0", EdgeMode::Timer)
    );
    let mut end = heard("a", 8, second, NOW);
    end.report.closing = true;
    // What was heard before the end is no sign of life.
    assert_eq!(report(&f, &[end, heard("a", 7, second, NOW)]), Reported { live: 0, refused: 0 });
    assert_eq!(ids(&f, &EdgeFilter::default()), [""; 0]);
}

fn an_edge_that_is_silent_is_gone_and_then_forgotten(f: Fixture) {
    let [first, second] = two_changes(&f);
    let epoch = publish(&f, first);
    report(&f, &[heard("a", 1, epoch, NOW), heard("b", 1, epoch, NOW)]);
    let live = |live| ids(&f, &EdgeFilter { live: Some(live), ..EdgeFilter::default() });
    f.advance(90);
    assert_eq!((live(true), live(false)), (vec!["a".into(), "b".into()], vec![]));
    report(&f, &[heard("b", 2, epoch, NOW + 90)]);
    f.advance(1);
    assert_eq!((live(true), live(false)), (vec!["b".to_owned()], vec!["a".to_owned()]));
    // Nobody waits for it, and it is not passed over in silence.
    let found = standing(&f, second);
    assert_eq!((found.live, found.lacking, found.gone, found.gone_lacking), (1, 1, 1, 1));
    let found = standing(&f, first);
    assert_eq!((found.everywhere, found.gone, found.gone_lacking), (true, 1, 0));
    f.registry.purge().unwrap();
    assert_eq!(live(false), ["a"]);
    f.advance(86_400 - 90);
    f.registry.purge().unwrap();
    assert_eq!(ids(&f, &EdgeFilter::default()), ["b"]);
}

/// Two acts, as changes.
fn two_changes(f: &Fixture) -> [u64; 2] {
    ["one", "two"].map(|name| {
        f.registry.keys(&f.realm).make(&caller(), &new_key(name)).unwrap();
        changes(f)
    })
}

/// Of a change that never was, nobody can have told how far it got: its number may belong to a state that was lost.
fn what_never_was_is_nowhere(f: Fixture) {
    let [_, last] = two_changes(&f);
    let epoch = publish(&f, last);
    report(&f, &[heard("a", 1, epoch, NOW)]);
    for change in [last + 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        let fleet = f.registry.fleet(&f.realm);
        assert_eq!(fleet.standing(Some(change)).unwrap_err().code(), "invalid");
        let filter = EdgeFilter { lacks: Some(change), ..EdgeFilter::default() };
        assert_eq!(fleet.list(&filter, &Paging::default()).unwrap_err().code(), "invalid");
    }
}

fn as_many_edges_as_may_be_and_none_driven_out(f: Fixture) {
    let [first, second] = two_changes(&f);
    let epoch = publish(&f, first);
    let named =
        |range: std::ops::Range<u64>, at: u64| range.map(|n| heard(&format!("{n:06}"), 1, epoch, at)).collect::<Vec<Heard>>();
    let most = MAX_EDGES - MAX_EDGES / 10;
    report(&f, &named(0..most - 1, NOW));
    let found = standing(&f, first);
    assert_eq!((found.full, found.everywhere), (false, true));
    assert_eq!(report(&f, &named(most - 1..MAX_EDGES - 1, NOW)), Reported { live: MAX_EDGES - 1, refused: 0 });
    // Somebody may have been refused a moment ago, and comes back.
    let found = standing(&f, first);
    assert_eq!((found.full, found.lacking, found.everywhere), (true, 0, false));
    let found = standing(&f, second);
    assert_eq!((found.lacking, found.edges.len()), (MAX_EDGES - 1, MAX_NAMED));
    f.advance(1);
    assert_eq!(report(&f, &named(MAX_EDGES..MAX_EDGES + 200, NOW + 1)), Reported { live: MAX_EDGES, refused: 199 });
    // What nobody keeps track of may lack anything.
    let found = standing(&f, first);
    assert_eq!((found.full, found.lacking, found.everywhere), (true, 0, false));
    // Those that were there are there.
    let first = format!("SELECT count(*) FROM edges WHERE edge < '{MAX_EDGES:06}'");
    assert_eq!(f.rows(&first), [[(MAX_EDGES - 1).to_string()]]);
    // Once some are gone, they make room.
    let all = f.rows("SELECT count(*) FROM edges");
    assert_eq!(all, [[MAX_EDGES.to_string()]]);
    f.advance(91);
    assert_eq!(report(&f, &named(MAX_EDGES + 500..MAX_EDGES + 700, NOW + 92)), Reported { live: 200, refused: 0 });
    assert_eq!(f.rows("SELECT count(*) FROM edges"), [[MAX_EDGES.to_string()]]);
}

fn pages_follow_each_other_by_name(f: Fixture) {
    let mut all: Vec<Heard> = (0..7).map(|n| heard(&format!("e{n}"), 1, 0, NOW)).collect();
    all[3].report.name = None;
    all[5].report.name = Some("ams-1".parse().unwrap());
    report(&f, &all);
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let paging = Paging { limit: Some(2), cursor: cursor.take() };
        let page = f.registry.fleet(&f.realm).list(&EdgeFilter::default(), &paging).unwrap();
        found.extend(page.edges.iter().map(|edge| edge.edge.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, ["e3", "e5", "e0", "e1", "e2", "e4", "e6"]);
    assert_eq!(ids(&f, &EdgeFilter { name: Some("ams-1".parse().unwrap()), ..EdgeFilter::default() }), ["e5"]);
}

fn what_cannot_be_is_refused(f: Fixture) {
    type Spoil = fn(&mut EdgeReport);
    let wrong: [(&str, Spoil); 5] = [
        ("report", |r| r.report = 0),
        ("epoch", |r| r.epoch = 1 << 53),
        ("issued_at", |r| r.issued_at = u64::MAX),
        ("serving", |r| r.serving = u64::MAX),
        ("at", |r| r.at = u64::MAX),
    ];
    for (field, spoil) in wrong {
        let mut heard = heard("a", 1, 1, NOW);
        spoil(&mut heard.report);
        let error = f.registry.fleet(&f.realm).report(&[heard]).unwrap_err();
        assert_eq!(error.field(), Some(field), "{error}");
    }
    for text in ["a b".into(), String::new(), "x".repeat(65), "é".into()] {
        assert!(text.parse::<Token>().is_err(), "{text}");
    }
    assert_eq!(ids(&f, &EdgeFilter::default()), [""; 0]);
    // Served since before there was time: since then.
    let mut old = heard("a", 1, 1, NOW);
    old.report.serving = NOW + 1;
    report(&f, &[old]);
    assert_eq!(f.registry.fleet(&f.realm).list(&EdgeFilter::default(), &Paging::default()).unwrap().edges[0].since, 0);
}

on_both_stores!(
    an_act_is_there_when_each_edge_has_an_epoch_that_shows_it,
    an_epoch_is_believed_by_the_ledger_alone,
    an_epoch_of_another_time_is_another_one,
    every_act_tells_its_change,
    a_report_is_passed_over_when_a_later_one_was_heard,
    an_edge_that_is_silent_is_gone_and_then_forgotten,
    as_many_edges_as_may_be_and_none_driven_out,
    what_never_was_is_nowhere,
    pages_follow_each_other_by_name,
    what_cannot_be_is_refused,
);
