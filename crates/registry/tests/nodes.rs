//! What several nodes do at once to the things that keys hang on: roles, owners, orgs, and the publisher's ledger.

use std::collections::BTreeSet;

use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{EpochRequest, Error, KeyFilter, Name, NewKey, NewOwner, NewRole, OwnerKind, Registry};
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
                leases.lock().unwrap().push(r.ledger(&f.realm).acquire_lease(&slug("publisher"), &node, 30)?);
                // Also whoever did not get it goes on, as a node does that stalled while the lease passed on.
                let now = r.env().now()?;
                let tree = ObjectId([i as u8; 32]);
                let request = EpochRequest { above: 0, tree, records: 0, changes: 0, root_version: 1, now, lifetime: 60 };
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
        f.registry.ledger(&f.realm).release_lease(&slug("publisher"), &leases[0]).unwrap();
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

on_both_stores!(nothing_is_deleted_under_a_new_key, publishers_never_share_an_epoch);
