//! The whole registry as a file that any store can be made from: SQLite or PostgreSQL, whichever it was written by.
//!
//! It is text, a line of JSON for each thing, so that in need it can be read without this program:
//!
//! ```text
//! {"is":"backup","format":1,"schema":1,"taken_at":1769817600}
//! {"is":"table","name":"realms","columns":["id","slug",…],"last_id":2}   every table of the schema, in its order, but for
//!                                                                        those of what passes (`store/schema.rs`)
//! [1,"acme",…]                                                           its rows, in the order of their keys
//! {"is":"file","name":"keys/publisher.key","content":"…"}                signing keys, where they are wanted
//! {"is":"end","rows":123,"sha256":"…"}                                   SHA-256 of all bytes before this line
//! ```
//! In a row, a text is a text, a number a number, and bytes are an array with their base64. The same registry gives the same lines, whatever
//! store it lies in. A file without its last line, or with any other byte than were written, is refused as a whole.
//!
//! | read | for |
//! |---|---|
//! | `cell` | one value of a row |
//! | `write` | a backup, of one state, while others go on writing |
//! | `read` | a backup line by line, which must be whole |
//! | `restore` | a new registry from it, or none |
//! | `take_over` | keys as a published tree shows them, where that is newer than the registry |

mod cell;
mod read;
mod restore;
mod take_over;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

pub use read::verify_backup;
pub use restore::restore_backup;
pub use take_over::{Differing, PublishedKey};

/// The format's number.
const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// When it was begun, in Unix seconds: it shows the registry of that moment.
    pub taken_at: u64,
    /// The version of its tables.
    pub schema: u64,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Rows in all.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// What is kept in it beside the registry: signing keys. Only their names are shown.
    #[serde(rename = "keys", serialize_with = "names")]
    pub files: Vec<BackupFile>,
    /// SHA-256 of all lines but the last, in hexadecimal digits.
    pub sha256: String,
}

/// A file that is kept in a backup beside the registry, such as a signing key.
#[derive(Clone, PartialEq, Eq, derive_more::Debug)]
#[debug("BackupFile({name})")]
pub struct BackupFile {
    /// Its path in the data directory, with `/` between names.
    pub name: String,
    /// What it holds.
    pub content: Zeroizing<String>,
}

fn names<S: Serializer>(files: &[BackupFile], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(files.iter().map(|file| &file.name))
}

/// A line that is no row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
enum Mark {
    Backup {
        format: u32,
        schema: u64,
        taken_at: u64,
    },
    Table {
        name: String,
        columns: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        last_id: Option<u64>,
    },
    File {
        name: String,
        content: Zeroizing<String>,
    },
    End {
        rows: u64,
        sha256: String,
    },
}
