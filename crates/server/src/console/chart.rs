//! Usage over time as a small chart: bars that a style colours, and the same as a table for whoever does not see them.

use super::model::Bucket;

/// Height of the bars, in units of the chart.
const HEIGHT: u64 = 60;

/// A day's bar: accepted requests below, refused ones above.
pub(super) struct Bar {
    pub(super) day: String,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// Where it stands.
    pub(super) x: usize,
    /// Top and height of the accepted part, then of the refused one.
    pub(super) parts: [(u64, u64); 2],
}

/// The bars of some days.
pub(super) fn bars(buckets: &[Bucket]) -> Vec<Bar> {
    let most = buckets.iter().map(|one| one.accepted.saturating_add(one.refused)).max().unwrap_or(0).max(1);
    // What happened at all is seen.
    let height = |number: u64| {
        let part = u128::from(number) * u128::from(HEIGHT) / u128::from(most);
        u64::try_from(part).unwrap_or(HEIGHT).max(u64::from(number > 0))
    };
    let bar = |(at, one): (usize, &Bucket)| {
        let (accepted, refused) = (height(one.accepted), height(one.refused));
        let top = HEIGHT.saturating_sub(accepted);
        Bar {
            day: one.at.get(..10).unwrap_or_default().into(),
            accepted: one.accepted,
            refused: one.refused,
            x: at * 10,
            parts: [(top, accepted), (top.saturating_sub(refused), refused)],
        }
    };
    buckets.iter().enumerate().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_there_were_requests() {
        let one = |accepted, refused| Bucket { at: "2026-11-26T00:00:00Z".into(), accepted, refused };
        let all = bars(&[one(50, 50), one(25, 0), one(1_000_000, u64::MAX), one(0, 1)]);
        assert_eq!((all[2].parts[1].1, all[3].parts[1].1, all[3].parts[0].1), (HEIGHT, 1, 0));
        let all = bars(&[one(50, 50), one(25, 0)]);
        assert_eq!((all[0].parts, all[1].parts, all[1].x), ([(30, 30), (0, 30)], [(45, 15), (45, 0)], 10));
        assert_eq!(all[0].day, "2026-11-26");
        assert!(bars(&[]).is_empty());
    }
}
