//! Values that are read from text, and enumerations that are words everywhere outside the program: in the database, in JSON, on
//! the command line.

use edgelatch_core::key::KeyId;
use edgelatch_core::policy::{AllowMode, Order};

use crate::error::Error;

/// A value that is read from text.
pub trait FromText: Sized {
    /// Reads `text`; an error names `field` and what would be right.
    fn parse(field: &str, text: &str) -> Result<Self, Error>;
}

/// An enumeration of words.
pub trait Word: Copy + PartialEq + 'static {
    /// Every value with its word.
    const WORDS: &'static [(&'static str, Self)];

    /// Its word.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }
}

impl<T: Word> FromText for T {
    fn parse(field: &str, text: &str) -> Result<T, Error> {
        let found = T::WORDS.iter().find(|(word, _)| *word == text);
        let words = || T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        found.map(|(_, value)| *value).ok_or_else(|| Error::invalid(field, format!("must be one of: {}", words())))
    }
}

impl Word for AllowMode {
    const WORDS: &'static [(&'static str, AllowMode)] = &[("any", AllowMode::Any), ("list", AllowMode::List)];
}

impl Word for Order {
    const WORDS: &'static [(&'static str, Order)] = &[("allow_first", Order::AllowFirst), ("deny_first", Order::DenyFirst)];
}

/// What stands there is not repeated: it could be a key's whole text, pasted by mistake.
impl FromText for KeyId {
    fn parse(field: &str, text: &str) -> Result<KeyId, Error> {
        text.parse().map_err(|_| Error::invalid(field, "is no key id"))
    }
}

/// Declares enumerations of words; `as` gives it another name in the API's document.
macro_rules! words {
    ($($(#[doc = $doc:literal])* $name:ident $(as $api:literal)? { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? })*) => { $(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(#[doc = concat!("`", $word, "`")] $(#[$vdoc])* $variant),* }

        impl $crate::model::Word for $name {
            const WORDS: &'static [(&'static str, $name)] = &[$(($word, $name::$variant)),*];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::model::Word::word(*self))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::model::schema::words(concat!($($doc),*), &[$($word),*])
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                [$($api,)? stringify!($name)][0].into()
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::model::from_text(from)
            }
        }
    )* };
}
pub(crate) use words;

/// For `#[serde(deserialize_with)]`: a value read from text. Errors do not name a field: the reader around it knows the place.
pub fn from_text<'de, D: serde::Deserializer<'de>, T: FromText>(from: D) -> Result<T, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(from)?;
    T::parse("", &text).map_err(|error| serde::de::Error::custom(error.reason()))
}

/// For `#[serde(serialize_with)]`: as text.
pub(crate) fn display<S: serde::Serializer>(value: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// For `#[serde(serialize_with)]`: as a word.
pub(crate) fn word<S: serde::Serializer>(value: &impl Word, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(value.word())
}

/// For `#[serde(with)]`: a list of words.
pub(crate) mod word_list {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{FromText, Word};

    pub(crate) fn serialize<S: Serializer, T: Word>(list: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|one| one.word()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Word>(from: D) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| T::parse("", text).map_err(|error| D::Error::custom(error.reason()))).collect()
    }
}
