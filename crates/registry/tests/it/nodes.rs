//! What several nodes do at once to the things that keys hang on: roles, owners, orgs, and the publisher's ledger.

use std::collections::BTreeSet;

use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{EpochRequest, Error, KeyFilter, Name, NewHead, NewKey, NewOwner, NewRole, Node, OwnerKind, Registry};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::race::{Act, count, crowds, race};
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, new_key, new_org, slug};

fn keys(f: &Fixture) -> u64 {
    f.registry.keys(&f.realm).count(&KeyFilter::default()).unwrap()
}

fn creating<'a>(f: &'a Fixture, new: NewKey) -> Act<'a> {
    Box::new(move |registry| registry.keys(&f.realm).make(&caller(), &new).map(drop))
}

/// A role, an owner or an org goes while somebody makes a key with it: either it is in use, or it is gone before.
fn nothing_is_deleted_under_a_new_key(f: Fixture) {
    type Delete = fn(&Registry, &Fixture, &str) -> Result<(), Error>;
    let things: [(&str, Delete); 3] = [
        ("role", |r, f, id| r.tenants(&f.realm).delete_role(&caller(), None, &slug(id), None).map(drop)),
        ("owner", |r, f, id| r.tenants(&f.realm).delete_owner(&caller(), &slug("one"), &slug(id), None).map(drop)),
        ("org", |r, f, id| r.tenants(&f.realm).delete_org(&caller(), &slug(id), None).map(drop)),
    ];
    let mut number = 0;
    for (kind, delete) in things {
        crowds(|crowd, apart| {
            number += 1;
            let (id, f) = (format!("x{number}"), &f);
            let (name, alice) = ("X".parse::<Name>().unwrap(), slug("alice"));
            let mut new = new_key("ci");
            let owner = |org: &str, owner: &str| {
                let (org, owner) = (slug(org), slug(owner));
                NewOwner { org, owner, kind: OwnerKind::User, name: name.clone(), roles: Vec::new() }
            };
            match kind {
                "role" => {
                    let permissions = vec!["a".parse().unwrap()];
                    let role = NewRole { role: slug(&id), org: None, name: name.clone(), permissions };
                    f.registry.tenants(&f.realm).create_role(&caller(), &role).unwrap();
                    new.roles = vec![slug(&id)];
                }
                "owner" => {
                    f.registry.tenants(&f.realm).create_owner(&caller(), &owner("one", &id)).unwrap();
                    new.owner = Some(slug(&id));
                }
                _ => {
                    f.registry.tenants(&f.realm).create_org(&caller(), &new_org(&id)).unwrap();
                    f.registry.tenants(&f.realm).create_owner(&caller(), &owner(&id, alice.as_str())).unwrap();
                    new.org = slug(&id);
                }
            }
            let before = keys(f);
            let mut acts: Vec<Act<'_>> = vec![Box::new(move |r| delete(r, f, &id))];
            acts.extend((1..crowd).map(|_| creating(f, new.clone())));
            let outcomes = race(f, apart, acts);
            let made = count(&outcomes, "ok") - usize::from(outcomes[0] == "ok");
            match outcomes[0] {
                "ok" => assert_eq!((made, count(&outcomes, "not_found")), (0, crowd - 1), "{kind}: {outcomes:?}"),
                "in_use" => assert!(made > 0, "{kind}: {outcomes:?}"),
                other => panic!("{kind}: {other}"),
            }
            assert_eq!(keys(f), before + made as u64);
            f.registry.ledger(&f.realm).snapshot(None).unwrap();
        });
    }
}

