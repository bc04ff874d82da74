//! Callers that want at the same moment what only one can have: through one registry, and through one each, as processes or
//! nodes have it. The database decides, and what it decided is whole.

use std::collections::BTreeSet;
use std::io::Cursor;

use edgelatch_core::key::{self, KeyId};
use edgelatch_core::verdict::Code;
use edgelatch_registry::{
    Digest, Error, FromText, Handover, Idempotency, Import, ImportDefaults, ImportFormat, IpEdit, Key, KeyEdit, KeyFilter,
    ListEdit, NewKey, Once, OrgEdit, Registry, Rotate, State, StatusEdit,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::edge::{edge, verdict};
use edgelatch_testkit::registry::race::{Act, count, crowds, one_won, race};
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, new_key, slug};
use serde_json::{Value, json};

fn settings(f: &Fixture, settings: Value) {
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    f.registry.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit).unwrap();
}

fn keys(f: &Fixture) -> u64 {
    f.registry.keys(&f.realm).count(&KeyFilter::default()).unwrap()
}

fn active(f: &Fixture) -> u64 {
    f.registry.keys(&f.realm).count(&KeyFilter { state: Some(State::Active), ..KeyFilter::default() }).unwrap()
}

fn create(f: &Fixture, name: &str) -> KeyId {
    f.registry.keys(&f.realm).make(&caller(), &new_key(name)).unwrap().key.key_id
}

fn key_of(f: &Fixture, id: KeyId) -> Key {
    f.registry.keys(&f.realm).get(id).unwrap()
}

fn creating<'a>(f: &'a Fixture, new: NewKey) -> Act<'a> {
    Box::new(move |registry| registry.keys(&f.realm).make(&caller(), &new).map(drop))
}

fn hex(text: &str) -> String {
    key::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

fn digest(text: &str) -> Digest {
    Digest::parse("sha256", &hex(text)).unwrap()
}

/// The import of a file, as an act: refused lines are its error.
fn importing<'a>(f: &'a Fixture, texts: Vec<String>) -> Act<'a> {
    let defaults =
        ImportDefaults { org: Some(slug("one")), owner: Some(slug("alice")), roles: vec![slug("reader")], environment: None };
    let import = Import { format: ImportFormat::Csv, defaults, dry_run: false };
    let file: String = texts.iter().map(|text| format!("{},{text}\n", hex(text))).collect();
    Box::new(move |registry| {
        let mut input = Cursor::new(format!("sha256,name\n{file}"));
        let report = registry.keys(&f.realm).import_file(&caller(), &import, &mut input, &mut |_| {})?;
        match report.refusals.first().map(|refusal| refusal.code) {
            None => Ok(()),
            Some("limit_reached") => Err(Error::LimitReached { field: String::new(), limit: 0, what: "", mend: "" }),
            Some("digest_taken") => Err(Error::DigestTaken),
            Some(other) => panic!("{other}"),
        }
    })
}

/// A text that no earlier round used.
struct Names(usize);

impl Names {
    fn next(&mut self) -> String {
        self.0 += 1;
        format!("key-number-{:06}", self.0)
    }
}

fn the_last_free_slot_is_taken_once(f: Fixture) {
    let mut names = Names(0);
    for limit in ["max_keys", "max_active_keys"] {
        crowds(|crowd, apart| {
            settings(&f, json!({ "max_keys": null, "max_active_keys": null }));
            let before = keys(&f);
            settings(&f, json!({ limit: before + 1 }));
            let acts = (0..crowd).map(|_| creating(&f, new_key(&names.next()))).collect();
            one_won(&race(&f, apart, acts), "limit_reached");
            assert_eq!(keys(&f), before + 1);
        });
    }
}

