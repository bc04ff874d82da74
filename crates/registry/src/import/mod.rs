//! Many keys at once, by their digests: all of them, or none and a report of what stands in the way. The rules are those of
//! `keys`.
//!
//! | read | for |
//! |---|---|
//! | `line` | one line, as a key to be |
//! | `batch` | lines on their way into the database, many at once |
//! | `run` | a file of them, in one transaction |

mod batch;
mod line;
mod run;

pub use line::ImportDefaults;
pub use run::{Import, ImportFormat, ImportReport, RefusedLine};
