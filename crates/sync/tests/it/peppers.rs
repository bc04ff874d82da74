//! Peppers from the publisher to an edge: given, rotated with both valid for a while, retired; and what is refused on the way.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::common::{Plane, plane, publisher};
use edgelatch_core::build::Tree;
use edgelatch_core::edge::{Edge, HostConfig, Offer};
use edgelatch_core::key::PepperId;
use edgelatch_core::tree::directory::Directory as TreeDirectory;
use edgelatch_core::tree::top::Top;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Database, KeyFilter, Registry, restore_backup, verify_backup};
use edgelatch_sync::restore::{Fate, compare};
use edgelatch_sync::{DataDir, Item, Publisher, Target};
use edgelatch_testkit::registry::{KeysExt, caller, env};

/// Draws a pepper for the realm, and makes it known. Returns its id, and its bytes in hexadecimal digits.
fn create(p: &Plane) -> (PepperId, String) {
    use base64::Engine;
    let (id, path) = p.peppers().draw(p.registry.env()).unwrap();
    p.registry.ledger(&p.realm).add_pepper(&caller(), id).unwrap();
    let text = fs::read_to_string(path).unwrap();
    let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.trim()).unwrap();
    (id, secret.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn switch(p: &Plane, pepper: Option<PepperId>) {
    p.registry.ledger(&p.realm).use_pepper(&caller(), pepper).unwrap();
}

fn edge(p: &Plane, peppers: &[&str]) -> Edge {
    let config = if peppers.is_empty() { String::new() } else { format!("pepper={}", peppers.join(",")) };
    Edge::new(&p.root, HostConfig::parse(&config).unwrap()).unwrap()
}

/// Lets an edge take what is published as a bundle.
fn take(p: &Plane, edge: &mut Edge) -> Result<u64, &'static str> {
    let now = p.registry.env().now().unwrap();
    let taken = edge.stage(&[], p.file("bundle"), now).and_then(|mut staged| {
        staged.check(usize::MAX)?;
        edge.commit(staged, now)
    });
    taken.map(|()| edge.head().unwrap().epoch).map_err(|error| error.code())
}

#[test]
fn a_pepper_is_rotated_and_no_key_is_unknown_meanwhile() {
    let p = plane();
    let key = p.create("ci");
    p.publish().unwrap();
    let ((one, one_text), (two, two_text)) = (create(&p), create(&p));
    let mut edges = [edge(&p, &[&one_text, &two_text]), edge(&p, &[&two_text, &one_text])];
    // No object of a tree under one pepper is of use under another, so the whole way is gone: from none to one, to the other, back and to none.
    for pepper in [None, Some(one), Some(two), Some(one), None] {
        switch(&p, pepper);
        let published = p.publish().unwrap();
        assert!(!published.diverged);
        for edge in &mut edges {
            assert_eq!(take(&p, edge), Ok(published.epoch));
            assert_eq!((p.verdict(edge, &key.secret), edge.head().unwrap().epoch), (Code::Valid, published.epoch));
        }
        let shown = directory(&p).0;
        assert_eq!(shown, pepper);
    }
}

/// The pepper that the published tree names, and whether its bundle holds the beginning of a plain digest of `secret`.
fn directory(p: &Plane) -> (Option<PepperId>, Vec<u8>) {
    let head = edgelatch_core::head::Head::inspect(&p.file("head")).unwrap();
    let object = |id| p.target().read(Item::Object(id)).unwrap().unwrap();
    let top = object(head.tree);
    let directory = object(Top::parse(&top).unwrap().directory.id);
    (TreeDirectory::parse(&directory).unwrap().pepper, p.file("bundle"))
}

#[test]
fn an_edge_without_the_new_one_goes_on_and_says_what_it_lacks() {
    let p = plane();
    let (kept, key) = (p.create("kept"), p.create("ci"));
    let ((one, one_text), (two, two_text)) = (create(&p), create(&p));
    switch(&p, Some(one));
    let under_one = p.publish().unwrap().epoch;
    let mut late = edge(&p, &[&one_text]);
    assert_eq!(take(&p, &mut late), Ok(under_one));
    switch(&p, Some(two));
    p.registry.keys(&p.realm).revoke(&caller(), key.key.key_id, None).unwrap();
    p.publish().unwrap();
    // Refused by its directory, and nothing has changed for anybody.
    assert_eq!(take(&p, &mut late), Err("wrong_pepper"));
    assert_eq!([&kept, &key].map(|key| p.verdict(&late, &key.secret)), [Code::Valid, Code::Valid]);
    // The head alone says nothing of it: what it leads to does.
    let now = p.registry.env().now().unwrap();
    assert!(matches!(late.offer(&[], &p.file("head"), now), Ok(Offer::TreeNeeded { .. })));
    // One that begins without it serves nothing, rather than that every key is unknown.
    let given: [&[&str]; 3] = [&[], &[&one_text], &["00112233445566778899aabbccddeeff"]];
    for peppers in given {
        let mut new = edge(&p, peppers);
        assert_eq!(take(&p, &mut new), Err("wrong_pepper"));
        assert_eq!(p.verdict(&new, &kept.secret), Code::SnapshotMissing);
    }
    let mut both = edge(&p, &[&one_text, &two_text]);
    take(&p, &mut both).unwrap();
    assert_eq!([&kept, &key].map(|key| p.verdict(&both, &key.secret)), [Code::Valid, Code::Revoked]);
}

