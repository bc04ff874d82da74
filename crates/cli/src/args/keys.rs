//! `edgelatch keys …`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::edit::Edit;
use super::import::Import;

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Create a key; its secret is shown this once
    #[command(after_help = "\
Example:
  edgelatch keys create --name \"CI deploy\" --role writer --scope cdn,dns --expires 3mo
  edgelatch keys create --name office --role reader --allow 10.0.0.0/8=HQ,2001:db8::/32
  KEY=$(edgelatch keys create --name ci 2>/dev/null)
  edgelatch keys create --name ci --save ci.PAK

The secret alone goes to standard output, the rest to standard error; with --save it goes to the file alone.
Exit code: 0 created, 1 created before under this idempotency key, 2 not created.")]
    Create(Box<Create>),
    /// List keys, newest first
    #[command(after_help = "\
Example:
  edgelatch keys list --state active --search deploy --limit 20
  edgelatch keys list --expires-before 30d --sort expires
  edgelatch keys list --sort last-used --direction asc      # those not used for longest")]
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
  edgelatch keys edit key_0a1B2c3D4e5 --add-allow 192.0.2.0/24=office --remove-allow 10.0.0.0/8
  edgelatch keys edit key_0a1B2c3D4e5 --deny 10.6.6.0/24 --order deny-first
  edgelatch keys edit key_0a1B2c3D4e5 --status revoked --if-revision 3")]
    Edit(Box<Edit>),
    /// Revoke a key; whether it can be enabled again, or is deleted, is a setting of its org
    #[command(after_help = "Example:\n  edgelatch keys revoke key_0a1B2c3D4e5 && edgelatch publish")]
    Revoke(Which),
    /// Revoke all keys that a filter fits, once their number was confirmed
    #[command(after_help = "\
Example:
  edgelatch keys revoke-many --role admin --created-before 2026-11-01     # counts, shows some, changes nothing
  edgelatch keys revoke-many --role admin --created-before 2026-11-01 --confirm 17

All of them, or none when they are not as many any more.")]
    RevokeMany {
        #[command(flatten)]
        filter: KeyFilter,
        /// Every key of the realm, in place of a filter
        #[arg(long)]
        all: bool,
        /// How many there are: do it
        #[arg(long, value_name = "COUNT")]
        confirm: Option<u64>,
    },
    /// Let a revoked key be accepted again, where the org's settings allow that
    #[command(after_help = "Example:\n  edgelatch keys enable key_0a1B2c3D4e5")]
    Enable(Which),
    /// Give a key a new secret, shown this once, under the same id
    #[command(after_help = "\
Example:
  edgelatch keys rotate key_0a1B2c3D4e5 --overlap 24h       # the old secret lives for another day
  edgelatch keys rotate key_0a1B2c3D4e5 --confirm deploy --save deploy.PAK

The secret alone goes to standard output, the rest to standard error; with --save it goes to the file alone.
Edges end an overlap by their own clocks.
Exit code: 0 rotated, 1 rotated before under this idempotency key, 2 not rotated.")]
    Rotate {
        #[command(flatten)]
        key: Which,
        /// How long the old secret lives on [default: it ends at once]
        #[arg(long, value_name = "SPAN")]
        overlap: Option<String>,
        /// The key's name, where the org wants it typed
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
        #[command(flatten)]
        secret: SecretTo,
    },
    /// Delete a key for ever
    #[command(after_help = "\
Example:
  edgelatch keys delete key_0a1B2c3D4e5 --confirm \"CI deploy\"

On a terminal the name is asked for.")]
    Delete {
        #[command(flatten)]
        key: Which,
        /// The key's name, where the org wants it typed
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Take over existing keys by the SHA-256 of their texts: a file of them, or one
    #[command(after_help = "\
Example:
  edgelatch keys import keys.csv --role reader --dry-run
  edgelatch keys import - --format jsonl < keys.jsonl
  edgelatch keys import --name legacy --sha256 \"$(printf %s \"$KEY\" | sha256sum | cut -d' ' -f1)\"

Columns of a file, or members of its JSON objects: sha256, name, org, owner, description, roles, scope,
allow, deny, allow_mode, order, not_before, expires_at, metadata, environment. The first two are needed;
lists are separated by blanks. All lines are imported, or none.
Exit code: 0 imported (or could be), 1 lines were refused, 2 the file could not be read.")]
    Import(Box<Import>),
    /// List the requests made with a key, as edges reported them, newest first
    #[command(after_help = "Example:\n  edgelatch keys requests key_0a1B2c3D4e5 --since \"7d ago\" --limit 20")]
    Requests {
        /// Its public id; that of a deleted key will do
        #[arg(value_name = "KEY_ID")]
        key: String,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        paging: Paging,
    },
}

