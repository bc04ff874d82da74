//! Which keys a command is about.

use clap::Args;
use edgelatch_registry::{KeyFilter, Name, Service, Slug, State, Tag, When};

use super::read;

#[derive(Args, Default)]
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
    #[arg(long, value_parser = read::words::<State>())]
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
    /// Only keys that no edge has accepted since this time, and that were made before it: `90d ago`, a date or an RFC 3339 time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = read::text::<When>)]
    unused_since: Option<When>,
    /// Only keys that no edge has ever accepted
    #[arg(long)]
    never_used: bool,
    /// Only keys that were made by this caller: a management key's id, or cli: and a user's name
    #[arg(long, value_name = "CALLER")]
    created_by: Option<Name>,
    /// Only keys with this tag, in any case
    #[arg(long)]
    tag: Option<Tag>,
    /// Only keys whose scope names this service
    #[arg(long)]
    service: Option<Service>,
    /// Only keys that should have been rotated by now
    #[arg(long)]
    rotation_due: bool,
    /// Only keys whose name or description holds this text in any case, or whose id or first characters begin with it
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

impl From<Filter> for KeyFilter {
    fn from(filter: Filter) -> KeyFilter {
        KeyFilter {
            org: filter.org,
            owner: filter.owner,
            role: filter.role,
            state: filter.state,
            environment: filter.environment,
            expires_before: filter.expires_before,
            created_before: filter.created_before,
            unused_since: filter.unused_since,
            never_used: filter.never_used,
            created_by: filter.created_by,
            tag: filter.tag,
            service: filter.service,
            rotation_due: filter.rotation_due,
            search: filter.search,
        }
    }
}
