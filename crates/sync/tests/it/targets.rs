//! What every kind of target promises, whatever it is: each case runs over each kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use edgelatch_core::build::{HeadFields, Tree, encode_bundle, sign_head};
use edgelatch_core::head::Head;
use edgelatch_core::root::Root;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::RootRow;
use edgelatch_sync::{Bucket, Directory, Error, Held, Item, Publication, Shown, Target, Version, Written};
use edgelatch_testkit::realm::{self, T0, head_fields, record, signers};
use edgelatch_testkit::s3;

/// The name of an object of which only the name matters.
const SEVENS: ObjectId = ObjectId([7; 32]);

/// A target in memory: each write whole and durable at once, listings in no useful order.
#[derive(Debug, Default)]
struct Memory(Mutex<BTreeMap<String, (Item, Vec<u8>)>>);

impl Target for Memory {
    fn name(&self) -> String {
        "memory".into()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.lock().unwrap().get(&item.to_string()).map(|(_, bytes)| bytes.clone()))
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        self.0.lock().unwrap().insert(item.to_string(), (item, bytes.to_vec()));
        Ok(())
    }

    fn settle(&self) -> Result<(), Error> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        let all = self.0.lock().unwrap();
        let listed = all.values().rev().filter(|(item, _)| matches!(item, Item::Object(_) | Item::Patch { .. }));
        Ok(listed.map(|(item, bytes)| (*item, bytes.len() as u64)).collect())
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        self.0.lock().unwrap().remove(&item.to_string());
        Ok(())
    }
}

/// Another target that fails from its nth change on, as a full disk or a lost connection does.
#[derive(Debug)]
struct Failing<'a> {
    inner: &'a dyn Target,
    left: AtomicUsize,
}

impl Failing<'_> {
    fn change<T>(&self, make: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| Error::io(Path::new("failing"), &std::io::ErrorKind::StorageFull.into())).and_then(|_| make())
    }
}

impl Target for Failing<'_> {
    fn name(&self) -> String {
        self.inner.name()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        self.inner.read(item)
    }

    fn head(&self) -> Result<(Option<Vec<u8>>, Version), Error> {
        self.inner.head()
    }

    fn replace_head(&self, bytes: &[u8], seen: &Version) -> Result<(), Error> {
        self.change(|| self.inner.replace_head(bytes, seen))
    }

    fn prepare(&self) -> Result<(), Error> {
        self.change(|| self.inner.prepare())
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        self.change(|| self.inner.write(item, bytes))
    }

    fn settle(&self) -> Result<(), Error> {
        self.change(|| self.inner.settle())
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        self.inner.list()
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        self.change(|| self.inner.remove(item))
    }
}

/// Runs each named function over each kind of target.
macro_rules! over_each_target {
    ($($case:ident),* $(,)?) => {
        mod directory {
            $(#[test] fn $case() {
                let temp = tempfile::tempdir().unwrap();
                super::$case(&super::Directory::new(temp.path().join("made/on/demand")));
            })*
        }
        mod memory { $(#[test] fn $case() { super::$case(&super::Memory::default()) })* }
        mod bucket {
            $(#[test] fn $case() {
                let Some(server) = super::s3::server() else { return };
                let address = format!("s3://{}/r/acme", server.bucket()).parse().unwrap();
                super::$case(&super::Bucket::open(&address, server.environment()).unwrap());
            })*
        }
    };
}

over_each_target! {
    what_is_written_is_read,
    an_edge_takes_what_is_shown,
    an_epoch_that_is_not_above_the_one_shown_is_refused,
    only_a_head_that_counts_for_edges_bounds_the_epoch,
    an_object_that_does_not_match_its_digest_is_replaced,
    a_failure_at_any_step_leaves_the_old_epoch,
    edges_are_told_once_they_can_see_the_epoch,
    objects_are_written_several_at_a_time,
    what_an_edge_may_still_fetch_stays_and_the_rest_goes,
}

fn roots() -> [RootRow; 1] {
    [RootRow { version: 1, object: realm::root() }]
}

/// A tree of several shards, all of which differ from those of other `seed`s.
fn tree(seed: u64) -> Tree {
    realm::tree((seed * 1000..seed * 1000 + 600).map(record).collect())
}

/// Puts an epoch that was signed so many seconds after the first, by a publisher that remembers the target.
fn put_at(target: &dyn Target, held: &mut Held, epoch: u64, seconds: u64, tree: &Tree) -> Result<Written, Error> {
    let now = T0 + seconds;
    put_signed(target, held, &HeadFields { issued_at: now, not_after: now + 60, ..head_fields(epoch, tree) }, 101, tree)
}

/// Puts an epoch by a publisher that was just started.
fn put(target: &dyn Target, epoch: u64, tree: &Tree) -> Result<Written, Error> {
    put_signed(target, &mut Held::default(), &head_fields(epoch, tree), 101, tree)
}

