//! A log, written to standard output line by line.

use clap::Args;
use edgelatch_registry::{Error, Exported, Slug};
use serde::Serialize;

use crate::failure::Result;
use crate::output;

/// Which part of a log.
#[derive(Args)]
pub(crate) struct Export {
    /// Only what comes after this place: `seq` of the last line of an earlier export
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Only this org's
    #[arg(long)]
    org: Option<Slug>,
}

impl Export {
    /// Writes everything up to where the log ends now. Each part is read by itself, so a slow reader holds up nobody.
    pub(crate) fn write<T: Serialize>(&self, part: impl Fn(u64, Option<&Slug>) -> Result<Exported<T>, Error>) -> Result<()> {
        let (mut reached, mut end) = (self.after, None);
        while end.is_none_or(|end| reached < end) {
            let found = part(reached, self.org.as_ref())?;
            for row in &found.rows {
                output::json_line(row);
            }
            reached = found.reached;
            end = end.or(Some(found.end));
        }
        output::note(format_args!("to go on from here: --after {reached}"));
        Ok(())
    }
}