/// Other ways to become an active key than being made: enabled, imported alone or by file, past the expiry no more.
fn every_way_in_respects_the_last_slot(f: Fixture) {
    settings(&f, json!({ "revocation": "reversible" }));
    let mut names = Names(0);
    crowds(|crowd, apart| {
        settings(&f, json!({ "max_active_keys": null }));
        let (off, ended) = (create(&f, "off"), create(&f, "ended"));
        let soon = KeyEdit { expires_at: Some(Some(f.registry.env().now().unwrap() + 1)), ..KeyEdit::default() };
        f.registry.keys(&f.realm).edit(&caller(), ended, &soon).unwrap();
        f.registry.keys(&f.realm).revoke(&caller(), off, None).unwrap();
        f.advance(2);
        let before = active(&f);
        settings(&f, json!({ "max_active_keys": before + 1 }));
        let alone = names.next();
        let f = &f;
        let never = KeyEdit { expires_at: Some(None), ..KeyEdit::default() };
        // Enabling and prolonging twice is no error, so each of these comes once; creations fill the crowd.
        let mut acts: Vec<Act<'_>> = vec![
            Box::new(move |r| r.keys(&f.realm).enable(&caller(), off, None).map(drop)),
            Box::new(move |r| r.keys(&f.realm).edit(&caller(), ended, &never).map(drop)),
            Box::new(move |r| r.keys(&f.realm).import(&caller(), &new_key(&alone), &digest(&alone)).map(drop)),
            importing(f, vec![names.next()]),
        ];
        acts.extend((0..crowd).map(|_| creating(f, new_key(&names.next()))));
        one_won(&race(f, apart, acts), "limit_reached");
        assert_eq!(active(f), before + 1);
        for id in [off, ended] {
            f.registry.keys(&f.realm).delete(&caller(), id, Some(key_of(f, id).name.as_str()), None).unwrap();
        }
    });
}

fn of_edits_of_one_revision_one_wins(f: Fixture) {
    let id = create(&f, "ci");
    crowds(|crowd, apart| {
        let before = key_of(&f, id);
        let edit = |i: usize| {
            let edit = KeyEdit {
                name: Some(format!("name {i}").parse().unwrap()),
                description: Some(format!("by {i} after {}", before.revision).parse().unwrap()),
                if_revision: Some(before.revision),
                ..KeyEdit::default()
            };
            let f = &f;
            Box::new(move |r: &Registry| r.keys(&f.realm).edit(&caller(), id, &edit).map(drop)) as Act<'_>
        };
        let outcomes = race(&f, apart, (0..crowd).map(edit).collect());
        one_won(&outcomes, "stale");
        let winner = outcomes.iter().position(|outcome| *outcome == "ok").unwrap();
        let after = key_of(&f, id);
        // All of the winner's edit, and nothing of the others'.
        assert_eq!(after.name.as_str(), format!("name {winner}"));
        assert_eq!(after.description.as_str(), format!("by {winner} after {}", before.revision));
        assert_eq!(after.revision, before.revision + 1);
    });
}

fn edits_of_different_things_lose_none(f: Fixture) {
    crowds(|crowd, apart| {
        let id = create(&f, "ci");
        let mut edits = vec![
            KeyEdit { name: Some("deploy".parse().unwrap()), ..KeyEdit::default() },
            KeyEdit { roles: Some(vec![slug("writer")]), ..KeyEdit::default() },
        ];
        for i in edits.len()..crowd {
            let add = vec![FromText::parse("allow", &format!("10.0.{i}.0/24")).unwrap()];
            let allow = ListEdit::Change { add, remove: Vec::new(), switch: Vec::new() };
            edits.push(KeyEdit { ip: IpEdit { allow, ..IpEdit::default() }, ..KeyEdit::default() });
        }
        let f = &f;
        let act =
            |edit: KeyEdit| Box::new(move |r: &Registry| r.keys(&f.realm).edit(&caller(), id, &edit).map(drop)) as Act<'_>;
        let outcomes = race(f, apart, edits.into_iter().map(act).collect());
        assert_eq!(count(&outcomes, "ok"), crowd, "{outcomes:?}");
        let key = key_of(f, id);
        assert_eq!((key.name.as_str(), key.roles[0].as_str(), key.ip.allow().len()), ("deploy", "writer", crowd - 2));
        assert_eq!(key.revision, 1 + crowd as u64);
    });
}

