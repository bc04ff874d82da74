//! A registry that is older than what is published: nothing is published from it before somebody has chosen, and what edges were told of keys is not
//! taken back by accident.

use std::fs;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::common::{Plane, head_of, plane, publisher};
use edgelatch_core::build::{RoleFields, RootFields};
use edgelatch_core::signed::Role;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{
    Created, Database, Digest, Handover, KeyEdit, KeyFilter, NewKey, NewOrg, NewOwner, OrgEdit, OwnerEdit, OwnerKind, Registry,
    RoleEdit, RootRow, Rotate, Scope, restore_backup, verify_backup,
};
use edgelatch_sync::restore::{Comparison, Fate, compare, older};
use edgelatch_sync::trust::{self, Change};
use edgelatch_sync::{Directory, Item, Publisher, Readers, Reason, Signer, Signers, Target, key_file};
use edgelatch_testkit::DAY;
use edgelatch_testkit::registry::{KeysExt, caller, env, ip};

/// A backup of the registry as it is.
fn backup(p: &Plane) -> Vec<u8> {
    let mut bytes = Vec::new();
    p.registry.backup(&mut bytes, &[], &mut |_| {}).unwrap();
    bytes
}

/// The registry of a backup, and its publisher.
fn restored(p: &Plane, bytes: &[u8]) -> (Arc<Registry>, Publisher) {
    let found = verify_backup(&mut &*bytes).unwrap();
    let path = p.dir.path().join(format!("restored-{}.db", fs::read_dir(p.dir.path()).unwrap().count()));
    let open = || Ok(Box::new(std::io::Cursor::new(bytes.to_vec())) as Box<dyn BufRead>);
    let registry = restore_backup(&Database::file(path), env(&p.clock), &found, &open, &mut |_| {}).unwrap();
    let registry = Arc::new(registry);
    let publisher = publisher(&p.dir, &registry, &p.realm);
    (registry, publisher)
}

fn compared(p: &Plane, registry: &Registry) -> Option<Comparison> {
    compare(registry, &p.realm, &|item: Item| p.target().read(item), &p.peppers()).unwrap().older()
}

fn listed(found: &Comparison) -> Vec<(Fate, &str, Vec<&'static str>)> {
    found.keys().iter().map(|key| (key.fate, key.name.as_str(), key.what.clone())).collect()
}

/// Replaces the publisher key by another one, beginning an era. Returns its publisher.
fn rotate(p: &Plane, min_epoch: u64) -> Publisher {
    let path = p.dir.free_key(&p.realm, Role::Publisher).unwrap();
    let key = key_file::create(&path, Role::Publisher, &p.realm, &env(&p.clock)).unwrap().public();
    let remove = trust::newest_root(&p.registry, &p.realm).unwrap().1.publisher.keys().copied().collect();
    let change = Change { add: vec![(Role::Publisher, key)], remove, min_epoch: Some(min_epoch), ..Change::default() };
    let mut draft = trust::draft_of(&p.registry, &p.realm, &p.dir, &change).unwrap();
    draft.sign(&key_file::load(&p.dir.key(Role::Root), Role::Root, &p.realm).unwrap()).unwrap();
    trust::adopt(&p.registry, &p.realm, &p.dir, &caller(), &draft, &[key]).unwrap();
    publisher_of(p, &p.registry)
}

/// A publisher with every key that is here.
fn publisher_of(p: &Plane, registry: &Arc<Registry>) -> Publisher {
    let all = key_file::load_all(&p.dir.key(Role::Publisher), Role::Publisher, &p.realm, Readers::Owner).unwrap();
    Publisher::new(Arc::clone(registry), p.realm.clone(), all, DAY, &p.dir).unwrap()
}

fn revoke(p: &Plane, key: &Created) {
    p.registry.keys(&p.realm).revoke(&caller(), key.key.key_id, None).unwrap();
}

