//! What there is to present: the roots of a realm, genuine and flawed, and the heads that were signed under them.

use edgelatch_core::build::*;
use edgelatch_core::edge::Floor;
use edgelatch_core::head::Head;
use edgelatch_core::limits::MAX_EPOCH;
use edgelatch_testkit::random::Random;
use edgelatch_testkit::realm::{DAY, T0, head_fields, record, role, root_fields, signers, tree};
use std::fmt;
use std::sync::LazyLock;

/// Keys that are revoked one after the other: tree `r` holds all but the first `r`.
pub const KEYS: u64 = 4;
static TREES: LazyLock<Vec<Tree>> =
    LazyLock::new(|| (0..KEYS).map(|gone| tree((gone..KEYS).map(|key| record(key + 1)).collect())).collect());

/// A threshold and the seeds of keys. Root keys have seeds 1.., publisher keys 101...
pub type Keys = (u8, Vec<u8>);

/// A root of the realm's chain, before it is signed.
#[derive(Clone, Debug)]
pub struct RootSpec {
    pub version: u32,
    pub era: u32,
    pub min_epoch: u64,
    pub root: Keys,
    pub publisher: Keys,
}

impl RootSpec {
    /// The one after it, which goes on with everything.
    pub fn next(&self) -> RootSpec {
        RootSpec { version: self.version + 1, ..self.clone() }
    }

    fn sign(&self, seeds: &[u8]) -> Vec<u8> {
        let fields = RootFields {
            era: self.era,
            min_epoch: self.min_epoch,
            root: role(self.root.0, &self.root.1),
            publisher: role(self.publisher.0, &self.publisher.1),
            ..root_fields(self.version)
        };
        let mut seeds = seeds.to_vec();
        seeds.sort_unstable();
        seeds.dedup();
        sign_root(&fields, &signers(&seeds)).unwrap()
    }

    /// Whether these signers are enough of its publishers.
    pub fn is_proof(&self, seeds: &[u8]) -> bool {
        self.publisher.1.iter().filter(|seed| seeds.contains(seed)).count() >= usize::from(self.publisher.0)
    }
}

/// A root that no edge may follow to, though some of the right keys signed it.
pub struct Flawed {
    pub why: &'static str,
    /// The root before it.
    pub after: usize,
    pub bytes: Vec<u8>,
}

/// A head with its bundle.
pub struct Object {
    /// When an honest publisher signed it, counted in heads; `None` for the thief's.
    pub time: Option<usize>,
    pub root_version: u32,
    pub epoch: u64,
    /// How many keys were revoked, of [`KEYS`] in their order.
    pub revision: u64,
    pub seeds: Vec<u8>,
    pub head: Vec<u8>,
    pub bundle: Vec<u8>,
    pub parsed: Head,
}

pub struct World {
    pub name: String,
    pub roots: Vec<RootSpec>,
    pub signed: Vec<Vec<u8>>,
    pub flawed: Vec<Flawed>,
    pub objects: Vec<Object>,
}

impl World {
    /// The world of these roots, without any head.
    pub fn new(name: String, roots: Vec<RootSpec>) -> World {
        let both = |at: usize| {
            let before = if at > 0 { roots[at - 1].root.1.clone() } else { vec![] };
            [before, roots[at].root.1.clone()].concat()
        };
        let signed = (0..roots.len()).map(|at| roots[at].sign(&both(at))).collect();
        let mut world = World { name, signed, flawed: vec![], objects: vec![], roots };
        for after in 0..world.roots.len() {
            world.add_flawed(after);
        }
        world
    }

    fn add_flawed(&mut self, after: usize) {
        let old = &self.roots[after];
        let next = self.roots.get(after + 1).cloned().unwrap_or_else(|| old.next());
        let all = [old.root.1.clone(), next.root.1.clone()].concat();
        let missing = |of: &Keys, other: &Keys| {
            // A key of both roles signs for both, so the role can be left short only if those are too few.
            let (both, own): (Vec<u8>, Vec<u8>) = of.1.iter().partition(|seed| other.1.contains(seed));
            let short = (usize::from(of.0) - 1).checked_sub(both.len())?;
            Some([other.1.clone(), own[..short].to_vec()].concat())
        };
        let mut add = |why, spec: &RootSpec, seeds: Option<Vec<u8>>| {
            if let Some(seeds) = seeds {
                let bytes = spec.sign(&seeds);
                self.flawed.push(Flawed { why, after, bytes });
            }
        };
        add("too few of the role before", &next, missing(&old.root, &next.root));
        add("too few of its own role", &next, missing(&next.root, &old.root));
        add("a stranger's", &RootSpec { root: (1, vec![99]), ..next.clone() }, Some(vec![99]));
        add("signed by publishers", &next, Some(old.publisher.1.clone()));
        let goes_on = RootSpec { era: old.era, min_epoch: old.min_epoch, ..next.clone() };
        if old.min_epoch > 1 {
            add(
                "goes on, with a lower epoch",
                &RootSpec { min_epoch: old.min_epoch - 1, ..goes_on.clone() },
                Some(all.clone()),
            );
        }
        for (why, era) in [("names the root before as its era", old.version), ("goes back to an earlier era", old.era - 1)] {
            if era != old.era && era > 0 {
                add(why, &RootSpec { era, ..goes_on.clone() }, Some(all.clone()));
            }
        }
        add("a version too far", &RootSpec { version: next.version + 1, ..goes_on.clone() }, Some(all.clone()));
        add("as old as the one before", &RootSpec { version: old.version, ..goes_on }, Some(all));
    }

