//! Schemas of texts and words, for the API's document.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

pub(crate) fn object(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind))
}

pub(crate) fn nullable(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([kind, Type::Null]))
}

/// A text of one of our kinds.
pub(crate) fn text(says: &str, pattern: Option<&str>, max: usize, empty: bool) -> RefOr<Schema> {
    let text = object(Type::String).description(Some(says)).max_length(Some(max));
    text.min_length(Some(usize::from(!empty))).pattern(pattern).into()
}

pub(crate) fn words(doc: &str, words: &'static [&'static str]) -> RefOr<Schema> {
    object(Type::String).description(Some(doc.trim())).enum_values(Some(words.iter().copied())).into()
}
