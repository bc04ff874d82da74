//! `edgelatch restore`

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use edgelatch_registry::{Backup as Held, Env, Registry, Slug, management, restore_backup};
use edgelatch_server::Remote;
use edgelatch_sync::restore::{Fate, Found, GoingBack, Read, compare, older, put_keys, take_back_keys};
use edgelatch_sync::{Directory, Error, Item, Target};
use serde::Serialize;
use zeroize::Zeroizing;

use super::backup::{meter, sentence, verify};
use crate::prelude::*;
use crate::progress::Meter;

/// Make the registry from a backup, where there is none, and compare it with what is published
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch restore acme.backup
  EDGELATCH_DATABASE=postgres://edgelatch:$PASSWORD@db.example/edgelatch edgelatch restore acme.backup
  edgelatch restore --published https://keys.example.com/r/acme    # compare the registry that is there
  EDGELATCH_READ_KEY=$KEY edgelatch restore --published https://keys.example.com/r/acme  # where files take a read key
  edgelatch restore --take-published

The database must not be there yet, or hold nothing; signing keys and published files may be there. All of the backup is restored, or nothing.
A registry that is older than what is published would let edges accept keys again that were revoked since. So nothing is published from it
until one of the two is chosen: --take-published or --go-on-above.

Exit code: 0 done; 1 the registry is older than what is published, and that is still to be chosen, or nothing was found where something was said
to be published; 2 nothing was done.")]
pub(crate) struct Restore {
    /// The backup; without one, the registry that is there is compared
    file: Option<PathBuf>,
    /// What `backup` said of the file, kept elsewhere: another file, however whole, is refused
    #[arg(long, value_name = "HEX", requires = "file")]
    sha256: Option<String>,
    /// Where the realm is published: a directory with its files, or their address, such as `https://keys.example.com/r/acme` [default: what
    /// lies in the data directory, of each realm]
    #[arg(long, value_name = "DIR|URL")]
    published: Option<String>,
    /// A file with a read key, where the files at that address take one: a management key with the role `edge` [default: EDGELATCH_READ_KEY]
    #[arg(long, value_name = "FILE", requires = "published")]
    read_key_file: Option<PathBuf>,
    /// Give keys the state that is published of them: revoked ones are revoked again, and those made since are made under their ids
    #[arg(long, conflicts_with = "go_on_above")]
    take_published: bool,
    /// Go on above the published epoch, or above this one where nothing published is left, with the registry as it is, knowing which keys edges
    /// will accept again
    #[arg(long, value_name = "EPOCH", num_args = 0..=1, require_equals = true, value_parser = read::number(1..=MAX_SKIP))]
    go_on_above: Option<Option<u64>>,
}

/// The greatest epoch to go on above: far beyond what a realm takes in its life, and far enough from the last that there is.
const MAX_SKIP: u64 = 1 << 40;
/// What is said where nothing is known of what edges have.
const NOT_COMPARED: &str = ", so the registry was compared with nothing. If edges have this realm, name what they read: `edgelatch restore \
                            --published DIR|URL`; where nothing of it is left, --go-on-above=EPOCH names an epoch that none of them has";
/// Rows, or keys, between two reports where there is no terminal.
const EVERY: u64 = 100_000;

/// What became of one realm.
#[derive(Serialize)]
struct Realm {
    realm: Slug,
    /// The epoch that is published; none where none was found.
    published_epoch: Option<u64>,
    /// What was seen of it.
    seen: Sight,
    /// Whether that is settled: the realm can be published.
    settled: bool,
    /// Keys whose state would go back, or in which a difference is left.
    keys: Vec<GoingBack>,
}

/// What a look at what is published says of the registry.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Sight {
    /// There is nothing to compare it with.
    Nothing,
    /// Nor is there, for what lies there counts for no edge.
    Unproven,
    /// It is not older.
    Known,
    /// It is older.
    Older,
}

