//! A node that copies what another one publishes: what a head names lies there before it, also after the database went back.

use std::fs;
use std::sync::Arc;

use crate::common::publisher;
use edgelatch_registry::{Env, NewHead, NewRealm, Preset, Registry};
use edgelatch_sync::{DEFAULT_ROOT_LIFETIME, DataDir, Directory, Follower, Init, Item, Published, Publisher, Target, init_in};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, Place, caller, new_key, slug};

/// A realm that one node publishes and another one copies.
struct Two {
    f: Fixture,
    registry: Arc<Registry>,
    publishes: DataDir,
    copies: DataDir,
}

impl Two {
    fn new(Place { dir, database, schema }: Place) -> Two {
        let registry = Registry::establish(&database, Env::system()).unwrap();
        let [publishes, copies] = ["publishes", "copies"].map(|name| DataDir::new(dir.path().join(name)));
        // By the system's clock: the database's is compared with it.
        let f = Fixture { dir, database, registry, clock: Arc::default(), realm: slug("acme"), schema };
        let registry = Arc::new(Registry::connect(&f.database, Env::system()).unwrap());
        let name = "Acme".parse().unwrap();
        let realm = NewRealm { realm: f.realm.clone(), name, preset: Preset::Default, prefix: None, credentials: None };
        let (org, owner) = (slug("one"), slug("alice"));
        let lifetimes = (DEFAULT_ROOT_LIFETIME, 86_400);
        let init = Init { caller: caller(), realm, org, owner, root_lifetime: lifetimes.0, head_lifetime: lifetimes.1 };
        init_in(&publishes, &registry, &init, &mut |_| Ok(())).unwrap();
        let two = Two { f, registry, publishes, copies };
        two.carry();
        two
    }

    fn publisher(&self) -> Publisher {
        publisher(&self.publishes, &self.registry, &self.f.realm)
    }

    fn follower(&self) -> Follower {
        Follower::new(Arc::clone(&self.registry), self.f.realm.clone(), &self.copies)
    }

    /// An epoch with another key.
    fn publish(&self, publisher: &Publisher) -> Published {
        let keys = self.registry.keys(&self.f.realm);
        keys.make(&caller(), &new_key(&format!("key {}", keys.count(&Default::default()).unwrap()))).unwrap();
        let published = publisher.publish(&[&Directory::new(self.publishes.realm(&self.f.realm))]).unwrap();
        self.carry();
        published
    }

    /// Puts into the database what lies in the publisher's directory, where publishing does not do so by itself.
    fn carry(&self) {
        if self.registry.carries_files() {
            return;
        }
        let (here, ledger) = (Directory::new(self.publishes.realm(&self.f.realm)), self.registry.ledger(&self.f.realm));
        let items = here.list().unwrap().into_iter().map(|(item, _)| item).chain([Item::Root(1)]);
        let files = items.filter(|item| ledger.file(&item.to_string()).unwrap().is_none());
        let files: Vec<_> = files.map(|item| (item.to_string(), here.read(item).unwrap().unwrap())).collect();
        let (before, bytes) = (ledger.file("head").unwrap(), here.read(Item::Head).unwrap().unwrap());
        let epoch = ledger.newest(1).unwrap()[0].epoch;
        let head = NewHead { before: before.as_deref(), bytes: &bytes, epoch };
        assert!(ledger.put_files(&files, &[], Some(head)).unwrap());
    }

    fn last_file(&self) -> u64 {
        self.registry.ledger(&self.f.realm).last_file().unwrap()
    }

    fn is_ahead_of(&self, follower: &Follower) -> bool {
        let states = self.registry.realm_states().unwrap();
        let state = states.iter().find(|state| state.realm == self.f.realm).unwrap();
        follower.is_behind(state.last_file, state.shown_epoch)
    }

    fn copied(&self) -> Directory {
        Directory::new(self.copies.realm(&self.f.realm))
    }

    /// Publishes so many epochs, lets `meanwhile` see them, and takes the database's files back to before them.
    fn lose(&self, epochs: usize, meanwhile: impl FnOnce()) {
        let (last, shown) = (self.last_file(), self.registry.ledger(&self.f.realm).newest(1).unwrap()[0].epoch);
        self.f.execute("DROP TABLE IF EXISTS saved; CREATE TABLE saved AS SELECT * FROM published_files").unwrap();
        let publisher = self.publisher();
        (0..epochs).for_each(|_| drop(self.publish(&publisher)));
        meanwhile();
        let files = "DELETE FROM published_files; INSERT INTO published_files SELECT * FROM saved";
        let realm = format!("UPDATE realms SET last_file = {last}, shown_epoch = {shown} WHERE slug = 'acme'");
        self.f.execute(&format!("{files}; {realm}")).unwrap();
    }

