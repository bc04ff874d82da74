//! `edgelatch doctor`

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use edgelatch_core::limits::CLOCK_TOLERANCE;
use edgelatch_core::root::Root;
use edgelatch_core::signed::Role;
use edgelatch_registry::{Pulse, RealmPulse, Registry, RootRow, Slug, format_time};
use edgelatch_server::{Severity, examine};
use edgelatch_sync::{Directory, Shown, Target, key_file};
use serde::Serialize;

use crate::args::To;
use crate::prelude::*;

/// Look for what is wrong with this control plane, and say what mends it. Nothing is changed
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch doctor
  edgelatch doctor --to /var/www/r/acme      # and whether this target has what is published
  edgelatch doctor --quick                   # without looking through the whole database for damage

A server may run meanwhile. Data directory, modes, signing keys, clocks, database, disks, heads and roots are looked at, of every realm.
Exit code: 0 nothing was found; 1 something was; 2 not looked.")]
pub(crate) struct Doctor {
    /// A directory, or bucket of an object store, that `serve` or `publish` publishes the realm to as well
    #[arg(long, value_name = "DIR|URL")]
    to: Vec<To>,
    /// Do not look through the database for damage, which takes seconds for each gigabyte
    #[arg(long)]
    quick: bool,
}

/// What was found.
#[derive(Serialize)]
struct Finding {
    /// Where: as health has it, or a file.
    place: String,
    severity: &'static str,
    code: String,
    message: String,
    /// What to do.
    mend: String,
}

#[derive(Serialize)]
struct Report {
    findings: Vec<Finding>,
    /// What was looked at.
    checked: BTreeSet<&'static str>,
}

impl Report {
    fn add(&mut self, place: impl Into<String>, severity: Severity, code: &str, message: impl Into<String>) {
        let (place, code) = (place.into(), code.to_owned());
        let mend = mend(&place, &code);
        self.findings.push(Finding { place, severity: severity.name(), code, message: message.into(), mend });
    }

    fn failing(&mut self, place: impl Into<String>, failure: &Failure) {
        self.add(place, Severity::Failing, failure.code(), failure.to_string());
    }

    /// Notes that something was looked at, and what came of it.
    fn look<T>(&mut self, what: &'static str, place: &str, found: Result<T>) -> Option<T> {
        self.checked.insert(what);
        found.inspect_err(|failure| self.failing(place, failure)).ok()
    }
}

/// What to do about a code, at the places that begin so; the first line that fits counts. An empty code fits all.
const MENDS: &[(&str, &str, &str)] = &[
    ("", "exposed", "change the mode as the message says; if others may have read a signing key, replace it"),
    ("", "key_exposed", "change the mode as the message says; if others may have read the key, replace it"),
    (
        "",
        "not_initialised",
        "name the data directory with --data and the database with --database, or begin with `edgelatch init`",
    ),
    ("", "store_unreachable", "start PostgreSQL, and check --database (EDGELATCH_DATABASE); edges go on until their heads end"),
    ("", "store_corrupt", "stop `edgelatch serve`, keep a copy of the file, and restore a backup"),
    ("", "store_newer", "run the version of edgelatch that was run here last, or a later one"),
    ("", "full", "free some space: `df -h`, then `edgelatch purge`, or a larger disk"),
    ("", "nearly_full", "free some space soon: `df -h`, then `edgelatch purge`, or a larger disk"),
    ("", "damaged", "stop `edgelatch serve`, keep a copy of the file, and restore a backup"),
    ("database", "", "check the database's disk, mount and owner; see the message"),
    ("disk", "", "check mount, owner and quota: `df -h`, `mount`, `ls -ld`"),
    ("clock", "unwitnessed", "let it read /proc/uptime and /proc/sys/kernel/random/boot_id: of a systemd unit, ProcSubset=all"),
    ("clock", "", "set the clock by NTP: `timedatectl set-ntp true`; then run `edgelatch doctor` again"),
    ("keys", "key_missing", "put the key back from where it is kept; without the publisher's key no epoch can be signed"),
    (
        "keys",
        "key_unnamed",
        "edgelatch trust show lists what the root names: put those keys back, or have a root name this one (edgelatch trust add-key)",
    ),
    ("keys", "", "put the key back from where it is kept"),
    ("published", "", "check owner and mode of the directory, then: edgelatch publish"),
    ("lock", "", "check owner and mode of the file, or remove it while no `edgelatch serve` and no `edgelatch publish` runs"),
    ("node", "", "remove the file: another name is drawn"),
    ("target", "", "see that the target can be written to, then: edgelatch publish --to DIR"),
];

