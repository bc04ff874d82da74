//! `edgelatch trust new-key`

use std::path::PathBuf;

use edgelatch_core::signed::Role;
use edgelatch_registry::Env;
use edgelatch_sync::Signer;
use edgelatch_sync::key_file::{self, public_text};

use super::named::{KeyRole, exposed};
use crate::prelude::*;

/// Make a signing key on a machine of its holder's own, without database or data directory
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust new-key --realm acme --role root --save ann.key

Prints the public key, which goes to whoever makes the next root: `edgelatch trust add-key --public-key KEY`.")]
pub(crate) struct NewKey {
    /// What it signs
    #[arg(long, value_enum)]
    role: KeyRole,
    /// The new file that its secret goes into
    #[arg(long, value_name = "FILE")]
    save: PathBuf,
}

impl NewKey {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let Some(realm) = &context.realm else { return Err(Failure::usage("--realm: name the realm that the key is for")) };
        let role = Role::from(self.role);
        let key = public_text(&key_file::create(&self.save, role, realm, &Env::system())?.public());
        exposed(context, &self.save);
        let path = self.save.display().to_string();
        context.show(&json!({ "role": role.name(), "realm": realm, "key": key, "path": path }), |_| {
            output::note(format_args!("made a {} key of realm {realm} in {path}; its public key is", role.name()));
            output::line(format_args!("{key}"));
        })
    }
}
