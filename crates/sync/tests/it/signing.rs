//! Who signs, and which epochs count.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Plane, plane};
use edgelatch_core::build::{Draft, HeadFields, RoleFields, RootFields};
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::limits::MAX_EPOCH;
use edgelatch_core::root::Root;
use edgelatch_core::signed::Role;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::RootRow;
use edgelatch_sync::restore::older;
use edgelatch_sync::{
    Directory, Error, KeySource, Publisher, Readers, Reason, SIGNER_LIMIT, Signer, SignerCommand, Signers, Target, key_file,
};
use edgelatch_testkit::DAY;
use edgelatch_testkit::registry::{NOW, caller, env};

/// A head of `epoch`, signed with the key in `file`.
fn head_of(p: &Plane, file: &Path, epoch: u64) -> Vec<u8> {
    let fields = HeadFields {
        realm: "acme".into(),
        root_version: 1,
        epoch,
        issued_at: NOW,
        not_after: NOW + DAY,
        tree: ObjectId([1; 32]),
        tree_bytes: 1,
        records: 1,
    };
    let signers = Signers::from(key_file::load(file, Role::Publisher, &p.realm).unwrap());
    signers.sign(Draft::head(&fields).unwrap(), &[&signers.role(1)]).unwrap().bytes
}

#[test]
fn a_forged_head_does_not_move_the_epoch() {
    let p = plane();
    let other = p.dir.keys().join("other.key");
    key_file::create(&other, Role::Publisher, &p.realm, &env(&p.clock)).unwrap();
    let beside = Directory::new(p.dir.path().join("beside"));
    fs::create_dir(beside.path()).unwrap();
    let mut expected = 1;
    for epoch in [5, MAX_EPOCH - 1, MAX_EPOCH] {
        fs::write(beside.path().join("head"), head_of(&p, &other, epoch)).unwrap();
        let published = p.publisher.publish(&[&p.target(), &beside]).unwrap();
        expected += 1;
        assert_eq!((published.epoch, published.unproven), (expected, vec![beside.name()]));
    }
    assert_eq!(fs::read(beside.path().join("head")).unwrap(), p.file("head"));
}

#[test]
fn epochs_end_before_their_counter_does() {
    let p = plane();
    let own = p.dir.key(Role::Publisher);
    fs::write(p.dir.realm(&p.realm).join("head"), head_of(&p, &own, MAX_EPOCH)).unwrap();
    assert_eq!(p.publish().unwrap_err().code(), "epoch_limit");
    // Nothing was spent, and the last one can be taken.
    assert_eq!(p.registry.ledger(&p.realm).newest(1).unwrap()[0].epoch, 1);
    fs::write(p.dir.realm(&p.realm).join("head"), head_of(&p, &own, MAX_EPOCH - 1)).unwrap();
    // Nobody but a thief of the key has signed that: whoever goes on above it has to say so, whatever lies behind it.
    assert_eq!(p.publish().unwrap_err().code(), "registry_older");
    let found = older(&p.registry, &p.realm, &|item| p.target().read(item)).unwrap().older().unwrap();
    found.go_on_above(&p.registry, &caller()).unwrap();
    assert_eq!(p.publish().unwrap().epoch, MAX_EPOCH);
    assert_eq!(p.publish().unwrap_err().code(), "epoch_limit");
}

/// No reader takes such a head, so it bounds nothing and is replaced.
#[test]
fn an_epoch_beyond_the_last_is_no_head() {
    let p = plane();
    let own = p.dir.key(Role::Publisher);
    for epoch in [MAX_EPOCH + 1, (1 << 63) - 2, u64::MAX] {
        fs::write(p.dir.realm(&p.realm).join("head"), head_of(&p, &own, epoch)).unwrap();
        assert_eq!(p.publish().unwrap().unproven, vec![p.target().name()]);
    }
}

/// Makes key files of a role beside the first one, which the first root names.
fn more_keys(p: &Plane, role: Role, names: &[&str]) -> Vec<PathBuf> {
    let path = |name: &&str| p.dir.keys().join(format!("{}-{name}.key", role.name()));
    let paths: Vec<PathBuf> = names.iter().map(path).collect();
    for path in &paths {
        key_file::create(path, role, &p.realm, &env(&p.clock)).unwrap();
    }
    paths
}

fn all(p: &Plane, role: Role) -> Signers {
    key_file::load_all(&p.dir.key(role), role, &p.realm, Readers::Owner).unwrap()
}

fn root_fields(p: &Plane, version: u32, min_epoch: u64, root: RoleFields, publisher: RoleFields) -> RootFields {
    let (realm, expires_at) = (p.realm.to_string(), NOW + 3650 * DAY);
    RootFields { realm, version, issued_at: NOW, expires_at, era: 1, min_epoch, root, publisher }
}

