//! How every verb that changes the root ends: what is to come is shown and asked about; where the root keys are at hand, it is signed and published
//! at once, with a head under it. Otherwise a draft is left, and what comes next is said.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use edgelatch_core::root::Root;
use edgelatch_core::signed::Role;
use edgelatch_registry::parse_span;
use edgelatch_sync::key_file::{NewKey, public_text};
use edgelatch_sync::trust::{self, Change, Gathered, RootDraft};
use edgelatch_sync::{Directory, Published, SignerCommand, Signers, Target};
use serde::Serialize;

use super::draft_file;
use super::named::exposed;
use crate::prelude::*;

/// How long a program may take that signs a root: somebody may have to touch a device.
pub(super) const ROOT_SIGNER_LIMIT: Duration = Duration::from_secs(120);

/// What every verb that changes the root takes.
#[derive(Args)]
pub(super) struct RootChange {
    /// How long the new root lives [default: as long as the one before]
    #[arg(long, value_name = "SPAN", value_parser = read::timed(parse_span))]
    root_lifetime: Option<u64>,
    /// Leave the root unsigned in this new file, for others to sign
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
    /// A root key file beside those in the data directory, repeatable
    #[arg(long = "root-key", value_name = "FILE")]
    root_keys: Vec<PathBuf>,
    /// A program that signs with a root key, as --signer does for heads; repeatable
    #[arg(long = "root-signer", value_name = "COMMAND", value_parser = read::signer(ROOT_SIGNER_LIMIT))]
    root_signers: Vec<SignerCommand>,
    #[command(flatten)]
    publishing: Publishing,
}

/// What it takes to publish a new root.
#[derive(Args)]
pub(super) struct Publishing {
    /// Publish to this directory as well
    #[arg(long, value_name = "DIR")]
    to: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) signing: Signing,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

/// A key that was drawn for the new root, and where its file goes.
pub(super) struct Drawn {
    pub(super) role: Role,
    pub(super) key: NewKey,
    pub(super) path: PathBuf,
}

impl Drawn {
    /// Draws a key whose file goes to `save`, or beside the realm's other keys of that role.
    pub(super) fn new(context: &Context, open: &Open, role: Role, save: Option<&Path>) -> Result<Drawn> {
        let key = NewKey::draw(role, &open.realm, open.registry.env())?;
        let path = match save {
            Some(path) if path.exists() => return Err(edgelatch_sync::Error::KeyExists { path: path.into() }.into()),
            Some(path) => path.into(),
            None => context.dir.free_key(&open.realm, role)?,
        };
        Ok(Drawn { role, key, path })
    }
}

/// What came of it.
#[derive(Serialize)]
struct Outcome {
    /// The new root's version.
    root_version: u32,
    /// What is signed, for people to compare.
    fingerprint: String,
    /// The key that was made for it.
    new_key: Option<Made>,
    /// The draft that was left.
    draft: Option<String>,
    /// What it still needs.
    gathered: Option<[Gathered; 2]>,
    /// What was published under it.
    published: Option<Published>,
}

#[derive(Serialize)]
struct Made {
    role: &'static str,
    key: String,
    path: String,
}

impl RootChange {
    /// Carries out a change, for which a key may have been drawn. A cold one is not counted on for signing heads.
    pub(super) fn carry_out(
        self,
        context: &Context,
        open: &Open,
        change: Change,
        drawn: Option<Drawn>,
        cold: bool,
    ) -> Result<ExitCode> {
        let change = Change { lifetime: self.root_lifetime, ..change };
        let draft = trust::draft_of(&open.registry, &open.realm, &context.dir, &change)?;
        let roots = context.key_source(&open.realm, Role::Root, &self.root_keys, &self.root_signers).find()?;
        let mut publishers = self.publishing.publishers(context, open)?.keys();
        let mut root_keys = roots.keys();
        match &drawn {
            Some(drawn) if drawn.role == Role::Root => root_keys.push(drawn.key.public()),
            Some(drawn) if !cold => publishers.push(drawn.key.public()),
            _ => {}
        }
        trust::may_publish(draft.next(), &publishers)?;
        let at_hand = self.draft.is_none() && draft.completed_by(&root_keys);
        let version = draft.next().version;
        let left =
            self.draft.clone().unwrap_or_else(|| context.dir.path().join(format!("root-{}-{version}.draft", open.realm)));
        if !at_hand && left.exists() {
            return Err(edgelatch_sync::Error::NotEmpty { path: left }.into());
        }
        if at_hand {
            confirm(context, &draft, "sign and publish this root", self.publishing.yes)?;
        }
        let (made, roots) = self.save(context, open, drawn, roots)?;
        if !at_hand {
            draft_file::write(&left, &draft, true)?;
            return left_behind(context, &draft, &left, made, &root_keys);
        }
        let draft = sign_with(draft, &roots)?;
        self.publishing.publish(context, open, &draft, made)
    }

    /// Writes the file of a key that was drawn, before anything names it. One of the root role signs with the others.
    fn save(&self, context: &Context, open: &Open, drawn: Option<Drawn>, roots: Signers) -> Result<(Option<Made>, Signers)> {
        let Some(Drawn { role, key, path }) = drawn else { return Ok((None, roots)) };
        let made = Made { role: role.name(), key: public_text(&key.public()), path: path.display().to_string() };
        key.save(&path)?;
        exposed(context, &path);
        if role == Role::Publisher {
            return Ok((Some(made), roots));
        }
        let mut files = self.root_keys.clone();
        if path.parent() != context.dir.key_of(&open.realm, Role::Root).parent() {
            files.push(path);
        }
        Ok((Some(made), context.key_source(&open.realm, Role::Root, &files, &self.root_signers).find()?))
    }
}

