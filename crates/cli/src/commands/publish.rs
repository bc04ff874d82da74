//! `edgelatch publish`

use edgelatch_sync::{Directory, Published, Target};

use crate::args;
use crate::context::{Context, progress};
use crate::failure::{Failure, Result};
use crate::output;

pub(crate) fn publish(context: &Context, args: &args::Publish) -> Result<()> {
    let open = context.open()?;
    let (bar, watch) = progress();
    let publisher = context.publisher(&open, &args.head_lifetime)?.watched(watch);
    let directories: Vec<Directory> =
        std::iter::once(context.dir.realm(&open.realm)).chain(args.to.iter().cloned()).map(Directory::new).collect();
    let targets: Vec<&dyn Target> = directories.iter().map(|directory| directory as _).collect();
    let published = if args.if_due { publisher.publish_if_due(&targets) } else { publisher.publish(&targets).map(Some) };
    bar.finish_and_clear();
    let published = published?;
    let failed = published.iter().flat_map(|published| published.failed.first()).next().cloned();
    match published {
        Some(published) if context.json => output::json(&published),
        Some(published) => output::line(format_args!("{}", sentence(&published))),
        None if context.json => output::json(&serde_json::Value::Null),
        None => output::line(format_args!("nothing is due")),
    }
    failed.map_or(Ok(()), |failed| Err(Failure::new(failed.code, failed.message)))
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
        edgelatch_registry::format_time(published.not_after)
    )
}
