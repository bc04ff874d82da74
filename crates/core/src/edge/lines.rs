//! How much of a tree a verification touches. Each line that is in no cache costs more than a tenth of a verification, so lines are counted.

use super::{Edge, HostConfig, RequirementId};
use crate::verdict::Code;
use crate::work;
use alloc::vec::Vec;
use edgelatch_testkit::realm::{T0, bundle, record, root, text, tree};

/// Shards of some 234 records: as full as those of a million keys.
const KEYS: u64 = 30_000;

#[test]
fn a_verification_touches_few_cache_lines() {
    let mut edge = Edge::new(&root(), HostConfig::default()).unwrap();
    let mut staged = edge.stage(&[], bundle(5, &tree((1..=KEYS).map(record).collect())), T0).unwrap();
    staged.check(usize::MAX).unwrap();
    edge.commit(staged, T0).unwrap();
    let ask = |n: u64| edge.verify_key(text(n).as_bytes(), None, RequirementId::NONE, T0).code;
    for (keys, code, most) in [(1..=KEYS, Code::Valid, 4.0), (KEYS + 1..=2 * KEYS, Code::Unknown, 3.0)] {
        let mut counts: Vec<usize> = keys.step_by(7).map(|n| work::lines(|| assert_eq!(ask(n), code)).1).collect();
        counts.sort_unstable();
        let average = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
        let (usual, longest) = (counts[counts.len() * 9 / 10], counts[counts.len() - 1]);
        std::println!("cache lines of a tree, {code:?}: {average:.2}, nine in ten at most {usual}, never more than {longest}");
        assert!(average <= most && usual <= 4, "{average:.2}, {usual}, {longest}");
    }
}