/// Alone, in files of their own, and within files that hold more: one of them has it, the others nothing.
fn a_digest_is_imported_once(f: Fixture) {
    let mut names = Names(0);
    crowds(|crowd, apart| {
        let (before, wanted) = (keys(&f), names.next());
        let mut sizes = Vec::new();
        let acts = (0..crowd).map(|i| {
            sizes.push(if i % 2 == 0 { 1 } else { 21 });
            if i % 4 == 0 {
                let (f, wanted) = (&f, wanted.clone());
                Box::new(move |r: &Registry| r.keys(&f.realm).import(&caller(), &new_key("legacy"), &digest(&wanted)).map(drop))
                    as Act<'_>
            } else {
                let others = (1..sizes[i]).map(|_| names.next());
                let mut texts: Vec<String> = others.collect();
                texts.insert(texts.len() / 2, wanted.clone());
                importing(&f, texts)
            }
        });
        let acts = acts.collect();
        let outcomes = race(&f, apart, acts);
        one_won(&outcomes, "digest_taken");
        let winner = outcomes.iter().position(|outcome| *outcome == "ok").unwrap();
        assert_eq!(keys(&f), before + sizes[winner]);
    });
}

fn a_unique_name_is_taken_once(f: Fixture) {
    settings(&f, json!({ "unique_names": true, "revocation": "reversible" }));
    let mut names = Names(0);
    crowds(|crowd, apart| {
        let name = names.next();
        let (renamed, off) = (create(&f, &names.next()), create(&f, &name));
        f.registry.keys(&f.realm).revoke(&caller(), off, None).unwrap();
        let f = &f;
        let rename = KeyEdit { name: Some(name.parse().unwrap()), ..KeyEdit::default() };
        // A name is also taken by renaming, and by enabling again what had it.
        let mut acts: Vec<Act<'_>> = vec![
            Box::new(move |r| r.keys(&f.realm).edit(&caller(), renamed, &rename).map(drop)),
            Box::new(move |r| r.keys(&f.realm).enable(&caller(), off, None).map(drop)),
        ];
        acts.extend((0..crowd).map(|_| creating(f, new_key(&name))));
        one_won(&race(f, apart, acts), "name_taken");
        let found = KeyFilter { search: Some(name), state: Some(State::Active), ..KeyFilter::default() };
        assert_eq!(f.registry.keys(&f.realm).count(&found).unwrap(), 1);
    });
}

/// Every secret handed out is told apart at the edge: of rotations in place only the last one counts.
fn of_rotations_one_secret_stays(f: Fixture) {
    crowds(|crowd, apart| {
        let created = f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
        let (id, f) = (created.key.key_id, &f);
        let secrets = std::sync::Mutex::new(vec![created.secret.to_string()]);
        let rotate = |overlap, if_revision| {
            let (rotate, secrets) = (Rotate { overlap, if_revision, ..Rotate::default() }, &secrets);
            Box::new(move |r: &Registry| {
                let rotated = r.keys(&f.realm).renew(&caller(), id, &rotate)?;
                secrets.lock().unwrap().push(rotated.secret.to_string());
                Ok(())
            }) as Act<'_>
        };
        let valid = |edge: &mut _, seconds| {
            let all = secrets.lock().unwrap();
            let valid = all.iter().filter(|secret| verdict(edge, secret, None, None, seconds) == Code::Valid);
            (all.len(), valid.count())
        };
        // Without a revision each is done, one after the other.
        let outcomes = race(f, apart, (0..crowd).map(|_| rotate(0, None)).collect());
        assert_eq!(count(&outcomes, "ok"), crowd, "{outcomes:?}");
        assert_eq!(valid(&mut edge(f), 0), (crowd + 1, 1));
        // With the revision that all of them saw, one.
        let seen = key_of(f, id).revision;
        one_won(&race(f, apart, (0..crowd).map(|_| rotate(0, Some(seen))).collect()), "stale");
        assert_eq!(valid(&mut edge(f), 0), (crowd + 2, 1));
        // With an overlap one: a third secret beside two is refused.
        one_won(&race(f, apart, (0..crowd).map(|_| rotate(600, None)).collect()), "wrong_state");
        let passed = f.registry.env().now().unwrap() - edgelatch_testkit::registry::NOW;
        assert_eq!(valid(&mut edge(f), passed), (crowd + 3, 2));
        assert_eq!(valid(&mut edge(f), passed + 600), (crowd + 3, 1));
    });
}

