//! `edgelatch trust rotate-root`

use edgelatch_core::signed::Role;
use edgelatch_sync::key_file::public_text;
use edgelatch_sync::trust::{self, Change};

use super::named;
use super::root_change::{Drawn, RootChange};
use edgelatch_core::limits::MAX_ROLE_KEYS;

use crate::prelude::*;

/// Put a new root key in the place of one that is old, lost, or leaked
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust rotate-root                          # the only one; both the old and the new key sign
  edgelatch trust rotate-root AbCdEf --public-key KEY --draft root.draft

The new root is signed by as many keys as the old root wants, and by as many as it wants itself. Deploy it to the edges by the way they are deployed:
those that start with an earlier root believe what that root's keys sign.")]
pub(crate) struct RotateRoot {
    /// The root key that goes, or how it begins [default: the only one]
    #[arg(value_name = "KEY", allow_hyphen_values = true)]
    key: Option<String>,
    /// The new key, which its holder has made with `edgelatch trust new-key`: nothing is made here then
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = named::public)]
    public_key: Option<[u8; 32]>,
    /// How many root keys must sign a root [default: as many as before]
    #[arg(long, value_name = "NUMBER", value_parser = read::number(1..=MAX_ROLE_KEYS))]
    threshold: Option<u8>,
    #[command(flatten)]
    root: RootChange,
}

impl RotateRoot {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        let (_, newest) = trust::newest_root(&open.registry, &open.realm)?;
        let mut keys = newest.root.keys();
        let old = match (&self.key, keys.next(), keys.next()) {
            (Some(text), _, _) => named::find(&newest, text)?,
            (None, Some(only), None) => *only,
            (None, ..) => {
                return Err(Failure::usage(
                    "KEY: there are several root keys: name the one that goes; see `edgelatch trust show`",
                ));
            }
        };
        if !newest.root.keys().any(|key| *key == old) {
            let key = public_text(&old);
            return Err(Failure::usage(format!("KEY: {key} is a publisher key: use `edgelatch trust rotate-publisher`")));
        }
        let drawn = match self.public_key {
            None => Some(Drawn::new(context, &open, Role::Root, None)?),
            Some(_) => None,
        };
        let key = drawn.as_ref().map(|drawn| drawn.key.public()).or(self.public_key);
        let change = Change {
            add: key.map(|key| (Role::Root, key)).into_iter().collect(),
            remove: vec![old],
            root_threshold: self.threshold,
            ..Change::default()
        };
        self.root.carry_out(context, &open, change, drawn, false)
    }
}