    /// Adds a head of the honest publisher, signed with all keys of the root that it names or, for one from before the first
    /// root, of that.
    pub fn publish(&mut self, root_version: u32, epoch: u64, revision: u64) {
        let at = self.at(root_version).unwrap_or(0);
        let time = self.objects.iter().filter(|object| object.time.is_some()).count();
        let seeds = self.roots[at].publisher.1.clone();
        self.objects.push(object(Some(time), root_version, epoch, revision, seeds, T0 + DAY));
    }

    /// Adds what the thief of this key signs.
    pub fn steal(&mut self, seed: u8, root_version: u32, epoch: u64) {
        // Told from an honest one of the same epoch by when it ends.
        let stolen = object(None, root_version, epoch, 0, vec![seed], T0 + DAY - 1);
        if self.objects.iter().all(|object| object.head != stolen.head) {
            self.objects.push(stolen);
        }
    }

    /// The last honest head.
    pub fn newest(&self) -> usize {
        (0..self.objects.len()).max_by_key(|at| self.objects[*at].time).unwrap_or(0)
    }

    /// The place of a root in the chain.
    pub fn at(&self, version: u32) -> Option<usize> {
        self.roots.iter().position(|root| root.version == version)
    }

    /// The era to which a head belongs that names this root; that of a root from before the first is known only if it is the
    /// first root's.
    pub fn era_of(&self, version: u32) -> Option<u32> {
        let first = &self.roots[0];
        match self.at(version) {
            Some(at) => Some(self.roots[at].era),
            None => (version < first.version && version >= first.era).then_some(first.era),
        }
    }

    /// The roots from `from` to `to`, to be handed in.
    pub fn chain(&self, from: usize, to: usize) -> Vec<&[u8]> {
        (from + 1..=to).map(|at| self.signed[at].as_slice()).collect()
    }

    pub fn floor(&self, at: usize, epoch: u64) -> Floor {
        Floor { root_version: self.roots[at].version, epoch }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.roots.iter().try_for_each(|root| writeln!(f, "{root:?}"))?;
        self.objects.iter().enumerate().try_for_each(|(at, object)| {
            let Object { time, root_version, epoch, revision, seeds, .. } = object;
            let by = if time.is_some() { "honest" } else { "the thief's" };
            writeln!(
                f,
                "object {at}: {by}, under root {root_version}, epoch {epoch}, {revision} keys revoked, signed by {seeds:?}"
            )
        })
    }
}

fn object(time: Option<usize>, root_version: u32, epoch: u64, revision: u64, seeds: Vec<u8>, not_after: u64) -> Object {
    let tree = &TREES[revision as usize];
    let head = sign_head(&HeadFields { root_version, not_after, ..head_fields(epoch, tree) }, &signers(&seeds)).unwrap();
    let bundle = encode_bundle(&head, tree).unwrap();
    let parsed = Head::inspect(&head).unwrap();
    Object { time, root_version, epoch, revision, seeds, head, bundle, parsed }
}

/// The thief's key.
pub const STOLEN: u8 = 101;