fn put_signed(target: &dyn Target, held: &mut Held, fields: &HeadFields, by: u8, tree: &Tree) -> Result<Written, Error> {
    let head = sign_head(fields, &signers(&[by])).unwrap();
    let bundle = encode_bundle(&head, tree).unwrap();
    let patches = [(SEVENS, format!("a patch to {}", tree.id()).into_bytes())];
    let (realm, epoch, now) = (&*fields.realm, fields.epoch, fields.issued_at);
    let publication = Publication { realm, epoch, now, head: &head, roots: &roots(), tree, patches: &patches };
    let written = publication.put(target, held, &|| {})?;
    Ok(Written { removed: publication.finish(target, held, &bundle)?, ..written })
}

fn read(target: &dyn Target, item: Item) -> Vec<u8> {
    target.read(item).unwrap().unwrap_or_else(|| panic!("{item} is not there"))
}

/// The epoch that is shown, once everything that its head leads to is found sound.
fn shown(target: &dyn Target, trees: &[Tree]) -> u64 {
    let root = Root::open(&read(target, Item::Root(1))).unwrap();
    let head = Head::open(&read(target, Item::Head), &root).unwrap();
    let tree = trees.iter().find(|tree| tree.id() == head.tree).expect("a tree of these");
    for object in tree.objects() {
        assert_eq!(read(target, Item::Object(ObjectId::of(object))), object);
    }
    head.epoch
}

/// The epoch that a new edge takes from the bundle.
fn taken(target: &dyn Target) -> u64 {
    let mut edge = realm::edge("");
    realm::update(&mut edge, &[], read(target, Item::Bundle), T0).unwrap();
    edge.head().unwrap().epoch
}

fn what_is_written_is_read(target: &dyn Target) {
    let patch = Item::Patch { to: SEVENS, from: ObjectId([8; 32]) };
    let items = [Item::Head, Item::Bundle, Item::Root(1), Item::Root(2), Item::Object(SEVENS), patch];
    for item in items {
        assert_eq!(target.read(item).unwrap(), None, "{item}");
    }
    assert_eq!(target.list().unwrap(), []);
    target.prepare().unwrap();
    for text in ["one", "another"] {
        for item in items {
            target.write(item, format!("{text} {item}").as_bytes()).unwrap();
        }
        target.settle().unwrap();
        for item in items {
            assert_eq!(read(target, item), format!("{text} {item}").as_bytes());
        }
    }
    let length = |item: Item| (item, format!("another {item}").len() as u64);
    let mut listed = target.list().unwrap();
    listed.sort_unstable();
    assert_eq!(listed, [length(Item::Object(SEVENS)), length(patch)]);
    target.remove(Item::Object(SEVENS)).unwrap();
    assert_eq!(target.read(Item::Object(SEVENS)).unwrap(), None);
    assert_eq!(target.list().unwrap(), [length(patch)]);
    target.remove(patch).unwrap();
    assert_eq!(target.list().unwrap(), []);
}

fn an_edge_takes_what_is_shown(target: &dyn Target) {
    let (one, two) = (tree(1), tree(2));
    let written = put(target, 1, &one).unwrap();
    assert_eq!((written.objects, written.bytes, written.removed), (one.objects().count(), one.bytes(), 0));
    assert_eq!((shown(target, from_ref(&one)), taken(target)), (1, 1));
    // The same tree in a new head costs no object.
    assert_eq!(put(target, 2, &one).unwrap(), Written::default());
    put(target, 3, &two).unwrap();
    assert_eq!((shown(target, from_ref(&two)), taken(target)), (3, 3));
    assert_eq!(Shown::of(target, "acme", &roots()).unwrap(), Shown::Epoch(3));
}

fn an_epoch_that_is_not_above_the_one_shown_is_refused(target: &dyn Target) {
    let (one, two) = (tree(1), tree(2));
    put(target, 7, &one).unwrap();
    let everything = || {
        let listed = target.list().unwrap();
        (read(target, Item::Head), read(target, Item::Bundle), listed)
    };
    let before = everything();
    for epoch in [1, 6, 7] {
        assert_eq!(put(target, epoch, &two).unwrap_err().code(), "target_ahead");
    }
    let other = HeadFields { realm: "other".into(), ..head_fields(8, &two) };
    let fails = put_signed(target, &mut Held::default(), &other, 101, &two).unwrap_err();
    assert_eq!(fails.code(), "target_foreign");
    assert!(everything() == before, "a refused epoch left a trace");
    put(target, 8, &two).unwrap();
}

