//! `edgelatch owners …`

use edgelatch_registry::{Name, NewOwner, Owner, OwnerEdit, OwnerKind, Slug};

use crate::prelude::*;

/// Create, list, change, disable and delete owners
#[derive(Subcommand)]
pub(crate) enum Owners {
    /// Create an owner
    #[command(after_help = "Example:\n  edgelatch owners create deployer --org web --kind service --role operator")]
    Create {
        #[command(flatten)]
        which: Which,
        /// What it is
        #[arg(long, default_value = "user", value_parser = read::words::<OwnerKind>())]
        kind: OwnerKind,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<Name>,
        /// A role, which its keys have where the org's settings say so; repeat or separate by commas
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
        roles: Vec<Slug>,
    },
    /// List the owners
    #[command(after_help = "Example:\n  edgelatch owners list --org web")]
    List {
        /// Only this org's
        #[arg(long)]
        org: Option<Slug>,
    },
    /// Change an owner's name or roles; its keys follow with the next epoch
    #[command(
        visible_alias = "set",
        after_help = "Example:\n  edgelatch owners edit deployer --org web --role operator,auditor"
    )]
    Edit {
        #[command(flatten)]
        which: Which,
        /// New name
        #[arg(long)]
        name: Option<Name>,
        /// New roles, in place of the old ones
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
        roles: Vec<Slug>,
        /// Take all roles away
        #[arg(long, conflicts_with = "roles")]
        no_roles: bool,
        /// Only if the owner is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Refuse every key of an owner from the next epoch on
    #[command(after_help = "\
Example:
  edgelatch owners disable deployer --org web
  edgelatch owners disable deployer --org web --wait 10s

Exit code: 0 disabled, and with --wait everywhere; 1 disabled, but not everywhere in that time; 2 not disabled.")]
    Disable {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        wait: Wait,
    },
    /// Accept the keys of an owner again
    #[command(after_help = "Example:\n  edgelatch owners enable deployer --org web")]
    Enable {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        wait: Wait,
    },
    /// Delete an owner that has no keys
    #[command(after_help = "Example:\n  edgelatch owners delete deployer --org web")]
    Delete(Which),
}

/// An owner of an org.
#[derive(Args)]
pub(crate) struct Which {
    /// Its identifier
    owner: Slug,
    /// Its org [default: the only one]
    #[arg(long)]
    org: Option<Slug>,
}

const COLUMNS: &[Column<Owner>] = &[
    ("ORG", |o| o.org.to_string()),
    ("OWNER", |o| o.owner.to_string()),
    ("KIND", |o| o.kind.to_string()),
    ("NAME", |o| o.name.to_string()),
    ("ROLES", |o| or_dash(&joined(&o.roles))),
    ("STATE", |o| if o.disabled { "disabled" } else { "enabled" }.into()),
];

impl Owners {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        let done =
            |owner: &Owner, what: &str| context.done(owner, &format!("{what} owner {} of org {}", owner.owner, owner.org));
        let edit = |Which { owner, org }: Which, edit: OwnerEdit, what: &str, wait: &Wait| {
            let me = caller()?;
            let code = done(&open.tenants().edit_owner(&me, &open.org(org)?, &owner, &edit)?, what)?;
            wait.after(context, &open, &me, what, code)
        };
        let able = |disabled: bool| OwnerEdit { disabled: Some(disabled), ..OwnerEdit::default() };
        match self {
            Owners::Create { which: Which { owner, org }, kind, name, roles } => {
                let new = NewOwner { org: open.org(org)?, name: read::name_or(name, &owner)?, owner, kind, roles };
                done(&open.tenants().create_owner(&caller()?, &new)?, "created")
            }
            Owners::List { org } => context.list(&open.tenants().owners(org.as_ref())?, COLUMNS),
            Owners::Edit { which, name, roles, no_roles, if_revision, wait } => {
                let roles = Some(roles).filter(|roles| no_roles || !roles.is_empty());
                if name.is_none() && roles.is_none() {
                    return Err(Failure::usage("nothing to change: name at least one of --name, --role and --no-roles"));
                }
                edit(which, OwnerEdit { name, roles, if_revision, disabled: None }, "changed", &wait)
            }
            Owners::Disable { which, wait } => edit(which, able(true), "disabled", &wait),
            Owners::Enable { which, wait } => edit(which, able(false), "enabled", &wait),
            Owners::Delete(Which { owner, org }) => {
                done(&open.tenants().delete_owner(&caller()?, &open.org(org)?, &owner, None)?, "deleted")
            }
        }
    }
}