impl Restore {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let backup = self.file.as_deref().map(verify).transpose()?;
        if let (Some(backup), Some(wanted)) = (&backup, &self.sha256)
            && !backup.sha256.eq_ignore_ascii_case(wanted.trim())
        {
            let message = format!(
                "--sha256: the file's is {}: this is another backup, or somebody made it anew; nothing was done",
                backup.sha256
            );
            return Err(Failure::new("backup_foreign", message));
        }
        let remote = match self.published.as_deref().filter(|place| Remote::is_address(place)) {
            Some(address) => {
                let key = self.read_key()?;
                let remote = Remote::new(address, key.as_ref().map(|key| key.as_str()));
                Some(remote.map_err(|error| Failure::usage(format!("--published: {error}")))?)
            }
            None => None,
        };
        let registry = match (&self.file, &backup) {
            (Some(file), Some(backup)) => from_file(context, file, backup)?,
            _ => context.registry()?,
        };
        if let Some(backup) = backup.as_ref().filter(|_| !context.json) {
            output::note(format_args!("restored {}", sentence(backup)));
        }
        let realms = self.realms(context, &registry)?;
        let all = realms.into_iter().map(|realm| self.settle(context, &registry, realm, remote.as_ref()));
        let all = all.collect::<Result<Vec<Realm>>>()?;
        let settled = all.iter().all(|realm| realm.settled);
        let shown = json!({ "backup": backup, "database": context.database().to_string(), "realms": all });
        context.answer(settled, &shown, |_| all.iter().for_each(|realm| self.print(realm)))
    }

    /// The read key, if one was given.
    fn read_key(&self) -> Result<Option<Zeroizing<String>>> {
        match &self.read_key_file {
            Some(path) => std::fs::read_to_string(path).map(Some).map_err(|error| Failure::file(path, &error)),
            None => Ok(std::env::var("EDGELATCH_READ_KEY").ok()),
        }
        .map(|key| key.map(Zeroizing::new))
    }

    /// Every realm that edges read, or the one that is published at the place that was named.
    fn realms(&self, context: &Context, registry: &Registry) -> Result<Vec<Slug>> {
        let all = registry.realms()?.into_iter().map(|realm| realm.realm);
        let all: Vec<Slug> = all.filter(|realm| realm.as_str() != management::REALM).collect();
        match &context.realm {
            Some(realm) => Ok(vec![registry.realm(realm)?.realm]),
            None if self.published.is_some() => Ok(vec![crate::context::only(all, "realm", "--realm")?]),
            None => Ok(all),
        }
    }

    /// Compares a realm, and does what was chosen.
    fn settle(&self, context: &Context, registry: &Registry, realm: Slug, remote: Option<&Remote>) -> Result<Realm> {
        let directory = match &self.published {
            Some(place) => Directory::new(PathBuf::from(place)),
            None => Directory::new(context.dir.realm(&realm)),
        };
        let read = |item: Item| match remote {
            None => directory.read(item),
            Some(remote) => {
                let failed = |detail| Error::Io { path: remote.address().into(), detail };
                remote.read(&item.to_string()).map_err(failed)
            }
        };
        let found = match compare(registry, &realm, &read, &context.peppers(&realm)) {
            // Whoever goes on above it need not be able to read it: perhaps there is nothing behind the head, which a thief of the key has signed.
            Err(error @ (Error::Unsound { .. } | Error::PepperMissing { .. } | Error::PepperCorrupt { .. }))
                if self.go_on_above.is_some() =>
            {
                context.warn(error.code(), format!("{realm}: {error}"));
                return self.go_on_blindly(registry, realm, &read);
            }
            found => found?,
        };
        let found = match found {
            Found::Older(found) => found,
            Found::Known { epoch } => return self.not_older(registry, realm, Sight::Known, Some(epoch)),
            Found::Nothing => return self.not_older(registry, realm, Sight::Nothing, None),
            Found::Unproven => return self.not_older(registry, realm, Sight::Unproven, None),
        };
        let (epoch, mut keys, lost) = (found.epoch(), found.keys().to_vec(), found.lost().to_vec());
        let caller = caller()?;
        let mut settled = self.go_on_above.is_some();
        if let Some(above) = self.go_on_above {
            found.go_on_above(registry, &caller)?;
            above.map_or(Ok(()), |epoch| registry.ledger(&realm).skip_to(&caller, epoch))?;
        } else if self.take_published {
            let (of, mut progress) = (keys.len() as u64, Meter::new(keys.len() as u64, EVERY));
            let bar = progress.bar();
            let left = found.take_published(registry, &caller, &mut |done| {
                bar.set_position(done);
                progress.tell(done, || format!("{done} of {of} keys"));
            });
            bar.finish_and_clear();
            let left = left?;
            settled = left.is_empty();
            keys = if settled { keys } else { left };
            for key in &lost {
                let message = format!(
                    "{realm}: key {} (`{}`, org {}) needs another secret: the one that it got since is known by its digest under the pepper alone, so it \
                     is refused from the next epoch on; `edgelatch keys rotate` makes one",
                    key.key_id, key.name, key.org
                );
                context.warn("secret_lost", message);
            }
        }
        Ok(Realm { realm, published_epoch: Some(epoch), seen: Sight::Older, settled, keys })
    }

    /// What is published is known, or nothing is seen of it. That settles nothing for whoever said that there is something, unless he names the
    /// epoch to go on above.
    fn not_older(&self, registry: &Registry, realm: Slug, seen: Sight, published_epoch: Option<u64>) -> Result<Realm> {
        if let Some(Some(epoch)) = self.go_on_above {
            registry.ledger(&realm).skip_to(&caller()?, epoch)?;
        }
        let named = self.published.is_some() || self.take_published || self.go_on_above.is_some();
        let settled = match seen {
            Sight::Known | Sight::Older => true,
            Sight::Nothing => !named || self.go_on_above.flatten().is_some(),
            Sight::Unproven => self.go_on_above.flatten().is_some(),
        };
        Ok(Realm { realm, published_epoch, seen, settled, keys: Vec::new() })
    }

    fn go_on_blindly(&self, registry: &Registry, realm: Slug, read: &Read<'_>) -> Result<Realm> {
        let found = older(registry, &realm, read)?.older();
        found.iter().try_for_each(|found| found.go_on_above(registry, &caller()?).map_err(Failure::from))?;
        Ok(Realm {
            realm,
            seen: Sight::Older,
            published_epoch: found.map(|found| found.epoch()),
            settled: true,
            keys: Vec::new(),
        })
    }

    fn print(&self, Realm { realm, published_epoch, seen, settled, keys }: &Realm) {
        let epoch = published_epoch.unwrap_or_default();
        let what = match seen {
            Sight::Older => None,
            Sight::Known => Some(format!("{GOOD}not older{RESET} than epoch {epoch}, which is published")),
            Sight::Nothing => Some("nothing published was found here".into()),
            Sight::Unproven => Some(
                "what lies there is no head of this realm, or roots are missing by which its own would be proven".to_owned(),
            ),
        };
        if let Some(what) = what {
            let above = self.go_on_above.flatten().map(|epoch| format!("; goes on above epoch {epoch}")).unwrap_or_default();
            let compared = if matches!(seen, Sight::Known) { "" } else { NOT_COMPARED };
            let bad = if *settled { String::new() } else { BAD.to_string() };
            output::line(format_args!("{bad}{realm}: {what}{RESET}{above}{compared}"));
            return;
        }
        if !keys.is_empty() {
            output::table(COLUMNS, keys);
        }
        let of = |fate: Fate| keys.iter().filter(|key| key.fate == fate).count();
        let counted = format!("{} revived, {} changed, {} lost", of(Fate::Revived), of(Fate::Changed), of(Fate::Lost));
        match (settled, self.take_published) {
            (true, true) => {
                output::line(format_args!("{realm}: these {} keys are as published; goes on above epoch {epoch}", keys.len()))
            }
            (true, false) => output::line(format_args!("{realm}: goes on above epoch {epoch}; keys that go back: {counted}")),
            (false, true) => output::line(format_args!(
                "{BAD}{realm}: these keys still differ{RESET} in what cannot be taken over: mend that with `edgelatch roles edit`, `owners edit` or \
                 `keys edit`, and do this again; nothing is published before"
            )),
            (false, false) => output::line(format_args!(
                "{BAD}{realm}: the registry is older than epoch {epoch}, which is published{RESET}; keys that would go back: {counted}. Nothing is \
                 published before one is chosen: `edgelatch restore --take-published` or `edgelatch restore --go-on-above`"
            )),
        }
    }
}