/// What somebody who has the snapshot looks for: the digest of a key that they guess.
#[test]
fn a_guess_is_not_confirmed_by_a_snapshot() {
    let p = plane();
    let key = p.create("ci");
    let digest = edgelatch_core::key::digest(key.secret.as_bytes());
    let low: Vec<u8> = digest[8..16].iter().rev().copied().collect();
    let holds = |bytes: &[u8]| bytes.windows(8).any(|window| window == low);
    p.publish().unwrap();
    assert!(holds(&directory(&p).1), "a snapshot without a pepper holds it, or this test would show nothing");
    switch(&p, Some(create(&p).0));
    p.publish().unwrap();
    assert!(!holds(&directory(&p).1));
}

#[test]
fn changes_are_followed_under_a_pepper_as_without() {
    let p = plane();
    let (one, text) = create(&p);
    switch(&p, Some(one));
    p.publish().unwrap();
    let mut edge = edge(&p, &[&text]);
    take(&p, &mut edge).unwrap();
    let keys: Vec<_> = (0..20).map(|n| p.create(&format!("key {n}"))).collect();
    assert!(p.if_due().is_some());
    p.registry.keys(&p.realm).revoke(&caller(), keys[3].key.key_id, None).unwrap();
    assert!(p.if_due().is_some());
    // Built anew, it is the same tree.
    assert!(!p.publish().unwrap().diverged);
    take(&p, &mut edge).unwrap();
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(p.verdict(&edge, &key.secret), if at == 3 { Code::Revoked } else { Code::Valid }, "{at}");
    }
    let state = p.registry.ledger(&p.realm).snapshot(Some(&p.peppers().find(one).unwrap().0)).unwrap().state;
    assert_eq!(Tree::build(&state).unwrap().id(), edge.head().unwrap().tree);
}

#[test]
fn without_its_pepper_a_node_publishes_nothing() {
    let p = plane();
    p.publish().unwrap();
    let (one, _) = create(&p);
    let path: PathBuf = p.peppers().path(one);
    let aside = p.dir.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    switch(&p, Some(one));
    let (head, last) = (p.file("head"), p.registry.ledger(&p.realm).newest(1).unwrap());
    let refused = |code: &str| {
        let error = p.publish().unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(p.publisher.fit().unwrap_err().code(), code);
        // No epoch was spent, and nothing was written.
        assert_eq!((p.file("head"), p.registry.ledger(&p.realm).newest(1).unwrap()), (head.clone(), last.clone()));
    };
    refused("pepper_missing");
    // Another one under its name: every key would be unknown.
    let (other, _) = p.peppers().draw(p.registry.env()).unwrap();
    fs::rename(p.peppers().path(other), &path).unwrap();
    refused("pepper_corrupt");
    #[cfg(unix)]
    {
        fs::rename(&aside, &path).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        refused("exposed");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    p.publish().unwrap();
    assert_eq!(directory(&p).0, Some(one));
}

/// A backup of the registry as it is, restored: with the same data directory, as after a disk of the database was lost.
fn restored(p: &Plane, bytes: &[u8]) -> (Arc<Registry>, Publisher) {
    let found = verify_backup(&mut &*bytes).unwrap();
    let open = || Ok(Box::new(std::io::Cursor::new(bytes.to_vec())) as Box<dyn std::io::BufRead>);
    let path = p.dir.path().join("restored.db");
    let registry = Arc::new(restore_backup(&Database::file(path), env(&p.clock), &found, &open, &mut |_| {}).unwrap());
    let publisher = publisher(&p.dir, &registry, &p.realm);
    (registry, publisher)
}

/// What is published under a pepper can be taken over: what the registry has is found under it, and of what it has not nothing can be known.
#[test]
fn a_registry_from_before_the_pepper_takes_over_what_is_published() {
    let p = plane();
    let (leaked, kept) = (p.create("leaked"), p.create("kept"));
    p.publish().unwrap();
    let mut saved = Vec::new();
    p.registry.backup(&mut saved, &[], &mut |_| {}).unwrap();
    let (one, text) = create(&p);
    switch(&p, Some(one));
    let later = p.create("later");
    p.registry.keys(&p.realm).revoke(&caller(), leaked.key.key_id, None).unwrap();
    p.publish().unwrap();

    let (registry, publisher) = restored(&p, &saved);
    assert_eq!(publisher.publish(&[&p.target()]).unwrap_err().code(), "registry_older");
    let read = |item: Item| p.target().read(item);
    let elsewhere = edgelatch_sync::PepperSource::new(
        &DataDir::new(p.dir.path().join("elsewhere")),
        &p.realm,
        edgelatch_sync::Readers::Owner,
    );
    assert_eq!(compare(&registry, &p.realm, &read, &elsewhere).unwrap_err().code(), "pepper_missing");
    let found = compare(&registry, &p.realm, &read, &p.peppers()).unwrap().older().unwrap();
    let mut listed: Vec<(Fate, &str)> = found.keys().iter().map(|key| (key.fate, key.name.as_str())).collect();
    listed.sort_unstable();
    assert_eq!(listed, [(Fate::Revived, "leaked"), (Fate::Lost, "later")]);
    assert_eq!(found.lost().iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["later"]);
    assert!(found.take_published(&registry, &caller(), &mut |_| {}).unwrap().is_empty());
    assert_eq!(registry.ledger(&p.realm).pepper().unwrap(), Some(one));
    publisher.publish(&[&p.target()]).unwrap();
    let mut edge = edge(&p, &[&text]);
    take(&p, &mut edge).unwrap();
    let verdicts = [&leaked, &kept, &later].map(|key| p.verdict(&edge, &key.secret));
    assert_eq!(verdicts, [Code::Revoked, Code::Valid, Code::Unknown]);
    assert_eq!(registry.keys(&p.realm).all(&KeyFilter::default()).unwrap().len(), 2);
}