/// What to do about a trouble of a realm, by the last part of its place.
const MENDS_OF_REALMS: &[(&str, &str, &str)] = &[
    ("head", "no_realm", "if the realm was deleted, remove its directory under published/r/"),
    ("head", "not_here", "edgelatch publish --realm REALM, if this machine is to serve the realm"),
    ("head", "from_future", "set the clocks by NTP; if they are right by now: edgelatch trust repair-clock --realm REALM"),
    ("head", "", "edgelatch publish --realm REALM"),
    ("root", "", "edgelatch trust extend --realm REALM, with the root key"),
    ("pepper", "", "put the pepper back from where it is kept: edgelatch trust pepper import FILE --realm REALM"),
    ("changes", "", "edgelatch publish --realm REALM, or see why `edgelatch serve` does not"),
];

/// What to do, about this realm or target.
fn mend(place: &str, code: &str) -> String {
    let (table, of, word, name) =
        match (place.strip_prefix("realm/").and_then(|rest| rest.split_once('/')), place.split_once('/')) {
            (Some((realm, part)), _) => (MENDS_OF_REALMS, part, "REALM", realm),
            (None, Some((_, name))) => (MENDS, place, "DIR", name),
            (None, None) => (MENDS, place, "DIR", "DIR"),
        };
    let fits = |(begins, with, _): &&(&str, &str, &str)| of.starts_with(begins) && (with.is_empty() || *with == code);
    table.iter().find(fits).map_or("see the message", |(.., mend)| mend).replace(word, name)
}

impl Doctor {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let mut report = Report { findings: Vec::new(), checked: BTreeSet::new() };
        files(context, &mut report);
        if let Some(registry) = report.look("database", "database", context.registry()) {
            self.look(context, Arc::new(registry), &mut report)?;
        }
        // Of a root of a year, half a year is left: that is told, and nothing is wrong.
        let told = |finding: &Finding| finding.code == "half_over" && finding.place.ends_with("/root");
        let sound = report.findings.iter().all(told);
        context.answer(sound, &report, print)
    }

    fn look(&self, context: &Context, registry: Arc<Registry>, report: &mut Report) -> Result<()> {
        let (all_peppers, own) = (context.all_peppers(), context.dir.keys());
        // A machine that only serves what others publish has none.
        let peppers = move |realm: &Slug| own.exists().then(|| all_peppers(realm));
        for (place, trouble) in examine(context.dir.published(), Arc::clone(&registry), Arc::new(peppers)).troubles() {
            report.add(place, trouble.severity, trouble.code, trouble.detail);
        }
        report.checked.extend(["clock", "disk", "heads", "peppers", "roots"]);
        if !self.quick
            && let Some(damages) = report.look("damage", "database", registry.damages().map_err(Failure::from))
        {
            damages.into_iter().for_each(|damage| report.add("database", Severity::Failing, "damaged", damage));
        }
        let Some(pulse) = report.look("realms", "database", registry.pulse().map_err(Failure::from)) else { return Ok(()) };
        for realm in &pulse.realms {
            keys(context, realm, report);
            waiting(realm, report);
            behind(context, realm, report);
        }
        file_times(context, &pulse, report);
        if !self.to.is_empty() {
            let open = context.open()?;
            let roots = registry.ledger(&open.realm).roots()?;
            let newest = pulse.realms.iter().find(|realm| realm.realm == open.realm).and_then(|realm| realm.published_epoch);
            for to in &self.to {
                // As `serve` publishes there: below r/REALM, unless it was given one realm alone.
                let places = [to.open(Some(&open.realm)), to.open(None)].map(|to| to.map_err(Failure::from));
                let [among, alone] = places.map(|to| report.look("targets", "target", to));
                let shows = |to: &Option<Box<dyn Target>>| {
                    to.as_deref()
                        .is_some_and(|to| Shown::of(to, open.realm.as_str(), &roots).is_ok_and(|shown| shown != Shown::Nothing))
                };
                if let Some(to) = if shows(&among) { among } else { alone } {
                    target(&*to, open.realm.as_str(), &roots, newest.unwrap_or(0), report);
                }
            }
            report.checked.insert("targets");
        }
        Ok(())
    }
}

/// Data directory, lock, and the node's name.
fn files(context: &Context, report: &mut Report) {
    let dir = context.dir.path();
    let there = match std::fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(Failure::new("not_initialised", format!("{}: is no directory", dir.display()))),
        Err(error) => Err(Failure::new("not_initialised", format!("{}: {error}", dir.display()))),
    };
    report.look("data directory", "data", there);
    // A lock is released when its process ends, however that ends: one that is held is held by somebody at work.
    for lock in std::fs::read_dir(context.dir.locks()).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if let Err(error) = File::options().append(true).open(&lock) {
            report.failing("lock", &Failure::file(&lock, &error));
        }
    }
    let node = dir.join("node");
    if let Ok(text) = std::fs::read_to_string(&node)
        && !text.trim().is_empty()
        && text.trim().parse::<edgelatch_registry::Slug>().is_err()
    {
        report.add("node", Severity::Failing, "node", format!("{}: holds no node's name", node.display()));
    }
    report.checked.extend(["lock", "node"]);
}

