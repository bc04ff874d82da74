//! The command line. Values are kept as text here and read by the types of the registry and the core, whose errors say
//! what would be right.

mod keys;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
pub(crate) use keys::{AllowEdit, DenyEdit, Edit, KeyFields, Keys, List};

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
  edgelatch serve"
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
    #[arg(long, global = true, value_name = "DIR", env = "EDGELATCH_DATA", default_value = "edgelatch-data")]
    pub(crate) data: PathBuf,
    /// The realm; needed only where there are several
    #[arg(long, global = true, value_name = "REALM", env = "EDGELATCH_REALM")]
    pub(crate) realm: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Begin a control plane: registry, signing keys, first root, first epoch
    #[command(after_help = "\
Example:
  edgelatch init --realm acme --prefix ek
  export EDGELATCH_ROOT=$(edgelatch init --realm acme --json | jq -r .root)

Prints the root that edges are deployed with. Move keys/root.key offline afterwards: publishing does not need it.")]
    Init(Init),
    /// Create, list, show, edit, revoke and import keys
    #[command(subcommand)]
    Keys(Keys),
    /// Create and list orgs
    #[command(subcommand)]
    Orgs(Orgs),
    /// Create, list, disable and enable owners
    #[command(subcommand)]
    Owners(Owners),
    /// Create and list roles
    #[command(subcommand)]
    Roles(Roles),
    /// List the realms
    #[command(after_help = "Example:\n  edgelatch realms --json")]
    Realms,
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

Edges read http://HOST/r/REALM. Another `edgelatch` command may change the registry meanwhile.")]
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
pub(crate) struct Init {
    /// Prefix of issued keys
    #[arg(long, default_value = "ek")]
    pub(crate) prefix: String,
    /// Name of the realm for people [default: the realm]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Headers in which edges accept a key
    #[arg(long, value_name = "LIST", default_value = "bearer,x-api-key")]
    pub(crate) sources: String,
    /// The first org
    #[arg(long, default_value = "main")]
    pub(crate) org: String,
    /// The first owner, a user of that org
    #[arg(long, default_value = "admin")]
    pub(crate) owner: String,
    /// How long the first root lives
    #[arg(long, value_name = "SPAN", default_value = "10y")]
    pub(crate) root_lifetime: String,
    /// How long a head lives: what edges may do without the control plane
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(crate) head_lifetime: String,
}

#[derive(Subcommand)]
pub(crate) enum Orgs {
    /// Create an org
    #[command(after_help = "Example:\n  edgelatch orgs create web --name \"Web team\"")]
    Create {
        /// Its identifier
        org: String,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<String>,
    },
    /// List the orgs
    #[command(after_help = "Example:\n  edgelatch orgs list")]
    List,
}

#[derive(Subcommand)]
pub(crate) enum Owners {
    /// Create an owner
    #[command(after_help = "Example:\n  edgelatch owners create deployer --org web --kind service")]
    Create {
        /// Its identifier
        owner: String,
        /// Its org [default: the only one]
        #[arg(long)]
        org: Option<String>,
        /// user or service
        #[arg(long, default_value = "user")]
        kind: String,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<String>,
    },
    /// List the owners
    #[command(after_help = "Example:\n  edgelatch owners list --org web")]
    List {
        /// Only this org's
        #[arg(long)]
        org: Option<String>,
    },
    /// Refuse every key of an owner from the next epoch on
    #[command(after_help = "Example:\n  edgelatch owners disable deployer --org web")]
    Disable {
        /// Its identifier
        owner: String,
        /// Its org [default: the only one]
        #[arg(long)]
        org: Option<String>,
    },
    /// Accept the keys of an owner again
    #[command(after_help = "Example:\n  edgelatch owners enable deployer --org web")]
    Enable {
        /// Its identifier
        owner: String,
        /// Its org [default: the only one]
        #[arg(long)]
        org: Option<String>,
    },
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
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8787")]
    pub(crate) addr: SocketAddr,
    /// How often to look for changes
    #[arg(long, value_name = "SPAN", default_value = "200ms")]
    pub(crate) publish_interval: String,
    /// How long a head lives
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(crate) head_lifetime: String,
    /// Serve only; another process publishes
    #[arg(long)]
    pub(crate) no_publish: bool,
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
