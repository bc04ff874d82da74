//! `edgelatch usage …`

use edgelatch_registry::Total;

use crate::prelude::*;

/// What edges reported
#[derive(Subcommand)]
pub(crate) enum Usage {
    /// How often edges gave which verdict, since the realm began
    #[command(after_help = "Example:\n  edgelatch usage totals --json")]
    Totals,
}

const COLUMNS: &[Column<Total>] = &[("VERDICT", |t| t.code.clone()), ("NUMBER", |t| t.number.to_string())];

impl Usage {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let Usage::Totals = self;
        context.list(&context.open()?.usage().totals()?, COLUMNS)
    }
}
