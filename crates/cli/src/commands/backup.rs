//! `edgelatch backup`

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use edgelatch_registry::{Backup as Held, CopyProgress, format_time, verify_backup};
use edgelatch_sync::restore::read_keys;

use crate::prelude::*;
use crate::progress::Meter;

/// Write the whole registry into a file, from which `restore` makes it again, on SQLite or PostgreSQL
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch backup acme.backup               # beside a running `edgelatch serve`, at any time
  edgelatch backup --verify acme.backup      # whole, and as it was written
  edgelatch backup - | ssh elsewhere 'cat > acme.backup'

Signing keys are not in it unless --with-keys says so: keep them elsewhere. What is published is not in it either: it can be made again.
Whoever can write to the file can make another one that is whole. Note the sha256 elsewhere: `edgelatch restore --sha256` takes no other.")]
pub(crate) struct Backup {
    /// The file to write, or - for standard output
    file: PathBuf,
    /// Put the signing keys into it as well: whoever can read the file can then publish what edges believe
    #[arg(long)]
    with_keys: bool,
    /// Write over a file that exists
    #[arg(long)]
    force: bool,
    /// Write nothing: read the file through, and say whether it is whole and what is in it
    #[arg(long, conflicts_with_all = ["with_keys", "force"])]
    verify: bool,
}

/// Rows between two reports where there is no terminal.
const ROWS: u64 = 100_000;

/// The bar of a backup or a restore, moved by what it is told.
pub(crate) fn meter(meter: &mut Meter) -> impl FnMut(CopyProgress) {
    let (bar, mut before, mut table, mut last) = (meter.bar(), 0, "", 0);
    move |seen: CopyProgress| {
        if table != seen.table {
            before += last;
            table = seen.table;
        }
        last = seen.rows;
        bar.set_length(seen.of);
        bar.set_position(seen.rows);
        meter.tell(before + seen.rows, || format!("{}: {} of {} rows", seen.table, seen.rows, seen.of));
    }
}

impl Backup {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        if self.verify {
            let held = verify(&self.file)?;
            return context.show(&held, |held| {
                output::line(format_args!("{GOOD}whole{RESET}: {}", sentence(held)));
                output::line(format_args!("sha256 {}", held.sha256));
            });
        }
        let keys = if self.with_keys { read_keys(&context.dir)? } else { Vec::new() };
        let registry = context.registry()?;
        let mut progress = Meter::new(0, ROWS);
        let write = |out: &mut dyn Write, progress: &mut Meter| registry.backup(out, &keys, &mut meter(progress));
        if self.file == Path::new("-") {
            let held = write(&mut io::stdout().lock(), &mut progress)?;
            progress.end();
            // The result is the backup itself, so there is no JSON for it to stand in.
            self.warning("what was written").iter().for_each(|message| output::warning(message));
            output::note(format_args!("{}", sentence(&held)));
            output::note(format_args!("sha256 {}", held.sha256));
            return Ok(ExitCode::SUCCESS);
        }
        if self.file.exists() && !self.force {
            return Err(Failure::usage(format!("{}: exists already: name a new file, or give --force", self.file.display())));
        }
        // Written aside: whoever looks there finds a whole backup or none. The file is its owner's alone, for it holds digests of keys.
        let dir = self.file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let failed = |error: &io::Error| Failure::file(&self.file, error);
        let mut aside = tempfile::Builder::new().prefix(".backup-").tempfile_in(dir).map_err(|error| failed(&error))?;
        let held = write(aside.as_file_mut(), &mut progress);
        progress.end();
        let held = held.map_err(Failure::from).map_err(|failure| failure.and(self.file.display()))?;
        aside.as_file().sync_all().map_err(|error| failed(&error))?;
        let placed = if self.force { aside.persist(&self.file) } else { aside.persist_noclobber(&self.file) };
        placed.map_err(|error| failed(&error.error))?;
        if cfg!(unix) {
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| failed(&error))?;
        }
        if let Some(message) = self.warning(&self.file.display().to_string()) {
            context.warn("holds_keys", message);
        }
        context.show(&held, |held| {
            output::line(format_args!("{}: {}", self.file.display(), sentence(held)));
            output::line(format_args!("sha256 {}", held.sha256));
        })
    }

    /// What a backup with signing keys is.
    fn warning(&self, what: &str) -> Option<String> {
        let message = || {
            format!(
                "{what} holds the signing keys: whoever can read it can publish what edges believe. Keep it as you keep these"
            )
        };
        self.with_keys.then(message)
    }
}

/// Reads a backup through.
pub(crate) fn verify(path: &Path) -> Result<Held> {
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    verify_backup(&mut BufReader::new(file)).map_err(|error| Failure::from(error).and(path.display()))
}

/// What a backup holds.
pub(crate) fn sentence(held: &Held) -> String {
    let of = |table: &str| held.tables.get(table).copied().unwrap_or_default();
    let keys = match held.files.len() {
        0 => "without signing keys".into(),
        keys => format!("with {keys} signing keys"),
    };
    format!(
        "the registry of {}: {} realms, {} keys, {} rows in {} bytes, {keys}",
        format_time(held.taken_at),
        of("realms"),
        of("key_rows"),
        held.rows,
        held.bytes
    )
}
