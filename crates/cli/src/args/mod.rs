//! The command line. Values are kept as text here and read by the types of the registry and the core, whose errors say
//! what would be right.

mod edit;
mod import;
mod init;
mod keys;
mod records;
mod serve;
mod tenants;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
pub(crate) use edit::{Edit, IpListEdit};
pub(crate) use import::Import;
pub(crate) use init::Init;
pub(crate) use keys::{Create, KeyFields, KeyFilter, Keys, List, Paging, SecretTo, Which, Window};
pub(crate) use records::{Audit, Explain, Store, Usage};
pub(crate) use serve::{LogFormat, Serve};
pub(crate) use tenants::{Orgs, Owners, Roles, WhichOwner};

/// Issues API keys and publishes the signed snapshots by which edges verify them offline
#[derive(Parser)]
#[command(
    name = "edgelatch",
    version,
    max_term_width = 110,
    after_help = "\
Begin:
  edgelatch init --realm acme
  edgelatch keys create --name ci --role reader --allow 10.0.0.0/8
  edgelatch serve

Exit code: 0 done; 1 done, and the answer is no (refused, altered, came before); 2 not done, and the reason is on standard error."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args)]
pub(crate) struct Global {
    /// Directory of the control plane
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        value_name = "DIR",
        env = "EDGELATCH_DATA",
        default_value = "edgelatch-data"
    )]
    pub(crate) data: PathBuf,
    /// The registry's database: the path of an SQLite file, or postgres://USER@HOST/DATABASE [default: registry.db in the
    /// directory]. Others can see it among the processes, so rather give a password in EDGELATCH_DATABASE
    #[arg(
        long,
        global = true,
        help_heading = "Everywhere",
        value_name = "DATABASE",
        env = "EDGELATCH_DATABASE",
        hide_env_values = true
    )]
    pub(crate) database: Option<String>,
    /// The realm; needed only where there are several
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "REALM", env = "EDGELATCH_REALM")]
    pub(crate) realm: Option<String>,
    /// Print JSON
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Begin a control plane: registry, signing keys, first root, first epoch
    #[command(after_help = "\
Example:
  edgelatch init --realm acme --prefix ek
  edgelatch init --realm acme --preset valar --save-admin-key admin.PAK
  edgelatch init --realm other               # a second realm beside the first

Prints the root that edges are deployed with, and the first administrator key, this once. Move the root key offline
afterwards: publishing does not need it.")]
    Init(Init),
    /// Create, list, show, edit, revoke, rotate, delete and import keys
    #[command(subcommand)]
    Keys(Keys),
    /// Create, list and delete orgs, and change their settings
    #[command(subcommand)]
    Orgs(Orgs),
    /// Create, list, change, disable and delete owners
    #[command(subcommand)]
    Owners(Owners),
    /// Create, list, change and delete roles
    #[command(subcommand)]
    Roles(Roles),
    /// List the realms
    #[command(after_help = "Example:\n  edgelatch realms --json")]
    Realms,
    /// Read and check the log of administrative acts
    #[command(subcommand)]
    Audit(Audit),
    /// What edges reported
    #[command(subcommand)]
    Usage(Usage),
    /// What a key would get, and who can use an address, decided by the core itself
    #[command(subcommand)]
    Explain(Explain),
    /// Remove what was kept long enough: requests, ended secrets, old ids
    #[command(after_help = "Example:\n  edgelatch purge        # once an hour will do")]
    Purge,
    /// Move the registry to another database
    #[command(subcommand)]
    Store(Store),
    /// Build, sign and publish the next epoch
    #[command(after_help = "\
Example:
  edgelatch publish
  edgelatch publish --if-due                 # for a timer: only after a change or a third of the head's life
  edgelatch publish --to /var/www/r/acme     # a second directory, for a static web server")]
    Publish(Publish),
    /// Serve the published files over HTTP, and publish after each change
    #[command(after_help = "\
Example:
  edgelatch serve --addr 127.0.0.1:8787
  edgelatch serve --addr 127.0.0.1:0 --json  # the first line names the address
  edgelatch serve --addr 0.0.0.0:8787 --api-addr 127.0.0.1:8788

Edges read http://HOST/r/REALM. Another `edgelatch` command may change the registry meanwhile.
The management API is at http://HOST/api/v1 once there is a management realm. Without --api-addr it is served only where
--addr is an address of this machine alone: keys are not to be managed from elsewhere unless somebody says so.")]
    Serve(Serve),
    /// Show any published object as JSON: root, head, bundle, top page, index page, directory, shard
    #[command(after_help = "\
Example:
  edgelatch inspect edgelatch-data/published/r/acme/head
  curl -s https://keys.example.com/r/acme/bundle | edgelatch inspect - --records

Shows what the bytes say. Nothing is proven: use `verify` for that.")]
    Inspect(Inspect),
    /// Verify a key as an edge would, and explain each step
    #[command(after_help = "\
Example:
  printf %s \"$KEY\" | edgelatch verify --key-stdin --ip 10.1.2.3 --service cdn --permission cache.purge
  edgelatch verify --bundle bundle --root \"$EDGELATCH_ROOT\" --key-stdin < key.txt
  edgelatch verify --header \"Authorization: Bearer $KEY\" --header \"X-Forwarded-For: 192.0.2.1\" \\
    --ip 10.0.0.1 --config client_ip=trust=10.0.0.0/8

Exit code: 0 accepted, 1 refused, 2 the question could not be asked.")]
    Verify(Verify),
}

#[derive(Args)]
pub(crate) struct Publish {
    /// Publish to this directory as well
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Vec<PathBuf>,
    /// Only after a change, or when a third of the head's life is over
    #[arg(long)]
    pub(crate) if_due: bool,
    /// How long the head lives
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(crate) head_lifetime: String,
}

#[derive(Args)]
pub(crate) struct Inspect {
    /// The object, or - for standard input
    pub(crate) file: PathBuf,
    /// Show every record of a bundle
    #[arg(long)]
    pub(crate) records: bool,
    /// The directory object that a shard belongs to, to name roles and services
    #[arg(long, value_name = "FILE")]
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Verify {
    /// The key's text; others can see it among the processes, so rather use --key-stdin or EDGELATCH_KEY
    pub(crate) key: Option<String>,
    /// Read the key from standard input
    #[arg(long, conflicts_with = "key")]
    pub(crate) key_stdin: bool,
    /// Ask about a whole request: a header line, repeatable
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", conflicts_with_all = ["key", "key_stdin"])]
    pub(crate) headers: Vec<String>,
    /// With --header: path and query of the request
    #[arg(long, default_value = "/", requires = "headers")]
    pub(crate) path: String,
    /// Address of the client; with --header, of the connection
    #[arg(long)]
    pub(crate) ip: Option<String>,
    /// Service that the route belongs to
    #[arg(long)]
    pub(crate) service: Option<String>,
    /// Permission that the route requires
    #[arg(long)]
    pub(crate) permission: Option<String>,
    /// Ask as of this time: RFC 3339, a date, or a span from now
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<String>,
    /// The bundle [default: the one published in the data directory]
    #[arg(long, value_name = "FILE", requires = "root")]
    pub(crate) bundle: Option<PathBuf>,
    /// The trusted root, as a file or as base64url text
    #[arg(long, value_name = "ROOT", env = "EDGELATCH_ROOT", hide_env_values = true)]
    pub(crate) root: Option<String>,
    /// A setting of the edge, such as client_ip=RULE, mask_ip=on, grace=SECONDS or min_epoch=N
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) config: Vec<String>,
}
