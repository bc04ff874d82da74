//! Which keys a command is about.

use clap::Args;
use edgelatch_registry::{KeyFilter, Slug, State, When};

use super::read;

#[derive(Args)]
pub(crate) struct Filter {
    /// Only this org's keys
    #[arg(long)]
    org: Option<Slug>,
    /// Only this owner's keys
    #[arg(long)]
    owner: Option<Slug>,
    /// Only keys with this role, their own or their owner's
    #[arg(long)]
    role: Option<Slug>,
    /// Only keys that are active, pending, expired or revoked
    #[arg(long, value_parser = read::word::<State>)]
    state: Option<State>,
    /// Only keys for this environment
    #[arg(long)]
    environment: Option<Slug>,
    /// Only keys that expire before this time: a span from now, a date or an RFC 3339 time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = read::text::<When>)]
    expires_before: Option<When>,
    /// Only keys made before this time: `90d ago`, a date or an RFC 3339 time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = read::text::<When>)]
    created_before: Option<When>,
    /// Only keys that should have been rotated by now
    #[arg(long)]
    rotation_due: bool,
    /// Only keys whose name, description, id or first characters hold this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

impl From<Filter> for KeyFilter {
    fn from(filter: Filter) -> KeyFilter {
        let Filter { org, owner, role, state, environment, expires_before, created_before, rotation_due, search } = filter;
        KeyFilter { org, owner, role, state, environment, expires_before, created_before, rotation_due, search }
    }
}
