//! What is changed of one key as of many.

use clap::Args;
use edgelatch_core::policy::{AllowMode, Order};
use edgelatch_registry::{Description, IpEdit, KeyEdit, Metadata, Scope, StatusEdit, parse_expiry, parse_start};

use super::ip_list::{AllowEdit, DenyEdit};
use crate::args::read;

/// Options that mean the same whichever keys they are for. What a list of keys is filtered by (roles, owner, environment, tags) has other names
/// where many keys are changed, and so stands with each command.
#[derive(Args)]
pub(super) struct Changes {
    /// New description
    #[arg(long)]
    description: Option<Description>,
    /// New scope: services, or `all`
    #[arg(long, value_name = "LIST", value_parser = read::scope)]
    scope: Option<Scope>,
    /// New expiry, or never
    #[arg(long = "expires-at", visible_alias = "expires", value_name = "TIME", value_parser = read::typed(parse_expiry))]
    expires: Option<read::Typed<Option<u64>>>,
    /// New start, or now
    #[arg(long, value_name = "TIME", value_parser = read::typed(parse_start))]
    not_before: Option<read::Typed<Option<u64>>>,
    /// New metadata; {} for none
    #[arg(long, value_name = "JSON", value_parser = Metadata::parse)]
    metadata: Option<Metadata>,
    /// Revoke it, or let it be accepted again, as the org's settings allow
    #[arg(long, value_parser = read::words::<StatusEdit>())]
    status: Option<StatusEdit>,
    /// Which list is asked first
    #[arg(long, value_parser = read::words::<Order>())]
    order: Option<Order>,
    /// Whether any address may come, or only those on the allow list
    #[arg(long, value_name = "MODE", value_parser = read::words::<AllowMode>())]
    allow_mode: Option<AllowMode>,
    #[command(flatten)]
    allow: AllowEdit,
    #[command(flatten)]
    deny: DenyEdit,
}

impl From<Changes> for KeyEdit {
    fn from(given: Changes) -> KeyEdit {
        let Changes { description, scope, expires, not_before, metadata, status, order, allow_mode, allow, deny } = given;
        KeyEdit {
            description,
            scope,
            ip: IpEdit { allow_mode, order, allow: allow.into(), deny: deny.into() },
            not_before: not_before.map(|start| start.value),
            expires_at: expires.map(|expiry| expiry.value),
            metadata,
            status,
            ..KeyEdit::default()
        }
    }
}
