//! Input: a byte, and the text of a time or a span.
//!
//! What `POST …/keys` documents of `expires_at`: a span, a date (its first second, UTC), an RFC 3339 time. Texts of RFC 3339 are also read by the
//! crate `time`.

use crate::oracle::calendar::{LAST, date, moment, months_later};
use crate::{choice, repeats_nothing};
use edgelatch_registry::{FromText, When, format_time, parse_expiry, parse_span, parse_start, parse_time};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Moments from which spans count: ends of months, of leap years, of a century, and the first and last that there are.
const NOWS: [u64; 8] = [
    0,
    1_769_817_600,   // 2026-01-31T00:00:00Z
    1_709_164_799,   // 2024-02-28T23:59:59Z
    1_709_251_199,   // 2024-02-29T23:59:59Z
    4_102_444_799,   // 2099-12-31T23:59:59Z
    951_782_400,     // 2000-02-29T00:00:00Z
    1_774_746_000,   // 2026-03-29T01:00:00Z, when clocks go forward in Europe
    253_402_207_200, // 9999-12-30T22:00:00Z, the last
];

/// Units whose length nobody argues about, as what users are told to write.
const UNITS: [(&str, Unit); 7] = [
    ("s", Unit::Seconds(1)),
    ("min", Unit::Seconds(60)),
    ("h", Unit::Seconds(3600)),
    ("d", Unit::Seconds(86_400)),
    ("w", Unit::Seconds(7 * 86_400)),
    ("mo", Unit::Months(1)),
    ("y", Unit::Months(12)),
];

#[derive(Clone, Copy)]
enum Unit {
    Seconds(i64),
    Months(i64),
}

/// When a span such as `90d` ends, if the text is one of a single unit: no moment if that lies outside the years that count.
fn ends(text: &str, now: i64) -> Option<Option<i64>> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let count: i64 = text.get(..digits).filter(|digits| (1..=5).contains(&digits.len()))?.parse().ok()?;
    let (_, unit) = UNITS.into_iter().find(|(name, _)| Some(*name) == text.get(digits..))?;
    Some(match unit {
        Unit::Seconds(length) => Some(now + count * length),
        Unit::Months(length) => months_later(now, count * length),
    })
}

fn counts(at: Option<i64>) -> Option<u64> {
    at.filter(|at| (0..=LAST).contains(at)).and_then(|at| u64::try_from(at).ok())
}

/// Checks everything of one input.
pub fn attack(data: &[u8]) {
    let Some((place, rest)) = choice(data, NOWS.len()) else { return };
    let (Ok(text), now) = (std::str::from_utf8(rest), NOWS[place]) else { return };
    let read = parse_time("field", text, now);
    match (date(text).or_else(|| moment(text)), ends(text, i64::try_from(now).expect("below 2^63"))) {
        (Some(at), _) => assert_eq!(read.as_ref().ok(), counts(Some(at)).as_ref(), "{text:?}"),
        (None, Some(end)) => {
            assert_eq!(read.as_ref().ok(), counts(end).as_ref(), "{text:?} from {now}");
            let length = counts(end).and_then(|end| end.checked_sub(now)).filter(|length| *length > 0);
            assert_eq!(parse_span("field", text, now).ok(), length, "{text:?} from {now}");
        }
        (None, None) => assert!(!matches!(When::parse("field", text), Ok(When::At(_))), "{text:?} is no moment"),
    }
    second_opinion(text);
    match &read {
        Ok(at) => holds(text, *at, now),
        Err(error) => {
            assert_eq!(error.field(), Some("field"));
            repeats_nothing(&error.to_string(), text);
        }
    }
}

/// What the other library takes for a time is one, and the same.
fn second_opinion(text: &str) {
    let Ok(other) = OffsetDateTime::parse(text, &Rfc3339) else { return };
    let separated = text.get(10..11).is_some_and(|at| "Tt ".contains(at));
    // It takes more than nine digits of a fraction, any separator, and a leap second for the one after it.
    let fraction = text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    if !separated || fraction > 9 || text.get(17..19) == Some("60") {
        return;
    }
    assert_eq!(parse_time("field", text, 0).ok(), counts(Some(other.unix_timestamp())), "{text:?}");
}

/// What holds of whatever was read.
fn holds(text: &str, at: u64, now: u64) {
    assert!(i64::try_from(at).is_ok_and(|at| at <= LAST));
    assert_eq!(parse_time("field", &format_time(at), now).ok(), Some(at), "what is shown is read again");
    assert_eq!(parse_expiry("field", text, now).ok(), (at > now).then_some(Some(at)), "an expiry lies ahead: {text:?}");
    assert_eq!(parse_start("field", text, now).ok(), Some(Some(at).filter(|at| *at > 0)));
    if let Ok(length) = parse_span("field", text, now) {
        assert_eq!(Some(at), now.checked_add(length), "a span ends where the time is: {text:?}");
    }
}
