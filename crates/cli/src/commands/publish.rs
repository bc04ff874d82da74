//! `edgelatch publish` and `serve`

use edgelatch_server::{Event, Options, Pilot, serve as run_server};
use edgelatch_sync::{Directory, Published, Target};
use serde_json::json;

use crate::args;
use crate::context::{Context, interval, progress};
use crate::failure::Result;
use crate::output::{self, BAD, BOLD, RESET};

pub(crate) fn publish(context: &Context, args: &args::Publish) -> Result<()> {
    let open = context.open()?;
    let (bar, watch) = progress();
    let publisher = context.publisher(&open, &args.head_lifetime)?.watched(watch);
    let mut directories: Vec<Directory> =
        std::iter::once(context.dir.realm(&open.realm)).chain(args.to.iter().cloned()).map(Directory::new).collect();
    let mut targets: Vec<&mut dyn Target> = directories.iter_mut().map(|d| d as &mut dyn Target).collect();
    let published =
        if args.if_due { publisher.publish_if_due(&mut targets) } else { publisher.publish(&mut targets).map(Some) };
    bar.finish_and_clear();
    match published? {
        Some(published) if context.json => output::json(&published),
        Some(published) => output::line(format_args!("{}", sentence(&published))),
        None if context.json => output::json(&serde_json::Value::Null),
        None => output::line(format_args!("nothing is due")),
    }
    Ok(())
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

pub(crate) fn serve(context: &Context, args: &args::Serve) -> Result<()> {
    let open = context.open()?;
    let pilot = match args.no_publish {
        true => None,
        false => Some(Pilot {
            publisher: context.publisher(&open, &args.head_lifetime)?,
            directory: context.dir.realm(&open.realm),
            interval: interval("--publish-interval", &args.publish_interval)?,
        }),
    };
    let options = Options { addr: args.addr, published: context.dir.published(), pilot };
    let (json, realm) = (context.json, open.realm.clone());
    let ready = |addr: std::net::SocketAddr| {
        let url = format!("http://{addr}/r/{realm}");
        match json {
            true => output::news_json(&json!({ "event": "listening", "addr": addr, "realm": realm, "url": url })),
            false => output::news(format_args!("serving {BOLD}{url}{RESET}   (end with Ctrl-C)")),
        }
    };
    let report = move |event: Event| match event {
        Event::Published(published) if json => {
            output::news_json(&json!({ "event": "published", "published": published }));
        }
        Event::Published(published) => output::news(format_args!("{}", sentence(&published))),
        Event::Failed { error, retry } if json => {
            let retry = retry.as_secs();
            let (code, message) = (error.code(), error.to_string());
            output::news_json(&json!({ "event": "failed", "code": code, "message": message, "retry_seconds": retry }));
        }
        Event::Failed { error, retry } => {
            output::note(format_args!("{BAD}not published:{RESET} {error}; trying again in {} s", retry.as_secs()));
        }
    };
    Ok(run_server(options, ready, report)?)
}
