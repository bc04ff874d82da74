//! Which epochs count: genuine objects replayed, edges started again, eras begun, heads that vouch for an older bundle.

use super::raw::{Head, Keys, LAST, Root, Tree, role};
use super::scenarios::{Scenario, Step, asks, offer, root, small, update};
use super::sequences::empty;
use super::{DAY, T0, trust};

const OK: &str = "accepted";

/// The trees: `old` holds keys that `new` holds no more.
struct Trees {
    old: Tree,
    new: Tree,
}

/// Root 2 with this publisher, which goes on with era 1 or begins one.
fn second(publisher: Keys, era: u32, min_epoch: u64) -> Vec<u8> {
    Root { version: 2, era, min_epoch, publisher, ..trust::first() }.sign(&[1, 2])
}

fn head(tree: &Tree, root_version: u32, epoch: u64, seeds: &[u8]) -> Vec<u8> {
    Head { root_version, epoch, ..Head::of(tree) }.sign(seeds)
}

fn bundle(tree: &Tree, root_version: u32, epoch: u64, seeds: &[u8]) -> Vec<u8> {
    tree.bundle(&head(tree, root_version, epoch, seeds))
}

pub fn all(honest: &Tree) -> Vec<Scenario> {
    let trees = Trees { old: honest.clone(), new: empty() };
    let mut out = Vec::new();
    let mut add = |name: &str, root: &[u8], config: &'static str, steps: Vec<Step>| {
        out.push(Scenario { name: name.into(), root: root.into(), config, steps });
    };
    let first = root();
    let publishers: [(_, Keys, &[u8], _); 3] = [
        ("added", role(1, &[101, 102]), &[102], ["rollback", "below_floor"]),
        ("exchanged", role(1, &[102]), &[102], ["too_few_signatures"; 2]),
        ("doubled", role(2, &[101, 102]), &[101, 102], ["too_few_signatures"; 2]),
    ];
    for (what, publisher, seeds, [running, cold]) in publishers {
        let root2 = second(publisher, 1, 1);
        let again = |name, root: &[u8], config| (format!("publisher key {what}: {name}"), root.to_vec(), config);
        for (name, root, config) in [
            again("a cold edge with min_epoch", &first, "min_epoch=100"),
            again("a cold edge with its floor", &first, "floor=1:100"),
        ] {
            add(&name, &root, config, cold_replay(&trees, &root2, seeds, cold));
        }
        for (name, root, config) in [
            again("deployed anew, with min_epoch", &root2, "min_epoch=100"),
            again("deployed anew, with its floor", &root2, "floor=1:100"),
        ] {
            add(&name, &root, config, redeployed(&trees, seeds, cold));
        }
        let (name, root, config) = again("a running edge", &first, "");
        add(&name, &root, config, running_replay(&trees, &root2, seeds, running));
    }
    let root2 = second(role(1, &[102]), 2, 61);
    add("recovery: a running edge", &first, "min_epoch=100\nfloor=1:50", recovery(&trees, &root2, true));
    add("recovery: a cold edge", &first, "floor=1:9007199254740991", recovery(&trees, &root2, false));
    let after = |least| {
        vec![
            update(bundle(&trees.new, 2, least - 1, &[102]), "below_floor").root_version(2),
            update(bundle(&trees.new, 2, least, &[102]), OK).serving(least).root_version(2),
        ]
    };
    add("recovery: deployed anew, with its floor", &root2, "floor=1:9007199254740991", after(61));
    add("recovery: deployed anew, with min_epoch", &root2, "min_epoch=100", after(100));
    add("other keys alone are no recovery", &first, "floor=1:9007199254740991", no_recovery(&trees));
    add("a head waits for its root", &first, "", waiting(&trees));
    add("roots do not go back", &first, "floor=2:8", forward(&trees));
    add(
        "roots do not go back, by two",
        &first,
        "floor=3:8",
        vec![
            update(bundle(&trees.new, 2, 8, &[102]), "root_needed").roots(&[&root2]),
            offer(head(&trees.new, 2, 8, &[102]), "root_needed").roots(&[&root2]),
        ],
    );
    add("the root's least epoch", &first, "", least(&trees));
    add("the head offered last vouches for its tree", &first, "floor=1:9", vouching(&trees));
    add("the head offered last is judged again", &first, "", judged_again(&trees));
    add("beginnings of bundles", &first, "", beginnings(&trees));
    add("how long a bundle can be", &first, "", lengths(&trees));
    out
}

/// A genuine bundle of epoch 90, from before a key was revoked, and a genuine root of later, brought to an edge at 100.
fn running_replay(t: &Trees, root2: &Vec<u8>, seeds: &[u8], code: &'static str) -> Vec<Step> {
    vec![
        update(small(&t.new, 100), OK).serving(100),
        update(small(&t.old, 90), "rollback").serving(100),
        update(small(&t.old, 90), code).roots(&[root2]).serving(100),
        offer(head(&t.old, 1, 90, &[101]), code).roots(&[root2]).serving(100),
        update(bundle(&t.old, 2, 90, seeds), "rollback").roots(&[root2]).serving(100),
        update(bundle(&t.old, 2, 100, seeds), "equivocation").roots(&[root2]).serving(100),
        update(bundle(&t.new, 2, 101, seeds), OK).roots(&[root2]).serving(101).root_version(2),
    ]
}

