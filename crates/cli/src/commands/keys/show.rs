//! `edgelatch keys show`

use edgelatch_core::key::KeyId;

use super::view;
use crate::prelude::*;

/// Show one key
#[derive(Args)]
#[command(after_help = "Example:\n  edgelatch keys show key_0a1B2c3D4e5")]
pub(crate) struct Show {
    /// Its public id
    #[arg(value_name = "KEY_ID", value_parser = read::key_id)]
    key: KeyId,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        context.show(&context.open()?.keys().get(self.key)?, view::lines)
    }
}
