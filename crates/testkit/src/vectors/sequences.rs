//! Updates that follow on one another: epochs, floors, renewals and chains of roots. What eras are about stands in `eras`.

use super::raw::{self, Head, LAST, Root, Tree, role};
use super::realms::pepper_of;
use super::scenarios::{Scenario, Step, asks, offer, root, small, update};
use super::{DAY, T0, trust};

const OK: &str = "accepted";

struct Materials {
    /// The tree being served at first, and another.
    one: Tree,
    two: Tree,
    v2: Vec<u8>,
    v3: Vec<u8>,
    v4: Vec<u8>,
}

impl Materials {
    fn head(&self, tree: &Tree, epoch: u64) -> Vec<u8> {
        Head { epoch, ..Head::of(tree) }.sign(&[101])
    }

    /// A head and bundle under the root version 2 or later, where two of 102, 103, 104 publish.
    fn rotated(&self, epoch: u64) -> Vec<u8> {
        self.two.bundle(&Head { epoch, root_version: 2, ..Head::of(&self.two) }.sign(&[102, 103]))
    }
}

pub fn all(honest: &Tree) -> Vec<Scenario> {
    let [_, v2, v3, v4] = trust::roots().map(|(_, root, seeds)| root.sign(seeds));
    let m = Materials { one: honest.clone(), two: empty(), v2, v3, v4 };
    let mut out = Vec::new();
    let mut add = |name: &str, config: &'static str, steps: Vec<Step>| {
        out.push(Scenario { name: name.into(), root: root(), config, steps });
    };
    add("epochs", "", epochs(&m));
    add("renewals", "", renewals(&m));
    add("times of a head", "", times(&m));
    add("grace", "grace=60", grace(&m));
    add("min_epoch", "min_epoch=6", floored(&m, 5, 6));
    add("durable floor", "floor=1:6", floored(&m, 5, 6));
    add("both floors: the higher one counts", "min_epoch=4\nfloor=1:6", floored(&m, 5, 6));
    add("both floors: the higher one counts, exchanged", "min_epoch=6\nfloor=1:4", floored(&m, 5, 6));
    add("a floor set under the rotated publisher counts", "floor=2:50", rotated_floor(&m));
    add("roots of one era keep the epoch", "", kept(&m));
    add("chains of roots", "", chains(&m));
    add("thresholds of the publisher", "", thresholds(&m));
    add("credentials: nothing is left", "credentials=bearer", vec![update(small(&settings(2, 0), 5), "bad_config")]);
    add(
        "credentials: a query parameter is left",
        "credentials=bearer\nquery=key",
        vec![update(small(&settings(2, 0), 5), OK).serving(5)],
    );
    for (name, config, steps) in peppers(&m) {
        add(name, config, steps);
    }
    let expiring = Root { expires_at: T0 + 10, ..trust::first() }.sign(&[1, 2]);
    let steps = vec![
        update(small(&m.one, 5), "root_expired").at(T0 + 10),
        update(small(&m.one, 5), OK).at(T0 + 9).serving(5),
        update(small(&m.two, 6), "root_expired").at(T0 + 10).serving(5),
    ];
    out.push(Scenario { name: "a root that expires".into(), root: expiring, config: "", steps });
    out
}

fn epochs(m: &Materials) -> Vec<Step> {
    let renewed = m.one.bundle(&Head { not_after: T0 + 2 * DAY, ..Head::of(&m.one) }.sign(&[101]));
    vec![
        update(small(&m.one, 5), OK).serving(5),
        update(small(&m.two, 4), "rollback").serving(5),
        update(small(&m.one, 4), "rollback").serving(5),
        update(small(&m.two, 5), "equivocation").serving(5),
        update(renewed, "equivocation").serving(5),
        update(small(&m.one, 5), OK).serving(5),
        update(small(&m.two, 9), OK).serving(9),
        update(small(&m.one, 8), "rollback").serving(9),
        update(small(&m.one, LAST), OK).serving(LAST),
        update(small(&m.two, 10), "rollback").serving(LAST),
        update(small(&m.two, LAST + 1), "bad_field").serving(LAST),
    ]
}