fn cold_replay(t: &Trees, root2: &Vec<u8>, seeds: &[u8], code: &'static str) -> Vec<Step> {
    vec![
        update(small(&t.old, 90), "below_floor"),
        update(small(&t.old, 90), code).roots(&[root2]),
        offer(head(&t.old, 1, 90, &[101]), code).roots(&[root2]),
        update(bundle(&t.old, 2, 99, seeds), "below_floor").roots(&[root2]),
        update(bundle(&t.new, 2, 100, seeds), OK).roots(&[root2]).serving(100).root_version(2),
    ]
}

fn redeployed(t: &Trees, seeds: &[u8], code: &'static str) -> Vec<Step> {
    vec![
        update(small(&t.old, 90), code).root_version(2),
        update(bundle(&t.old, 2, 99, seeds), "below_floor").root_version(2),
        update(bundle(&t.new, 2, 100, seeds), OK).serving(100).root_version(2),
    ]
}

/// A thief of the publisher's key signed the last epoch. The next root takes the key away and begins an era after epoch 60, the
/// last that is known to be genuine.
fn recovery(t: &Trees, root2: &Vec<u8>, running: bool) -> Vec<Step> {
    let far = || small(&t.old, LAST);
    let mut steps = Vec::new();
    let mut stand = |step: Step| steps.push(if running { step.serving(LAST) } else { step });
    if running {
        stand(update(far(), OK));
    }
    let refused = if running { "rollback" } else { "below_floor" };
    stand(update(small(&t.new, 101), refused));
    stand(update(bundle(&t.new, 2, 61, &[102]), "root_needed"));
    stand(offer(head(&t.new, 2, 61, &[102]), "root_needed"));
    stand(update(bundle(&t.old, 2, LAST, &[101]), "too_few_signatures").roots(&[root2]));
    stand(update(far(), "too_few_signatures").roots(&[root2]));
    stand(update(bundle(&t.new, 1, LAST, &[102]), "earlier_era").roots(&[root2]));
    stand(update(bundle(&t.new, 2, 60, &[102]), "below_floor").roots(&[root2]));
    // The floors were set in the era before and count no more.
    steps.push(update(bundle(&t.new, 2, 61, &[102]), OK).roots(&[root2]).serving(61).root_version(2));
    let recovered = [
        update(far(), "too_few_signatures"),
        update(bundle(&t.new, 2, 60, &[102]), "below_floor"),
        update(bundle(&t.new, 2, 61, &[102]), OK),
        offer(head(&t.new, 2, 61, &[102]), "unchanged"),
    ];
    steps.extend(recovered.map(|step| step.serving(61).root_version(2)));
    steps.push(update(bundle(&t.old, 2, 63, &[102]), OK).serving(63).root_version(2));
    steps.push(update(bundle(&t.new, 2, 62, &[102]), "rollback").serving(63).root_version(2));
    steps
}

fn no_recovery(t: &Trees) -> Vec<Step> {
    let root2 = second(role(1, &[102]), 1, 61);
    let near = update(bundle(&t.new, 2, 61, &[102]), "below_floor").roots(&[&root2]);
    vec![near, update(bundle(&t.new, 2, LAST, &[102]), OK).roots(&[&root2]).serving(LAST).root_version(2)]
}

/// With the same keys in both eras only the root that a head names tells what its epoch counts for.
fn waiting(t: &Trees) -> Vec<Step> {
    let root2 = second(role(1, &[101]), 2, 101);
    vec![
        update(small(&t.new, 5), OK).serving(5),
        update(bundle(&t.new, 2, 150, &[101]), "root_needed").serving(5),
        offer(head(&t.new, 2, 150, &[101]), "root_needed").serving(5),
        offer(bundle(&t.new, 2, 150, &[101]), "root_needed").serving(5),
        offer(head(&t.new, 2, 150, &[101]), "renewed").roots(&[&root2]).serving(150).root_version(2),
        update(bundle(&t.old, 2, 120, &[101]), "rollback").serving(150).root_version(2),
        update(bundle(&t.old, 1, 200, &[101]), "earlier_era").serving(150).root_version(2),
        offer(head(&t.old, 1, 200, &[101]), "earlier_era").serving(150).root_version(2),
        offer(head(&t.old, 3, 200, &[101]), "root_needed").serving(150).root_version(2),
    ]
}

/// An edge that had followed to root 2 starts again with root 1, which it was deployed with.
fn forward(t: &Trees) -> Vec<Step> {
    let root2 = second(role(1, &[101, 102]), 2, 7);
    vec![
        update(small(&t.old, 90), "root_needed"),
        offer(head(&t.old, 1, 90, &[101]), "root_needed"),
        update(small(&t.old, 90), "earlier_era").roots(&[&root2]),
        update(bundle(&t.old, 2, 7, &[102]), "below_floor").roots(&[&root2]),
        update(bundle(&t.new, 2, 8, &[102]), OK).roots(&[&root2]).serving(8).root_version(2),
    ]
}

