//! `edgelatch orgs …`, `owners …` and `roles …`

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Orgs {
    /// Create an org
    #[command(after_help = "Example:\n  edgelatch orgs create web --name \"Web team\" --preset valar")]
    Create {
        /// Its identifier
        org: String,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<String>,
        /// Another preset than the realm's: default, vergeos, vergecloud, ipaware or valar
        #[arg(long)]
        preset: Option<String>,
    },
    /// List the orgs
    #[command(after_help = "Example:\n  edgelatch orgs list")]
    List,
    /// Show an org and its settings
    #[command(after_help = "Example:\n  edgelatch orgs show web")]
    Show {
        /// Its identifier
        org: String,
    },
    /// Change settings of an org; what is not named stays
    #[command(after_help = "\
Example:
  edgelatch orgs set web max_keys=20 unique_names=true prefix=web_sk
  edgelatch orgs set web 'expiry_choices=[\"1d\",\"30d\"]' alert_after=null

A value is JSON; what is not JSON is taken as text. `orgs show` lists the settings.")]
    Set {
        /// Its identifier
        org: String,
        /// A setting and its value
        #[arg(value_name = "NAME=VALUE", required = true)]
        settings: Vec<String>,
        /// Only if the org is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
    },
    /// Give an org another name for people; its identifier stays
    #[command(after_help = "Example:\n  edgelatch orgs rename web \"Web team\"")]
    Rename {
        /// Its identifier
        org: String,
        /// Its new name
        name: String,
        /// Only if the org is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
    },
    /// Delete an org that has no keys, with its owners and roles
    #[command(after_help = "Example:\n  edgelatch orgs delete web")]
    Delete {
        /// Its identifier
        org: String,
    },
}

/// An owner of an org.
#[derive(Args)]
pub(crate) struct WhichOwner {
    /// Its identifier
    pub(crate) owner: String,
    /// Its org [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Owners {
    /// Create an owner
    #[command(after_help = "Example:\n  edgelatch owners create deployer --org web --kind service --role operator")]
    Create {
        #[command(flatten)]
        which: WhichOwner,
        /// user or service
        #[arg(long, default_value = "user")]
        kind: String,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<String>,
        /// A role, which its keys have where the org's settings say so; repeat or separate by commas
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
        roles: Vec<String>,
    },
    /// List the owners
    #[command(after_help = "Example:\n  edgelatch owners list --org web")]
    List {
        /// Only this org's
        #[arg(long)]
        org: Option<String>,
    },
    /// Change an owner's name or roles; its keys follow with the next epoch
    #[command(
        visible_alias = "set",
        after_help = "Example:\n  edgelatch owners edit deployer --org web --role operator,auditor"
    )]
    Edit {
        #[command(flatten)]
        which: WhichOwner,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// New roles, in place of the old ones
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
        roles: Vec<String>,
        /// Take all roles away
        #[arg(long, conflicts_with = "roles")]
        no_roles: bool,
        /// Only if the owner is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
    },
    /// Refuse every key of an owner from the next epoch on
    #[command(after_help = "Example:\n  edgelatch owners disable deployer --org web")]
    Disable(WhichOwner),
    /// Accept the keys of an owner again
    #[command(after_help = "Example:\n  edgelatch owners enable deployer --org web")]
    Enable(WhichOwner),
    /// Delete an owner that has no keys
    #[command(after_help = "Example:\n  edgelatch owners delete deployer --org web")]
    Delete(WhichOwner),
}

#[derive(Subcommand)]
pub(crate) enum Roles {
    /// Create a role
    #[command(after_help = "Example:\n  edgelatch roles create purger --permission cache.purge,cache.view")]
    Create {
        /// Its identifier
        role: String,
        /// What it grants; repeat or separate by commas, a whole segment may be `*`
        #[arg(long = "permission", value_name = "PATTERN", value_delimiter = ',', required = true)]
        permissions: Vec<String>,
        /// Only for this org [default: the whole realm]
        #[arg(long)]
        org: Option<String>,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<String>,
    },
    /// List the roles
    #[command(after_help = "Example:\n  edgelatch roles list")]
    List,
    /// Change a role of your own; every key that has it follows with the next epoch
    #[command(after_help = "Example:\n  edgelatch roles edit purger --permission cache.purge")]
    Edit {
        /// Its identifier
        role: String,
        /// The org it is for [default: the whole realm]
        #[arg(long)]
        org: Option<String>,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// What it grants from now on, in place of before
        #[arg(long = "permission", value_name = "PATTERN", value_delimiter = ',')]
        permissions: Vec<String>,
        /// Only if the role is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
    },
    /// Delete a role of your own that nobody has
    #[command(after_help = "Example:\n  edgelatch roles delete purger")]
    Delete {
        /// Its identifier
        role: String,
        /// The org it is for [default: the whole realm]
        #[arg(long)]
        org: Option<String>,
    },
}