fn renewals(m: &Materials) -> Vec<Step> {
    let half = T0 + DAY / 2;
    let later = |tree: &Tree, epoch| Head { epoch, issued_at: half, not_after: T0 + 2 * DAY, ..Head::of(tree) }.sign(&[101]);
    vec![
        asks(m.head(&m.one, 5), m.one.bytes().len() as u64),
        update(small(&m.one, 5), OK).serving(5),
        offer(m.head(&m.one, 5), "unchanged").serving(5),
        offer(m.head(&m.one, 4), "rollback").serving(5),
        offer(m.head(&m.two, 5), "equivocation").serving(5),
        asks(m.head(&m.two, 6), m.two.bytes().len() as u64).serving(5),
        offer(later(&m.one, 6), "clock_invalid").serving(5),
        offer(later(&m.one, 6), "renewed").at(half).serving(6),
        offer(m.head(&m.one, 5), "rollback").at(half).serving(6),
        offer(m.head(&m.one, 7), "head_expired").at(T0 + DAY).serving(6),
        offer(Head { epoch: 7, ..Head::of(&m.one) }.sign(&[150]), "too_few_signatures").serving(6),
        offer(vec![], "truncated").serving(6),
    ]
}

fn times(m: &Materials) -> Vec<Step> {
    let longest = m.two.bundle(&Head { epoch: 8, not_after: T0 + 30 * DAY, ..Head::of(&m.two) }.sign(&[101]));
    let shortest = m.two.bundle(&Head { epoch: 9, not_after: T0 + 1, ..Head::of(&m.two) }.sign(&[101]));
    vec![
        update(small(&m.one, 5), "clock_invalid").at(T0 - 301),
        update(small(&m.one, 5), OK).at(T0 - 300).serving(5),
        update(small(&m.two, 6), "head_expired").at(T0 + DAY).serving(5),
        update(small(&m.two, 6), OK).at(T0 + DAY - 1).serving(6),
        update(longest, OK).at(T0 + 30 * DAY - 1).serving(8),
        update(shortest, OK).serving(9),
    ]
}

fn grace(m: &Materials) -> Vec<Step> {
    vec![update(small(&m.one, 5), "head_expired").at(T0 + DAY + 60), update(small(&m.one, 5), OK).at(T0 + DAY + 59).serving(5)]
}

fn floored(m: &Materials, below: u64, at: u64) -> Vec<Step> {
    vec![update(small(&m.one, below), "below_floor"), update(small(&m.one, at), OK).serving(at)]
}

fn rotated_floor(m: &Materials) -> Vec<Step> {
    vec![
        update(small(&m.one, 60), "root_needed"),
        update(m.rotated(49), "below_floor").roots(&[&m.v2]),
        update(m.rotated(50), OK).roots(&[&m.v2]).serving(50).root_version(2),
    ]
}

fn kept(m: &Materials) -> Vec<Step> {
    vec![
        update(m.rotated(7), OK).roots(&[&m.v2]).serving(7).root_version(2),
        update(m.rotated(6), "rollback").roots(&[&m.v3]).serving(7).root_version(2),
        offer(Head { epoch: 8, root_version: 2, ..Head::of(&m.two) }.sign(&[102, 104]), "renewed")
            .roots(&[&m.v3])
            .serving(8)
            .root_version(3),
        // The next root begins an era: a lower epoch is later.
        offer(Head { epoch: 3, root_version: 4, ..Head::of(&m.two) }.sign(&[105]), "renewed")
            .roots(&[&m.v4])
            .serving(3)
            .root_version(4),
    ]
}

