//! `edgelatch keys import`: a file of digests, or one.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::process::ExitCode;

use edgelatch_registry::{Digest, Import as Task, ImportDefaults, ImportFormat, ImportReport, RefusedLine};

use super::fields::{new_key, one_of, read, slugs};
use super::report;
use crate::args::{Import, KeyFields};
use crate::context::{Context, Open, caller};
use crate::failure::{Failure, Result};
use crate::output::{self, mask};
use crate::progress::Meter;

/// Lines between two reports where there is no terminal.
const LINES: u64 = 20_000;

pub(super) fn run(context: &Context, open: &Open, args: &Import) -> Result<ExitCode> {
    if let (Some(sha256), Some(name)) = (&args.sha256, &args.name) {
        let digest = Digest::parse("sha256", sha256)?;
        let imported = open.keys().import(&caller()?, &new_key(open, name, &args.fields)?, &digest)?;
        report(context, &imported, ["imported"; 2]);
        return Ok(ExitCode::SUCCESS);
    }
    let Some(path) = &args.file else {
        return Err(Failure::usage("which keys? name a file, or one key with --sha256 and --name"));
    };
    let task =
        Task { format: format(path, args.format.as_deref())?, defaults: defaults(open, &args.fields)?, dry_run: args.dry_run };
    let mut file = open_file(path)?;
    let bytes = file.metadata().map_or(0, |meta| meta.len());
    let mut meter = Meter::new(bytes, LINES);
    let bar = meter.bar();
    let mut input = bar.wrap_read(&mut file);
    let imported = open.keys().import_file(&caller()?, &task, &mut input, &mut |lines| {
        meter.tell(lines, || format!("{lines} lines read"));
    });
    meter.end();
    let report = masked(imported?);
    print(context, &report, args.dry_run);
    Ok(if report.refused > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn format(path: &Path, given: Option<&str>) -> Result<ImportFormat> {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    match (given, extension.as_deref()) {
        (Some(word), _) => one_of("format", word),
        (None, Some("csv")) => Ok(ImportFormat::Csv),
        (None, Some("jsonl" | "ndjson")) => Ok(ImportFormat::JsonLines),
        _ => Err(Failure::usage("--format: the file's name does not end in .csv or .jsonl: say `csv` or `jsonl`")),
    }
}

/// What stands for columns that are left out: as named, or the only org.
fn defaults(open: &Open, fields: &KeyFields) -> Result<ImportDefaults> {
    let org = match read("org", &fields.org)? {
        None => Some(open.tenants().orgs()?).filter(|orgs| orgs.len() == 1).and_then(|mut orgs| orgs.pop()).map(|org| org.org),
        named => named,
    };
    let (owner, environment) = (read("owner", &fields.owner)?, read("environment", &fields.environment)?);
    Ok(ImportDefaults { org, owner, roles: slugs("roles", &fields.roles)?, environment })
}

/// Other writers wait while an import reads, so what is no file is collected first, in a file without a name.
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

fn print(context: &Context, report: &ImportReport, dry_run: bool) {
    if context.json {
        output::json(report);
        return;
    }
    let row = |line: &RefusedLine| vec![line.line.to_string(), line.code.into(), line.reason.clone()];
    if report.refused > 0 {
        output::table(&["LINE", "CODE", "REASON"], &report.refusals.iter().map(row).collect::<Vec<_>>());
        let more = report.refused.saturating_sub(report.refusals.len() as u64);
        if more > 0 {
            output::line(format_args!("and {more} more"));
        }
        output::line(format_args!("{} lines refused, nothing was imported", report.refused));
    } else if dry_run {
        output::line(format_args!("{} keys can be imported; nothing was changed", report.keys));
    } else {
        output::line(format_args!("imported {} keys", report.keys));
    }
}
