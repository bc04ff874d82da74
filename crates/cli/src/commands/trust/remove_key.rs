//! `edgelatch trust remove-key`

use edgelatch_sync::trust::{self, Change};

use super::named;
use super::root_change::RootChange;
use edgelatch_core::limits::MAX_ROLE_KEYS;

use crate::prelude::*;

/// Take a signing key away, and say how many must sign
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust remove-key AbCdEf
  edgelatch trust remove-key AbCdEf --threshold 1

What a publisher key signed before stays valid, and so do the epochs that edges have seen of it: for one that has leaked, use
`edgelatch trust rotate-publisher --leaked`.")]
pub(crate) struct RemoveKey {
    /// The public key, or how it begins
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    key: String,
    /// How many keys of its role must sign [default: as many as before]
    #[arg(long, value_name = "NUMBER", value_parser = read::number(1..=MAX_ROLE_KEYS))]
    threshold: Option<u8>,
    #[command(flatten)]
    root: RootChange,
}

impl RemoveKey {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        let (_, newest) = trust::newest_root(&open.registry, &open.realm)?;
        let key = named::find(&newest, &self.key)?;
        let mut change = Change { remove: vec![key], ..Change::default() };
        if newest.root.keys().any(|known| *known == key) {
            change.root_threshold = self.threshold;
        } else {
            change.publisher_threshold = self.threshold;
        }
        self.root.carry_out(context, &open, change, None, false)
    }
}