const COLUMNS: &[Column<GoingBack>] = &[
    ("WOULD BE", |key| {
        match key.fate {
            Fate::Revived => "accepted again",
            Fate::Changed => "as before",
            Fate::Lost => "unknown",
        }
        .into()
    }),
    ("KEY", |key| key.key_id.clone()),
    ("ORG", |key| key.org.clone()),
    ("NAME", |key| key.name.clone()),
    ("DIFFERS IN", |key| joined(&key.what)),
];

/// Makes the registry, and puts signing keys beside it that are in the backup. The keys come first: whatever ends it in between, the same command
/// goes on.
fn from_file(context: &Context, file: &Path, backup: &Held) -> Result<Registry> {
    let keys = put_keys(&context.dir, &backup.files)?;
    let restored = registry_from(context, file, backup);
    restored.inspect_err(|_| take_back_keys(&context.dir, &keys))
}

fn registry_from(context: &Context, file: &Path, backup: &Held) -> Result<Registry> {
    context.dir.make()?;
    let open = || File::open(file).map(|file| Box::new(BufReader::new(file)) as Box<dyn BufRead>);
    let mut progress = Meter::new(0, EVERY);
    let made = restore_backup(&context.database(), Env::system(), backup, &open, &mut meter(&mut progress));
    progress.end();
    made.map_err(|error| Failure::from(error).and(file.display()))
}