/// Signs the root that follows the first one with `signers`.
fn sign_second(p: &Plane, fields: &RootFields, signers: &Signers) -> Result<Vec<u8>, Error> {
    let first = key_file::load(&p.dir.key(Role::Root), Role::Root, &p.realm).unwrap();
    let before = RoleFields { threshold: 1, keys: vec![first.public()] };
    Ok(signers.sign(Draft::root(fields).unwrap(), &[&before, &fields.root])?.bytes)
}

/// Signs it with all keys, and adds it.
fn follow(p: &Plane, fields: &RootFields) -> Vec<u8> {
    let object = sign_second(p, fields, &all(p, Role::Root)).unwrap();
    Root::open(&p.root).unwrap().follow(&object).unwrap();
    p.registry.ledger(&p.realm).add_root(&RootRow { version: fields.version, object: object.clone() }).unwrap();
    object
}

/// The epoch that an edge with the first root takes from what is shown, following the others.
fn taken(p: &Plane, roots: &[&[u8]]) -> u64 {
    let mut edge = Edge::new(&p.root, HostConfig::default()).unwrap();
    let mut staged = edge.stage(roots, p.file("bundle"), NOW).unwrap();
    assert_eq!(staged.check(usize::MAX).unwrap(), 0);
    edge.commit(staged, NOW).unwrap();
    edge.head().unwrap().epoch
}

fn publisher(p: &Plane, signers: impl Into<Signers>) -> Publisher {
    Publisher::new(Arc::clone(&p.registry), p.realm.clone(), signers, DAY, &p.dir).unwrap()
}

fn last_epoch(p: &Plane) -> u64 {
    p.registry.ledger(&p.realm).newest(1).unwrap()[0].epoch
}

/// What a service that keeps a key does when it is away, or when it was given another key meanwhile.
#[derive(Debug)]
struct Broken {
    public: [u8; 32],
    signature: Option<[u8; 64]>,
}

impl Signer for Broken {
    fn name(&self) -> String {
        "kms:broken".into()
    }

    fn public(&self) -> [u8; 32] {
        self.public
    }

    fn sign(&self, _: &[u8]) -> Result<[u8; 64], Error> {
        self.signature.ok_or_else(|| Error::io(Path::new("kms:broken"), &std::io::ErrorKind::TimedOut.into()))
    }
}

#[test]
fn as_many_sign_as_the_root_wants() {
    let p = plane();
    let one = || key_file::load(&p.dir.key(Role::Publisher), Role::Publisher, &p.realm).unwrap();
    let paths = more_keys(&p, Role::Publisher, &["2", "3"]);
    let root = follow(&p, &root_fields(&p, 2, 1, all(&p, Role::Root).role(1), all(&p, Role::Publisher).role(2)));
    // One key, and the same one twice.
    fs::copy(p.dir.key(Role::Publisher), p.dir.keys().join("other.key")).unwrap();
    let copy = key_file::load(&p.dir.keys().join("other.key"), Role::Publisher, &p.realm).unwrap();
    for signers in [Signers::from(one()), Signers::new(vec![Box::new(one()), Box::new(copy)])] {
        let refused = publisher(&p, signers).publish(&[&p.target()]).unwrap_err();
        assert_eq!(refused.code(), "not_publisher");
        assert!(refused.to_string().contains("signed by 2") && refused.to_string().contains("and 1 of them"), "{refused}");
    }
    assert_eq!(last_epoch(&p), 1);
    // Two of three, of which another fails.
    let second = || key_file::load(&paths[0], Role::Publisher, &p.realm).unwrap();
    let third = key_file::load(&paths[1], Role::Publisher, &p.realm).unwrap().public();
    for signature in [None, Some([7; 64])] {
        let broken = || Box::new(Broken { public: third, signature });
        let published =
            publisher(&p, Signers::new(vec![broken(), Box::new(one()), Box::new(second())])).publish(&[&p.target()]).unwrap();
        assert!(published.unsigned.len() == 1 && published.unsigned[0].starts_with("kms:broken: "), "{published:?}");
        assert_eq!(taken(&p, &[&root]), published.epoch);
        // The other one is missing: what is shown stays.
        let before = p.file("head");
        let refused = publisher(&p, Signers::new(vec![broken(), Box::new(one())])).publish(&[&p.target()]).unwrap_err();
        assert_eq!(refused.code(), "too_few_signatures");
        assert!(refused.to_string().contains("kms:broken: "), "{refused}");
        assert_eq!(p.file("head"), before);
    }
    // As the command line loads them.
    let published = publisher(&p, all(&p, Role::Publisher)).publish(&[&p.target()]).unwrap();
    assert_eq!((taken(&p, &[&root]), published.unsigned.len()), (published.epoch, 0));
    // One that is damaged is not passed over in silence.
    more_keys(&p, Role::Publisher, &["4"]).iter().for_each(|path| fs::write(path, b"garbage").unwrap());
    let refused = key_file::load_all(&p.dir.key(Role::Publisher), Role::Publisher, &p.realm, Readers::Owner).unwrap_err();
    assert_eq!(refused.code(), "key_corrupt");
}

