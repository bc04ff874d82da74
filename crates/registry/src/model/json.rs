//! JSON from outside, read strictly: for the registry's own types and for whoever reads requests.

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

use super::words::FromText;
pub use super::words::from_text;

/// What a reader says of a value that does not fit, without the value: it may be a secret in the wrong place. `message` is
/// serde's, of which each kind begins in its own way.
pub fn misfit(message: &str) -> String {
    let said = message.split(" at line").next().unwrap_or_default();
    for (begin, says) in [("invalid type: ", "has the wrong type"), ("invalid value: ", "has a value that does not fit")] {
        if said.starts_with(begin) {
            return match said.rsplit_once("expected ").map(|(_, expected)| expected) {
                Some(expected) if expected.starts_with("struct ") => format!("{says}: must be a JSON object"),
                Some("u64" | "u32" | "u16") => format!("{says}: must be a whole number of its range, not below 0"),
                Some(expected) => format!("{says}: must be {expected}"),
                None => says.into(),
            };
        }
    }
    match said.strip_prefix("unknown field `").map(|rest| rest.rsplit_once("`, expected ")) {
        Some(Some((_, expected))) => format!("names what is none; expected {expected}"),
        Some(None) => "names what is none, and there is nothing to name".into(),
        None => said.into(),
    }
}

/// For `#[serde(deserialize_with)]`: a structure from an object, and not, member by member, from an array.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    T::deserialize(Object(from))
}

struct Object<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Object<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// For `#[serde(deserialize_with)]`: a member that is there, also when it is null.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// For `#[serde(deserialize_with)]`: a word that is there.
pub fn given_word<'de, D: Deserializer<'de>, T: FromText>(from: D) -> Result<Option<T>, D::Error> {
    from_text(from).map(Some)
}
