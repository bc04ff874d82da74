//! `edgelatch audit …`, `usage …`, `explain …` and `store …`

use clap::Subcommand;

use super::keys::{KeyFilter, Paging, Window};

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// List administrative acts, newest first: who, when, from where, what, before and after
    #[command(after_help = "\
Example:
  edgelatch audit list --target key_0a1B2c3D4e5
  edgelatch audit list --actor cli:alice --action key.edit --since \"30d ago\" --json")]
    List {
        /// Only acts in this org
        #[arg(long)]
        org: Option<String>,
        /// Only acts of this key id, or of cli: and a user
        #[arg(long)]
        actor: Option<String>,
        /// Only what was done to this key id, org, owner, role or realm
        #[arg(long, value_name = "ID")]
        target: Option<String>,
        /// Only acts of this kind, such as key.edit
        #[arg(long)]
        action: Option<String>,
        #[command(flatten)]
        window: Window,
        #[command(flatten)]
        paging: Paging,
    },
    /// Check that no row of the log was removed or altered
    #[command(after_help = "\
Example:
  edgelatch audit verify
  edgelatch audit verify --anchor 1234:5f9b…          # the one that an earlier run printed

Whoever can write the database can write a whole new log: keep the printed anchor somewhere else and give it the next time.
Exit code: 0 sound, 1 a row is missing or altered, 2 the log could not be read.")]
    Verify {
        /// What an earlier run printed
        #[arg(long, value_name = "ROW:HASH")]
        anchor: Option<String>,
    },
}

#[derive(Subcommand)]
pub(crate) enum Usage {
    /// How often edges gave which verdict, since the realm began
    #[command(after_help = "Example:\n  edgelatch usage totals --json")]
    Totals,
}

#[derive(Subcommand)]
pub(crate) enum Explain {
    /// What an edge would answer to a key once the present state is published
    #[command(after_help = "\
Example:
  edgelatch explain key key_0a1B2c3D4e5 --service cdn --permission cache.purge --ip 10.1.2.3
  edgelatch explain key key_0a1B2c3D4e5 --at 2027-01-31

Exit code: 0 accepted, 1 refused, 2 the question could not be asked.")]
    Key {
        /// Its public id
        #[arg(value_name = "KEY_ID")]
        key: String,
        /// Service that the route belongs to
        #[arg(long)]
        service: Option<String>,
        /// Permission that the route requires
        #[arg(long)]
        permission: Option<String>,
        /// Address of the client
        #[arg(long)]
        ip: Option<String>,
        /// Ask as of this time: RFC 3339, a date, or a span from now
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        at: Option<String>,
    },
    /// The active keys that can be used from an address
    #[command(after_help = "Example:\n  edgelatch explain address 10.1.2.3 --only-listed")]
    Address {
        /// The address
        ip: String,
        /// Only keys that have it on their allow list, not those that any address may use
        #[arg(long)]
        only_listed: bool,
        #[command(flatten)]
        filter: KeyFilter,
        #[command(flatten)]
        paging: Paging,
    },
}

#[derive(Subcommand)]
pub(crate) enum Store {
    /// Copy the whole registry to another database, which must hold nothing yet
    #[command(after_help = "\
Example:
  edgelatch store copy --to \"postgres://edgelatch@db.example/edgelatch\"
  EDGELATCH_COPY_TO=postgres://edgelatch:$PASSWORD@db.example/edgelatch edgelatch store copy

Stop every `edgelatch serve` and `publish` first, and use only the copy afterwards: set EDGELATCH_DATABASE to it.")]
    Copy {
        /// The other database: postgres://… or the path of an SQLite file. Others can see it among the processes, so rather
        /// give a password in EDGELATCH_COPY_TO
        #[arg(long, value_name = "DATABASE", env = "EDGELATCH_COPY_TO", hide_env_values = true)]
        to: String,
    },
}