/// A key that is revoked after the backup is accepted again by no edge and at no epoch.
#[test]
fn a_key_revoked_since_the_backup_stays_revoked() {
    let p = plane();
    let (leaked, kept) = (p.create("leaked"), p.create("kept"));
    p.publish().unwrap();
    let saved = backup(&p);
    revoke(&p, &leaked);
    p.publish().unwrap();
    let (mut edge, before) = (p.edge(), p.file("head"));
    assert_eq!(p.verdict(&edge, &leaked.secret), Code::Revoked);
    // The registry is lost.
    let (registry, publisher) = restored(&p, &saved);
    for _ in 0..3 {
        assert_eq!(publisher.publish(&[&p.target()]).unwrap_err().code(), "registry_older");
        assert_eq!(publisher.publish_if_due(&[&p.target()]).unwrap_err().code(), "registry_older");
    }
    assert_eq!(p.file("head"), before);
    let found = compared(&p, &registry).unwrap();
    assert_eq!(listed(&found), [(Fate::Revived, "leaked", vec!["status"])]);
    assert_eq!(found.take_published(&registry, &caller(), &mut |_| {}).unwrap(), []);
    assert!(compared(&p, &registry).is_none());
    let published = publisher.publish_if_due(&[&p.target()]).unwrap().unwrap();
    assert_eq!((published.epoch, published.reason), (4, Reason::Change));
    for mut edge in [p.edge(), {
        p.push(&mut edge);
        edge
    }] {
        for _ in 0..3 {
            assert_eq!((p.verdict(&edge, &leaked.secret), p.verdict(&edge, &kept.secret)), (Code::Revoked, Code::Valid));
            publisher.publish(&[&p.target()]).unwrap();
            p.push(&mut edge);
        }
    }
    let log = registry.audit(&p.realm);
    log.verify(None).unwrap();
    let told = log.list(&edgelatch_registry::AuditFilter::default(), &edgelatch_registry::Paging::first(10)).unwrap().rows;
    let why = told
        .iter()
        .find(|row| row.action == "realm.take_published" && row.after.as_ref().is_some_and(|a| a.contains("keys")))
        .unwrap();
    assert!(why.after.as_ref().unwrap().contains(&leaked.key.key_id.to_string()), "{why:?}");
    assert!(told.iter().any(|row| row.target == leaked.key.key_id.to_string() && row.action == "key.edit"));
}

/// Keys that were made, rotated and revoked since the backup are taken over whole: whoever may enable one again gets it as it was.
#[test]
fn a_revoked_key_is_taken_over_with_all_that_is_known_of_it() {
    let p = plane();
    let old = p.create("old");
    let saved = backup(&p);
    let keys = p.registry.keys(&p.realm);
    let mut new = NewKey::new("main".parse().unwrap(), "made since".parse().unwrap());
    new.roles = vec!["reader".parse().unwrap()];
    new.ip = ip(&["10.0.0.0/8"], &[]);
    let made = keys.create(&caller(), &new, Handover::default()).unwrap().created().unwrap();
    let renewed = keys.renew(&caller(), old.key.key_id, &Rotate::default()).unwrap();
    revoke(&p, &made);
    revoke(&p, &old);
    p.publish().unwrap();

    let (registry, publisher) = restored(&p, &saved);
    let found = compared(&p, &registry).unwrap();
    assert_eq!(found.take_published(&registry, &caller(), &mut |_| {}).unwrap(), []);
    let taken = registry.keys(&p.realm).get(made.key.key_id).unwrap();
    assert_eq!((&taken.roles, &taken.ip), (&made.key.roles, &made.key.ip));
    publisher.publish(&[&p.target()]).unwrap();
    let edge = p.edge();
    assert_eq!([&made, &renewed].map(|key| p.verdict(&edge, &key.secret)), [Code::Revoked; 2]);
}

/// Whoever knows what comes back may choose it; the epoch goes on above, so edges take it.
#[test]
fn going_on_above_takes_the_registry_as_it_is() {
    let p = plane();
    let leaked = p.create("leaked");
    let saved = backup(&p);
    p.publish().unwrap();
    revoke(&p, &leaked);
    for _ in 0..4 {
        p.publish().unwrap();
    }
    let mut edge = p.edge();
    let (registry, publisher) = restored(&p, &saved);
    compared(&p, &registry).unwrap().go_on_above(&registry, &caller()).unwrap();
    assert!(compared(&p, &registry).is_none());
    assert_eq!(publisher.publish_if_due(&[&p.target()]).unwrap().unwrap().epoch, 7);
    p.push(&mut edge);
    assert_eq!(p.verdict(&edge, &leaked.secret), Code::Valid);
}

