//! Many keys at once, by their digests: all of them, or none and a report of what stands in the way, in one transaction. What a key
//! must be like is decided in `keys`.

mod batch;
mod line;
mod read;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::io::Read;

use serde::Serialize;

use crate::audit::Target;
use crate::directory::{Numbers, Repeated, granted, policy, role_set, scope};
use crate::error::Error;
use crate::journal::What;
use crate::keys::{KEY_LIMITS, Keys, Secret, check_new, hold_imports, new_key_id, new_row};
use crate::limits::{IMPORT_ROWS, MAX_REFUSALS, PROGRESS_LINES};
use crate::model::{Authority, Caller, Digest, NewKey, Origin, Slug, skeleton, words};
use crate::registry::Env;
use crate::store::Statements;
use crate::tenants::{OrgRow, RoleRow, find_role, owner_id};
use crate::transaction::{Change, Transaction};
use batch::{Batch, Ready};
use line::{Line, key};
use read::{csv, json_lines};

pub use line::ImportDefaults;

words! {
    /// How an import is written.
    ImportFormat {
        /// Comma-separated values under a header line.
        Csv = "csv",
        /// One JSON object a line.
        JsonLines = "jsonl",
    }
}

/// How to import.
#[derive(Clone, Debug)]
pub struct Import {
    /// How it is written.
    pub format: ImportFormat,
    /// What lines leave out.
    pub defaults: ImportDefaults,
    /// Only report what would happen.
    pub dry_run: bool,
}

/// A line that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RefusedLine {
    /// Its number, from 1.
    pub line: u64,
    /// Stable name of the reason.
    pub code: &'static str,
    /// The column.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// What an import did, or why it did nothing.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct ImportReport {
    /// Lines with a key.
    pub keys: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// The first of them.
    pub refusals: Vec<RefusedLine>,
    /// Whether the keys were imported: only if none was refused, and it was no dry run.
    pub done: bool,
}

impl ImportReport {
    fn refuse(&mut self, line: u64, error: &Error) {
        self.refused += 1;
        if self.refusals.len() < MAX_REFUSALS {
            let field = error.field().map(Into::into);
            self.refusals.push(RefusedLine { line, code: error.code(), field, reason: error.to_string() });
        }
    }
}

impl Keys<'_> {
    /// Imports a file of digests in one transaction: every line or none. `progress` hears how many lines were read. Other
    /// writers wait meanwhile, so let `input` be a file rather than somebody typing.
    pub fn import_file(
        &self,
        caller: &Caller,
        import: &Import,
        input: &mut dyn Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ImportReport, Error> {
        let mut input = Some(input);
        let mut undone = None;
        let result = self.0.change(caller, |change| {
            // What was read cannot be read again, should the connection be lost on the way.
            let input = input.take().ok_or(Error::Busy)?;
            change.session().bulk()?;
            let last: Option<u64> = change.one("SELECT max(id) FROM keys", &[])?.flatten();
            let first = last.unwrap_or(0) + 1;
            let (env, defaults, batch) = (&self.0.registry.env, &import.defaults, Batch::new(first));
            let work = Work { env, change, defaults, known: Known::default(), report: ImportReport::default(), batch };
            let (mut report, repeated) = work.read(import.format, input, progress)?;
            if import.dry_run || report.refused > 0 || report.keys == 0 {
                undone = Some(report);
                // Any error undoes the transaction; this one is seen by nobody.
                return Err(Error::Busy);
            }
            repeated.finish(&mut change.tx)?;
            change.session().settle("keys")?;
            hold_imports(change)?;
            change.tx.touch_all((first..first + report.keys).map(What::Key))?;
            let what = serde_json::json!({ "imported": report.keys });
            change.log("keys.import", &Target::realm(self.0.realm, caller.org()), None, Some(what))?;
            report.done = true;
            Ok(report)
        });
        undone.map_or(result, Ok)
    }
}

/// What was looked up before: of a million lines, most name the same few.
#[derive(Default)]
struct Known {
    orgs: HashMap<Slug, (OrgRow, Room)>,
    owners: HashMap<(u64, Option<Slug>), u64>,
    roles: HashMap<(u64, Slug), RoleRow>,
    /// Numbers of the roles that an owner has, where its keys have them.
    granted: HashMap<u64, Vec<u32>>,
    directory: Repeated,
}

/// How many more keys an org may have by each of its limits, beside the limit; none for no limit.
type Room = [Option<(u64, u64)>; KEY_LIMITS.len()];

