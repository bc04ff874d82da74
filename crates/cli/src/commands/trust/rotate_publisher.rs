//! `edgelatch trust rotate-publisher`

use edgelatch_core::signed::Role;
use edgelatch_sync::trust::{self, Change};

use super::named;
use super::root_change::{Drawn, RootChange};
use edgelatch_core::limits::MAX_ROLE_KEYS;

use crate::prelude::*;

/// Make a new publisher key: beside the old ones, or in their place where one has leaked
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust rotate-publisher                     # a planned change, or the old key is lost
  edgelatch trust rotate-publisher --leaked --yes      # whoever has the old key can sign nothing any more that counts

Old keys stay valid unless --leaked is given: take them away with `edgelatch trust remove-key` when every node that publishes has the new one.
--leaked begins an era: what was signed before it counts for no edge, whatever its epoch. Its least epoch is one above the last that the ledger has;
where that is a thief's doing, give --min-epoch, one above the last that is known to be genuine.")]
pub(crate) struct RotatePublisher {
    /// The old publisher keys are not to be trusted any more
    #[arg(long)]
    leaked: bool,
    /// With --leaked: a publisher key that has not leaked and stays, repeatable
    #[arg(long, value_name = "KEY", requires = "leaked", allow_hyphen_values = true)]
    keep: Vec<String>,
    /// With --leaked: the least epoch that counts from now on
    #[arg(long, value_name = "EPOCH", requires = "leaked")]
    min_epoch: Option<u64>,
    /// How many publisher keys must sign a head [default: as many as before]
    #[arg(long, value_name = "NUMBER", value_parser = read::number(1..=MAX_ROLE_KEYS))]
    threshold: Option<u8>,
    /// The new key, where a program signs with it: nothing is made here then
    #[arg(long, value_name = "KEY", allow_hyphen_values = true, value_parser = named::public)]
    public_key: Option<[u8; 32]>,
    #[command(flatten)]
    root: RootChange,
}

impl RotatePublisher {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        let (_, newest) = trust::newest_root(&open.registry, &open.realm)?;
        let drawn = match self.public_key {
            None => Some(Drawn::new(context, &open, Role::Publisher, None)?),
            Some(_) => None,
        };
        let key = drawn.as_ref().map(|drawn| drawn.key.public()).or(self.public_key);
        let mut change = Change {
            add: key.map(|key| (Role::Publisher, key)).into_iter().collect(),
            publisher_threshold: self.threshold,
            ..Change::default()
        };
        if self.leaked {
            let keep = self.keep.iter().map(|key| named::find(&newest, key)).collect::<Result<Vec<_>>>()?;
            change.remove = newest.publisher.keys().filter(|key| !keep.contains(key)).copied().collect();
            let last = open.registry.ledger(&open.realm).newest(1)?.first().map_or(0, |last| last.epoch);
            change.min_epoch = Some(self.min_epoch.unwrap_or(last.max(newest.min_epoch).saturating_add(1)));
        }
        self.root.carry_out(context, &open, change, drawn, false)
    }
}
