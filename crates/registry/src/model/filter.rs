//! Which keys to list, and in which order.

use serde::{Deserialize, Serialize};

use super::json::given;
use super::key::{Key, State};
use super::text::Slug;
use super::time::When;
use super::words::words;

words! {
    /// By what a list is sorted.
    Sort {
        /// When the key was made; newest first.
        Created = "created",
        /// Its name.
        Name = "name",
        /// When it expires; soonest first, those that never do last.
        Expires = "expires",
        /// When it was last accepted; latest first.
        LastUsed = "last_used",
    }
}

words! {
    /// Which way a list runs.
    Direction {
        /// Smallest first.
        Ascending = "asc",
        /// Largest first.
        Descending = "desc",
    }
}

/// Which keys. An empty filter means all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[cfg_attr(feature = "openapi", schema(description = "Which keys to revoke. An empty filter means all."))]
#[serde(deny_unknown_fields)]
pub struct KeyFilter {
    /// Only this org's.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Slug, required = false), param(value_type = Slug, required = false))]
    pub org: Option<Slug>,
    /// Only this owner's.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Slug, required = false), param(value_type = Slug, required = false))]
    pub owner: Option<Slug>,
    /// Only those with this role, of their own or their owner's.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Slug, required = false), param(value_type = Slug, required = false))]
    pub role: Option<Slug>,
    /// Only those in this state.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = State, required = false), param(value_type = State, required = false))]
    pub state: Option<State>,
    /// Only those for this environment.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Slug, required = false), param(value_type = Slug, required = false))]
    pub environment: Option<Slug>,
    /// Only those that expire before this time: a span, a date or an RFC 3339 time.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    #[cfg_attr(feature = "openapi", param(value_type = String, required = false, example = "30d"))]
    pub expires_before: Option<When>,
    /// Only those made before this time.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false, examples("2027-01-31")))]
    #[cfg_attr(feature = "openapi", param(value_type = String, required = false, example = "2027-01-31"))]
    pub created_before: Option<When>,
    /// Only those that should be rotated, as their environments say.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(value_type = bool, required = false))]
    pub rotation_due: bool,
    /// Only those whose name, description, id or first characters contain this text.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false, max_length = 128))]
    #[cfg_attr(feature = "openapi", param(value_type = String, required = false, max_length = 128))]
    pub search: Option<String>,
}

/// In which order keys are listed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields, default)]
pub struct KeyOrder {
    /// By what to sort; by creation if not said.
    #[cfg_attr(feature = "openapi", param(value_type = Sort, required = false))]
    pub sort: Option<Sort>,
    /// Which way; each order has its own if not said.
    #[cfg_attr(feature = "openapi", param(value_type = Direction, required = false))]
    pub direction: Option<Direction>,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Page))]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<Key>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}
