//! `edgelatch keys edit`

use edgelatch_core::policy::{AllowMode, Order};
use edgelatch_registry::{Description, IpEdit, KeyEdit, Metadata, Name, Scope, Slug, StatusEdit, parse_expiry, parse_start};

use super::ip_list::{AllowEdit, DenyEdit};
use super::view;
use super::which::Which;
use crate::prelude::*;

/// Change a key; what is not named stays
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys edit key_0a1B2c3D4e5 --name deploy --expires 2027-01-31
  edgelatch keys edit key_0a1B2c3D4e5 --add-allow 192.0.2.0/24=office --remove-allow 10.0.0.0/8
  edgelatch keys edit key_0a1B2c3D4e5 --deny 10.6.6.0/24 --order deny-first
  edgelatch keys edit key_0a1B2c3D4e5 --status revoked --if-revision 3")]
pub(crate) struct Edit {
    #[command(flatten)]
    which: Which,
    /// New name
    #[arg(long)]
    name: Option<Name>,
    /// New description
    #[arg(long)]
    description: Option<Description>,
    /// New roles, in place of the old ones
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<Slug>,
    /// Take all roles away
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    /// New scope: services, or `all`
    #[arg(long, value_name = "LIST", value_parser = read::scope)]
    scope: Option<Scope>,
    /// New expiry, or never
    #[arg(long, value_name = "TIME", value_parser = read::typed(parse_expiry))]
    expires: Option<read::Typed<Option<u64>>>,
    /// New start, or now
    #[arg(long, value_name = "TIME", value_parser = read::typed(parse_start))]
    not_before: Option<read::Typed<Option<u64>>>,
    /// New metadata; {} for none
    #[arg(long, value_name = "JSON", value_parser = Metadata::parse)]
    metadata: Option<Metadata>,
    /// New environment
    #[arg(long)]
    environment: Option<Slug>,
    /// Take the environment away
    #[arg(long, conflicts_with = "environment")]
    no_environment: bool,
    /// active or revoked
    #[arg(long, value_parser = read::word::<StatusEdit>)]
    status: Option<StatusEdit>,
    /// Which list is asked first: allow-first or deny-first
    #[arg(long, value_parser = read::word::<Order>)]
    order: Option<Order>,
    /// Who may come: any, or list
    #[arg(long, value_name = "MODE", value_parser = read::word::<AllowMode>)]
    allow_mode: Option<AllowMode>,
    #[command(flatten)]
    allow: AllowEdit,
    #[command(flatten)]
    deny: DenyEdit,
}

impl Edit {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let Which { key, if_revision, wait } = self.which;
        let edit = KeyEdit {
            name: self.name,
            description: self.description,
            roles: Some(self.roles).filter(|roles| self.no_roles || !roles.is_empty()),
            scope: self.scope,
            ip: IpEdit { allow_mode: self.allow_mode, order: self.order, allow: self.allow.into(), deny: self.deny.into() },
            not_before: self.not_before.map(|start| start.value),
            expires_at: self.expires.map(|expiry| expiry.value),
            metadata: self.metadata,
            environment: if self.no_environment { Some(None) } else { self.environment.map(Some) },
            status: self.status,
            if_revision,
        };
        if edit.is_empty() {
            return Err(Failure::usage("nothing to change: name at least one field, such as --name or --add-allow"));
        }
        let (open, me) = (context.open()?, caller()?);
        let edited = open.keys().edit(&me, key, &edit)?;
        wait.after(context, &open, &me, "changed", view::changed(context, &edited, ["changed", "unchanged:"])?)
    }
}
