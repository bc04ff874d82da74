//! Which epochs' trees stay at a target: those that an edge may still be fetching.

use std::collections::BTreeSet;

use edgelatch_core::tree::ObjectId;

/// Trees of this many last epochs stay, for edges that are still fetching them.
const KEEP_EPOCHS: usize = 4;
/// Trees replaced less than this many seconds ago stay too …
const KEEP_SECONDS: u64 = 120;
/// … up to this many, so that a burst of changes does not fill the disk.
const MAX_TREES: usize = 64;
/// Epochs remembered. Heartbeats repeat a tree, so there may be many more of them than trees.
const MAX_EPOCHS: usize = 16 * MAX_TREES;

/// An epoch that a target shows or showed. The text of several has a line `<epoch> <tree> <unix seconds>` each, newest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recent {
    pub(crate) epoch: u64,
    pub(crate) tree: ObjectId,
    /// When it was signed.
    pub(crate) at: u64,
}

/// Reads the epochs from their text. Lines that are none are passed over: what they would have kept is written again.
pub(crate) fn parse(text: &[u8]) -> Vec<Recent> {
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (epoch, tree, at) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Recent { epoch, tree, at })
    };
    std::str::from_utf8(text).unwrap_or_default().lines().filter_map(line).collect()
}

pub(crate) fn render(recent: &[Recent]) -> String {
    recent.iter().map(|r| format!("{} {} {}\n", r.epoch, r.tree, r.at)).collect()
}

/// The epochs to remember once `newest` is out.
pub(crate) fn keep(mut all: Vec<Recent>, newest: Recent) -> Vec<Recent> {
    let now = newest.at;
    all.push(newest);
    let count = all.len();
    // An epoch was replaced when the next one was signed.
    let replaced: Vec<u64> = all.iter().skip(1).map(|r| r.at).chain([now]).collect();
    let mut kept: Vec<Recent> = (0usize..)
        .zip(all)
        .filter(|(i, _)| i + KEEP_EPOCHS >= count || replaced.get(*i).is_some_and(|at| at + KEEP_SECONDS > now))
        .map(|(_, recent)| recent)
        .collect();
    while kept.len() > MAX_EPOCHS || kept.iter().map(|r| r.tree).collect::<BTreeSet<_>>().len() > MAX_TREES {
        kept.remove(0);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(epoch: u64, at: u64) -> Recent {
        Recent { epoch, tree: ObjectId::of(&epoch.to_le_bytes()), at }
    }

    #[test]
    fn the_last_epochs_and_the_young_ones_stay() {
        let mut all = Vec::new();
        for epoch in 1..=10 {
            all = keep(all, recent(epoch, epoch * 1000));
        }
        assert_eq!(all.iter().map(|r| r.epoch).collect::<Vec<_>>(), [7, 8, 9, 10]);
        for epoch in 11..=30 {
            all = keep(all, recent(epoch, 10_000 + epoch));
        }
        // Epoch 9 was replaced at 10 000, less than two minutes ago.
        assert_eq!(all.first().map(|r| r.epoch), Some(9));
        for epoch in 31..=300 {
            all = keep(all, recent(epoch, 10_100));
        }
        assert_eq!(all.len(), MAX_TREES);
    }

    #[test]
    fn the_text_reads_back_and_nonsense_is_passed_over() {
        let all = vec![recent(1, 5), recent(2, 6)];
        assert_eq!(parse(render(&all).as_bytes()), all);
        for line in ["", "1", "1 abc 2", &format!("x {:064x} 1", 1), &format!("1 ../{:061x} 1", 1)] {
            assert_eq!(parse(line.as_bytes()), [], "{line}");
        }
        assert_eq!(parse(&[0xff]), []);
    }
}
