//! One value of a row, as JSON.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use crate::store::Value;

/// A value to be written.
pub(super) struct Put<'v>(pub(super) &'v Value);

impl Serialize for Put<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => to.serialize_unit(),
            Value::Int(number) => to.serialize_i64(*number),
            Value::Text(text) => to.serialize_str(text),
            Value::Blob(bytes) => {
                let mut array = to.serialize_seq(Some(1))?;
                array.serialize_element(&STANDARD_NO_PAD.encode(bytes))?;
                array.end()
            }
        }
    }
}

/// A value that was read.
pub(super) struct Taken(pub(super) Value);

impl<'de> Deserialize<'de> for Taken {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Taken)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a number, a text, or an array with a text in base64")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Int).map_err(E::custom)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let text: String = array.next_element()?.ok_or_else(|| A::Error::custom("an empty array is no value"))?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(A::Error::custom)?;
        match array.next_element::<String>()? {
            None => Ok(Value::Blob(bytes)),
            Some(_) => Err(A::Error::custom("bytes are one text")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_was_written() {
        let texts = ["", "\"\\\n\0\u{10ffff}"].map(Value::from);
        let blobs: [&[u8]; 3] = [b"", b"\xff\0", &[7; 1000]];
        let all = [Value::Null, Value::Int(i64::MIN), Value::Int(i64::MAX)].into_iter().chain(texts);
        for value in all.chain(blobs.map(Value::from)) {
            let json = serde_json::to_string(&Put(&value)).unwrap();
            assert!(!json.contains('\n'), "{json}");
            assert_eq!(serde_json::from_str::<Taken>(&json).unwrap().0, value);
        }
        for wrong in ["true", "1.5", "9223372036854775808", "[]", "[1]", "[\"=\"]", "[\"\",\"\"]", "{}"] {
            assert!(serde_json::from_str::<Taken>(wrong).is_err(), "{wrong}");
        }
    }
}