fn chains(m: &Materials) -> Vec<Step> {
    let [_, (_, second, _), (_, third, _), _] = trust::roots();
    let era = |era, min_epoch| Root { era, min_epoch, ..third.clone() }.sign(&[3, 4]);
    let refused = |root: Vec<u8>, code| update(m.rotated(7), code).roots(&[&root]);
    let many = vec![&m.v2; 65];
    vec![
        refused(second.sign(&[1, 2]), "too_few_signatures"),
        refused(second.sign(&[3, 4]), "too_few_signatures"),
        refused(second.sign(&[]), "too_few_signatures"),
        refused(second.sign(&[102, 103]), "too_few_signatures"),
        refused(Root { realm: b"other".to_vec(), ..second.clone() }.sign(&[1, 2, 4]), "wrong_realm"),
        refused(Root { version: 1, ..second.clone() }.sign(&[1, 2, 4]), "root_out_of_order"),
        refused(Root { version: 3, ..second.clone() }.sign(&[1, 2, 4]), "root_out_of_order"),
        refused(Root { publisher: role(0, &[102]), ..second.clone() }.sign(&[1, 2, 4]), "bad_threshold"),
        refused(root(), "root_out_of_order"),
        update(m.rotated(7), "root_out_of_order").roots(&[&m.v2, &m.v2]),
        update(m.rotated(7), "too_few_signatures").roots(&[&m.v3, &m.v2]),
        update(m.rotated(7), "too_long").roots(&many),
        update(m.rotated(7), "bad_era").roots(&[&m.v2, &era(2, 5)]),
        update(m.rotated(7), "bad_era").roots(&[&m.v2, &era(1, 1)]),
        update(m.rotated(7), "bad_field").roots(&[&m.v2, &era(4, 5)]),
        update(m.rotated(7), "earlier_era").roots(&[&m.v2, &era(3, 1)]),
        update(m.rotated(7), OK).roots(&[&m.v2, &m.v3]).serving(7).root_version(3),
        update(m.rotated(8), "root_out_of_order").roots(&[&m.v3]).serving(7).root_version(3),
    ]
}

fn thresholds(m: &Materials) -> Vec<Step> {
    let by = |epoch, seeds: &[u8]| m.two.bundle(&Head { epoch, root_version: 2, ..Head::of(&m.two) }.sign(seeds));
    let all = |bundle, expect| update(bundle, expect).roots(&[&m.v2]);
    vec![
        all(by(7, &[102]), "too_few_signatures"),
        all(by(7, &[102, 150]), "too_few_signatures"),
        all(by(7, &[102, 102]), "duplicate_signature"),
        all(by(7, &[103, 104, 150]), OK).serving(7).root_version(2),
        update(by(8, &[102, 103, 104]), OK).serving(8).root_version(2),
    ]
}

/// Snapshots under peppers that the edge was given and others. The trees differ in which one they name, and hold no record.
fn peppers(m: &Materials) -> Vec<(&'static str, &'static str, Vec<Step>)> {
    const ONE: &str = "pepper=00112233445566778899aabbccddeeff";
    const OTHER: &str = "pepper=ffeeddccbbaa99887766554433221100";
    const BOTH: &str = "pepper=00112233445566778899aabbccddeeff,ffeeddccbbaa99887766554433221100";
    let one: Vec<u8> = (0..16).map(|n| n * 0x11).collect();
    let other: Vec<u8> = one.iter().rev().copied().collect();
    let [one, other] = [one, other].map(|secret| settings(3, pepper_of(&secret)));
    let refused = |epoch| update(small(&one, epoch), "wrong_pepper");
    let taken = |tree: &Tree, epoch| update(small(tree, epoch), OK).serving(epoch);
    vec![
        ("pepper: not given", "", vec![refused(5)]),
        ("pepper: another one", OTHER, vec![refused(5)]),
        ("pepper: one byte too many", "pepper=00112233445566778899aabbccddeeff01", vec![refused(5)]),
        ("pepper: the one that is named", ONE, vec![taken(&one, 5)]),
        ("pepper: given, but not wanted", ONE, vec![taken(&m.one, 5)]),
        (
            "pepper: rotated, and the edge has both",
            BOTH,
            vec![taken(&m.one, 5), taken(&one, 6), taken(&other, 7), taken(&one, 8)],
        ),
        (
            "pepper: rotated, and the edge has the new one only",
            OTHER,
            vec![taken(&other, 5), refused(6).serving(5), taken(&other, 7)],
        ),
    ]
}

/// An honest tree without records.
pub fn empty() -> Tree {
    settings(3, 0)
}

/// The same with these credential headers and this pepper.
fn settings(credentials: u8, pepper_id: u32) -> Tree {
    let columns = std::array::from_fn(|at| (u8::from(at == 0), vec![]));
    let shard = raw::Shard { digests: vec![], ids: vec![], columns, lists: [vec![], vec![]] };
    let directory = raw::Directory { credentials, flags: 0, pepper_id };
    Tree::seal(0, 0, directory.bytes(&[]), vec![], vec![shard.bytes()])
}