fn least(t: &Trees) -> Vec<Step> {
    let root2 = second(role(1, &[101]), 1, 50);
    vec![
        update(small(&t.old, 48), "below_floor").roots(&[&root2]),
        update(small(&t.old, 48), OK).serving(48),
        update(small(&t.old, 49), "below_floor").roots(&[&root2]).serving(48),
        update(small(&t.new, 50), OK).roots(&[&root2]).serving(50).root_version(2),
    ]
}

fn vouching(t: &Trees) -> Vec<Step> {
    let (old, new) = (t.old.bytes().len() as u64, t.new.bytes().len() as u64);
    vec![
        update(small(&t.old, 5), "below_floor"),
        asks(head(&t.old, 1, 9, &[101]), old),
        offer(head(&t.new, 1, 9, &[150]), "too_few_signatures"),
        update(small(&t.old, 5), OK).serving(9),
        // A head vouches for bundles of its own tree alone.
        asks(head(&t.new, 1, 10, &[101]), new).serving(9),
        update(small(&t.old, 5), "below_floor").serving(9),
        // It does not vouch for a bundle with the tree's top page and other shards below it.
        update(bundle_of_other_shards(t), "wrong_digest").serving(9),
        offer(head(&t.old, 1, 9, &[101]), "unchanged").serving(9),
        update(small(&t.new, 6), OK).serving(10),
        // It vouches once: a bundle that was taken uses it up.
        asks(head(&t.old, 1, 14, &[101]), old).serving(10),
        update(small(&t.new, 13), OK).serving(13),
        update(small(&t.old, 12), "rollback").serving(13),
        // Of two heads that were offered, the last counts.
        asks(head(&t.old, 1, 20, &[101]), old).serving(13),
        asks(head(&t.old, 1, 19, &[101]), old).serving(13),
        update(small(&t.old, 18), OK).serving(19),
    ]
}

/// The new tree's top page over another shard, under a head of epoch 5.
fn bundle_of_other_shards(t: &Trees) -> Vec<u8> {
    let mut tree = t.new.clone();
    tree.shards.iter_mut().for_each(|shard| shard[8] ^= 1);
    small(&tree, 5)
}

/// What was acceptable when it was offered may not be so any more; then the bundle's own head counts.
fn judged_again(t: &Trees) -> Vec<Step> {
    let (old, new) = (t.old.bytes().len() as u64, t.new.bytes().len() as u64);
    let root2 = second(role(1, &[102]), 2, 1);
    let longer = t.new.bundle(&Head { epoch: 5, not_after: T0 + 2 * DAY, ..Head::of(&t.new) }.sign(&[101]));
    vec![
        asks(head(&t.new, 1, 9, &[101]), new),
        update(longer, OK).at(T0 + DAY).serving(5),
        asks(head(&t.old, 1, 9, &[101]), old).serving(5),
        offer(head(&t.new, 1, 10, &[101]), "renewed").serving(10),
        update(small(&t.old, 8), "rollback").serving(10),
        asks(head(&t.old, 2, 9, &[102]), old).roots(&[&root2]).serving(10),
        update(bundle(&t.old, 2, 8, &[102]), "root_needed").serving(10),
        update(bundle(&t.old, 2, 8, &[102]), OK).roots(&[&root2]).serving(9).root_version(2),
    ]
}

fn beginnings(t: &Trees) -> Vec<Step> {
    let bytes = t.old.bytes().len() as u64;
    let (bundle, head) = (small(&t.old, 5), head(&t.old, 1, 5, &[101]));
    let first = |count: usize| bundle[..count].to_vec();
    let edited = |at: usize, with: &[u8]| {
        let mut begin = first(16 + head.len());
        begin[at..at + with.len()].copy_from_slice(with);
        begin
    };
    vec![
        asks(bundle.clone(), bytes),
        asks(first(16 + head.len()), bytes),
        offer(first(15 + head.len()), "truncated"),
        offer(first(16), "truncated"),
        offer(first(4), "truncated"),
        offer(first(3), "truncated"),
        offer(edited(4, &[1]), "unsupported_format"),
        offer(edited(6, &[1]), "bad_field"),
        offer(edited(8, &4097u32.to_le_bytes()), "too_large"),
        offer(edited(8, &4096u32.to_le_bytes()), "truncated"),
        offer(edited(12, &0x4_0001u32.to_le_bytes()), "too_large"),
        offer(vec![0; 4096], "bad_magic"),
        offer(vec![0; 4097], "too_large"),
    ]
}

fn lengths(t: &Trees) -> Vec<Step> {
    let announced = |tree_bytes| Head { tree_bytes, ..Head::of(&t.old) }.sign(&[101]);
    let most = 3 << 30;
    let sizes = [0, 7, 8, 1 << 20, 2_829_060_778, most];
    sizes.map(|bytes| asks(announced(bytes), bytes)).into_iter().chain([offer(announced(most + 1), "too_large")]).collect()
}
