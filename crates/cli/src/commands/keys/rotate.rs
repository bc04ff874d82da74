//! `edgelatch keys rotate`

use edgelatch_registry::{Handover, parse_span};

use super::secret::SecretTo;
use super::which::{Confirm, Which};
use crate::prelude::*;

/// Give a key a new secret, shown this once, under the same id
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys rotate key_0a1B2c3D4e5 --overlap 24h       # the old secret lives for another day
  edgelatch keys rotate key_0a1B2c3D4e5 --confirm deploy --save deploy.PAK

The secret alone goes to standard output, the rest to standard error; with --save it goes to the file alone.
Edges end an overlap by their own clocks.
Exit code: 0 rotated, 1 rotated before under this idempotency key, 2 not rotated.")]
pub(crate) struct Rotate {
    #[command(flatten)]
    which: Which,
    /// How long the old secret lives on [default: it ends at once]
    #[arg(long, value_name = "SPAN", value_parser = read::typed(parse_span))]
    overlap: Option<read::Typed<u64>>,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    secret: SecretTo,
}

impl Rotate {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let Which { key: id, if_revision } = self.which;
        let open = context.open()?;
        let before = open.keys().get(id)?;
        let wanted = open.tenants().org(&before.org)?.settings.rotation_confirmed;
        let confirm = self.confirm.ask("rotating a key", &before, wanted)?;
        let asked = json!(["keys rotate", id.to_string(), &self.overlap, &confirm, if_revision]);
        let overlap = self.overlap.map_or(0, |overlap| overlap.value);
        let rotate = edgelatch_registry::Rotate { overlap, confirm, if_revision };
        self.secret.make(context, &asked, "rotated", |once, keep| {
            Ok(open.keys().rotate(&caller()?, id, &rotate, Handover { once, keep: Some(keep) })?)
        })
    }
}