/// Publishers that both believe it is their turn: no epoch is given twice, and the fence rises with each holder.
fn publishers_never_share_an_epoch(f: Fixture) {
    let mut last = 0;
    let mut fences = BTreeSet::new();
    crowds(|crowd, apart| {
        let (taken, leases) = (std::sync::Mutex::new(Vec::new()), std::sync::Mutex::new(Vec::new()));
        let f = &f;
        let act = |i: usize| {
            let (node, taken, leases) = (slug(&format!("node-{i}")), &taken, &leases);
            Box::new(move |r: &Registry| {
                leases.lock().unwrap().push(r.ledger(&f.realm).acquire_lease(&r.process(node.clone())?, 10)?);
                // Also whoever did not get it goes on, as a node does that stalled while the lease passed on.
                let now = r.env().now()?;
                let tree = ObjectId([i as u8; 32]);
                let request = EpochRequest { above: 0, tree, records: 0, changes: 0, root_version: 0, now, lifetime: 60 };
                let row = r.ledger(&f.realm).reserve(&request)?;
                taken.lock().unwrap().push((row.epoch, row.tree, i));
                Ok(())
            }) as Act<'_>
        };
        let outcomes = race(f, apart, (0..crowd).map(act).collect());
        assert_eq!(count(&outcomes, "ok"), crowd, "{outcomes:?}");
        let leases = leases.into_inner().unwrap();
        assert!(leases.iter().all(|lease| *lease == leases[0]), "{leases:?}");
        assert!(fences.insert(leases[0].fence) && fences.last() == Some(&leases[0].fence), "{fences:?}");
        f.registry.ledger(&f.realm).release_lease(&leases[0]).unwrap();
        let mut taken = taken.into_inner().unwrap();
        taken.sort_unstable();
        let epochs: Vec<u64> = taken.iter().map(|(epoch, ..)| *epoch).collect();
        assert_eq!(epochs, (last + 1..=last + crowd as u64).collect::<Vec<_>>());
        last += crowd as u64;
        // The ledger has what each of them was given, not somebody else's tree.
        for row in f.registry.ledger(&f.realm).newest(crowd).unwrap() {
            assert!(taken.iter().any(|(epoch, tree, _)| (*epoch, *tree) == (row.epoch, row.tree)));
        }
    });
}

/// The latest time that the database has of a process, moved by so many milliseconds: as if so much had passed, or its clock had gone.
fn shift(f: &Fixture, process: &Node, millis: i64) {
    f.execute(&format!("UPDATE nodes SET expires_at = expires_at + {millis} WHERE process = '{}'", process.process)).unwrap();
}

fn a_lease_is_one_processs_at_a_time(f: Fixture) {
    let ledger = f.registry.ledger(&f.realm);
    let [a, b] = ["a", "b"].map(|name| f.registry.process(slug(name)).unwrap());
    let first = ledger.acquire_lease(&a, 10).unwrap();
    assert_eq!((&first.node, first.fence), (&a, 1));
    assert_eq!(ledger.acquire_lease(&b, 10).unwrap(), first);
    assert_eq!(ledger.acquire_lease(&a, 10).unwrap(), first);
    assert_eq!(f.registry.realm_states().unwrap()[0].holder.as_ref(), Some(&first));
    // It did not say again that it is at work.
    shift(&f, &a, -10_000);
    assert_eq!(f.registry.realm_states().unwrap()[0].holder, None);
    let second = ledger.acquire_lease(&b, 10).unwrap();
    assert_eq!((&second.node, second.fence), (&b, 2));
    // The one that stalled ends nothing that has passed on.
    ledger.release_lease(&first).unwrap();
    assert_eq!(ledger.acquire_lease(&a, 10).unwrap(), second);
    ledger.release_lease(&second).unwrap();
    assert_eq!(ledger.acquire_lease(&a, 10).unwrap().fence, 3);
    f.registry.leave(&a).unwrap();
    assert_eq!((ledger.acquire_lease(&b, 10).unwrap().fence, f.registry.at_work(&b, 10).unwrap().len()), (4, 0));
    for seconds in [0, 11] {
        assert_eq!(f.registry.at_work(&a, seconds).unwrap_err().code(), "invalid");
        assert_eq!(ledger.acquire_lease(&b, seconds).unwrap_err().code(), "invalid");
    }
}

/// The database's clock was set back by years after a process had said that it is at work, and died.
fn who_is_said_to_be_at_work_for_ever_is_not_believed(f: Fixture) {
    let ledger = f.registry.ledger(&f.realm);
    let [a, b] = ["a", "b"].map(|name| f.registry.process(slug(name)).unwrap());
    ledger.acquire_lease(&a, 10).unwrap();
    shift(&f, &a, 100_000_000_000);
    assert_eq!(f.registry.realm_states().unwrap()[0].holder, None);
    assert_eq!(ledger.acquire_lease(&b, 10).unwrap().node, b);
}

