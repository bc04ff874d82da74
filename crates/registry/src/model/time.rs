//! Times as people write them: RFC 3339, a date, or a span such as `90d` from now.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::words::{FromText, from_text};
use crate::error::Error;
use crate::limits::MAX_TIME;

/// A moment, in Unix seconds.
pub(crate) type Time = u64;

/// Seconds of a day.
pub(crate) const DAY: u64 = 86_400;
/// Spans to suggest; any other is welcome.
pub const SUGGESTED_SPANS: [&str; 5] = ["1d", "1w", "1mo", "3mo", "1y"];

/// A time by which a list is bounded: a moment, or a span from the moment at which the list is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum When {
    /// In Unix seconds.
    At(u64),
    /// A span such as `30d`, or `30d ago`.
    In(String),
}

impl When {
    /// In Unix seconds, as of `now`; an error names `field`.
    pub fn at(&self, field: &str, now: u64) -> Result<u64, Error> {
        match self {
            When::At(at) => Ok(*at),
            When::In(text) => seconds(field, later(field, text, now)?.ok_or_else(|| out_of_range(field))?),
        }
    }
}

impl FromText for When {
    fn parse(field: &str, text: &str) -> Result<When, Error> {
        if let Some(date) = date(text) {
            let start = date.to_zoned(TimeZone::UTC).map_err(|_| out_of_range(field))?;
            seconds(field, start.timestamp()).map(When::At)
        } else if let Some(at) = moment(text) {
            seconds(field, at).map(When::At)
        } else if let Some(local) = text.parse::<DateTime>().ok().filter(|_| has_time(text)) {
            let reason =
                format!("has a time of day without an offset: write {local}Z for UTC, or another one, such as {local}+01:00");
            Err(Error::invalid(field, reason))
        } else if span(field, text)?.is_some() {
            Ok(When::In(text.into()))
        } else {
            let reason = format!(
                "must be a span ({} or any such), a date (2027-01-31) or an RFC 3339 time (2027-01-31T12:00:00Z)",
                SUGGESTED_SPANS.join(", ")
            );
            Err(Error::invalid(field, reason))
        }
    }
}

