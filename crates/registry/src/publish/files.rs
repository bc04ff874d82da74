//! Published files in the database, from which nodes copy them. What they are and which are kept for how long is the publisher's business; here they
//! are names and bytes, numbered in the order in which they were written.

use super::Ledger;
use crate::error::Error;
use crate::limits::FILES_AT_ONCE;
use crate::store::{Statements, args, columns, fields, places};

/// The name of the file that shows an epoch.
const HEAD: &str = "head";

/// A published file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedFile {
    /// Its name.
    pub name: String,
    /// Its number: whoever has seen one asks for those above it.
    pub seq: u64,
    /// What it holds.
    pub bytes: Vec<u8>,
}

columns! { FILE: PublishedFile { name, seq, bytes } }

/// A head that takes the place of another one.
#[derive(Clone, Copy, Debug)]
pub struct NewHead<'a> {
    /// What is there, as whoever writes has seen it; none where there is none.
    pub before: Option<&'a [u8]>,
    /// The new one.
    pub bytes: &'a [u8],
    /// Its epoch.
    pub epoch: u64,
}

impl Ledger<'_> {
    /// Writes files and removes others in one transaction, a head last. Returns whether that was done: it is not where another head is there than
    /// was seen, for somebody else publishes too.
    pub fn put_files(&self, files: &[(String, Vec<u8>)], gone: &[String], head: Option<NewHead<'_>>) -> Result<bool, Error> {
        self.0.write(|tx| {
            if let Some(head) = head {
                let sql = "SELECT bytes FROM published_files WHERE realm_id = $1 AND name = $2";
                let found: Option<Vec<u8>> = tx.one(sql, args![tx.realm, HEAD])?;
                if found.as_deref() != head.before {
                    return Ok(false);
                }
            }
            for gone in gone.chunks(FILES_AT_ONCE) {
                let values: Vec<_> =
                    std::iter::once(tx.realm.into()).chain(gone.iter().map(|name| name.as_str().into())).collect();
                let sql = format!("DELETE FROM published_files WHERE realm_id = $1 AND name IN ({})", places(2, gone.len()));
                tx.run(&sql, &values)?;
            }
            let new = (files.len() + usize::from(head.is_some())) as u64;
            let sql = "UPDATE realms SET last_file = last_file + $2 WHERE id = $1 RETURNING last_file";
            let last: u64 = tx.count(sql, args![tx.realm, new])?;
            let all = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).chain(head.map(|head| (HEAD, head.bytes)));
            let rows = (last + 1 - new..).zip(all).map(|(seq, (name, bytes))| {
                fields! { realm_id: tx.realm, name: name, seq: seq, bytes: bytes }
            });
            let rows = rows.collect();
            tx.put_all("published_files", rows, "(realm_id, name) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes")?;
            if let Some(head) = head {
                tx.run("UPDATE realms SET shown_epoch = $2 WHERE id = $1", args![tx.realm, head.epoch])?;
            }
            Ok(true)
        })
    }

    /// What a file holds.
    pub fn file(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let sql = "SELECT bytes FROM published_files WHERE realm_id = $1 AND name = $2";
        self.0.read(|tx| tx.one(sql, args![tx.realm, name]))
    }

    /// The number of the last file that was written; 0 for none. It only grows, unless the whole database goes back.
    pub fn last_file(&self) -> Result<u64, Error> {
        self.0.read(|tx| tx.count("SELECT last_file FROM realms WHERE id = $1", args![tx.realm]))
    }

    /// Every file: name and length.
    pub fn files(&self) -> Result<Vec<(String, u64)>, Error> {
        let sql = "SELECT name, length(bytes) FROM published_files WHERE realm_id = $1 ORDER BY name";
        self.0.read(|tx| tx.all(sql, args![tx.realm]))
    }

    /// The files above a number, in the order in which they were written: some of them, or none where there are none.
    pub fn files_after(&self, seq: u64) -> Result<Vec<PublishedFile>, Error> {
        self.0.read(|tx| {
            let rest = format!("FROM published_files WHERE realm_id = $1 AND seq > $2 ORDER BY seq LIMIT {FILES_AT_ONCE}");
            tx.all(FILE.select(&rest), args![tx.realm, seq])
        })
    }
}