/// One key, and what it is expected to be like.
#[derive(Args)]
pub(crate) struct Which {
    /// Its public id
    #[arg(value_name = "KEY_ID")]
    pub(crate) key: String,
    /// Only if the key is still at this revision
    #[arg(long, value_name = "NUMBER")]
    pub(crate) if_revision: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Create {
    /// What people call it
    #[arg(long)]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) fields: KeyFields,
    #[command(flatten)]
    pub(crate) secret: SecretTo,
}

/// Where a new secret goes.
#[derive(Args)]
pub(crate) struct SecretTo {
    /// Save the secret in this new file, readable by its owner only, rather than showing it
    #[arg(long, value_name = "FILE.PAK")]
    pub(crate) save: Option<PathBuf>,
    /// A text of your own for this request: repeating it within a day does nothing twice
    #[arg(long, value_name = "TEXT")]
    pub(crate) idempotency_key: Option<String>,
}

/// All of a new key but its name.
#[derive(Args, Serialize)]
pub(crate) struct KeyFields {
    /// What it is for
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// Its org [default: the only one]
    #[arg(long)]
    pub(crate) org: Option<String>,
    /// Its owner [default: the org's only one]
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// A role; repeat or separate by commas
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    pub(crate) roles: Vec<String>,
    /// Services it may be used for [default: all, present and future]
    #[arg(long, value_name = "LIST")]
    pub(crate) scope: Option<String>,
    /// Addresses and networks from which it may be used, as CIDR, CIDR=NOTE, or off:CIDR for one that does not count yet
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,
    /// Addresses and networks from which it may not be used, likewise
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) deny: Vec<String>,
    /// Which list is asked first: allow-first or deny-first [default: the first that the org offers]
    #[arg(long)]
    pub(crate) order: Option<String>,
    /// Who may come: any, or list [default: list once there is an allow entry]
    #[arg(long, value_name = "MODE")]
    pub(crate) allow_mode: Option<String>,
    /// When it expires: 1d, 1w, 1mo, 3mo, 1y or any span, a date, an RFC 3339 time, or never, as far as the org offers them
    /// [default: never]
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// From when it is accepted: as --expires, or now [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<String>,
    /// Custom data for the handler behind the edge, a JSON object
    #[arg(long, value_name = "JSON")]
    pub(crate) metadata: Option<String>,
    /// What it is used for, such as production [default: the first that the org offers]
    #[arg(long)]
    pub(crate) environment: Option<String>,
}

/// Which keys.
#[derive(Args)]
pub(crate) struct KeyFilter {
    /// Only this org's keys
    #[arg(long)]
    pub(crate) org: Option<String>,
    /// Only this owner's keys
    #[arg(long)]
    pub(crate) owner: Option<String>,
    /// Only keys with this role, their own or their owner's
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// Only keys that are active, pending, expired or revoked
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// Only keys for this environment
    #[arg(long)]
    pub(crate) environment: Option<String>,
    /// Only keys that expire before this time: a span from now, a date or an RFC 3339 time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) expires_before: Option<String>,
    /// Only keys made before this time: `90d ago`, a date or an RFC 3339 time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) created_before: Option<String>,
    /// Only keys that should have been rotated by now
    #[arg(long)]
    pub(crate) rotation_due: bool,
    /// Only keys whose name, description, id or first characters hold this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
}

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) filter: KeyFilter,
    /// By what: created, name, expires or last-used
    #[arg(long, default_value = "created")]
    pub(crate) sort: String,
    /// Which way: asc or desc [default: names and expiries asc, the others desc]
    #[arg(long, value_name = "WAY")]
    pub(crate) direction: Option<String>,
    #[command(flatten)]
    pub(crate) paging: Paging,
}

/// One page of a list.
#[derive(Args)]
pub(crate) struct Paging {
    /// At most this many, up to 500
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u64,
    /// Where the last page ended
    #[arg(long)]
    pub(crate) cursor: Option<String>,
}

/// A stretch of time.
#[derive(Args)]
pub(crate) struct Window {
    /// Only from this time on: `7d ago`, a date or an RFC 3339 time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,
    /// Only before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
}
