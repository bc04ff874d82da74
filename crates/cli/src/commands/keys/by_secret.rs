//! `edgelatch keys find-secret` and `revoke-secret`: the answer to a leak, of which the secret is all that is known.

use edgelatch_registry::Digest;

use super::view;
use crate::prelude::*;

/// Find the key whose secret stands on standard input
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys find-secret < found.txt

The text is hashed as it is read, and kept nowhere. With --json, `secret_kind` says which of the key's secrets it is: current,
overlapping after a rotation, or ended.")]
pub(crate) struct FindSecret {}

impl FindSecret {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let found = context.open()?.keys().find_by_secret(&digest()?, |_| true)?;
        context.show(&found, |found| {
            output::line(format_args!("the {} secret of {}  {}", found.secret_kind, found.key.key_id, found.key.name));
            view::lines(&found.key);
        })
    }
}

/// Revoke the key whose secret stands on standard input
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys revoke-secret < found.txt
  edgelatch keys revoke-secret --wait 10s < found.txt

The text is hashed as it is read, and kept nowhere. One that its key had before, and that has ended, revokes nothing.
Exit code: 0 revoked, and with --wait everywhere; 1 revoked, but not everywhere in that time; 2 not revoked.")]
pub(crate) struct RevokeSecret {
    #[command(flatten)]
    wait: Wait,
}

impl RevokeSecret {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let (open, me, digest) = (context.open()?, caller()?, digest()?);
        let revoked = open.keys().revoke_by_secret(&me, &digest)?;
        let what = if revoked.deleted { "deleted, as revoking is set to do here:" } else { "revoked" };
        let code = view::changed(context, &revoked, [what, "already revoked:"])?;
        self.wait.if_changed(revoked.changed).after(context, &open, &me, "revoked", code)
    }
}

fn digest() -> Result<Digest> {
    let text = read::secret()?;
    // What stands around it in a file would make another text of it, which is nobody's: a false all-clear.
    match text.trim() {
        "" => Err(Failure::usage("which secret? pipe it in")),
        secret if secret.contains(char::is_whitespace) => {
            Err(Failure::usage("pipe in the secret alone, without what stands around it"))
        }
        secret => Ok(Digest::of(secret)),
    }
}
