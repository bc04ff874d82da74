//! Imports that go on while nobody waits for them. How far one has come stands in the database, so that any node can tell, and whoever looks after a
//! process has died is told so: what is at work says so again and again. That one is done is written by the transaction that does it, so of one that was
//! lost nothing was imported.

use std::io::Read;

use edgelatch_core::hex::Hex;
use serde::{Serialize, Serializer};

use super::{Import, ImportReport};
use crate::error::{Error, Kind};
use crate::limits::{IMPORT_LEASE, IMPORTS_LOOKED_AT, IMPORTS_SHOWN};
use crate::model::json::embedded;
use crate::model::{Caller, ImportId, Name, Slug, rfc3339, words};
use crate::store::{Statements, args, columns, fields};
use crate::transaction::{Transaction, handle};

handle! {
    /// Imports of a realm that go on while nobody waits for them.
    Imports = imports
}

words! {
    /// How an import stands.
    ImportState {
        /// It is under way.
        Running = "running",
        /// All of its keys are there.
        Imported = "imported",
        /// It was a dry run, in which no line was refused.
        Tried = "tried",
        /// Lines were refused, or there was none: nothing was imported.
        Refused = "refused",
        /// Something else stood in the way, as `code` and `detail` say.
        Failed = "failed",
        /// The server that was at work on it is gone: nothing was imported.
        Lost = "lost",
    }
}

/// An import that goes on, or went on, while nobody waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ImportJob {
    /// Its id.
    pub import: ImportId,
    /// The org that whoever began it is confined to; none for the whole realm.
    pub org: Option<Slug>,
    /// Who began it.
    pub actor: Name,
    /// Whether it only reports what would happen.
    pub dry_run: bool,
    /// How it stands.
    pub state: ImportState,
    /// When it began.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: u64,
    /// When it ended.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<u64>,
    /// Bytes of its file.
    pub bytes: u64,
    /// How many of them were read.
    pub read_bytes: u64,
    /// Lines that were read.
    pub lines: u64,
    /// Lines with a key, once it has ended.
    pub keys: u64,
    /// Lines that were refused, once it has ended.
    pub refused: u64,
    /// The first of these; of one import alone, not in lists.
    #[serde(serialize_with = "list")]
    #[schema(value_type = Vec<super::RefusedLine>)]
    pub refusals: Option<String>,
    /// Stable name of why it failed.
    pub code: Option<String>,
    /// The same as a sentence.
    pub detail: Option<String>,
}

fn list<S: Serializer>(text: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    embedded(text.as_deref().unwrap_or("[]")).serialize(to)
}

columns! {
    /// As if it were at work; with the time up to which it is taken to be.
    JOB: (u64, ImportJob) = {
        import, org, actor, dry_run, begun_at, lease_until, ended_at, done: bool, bytes, read_bytes, lines, keys, refused, refusals, code, detail
    } => {
        let state = match (&code, ended_at, done) {
            (Some(_), ..) => ImportState::Failed,
            (None, None, _) => ImportState::Running,
            (None, Some(_), true) => ImportState::Imported,
            (None, Some(_), false) if dry_run && refused == 0 => ImportState::Tried,
            (None, Some(_), false) => ImportState::Refused,
        };
        (lease_until, ImportJob {
            import, org, actor, dry_run, state, begun_at, ended_at, bytes, read_bytes, lines, keys, refused, refusals, code, detail,
        })
    }
}

/// One as it stands now.
fn seen((lease_until, job): (u64, ImportJob), now: u64) -> ImportJob {
    let is_lost = job.state == ImportState::Running && lease_until < now;
    if is_lost { ImportJob { state: ImportState::Lost, ..job } } else { job }
}

/// Writes how one ended, unless it has.
pub(super) fn end(tx: &mut Transaction<'_>, job: &ImportId, now: u64, report: &ImportReport) -> Result<(), Error> {
    let refusals = serde_json::to_string(&report.refusals).map_err(|e| Error::Store { detail: e.to_string() })?;
    let sql = "UPDATE import_jobs SET ended_at = $2, lease_until = $2, done = $3, keys = $4, refused = $5, refusals = $6, \
               read_bytes = bytes WHERE import = $1 AND ended_at IS NULL";
    tx.run(sql, args![job.as_str(), now, report.done, report.keys, report.refused, refusals]).map(drop)
}

