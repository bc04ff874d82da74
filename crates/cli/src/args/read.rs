//! Single values, read from text by clap before a command runs. A reader says what would be right, and never repeats what it
//! could not read: it may be a secret in the wrong place. Types that implement `FromStr` need none of these.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::Read as _;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};
use edgelatch_core::cidr::Cidr;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_registry::{Env, Error, FromText, Name, Preset, Scope, Service, Slug, Word};
use edgelatch_sync::SignerCommand;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// What the registry reads from text.
pub(crate) fn text<T: FromText>(text: &str) -> Result<T, Error> {
    T::parse("", text)
}

/// The bytes of a root: of a file, or of base64url text.
pub(crate) fn root(text: &str) -> Result<Vec<u8>> {
    let wrong = |_| Failure::usage("neither a file that can be read nor a root as base64url text");
    std::fs::read(text).or_else(|_| URL_SAFE_NO_PAD.decode(text.trim()).map_err(wrong))
}

/// Reads one of some words, with `-` or `_` in them; help, errors and completions offer them with `-`.
#[derive(Clone)]
pub(crate) struct Words<T>(Vec<(String, T)>);

/// The words of one of the registry's enumerations.
pub(crate) fn words<T: Word>() -> Words<T> {
    Words(T::WORDS.iter().map(|(word, value)| (typed_word(word), *value)).collect())
}

/// The presets that realms and orgs can be made with. The one of the management API is not among them.
pub(crate) fn presets() -> Words<Preset> {
    let mut presets = words::<Preset>();
    presets.0.retain(|(_, preset)| *preset != Preset::Management);
    presets
}

/// How a word is typed that has `_` in the registry, in JSON and in the management API.
fn typed_word(word: &str) -> String {
    word.replace('_', "-")
}

impl<T: Word> Words<T> {
    fn read(&self, text: &str) -> Result<T> {
        let found = self.0.iter().find(|(word, _)| *word == typed_word(text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = self.0.iter().map(|(word, _)| word.as_str()).collect();
            Failure::usage(format!("must be one of: {}", words.join(", ")))
        })
    }
}

impl<T: Word + Send + Sync> TypedValueParser for Words<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, text: &OsStr) -> Result<T, clap::Error> {
        let words = self.clone();
        (move |text: &str| words.read(text)).parse_ref(command, argument, text)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|(word, _)| PossibleValue::new(word.clone()))))
    }
}

/// A whole number within bounds.
pub(crate) fn number<T>(bounds: RangeInclusive<T>) -> impl Fn(&str) -> Result<T> + Clone
where
    T: FromStr + PartialOrd + Display + Clone,
{
    move |text| {
        let number = text.parse::<T>().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| Failure::usage(format!("must be a whole number from {} to {}", bounds.start(), bounds.end())))
    }
}

/// A key's public id.
pub(crate) fn key_id(text: &str) -> Result<KeyId> {
    text.parse().map_err(|error| Failure::usage(format!("{error}; see `edgelatch keys list`")))
}

/// A key's text, from standard input.
pub(crate) fn secret() -> Result<Zeroizing<String>> {
    /// Far more than a key takes, so that an overlong one is judged as such. The buffer never grows, which would leave a copy.
    const BYTES: u64 = 4096;
    let mut text = Zeroizing::new(String::with_capacity(2 * BYTES as usize));
    let read = std::io::stdin().lock().take(BYTES).read_to_string(&mut text);
    read.map_err(|error| Failure::file(Path::new("standard input"), &error))?;
    let length = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(length);
    Ok(text)
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
    if unit == "m" {
        return Err(Failure::usage("`m` could be a minute or a month: write `min`, such as `1min`"));
    }
    let factor = match unit {
        "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        _ => 0,
    };
    let millis = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|ms| (10..=3_600_000).contains(ms));
    millis.map(Duration::from_millis).ok_or_else(|| Failure::usage("must be a span of 10ms to 60min, such as `200ms`"))
}

/// A program that signs, which may take so long.
pub(crate) fn signer(limit: Duration) -> impl Fn(&str) -> Result<SignerCommand> + Clone {
    move |text| Ok(SignerCommand::parse(text, limit)?)
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
        let sorts = words::<Sort>();
        assert!(["last-used", "last_used"].iter().all(|text| sorts.read(text).unwrap() == Sort::LastUsed));
        assert_eq!(sorts.read("Last-used").unwrap_err().to_string(), "must be one of: created, name, expires, last-used");
        let offered: Vec<String> = sorts.possible_values().unwrap().map(|word| word.get_name().to_owned()).collect();
        assert_eq!(offered, ["created", "name", "expires", "last-used"]);
        assert!(presets().read("management").is_err() && presets().read("valar").is_ok());
    }
}
