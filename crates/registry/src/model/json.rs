//! JSON from outside, read strictly: for the registry's own types and for whoever reads requests.

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

use super::words::FromText;
pub use super::words::from_text;

/// What serde says that it expected, where it speaks of Rust's types or of its own data model, and what that is in JSON.
const EXPECTED: [(&str, &str); 17] = [
    ("a string", "a text"),
    ("a borrowed string", "a text"),
    ("string or map", "a text"),
    ("a boolean", "true or false"),
    ("a sequence", "a list"),
    ("a map", "a JSON object"),
    ("unit", "null"),
    ("option", "a value or null"),
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number, 0 or more"),
    ("usize", "a whole number, 0 or more"),
    ("i32", "a whole number from -2147483648 to 2147483647"),
    ("i64", "a whole number"),
    ("f32", "a number"),
    ("f64", "a number"),
];

/// What the standard library says of a text that is no number and no truth value, by its beginning.
const UNREAD: [(&str, &str); 5] = [
    ("invalid digit found", "must be a whole number, 0 or more"),
    ("cannot parse integer", "must be a whole number, 0 or more"),
    ("number too ", "is a larger number than can be meant"),
    ("invalid float", "must be a number"),
    ("provided string was not", "must be true or false"),
];

/// What a reader says of a value that does not fit, in the words of JSON, and without the value: it may be a secret in the wrong place.
/// `message` is serde's, of which each kind begins in its own way.
pub fn misfit(message: &str) -> String {
    let said = without_place(message);
    for begin in ["invalid type: ", "invalid value: ", "invalid length "] {
        if said.starts_with(begin) {
            return said
                .rsplit_once("expected ")
                .map_or("does not fit".into(), |(_, what)| format!("must be {}", expected(what)));
        }
    }
    if let Some((_, says)) = UNREAD.iter().find(|(begin, _)| said.starts_with(begin)) {
        return (*says).into();
    }
    for (begin, says) in [("missing field `", "is missing"), ("duplicate field `", "is given twice")] {
        if let Some(name) = said.strip_prefix(begin).and_then(|rest| rest.strip_suffix('`')) {
            return format!("`{name}` {says}");
        }
    }
    for (begin, says) in [("unknown field `", "names what is none"), ("unknown variant `", "is no word of these")] {
        if let Some(rest) = said.strip_prefix(begin) {
            return match rest.rsplit_once("`, expected ") {
                Some((_, known)) => format!("{says}; expected {known}"),
                None => format!("{says}, and there is nothing to name"),
            };
        }
    }
    said.into()
}

/// Without the line and column at its end, which are those of a copy.
fn without_place(message: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match message.rsplit_once(" at line ") {
        Some((said, place)) if place.split(" column ").all(is_number) => said,
        _ => message,
    }
}

/// The same in the words of JSON. What types of our own expect is said so already.
fn expected(what: &str) -> &str {
    let structure = ["struct ", "tuple ", "newtype ", "enum ", "internally tagged ", "adjacently tagged "];
    match EXPECTED.iter().find(|(serde, _)| *serde == what) {
        Some((_, json)) => json,
        None if structure.iter().any(|begin| what.starts_with(begin)) => "a JSON object",
        None => what,
    }
}

/// JSON that is kept as text; none if it is none.
pub(crate) fn embedded(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str(text).ok()
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

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Thing {
        number: u32,
        list: Vec<bool>,
        word: Option<Word>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Some,
        Other,
    }

    fn said<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
        misfit(&serde_json::from_str::<T>(json).unwrap_err().to_string())
    }

    #[test]
    fn what_does_not_fit_is_told_in_the_words_of_json() {
        for (json, says) in [
            (r#"{"number":-1}"#, "must be a whole number from 0 to 4294967295"),
            (r#"{"number":1.5}"#, "must be a whole number from 0 to 4294967295"),
            (r#"{"number":5000000000}"#, "must be a whole number from 0 to 4294967295"),
            (r#"{"number":1,"list":"expected u32 hunter2"}"#, "must be a list"),
            (r#"{"number":1,"list":"expected hunter2 at line"}"#, "must be a list"),
            (r#"{"number":1,"list":["hunter2"]}"#, "must be true or false"),
            (r#"{"number":1}"#, "`list` is missing"),
            (r#"{"number":1,"number":2}"#, "`number` is given twice"),
            (r#"{"hunter2":1}"#, "names what is none; expected one of `number`, `list`, `word`"),
            (r#"{"number":1,"list":[],"word":"hunter2"}"#, "is no word of these; expected `some` or `other`"),
            ("7", "must be a JSON object"),
        ] {
            assert_eq!(said::<Thing>(json), says, "{json}");
        }
        assert_eq!(said::<String>("1"), "must be a text");
        assert_eq!(said::<i64>("[]"), "must be a whole number");
        assert_eq!(misfit("invalid digit found in string"), "must be a whole number, 0 or more");
        assert_eq!(misfit("provided string was not `true` or `false`"), "must be true or false");
    }
}