/// What may become of the publisher role from one root to the next.
fn publishers() -> [(&'static str, Keys, Keys); 6] {
    let (one, two, both) = ((1, vec![101]), (1, vec![101, 102]), (2, vec![101, 102]));
    [
        ("same publisher", one.clone(), one.clone()),
        ("publisher added", one.clone(), two.clone()),
        ("publisher removed", two.clone(), (1, vec![102])),
        ("publisher exchanged", one, (1, vec![103])),
        ("threshold raised", two.clone(), both.clone()),
        ("threshold lowered", both, two),
    ]
}

/// The first root known: the third of its realm, in an era that began with the second.
fn first(publisher: Keys) -> RootSpec {
    RootSpec { version: 3, era: 2, min_epoch: 4, root: (1, vec![1]), publisher }
}

/// Every way from one root to the next. In an era that began, epochs are lower, or go on above the last.
pub fn of_two_roots() -> Vec<World> {
    let mut worlds = Vec::new();
    for (what, before, after) in publishers() {
        for (era, epochs) in [("goes on", [10, 11]), ("begins, lower", [6, 7]), ("begins, higher", [10, 12])] {
            let one = first(before.clone());
            let begins = era != "goes on";
            // Higher or lower matters only where the keys of both eras overlap; one such world is enough.
            if era == "begins, higher" && what != "publisher added" {
                continue;
            }
            let two = RootSpec {
                era: if begins { 4 } else { one.era },
                min_epoch: if begins { epochs[0] } else { 5 },
                root: (1, vec![2]),
                publisher: after.clone(),
                ..one.next()
            };
            let mut world = World::new(format!("{what}, era {era}"), vec![one, two]);
            world.publish(1, 30, 0);
            world.publish(3, 4, 0);
            world.publish(3, 8, 1);
            world.publish(3, 9, 1);
            world.publish(4, epochs[0], 1);
            world.publish(4, epochs[1], 2);
            for (version, epoch) in [(3, MAX_EPOCH), (4, 9)] {
                world.steal(STOLEN, version, epoch);
            }
            worlds.push(world);
        }
    }
    worlds
}

/// Three roots, of which an edge may miss one. A thief of the first publisher's key.
pub fn of_three_roots() -> Vec<World> {
    let eras = [("goes on, begins", [2, 5]), ("begins, goes on", [4, 4]), ("begins twice", [4, 5])];
    let world = |(name, [second, third]): (&str, [u32; 2])| {
        let one = first((1, vec![101]));
        let two = RootSpec { era: second, publisher: (1, vec![101, 102]), root: (2, vec![1, 2, 3]), ..one.next() };
        let three = RootSpec { era: third, publisher: (1, vec![102]), root: (2, vec![2, 3]), ..two.next() };
        let mut world = World::new(format!("three roots: {name}"), vec![one, two, three]);
        world.publish(3, 9, 0);
        let mut epoch = 9;
        for (version, begins, revision) in [(4, second == 4, 1), (5, third == 5, 2)] {
            epoch = if begins { 4 } else { epoch };
            world.publish(version, epoch + 1, revision);
            world.publish(version, epoch + 2, revision + 1);
            epoch += 2;
        }
        world.steal(STOLEN, 3, MAX_EPOCH);
        world
    };
    eras.into_iter().map(world).collect()
}

/// Two roots and several heads to each tree, for what an edge holds between two acts.
pub fn with_renewals() -> Vec<World> {
    let mut worlds = Vec::new();
    let renewed: [(_, _, &[u64]); 2] = [("goes on", 2, &[10]), ("begins", 4, &[5, 6])];
    for (name, era, epochs) in renewed {
        let one = first((1, vec![101]));
        let two = RootSpec { era, publisher: (1, vec![101, 102]), ..one.next() };
        let mut world = World::new(format!("renewals, era {name}"), vec![one, two]);
        world.publish(3, 5, 0);
        world.publish(3, 7, 0);
        world.publish(3, 8, 1);
        epochs.iter().for_each(|epoch| world.publish(4, *epoch, 1));
        // The first tree again, between two heads of the second.
        world.steal(STOLEN, 3, 9);
        world.flawed.clear();
        worlds.push(world);
    }
    worlds
}

/// A world of up to six roots, in which anything may change from one to the next and several things at once.
pub fn random(seed: u64) -> World {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut below = |limit: u64| random.number() % limit;
    let mut some = |from: u8, most: u64| -> Keys {
        let mut seeds: Vec<u8> = (from..from + 4).filter(|_| below(2) == 0).take(most as usize).collect();
        if seeds.is_empty() {
            seeds.push(from + below(4) as u8);
        }
        (1 + below(seeds.len() as u64) as u8, seeds)
    };
    let version = 1 + seed as u32 % 3;
    let mut roots = vec![RootSpec { version, era: version, min_epoch: 1, root: some(1, 3), publisher: some(101, 3) }];
    let mut dice = Random(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93) | 1);
    let mut roll = |limit: u64| dice.number() % limit;
    let mut epoch = roll(4);
    let mut published = Vec::new();
    for at in 0..2 + roll(5) as usize {
        if at > 0 {
            let last = roots[at - 1].clone();
            let mut next = last.next();
            if roll(3) == 0 {
                next.root = some(1, 3);
            }
            if roll(2) == 0 {
                next.publisher = some(101, 3);
            }
            match roll(4) {
                0 => (next.era, next.min_epoch, epoch) = (next.version, epoch + 1, epoch),
                1 => {
                    // As after a far epoch, or a registry that was lost.
                    epoch = roll(4);
                    (next.era, next.min_epoch) = (next.version, epoch + 1);
                }
                2 => next.min_epoch = (epoch + 1).max(last.min_epoch),
                _ => {}
            }
            roots.push(next);
        }
        for _ in 0..1 + roll(3) {
            epoch += 1 + roll(3);
            published.push((roots[at].version, epoch));
        }
    }
    let mut world = World::new(format!("seed {seed}"), roots);
    let share = (published.len() as u64).div_ceil(KEYS);
    for ((version, epoch), at) in published.iter().zip(0..) {
        world.publish(*version, *epoch, at / share);
    }
    let newest = world.roots[world.roots.len() - 1].version;
    for _ in 0..roll(4) {
        let (_, epoch) = published[roll(published.len() as u64) as usize];
        let epoch = [MAX_EPOCH, epoch, epoch + 1][roll(3) as usize];
        world.steal(101 + roll(4) as u8, version + roll(u64::from(newest + 2 - version)) as u32, epoch);
    }
    world
}
