//! `edgelatch store`

use edgelatch_registry::{CopyProgress, Database, Env, Error, Registry};

use crate::prelude::*;
use crate::progress::Meter;

/// Move the registry to another database
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
        #[arg(long, value_name = "DATABASE", env = "EDGELATCH_COPY_TO", hide_env_values = true, value_parser = other)]
        to: Database,
    },
}

/// Reads the address of the other database; an error repeats nothing of it.
fn other(text: &str) -> Result<Database> {
    text.parse().map_err(|error| match error {
        Error::Invalid { reason, .. } => Failure::usage(reason),
        other => other.into(),
    })
}

impl Store {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let Store::Copy { to } = self;
        let rows = copy(context, &to)?;
        context.show(&json!({ "rows": rows, "to": to.to_string() }), |_| {
            output::line(format_args!("copied {rows} rows to {to}"));
            output::note(format_args!("{DIM}Use only the copy from now on: set EDGELATCH_DATABASE to it.{RESET}"));
        })
    }
}

/// Rows between two reports where there is no terminal.
const ROWS: u64 = 100_000;

fn copy(context: &Context, to: &Database) -> Result<u64> {
    let source = context.registry()?;
    let (target, new) = match Registry::establish(to, Env::system()) {
        // One that exists may be empty: `copy_to` refuses it if it is not.
        Err(Error::AlreadyInitialised { .. }) => (Registry::connect(to, Env::system())?, false),
        made => (made?, true),
    };
    let mut meter = Meter::new(0, ROWS);
    let (bar, mut before, mut table) = (meter.bar(), 0, "");
    let copied = source.copy_to(&target, &mut |progress: CopyProgress| {
        if table != progress.table {
            before += bar.position();
            table = progress.table;
            bar.set_position(0);
        }
        bar.set_length(progress.of);
        bar.set_position(progress.rows);
        meter.tell(before + progress.rows, || format!("{}: {} of {} rows", progress.table, progress.rows, progress.of));
    });
    meter.end();
    drop(target);
    if copied.is_err() && new {
        // A file that was made for the copy is removed. In PostgreSQL empty tables stay, and the next attempt uses them.
        let _ = to.path().map(std::fs::remove_file);
    }
    Ok(copied?)
}
