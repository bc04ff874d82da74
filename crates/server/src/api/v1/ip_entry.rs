//! IP lists, and what they mean, as requests hold them.

use std::borrow::Cow;
use std::fmt::Formatter;

use edgelatch_registry::json::from_text;
use edgelatch_registry::{FromText, IpEntry, Note};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// An entry of an IP list: the network alone, or with what goes with it.
#[derive(Debug)]
pub(crate) struct EntryBody(pub(crate) IpEntry);

/// An entry of an IP list in full.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IpEntryObject)]
pub(crate) struct FullEntry {
    /// A network, or one address.
    #[serde(deserialize_with = "from_text")]
    #[schema(value_type = String, examples("192.0.2.7"))]
    cidr: IpEntry,
    /// Whether it counts.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    /// A remark.
    #[serde(default)]
    note: Note,
}

fn yes() -> bool {
    true
}

// By hand, since what serde derives for one of several forms does not tell where inside the entry an error is.
impl<'de> Deserialize<'de> for EntryBody {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<EntryBody, D::Error> {
        from.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = EntryBody;

    fn expecting(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("a network such as 10.0.0.0/8, or an object with cidr, enabled and note")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<EntryBody, E> {
        from_text(text.into_deserializer()).map(EntryBody)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<EntryBody, A::Error> {
        let FullEntry { cidr, enabled, note } = FullEntry::deserialize(MapAccessDeserializer::new(members))?;
        Ok(EntryBody(IpEntry { enabled, note, ..cidr }))
    }
}

impl PartialSchema for EntryBody {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some("A network, or one address."));
        let full = Ref::builder().ref_location_from_schema_name(FullEntry::name());
        OneOfBuilder::new()
            .description(Some("An entry of an IP list: the network alone, or with what goes with it."))
            .item(text.examples(["10.0.0.0/8"]))
            .item(full.description(Some("The same with a switch and a remark.")).build())
            .into()
    }
}

impl ToSchema for EntryBody {
    fn name() -> Cow<'static, str> {
        "IpEntryInput".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((FullEntry::name().into(), FullEntry::schema()));
        FullEntry::schemas(schemas);
    }
}

/// The entries that a list of them stands for.
pub(super) fn entries(list: Vec<EntryBody>) -> Vec<IpEntry> {
    list.into_iter().map(|entry| entry.0).collect()
}

/// A value that the registry reads from text.
#[derive(Debug, Deserialize)]
pub(crate) struct Spelled<T: FromText>(#[serde(deserialize_with = "from_text")] pub(crate) T);

/// A mode of the allow list.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
pub(crate) enum AllowModeInput {
    Any,
    List,
}

/// An order of the lists.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
pub(crate) enum OrderInput {
    AllowFirst,
    DenyFirst,
}
