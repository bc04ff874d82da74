//! What the model looks like as JSON, where a derived schema would not say it: for the API's document.

use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::error::Warning;
use crate::limits::{MAX_IP_ENTRIES, MAX_KEY_SERVICES, MAX_NOTE_BYTES};
use crate::model::schema::{nullable, object};
use crate::model::{IpEntry, IpRules, Metadata, Scope, Service};

fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

/// Gives a type its schema, and names those it refers to.
macro_rules! schemas {
    ($($name:ident refers to [$($other:ident),*] = $schema:expr;)*) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {
            #[allow(unused_variables)]
            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                $(schemas.push(($other::name().into(), $other::schema())); $other::schemas(schemas);)*
            }
        }
    )* };
}

fn entries() -> ArrayBuilder {
    ArrayBuilder::new().items(reference::<IpEntry>()).max_items(Some(MAX_IP_ENTRIES))
}

schemas! {
    IpEntry refers to [] = object(Type::Object)
        .description(Some("A network or address of an IP list."))
        .property("cidr", object(Type::String).description(Some("A network, or one address.")).examples(["10.0.0.0/8"]))
        .property("enabled", object(Type::Boolean).description(Some("Whether it counts.")))
        .property("note", object(Type::String).max_length(Some(MAX_NOTE_BYTES)).description(Some("A remark.")))
        .required("cidr").required("enabled").required("note");
    IpRules refers to [IpEntry] = object(Type::Object)
        .description(Some("From where a key may be used."))
        .property("allow_mode", object(Type::String).enum_values(Some(["any", "list"]))
            .description(Some("Whether everyone or only the list may come.")))
        .property("order", object(Type::String).enum_values(Some(["allow_first", "deny_first"]))
            .description(Some("Which list is asked first.")))
        .property("allow", entries()).property("deny", entries())
        .required("allow_mode").required("order").required("allow").required("deny");
    Scope refers to [Service] = OneOfBuilder::new()
        .description(Some("The services a key may be used for: all, present and future, or a list."))
        .item(object(Type::String).enum_values(Some(["all"])))
        .item(ArrayBuilder::new().items(reference::<Service>()).min_items(Some(1)).max_items(Some(MAX_KEY_SERVICES)));
    Metadata refers to [] = nullable(Type::Object).description(Some("Custom data for the handler behind the edge."));
    Warning refers to [] = object(Type::Object)
        .description(Some("What was done as asked but may not be as meant."))
        .property("code", object(Type::String).description(Some("Stable name, such as `deny_ignored`.")))
        .property("message", object(Type::String).description(Some("What may not be as meant, and how to change it.")))
        .required("code").required("message");
}