fn only_a_head_that_counts_for_edges_bounds_the_epoch(target: &dyn Target) {
    let one = tree(1);
    // Signed by a key that the root does not name.
    put_signed(target, &mut Held::default(), &head_fields(99, &one), 102, &one).unwrap();
    assert_eq!(Shown::of(target, "acme", &roots()).unwrap(), Shown::Unproven);
    put(target, 1, &one).unwrap();
    assert_eq!(shown(target, from_ref(&one)), 1);
    target.write(Item::Head, b"garbage").unwrap();
    assert_eq!(Shown::of(target, "acme", &roots()).unwrap(), Shown::Unproven);
    put(target, 2, &one).unwrap();
    assert_eq!(shown(target, from_ref(&one)), 2);
}

fn an_object_that_does_not_match_its_digest_is_replaced(target: &dyn Target) {
    let (one, two) = (tree(1), tree(2));
    target.prepare().unwrap();
    // As long as the right one, and left by a publisher that died.
    for object in one.objects() {
        target.write(Item::Object(ObjectId::of(object)), &vec![0; object.len()]).unwrap();
    }
    put(target, 1, &one).unwrap();
    assert_eq!(shown(target, from_ref(&one)), 1);
    // Cut short or taken away after it was written: seen by the next publisher.
    for object in one.objects().skip(1) {
        target.write(Item::Object(ObjectId::of(object)), &object[1..]).unwrap();
    }
    target.remove(Item::Object(one.id())).unwrap();
    assert_eq!(put(target, 2, &one).unwrap().objects, one.objects().count());
    assert_eq!(shown(target, from_ref(&one)), 2);
    put(target, 3, &two).unwrap();
    assert_eq!(shown(target, from_ref(&two)), 3);
}

fn a_failure_at_any_step_leaves_the_old_epoch(target: &dyn Target) {
    let mut trees = vec![tree(0)];
    put(target, 1, &trees[0]).unwrap();
    let (mut before, mut failures) = (1, 0);
    loop {
        // No object is there yet, and, as the registry's ledger sees to, no epoch is used again.
        let (new, epoch) = (tree(failures + 1), failures + 2);
        let failing = Failing { inner: target, left: AtomicUsize::new(failures as usize) };
        let done = put(&failing, epoch, &new);
        trees.push(new);
        let now = shown(target, &trees);
        assert!([before, epoch].contains(&now), "epoch {now} after {failures} steps");
        let bundle = taken(target);
        assert!(bundle == epoch || bundle <= before, "a bundle of epoch {bundle} after {failures} steps");
        assert!(done.is_err() || now == epoch);
        if failing.left.load(Ordering::SeqCst) > 0 {
            assert!(done.is_ok());
            assert!(failures as usize > trees[0].objects().count(), "each object is a step");
            return;
        }
        (before, failures) = (now, failures + 1);
    }
}

fn edges_are_told_once_they_can_see_the_epoch(target: &dyn Target) {
    put(target, 1, &tree(0)).unwrap();
    for failures in 0.. {
        let (tree, epoch) = (tree(failures + 1), failures + 2);
        let fields = head_fields(epoch, &tree);
        let head = sign_head(&fields, &signers(&[101])).unwrap();
        let publication =
            Publication { realm: &fields.realm, epoch, now: T0, head: &head, roots: &roots(), tree: &tree, patches: &[] };
        let failing = Failing { inner: target, left: AtomicUsize::new(failures as usize) };
        let told = AtomicBool::new(false);
        let done = publication.put(&failing, &mut Held::default(), &|| {
            assert_eq!(read(target, Item::Head), head);
            told.store(true, Ordering::SeqCst);
        });
        // Also where it could not be seen to that it stays.
        assert_eq!(told.load(Ordering::SeqCst), read(target, Item::Head) == head, "after {failures} steps");
        if done.is_ok() {
            return;
        }
    }
}

/// A target at which no object is written before a second one is on its way.
#[derive(Debug)]
struct Pairs<'a>(&'a dyn Target, Mutex<usize>, Condvar);

impl Target for Pairs<'_> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn read(&self, item: Item) -> Result<Option<Vec<u8>>, Error> {
        self.0.read(item)
    }

    fn prepare(&self) -> Result<(), Error> {
        self.0.prepare()
    }

    fn write(&self, item: Item, bytes: &[u8]) -> Result<(), Error> {
        if matches!(item, Item::Object(_)) {
            let mut begun = self.1.lock().unwrap();
            *begun += 1;
            self.2.notify_all();
            // Far above what is waited for.
            let (begun, waited) = self.2.wait_timeout_while(begun, Duration::from_secs(30), |begun| *begun < 2).unwrap();
            drop(begun);
            assert!(!waited.timed_out(), "one object after another");
        }
        self.0.write(item, bytes)
    }

    fn settle(&self) -> Result<(), Error> {
        self.0.settle()
    }

    fn list(&self) -> Result<Vec<(Item, u64)>, Error> {
        self.0.list()
    }

    fn remove(&self, item: Item) -> Result<(), Error> {
        self.0.remove(item)
    }
}

