//! Drafts of roots on their way between those who sign them, and what somebody on that way could do.

use crate::common::{Plane, plane};
use edgelatch_core::build::{RootFields, SigningKey, sign_root};
use edgelatch_core::root::Root;
use edgelatch_core::signed::Role;
use edgelatch_sync::key_file::KeyFile;
use edgelatch_sync::trust::{self, Change, RootDraft};
use edgelatch_sync::{Error, Signer, key_file};
use edgelatch_testkit::registry::{NOW, env};

/// A realm whose root is to go over to two of three keys, and these.
fn ceremony() -> (Plane, RootDraft, Vec<KeyFile>) {
    let p = plane();
    let keys: Vec<KeyFile> = ["ann", "bob", "eve"]
        .iter()
        .map(|name| key_file::create(&p.dir.path().join(name), Role::Root, &p.realm, &env(&p.clock)).unwrap())
        .collect();
    let old = trust::newest_root(&p.registry, &p.realm).unwrap().1.root.keys().copied().collect();
    let add = keys.iter().map(|key| (Role::Root, key.public())).collect();
    let change = Change { add, remove: old, root_threshold: Some(2), ..Change::default() };
    let draft = trust::draft_of(&p.registry, &p.realm, &p.dir, &change).unwrap();
    (p, draft, keys)
}

fn old_key(p: &Plane) -> KeyFile {
    key_file::load(&p.dir.key(Role::Root), Role::Root, &p.realm).unwrap()
}

fn signed(draft: &RootDraft, signer: &dyn Signer) -> RootDraft {
    let mut copy = RootDraft::parse(&draft.to_string()).unwrap();
    copy.sign(signer).unwrap();
    copy
}

#[test]
fn holders_sign_copies_or_one_after_the_other() {
    let (p, draft, keys) = ceremony();
    let copies = [&old_key(&p), &keys[0], &keys[2]].map(|key| signed(&draft, key));
    let mut together = draft.clone();
    copies.iter().for_each(|copy| together.merge(copy).unwrap());
    // One that came twice counts once.
    together.merge(&copies[1]).unwrap();
    let chain = [&keys[2], &keys[0], &old_key(&p)].into_iter().fold(draft.clone(), |draft, key| signed(&draft, key));
    assert_eq!(together.to_string(), chain.to_string());
    let root = Root::open(&p.root).unwrap().follow(&chain.finish().unwrap()).unwrap();
    assert_eq!((root.version, root.root.threshold(), root.root.keys().count()), (2, 2, 3));
}

/// Else whoever gets hold of the new keys replaces the old ones.
#[test]
fn the_keys_of_the_root_before_sign_too() {
    let (p, draft, keys) = ceremony();
    for few in [&[&keys[0], &keys[1], &keys[2]][..], &[&old_key(&p)], &[&old_key(&p), &keys[1]], &[]] {
        let draft = few.iter().fold(draft.clone(), |draft, key| signed(&draft, *key));
        assert_eq!(draft.finish().unwrap_err().code(), "too_few_signatures");
        assert!(!draft.complete());
        let refused =
            trust::adopt(&p.registry, &p.realm, &p.dir, &edgelatch_testkit::registry::caller(), &draft, &publishers(&p));
        assert_eq!(refused.unwrap_err().code(), "too_few_signatures");
    }
    // As edges see it, whatever a publisher would let pass.
    let (_, before) = trust::newest_root(&p.registry, &p.realm).unwrap();
    let own = SigningKey::from_seed(&[1; 32]);
    let old = before.root.keys().copied().collect();
    let fields =
        Change { add: vec![(Role::Root, own.public())], remove: old, ..Change::default() }.after(&before, NOW).unwrap();
    assert_eq!(before.follow(&sign_root(&fields, &[own]).unwrap()).unwrap_err().code(), "too_few_signatures");
}

fn publishers(p: &Plane) -> Vec<[u8; 32]> {
    vec![key_file::load(&p.dir.key(Role::Publisher), Role::Publisher, &p.realm).unwrap().public()]
}

#[test]
fn a_signature_that_would_not_count_is_not_made() {
    let (p, draft, keys) = ceremony();
    let stranger = key_file::create(&p.dir.path().join("stranger"), Role::Root, &p.realm, &env(&p.clock)).unwrap();
    let mut draft = signed(&draft, &keys[0]);
    for (key, what) in [(&stranger, "a stranger's"), (&keys[0], "one that is there")] {
        assert_eq!(draft.sign(key).unwrap_err().code(), "root_change", "{what}");
    }
    // A publisher key does not sign roots, and one of another realm is not even read.
    assert!(key_file::load(&p.dir.key(Role::Publisher), Role::Root, &p.realm).is_err());
}

