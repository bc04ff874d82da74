//! Many keys at once, by their digests: all of them, or none and a report of what stands in the way.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use serde::Serialize;

use super::batch::{Batch, Ready};
use super::line::{ImportDefaults, Line, column, from_json, key};
use crate::audit::Target;
use crate::directory::Repeated;
use crate::error::{Error, Kind};
use crate::keys::{ACTIVE_KEYS, ALL_KEYS, check_new, key_values};
use crate::limits::{IMPORT_ROWS, MAX_LINE_BYTES, MAX_REFUSALS, PROGRESS_LINES};
use crate::model::{Authority, Caller, Digest, NewKey, Origin, Slug, words};
use crate::registry::Registry;
use crate::store::{Value, args};
use crate::tenants::{OrgRow, owner_id, role_id};
use crate::transaction::{Act, touch};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

impl Registry {
    /// Imports a file of digests in one transaction: every line or none. `progress` hears how many lines were read. Other
    /// writers wait meanwhile, so let `input` be a file rather than somebody typing.
    pub fn import_keys(
        &self,
        caller: &Caller,
        realm: &Slug,
        import: &Import,
        input: &mut dyn Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ImportReport, Error> {
        let mut input = Some(input);
        let mut undone = None;
        let result = self.act(caller, realm, |act| {
            // What was read cannot be read again, should the connection be lost on the way.
            let input = input.take().ok_or(Error::Busy)?;
            act.session.bulk()?;
            let last = act.session.row("SELECT max(id) FROM keys", &[], |row| row.maybe_int(0))?.flatten().unwrap_or(0);
            let (known, report) = (Known::default(), ImportReport::default());
            let mut work = Work { registry: self, act, import, known, report, batch: Batch::new(last + 1), lines: 0 };
            match import.format {
                ImportFormat::Csv => work.csv(input, progress)?,
                ImportFormat::JsonLines => work.json_lines(input, progress)?,
            }
            work.flush()?;
            let Work { known, mut report, .. } = work;
            if import.dry_run || report.refused > 0 || report.keys == 0 {
                undone = Some(report);
                return Err(Error::Busy);
            }
            known.directory.finish(act.session, act.realm)?;
            act.session.settle("keys", &["id".into()])?;
            act.session.run("UPDATE realms SET imports = 1 WHERE id = $1", args![act.realm.0])?;
            touch(act.session, act.realm)?;
            let what = serde_json::json!({ "imported": report.keys });
            act.log("keys.import", &Target::party(Kind::Realm, realm, caller.org()), None, Some(what))?;
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
    owners: HashMap<(u64, Slug), u64>,
    roles: HashMap<(u64, Slug), u64>,
    directory: Repeated,
}

/// How many more keys an org may have; none for no limit.
struct Room {
    keys: Option<u64>,
    active: Option<u64>,
}

struct Work<'w, 'a> {
    registry: &'w Registry,
    act: &'w mut Act<'a>,
    import: &'w Import,
    known: Known,
    report: ImportReport,
    batch: Batch,
    lines: u64,
}

impl Work<'_, '_> {
    fn csv(&mut self, input: &mut dyn Read, progress: &mut dyn FnMut(u64)) -> Result<(), Error> {
        let bytes = Rc::new(Cell::new(0));
        let input = Bounded { input, since: Rc::clone(&bytes) };
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(input);
        let headers = reader.headers().map_err(|e| unreadable(&e.to_string()))?;
        let places = headers.iter().map(|name| column(name.trim())).collect::<Result<Vec<_>, _>>()?;
        if (1..places.len()).any(|i| places[..i].contains(&places[i])) {
            return Err(Error::invalid("header", "names a column twice"));
        }
        for needed in ["sha256", "name"] {
            if !places.contains(&column(needed)?) {
                return Err(Error::invalid("header", format!("names no column `{needed}`")));
            }
        }
        let mut record = csv::StringRecord::new();
        loop {
            bytes.set(0);
            let number = reader.position().line();
            match reader.read_record(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let mut line = Line::default();
                    for (place, text) in places.iter().zip(&record) {
                        line[*place] = Some(text.into());
                    }
                    self.line(record.position().map_or(number, csv::Position::line), Ok(line), progress)?;
                }
                Err(error) => match error.kind() {
                    // The text itself stays out of the report: it may be somebody's digest.
                    csv::ErrorKind::Utf8 { .. } => {
                        self.line(number, Err(Error::invalid("line", "is not UTF-8")), progress)?;
                    }
                    csv::ErrorKind::UnequalLengths { len, expected_len, .. } => {
                        let reason = format!("has {len} columns where the header has {expected_len}");
                        self.line(number, Err(Error::invalid("line", reason)), progress)?;
                    }
                    _ => return Err(unreadable(&error.to_string())),
                },
            }
        }
    }

    fn json_lines(&mut self, input: &mut dyn Read, progress: &mut dyn FnMut(u64)) -> Result<(), Error> {
        let mut reader = BufReader::with_capacity(1 << 16, input);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let limit = MAX_LINE_BYTES as u64 + 1;
            let read = reader.by_ref().take(limit).read_until(b'\n', &mut line).map_err(|e| unreadable(&e.to_string()))?;
            if read == 0 {
                break;
            }
            if read > MAX_LINE_BYTES {
                return Err(unreadable(&format!("line {number} is longer than {MAX_LINE_BYTES} bytes")));
            }
            if !line.trim_ascii().is_empty() {
                self.line(number, from_json(&line), progress)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, number: u64, line: Result<Line, Error>, progress: &mut dyn FnMut(u64)) -> Result<(), Error> {
        let now = self.act.now;
        let read = line.and_then(|line| key(&line, &self.import.defaults, now));
        match read.and_then(|(new, digest)| self.ready(&new, &digest)) {
            Err(error) if !is_about_a_line(&error) => return Err(error),
            ready => self.batch.lines.push((number, ready)),
        }
        if self.batch.lines.len() >= IMPORT_ROWS {
            self.flush()?;
        }
        self.lines += 1;
        if self.lines.is_multiple_of(PROGRESS_LINES) {
            progress(self.lines);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let Work { act, batch, report, .. } = self;
        batch.flush(act, &mut |number, refused| match refused {
            None => report.keys += 1,
            Some(error) => report.refuse(number, &error),
        })
    }

    /// All that can be decided without the other keys.
    fn ready(&mut self, new: &NewKey, digest: &Digest) -> Result<Ready, Error> {
        let Work { registry, act, known, .. } = self;
        if !known.orgs.contains_key(&new.org) {
            let org = act.org(&new.org)?;
            let room = act.room(&org)?;
            known.orgs.insert(new.org.clone(), (org, room));
        }
        let Some((org, room)) = known.orgs.get_mut(&new.org) else { return Err(Error::Busy) };
        check_new(&org.settings, new, act.now, true)?;
        let owner = match known.owners.get(&(org.id, new.owner.clone())) {
            Some(owner) => *owner,
            None => {
                let owner = owner_id(act.session, org.id, &new.owner)?;
                known.owners.insert((org.id, new.owner.clone()), owner);
                owner
            }
        };
        let mut roles = Vec::new();
        for role in new.roles.iter().filter(|_| org.settings.authority == Authority::Roles) {
            let place = (org.id, role.clone());
            roles.push(match known.roles.get(&place) {
                Some(role) => *role,
                None => {
                    let id = role_id(act.session, act.realm, org.id, role)?;
                    known.roles.insert(place, id);
                    id
                }
            });
        }
        room.take(org)?;
        known.directory.add(act.session, act.realm, org.id, (&roles, &new.scope))?;
        let key = key_values(act, org, owner, registry.key_id()?, new, Origin::Imported);
        let name = new.name.to_string();
        let holder = org.settings.unique_names.then_some(org.id);
        Ok(Ready {
            key: key.into(),
            name,
            holder,
            digest: *digest.bytes(),
            roles,
            scope: new.scope.clone(),
            ip: new.ip.clone(),
        })
    }
}

impl Act<'_> {
    fn room(&mut self, org: &OrgRow) -> Result<Room, Error> {
        let (id, now) = (Value::from(org.id), Value::from(self.now));
        let mut left = |limit: Option<u32>, sql: &str, values: &[Value]| -> Result<Option<u64>, Error> {
            let Some(limit) = limit else { return Ok(None) };
            let taken = self.session.row(sql, values, |row| row.int(0))?.unwrap_or(0);
            Ok(Some(u64::from(limit).saturating_sub(taken)))
        };
        Ok(Room {
            keys: left(org.settings.max_keys, ALL_KEYS, std::slice::from_ref(&id))?,
            active: left(org.settings.max_active_keys, ACTIVE_KEYS, &[id, now])?,
        })
    }
}

impl Room {
    fn take(&mut self, org: &OrgRow) -> Result<(), Error> {
        let limits = [
            (&mut self.keys, org.settings.max_keys, "keys of an org"),
            (&mut self.active, org.settings.max_active_keys, "active keys of an org"),
        ];
        for (left, limit, what) in limits {
            let Some(left) = left else { continue };
            let mend = "import fewer, or have the limit raised";
            let reached = || Error::LimitReached { field: "org".into(), limit: limit.unwrap_or(0).into(), what, mend };
            *left = left.checked_sub(1).ok_or_else(reached)?;
        }
        Ok(())
    }
}

/// Whether an error is one line's fault, so that the next ones are worth a look.
fn is_about_a_line(error: &Error) -> bool {
    error.field().is_some() || matches!(error, Error::NotFound { .. })
}

fn unreadable(reason: &str) -> Error {
    Error::invalid("input", format!("cannot be read: {reason}"))
}

/// Refuses a record that never ends, such as one with a quote left open.
struct Bounded<'r> {
    input: &'r mut dyn Read,
    since: Rc<Cell<usize>>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > MAX_LINE_BYTES {
            return Err(io::Error::other(format!("a line is longer than {MAX_LINE_BYTES} bytes")));
        }
        let read = self.input.read(buffer)?;
        self.since.set(self.since.get() + read);
        Ok(read)
    }
}
