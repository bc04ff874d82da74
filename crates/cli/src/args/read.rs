//! Single values, read from text by clap before a command runs. A reader says what would be right, and never repeats what it
//! could not read: it may be a secret in the wrong place. Types that implement `FromStr` need none of these.

use std::time::Duration;

use edgelatch_core::cidr::Cidr;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_registry::{Env, Error, FromText, Name, Scope, Service, Slug, Word};
use serde::Serialize;

use crate::failure::{Failure, Result};

/// What the registry reads from text.
pub(crate) fn text<T: FromText>(text: &str) -> Result<T, Error> {
    T::parse("", text)
}

/// A word of one of the registry's enumerations, with a dash where the registry has `_`.
pub(crate) fn word<T: Word>(text: &str) -> Result<T> {
    let typed = |word: &str| word.replace('_', "-");
    let found = T::WORDS.iter().find(|(word, _)| [*word, &typed(word)].contains(&text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = T::WORDS.iter().map(|(word, _)| typed(word)).collect();
        Failure::usage(format!("must be one of: {}", words.join(", ")))
    })
}

/// A key's public id.
pub(crate) fn key_id(text: &str) -> Result<KeyId> {
    text.parse().map_err(|error| Failure::usage(format!("{error}; see `edgelatch keys list`")))
}

/// An address.
pub(crate) fn address(text: &str) -> Result<Ip> {
    Ip::parse(text.as_bytes()).map_err(|error| Failure::usage(error.to_string()))
}

/// A network, or an address.
pub(crate) fn network(text: &str) -> Result<Cidr, Error> {
    FromText::parse("", text)
}

/// `all`, or services with commas between.
pub(crate) fn scope(text: &str) -> Result<Scope, Error> {
    match text {
        "all" => Ok(Scope::All),
        list => list.split(',').map(|service| Service::parse("", service)).collect::<Result<_, _>>().map(Scope::List),
    }
}

/// What people call something, which is its identifier unless said.
pub(crate) fn name_or(given: Option<Name>, id: &Slug) -> Result<Name, Error> {
    given.map_or_else(|| Name::parse("name", id.as_str()), Ok)
}

/// A short span such as `200ms`.
pub(crate) fn pause(text: &str) -> Result<Duration> {
    let (digits, unit) = text.split_at(text.len() - text.bytes().rev().take_while(u8::is_ascii_lowercase).count());
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        _ => 0,
    };
    let millis = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|ms| (10..=3_600_000).contains(ms));
    millis.map(Duration::from_millis).ok_or_else(|| Failure::usage("must be a span of 10ms to 60min, such as `200ms`"))
}

/// A time or a span, by one of the registry's parsers that reckon from now.
pub(crate) fn timed<T>(parse: fn(&str, &str, u64) -> Result<T, Error>) -> impl Fn(&str) -> Result<T, Error> + Clone {
    move |text| parse("", text, Env::system().now()?)
}

/// The same beside the text it was read from: whoever repeats a request repeats the text, though `3mo` is another moment then.
pub(crate) fn typed<T>(parse: fn(&str, &str, u64) -> Result<T, Error>) -> impl Fn(&str) -> Result<Typed<T>, Error> + Clone {
    move |text| Ok(Typed { value: timed(parse)(text)?, text: text.into() })
}

/// A value and the text it was read from, which is what stands for it as JSON.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Typed<T> {
    text: String,
    #[serde(skip)]
    pub(crate) value: T,
}

#[cfg(test)]
mod tests {
    use edgelatch_registry::{Sort, parse_expiry};

    use super::*;

    #[test]
    fn a_repeated_request_is_told_by_what_was_typed() {
        let typed = typed(parse_expiry)("3mo").unwrap();
        assert!(typed.value.is_some());
        assert_eq!(serde_json::to_value(&typed).unwrap(), "3mo");
    }

    #[test]
    fn words_are_typed_with_dashes_or_as_the_registry_writes_them() {
        assert!(["last-used", "last_used"].iter().all(|text| word::<Sort>(text).unwrap() == Sort::LastUsed));
        assert_eq!(word::<Sort>("Last-used").unwrap_err().to_string(), "must be one of: created, name, expires, last-used");
    }
}
