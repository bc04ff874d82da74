//! `edgelatch store`

use edgelatch_registry::{CopyProgress, Database, Env, Error, Registry};
use serde_json::json;

use crate::args::Store;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::output::{self, DIM, RESET};
use crate::progress::Meter;

/// Rows between two reports where there is no terminal.
const ROWS: u64 = 100_000;

pub(crate) fn run(context: &Context, command: &Store) -> Result<()> {
    let Store::Copy { to } = command;
    let source = context.registry()?;
    let database: Database = to.parse().map_err(to_flag)?;
    let (target, new) = match Registry::establish(&database, Env::system()) {
        // One that was made before may be empty: the copy looks.
        Err(Error::AlreadyInitialised { .. }) => (Registry::connect(&database, Env::system())?, false),
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
        // Tables without rows stay in PostgreSQL, where the next attempt finds them; a file goes again.
        let _ = database.path().map(std::fs::remove_file);
    }
    let rows = copied?;
    if context.json {
        output::json(&json!({ "rows": rows, "to": database.to_string() }));
    } else {
        output::line(format_args!("copied {rows} rows to {database}"));
        output::note(format_args!("{DIM}Use only the copy from now on: set EDGELATCH_DATABASE to it.{RESET}"));
    }
    Ok(())
}

/// The refusal of an address names the flag it came by, and nothing of the address.
fn to_flag(error: Error) -> Failure {
    match error {
        Error::Invalid { reason, .. } => Failure::usage(format!("--to: {reason}")),
        other => other.into(),
    }
}