/// A date and nothing else. The library reads a date out of longer texts as well, and passes over what follows it.
fn date(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

/// A time of RFC 3339, section 5.6, to the second. The library reads more than that: a zone's name behind the offset, hours without minutes, offsets of
/// more than a day.
fn moment(text: &str) -> Option<Timestamp> {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let time = shape.strip_prefix("0000-00-00")?.strip_prefix(['T', 't', ' '])?.strip_prefix("00:00")?;
    let rest = time.strip_prefix(":00").unwrap_or(time);
    let rest = rest.strip_prefix('.').map_or(rest, |fraction| fraction.trim_start_matches('0'));
    let within_a_day = || text.rsplit(['+', '-']).next().is_some_and(|offset| offset < "24");
    let ends = matches!(rest, "Z" | "z") || matches!(rest, "+00:00" | "-00:00") && within_a_day();
    ends.then(|| text.parse().ok())?
}

/// Whether a text goes on after a date.
fn has_time(text: &str) -> bool {
    text.get(10..).is_some_and(|rest| rest.starts_with(['T', 't', ' ']))
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<When, D::Error> {
        from_text(from)
    }
}

/// When a key expires: never, or at a time that lies ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry(Option<When>);

impl Expiry {
    /// In Unix seconds, as of `now`; none for never. An error names `field`.
    pub fn at(&self, field: &str, now: u64) -> Result<Option<u64>, Error> {
        self.0.as_ref().map(|when| future(field, when.at(field, now)?, now)).transpose()
    }
}

/// When a key begins: now, or at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start(Option<When>);

impl Start {
    /// In Unix seconds, as of `now`; none for no bound, which is also what the first second of 1970 means.
    pub fn at(&self, field: &str, now: u64) -> Result<Option<u64>, Error> {
        Ok(self.0.as_ref().map(|when| when.at(field, now)).transpose()?.filter(|at| *at > 0))
    }
}

/// Gives a time that may also be a word its reader.
macro_rules! or_word {
    ($($name:ident = $word:literal),*) => { $(
        impl FromText for $name {
            fn parse(field: &str, text: &str) -> Result<$name, Error> {
                if text == $word { Ok($name(None)) } else { When::parse(field, text).map(|when| $name(Some(when))) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                from_text(from)
            }
        }
    )* };
}

or_word!(Expiry = "never", Start = "now");

/// Reads when a key expires: `never`, a span from `now`, a date (its first second, UTC) or an RFC 3339 time.
pub fn parse_expiry(field: &str, text: &str, now: u64) -> Result<Option<u64>, Error> {
    Expiry::parse(field, text)?.at(field, now)
}

/// `at`, if it lies ahead.
pub(crate) fn future(field: &str, at: u64, now: u64) -> Result<u64, Error> {
    if at > now {
        return Ok(at);
    }
    let reason = format!("{} is past (it is {}); give a later time, a span such as `3mo`, or `never`", format(at), format(now));
    Err(Error::invalid(field, reason))
}

/// Reads a time: a span from `now`, a date (its first second, UTC) or an RFC 3339 time.
pub fn parse_time(field: &str, text: &str, now: u64) -> Result<u64, Error> {
    When::parse(field, text)?.at(field, now)
}

fn seconds(field: &str, at: Timestamp) -> Result<u64, Error> {
    u64::try_from(at.as_second()).ok().filter(|at| *at <= MAX_TIME).ok_or_else(|| out_of_range(field))
}

/// Reads when a key begins: as [`parse_time`] does, or `now` for no bound; the first second of 1970 is none either.
pub fn parse_start(field: &str, text: &str, now: u64) -> Result<Option<u64>, Error> {
    Start::parse(field, text)?.at(field, now)
}

/// Reads a length of time from now, in seconds, such as `24h`.
pub fn parse_span(field: &str, text: &str, now: u64) -> Result<u64, Error> {
    let end = later(field, text, now)?.ok_or_else(|| Error::invalid(field, "must be a span such as `24h`, `30d` or `10y`"))?;
    u64::try_from(end.as_second())
        .ok()
        .and_then(|end| end.checked_sub(now))
        .filter(|s| *s > 0)
        .ok_or_else(|| out_of_range(field))
}

/// A span, if the text is one. In `1m` nobody can tell a minute from a month; beside hours or seconds it is clear, and so is `PT1M`.
fn span(field: &str, text: &str) -> Result<Option<Span>, Error> {
    let Ok(span) = text.parse::<Span>() else { return Ok(None) };
    if text.contains(':') {
        let reason =
            "could be a time of day or a span: write a date before it and an offset after it, or units, such as `23h59min`";
        return Err(Error::invalid(field, reason));
    }
    let units: Vec<String> = text.split(|c: char| !c.is_ascii_alphabetic()).map(str::to_ascii_lowercase).collect();
    let has = |unit: &str| units.iter().any(|one| one == unit);
    let is_iso = text.trim_start_matches(['+', '-']).starts_with(['P', 'p']);
    if has("m") && !is_iso && !["h", "s"].into_iter().any(has) {
        return Err(Error::invalid(field, "`m` could be a minute or a month: write `min` or `mo`, such as `1mo`"));
    }
    Ok(Some(span))
}

/// The moment that lies a span after `now`, if the text is one. Calendar units count in UTC: a month from 31 January is 28 February.
fn later(field: &str, text: &str, now: u64) -> Result<Option<Timestamp>, Error> {
    let Some(span) = span(field, text)? else { return Ok(None) };
    let now = i64::try_from(now).ok().and_then(|now| Timestamp::from_second(now).ok()).ok_or_else(|| out_of_range(field))?;
    let end = now.to_zoned(TimeZone::UTC).checked_add(span).map_err(|_| out_of_range(field))?;
    Ok(Some(end.timestamp()))
}

fn out_of_range(field: &str) -> Error {
    Error::invalid(field, "lies outside the years 1970 to 9999")
}

/// RFC 3339 in UTC, to the second.
pub fn format(at: u64) -> String {
    i64::try_from(at).ok().and_then(|s| Timestamp::from_second(s).ok()).map_or_else(|| at.to_string(), |t| t.to_string())
}

/// For `#[serde(serialize_with)]`: a time, or none.
pub(crate) fn rfc3339<S: Serializer>(at: &(impl Copy + Into<Option<Time>>), to: S) -> Result<S::Ok, S::Error> {
    (*at).into().map(format).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-31T00:00:00Z
    const NOW: u64 = 1_769_817_600;

    fn expiry(text: &str) -> Result<Option<u64>, String> {
        parse_expiry("expires", text, NOW).map_err(|e| e.to_string())
    }

    #[test]
    fn presets_and_dates() {
        let day = 86_400;
        for (text, days) in [("1d", 1), ("1w", 7), ("1mo", 28), ("3mo", 89), ("1y", 365), ("90d", 90), ("2026-02-01", 1)] {
            assert_eq!(expiry(text), Ok(Some(NOW + days * day)), "{text}");
        }
        assert_eq!(expiry("2026-01-31T02:00:00+01:00"), Ok(Some(NOW + 3600)));
        assert_eq!(expiry("never"), Ok(None));
        assert_eq!(parse_span("head-lifetime", "24h", NOW).unwrap(), day);
    }

    #[test]
    fn a_time_of_day_comes_back_as_written_or_is_refused() {
        for good in ["2027-01-31T23:59:00Z", "2027-01-31T23:59:58Z", "2028-02-29T00:00:01Z"] {
            assert_eq!(format(expiry(good).unwrap().unwrap()), good);
        }
        for (text, same) in [
            ("2027-01-31T23:59Z", "2027-01-31T23:59:00Z"),
            ("2027-01-31t23:59:00z", "2027-01-31T23:59:00Z"),
            ("2027-01-31 23:59:00.000Z", "2027-01-31T23:59:00Z"),
            ("2027-01-31T23:59:00-08:00", "2027-02-01T07:59:00Z"),
            ("2027-01-31T23:59:00-23:59", "2027-02-01T23:58:00Z"),
            // As JavaScript writes it: a fraction of a second is more than is kept.
            ("2027-01-31T23:59:58.123Z", "2027-01-31T23:59:58Z"),
            ("2027-01-31", "2027-01-31T00:00:00Z"),
        ] {
            assert_eq!(format(expiry(text).unwrap().unwrap()), same, "{text}");
        }
        for local in [
            "2027-01-31T23:59",
            "2027-01-31 23:59:00",
            "2027-01-31t23:59",
            "2027-01-31T23:59:00[Europe/Berlin]",
            "2027-01-31T23:59:00.5",
        ] {
            let error = expiry(local).unwrap_err();
            assert!(error.contains("without an offset") && error.contains("2027-01-31T23:59:00"), "{local}: {error}");
            assert!(error.contains("Z for UTC"), "{local}: {error}");
        }
        for bad in [
            "2027-01-31T",
            "2027-01-31T23",
            "2027-01-31T23Z",
            "2027-01-31[Europe/Berlin]",
            "2027-01-31Z",
            "2027-01-31+01:00",
            "20270131",
            "2027-01-31T23:59Z[UTC]",
            "2027-01-31T2359Z",
            "2027-1-31",
            "2027-W04-7",
            "+002027-01-31",
            "2027-01-31T23:59:00+01",
            "2027-01-31 ",
            "2027-01-31T23:59:00 Z",
            "2027-01-31T23:59:00Zulu",
            "2027-02-29",
            "2027-01-31T24:00:00Z",
            "2027-01-31T23:59:00+24:00",
            "2027-01-31T23:59:00-25:00",
        ] {
            assert!(expiry(bad).is_err(), "{bad}: {:?}", expiry(bad));
        }
    }

    #[test]
    fn a_minute_is_told_from_a_month() {
        for clock in ["23:59:00", "1d 01:02:03"] {
            assert!(expiry(clock).unwrap_err().contains("time of day"), "{clock}");
        }
        for bad in ["1m", "3 m", "1y6m", "1d 5m", "5m ago"] {
            let error = expiry(bad).unwrap_err();
            assert!(error.contains("`min` or `mo`"), "{bad}: {error}");
        }
        assert!(parse_span("head-lifetime", "90m", NOW).unwrap_err().to_string().contains("`min` or `mo`"));
        for (text, seconds) in [
            ("1min", 60),
            ("90mins", 5400),
            ("1h30m", 5400),
            ("5m30s", 330),
            ("PT1M", 60),
            ("P1M", 28 * 86_400),
            ("1mo", 28 * 86_400),
        ] {
            assert_eq!(expiry(text), Ok(Some(NOW + seconds)), "{text}");
        }
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        for past in ["2026-01-31", "2020-01-01", "-1d", "0s"] {
            let error = expiry(past).unwrap_err();
            assert!(error.contains("is past (it is 2026-01-31T00:00:00Z)"), "{error}");
        }
        for bad in ["", "soon", "1", "2026-13-01", "2026-01-31T25:00:00Z", "31.01.2027", "99999y", "9000y", "0001-01-01"] {
            assert!(expiry(bad).unwrap_err().starts_with("`expires`: "), "{bad}");
        }
        for bad in ["-1h", "0s", "never", "2027-01-01"] {
            assert!(parse_span("head-lifetime", bad, NOW).is_err(), "{bad}");
        }
    }
}
