//! `edgelatch keys …`

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Create a key; its secret is shown this once
    #[command(after_help = "\
Example:
  edgelatch keys create --name \"CI deploy\" --role writer --scope cdn,dns --allow 10.0.0.0/8,2001:db8::/32 --expires 3mo
  KEY=$(edgelatch keys create --name ci 2>/dev/null)

The secret alone goes to standard output, the rest to standard error.")]
    Create(KeyFields),
    /// List keys, newest first
    #[command(after_help = "Example:\n  edgelatch keys list --state active --search deploy --limit 20")]
    List(List),
    /// Show one key
    #[command(after_help = "Example:\n  edgelatch keys show key_0a1B2c3D4e5")]
    Show {
        /// Its public id
        #[arg(value_name = "KEY_ID")]
        key: String,
    },
    /// Change a key; what is not named stays
    #[command(after_help = "\
Example:
  edgelatch keys edit key_0a1B2c3D4e5 --name deploy --expires 2027-01-31
  edgelatch keys edit key_0a1B2c3D4e5 --add-allow 192.0.2.0/24 --remove-allow 10.0.0.0/8
  edgelatch keys edit key_0a1B2c3D4e5 --deny 10.6.6.0/24 --order deny-first")]
    Edit(Box<Edit>),
    /// Revoke a key for good
    #[command(after_help = "Example:\n  edgelatch keys revoke key_0a1B2c3D4e5 && edgelatch publish")]
    Revoke {
        /// Its public id
        #[arg(value_name = "KEY_ID")]
        key: String,
    },
    /// Take over an existing key by the SHA-256 of its text
    #[command(after_help = "\
Example:
  edgelatch keys import --name legacy --sha256 \"$(printf %s \"$KEY\" | sha256sum | cut -d' ' -f1)\"")]
    Import {
        /// SHA-256 of the key's whole text, as 64 hexadecimal digits or base64
        #[arg(long, value_name = "DIGEST")]
        sha256: String,
        #[command(flatten)]
        fields: KeyFields,
    },
}

#[derive(Args)]
pub(crate) struct KeyFields {
    /// What people call it
    #[arg(long)]
    pub(crate) name: String,
    /// What it is for
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) description: String,
    /// Its org [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<String>,
    /// Its owner [default: the org's only one]
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// A role; repeat or separate by commas
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    pub(crate) roles: Vec<String>,
    /// Services it may be used for, or `all`, present and future
    #[arg(long, value_name = "LIST", default_value = "all")]
    pub(crate) scope: String,
    /// Addresses and networks from which it may be used
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,
    /// Addresses and networks from which it may not be used
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) deny: Vec<String>,
    /// Which list is asked first: allow-first or deny-first
    #[arg(long, default_value = "allow-first")]
    pub(crate) order: String,
    /// Who may come: any, or list [default: list once there is an allow entry]
    #[arg(long, value_name = "MODE")]
    pub(crate) allow_mode: Option<String>,
    /// When it expires: 1d, 1w, 1mo, 3mo, 1y or any span, a date, an RFC 3339 time, or never
    #[arg(long, value_name = "TIME", default_value = "never")]
    pub(crate) expires: String,
    /// From when it is accepted: as --expires, or now
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub(crate) not_before: String,
    /// Custom data for the handler behind the edge, a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}", hide_default_value = true)]
    pub(crate) metadata: String,
}

#[derive(Args)]
pub(crate) struct List {
    /// Only this org's keys
    #[arg(long)]
    pub(crate) org: Option<String>,
    /// Only this owner's keys
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// Only keys that are active, pending, expired or revoked
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Only keys whose name, description, id or first characters hold this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
    /// At most this many, up to 500
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: usize,
    /// Where the last page ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}

#[derive(Args)]
pub(crate) struct Edit {
    /// Its public id
    #[arg(value_name = "KEY_ID")]
    pub(crate) key: String,
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
    ($name:ident, $replace:ident = $replace_flag:literal, $clear:literal, $add:literal, $remove:literal, $enable:literal, $disable:literal) => {
        #[derive(Args)]
        pub(crate) struct $name {
            #[doc = concat!("New ", $replace_flag, " list, in place of the old one")]
            #[arg(id = $replace_flag, long = $replace_flag, value_name = "CIDR", value_delimiter = ',', conflicts_with_all = [$clear, $add, $remove, $enable, $disable])]
            pub(crate) replace: Vec<String>,
            #[doc = concat!("Empty the ", $replace_flag, " list")]
            #[arg(id = $clear, long = $clear, conflicts_with_all = [$add, $remove, $enable, $disable])]
            pub(crate) clear: bool,
            #[doc = concat!("Add to the ", $replace_flag, " list")]
            #[arg(id = $add, long = $add, value_name = "CIDR", value_delimiter = ',')]
            pub(crate) add: Vec<String>,
            #[doc = concat!("Remove from the ", $replace_flag, " list")]
            #[arg(id = $remove, long = $remove, value_name = "CIDR", value_delimiter = ',')]
            pub(crate) remove: Vec<String>,
            #[doc = concat!("Let an entry of the ", $replace_flag, " list count again")]
            #[arg(id = $enable, long = $enable, value_name = "CIDR", value_delimiter = ',')]
            pub(crate) enable: Vec<String>,
            #[doc = concat!("Keep an entry of the ", $replace_flag, " list without effect")]
            #[arg(id = $disable, long = $disable, value_name = "CIDR", value_delimiter = ',')]
            pub(crate) disable: Vec<String>,
        }
    };
}

list_edit!(AllowEdit, allow = "allow", "clear-allow", "add-allow", "remove-allow", "enable-allow", "disable-allow");
list_edit!(DenyEdit, deny = "deny", "clear-deny", "add-deny", "remove-deny", "enable-deny", "disable-deny");