fn objects_are_written_several_at_a_time(target: &dyn Target) {
    let tree = tree(0);
    put(&Pairs(target, Mutex::default(), Condvar::new()), 1, &tree).unwrap();
    assert_eq!(shown(target, from_ref(&tree)), 1);
}

fn what_an_edge_may_still_fetch_stays_and_the_rest_goes(target: &dyn Target) {
    let trees: Vec<Tree> = (0..4).map(tree).collect();
    let count = |tree: &Tree| {
        let objects = tree.objects().map(ObjectId::of);
        objects.filter(|id| target.read(Item::Object(*id)).unwrap().is_some()).count()
    };
    let whole = |tree: &Tree| count(tree) == tree.objects().count();
    let patch = |tree: &Tree| target.read(Item::Patch { to: tree.id(), from: SEVENS }).unwrap().is_some();
    let mut held = Held::default();
    put_at(target, &mut held, 1, 0, &trees[0]).unwrap();
    put_at(target, &mut held, 2, 1000, &trees[1]).unwrap();
    // Replaced at 1000: an edge that read the head just before may fetch until 1600.
    put_at(target, &mut held, 3, 1599, &trees[2]).unwrap();
    assert!(whole(&trees[0]) && whole(&trees[1]) && whole(&trees[2]));
    let removed = put_at(target, &mut held, 4, 1600, &trees[2]).unwrap().removed;
    // The directory of the realm is the same in all of them, and stays.
    let shared = trees[0].objects().filter(|object| trees[2].objects().any(|other| other == *object)).count();
    assert_eq!((count(&trees[0]), removed), (shared, trees[0].objects().count() - shared));
    assert!(whole(&trees[1]) && whole(&trees[2]) && !patch(&trees[0]) && patch(&trees[1]) && patch(&trees[2]));
    // What comes back in time was never gone.
    assert_eq!(put_at(target, &mut held, 5, 1700, &trees[1]).unwrap().objects, 0);
    put_at(target, &mut held, 6, 1701, &trees[3]).unwrap();
    assert!(whole(&trees[1]));
    // A publisher that was started meanwhile cannot know since when; from its start on it does.
    let mut held = Held::default();
    put_at(target, &mut held, 7, 9000, &trees[3]).unwrap();
    assert!(whole(&trees[1]) && patch(&trees[1]));
    put_at(target, &mut held, 8, 9600, &trees[3]).unwrap();
    let listed = target.list().unwrap();
    let objects = listed.iter().filter(|(item, _)| matches!(item, Item::Object(_))).count();
    assert_eq!(objects, trees[3].objects().map(ObjectId::of).collect::<std::collections::BTreeSet<_>>().len());
    assert_eq!(listed.len(), objects + 1, "the patch to the present tree");
    assert!(patch(&trees[3]));
}

/// Files that others put into the directory stay, and what interrupted writes left goes.
#[test]
fn a_directory_keeps_what_is_not_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let directory = Directory::new(temp.path());
    put(&directory, 1, &tree(1)).unwrap();
    for name in ["README", "objects/README", "patch/README", ".edgelatch/tmp/1-head"] {
        fs::write(temp.path().join(name), b"somebody's").unwrap();
    }
    put(&directory, 2, &tree(2)).unwrap();
    for (name, stays) in [("README", true), ("objects/README", true), ("patch/README", true), (".edgelatch/tmp/1-head", false)]
    {
        assert_eq!(temp.path().join(name).exists(), stays, "{name}");
    }
}

/// A bundle that was left for later must not be written over that of an epoch which somebody else has shown meanwhile; and what somebody
/// else has removed meanwhile is not taken to be there.
#[test]
fn another_publisher_in_between_is_noticed() {
    let temp = tempfile::tempdir().unwrap();
    let target = Directory::new(temp.path());
    let (one, two) = (tree(1), tree(2));
    let (mut first, fields) = (Held::default(), head_fields(1, &one));
    let head = sign_head(&fields, &signers(&[101])).unwrap();
    let roots = roots();
    let publication = Publication { realm: "acme", epoch: 1, now: T0, head: &head, roots: &roots, tree: &one, patches: &[] };
    publication.put(&target, &mut first, &|| {}).unwrap();
    put(&target, 2, &two).unwrap();
    let late = publication.finish(&target, &mut first, &encode_bundle(&head, &one).unwrap());
    assert_eq!((late.unwrap_err().code(), taken(&target)), ("target_ahead", 2));
    target.remove(Item::Object(one.id())).unwrap();
    put_at(&target, &mut first, 3, 1, &one).unwrap();
    assert_eq!(shown(&target, from_ref(&one)), 3);
}