struct Work<'w, 'a> {
    env: &'w Env,
    change: &'w mut Change<'a>,
    defaults: &'w ImportDefaults,
    known: Known,
    report: ImportReport,
    batch: Batch,
}

impl Work<'_, '_> {
    fn read(
        mut self,
        format: ImportFormat,
        input: &mut dyn Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(ImportReport, Repeated), Error> {
        let mut lines = 0u64;
        let mut take = |number, line| {
            self.line(number, line)?;
            lines += 1;
            if lines.is_multiple_of(PROGRESS_LINES) {
                progress(lines);
            }
            Ok(())
        };
        match format {
            ImportFormat::Csv => csv(input, &mut take)?,
            ImportFormat::JsonLines => json_lines(input, &mut take)?,
        }
        self.write()?;
        Ok((self.report, self.known.directory))
    }

    fn line(&mut self, number: u64, line: Result<Line, Error>) -> Result<(), Error> {
        let now = self.change.now;
        let read = line.and_then(|line| key(&line, self.defaults, now));
        match read.and_then(|(new, digest)| self.ready(&new, &digest)) {
            Err(error) if !is_about_a_line(&error) => return Err(error),
            ready => self.batch.lines.push((number, ready)),
        }
        if self.batch.lines.len() >= IMPORT_ROWS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), Error> {
        let report = &mut self.report;
        self.batch.write(self.change, &mut |number, refused| match refused {
            None => report.keys += 1,
            Some(error) => report.refuse(number, &error),
        })
    }

    /// All that can be decided without the other keys.
    fn ready(&mut self, new: &NewKey, digest: &Digest) -> Result<Ready, Error> {
        let Work { env, change, known, .. } = self;
        let (org, room) = remembered(&mut known.orgs, new.org.clone(), || {
            let (org, mut room) = (change.org(&new.org)?, Room::default());
            for (left, limit) in room.iter_mut().zip(&KEY_LIMITS) {
                *left = limit.count(change, &org)?.map(|(most, found)| (most, most.saturating_sub(found)));
            }
            Ok((org, room))
        })?;
        let ip = check_new(&org.settings, new, change.now, Origin::Imported)?;
        let find = || owner_id(&mut change.tx, org.id, new.owner.as_ref());
        let owner = *remembered(&mut known.owners, (org.id, new.owner.clone()), find)?;
        let mut roles: Vec<RoleRow> = Vec::new();
        for role in new.roles.iter().filter(|_| org.settings.authority == Authority::Roles) {
            let find = || find_role(&mut change.tx, org.id, role);
            roles.push(*remembered(&mut known.roles, (org.id, role.clone()), find)?);
        }
        for (left, limit) in room.iter_mut().zip(&KEY_LIMITS) {
            let Some((most, left)) = left else { continue };
            let reached = || limit.reached(*most, Some("import fewer, or have the limit raised"));
            *left = left.checked_sub(1).ok_or_else(reached)?;
        }
        let find = |tx: &mut Transaction<'_>| {
            granted(tx, org.settings.authority, owner, roles.iter().map(|role: &RoleRow| role.number))
        };
        let granted = match org.settings.authority {
            Authority::Owner => remembered(&mut known.granted, owner, || find(&mut change.tx))?.clone(),
            Authority::Roles | Authority::Org => find(&mut change.tx)?,
        };
        let mut number = |entry| known.directory.number(&mut change.tx, org.id, entry);
        let numbers =
            Numbers { role_set: number(role_set(granted))?, scope: number(scope(&new.scope))?, policy: number(policy(&ip))? };
        let key = new_row(change, (org, owner), new_key_id(env)?, (new, &ip), Origin::Imported).and(numbers.fields());
        let holder = org.settings.unique_names.then_some(org.id);
        let (name, scope) = (new.name.to_string(), new.scope.clone());
        let skeleton = skeleton(&name);
        Ok(Ready { key, name, skeleton, holder, secret: Secret::imported(digest), roles, scope, ip })
    }
}

/// What was found under a key before, or is found now.
fn remembered<K: Eq + Hash, V>(
    all: &mut HashMap<K, V>,
    key: K,
    find: impl FnOnce() -> Result<V, Error>,
) -> Result<&mut V, Error> {
    Ok(match all.entry(key) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(place) => place.insert(find()?),
    })
}

/// Whether an error is one line's fault, so that the next ones are worth a look.
fn is_about_a_line(error: &Error) -> bool {
    error.field().is_some() || matches!(error, Error::NotFound { .. })
}
