//! `edgelatch roles …`

use edgelatch_registry::{Name, NewRole, Pattern, Role, RoleEdit, Slug};

use crate::prelude::*;

/// Create, list, change and delete roles
#[derive(Subcommand)]
pub(crate) enum Roles {
    /// Create a role
    #[command(after_help = "Example:\n  edgelatch roles create purger --permission cache.purge,cache.view")]
    Create {
        /// Its identifier
        role: Slug,
        /// What it grants; repeat or separate by commas, a whole segment may be `*`
        #[arg(long = "permission", value_name = "PATTERN", value_delimiter = ',', required = true)]
        permissions: Vec<Pattern>,
        /// Only for this org [default: the whole realm]
        #[arg(long)]
        org: Option<Slug>,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<Name>,
    },
    /// List the roles
    #[command(after_help = "Example:\n  edgelatch roles list --org web")]
    List {
        /// The realm's, and of the orgs only this one's
        #[arg(long)]
        org: Option<Slug>,
    },
    /// Change a role of your own; every key that has it follows with the next epoch
    #[command(after_help = "Example:\n  edgelatch roles edit purger --permission cache.purge")]
    Edit {
        #[command(flatten)]
        which: Which,
        /// New name
        #[arg(long)]
        name: Option<Name>,
        /// What it grants from now on, in place of before
        #[arg(long = "permission", value_name = "PATTERN", value_delimiter = ',')]
        permissions: Vec<Pattern>,
        /// Only if the role is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
        #[command(flatten)]
        wait: Wait,
    },
    /// Delete a role of your own that nobody has
    #[command(after_help = "Example:\n  edgelatch roles delete purger")]
    Delete(Which),
}

/// A role of a realm or an org.
#[derive(Args)]
pub(crate) struct Which {
    /// Its identifier
    role: Slug,
    /// The org it is for [default: the whole realm]
    #[arg(long)]
    org: Option<Slug>,
}

const COLUMNS: &[Column<Role>] = &[
    ("ROLE", |r| r.role.to_string()),
    ("ORG", |r| r.org.as_ref().map_or("-".into(), ToString::to_string)),
    ("NAME", |r| r.name.to_string()),
    ("PREDEFINED", |r| if r.predefined { "yes" } else { "no" }.into()),
    ("PERMISSIONS", |r| joined(&r.permissions)),
];

impl Roles {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        let roles = open.tenants();
        let done = |role: &Role, what: &str| {
            context.show(role, |role| {
                output::line(format_args!("{what} role {}", role.role));
                output::warnings(&role.warnings);
            })
        };
        match self {
            Roles::Create { role, permissions, org, name } => {
                let new = NewRole { name: read::name_or(name, &role)?, role, org, permissions };
                done(&roles.create_role(&caller()?, &new)?, "created")
            }
            Roles::List { org } => {
                let org = org.map(|org| roles.org(&org)).transpose()?.map(|found| found.org);
                let mut all = roles.roles()?;
                all.retain(|role| org.is_none() || role.org.is_none() || role.org == org);
                context.list(&all, COLUMNS)
            }
            Roles::Edit { which: Which { role, org }, name, permissions, if_revision, wait } => {
                let permissions = Some(permissions).filter(|permissions| !permissions.is_empty());
                if name.is_none() && permissions.is_none() {
                    return Err(Failure::usage("nothing to change: name at least one of --name and --permission"));
                }
                let edit = RoleEdit { name, permissions, if_revision };
                let me = caller()?;
                let code = done(&roles.edit_role(&me, org.as_ref(), &role, &edit)?, "changed")?;
                wait.after(context, &open, &me, "changed", code)
            }
            Roles::Delete(Which { role, org }) => done(&roles.delete_role(&caller()?, org.as_ref(), &role, None)?, "deleted"),
        }
    }
}