impl Imports<'_> {
    /// Begins one of so many bytes, unless another one is under way in the realm.
    pub fn begin(&self, caller: &Caller, import: &Import, bytes: u64) -> Result<ImportJob, Error> {
        let (now, mut drawn) = (self.0.now()?, [0; 16]);
        self.0.registry.env.random(&mut drawn)?;
        let id: ImportId = format!("imp_{}", Hex(&drawn)).parse()?;
        self.0.write(|tx| {
            let sql = "SELECT import FROM import_jobs WHERE realm_id = $1 AND ended_at IS NULL AND lease_until >= $2";
            if let Some(import) = tx.one(sql, args![tx.realm, now])? {
                return Err(Error::Imports { import });
            }
            let row = fields! {
                import: id.as_str(), realm_id: tx.realm, org: caller.org().map(Slug::as_str), actor: caller.actor().as_str(),
                dry_run: import.dry_run, begun_at: now, lease_until: now + IMPORT_LEASE, bytes: bytes,
            };
            tx.add("import_jobs", row)
        })?;
        self.get(&id)
    }

    /// Notes that one is under way, and how far.
    pub fn tell(&self, job: &ImportId, read_bytes: u64, lines: u64) -> Result<(), Error> {
        let now = self.0.now()?;
        let sql = "UPDATE import_jobs SET lease_until = $2, read_bytes = $3, lines = $4 WHERE import = $1 AND ended_at IS NULL";
        self.0.write(|tx| tx.run(sql, args![job.as_str(), now + IMPORT_LEASE, read_bytes, lines]).map(drop))
    }

    /// Does what was begun, and writes how it ended.
    pub fn run(
        &self,
        caller: &Caller,
        job: &ImportId,
        import: &Import,
        input: &mut dyn Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<ImportReport, Error> {
        let done = self.0.registry.keys(self.0.realm).import_as(caller, import, input, progress, Some(job));
        match &done {
            Ok(report) => {
                let now = self.0.now()?;
                self.0.write(|tx| end(tx, job, now, report))?;
            }
            Err(error) => self.fail(job, error.code(), &error.to_string())?,
        }
        done
    }

    /// Writes that one failed, unless it has ended.
    pub fn fail(&self, job: &ImportId, code: &str, detail: &str) -> Result<(), Error> {
        let now = self.0.now()?;
        let sql = "UPDATE import_jobs SET ended_at = $2, lease_until = $2, code = $3, detail = $4 WHERE import = $1 AND ended_at IS NULL";
        self.0.write(|tx| tx.run(sql, args![job.as_str(), now, code, detail]).map(drop))
    }

    /// One of them.
    pub fn get(&self, job: &ImportId) -> Result<ImportJob, Error> {
        let now = self.0.now()?;
        self.0.read(|tx| {
            let found =
                tx.one(JOB.select("FROM import_jobs WHERE realm_id = $1 AND import = $2"), args![tx.realm, job.as_str()])?;
            found.map(|found| seen(found, now)).ok_or_else(|| Error::missing(Kind::Import, job.as_str()))
        })
    }

    /// The newest of those that are somebody's to see, by the org that each is confined to.
    pub fn list(&self, sees: impl Fn(Option<&Slug>) -> bool) -> Result<Vec<ImportJob>, Error> {
        let now = self.0.now()?;
        self.0.read(|tx| {
            let rest = format!("FROM import_jobs WHERE realm_id = $1 ORDER BY id DESC LIMIT {IMPORTS_LOOKED_AT}");
            let mut found = Vec::new();
            tx.each(JOB.select(&rest), args![tx.realm], |row: (u64, ImportJob)| {
                if found.len() < IMPORTS_SHOWN && sees(row.1.org.as_ref()) {
                    found.push(seen((row.0, ImportJob { refusals: None, ..row.1 }), now));
                }
                Ok(())
            })?;
            Ok(found)
        })
    }
}
