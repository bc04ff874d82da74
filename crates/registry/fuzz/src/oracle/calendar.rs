//! The Gregorian calendar in UTC, counted, and the texts of RFC 3339, section 5.6, with the seconds left out or not.

/// The last second that the registry's calendar has in every zone of the world: 9999-12-30T22:00:00Z.
pub const LAST: i64 = 253_402_207_200;
const DAY: i64 = 86_400;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && year % 100 != 0 || year % 400 == 0
}

/// Days of a month, which is one from 1 to 12.
fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the first of 1970 to the first of a year.
fn days_before(year: i64) -> i64 {
    let leaps = |year: i64| (year - 1).div_euclid(4) - (year - 1).div_euclid(100) + (year - 1).div_euclid(400);
    365 * (year - 1970) + leaps(year) - leaps(1970)
}

/// The second at which a day begins, if there is such a day.
pub fn day(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    Some((days_before(year) + months + day - 1) * DAY)
}

/// So many months later, on the last day of the month where there is no such day; none outside the years 1970 to 9999.
pub fn months_later(at: i64, months: i64) -> Option<i64> {
    let (days, second) = (at.div_euclid(DAY), at.rem_euclid(DAY));
    let year = (1970..=9999).rev().find(|year| days_before(*year) <= days)?;
    let mut left = days - days_before(year);
    let mut month = 1;
    while left >= days_of(year, month) {
        left -= days_of(year, month);
        month += 1;
    }
    let sum = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(months)?;
    let (year, month) = (sum.div_euclid(12), sum.rem_euclid(12) + 1);
    let last = (1970..=9999).contains(&year).then(|| days_of(year, month))?;
    Some(day(year, month, (left + 1).min(last))? + second)
}

/// So many digits at the beginning, as a number, and what follows.
fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    Some((number.parse().ok()?, rest))
}

/// A date and nothing else, as the second at which it begins.
pub fn date(text: &str) -> Option<i64> {
    let (at, rest) = begins_with_date(text)?;
    rest.is_empty().then_some(at)
}

fn begins_with_date(text: &str) -> Option<(i64, &str)> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (of_month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    Some((day(year, month, of_month)?, rest))
}

/// A moment: `date-time` of RFC 3339, with a blank for the T where one likes, and without seconds where one likes. A leap second is the one before it.
pub fn moment(text: &str) -> Option<i64> {
    let (date, rest) = begins_with_date(text)?;
    let (hour, rest) = digits(rest.strip_prefix(['T', 't', ' '])?, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
    let mut second = 0;
    if let Some(after) = rest.strip_prefix(':') {
        (second, rest) = digits(after, 2)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            let end = fraction.bytes().position(|byte| !byte.is_ascii_digit())?;
            rest = fraction.get(end..).filter(|_| (1..=9).contains(&end))?;
        }
    }
    let offset = if matches!(rest, "Z" | "z") {
        0
    } else {
        let sign = if rest.starts_with('+') { 1 } else { -1 };
        let (hours, rest) = digits(rest.strip_prefix(['+', '-'])?, 2)?;
        let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
        (rest.is_empty() && hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))?
    };
    (hour <= 23 && minute <= 59 && second <= 60).then_some(date + hour * 3600 + minute * 60 + second.min(59) - offset)
}
