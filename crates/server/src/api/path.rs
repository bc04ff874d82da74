//! What paths hold, as types: each is read from a call that was admitted, and describes itself in the API's document. The realm
//! comes first in all of them; [`Call::admit`](super::call::Call::admit) reads it.

use std::str::FromStr;

use edgelatch_core::key::KeyId;
use edgelatch_registry::{EventId, ImportId, Slug};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr, Required};
use utoipa::{IntoParams, ToSchema};

use super::auth::principal::Reach;
use crate::problem::Problem;

/// The parts of a path by their names.
pub(crate) type Parts = [(String, String)];

/// What a path holds besides the realm.
pub(crate) trait InPath: Sized {
    /// Reads it; what cannot be a name of ours is not found, and an org must be within reach.
    fn of(parts: &Parts, reach: &Reach) -> Result<Self, Problem>;
}

/// A part of the path.
pub(crate) fn part<T: FromStr>(parts: &Parts, name: &str) -> Result<T, Problem> {
    let part = parts.iter().find(|(of, _)| of == name);
    part.and_then(|(_, text)| text.parse().ok()).ok_or_else(Problem::not_found)
}

/// Declares what paths hold; `of org` where an org is part of it.
macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident($($part:ident: $ty:ty),*) $(of $org:ident)?;)*) => { $(
        $(#[$doc])*
        pub(crate) struct $name { $(pub(crate) $part: $ty),* }

        impl InPath for $name {
            fn of(_parts: &Parts, _reach: &Reach) -> Result<$name, Problem> {
                let path = $name { $($part: part(_parts, stringify!($part))?),* };
                $(_reach.org(Some(&path.$org))?;)?
                Ok(path)
            }
        }

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                ["realm" $(, stringify!($part))*].map(parameter).into()
            }
        }
    )* };
}

paths! {
    /// A realm alone.
    InRealm();
    /// An org.
    OrgPath(org: Slug) of org;
    /// An owner in its org.
    OwnerPath(org: Slug, owner: Slug) of org;
    /// A role.
    RolePath(role: Slug);
    /// A key.
    KeyPath(key_id: KeyId);
    /// An event.
    EventPath(event: EventId);
    /// An import.
    ImportPath(import: ImportId);
    /// Somebody.
    PersonPath(person: Slug);
}

/// How the document describes a part of a path.
fn parameter(name: &str) -> Parameter {
    let (says, schema): (String, RefOr<Schema>) = match name {
        "key_id" => {
            let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^key_[0-9A-Za-z]{11}$"));
            ("The key's public id".into(), text.into())
        }
        "event" => ("The event's id".into(), Ref::from_schema_name(EventId::name()).into()),
        "import" => ("The import's id".into(), Ref::from_schema_name(ImportId::name()).into()),
        name => (format!("The {name}"), Ref::from_schema_name(Slug::name()).into()),
    };
    let path = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
    path.description(Some(says)).schema(Some(schema)).build()
}