/// A service that is gone for good keeps its public key here: whoever puts another key into place that the root names need not restart anything.
#[test]
fn signers_are_got_anew_where_too_few_of_them_sign() {
    let p = plane();
    let load = |path: PathBuf, realm| key_file::load(&path, Role::Publisher, &realm);
    let (path, realm) = (p.dir.key(Role::Publisher), p.realm.clone());
    let public = load(path.clone(), realm.clone()).unwrap().public();
    let broken = move || Signers::from(Broken { public, signature: None });
    let (asked, count) = (Arc::new(AtomicUsize::new(0)), |asked: &Arc<AtomicUsize>| asked.load(Ordering::SeqCst));
    let counted = Arc::clone(&asked);
    let mended = publisher(&p, broken()).reloading(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(load(path.clone(), realm.clone())?.into())
    });
    // The epoch that was taken is signed by it.
    assert_eq!([1, 2].map(|_| mended.publish(&[&p.target()]).unwrap().epoch), [2, 3]);
    assert_eq!(count(&asked), 1);
    let counted = Arc::clone(&asked);
    let hopeless = publisher(&p, broken()).reloading(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(broken())
    });
    assert_eq!(hopeless.publish(&[&p.target()]).unwrap_err().code(), "too_few_signatures");
    assert_eq!(count(&asked), 2);
}

/// A program that is away, and a file that a full disk cut off, stop nobody who has keys enough without them.
#[test]
#[cfg(unix)]
fn sources_that_fail_are_told_of_and_stop_no_other() {
    let p = plane();
    let kms = SignerCommand::parse("/nowhere/kms --key 1", SIGNER_LIMIT).unwrap();
    let cut = more_keys(&p, Role::Publisher, &["2"]).remove(0);
    fs::write(&cut, b"").unwrap();
    let source = KeySource {
        role: Role::Publisher,
        realm: p.realm.clone(),
        path: p.dir.key(Role::Publisher),
        files: Vec::new(),
        readers: Readers::Owner,
        text: None,
        commands: vec![kms],
    };
    let own = key_file::load(&source.path, Role::Publisher, &p.realm).unwrap();
    let made = publisher(&p, source.load().unwrap());
    let told = made.publish(&[&p.target()]).unwrap().unsigned;
    assert!(told.len() == 2 && told[0].contains("/nowhere/kms") && told[1].contains("publisher-2.key"), "{told:?}");
    // Once is enough.
    assert_eq!(made.publish(&[&p.target()]).unwrap().unsigned, Vec::<String>::new());
    // Whoever decides by which keys are here is not given some of them.
    assert_eq!(source.find().unwrap_err().code(), "signer");
    // Where they are needed, it is said why they are missing.
    let key = key_file::create(&cut.with_file_name("else.key"), Role::Publisher, &p.realm, &env(&p.clock)).unwrap();
    let both = RoleFields { threshold: 2, keys: vec![own.public(), key.public()] };
    follow(&p, &root_fields(&p, 2, 1, all(&p, Role::Root).role(1), both));
    let refused = made.publish(&[&p.target()]).unwrap_err();
    assert!(refused.code() == "not_publisher" && refused.to_string().contains("; signer `/nowhere/kms`"), "{refused}");
    fs::remove_file(p.dir.key(Role::Publisher)).unwrap();
    assert_eq!(source.load().unwrap_err().code(), "signer");
}

#[test]
fn keys_of_the_root_before_and_of_its_own_sign_a_root() {
    let p = plane();
    let paths = more_keys(&p, Role::Root, &["2", "3"]);
    let load = |path: &Path| Box::new(key_file::load(path, Role::Root, &p.realm).unwrap()) as Box<dyn Signer>;
    let second = || Signers::new(paths.iter().map(|path| load(path)).collect());
    // The first key hands over to two others.
    let fields = root_fields(&p, 2, 1, second().role(2), all(&p, Role::Publisher).role(1));
    for few in [second(), Signers::new(vec![load(&p.dir.key(Role::Root)), load(&paths[0])])] {
        assert_eq!(sign_second(&p, &fields, &few).unwrap_err().code(), "too_few_signatures");
    }
    let root = follow(&p, &fields);
    let published = publisher(&p, all(&p, Role::Publisher)).publish(&[&p.target()]).unwrap();
    assert_eq!(taken(&p, &[&root]), published.epoch);
}

#[test]
fn the_roots_least_epoch_is_the_least_that_is_published() {
    let p = plane();
    assert_eq!(p.if_due(), None);
    let (keys, publishers) = (all(&p, Role::Root), all(&p, Role::Publisher));
    let root = follow(&p, &root_fields(&p, 2, 1000, keys.role(1), publishers.role(1)));
    // What is shown counts no more with that root.
    assert_eq!(p.if_due(), Some(Reason::Root));
    assert_eq!((last_epoch(&p), taken(&p, &[&root])), (1000, 1000));
    assert_eq!((p.if_due(), p.publish().unwrap().epoch), (None, 1001));
}