impl Publishing {
    pub(super) fn publishers(&self, context: &Context, open: &Open) -> Result<Signers> {
        Ok(context.key_source(&open.realm, Role::Publisher, &[], &self.signing.signers).find()?)
    }

    /// Asks whether a draft that has its signatures is to be published, and does it.
    pub(super) fn publish_draft(&self, context: &Context, open: &Open, draft: &RootDraft) -> Result<ExitCode> {
        confirm(context, draft, "publish this root", self.yes)?;
        self.publish(context, open, draft, None)
    }

    /// Makes a signed draft the newest root, and publishes a head under it.
    fn publish(&self, context: &Context, open: &Open, draft: &RootDraft, new_key: Option<Made>) -> Result<ExitCode> {
        trust::adopt(&open.registry, &open.realm, &context.dir, &caller()?, draft, &self.publishers(context, open)?.keys())?;
        let version = draft.next().version;
        let own = std::iter::once(context.dir.realm(&open.realm));
        let directories: Vec<Directory> = own.chain(self.to.iter().cloned()).map(Directory::new).collect();
        let targets: Vec<&dyn Target> = directories.iter().map(|directory| directory as _).collect();
        let published =
            context.publisher(open, &self.signing, false).and_then(|publisher| Ok(publisher.publish(&targets)?)).map_err(
                |failure| failure.and(format!("root {version} is signed and kept; publish it with `edgelatch publish`")),
            )?;
        let failed = published.failed.first().map(|failed| Failure::new(failed.code, failed.message.clone()));
        let outcome = Outcome {
            root_version: version,
            fingerprint: draft.fingerprint(),
            new_key,
            draft: None,
            gathered: None,
            published: Some(published),
        };
        let code = context.show(&outcome, |outcome| {
            let epoch = outcome.published.as_ref().map_or(0, |published| published.epoch);
            output::line(format_args!(
                "published root {BOLD}{version}{RESET} of realm {}, and epoch {epoch} under it",
                open.realm
            ));
            told(outcome.new_key.as_ref());
        })?;
        failed.map_or(Ok(code), Err)
    }
}

/// Signs with those keys whose signatures are still needed. One that fails is passed over if the others suffice.
fn sign_with(mut draft: RootDraft, roots: &Signers) -> Result<RootDraft> {
    let mut failed = None;
    for signer in roots.iter() {
        if !draft.complete() && draft.wants(&signer.public()) {
            failed = draft.sign(signer).err().or(failed);
        }
    }
    match failed {
        Some(error) if !draft.complete() => Err(error.into()),
        _ => Ok(draft),
    }
}

/// Says what a draft does, and asks whether to go on.
pub(super) fn confirm(context: &Context, draft: &RootDraft, what: &str, yes: bool) -> Result<()> {
    // A program that asks for JSON reads what was done; whoever is asked is shown what about.
    if !context.json || !yes && io::stdin().is_terminal() {
        context.show_warnings();
        draft.words().iter().for_each(|line| output::note(format_args!("{line}")));
    }
    if yes {
        return Ok(());
    }
    let unconfirmed = |reason: &str| Failure::new("unconfirmed", format!("nothing was done: {reason}"));
    if !io::stdin().is_terminal() {
        return Err(unconfirmed(&format!("to {what} without being asked, give --yes")));
    }
    let mut prompt = anstream::stderr();
    let mut line = String::new();
    let asked = write!(prompt, "Do you want to {what}? [y/N] ").and_then(|()| prompt.flush());
    asked.and_then(|()| io::stdin().read_line(&mut line)).map_err(|error| Failure::file(Path::new("terminal"), &error))?;
    if ["y", "yes"].contains(&line.trim()) { Ok(()) } else { Err(unconfirmed("the answer was not y")) }
}

/// Says where a new key is.
fn told(made: Option<&Made>) {
    if let Some(Made { role, key, path }) = made {
        output::note(format_args!("the new {role} key {key} is in {path}"));
    }
}

/// Says what is to be done with a draft that was left.
fn left_behind(
    context: &Context,
    draft: &RootDraft,
    path: &Path,
    new_key: Option<Made>,
    here: &[[u8; 32]],
) -> Result<ExitCode> {
    let outcome = Outcome {
        root_version: draft.next().version,
        fingerprint: draft.fingerprint(),
        new_key,
        draft: Some(path.display().to_string()),
        gathered: Some(draft.gathered()),
        published: None,
    };
    context.show(&outcome, |outcome| {
        draft.words().iter().for_each(|line| output::note(format_args!("{line}")));
        output::line(format_args!("draft {}", path.display()));
        told(outcome.new_key.as_ref());
        output::note(format_args!(
            "\nIt is not signed yet. These sign it, each where his key is: edgelatch trust sign FILE --key KEYFILE \
             --root THE-ROOT-THAT-EDGES-HAVE"
        ));
        for root in [draft.before(), draft.next()] {
            signers_of(root, here);
        }
        output::note(format_args!("Then, here, with all signed copies: edgelatch trust publish FILE…"));
    })
}

fn signers_of(root: &Root, here: &[[u8; 32]]) {
    output::note(format_args!("  {} of the root keys of root {}:", root.root.threshold(), root.version));
    for key in root.root.keys() {
        output::note(format_args!("    {}{}", public_text(key), if here.contains(key) { "  (is here)" } else { "" }));
    }
}
