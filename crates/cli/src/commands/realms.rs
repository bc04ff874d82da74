//! `edgelatch realms`

use edgelatch_registry::Realm;

use crate::prelude::*;

/// List the realms
#[derive(Args)]
#[command(after_help = "Example:\n  edgelatch realms --json")]
pub(crate) struct Realms {}

const COLUMNS: &[Column<Realm>] = &[
    ("REALM", |r| r.realm.to_string()),
    ("NAME", |r| r.name.to_string()),
    ("PRESET", |r| r.preset.to_string()),
    ("PREFIX", |r| r.prefix.to_string()),
    ("IMPORTS", |r| if r.imports { "yes" } else { "no" }.into()),
];

impl Realms {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        context.list(&context.registry()?.realms()?, COLUMNS)
    }
}
