//! `edgelatch trust add-key`

use std::path::PathBuf;

use edgelatch_core::signed::Role;
use edgelatch_sync::trust::Change;

use super::named::{self, KeyRole};
use super::root_change::{Drawn, RootChange};
use edgelatch_core::limits::MAX_ROLE_KEYS;

use crate::prelude::*;

/// Add a signing key, and say how many must sign
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust add-key --role root --public-key KEY --public-key KEY --threshold 2    # two of three from now on
  edgelatch trust add-key --role publisher                                               # a second one, made here")]
pub(crate) struct AddKey {
    /// What it signs
    #[arg(long, value_enum)]
    role: KeyRole,
    /// A public key that its holder has made with `edgelatch trust new-key`, repeatable [default: one that is made here]
    #[arg(long = "public-key", value_name = "KEY", allow_hyphen_values = true, value_parser = named::public, conflicts_with = "save")]
    public_keys: Vec<[u8; 32]>,
    /// Put the key that is made into this new file [default: beside the others]
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// How many keys of the role must sign [default: as many as before]
    #[arg(long, value_name = "NUMBER", value_parser = read::number(1..=MAX_ROLE_KEYS))]
    threshold: Option<u8>,
    #[command(flatten)]
    root: RootChange,
}

impl AddKey {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        let role = Role::from(self.role);
        let drawn = match self.public_keys[..] {
            [] => Some(Drawn::new(context, &open, role, self.save.as_deref())?),
            _ => None,
        };
        let keys = self.public_keys.iter().copied().chain(drawn.as_ref().map(|drawn| drawn.key.public()));
        let mut change = Change { add: keys.map(|key| (role, key)).collect(), ..Change::default() };
        match role {
            Role::Root => change.root_threshold = self.threshold,
            Role::Publisher => change.publisher_threshold = self.threshold,
        }
        self.root.carry_out(context, &open, change, drawn, self.save.is_some())
    }
}