/// On a new machine, with a backup from before and a bucket that does not answer: the empty directory beside it tells nothing.
#[test]
fn nothing_is_published_from_a_backup_before_every_target_was_read() {
    let p = plane();
    let leaked = p.create("leaked");
    let saved = backup(&p);
    revoke(&p, &leaked);
    p.publish().unwrap();
    let (registry, publisher) = restored(&p, &saved);
    let own = Directory::new(p.dir.path().join("own"));
    let (published, away) = (p.dir.realm(&p.realm), p.dir.path().join("away"));
    fs::rename(&published, &away).unwrap();
    fs::write(&published, b"in the way").unwrap();
    let last = || registry.ledger(&p.realm).newest(1).unwrap()[0].epoch;
    let spent = last();
    for _ in 0..3 {
        let refused = publisher.publish_if_due(&[&own, &p.target()]).unwrap_err();
        assert!(refused.code() == "restored_unseen" && refused.to_string().contains(&p.target().name()), "{refused}");
    }
    assert_eq!((last(), own.read(Item::Head).unwrap()), (spent, None));
    fs::remove_file(&published).unwrap();
    fs::rename(&away, &published).unwrap();
    assert_eq!(publisher.publish(&[&own, &p.target()]).unwrap_err().code(), "registry_older");
    let found = compared(&p, &registry).unwrap();
    assert_eq!(found.take_published(&registry, &caller(), &mut |_| {}).unwrap(), []);
    assert_eq!(publisher.publish(&[&own, &p.target()]).unwrap().epoch, 3);
    // From then on a target that fails holds up no other one.
    fs::rename(&published, &away).unwrap();
    fs::write(&published, b"in the way").unwrap();
    assert_eq!(publisher.publish(&[&own, &p.target()]).unwrap().failed.len(), 1);
}

/// Where nothing published is left, and somebody knows how far edges have got.
#[test]
fn whoever_skips_epochs_has_the_next_one_published_at_once() {
    let p = plane();
    assert_eq!(p.if_due(), None);
    p.registry.ledger(&p.realm).skip_to(&caller(), 500).unwrap();
    let published = p.publisher.publish_if_due(&[&p.target()]).unwrap().unwrap();
    assert_eq!((published.epoch, published.reason, p.if_due()), (501, Reason::Change, None));
    let state = p.registry.realm_states().unwrap().remove(0);
    assert_eq!(state.last.map(|last| last.epoch), Some(501));
    // Below what there is, nothing is skipped.
    p.registry.ledger(&p.realm).skip_to(&caller(), 400).unwrap();
    assert_eq!(p.if_due(), None);
}

/// The same number, another tree: as after a backup that is one epoch old, from which one was published elsewhere.
#[test]
fn an_epoch_of_the_same_number_with_another_tree_is_noticed() {
    let p = plane();
    let leaked = p.create("leaked");
    let saved = backup(&p);
    revoke(&p, &leaked);
    p.publish().unwrap();
    let (registry, publisher) = restored(&p, &saved);
    let elsewhere = Directory::new(p.dir.path().join("elsewhere"));
    assert_eq!(publisher.publish(&[&elsewhere]).unwrap().epoch, 2);
    assert_eq!(publisher.due(&[&p.target()]).unwrap(), Some(Reason::Repair));
    assert_eq!(publisher.publish(&[&elsewhere, &p.target()]).unwrap_err().code(), "registry_older");
    assert_eq!(listed(&compared(&p, &registry).unwrap()).len(), 1);
    compared(&p, &registry).unwrap().go_on_above(&registry, &caller()).unwrap();
    assert_eq!(publisher.publish(&[&elsewhere, &p.target()]).unwrap().epoch, 3);
    // A registry that is newer than a target is not older.
    assert!(compared(&p, &p.registry).is_some());
    assert!(compared(&p, &registry).is_none());
}

