//! `edgelatch keys import`: a file of digests, or one.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use edgelatch_registry::{Digest, ImportDefaults, ImportFormat, ImportReport, Name, RefusedLine, Slug};

use super::fields::KeyFields;
use super::view;
use crate::mask::mask;
use crate::prelude::*;
use crate::progress::Meter;

/// Lines between two reports where there is no terminal.
const LINES: u64 = 20_000;

/// Take over existing keys by the SHA-256 of their texts: a file of them, or one
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys import keys.csv --role reader --dry-run
  edgelatch keys import - --format jsonl < keys.jsonl
  edgelatch keys import --name legacy --sha256 \"$(printf %s \"$KEY\" | sha256sum | cut -d' ' -f1)\"

Columns of a file, or members of its JSON objects: sha256, name, org, owner, description, roles, scope,
allow, deny, allow_mode, order, not_before, expires_at, metadata, environment, tags. The first two are needed;
lists are separated by blanks, the fields of a line by commas, semicolons or tabs. All lines are imported,
or none. Others act meanwhile; a change of the org's settings, owners or roles breaks the import off.
Exit code: 0 imported (or could be), 1 lines were refused, 2 the file could not be read.")]
pub(crate) struct Import {
    /// A file of digests, or - for standard input
    #[arg(
        required_unless_present = "sha256",
        conflicts_with_all = ["sha256", "name", "description", "scope", "allow", "deny", "order", "allow_mode", "expires", "not_before", "metadata", "tags"]
    )]
    file: Option<PathBuf>,
    /// How the file is written [default: as its name ends]
    #[arg(long, conflicts_with = "sha256", value_parser = read::words::<ImportFormat>())]
    format: Option<ImportFormat>,
    /// Only report what would be refused
    #[arg(long, conflicts_with = "sha256")]
    dry_run: bool,
    /// One key: SHA-256 of its whole text, as 64 hexadecimal digits or base64
    #[arg(long, value_name = "DIGEST", requires = "name", value_parser = |text: &str| Digest::parse("", text))]
    sha256: Option<Digest>,
    /// What people call that one key
    #[arg(long)]
    name: Option<Name>,
    /// Of that one key; org, owner, roles and environment also stand for what lines of a file leave out
    #[command(flatten)]
    fields: KeyFields,
}

impl Import {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        match (self.file, self.sha256, self.name) {
            (_, Some(digest), Some(name)) => {
                let open = context.open()?;
                let org = open.org(self.fields.org.clone())?;
                let new = self.fields.new_key(org, name);
                let imported = open.keys().import(&caller()?, &new, &digest)?;
                view::changed(context, &imported, ["imported"; 2])
            }
            (Some(path), ..) => {
                let format = self.format.map_or_else(|| format(&path), Ok)?;
                let open = context.open()?;
                let defaults = defaults(&open, self.fields)?;
                let import = edgelatch_registry::Import { format, defaults, dry_run: self.dry_run };
                let report = masked(read_file(&open, &import, &path)?);
                context.answer(report.refused == 0, &report, |report| print(report, import.dry_run))
            }
            _ => Err(Failure::usage("which keys? name a file, or one key with --sha256 and --name")),
        }
    }
}

fn read_file(open: &Open, import: &edgelatch_registry::Import, path: &Path) -> Result<ImportReport> {
    let mut file = open_file(path)?;
    let bytes = file.metadata().map_or(0, |meta| meta.len());
    let mut meter = Meter::new(bytes, LINES);
    let bar = meter.bar();
    let mut input = bar.wrap_read(&mut file);
    let report = open.keys().import_file(&caller()?, import, &mut input, &mut |lines| {
        meter.tell(lines, || format!("{lines} lines read"));
    });
    meter.end();
    Ok(report?)
}

/// The format that a file's name tells.
fn format(path: &Path) -> Result<ImportFormat> {
    match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => Ok(ImportFormat::Csv),
        Some("jsonl" | "ndjson") => Ok(ImportFormat::JsonLines),
        _ => Err(Failure::usage("--format: the file's name does not end in .csv or .jsonl: say `csv` or `jsonl`")),
    }
}

/// What stands for columns that are left out: as named, or the only org.
fn defaults(open: &Open, fields: KeyFields) -> Result<ImportDefaults> {
    let KeyFields { org, owner, roles, environment, .. } = fields;
    let only = || -> Result<Option<Slug>> {
        let mut orgs = open.tenants().orgs()?;
        Ok(orgs.pop().filter(|_| orgs.is_empty()).map(|org| org.org))
    };
    Ok(ImportDefaults { org: org.map_or_else(only, |org| Ok(Some(org)))?, owner, roles, environment })
}

/// An import holds names and digests while it reads its input, so what is not a regular file is first copied to a temporary one: nobody
/// should be refused for somebody who types.
fn open_file(path: &Path) -> Result<File> {
    let fail = |error: io::Error| Failure::file(path, &error);
    if path == Path::new("-") {
        return collect(&mut io::stdin().lock()).map_err(fail);
    }
    let mut file = File::open(path).map_err(fail)?;
    if file.metadata().is_ok_and(|meta| meta.is_file()) { Ok(file) } else { collect(&mut file).map_err(fail) }
}

fn collect(input: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(input, &mut file)?;
    file.rewind()?;
    Ok(file)
}

/// A reason may quote what stands in a line, which may be a key in the wrong column.
fn masked(mut report: ImportReport) -> ImportReport {
    for line in &mut report.refusals {
        line.reason = mask(&line.reason);
    }
    report
}

const COLUMNS: &[Column<RefusedLine>] =
    &[("LINE", |l| l.line.to_string()), ("CODE", |l| l.code.into()), ("REASON", |l| l.reason.clone())];

fn print(report: &ImportReport, dry_run: bool) {
    let ImportReport { keys, refused, refusals, .. } = report;
    if *refused > 0 {
        output::table(COLUMNS, refusals);
        let more = refused.saturating_sub(refusals.len() as u64);
        if more > 0 {
            output::line(format_args!("and {more} more"));
        }
        output::line(format_args!("{refused} lines refused, nothing was imported"));
    } else if dry_run {
        output::line(format_args!("{keys} keys can be imported; nothing was changed"));
    } else {
        output::line(format_args!("imported {keys} keys"));
    }
}
