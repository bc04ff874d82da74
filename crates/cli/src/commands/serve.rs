//! `edgelatch serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edgelatch_core::hex::Hex;
use edgelatch_registry::{Slug, management, parse_span};
use edgelatch_server::{ApiOptions, Bound, FailureRate, Options, PublisherTask, Streams, Upkeep, Webhook, serve as run_server};
use edgelatch_sync::Directory;
use zeroize::Zeroizing;

use crate::log::{self, LogFormat};
use crate::prelude::*;

/// Serve the published files over HTTP, and publish after each change
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch serve --addr 127.0.0.1:8787
  edgelatch serve --addr 127.0.0.1:0 --json  # the first line names the address
  edgelatch serve --addr 0.0.0.0:8787 --api-addr 127.0.0.1:8788

Edges read http://HOST/r/REALM, and are told of each change over http://HOST/r/REALM/stream. Another `edgelatch` command may
change the registry meanwhile.
The management API is at http://HOST/api/v1 once there is a management realm. Without --api-addr it is served only where
--addr is an address of this machine alone: keys are not to be managed from elsewhere unless somebody says so.")]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8787")]
    addr: SocketAddr,
    /// How often to look for changes
    #[arg(long, value_name = "SPAN", default_value = "50ms", value_parser = read::pause)]
    publish_interval: Duration,
    /// How the log on standard error is written [default: text, or json with --json]. EDGELATCH_LOG says what is in it
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
    /// How long a head lives
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = read::timed(parse_span))]
    head_lifetime: u64,
    /// Serve only; another process publishes
    #[arg(long)]
    no_publish: bool,
    /// Publish to this directory as well
    #[arg(long, value_name = "DIR")]
    to: Vec<PathBuf>,
    /// Where to serve the management API [default: at --addr, if that is an address of this machine alone]
    #[arg(long, value_name = "ADDR", conflicts_with = "no_api")]
    api_addr: Option<SocketAddr>,
    /// Do not serve the management API
    #[arg(long)]
    no_api: bool,
    /// Behind proxies: where the address of an API client comes from, such as trust=10.0.0.0/8
    #[arg(long, value_name = "RULE")]
    client_ip: Option<String>,
    /// Failed authentications that a client address may have in a minute
    #[arg(long, value_name = "N", default_value_t = edgelatch_server::limits::FAILURES_PER_MINUTE,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    auth_failures: u32,
    /// Streams of new heads that edges may have open at a time; each takes an open file
    #[arg(long, value_name = "N", default_value_t = edgelatch_server::limits::MAX_STREAMS,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_streams: u32,
    /// The same from one client address: edges behind one proxy share theirs
    #[arg(long, value_name = "N", default_value_t = edgelatch_server::limits::STREAMS_OF_ADDRESS,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_streams_per_address: u32,
    /// Where to send alerts: an https:// address, or http:// on this machine
    #[arg(long, value_name = "URL", env = "EDGELATCH_ALERT_URL", hide_env_values = true)]
    alert_url: Option<String>,
    /// A file with the secret that alerts are signed with [default: EDGELATCH_ALERT_SECRET]
    #[arg(long, value_name = "FILE", requires = "alert_url")]
    alert_secret_file: Option<PathBuf>,
}

impl Serve {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let _log = log::start(self.log_format.unwrap_or(if context.json { LogFormat::Json } else { LogFormat::Text }))?;
        let open = context.open()?;
        let options = Options {
            publisher: publisher(context, &open, &self)?,
            api: api(&open, &self)?,
            upkeep: Some(Upkeep::new(Arc::clone(&open.registry))),
            webhook: webhook(&self)?,
            streams: Streams { max: self.max_streams, max_per_address: self.max_streams_per_address, ..Streams::default() },
            ..Options::new(self.addr, context.dir.published())
        };
        let (json, realm) = (context.json, open.realm.clone());
        let ready = |bound: Bound| {
            let (addr, url) = (bound.files, format!("http://{}/r/{realm}", bound.files));
            let api = bound.api.map(|addr| format!("http://{addr}/api/v1"));
            if json {
                let line = json!({ "event": "listening", "addr": addr, "realm": realm, "url": url, "api": api });
                output::news(format_args!("{line}"));
                return;
            }
            let api = api.map(|api| format!(", management API {BOLD}{api}{RESET}")).unwrap_or_default();
            output::news(format_args!("serving {BOLD}{url}{RESET}{api}   (end with Ctrl-C)"));
        };
        run_server(options, ready)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The management API, unless it is not to be served. On an address that other machines reach it is served only if --api-addr
/// says so.
fn api(open: &Open, args: &Serve) -> Result<Option<ApiOptions>> {
    if args.no_api {
        return Ok(None);
    }
    if !management::exists(&open.registry)? {
        return match args.api_addr {
            None => Ok(None),
            Some(_) => Err(Failure::usage("--api-addr: there is no management realm, so nobody could call the API")),
        };
    }
    if args.api_addr.is_none() && !args.addr.ip().is_loopback() {
        output::note(format_args!("the management API is not served on {}: give --api-addr to say where", args.addr));
        return Ok(None);
    }
    let failures = FailureRate { per_minute: args.auth_failures, burst: args.auth_failures.saturating_mul(2) };
    let (registry, client_ip) = (Arc::clone(&open.registry), args.client_ip.clone());
    Ok(Some(ApiOptions { registry, addr: args.api_addr, client_ip, failures }))
}

/// Where alerts go. An error repeats neither the address nor the secret.
fn webhook(args: &Serve) -> Result<Option<Webhook>> {
    let Some(url) = &args.alert_url else { return Ok(None) };
    let secret = match &args.alert_secret_file {
        Some(path) => Zeroizing::new(std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?),
        None => std::env::var("EDGELATCH_ALERT_SECRET").map(Zeroizing::new).map_err(|_| {
            Failure::usage("--alert-url: alerts are signed: give --alert-secret-file, or set EDGELATCH_ALERT_SECRET")
        })?,
    };
    Webhook::new(url, &secret).map(Some).map_err(Failure::usage)
}

fn publisher(context: &Context, open: &Open, args: &Serve) -> Result<Option<PublisherTask>> {
    if args.no_publish {
        return Ok(None);
    }
    let own = std::iter::once(context.dir.realm(&open.realm));
    Ok(Some(PublisherTask {
        publisher: context.publisher(open, args.head_lifetime)?,
        targets: own.chain(args.to.iter().cloned()).map(|path| Box::new(Directory::new(path)) as _).collect(),
        interval: args.publish_interval,
        node: node(context, open)?,
    }))
}

/// This node's name among those that publish: drawn once, so that a restarted one need not wait for itself.
fn node(context: &Context, open: &Open) -> Result<Slug> {
    let path = context.dir.path().join("node");
    if let Ok(text) = std::fs::read_to_string(&path) {
        return Ok(Slug::parse("node", text.trim())?);
    }
    let mut random = [0; 8];
    open.registry.env().random(&mut random)?;
    let name = format!("node-{}", Hex(&random));
    std::fs::write(&path, format!("{name}\n")).map_err(|error| Failure::file(&path, &error))?;
    Ok(Slug::parse("node", &name)?)
}