/// A registry from before a root was replaced must not go on under the old one, which a thief may have keys of.
#[test]
fn a_root_that_is_published_and_not_in_the_registry_is_noticed() {
    let p = plane();
    let leaked = p.create("leaked");
    let saved = backup(&p);
    let files = [Role::Root, Role::Publisher].map(|role| key_file::load(&p.dir.key(role), role, &p.realm).unwrap());
    let [root, publisher] = files.map(Signers::from);
    let new = key_file::create(&p.dir.keys().join("publisher-2.key"), Role::Publisher, &p.realm, &env(&p.clock)).unwrap();
    drop(publisher);
    let new = Signers::from(new);
    let first = edgelatch_core::root::Root::open(&p.root).unwrap();
    let fields = RootFields {
        realm: "acme".into(),
        version: 2,
        issued_at: first.issued_at,
        expires_at: first.expires_at,
        era: 1,
        min_epoch: 1,
        root: root.role(1),
        publisher: new.role(1),
    };
    let role = |role: &RoleFields| role.clone();
    let draft = edgelatch_core::build::Draft::root(&fields).unwrap();
    let object = root.sign(draft, &[&role(&fields.root), &role(&fields.root)]).unwrap().bytes;
    p.registry.ledger(&p.realm).add_root(&RootRow { version: 2, object }).unwrap();
    revoke(&p, &leaked);
    let next = Publisher::new(Arc::clone(&p.registry), p.realm.clone(), new, DAY, &p.dir).unwrap();
    next.publish(&[&p.target()]).unwrap();
    let (registry, old) = restored(&p, &saved);
    assert_eq!(old.publish(&[&p.target()]).unwrap_err().code(), "registry_older");
    let found = compared(&p, &registry).unwrap();
    assert_eq!(listed(&found), [(Fate::Revived, "leaked", vec!["status"])]);
    assert_eq!(found.take_published(&registry, &caller(), &mut |_| {}).unwrap(), []);
    assert_eq!(registry.ledger(&p.realm).roots().unwrap().len(), 2);
    assert_eq!(old.publish(&[&p.target()]).unwrap_err().code(), "not_publisher");
}

/// A thief's far epoch, above which somebody chose to go on, ends with the era in which it counted: from then on it settles nothing.
#[test]
fn what_was_settled_ends_with_its_era() {
    let p = plane();
    let leaked = p.create("leaked");
    p.publish().unwrap();
    let path = p.dir.realm(&p.realm).join("head");
    let genuine = fs::read(&path).unwrap();
    fs::write(&path, head_of(&p, 5_000)).unwrap();
    let found = older(&p.registry, &p.realm, &|item: Item| p.target().read(item)).unwrap().older().unwrap();
    found.go_on_above(&p.registry, &caller()).unwrap();
    fs::write(&path, genuine).unwrap();
    assert_eq!(p.publish().unwrap().epoch, 5_001);
    // The key is replaced, and epochs go on where the genuine ones ended.
    let before_era = backup(&p);
    let server = rotate(&p, 101);
    assert_eq!(server.publish(&[&p.target()]).unwrap().epoch, 101);
    let saved = backup(&p);
    revoke(&p, &leaked);
    assert_eq!(server.publish(&[&p.target()]).unwrap().epoch, 102);
    for (bytes, since) in [(&saved, "the era began"), (&before_era, "before the era")] {
        let (registry, _) = restored(&p, bytes);
        let old = publisher_of(&p, &registry);
        assert_eq!(old.publish(&[&p.target()]).unwrap_err().code(), "registry_older", "{since}");
        let found = compared(&p, &registry).unwrap();
        assert_eq!(listed(&found), [(Fate::Revived, "leaked", vec!["status"])], "{since}");
        assert_eq!(found.take_published(&registry, &caller(), &mut |_| {}).unwrap(), []);
        // Nor is it settled for what is restored after that.
        let ends = registry.ledger(&p.realm).newest(1).unwrap().first().map(|row| row.epoch);
        assert!(ends.is_none_or(|epoch| epoch < 103), "{ends:?}");
        let mut far = edgelatch_core::head::Head::inspect(&p.file("head")).unwrap();
        far.epoch = 4_000;
        assert!(!registry.ledger(&p.realm).knows(&far).unwrap(), "{since}");
    }
}