/// Modes, and whether the signing keys are those that the newest root names.
fn keys(context: &Context, of: &RealmPulse, report: &mut Report) {
    let realm = &of.realm;
    let private = context.dir.check_private(realm, context.database().path(), context.readers()).map_err(Failure::from);
    report.look("modes", &format!("data/{realm}"), private);
    // A machine that only serves what others publish has none.
    if !context.dir.keys().exists() {
        return;
    }
    let place = format!("keys/{realm}");
    let path = context.dir.key_of(realm, Role::Publisher);
    let signers = key_file::load_all(&path, Role::Publisher, realm, context.readers()).map_err(Failure::from);
    let signers = report.look("signing keys", &place, signers);
    let root = of.root.as_ref().and_then(|object| Root::open(object).ok());
    if let (Some(signers), Some(root)) = (signers, &root) {
        let held = signers
            .role(root.publisher.threshold())
            .keys
            .iter()
            .filter(|key| root.publisher.keys().any(|named| named == *key))
            .count();
        let needed = usize::from(root.publisher.threshold());
        if held < needed {
            let message = format!("{held} of the keys here may sign heads under root {}, and {needed} must", root.version);
            report.add(&place, Severity::Failing, "key_unnamed", message);
        }
    }
    // It may well be kept elsewhere.
    let path = context.dir.key_of(realm, Role::Root);
    if let (true, Some(root)) = (path.exists(), root) {
        match key_file::load_all(&path, Role::Root, realm, context.readers()) {
            Err(error) => report.failing(&place, &error.into()),
            Ok(signers) if !signers.role(1).keys.iter().any(|key| root.root.keys().any(|named| named == key)) => {
                let message = format!("{}: root {} does not name this key", path.display(), root.version);
                report.add(&place, Severity::Failing, "key_unnamed", message);
            }
            Ok(_) => {}
        }
    }
}

/// One look cannot tell for how long changes have waited.
fn waiting(of: &RealmPulse, report: &mut Report) {
    let number = of.changes.saturating_sub(of.published_changes.unwrap_or(0));
    if number > 0 && of.root.is_some() {
        let message = format!("{number} changes are committed, and no epoch that every target holds shows them");
        report.add(format!("realm/{}/changes", of.realm), Severity::Warning, "unpublished", message);
    }
}

/// Nor for how long the head here has been an earlier one.
fn behind(context: &Context, of: &RealmPulse, report: &mut Report) {
    let (Some(object), Some(newest)) = (&of.root, of.published_epoch) else { return };
    // The version is the object's own, and read from there.
    let roots = [RootRow { version: 0, object: object.clone() }];
    let shown = Shown::of(&Directory::new(context.dir.realm(&of.realm)), of.realm.as_str(), &roots);
    if let Ok(Shown::Epoch(epoch)) = shown
        && epoch < newest
    {
        let message = format!("the head is that of epoch {epoch}, and epoch {newest} is out");
        report.add(format!("realm/{}/head", of.realm), Severity::Failing, "behind", message);
    }
}

/// Files from the future: a clock was ahead when they were written, or is behind now.
fn file_times(context: &Context, pulse: &Pulse, report: &mut Report) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    for realm in &pulse.realms {
        let path = context.dir.realm(&realm.realm).join("head");
        let written = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok();
        let written = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs());
        if written > now.saturating_add(CLOCK_TOLERANCE) {
            let message =
                format!("{}: was written at {}, and it is {} now", path.display(), format_time(written), format_time(now));
            report.add("clock", Severity::Failing, "behind_files", message);
        }
    }
    report.checked.insert("file times");
}

/// Whether a target shows what every target held.
fn target(to: &dyn Target, realm: &str, roots: &[RootRow], newest: u64, report: &mut Report) {
    let (place, mut say) = (format!("target/{}", to.name()), |code: &str, message: String, place: String| {
        report.add(place, Severity::Failing, code, message);
    });
    match Shown::of(to, realm, roots) {
        Err(error) => say(error.code(), error.to_string(), place),
        Ok(Shown::Nothing) => say("missing", "there is no head".into(), place),
        Ok(Shown::Unproven) => say("unproven", "its head counts for no edge with the newest root".into(), place),
        Ok(Shown::Epoch(epoch)) if epoch < newest => {
            say("behind", format!("it shows epoch {epoch}, and epoch {newest} is out"), place);
        }
        Ok(Shown::Epoch(_)) => {}
    }
}

fn print(report: &Report) {
    for Finding { place, severity, message, mend, .. } in &report.findings {
        output::line(format_args!("{BAD}{severity}{RESET} {BOLD}{place}{RESET}: {message}"));
        output::line(format_args!("  {DIM}mend:{RESET} {mend}"));
    }
    let looked = joined(&report.checked.iter().collect::<Vec<_>>());
    match report.findings.len() {
        0 => output::line(format_args!("{GOOD}nothing found{RESET}; looked at: {looked}")),
        1 => output::line(format_args!("1 finding; looked at: {looked}")),
        number => output::line(format_args!("{number} findings; looked at: {looked}")),
    }
}
