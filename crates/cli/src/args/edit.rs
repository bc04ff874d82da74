//! `edgelatch keys edit …`

use clap::Args;

use super::keys::Which;

#[derive(Args)]
pub(crate) struct Edit {
    #[command(flatten)]
    pub(crate) which: Which,
    /// New name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// New description
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// New roles, in place of the old ones
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    pub(crate) roles: Vec<String>,
    /// Take all roles away
    #[arg(long, conflicts_with = "roles")]
    pub(crate) no_roles: bool,
    /// New scope: services, or `all`
    #[arg(long, value_name = "LIST")]
    pub(crate) scope: Option<String>,
    /// New expiry, or never
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// New start, or now
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<String>,
    /// New metadata; {} for none
    #[arg(long, value_name = "JSON")]
    pub(crate) metadata: Option<String>,
    /// New environment
    #[arg(long)]
    pub(crate) environment: Option<String>,
    /// Take the environment away
    #[arg(long, conflicts_with = "environment")]
    pub(crate) no_environment: bool,
    /// active or revoked
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Which list is asked first: allow-first or deny-first
    #[arg(long)]
    pub(crate) order: Option<String>,
    /// Who may come: any, or list
    #[arg(long, value_name = "MODE")]
    pub(crate) allow_mode: Option<String>,
    #[command(flatten)]
    pub(crate) allow: AllowEdit,
    #[command(flatten)]
    pub(crate) deny: DenyEdit,
}

macro_rules! list_edit {
    ($name:ident, $list:literal, $clear:literal, $add:literal, $remove:literal, $enable:literal, $disable:literal) => {
        #[derive(Args)]
        pub(crate) struct $name {
            #[doc = concat!("New ", $list, " list, in place of the old one: CIDR, CIDR=NOTE or off:CIDR")]
            #[arg(id = $list, long = $list, value_name = "CIDR", value_delimiter = ',', conflicts_with_all = [$clear, $add, $remove, $enable, $disable])]
            pub(crate) replace: Vec<String>,
            #[doc = concat!("Empty the ", $list, " list")]
            #[arg(id = $clear, long = $clear, conflicts_with_all = [$add, $remove, $enable, $disable])]
            pub(crate) clear: bool,
            #[doc = concat!("Add to the ", $list, " list; an entry for the same network gives way")]
            #[arg(id = $add, long = $add, value_name = "CIDR", value_delimiter = ',')]
            pub(crate) add: Vec<String>,
            #[doc = concat!("Remove from the ", $list, " list")]
            #[arg(id = $remove, long = $remove, value_name = "CIDR", value_delimiter = ',')]
            pub(crate) remove: Vec<String>,
            #[doc = concat!("Let an entry of the ", $list, " list count again")]
            #[arg(id = $enable, long = $enable, value_name = "CIDR", value_delimiter = ',')]
            pub(crate) enable: Vec<String>,
            #[doc = concat!("Keep an entry of the ", $list, " list without effect")]
            #[arg(id = $disable, long = $disable, value_name = "CIDR", value_delimiter = ',')]
            pub(crate) disable: Vec<String>,
        }

        impl From<$name> for IpListEdit {
            fn from(edit: $name) -> IpListEdit {
                let $name { replace, clear, add, remove, enable, disable } = edit;
                IpListEdit { list: $list, replace, clear, add, remove, enable, disable }
            }
        }
    };
}

list_edit!(AllowEdit, "allow", "clear-allow", "add-allow", "remove-allow", "enable-allow", "disable-allow");
list_edit!(DenyEdit, "deny", "clear-deny", "add-deny", "remove-deny", "enable-deny", "disable-deny");

/// Changes to one of the two lists.
pub(crate) struct IpListEdit {
    /// Which one; `--add-` and so on before it make the flags.
    pub(crate) list: &'static str,
    pub(crate) replace: Vec<String>,
    pub(crate) clear: bool,
    pub(crate) add: Vec<String>,
    pub(crate) remove: Vec<String>,
    pub(crate) enable: Vec<String>,
    pub(crate) disable: Vec<String>,
}