    /// Every file of the database lies at the other node as it is there.
    fn assert_copied(&self) {
        let (ledger, copied) = (self.registry.ledger(&self.f.realm), self.copied());
        for (name, _) in ledger.files().unwrap() {
            let item = Item::published(&name).unwrap();
            assert_eq!(copied.read(item).unwrap(), ledger.file(&name).unwrap(), "{name}");
        }
    }
}

/// As after a failover to a replica that lacked the last transactions, or a restore: their numbers are given again, to other files. Whether or not
/// somebody looked while it was back, and whether it ends before the number that was seen last or beyond it.
fn a_database_that_went_back_is_copied_anew(place: Place) {
    let two = Two::new(place);
    let mut follower = two.follower();
    for (lost, later, looks) in [(4, 1, true), (1, 4, true), (4, 1, false), (1, 4, false)] {
        let mut seen = 0;
        two.lose(lost, || {
            follower.copy().unwrap();
            two.assert_copied();
            seen = two.last_file();
        });
        if looks {
            // No older head takes the place of the one here.
            assert_eq!(follower.copy().unwrap_err().code(), "target_ahead");
        }
        let publisher = two.publisher();
        (0..later).for_each(|_| drop(two.publish(&publisher)));
        assert_eq!(two.last_file() > seen, later > lost);
        assert!(two.is_ahead_of(&follower));
        follower.copy().unwrap();
        assert_eq!(two.copied().read(Item::Head).unwrap(), two.registry.ledger(&two.f.realm).file("head").unwrap());
        assert!(!two.is_ahead_of(&follower));
        // What the head does not name may be passed over, where numbers were given again; whoever compares everything copies that too.
        two.follower().copy().unwrap();
        two.assert_copied();
    }
}

fn no_head_is_shown_before_what_it_names(place: Place) {
    let two = Two::new(place);
    let (mut follower, publisher) = (two.follower(), two.publisher());
    follower.copy().unwrap();
    let before = two.copied().read(Item::Head).unwrap().unwrap();
    let published = two.publish(&publisher);
    two.f.execute(&format!("DELETE FROM published_files WHERE name = 'objects/{}'", published.tree)).unwrap();
    for _ in 0..2 {
        assert_eq!(follower.copy().unwrap_err().code(), "build");
        assert_eq!(two.copied().read(Item::Head).unwrap().unwrap(), before);
    }
    two.publish(&two.publisher());
    let (epoch, news) = follower.copy().unwrap();
    assert_eq!((epoch, news), (published.epoch + 1, true));
    // What somebody has deleted here is missed by the next head that needs it, and copied again.
    let root = two.copied().path().join("root/1");
    fs::remove_file(&root).unwrap();
    two.publish(&two.publisher());
    follower.copy().unwrap();
    two.assert_copied();
    assert!(root.exists());
}

fn a_bundle_that_cannot_be_made_is_told_of_until_it_is(place: Place) {
    let two = Two::new(place);
    let mut follower = two.follower();
    let published = two.publish(&two.publisher());
    follower.copy().unwrap();
    fs::remove_file(two.copied().path().join(format!("objects/{}", published.tree))).unwrap();
    for _ in 0..2 {
        assert_eq!(follower.tidy().unwrap_err().code(), "build");
    }
    assert!(two.is_ahead_of(&follower), "what is missing is to be copied again");
    follower.copy().unwrap();
    follower.tidy().unwrap();
    assert!(two.copied().has(Item::Bundle).unwrap());
    // A directory in its place: one that cannot be written now can be later.
    two.publish(&two.publisher());
    follower.copy().unwrap();
    let bundle = two.copied().path().join("bundle");
    fs::remove_file(&bundle).unwrap();
    fs::create_dir(&bundle).unwrap();
    let failed = std::iter::repeat_with(|| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        follower.tidy().is_err()
    });
    assert!(failed.take(100).any(|failed| failed));
    assert!(follower.tidy().is_err());
    fs::remove_dir(&bundle).unwrap();
    follower.tidy().unwrap();
    assert!(bundle.is_file());
}

on_both_stores! {
    start: std::convert::identity;
    a_database_that_went_back_is_copied_anew,
    no_head_is_shown_before_what_it_names,
    a_bundle_that_cannot_be_made_is_told_of_until_it_is,
}
