//! `edgelatch trust sign`

use std::path::PathBuf;

use edgelatch_core::signed::Role;
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{Env, Slug, format_time};
use edgelatch_sync::key_file;
use edgelatch_sync::trust::{Gathered, RootDraft};
use edgelatch_sync::{Signer, SignerCommand};

use super::draft_file;
use super::root_change::{ROOT_SIGNER_LIMIT, confirm};
use crate::prelude::*;

/// Sign a draft of a root with a root key, on a machine of its holder's own, without database or data directory
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust sign root.draft --key ann.key --root deployed.root
  edgelatch trust sign root.draft --key ann.key --root \"$EDGELATCH_ROOT\"

Shows first what the root is and what it changes against the root before. That says something only if the root before is the one that edges have: --root
names that one, from your own deployment or the last ceremony, and not from whoever sent the draft. Compare the fingerprint with the other holders, by another
way. The signature is added to the file: pass it on to the next holder, or send it back; several signed copies are put together by `edgelatch trust publish`.")]
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
    /// The root that edges have, which the draft must follow: its file, its base64url text, or its SHA-256
    #[arg(long, value_name = "FILE|TEXT|SHA256", value_parser = KnownRoot::read, required_unless_present = "yes")]
    root: Option<KnownRoot>,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

/// A root that is known from elsewhere than from a draft, by its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
struct KnownRoot(ObjectId);

impl KnownRoot {
    fn read(text: &str) -> Result<KnownRoot> {
        text.parse().or_else(|_| Ok(ObjectId::of(&read::root(text)?))).map(KnownRoot)
    }

    /// Refuses a draft that follows another root.
    fn check(self, draft: &RootDraft) -> Result<()> {
        if self.0 == draft.before_fingerprint() {
            return Ok(());
        }
        let message = format!(
            "the draft follows a root {} whose SHA-256 is {}, and not the root that --root names ({}): what it says it keeps may never have been \
             there; ask for a draft that follows the root that edges have",
            draft.before().version,
            draft.before_fingerprint(),
            self.0
        );
        Err(Failure::new("root_foreign", message))
    }
}

/// Seconds that a root should still live when it is signed: a day.
const REST: u64 = 24 * 3600;

impl Sign {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let mut draft = draft_file::read(&self.file)?;
        let realm = Slug::parse("realm", &draft.next().realm)?;
        let signer: Box<dyn Signer> = match (self.key, self.signer) {
            (Some(path), _) => Box::new(key_file::load(&path, Role::Root, &realm)?),
            (None, Some(command)) => Box::new(command.open()?),
            (None, None) => return Err(Failure::usage("--key: name the root key's file")),
        };
        match self.root {
            Some(root) => root.check(&draft)?,
            None => context.warn(
                "root_not_compared",
                format!(
                    "the root before was not compared with the one that edges have: give --root, or see that its SHA-256 is {}",
                    draft.before_fingerprint()
                ),
            ),
        }
        let ends = draft.next().expires_at;
        if ends.saturating_sub(Env::system().now()?) < REST {
            let message =
                format!("the root ends at {}: nobody will be able to publish it; ask for a new draft", format_time(ends));
            context.warn("root_ends", message);
        }
        confirm(context, &draft, "sign this root", self.yes)?;
        draft.sign(&*signer)?;
        // Another holder may have signed the same file meanwhile.
        let mut newest = draft_file::read(&self.file)?;
        newest.merge(&draft)?;
        let draft = newest;
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
