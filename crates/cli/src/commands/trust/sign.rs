//! `edgelatch trust sign`

use std::path::PathBuf;

use edgelatch_core::signed::Role;
use edgelatch_registry::Slug;
use edgelatch_sync::key_file;
use edgelatch_sync::trust::Gathered;
use edgelatch_sync::{Signer, SignerCommand};

use super::draft_file;
use super::root_change::{ROOT_SIGNER_LIMIT, confirm};
use crate::prelude::*;

/// Sign a draft of a root with a root key, on a machine of its holder's own, without database or data directory
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust sign root.draft --key ann.key

Shows first what the root is and what it changes. Compare the fingerprint with whoever sent it, by another way. The signature is added to the file:
pass it on to the next holder, or send it back; several signed copies are put together by `edgelatch trust publish`.")]
pub(crate) struct Sign {
    /// The draft
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The root key's file
    #[arg(long, value_name = "KEYFILE", required_unless_present = "signer", conflicts_with = "signer")]
    key: Option<PathBuf>,
    /// A program that signs: it gets what is to be signed on standard input and answers with the signature; with --public, with its public key
    #[arg(long, value_name = "COMMAND", value_parser = read::signer(ROOT_SIGNER_LIMIT))]
    signer: Option<SignerCommand>,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

impl Sign {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let mut draft = draft_file::read(&self.file)?;
        let realm = Slug::parse("realm", &draft.next().realm)?;
        let signer: Box<dyn Signer> = match (self.key, self.signer) {
            (Some(path), _) => Box::new(key_file::load(&path, Role::Root, &realm)?),
            (None, Some(command)) => Box::new(command.open()?),
            (None, None) => return Err(Failure::usage("--key: name the root key's file")),
        };
        confirm(context, &draft, "sign this root", self.yes)?;
        draft.sign(&*signer)?;
        draft_file::write(&self.file, &draft, false)?;
        let (gathered, file) = (draft.gathered(), self.file.display().to_string());
        let shown =
            json!({ "draft": file, "fingerprint": draft.fingerprint(), "gathered": gathered, "complete": draft.complete() });
        context.show(&shown, |_| {
            output::line(format_args!("signed {file}"));
            gathered.iter().for_each(told);
        })
    }
}

/// How far a draft is.
pub(super) fn told(gathered: &Gathered) {
    let Gathered { root_version, threshold, signed } = gathered;
    output::note(format_args!("  {signed} of the {threshold} signatures by root keys of root {root_version}"));
}
