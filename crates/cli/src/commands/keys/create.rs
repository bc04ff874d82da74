//! `edgelatch keys create`

use edgelatch_registry::{Handover, Name};

use super::fields::KeyFields;
use super::secret::SecretTo;
use crate::prelude::*;

/// Create a key; its secret is shown this once
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys create --name \"CI deploy\" --role writer --scope cdn,dns --expires 3mo
  edgelatch keys create --name office --role reader --allow 10.0.0.0/8=HQ,2001:db8::/32
  KEY=$(edgelatch keys create --name ci 2>/dev/null)
  edgelatch keys create --name ci --save ci.PAK

The secret alone goes to standard output, the rest to standard error; with --save it goes to the file alone.
Exit code: 0 created, 1 created before under this idempotency key, 2 not created.")]
pub(crate) struct Create {
    /// What people call it
    #[arg(long)]
    name: Name,
    #[command(flatten)]
    fields: KeyFields,
    #[command(flatten)]
    secret: SecretTo,
}

impl Create {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        let org = open.org(self.fields.org.clone())?;
        let asked = serde_json::json!(["keys create", &org, &self.name, &self.fields]);
        let new = self.fields.new_key(org, self.name);
        self.secret.make(context, &asked, "created", |once, keep| {
            Ok(open.keys().create(&caller()?, &new, Handover { once, keep: Some(keep) })?)
        })
    }
}