fn a_repeated_request_is_done_once(f: Fixture) {
    let mut names = Names(0);
    for (rotates, apart) in [(false, false), (false, true), (true, false), (true, true)] {
        for _ in 0..2 {
            let (token, before) = (names.next(), keys(&f));
            let once = Idempotency::new(&token, b"POST /keys").unwrap();
            let existing = create(&f, "there");
            let made = std::sync::Mutex::new(Vec::new());
            let f = &f;
            let act = |_| {
                let (once, made) = (&once, &made);
                Box::new(move |r: &Registry| {
                    let done = match rotates {
                        true => r.keys(&f.realm).rotate(
                            &caller(),
                            existing,
                            &Rotate::default(),
                            Handover { once: Some(once), keep: None },
                        )?,
                        false => {
                            r.keys(&f.realm).create(&caller(), &new_key("ci"), Handover { once: Some(once), keep: None })?
                        }
                    };
                    made.lock().unwrap().push(match done {
                        Once::Done(created) => (created.key.key_id, true),
                        Once::Repeated(key) => (key.key_id, false),
                    });
                    Ok(())
                }) as Act<'_>
            };
            let outcomes = race(f, apart, (0..8).map(act).collect());
            assert_eq!(count(&outcomes, "ok"), 8, "{outcomes:?}");
            let made = made.lock().unwrap();
            assert_eq!(made.iter().filter(|(_, first)| *first).count(), 1);
            assert_eq!(made.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().len(), 1);
            assert_eq!(keys(f), before + 1 + u64::from(!rotates));
            assert_eq!(key_of(f, existing).revision, 1 + u64::from(rotates));
        }
    }
}

/// Whatever order they come in, a deleted key has no secret, and an edit never brings it back.
fn a_deleted_key_stays_deleted(f: Fixture) {
    crowds(|crowd, apart| {
        let id = create(&f, "ci");
        let f = &f;
        let mut acts: Vec<Act<'_>> =
            vec![Box::new(move |r| r.keys(&f.realm).delete(&caller(), id, Some("ci"), None).map(drop))];
        for i in 1..crowd {
            let describe = KeyEdit { description: Some(format!("{i}").parse().unwrap()), ..KeyEdit::default() };
            acts.push(match i % 3 {
                1 => Box::new(move |r| r.keys(&f.realm).renew(&caller(), id, &Rotate::default()).map(drop)),
                2 => Box::new(move |r| r.keys(&f.realm).edit(&caller(), id, &describe).map(drop)),
                _ => Box::new(move |r| r.keys(&f.realm).delete(&caller(), id, Some("ci"), None).map(drop)),
            });
        }
        let outcomes = race(f, apart, acts);
        assert_eq!(count(&outcomes, "ok") + count(&outcomes, "not_found"), crowd, "{outcomes:?}");
        let deletions = outcomes.iter().enumerate().filter(|(i, outcome)| i % 3 == 0 && **outcome == "ok").count();
        assert_eq!(deletions, 1, "{outcomes:?}");
        assert_eq!(f.registry.keys(&f.realm).get(id).unwrap_err().code(), "not_found");
        assert!(f.registry.ledger(&f.realm).snapshot(None).unwrap().state.records.is_empty());
    });
}

