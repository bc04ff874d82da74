//! Usage over time as a small chart: bars that a style colours, and the same as a table for whoever does not see them.

use edgelatch_registry::{format_time, parse_time};

use super::model::Bucket;

/// Height of the bars, in units of the chart.
const HEIGHT: u64 = 60;
/// Seconds of what a bar stands for.
pub(super) const HOUR: u64 = 3_600;
pub(super) const DAY: u64 = 86_400;
/// Bars at most: more would be too thin to be seen.
const MOST: usize = 62;

/// An hour's or a day's bar: accepted requests below, refused ones above.
pub(super) struct Bar {
    pub(super) at: String,
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// Where it stands.
    pub(super) x: usize,
    /// Top and height of the accepted part, then of the refused one.
    pub(super) parts: [(u64, u64); 2],
}

/// The bars of some hours or days, also of those between them in which there was no request.
pub(super) fn bars(buckets: &[Bucket], step: u64) -> Vec<Bar> {
    let time = |one: &Bucket| parse_time("at", &one.at, 0).ok();
    let placed: Vec<(u64, &Bucket)> = buckets.iter().filter_map(|one| Some((time(one)?, one))).collect();
    let (Some((first, _)), Some((last, _))) = (placed.first(), placed.last()) else { return Vec::new() };
    let most = buckets.iter().map(|one| one.accepted.saturating_add(one.refused)).max().unwrap_or(0).max(1);
    // What happened at all is seen.
    let height = |number: u64| {
        let part = u128::from(number) * u128::from(HEIGHT) / u128::from(most);
        u64::try_from(part).unwrap_or(HEIGHT).max(u64::from(number > 0))
    };
    let none = Bucket::default();
    let bar = |(place, at): (usize, u64)| {
        let one = placed.iter().find(|(of, _)| *of == at).map_or(&none, |(_, one)| one);
        let (accepted, refused) = (height(one.accepted), height(one.refused));
        let top = HEIGHT.saturating_sub(accepted);
        let text = format_time(at);
        Bar {
            at: text.get(..if step < DAY { 16 } else { 10 }).unwrap_or_default().replace('T', " "),
            accepted: one.accepted,
            refused: one.refused,
            x: place * 10,
            parts: [(top, accepted), (top.saturating_sub(refused), refused)],
        }
    };
    let times = std::iter::successors(Some(*first), |at| at.checked_add(step)).take_while(|at| at <= last);
    times.take(MOST).enumerate().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(day: u32, accepted: u64, refused: u64) -> Bucket {
        Bucket { at: format!("2026-11-{day:02}T00:00:00Z"), accepted, refused }
    }

    #[test]
    fn bars_are_as_high_as_there_were_requests() {
        let all = bars(&[one(1, 50, 50), one(2, 25, 0), one(3, 1_000_000, u64::MAX), one(4, 0, 1)], DAY);
        assert_eq!((all[2].parts[1].1, all[3].parts[1].1, all[3].parts[0].1), (HEIGHT, 1, 0));
        let all = bars(&[one(25, 50, 50), one(26, 25, 0)], DAY);
        assert_eq!((all[0].parts, all[1].parts, all[1].x), ([(30, 30), (0, 30)], [(45, 15), (45, 0)], 10));
        assert_eq!(all[1].at, "2026-11-26");
        assert!(bars(&[], DAY).is_empty());
    }

    #[test]
    fn days_without_requests_have_their_place() {
        let all = bars(&[one(1, 1, 0), one(4, 1, 0)], DAY);
        assert_eq!(
            all.iter().map(|bar| (bar.at.as_str(), bar.accepted)).collect::<Vec<_>>(),
            [("2026-11-01", 1), ("2026-11-02", 0), ("2026-11-03", 0), ("2026-11-04", 1)]
        );
        let hours = bars(&[Bucket { at: "2026-11-26T23:00:00Z".into(), accepted: 1, refused: 0 }], HOUR);
        assert_eq!(hours[0].at, "2026-11-26 23:00");
        // However far they are apart.
        let far = [Bucket { at: "1971-01-01T00:00:00Z".into(), ..one(1, 1, 0) }, one(1, 1, 0)];
        assert_eq!(bars(&far, HOUR).len(), MOST);
    }
}
