//! Many keys at once, by their digests: all of them, or none and a report of what stands in the way. What a key must be like is
//! decided in `keys`.
//!
//! | read | for |
//! |---|---|
//! | `line` | one line, as a key to be |
//! | `read` | a file's lines, from CSV or JSON |
//! | `batch` | lines on their way into the database, many at once |
//! | `run` | an import, in one transaction |

mod batch;
mod line;
mod read;
mod run;

pub use line::ImportDefaults;
pub use run::{Import, ImportFormat, ImportReport, RefusedLine};