/// Whoever has a clock of its own that is years off: it is the database's that counts.
fn nodes_clocks_decide_no_lease(f: Fixture) {
    let [a, b] = ["a", "b"].map(|name| f.registry.process(slug(name)).unwrap());
    let first = f.registry.ledger(&f.realm).acquire_lease(&a, 10).unwrap();
    f.advance(365 * 86_400);
    assert_eq!(f.open().ledger(&f.realm).acquire_lease(&b, 10).unwrap(), first);
}

/// A data directory that was copied makes two nodes of one name.
fn processes_of_one_name_are_told_of_each_other(f: Fixture) {
    let [a, b, c] = ["same", "same", "other"].map(|name| f.registry.process(slug(name)).unwrap());
    assert_eq!(f.registry.at_work(&a, 10).unwrap(), []);
    assert_eq!(f.registry.at_work(&c, 10).unwrap(), []);
    let twins = f.registry.at_work(&b, 10).unwrap();
    assert_eq!(twins.iter().map(|twin| &twin.process).collect::<Vec<_>>(), [&a.process]);
    let lease = f.registry.ledger(&f.realm).acquire_lease(&a, 10).unwrap();
    assert_eq!(f.registry.ledger(&f.realm).acquire_lease(&b, 10).unwrap(), lease);
    shift(&f, &a, -10_000);
    assert_eq!(f.registry.at_work(&b, 10).unwrap(), []);
}

/// What nodes copy comes in the order in which it was written, and no head takes the place of one that its writer has not seen.
fn published_files_are_numbered(f: Fixture) {
    let ledger = f.registry.ledger(&f.realm);
    let file = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
    let state = || {
        let state = f.registry.realm_states().unwrap().remove(0);
        (state.last_file, state.shown_epoch)
    };
    let head = |before, bytes, epoch| Some(NewHead { before, bytes, epoch });
    assert_eq!(state(), (0, 0));
    assert!(ledger.put_files(&[file("objects/a", b"1"), file("objects/b", b"")], &[], None).unwrap());
    assert!(ledger.put_files(&[], &[], head(None, b"h1", 1)).unwrap());
    assert_eq!(state(), (3, 1));
    // Two that publish at once: the second one has not seen what the first one wrote.
    assert!(ledger.put_files(&[file("objects/c", b"3")], &["objects/a".into()], head(Some(b"h1"), b"h2", 2)).unwrap());
    assert!(!ledger.put_files(&[file("objects/x", b"9")], &["objects/b".into()], head(Some(b"h1"), b"h3", 3)).unwrap());
    assert!(!ledger.put_files(&[], &[], head(None, b"h3", 3)).unwrap());
    assert_eq!(state(), (5, 2));
    let seen = |seq| ledger.files_after(seq).unwrap().into_iter().map(|file| (file.seq, file.name)).collect::<Vec<_>>();
    let row = |seq, name: &str| (seq, name.to_owned());
    assert_eq!(seen(0), [row(2, "objects/b"), row(4, "objects/c"), row(5, "head")]);
    assert_eq!((seen(4), seen(5)), (vec![row(5, "head")], vec![]));
    assert_eq!((ledger.file("head").unwrap().as_deref(), ledger.file("objects/a").unwrap()), (Some(&b"h2"[..]), None));
    assert_eq!(ledger.files().unwrap(), [("head".to_owned(), 2), ("objects/b".into(), 0), ("objects/c".into(), 1)]);
}

on_both_stores!(
    nothing_is_deleted_under_a_new_key,
    publishers_never_share_an_epoch,
    a_lease_is_one_processs_at_a_time,
    who_is_said_to_be_at_work_for_ever_is_not_believed,
    nodes_clocks_decide_no_lease,
    processes_of_one_name_are_told_of_each_other,
    published_files_are_numbered,
);
