//! `edgelatch publish`

use edgelatch_registry::format_time;
use edgelatch_sync::{Directory, Published, Target};

use crate::args::{Signing, To};
use crate::prelude::*;
use crate::progress;

/// Build, sign and publish the next epoch
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch publish
  edgelatch publish --if-due                 # for a timer: only after a change or a third of the head's life
  edgelatch publish --to /var/www/r/acme     # a second directory, for a static web server
  edgelatch publish --to s3://keys/r/acme    # a bucket; credentials and endpoint come from the environment")]
pub(crate) struct Publish {
    /// Publish to this directory, or bucket of an object store (s3://BUCKET/PREFIX, gs://…, az://…), as well; repeatable. Credentials and endpoint
    /// come from the environment
    #[arg(long, value_name = "DIR|URL")]
    to: Vec<To>,
    /// Only after a change, or when a third of the head's life is over
    #[arg(long)]
    if_due: bool,
    #[command(flatten)]
    signing: Signing,
    /// The clock is right, though it differs from the database's, or has gone on by more than this machine counted
    #[arg(long)]
    accept_clock: bool,
}

impl Publish {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        let (bar, watch) = progress::stages();
        let publisher = context.publisher(&open, &self.signing, self.accept_clock)?.watched(watch);
        let others = self.to.iter().map(|to| to.open(None)).collect::<Result<Vec<_>, _>>()?;
        let own = Directory::new(context.dir.realm(&open.realm));
        let targets: Vec<&dyn Target> = std::iter::once(&own as _).chain(others.iter().map(AsRef::as_ref)).collect();
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
