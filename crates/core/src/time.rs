//! Times for people. Everything else here counts Unix seconds.

use crate::text::{Say, decimal, shown};
use alloc::string::String;
use core::fmt;

/// A moment in Unix seconds, shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub u64);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Days of 400 years: after that many the calendar repeats.
const DAYS_OF_ERA: u64 = 146_097;
/// From 1 March of the year 0, where the count of days below begins, to 1 January 1970.
const DAYS_TO_1970: u64 = 719_468;

impl Say for Moment {
    fn say(&self, out: &mut String) {
        let (year, month, day) = civil(self.0 / DAY);
        let (hour, minute, second) = (self.0 / HOUR % 24, self.0 / MINUTE % 60, self.0 % 60);
        decimal(year, 4, out);
        for (sign, part) in [("-", month), ("-", day), ("T", hour), (":", minute), (":", second)] {
            sign.say(out);
            decimal(part, 2, out);
        }
        "Z".say(out);
    }
}

shown!(Moment);

/// Year, month and day of a day since 1970, in the proleptic Gregorian calendar. Years are counted from March on, so that the leap day
/// is the last of its year, and months begin at `(153 m + 2) / 5` days.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_TO_1970;
    let (era, day_of_era) = (days / DAYS_OF_ERA, days % DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

/// How far one moment lies from another, shown as `in 3 days` or `2 hours ago`.
pub(crate) struct Distance {
    pub(crate) now: u64,
    pub(crate) to: u64,
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let apart = self.now.abs_diff(self.to);
        // The largest unit of which there are at least two, so that no rounding hides half of the time.
        let units = [(DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")];
        let (unit, name) = units.into_iter().find(|(unit, _)| apart >= 2 * unit).unwrap_or((1, "seconds"));
        match self.to > self.now {
            true => write!(f, "in {} {name}", apart / unit),
            false => write!(f, "{} {name} ago", apart / unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn moments_are_shown_as_rfc_3339() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_769_817_600, "2026-01-31T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Moment(at).to_string(), text);
        }
        assert!(Moment(u64::MAX).to_string().ends_with('Z'));
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = civil(0);
        for days in 1..2 * DAYS_OF_ERA {
            let (year, month, day) = civil(days);
            let follows = match before {
                (y, 12, 31) => (year, month, day) == (y + 1, 1, 1),
                (y, m, _) if day == 1 => (year, month) == (y, m + 1),
                (y, m, d) => (year, month, day) == (y, m, d + 1),
            };
            assert!(follows, "{before:?} {year}-{month}-{day}");
            before = (year, month, day);
        }
        assert_eq!(before, (2769, 12, 31));
    }

    #[test]
    fn distances_are_told_in_words() {
        for (to, text) in [
            (1_000_000, "0 seconds ago"),
            (1_000_090, "in 90 seconds"),
            (999_900, "100 seconds ago"),
            (1_000_120, "in 2 minutes"),
            (1_000_000 + 47 * HOUR, "in 47 hours"),
            (1_000_000 + 48 * HOUR, "in 2 days"),
            (1_000_000 - 10 * DAY, "10 days ago"),
        ] {
            assert_eq!(Distance { now: 1_000_000, to }.to_string(), text);
        }
    }
}
