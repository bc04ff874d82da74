//! Single values, read from text by clap before a command runs. A reader says what would be right, and never repeats what was
//! typed: it may be a secret in the wrong place. Types that implement `FromStr` need none of these.

use edgelatch_core::cidr::Cidr;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_registry::{
    Env, Error, FromText, Name, Scope, Service, Slug, Word, parse_cidr, parse_expiry, parse_span, parse_start, parse_time,
};
use serde::{Serialize, Serializer};

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
    parse_cidr("", text)
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

/// A moment, in Unix seconds.
pub(crate) fn time(text: &str) -> Result<u64, Error> {
    parse_time("", text, Env::system().now()?)
}

/// A length of time, in seconds.
pub(crate) fn span(text: &str) -> Result<u64, Error> {
    parse_span("", text, Env::system().now()?)
}

/// A value beside the text it was read from: whoever repeats a request repeats the text, though `3mo` is another moment then.
#[derive(Clone)]
pub(crate) struct Typed<T> {
    text: String,
    pub(crate) value: T,
}

impl<T> Serialize for Typed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

/// When a key expires.
pub(crate) fn expiry(text: &str) -> Result<Typed<Option<u64>>, Error> {
    typed(text, parse_expiry)
}

/// When a key begins.
pub(crate) fn start(text: &str) -> Result<Typed<Option<u64>>, Error> {
    typed(text, parse_start)
}

/// How long a rotated key's old secret lives on.
pub(crate) fn overlap(text: &str) -> Result<Typed<u64>, Error> {
    typed(text, parse_span)
}

fn typed<T>(text: &str, parse: fn(&str, &str, u64) -> Result<T, Error>) -> Result<Typed<T>, Error> {
    Ok(Typed { value: parse("", text, Env::system().now()?)?, text: text.into() })
}
