//! `edgelatch publish`

use std::path::PathBuf;

use edgelatch_registry::{format_time, parse_span};
use edgelatch_sync::{Directory, Published, Target};

use crate::prelude::*;
use crate::progress;

/// Build, sign and publish the next epoch
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch publish
  edgelatch publish --if-due                 # for a timer: only after a change or a third of the head's life
  edgelatch publish --to /var/www/r/acme     # a second directory, for a static web server")]
pub(crate) struct Publish {
    /// Publish to this directory as well
    #[arg(long, value_name = "DIR")]
    to: Vec<PathBuf>,
    /// Only after a change, or when a third of the head's life is over
    #[arg(long)]
    if_due: bool,
    /// How long the head lives
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = read::timed(parse_span))]
    head_lifetime: u64,
}

impl Publish {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        let (bar, watch) = progress::stages();
        let publisher = context.publisher(&open, self.head_lifetime)?.watched(watch);
        let own = std::iter::once(context.dir.realm(&open.realm));
        let directories: Vec<Directory> = own.chain(self.to).map(Directory::new).collect();
        let targets: Vec<&dyn Target> = directories.iter().map(|directory| directory as _).collect();
        let published = if self.if_due { publisher.publish_if_due(&targets) } else { publisher.publish(&targets).map(Some) };
        bar.finish_and_clear();
        let published = published?;
        let code = context.done(&published, &published.as_ref().map_or("nothing is due".into(), sentence))?;
        match published.and_then(|published| published.failed.into_iter().next()) {
            Some(failed) => Err(Failure::new(failed.code, failed.message)),
            None => Ok(code),
        }
    }
}

fn sentence(published: &Published) -> String {
    let unproven: String =
        published.unproven.iter().map(|name| format!("; {name} showed a head that does not verify, now replaced")).collect();
    let objects: usize = published.written.iter().map(|w| w.objects).sum();
    format!(
        "published epoch {}: {} keys, {} bytes, {objects} new objects; good until {}{unproven}",
        published.epoch,
        published.records,
        published.tree_bytes,
        format_time(published.not_after)
    )
}