fn a_bulk_revocation_is_of_the_keys_that_were_confirmed(f: Fixture) {
    crowds(|crowd, apart| {
        create(&f, "ci");
        let f = &f;
        let matched =
            f.registry.keys(&f.realm).revoke_all(&caller(), &KeyFilter::default(), None, &mut |_| {}).unwrap().matched;
        let mut acts: Vec<Act<'_>> = vec![Box::new(move |r| {
            r.keys(&f.realm).revoke_all(&caller(), &KeyFilter::default(), Some(matched), &mut |_| {}).map(drop)
        })];
        acts.extend((1..crowd).map(|i| creating(f, new_key(&format!("late {i}")))));
        let outcomes = race(f, apart, acts);
        assert_eq!(count(&outcomes[1..], "ok"), crowd - 1, "{outcomes:?}");
        let left = match outcomes[0] {
            "ok" => crowd as u64 - 1,
            "count_changed" => matched + crowd as u64 - 1,
            other => panic!("{other}"),
        };
        assert_eq!(active(f), left);
    });
}

/// One turns a limit down while others fill it up: afterwards the limit is kept from either side.
fn a_limit_lowered_meanwhile_holds_for_the_next(f: Fixture) {
    crowds(|crowd, apart| {
        settings(&f, json!({ "max_keys": null }));
        let before = keys(&f);
        let f = &f;
        let edit = OrgEdit { settings: Some(json!({ "max_keys": before + 1 })), ..OrgEdit::default() };
        let mut acts: Vec<Act<'_>> =
            vec![Box::new(move |r| r.tenants(&f.realm).edit_org(&caller(), &slug("one"), &edit).map(drop))];
        acts.extend((1..crowd).map(|i| creating(f, new_key(&format!("k{i}")))));
        let outcomes = race(f, apart, acts);
        assert_eq!(outcomes[0], "ok");
        let made = count(&outcomes[1..], "ok");
        assert_eq!((keys(f), count(&outcomes, "limit_reached")), (before + made as u64, crowd - 1 - made));
        let more = f.registry.keys(&f.realm).make(&caller(), &new_key("more"));
        assert_eq!(more.is_ok(), made == 0, "{outcomes:?}");
    });
}

/// Of a revocation and an enabling at once the later one counts, and the edge is told that one.
fn a_status_is_one_or_the_other(f: Fixture) {
    settings(&f, json!({ "revocation": "reversible" }));
    let created = f.registry.keys(&f.realm).make(&caller(), &new_key("ci")).unwrap();
    let id = created.key.key_id;
    crowds(|crowd, apart| {
        let f = &f;
        let act = |i: usize| {
            let status = [StatusEdit::Enable, StatusEdit::Revoke][i % 2];
            let edit = KeyEdit { status: Some(status), ..KeyEdit::default() };
            Box::new(move |r: &Registry| r.keys(&f.realm).edit(&caller(), id, &edit).map(drop)) as Act<'_>
        };
        let outcomes = race(f, apart, (0..crowd).map(act).collect());
        assert_eq!(count(&outcomes, "ok"), crowd, "{outcomes:?}");
        let expected = if key_of(f, id).revoked_at.is_some() { Code::Revoked } else { Code::Valid };
        assert_eq!(verdict(&mut edge(f), &created.secret, None, None, 0), expected);
    });
}

on_both_stores!(
    the_last_free_slot_is_taken_once,
    every_way_in_respects_the_last_slot,
    of_edits_of_one_revision_one_wins,
    edits_of_different_things_lose_none,
    a_digest_is_imported_once,
    a_unique_name_is_taken_once,
    of_rotations_one_secret_stays,
    a_repeated_request_is_done_once,
    a_deleted_key_stays_deleted,
    a_bulk_revocation_is_of_the_keys_that_were_confirmed,
    a_limit_lowered_meanwhile_holds_for_the_next,
    a_status_is_one_or_the_other,
);
