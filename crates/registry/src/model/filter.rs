//! Which keys to list, and in which order.

use serde::Serialize;

use super::key::{Key, State};
use super::text::Slug;
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

/// Which keys to list. An empty filter means all.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Filter {
    /// Only this org's.
    pub org: Option<Slug>,
    /// Only this owner's.
    pub owner: Option<Slug>,
    /// Only those with this role, of their own or their owner's.
    pub role: Option<Slug>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those for this environment.
    pub environment: Option<Slug>,
    /// Only those that expire before this time.
    pub expires_before: Option<u64>,
    /// Only those made before this time.
    pub created_before: Option<u64>,
    /// Only those whose environment wants a new secret by now, if true.
    pub rotation_due: bool,
    /// Only those whose name, description, id or first characters contain this text.
    pub search: Option<String>,
    /// By what to sort; by creation if not said.
    pub sort: Option<Sort>,
    /// Which way; each [`Sort`] has its own if not said.
    pub direction: Option<Direction>,
    /// At most this many; 0 stands for the default.
    #[serde(skip)]
    pub limit: usize,
    /// Where the last page ended.
    #[serde(skip)]
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page {
    /// The keys.
    pub keys: Vec<Key>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}