#[test]
fn every_byte_of_a_draft_counts() {
    let (_p, draft, keys) = ceremony();
    let draft = signed(&draft, &keys[0]);
    let text = draft.to_string();
    assert_eq!(RootDraft::parse(&text).unwrap().to_string(), text);
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        assert!(RootDraft::parse(&altered).is_err(), "byte {at}: {altered}");
    }
    for altered in [
        text.replace('\n', "\r\n"),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        format!("{text}signature x y\n"),
        format!("{text}{}", text.lines().last().unwrap()),
        String::new(),
        "edgelatch root draft 1\n".into(),
        text.replacen("# ", "# # ", 1),
    ] {
        assert_eq!(RootDraft::parse(&altered).unwrap_err().code(), "root_draft", "{altered}");
    }
}

/// The words are those of another root, which does what was agreed on; the bytes do something else.
#[test]
fn nobody_signs_what_the_words_do_not_say() {
    let (p, draft, _) = ceremony();
    let harmless = trust::draft_of(&p.registry, &p.realm, &p.dir, &Change::default()).unwrap();
    let words =
        |text: &str| text.lines().filter(|line| line.starts_with("# ")).map(|line| format!("{line}\n")).collect::<String>();
    let (wanted, shown) = (draft.to_string(), harmless.to_string());
    let mixed = wanted.replace(&words(&wanted), &words(&shown));
    assert!(mixed != wanted && mixed != shown);
    let refused = RootDraft::parse(&mixed).unwrap_err();
    assert!(refused.to_string().contains("words and its bytes"), "{refused}");
}

/// Whoever passes drafts on makes up the root before: it names the holders' keys and his own, so that his next root only "keeps" what it has. It says
/// who signed it, and it is another root than the one that edges have.
#[test]
fn a_root_before_that_was_made_up_is_seen() {
    let (p, _, _) = ceremony();
    let (bytes, before) = trust::newest_root(&p.registry, &p.realm).unwrap();
    let honest = trust::draft_of(&p.registry, &p.realm, &p.dir, &Change::default()).unwrap();
    let (seed, holder) = (SigningKey::from_seed(&[1; 32]), *before.root.keys().next().unwrap());
    let own = seed.public();
    let add = vec![(Role::Root, own), (Role::Publisher, SigningKey::from_seed(&[2; 32]).public())];
    let fields = Change { add, ..Change::default() }.after(&before, NOW).unwrap();
    let made_up = sign_root(&RootFields { version: 1, era: 1, min_epoch: 1, ..fields.clone() }, &[seed]).unwrap();
    let fake = RootDraft::new(&made_up, &RootFields { min_epoch: 1, ..fields }).unwrap();
    let words = |draft: &RootDraft| draft.words().join("\n");
    assert!(!words(&fake).contains("ADDS"), "{}", words(&fake));
    // The holder's key is named in it, and has not signed it.
    let signed_by = |key: &[u8; 32]| format!("signed by {}", key_file::public_text(key));
    assert!(words(&fake).contains(&signed_by(&own)) && !words(&fake).contains(&signed_by(&holder)));
    assert!(words(&honest).contains(&signed_by(&holder)));
    assert_ne!(fake.before_fingerprint(), honest.before_fingerprint());
    assert_eq!(honest.before_fingerprint(), edgelatch_core::tree::ObjectId::of(&bytes));
    assert!(words(&fake).contains(&fake.before_fingerprint().to_string()));
}

#[test]
fn signatures_go_to_no_other_draft() {
    let (p, draft, keys) = ceremony();
    let mut other =
        trust::draft_of(&p.registry, &p.realm, &p.dir, &Change { min_epoch: Some(7), ..Change::default() }).unwrap();
    assert_eq!(other.merge(&signed(&draft, &keys[0])).unwrap_err().code(), "root_draft");
    // Nor by hand.
    let line = signed(&draft, &old_key(&p)).to_string().lines().last().unwrap().to_owned();
    let moved = format!("{other}{line}\n");
    assert!(RootDraft::parse(&moved).unwrap_err().to_string().contains("of something else"));
}

/// A draft of another realm, or of another version, is no next root of this one.
#[test]
fn a_draft_of_another_realm_or_version_is_refused() {
    let (p, draft, _) = ceremony();
    let (bytes, before) = trust::newest_root(&p.registry, &p.realm).unwrap();
    let fields = Change::default().after(&before, NOW).unwrap();
    for fields in [
        RootFields { realm: "other".into(), ..fields.clone() },
        RootFields { version: 3, ..fields.clone() },
        RootFields { version: 1, ..fields.clone() },
        RootFields { era: 1, min_epoch: 0, ..fields.clone() },
    ] {
        assert!(matches!(RootDraft::new(&bytes, &fields), Err(Error::RootDraft { .. })), "{fields:?}");
    }
    // Of another control plane that has the same name.
    let other = plane();
    let mut draft = signed(&draft, &old_key(&p));
    assert!(draft.sign(&old_key(&other)).is_err());
    let refused = trust::adopt(
        &other.registry,
        &other.realm,
        &other.dir,
        &edgelatch_testkit::registry::caller(),
        &draft,
        &publishers(&other),
    );
    assert_eq!(refused.unwrap_err().code(), "root_draft_stale");
}
