//! What the model looks like as JSON, where a derived schema would not say it: for the API's document.

use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, Ref, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use crate::audit::AuditRow;
use crate::limits::{MAX_IP_ENTRIES, MAX_KEY_SERVICES, MAX_NOTE_BYTES};
use crate::model::schema::{nullable, object};
use crate::model::{IpEntry, IpRules, Metadata, Scope, Service, Warning};

fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

/// Gives a type its schema, and names those it refers to.
macro_rules! schemas {
    ($($name:ident $(as $api:literal)? refers to [$($other:ident),*] = $schema:expr;)*) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                [$($api,)? stringify!($name)][0].into()
            }

            #[allow(unused_variables)]
            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                $(schemas.push(($other::name().into(), $other::schema())); $other::schemas(schemas);)*
            }
        }
    )* };
}

fn time() -> ObjectBuilder {
    object(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
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
    AuditRow as "Activity" refers to [] = object(Type::Object)
        .description(Some("An act of an administrator."))
        .property("seq", object(Type::Integer).minimum(Some(1)).description(Some("Its place in the realm's log.")))
        .property("at", time().description(Some("When.")))
        .property("actor", object(Type::String).description(Some("Who: the id of a management key, or `cli:` and a user.")))
        .property("address", nullable(Type::String).description(Some("From where.")))
        .property("action", object(Type::String).description(Some("What.")).examples(["key.edit"]))
        .property("kind", object(Type::String).description(Some("What kind of thing it was done to.")))
        .property("target", object(Type::String).description(Some("Which one.")))
        .property("org", nullable(Type::String).description(Some("In which org.")))
        .property("before", nullable(Type::Object).description(Some("What was different before.")))
        .property("after", nullable(Type::Object).description(Some("What it is since.")))
        .required("seq").required("at").required("actor").required("action").required("kind").required("target");
}