/// Everything that a key may have become since is taken over, and a key that was made since can be revoked again, also by its secret.
#[test]
fn all_that_is_known_of_keys_is_taken_over() {
    let p = plane();
    let keys = p.registry.keys(&p.realm);
    let [edited, rotated, deleted, moved] = ["edited", "rotated", "deleted", "moved"].map(|name| p.create(name));
    let saved = backup(&p);
    let edit = KeyEdit {
        expires_at: Some(Some(p.clock.load(Ordering::SeqCst) + 9 * DAY)),
        scope: Some(Scope::List(vec!["cdn".parse().unwrap()])),
        name: Some("renamed".parse().unwrap()),
        ..KeyEdit::default()
    };
    keys.edit(&caller(), edited.key.key_id, &edit).unwrap();
    let renewed = keys.renew(&caller(), rotated.key.key_id, &Rotate::default()).unwrap();
    keys.delete(&caller(), deleted.key.key_id, Some("deleted"), None).unwrap();
    let tenants = p.registry.tenants(&p.realm);
    let org = "later".parse().unwrap();
    tenants.create_org(&caller(), &NewOrg { org, name: "later".parse().unwrap(), preset: None }).unwrap();
    let owner = NewOwner {
        org: "later".parse().unwrap(),
        owner: "bob".parse().unwrap(),
        kind: OwnerKind::User,
        name: "Bob".parse().unwrap(),
        roles: Vec::new(),
    };
    tenants.create_owner(&caller(), &owner).unwrap();
    let mut new = NewKey::new("later".parse().unwrap(), "made since".parse().unwrap());
    new.roles = vec!["reader".parse().unwrap()];
    new.ip = ip(&["10.0.0.0/8"], &[]);
    let made = keys.create(&caller(), &new, Handover::default()).unwrap().created().unwrap();
    let main = ("main".parse().unwrap(), "admin".parse().unwrap());
    tenants.edit_owner(&caller(), &main.0, &main.1, &OwnerEdit { disabled: Some(true), ..OwnerEdit::default() }).unwrap();
    p.publish().unwrap();
    let before = p.edge();

    let (registry, publisher) = restored(&p, &saved);
    let found = compared(&p, &registry).unwrap();
    let fates: Vec<(Fate, &str)> = found.keys().iter().map(|key| (key.fate, key.name.as_str())).collect();
    let (back, other) = (Fate::Revived, Fate::Changed);
    let wanted = [(back, "deleted"), (back, "rotated"), (other, "moved"), (other, "renamed"), (Fate::Lost, "made since")];
    assert_eq!(fates, wanted);
    assert_eq!(found.take_published(&registry, &caller(), &mut |_| {}).unwrap(), []);
    publisher.publish(&[&p.target()]).unwrap();
    let edge = p.edge();
    for key in [&edited, &rotated, &renewed, &moved, &made] {
        assert_eq!(p.verdict(&edge, &key.secret), p.verdict(&before, &key.secret), "{}", key.key.name);
    }
    assert_eq!((p.verdict(&before, &deleted.secret), p.verdict(&edge, &deleted.secret)), (Code::Unknown, Code::Revoked));
    // Found, and revoked, by what its holder has.
    let digest = Digest::parse(
        "secret",
        &edgelatch_core::key::digest(made.secret.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>(),
    );
    let changed = registry.keys(&p.realm).revoke_by_secret(&caller(), &digest.unwrap()).unwrap();
    assert_eq!((changed.key.key_id, changed.changed), (made.key.key_id, true));
    publisher.publish(&[&p.target()]).unwrap();
    assert_eq!(p.verdict(&p.edge(), &made.secret), Code::Revoked);
    assert!(registry.keys(&p.realm).all(&KeyFilter::default()).unwrap().iter().any(|key| key.name.as_str() == "made since"));
}

/// An org that is as full as it may be gets its keys all the same, also where more stay in the registry than are published.
#[test]
fn an_org_at_its_limit_is_taken_over() {
    let p = plane();
    let settings = serde_json::json!({ "max_keys": 3, "max_active_keys": 3 });
    let edit = OrgEdit { settings: Some(settings), ..OrgEdit::default() };
    p.registry.tenants(&p.realm).edit_org(&caller(), &"main".parse().unwrap(), &edit).unwrap();
    let [gone, ..] = ["gone", "second", "third"].map(|name| p.create(name));
    let saved = backup(&p);
    p.registry.keys(&p.realm).delete(&caller(), gone.key.key_id, Some("gone"), None).unwrap();
    let made = p.create("made since");
    p.publish().unwrap();
    let (registry, publisher) = restored(&p, &saved);
    assert_eq!(compared(&p, &registry).unwrap().take_published(&registry, &caller(), &mut |_| {}).unwrap(), []);
    publisher.publish(&[&p.target()]).unwrap();
    let edge = p.edge();
    assert_eq!([&gone, &made].map(|key| p.verdict(&edge, &key.secret)), [Code::Revoked, Code::Valid]);
    // Whoever makes another one is refused as ever.
    let new = NewKey::new("main".parse().unwrap(), "one more".parse().unwrap());
    let new = NewKey { roles: vec!["reader".parse().unwrap()], ..new };
    assert_eq!(registry.keys(&p.realm).make(&caller(), &new).unwrap_err().code(), "limit_reached");
}

/// What is no key's own is left to whoever chooses: until it is mended by hand, nothing is published.
#[test]
fn what_cannot_be_taken_over_is_said_and_nothing_is_published() {
    let p = plane();
    let tenants = p.registry.tenants(&p.realm);
    let role = |patterns: &[&str]| patterns.iter().map(|pattern| pattern.parse().unwrap()).collect::<Vec<_>>();
    let new = edgelatch_registry::NewRole {
        role: "ops".parse().unwrap(),
        org: None,
        name: "Ops".parse().unwrap(),
        permissions: role(&["*.view", "dns.edit"]),
    };
    tenants.create_role(&caller(), &new).unwrap();
    let key = NewKey { roles: vec!["ops".parse().unwrap()], ..NewKey::new("main".parse().unwrap(), "ci".parse().unwrap()) };
    p.registry.keys(&p.realm).make(&caller(), &key).unwrap();
    let saved = backup(&p);
    let less = RoleEdit { permissions: Some(role(&["*.view"])), ..RoleEdit::default() };
    tenants.edit_role(&caller(), None, &"ops".parse().unwrap(), &less).unwrap();
    p.publish().unwrap();
    let (registry, publisher) = restored(&p, &saved);
    let left = compared(&p, &registry).unwrap().take_published(&registry, &caller(), &mut |_| {}).unwrap();
    assert_eq!((left.len(), left[0].what.clone()), (1, vec!["roles"]));
    assert_eq!(publisher.publish(&[&p.target()]).unwrap_err().code(), "registry_older");
    registry.tenants(&p.realm).edit_role(&caller(), None, &"ops".parse().unwrap(), &less).unwrap();
    assert_eq!(compared(&p, &registry).unwrap().take_published(&registry, &caller(), &mut |_| {}).unwrap(), []);
    publisher.publish(&[&p.target()]).unwrap();
}

/// What lies about a tree, or is not there, decides nothing.
#[test]
fn a_published_tree_that_is_not_whole_is_refused() {
    let p = plane();
    p.create("one");
    let saved = backup(&p);
    p.publish().unwrap();
    let (registry, _) = restored(&p, &saved);
    let code = |read: &dyn Fn(Item) -> Option<Vec<u8>>| {
        compare(&registry, &p.realm, &|item| Ok(read(item)), &p.peppers())
            .map(|found| found.older().is_some())
            .map_err(|error| error.code())
    };
    let read = |item| p.target().read(item).unwrap();
    assert_eq!(code(&read), Ok(true));
    assert_eq!(code(&|item| if matches!(item, Item::Object(_)) { None } else { read(item) }), Err("unsound"));
    assert_eq!(code(&|item| if matches!(item, Item::Object(_)) { Some(b"ELTP".to_vec()) } else { read(item) }), Err("unsound"));
    // A head that nobody signed says nothing.
    assert_eq!(code(&|item| if item == Item::Head { Some(b"ELHD".to_vec()) } else { read(item) }), Ok(false));
    assert_eq!(code(&|_| None), Ok(false));
}
