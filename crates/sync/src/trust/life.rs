//! How far a root or head is on its way to its end.

use serde::Serialize;

/// A stage of the life of what is signed for a time. Each is a reason to look after it, the later the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// Not half of it is over.
    Fresh,
    /// Half of it is over.
    Half,
    /// Three quarters are over.
    ThreeQuarters,
    /// Seven eighths are over.
    SevenEighths,
    /// All of it: edges refuse it.
    Over,
}

impl Life {
    /// The stage that something signed at `issued_at`, which ends at `expires_at`, has reached at `now`; all in Unix seconds.
    pub fn at(issued_at: u64, expires_at: u64, now: u64) -> Life {
        let (whole, past) = (u128::from(expires_at.saturating_sub(issued_at)), u128::from(now.saturating_sub(issued_at)));
        let stages = [(8, Life::Over), (7, Life::SevenEighths), (6, Life::ThreeQuarters), (4, Life::Half)];
        // Without a life it is over at once.
        stages.into_iter().find(|(eighths, _)| past * 8 >= whole * eighths).map_or(Life::Fresh, |(_, stage)| stage)
    }

    /// As it is written in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Life::Fresh => "fresh",
            Life::Half => "half",
            Life::ThreeQuarters => "three_quarters",
            Life::SevenEighths => "seven_eighths",
            Life::Over => "over",
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Life::Fresh => "less than half of its life is over",
            Life::Half => "half of its life is over",
            Life::ThreeQuarters => "three quarters of its life are over",
            Life::SevenEighths => "seven eighths of its life are over",
            Life::Over => "its life is over",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_begins_with_its_second() {
        let begin = 1_000;
        for (now, stage) in [
            (0, Life::Fresh),
            (begin + 399, Life::Fresh),
            (begin + 400, Life::Half),
            (begin + 599, Life::Half),
            (begin + 600, Life::ThreeQuarters),
            (begin + 699, Life::ThreeQuarters),
            (begin + 700, Life::SevenEighths),
            (begin + 799, Life::SevenEighths),
            (begin + 800, Life::Over),
            (u64::MAX, Life::Over),
        ] {
            assert_eq!(Life::at(begin, begin + 800, now), stage, "{now}");
        }
        assert_eq!(Life::at(5, 5, 5), Life::Over);
        assert_eq!(Life::at(0, u64::MAX, u64::MAX / 2 + 1), Life::Half);
    }
}
