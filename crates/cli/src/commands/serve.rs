//! `edgelatch serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edgelatch_core::hex::Hex;
use edgelatch_registry::{Registry, Slug, management};
use edgelatch_server::{
    ApiOptions, Begun, Bound, Connections, ConsoleOptions, FailureRate, GeoIp, Options, Publishing, Readers, Realms, Streams,
    TlsFiles, Upkeep, Webhook, serve as run_server,
};
use edgelatch_sync::{Directory, Target};
use zeroize::Zeroizing;

use crate::args::{Provider, Signing, To};
use crate::log::{self, LogFormat};
use crate::prelude::*;

/// Serve the published files over HTTP, and publish after each change
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch serve --addr 127.0.0.1:8787
  edgelatch serve --addr 127.0.0.1:0 --json  # the first line names the address
  edgelatch serve --addr 0.0.0.0:8787 --api-addr 127.0.0.1:8788
  edgelatch serve --realm acme --realm other  # publish these, and serve all
  AWS_ENDPOINT_URL=https://ACCOUNT.r2.cloudflarestorage.com edgelatch serve --to s3://keys  # each realm below r/

It publishes every realm of the registry, those that are made later too, unless --realm names some. Of several nodes with one PostgreSQL database, one
publishes a realm, and the others copy what it publishes; if it stops or vanishes, another one goes on.
Edges read http://HOST/r/REALM, and are told of each change over http://HOST/r/REALM/stream. Another `edgelatch` command may
change the registry meanwhile.
The management API is at http://HOST/api/v1 once there is a management realm, and the console, where people sign in with a management key, at
http://HOST/console beside it. Without --api-addr it is served only where
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
    #[command(flatten)]
    signing: Signing,
    /// Serve only; another process publishes. With PostgreSQL, what it publishes is copied
    #[arg(long)]
    no_publish: bool,
    /// Publish to this directory, or bucket of an object store (s3://BUCKET/PREFIX, gs://…, az://…), as well; unless one realm is named, to r/REALM
    /// in it; repeatable. Credentials and endpoint come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
    /// AWS_ENDPOINT_URL, GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY and the like
    #[arg(long, value_name = "DIR|URL")]
    to: Vec<To>,
    /// The clock is right at the start, though it differs from the database's, or has gone on by more than this machine counted. Health warns
    /// meanwhile: leave it out at the next start
    #[arg(long)]
    accept_clock: bool,
    /// Hand out published files and streams only to whoever sends a key of the management realm with the role `edge`, as `Authorization: Bearer`:
    /// they show the names of keys, their roles and policies
    #[arg(long)]
    require_read_key: bool,
    /// Where to serve the management API [default: at --addr, if that is an address of this machine alone]
    #[arg(long, value_name = "ADDR", conflicts_with = "no_api")]
    api_addr: Option<SocketAddr>,
    /// Do not serve the management API
    #[arg(long)]
    no_api: bool,
    /// Do not serve the console beside it, at /console
    #[arg(long)]
    no_console: bool,
    /// Browsers reach the console by https, through a proxy that speaks TLS: its cookies are sent over nothing else
    #[arg(long, conflicts_with_all = ["no_console", "no_api"])]
    console_https: bool,
    #[command(flatten)]
    provider: Provider,
    /// Speak TLS on both addresses: a file with the certificate in PEM, its chain behind it. A renewed one is taken within ten seconds
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Behind proxies: where the address of an API client, or a reader with a key, comes from, such as trust=10.0.0.0/8
    #[arg(long, value_name = "RULE")]
    client_ip: Option<String>,
    /// Failed authentications that a client address may have in a minute
    #[arg(long, value_name = "N", default_value_t = edgelatch_server::limits::FAILURES_PER_MINUTE,
        value_parser = read::number(1..=1_000_000_u32))]
    auth_failures: u32,
    /// Streams of new heads that edges may have open at a time; each takes an open file
    #[arg(long, value_name = "N", default_value_t = edgelatch_server::limits::MAX_STREAMS,
        value_parser = read::number(1..=1_000_000_u32))]
    max_streams: u32,
    /// The same from one client address: edges behind one proxy share theirs
    #[arg(long, value_name = "N", default_value_t = edgelatch_server::limits::STREAMS_OF_ADDRESS,
        value_parser = read::number(1..=1_000_000_u32))]
    max_streams_per_address: u32,
    /// Connections that one client address may have at a time; raise it where a proxy stands in front, whose clients share its address
    #[arg(long, value_name = "N", default_value_t = edgelatch_server::limits::CONNECTIONS_OF_ADDRESS,
        value_parser = read::number(1..=edgelatch_server::limits::MAX_CONNECTIONS))]
    max_connections_per_address: u32,
    /// Take reports of leaked secrets from GitHub's secret scanning, signed by a key of this file: what
    /// `api.github.com/meta/public_keys/secret_scanning` answers. It is read for each report
    #[arg(long, value_name = "FILE", conflicts_with = "no_api")]
    github_keys: Option<PathBuf>,
    /// A MaxMind database (GeoLite2-Country.mmdb or the like) that tells the country of an address where an edge does not. Put a newer one in its
    /// place at any time: it is read within ten seconds
    #[arg(long, value_name = "FILE", env = "EDGELATCH_GEOIP", conflicts_with = "no_api")]
    geoip: Option<PathBuf>,
    /// Send traces of API calls and publications to this collector of OpenTelemetry, over HTTP, such as http://127.0.0.1:4318. Headers that it wants,
    /// this service's name and the share of traces come from OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and the like
    #[cfg(feature = "otel")]
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", hide_env_values = true)]
    otel_endpoint: Option<String>,
    /// Where to send events and alerts: an https:// address, or http:// on this machine
    #[arg(long, value_name = "URL", env = "EDGELATCH_ALERT_URL", hide_env_values = true)]
    alert_url: Option<String>,
    /// A file with the secret that these are signed with [default: EDGELATCH_ALERT_SECRET]
    #[arg(long, value_name = "FILE", requires = "alert_url")]
    alert_secret_file: Option<PathBuf>,
}

/// What is said as long as a server runs whose clock is believed whatever the database's says: left in a unit, it would be for good.
const CLOCK_ACCEPTED: &str = "--accept-clock: while this process runs, its clock is not compared with the database's: once something was published, \
                              start it without";

impl Serve {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let _log = log::start(self.log_format.unwrap_or(if context.json { LogFormat::Json } else { LogFormat::Text }))?;
        let registry = Arc::new(context.registry()?);
        registry.check_live()?;
        let realms = realms(context, &registry)?;
        for realm in &realms {
            context.check_private(&Open { registry: Arc::clone(&registry), realm: realm.clone() })?;
        }
        #[cfg(feature = "otel")]
        let otel = self.otel_endpoint.as_deref().map(crate::otel::Otel::start).transpose()?;
        let options = Options {
            #[cfg(feature = "otel")]
            traces: otel.clone().map(|otel| otel as Arc<dyn edgelatch_server::Traces>),
            readers: readers(&registry, &self)?,
            publishing: Some(publishing(context, &registry, &self, &realms)?),
            api: api(&registry, &self)?,
            console: console(&registry, &self)?,
            upkeep: Some(Upkeep::new(Arc::clone(&registry))),
            webhook: webhook(&self)?,
            streams: Streams { max: self.max_streams, max_per_address: self.max_streams_per_address, ..Streams::default() },
            connections: Connections { max_per_address: self.max_connections_per_address, ..Connections::default() },
            tls: self.tls_cert.clone().zip(self.tls_key.clone()).map(|(cert, key)| TlsFiles::new(cert, key)),
            ..Options::new(self.addr, context.dir.published())
        };
        if self.accept_clock {
            options.health.warning("clock/accepted", "clock_accepted", CLOCK_ACCEPTED);
        }
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let json = context.json;
        let ready = |bound: Bound| {
            let addr = bound.files;
            // Of several realms, where all of them are.
            let only = if let [only] = &realms[..] { Some(only) } else { None };
            let url = only.map_or_else(|| format!("{scheme}://{addr}/r"), |realm| format!("{scheme}://{addr}/r/{realm}"));
            let console = bound.api.filter(|_| !self.no_console).map(|addr| format!("{scheme}://{addr}/console"));
            let api = bound.api.map(|addr| format!("{scheme}://{addr}/api/v1"));
            if json {
                let line = json!({ "event": "listening", "addr": addr, "realm": only, "realms": realms, "url": url, "api": api, "console": console });
                output::news(format_args!("{line}"));
                return;
            }
            let api = api.map(|api| format!(", management API {BOLD}{api}{RESET}")).unwrap_or_default();
            let console = console.map(|console| format!(", console {BOLD}{console}{RESET}")).unwrap_or_default();
            output::news(format_args!("serving {BOLD}{url}{RESET}{api}{console}   (end with Ctrl-C)"));
        };
        let served = run_server(options, ready);
        #[cfg(feature = "otel")]
        otel.iter().for_each(|otel| otel.end());
        served?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The realms that were named, each of which must be there; all but that of the management keys if none was.
fn realms(context: &Context, registry: &Registry) -> Result<Vec<Slug>> {
    let all = registry.realms()?.into_iter().map(|realm| realm.realm).filter(|realm| realm.as_str() != management::REALM);
    if context.realms.is_empty() {
        return Ok(all.collect());
    }
    Ok(context.realms.iter().map(|realm| registry.realm(realm).map(|found| found.realm)).collect::<Result<_, _>>()?)
}

/// The management API, unless it is not to be served. On an address that other machines reach it is served only if --api-addr
/// says so.
fn api(registry: &Arc<Registry>, args: &Serve) -> Result<Option<ApiOptions>> {
    if args.no_api {
        return Ok(None);
    }
    if !management::exists(registry)? {
        return match args.api_addr {
            None => Ok(None),
            Some(_) => Err(Failure::usage("--api-addr: there is no management realm, so nobody could call the API")),
        };
    }
    if args.api_addr.is_none() && !args.addr.ip().is_loopback() {
        output::note(format_args!("the management API is not served on {}: give --api-addr to say where", args.addr));
        return Ok(None);
    }
    let (registry, client_ip, failures) = (Arc::clone(registry), args.client_ip.clone(), failures(args));
    let (github_keys, geoip) = (args.github_keys.clone(), args.geoip.clone().map(GeoIp::new));
    Ok(Some(ApiOptions { registry, addr: args.api_addr, client_ip, failures, github_keys, geoip }))
}

/// The console beside it.
fn console(registry: &Registry, args: &Serve) -> Result<Option<ConsoleOptions>> {
    let oidc = args.provider.oidc(registry)?;
    Ok((!args.no_console).then(|| ConsoleOptions { https: args.console_https || args.tls_cert.is_some(), oidc }))
}

/// Who may read published files, where not everybody may.
fn readers(registry: &Arc<Registry>, args: &Serve) -> Result<Option<Readers>> {
    if !args.require_read_key {
        return Ok(None);
    }
    if !management::exists(registry)? {
        return Err(Failure::usage("--require-read-key: there is no management realm, so nobody could have such a key"));
    }
    let (registry, client_ip, failures) = (Arc::clone(registry), args.client_ip.clone(), failures(args));
    Ok(Some(Readers { registry, client_ip, failures }))
}

fn failures(args: &Serve) -> FailureRate {
    FailureRate { per_minute: args.auth_failures, burst: args.auth_failures.saturating_mul(2), ..FailureRate::default() }
}

/// Where events go. An error repeats neither the address nor the secret.
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

fn publishing(context: &Context, registry: &Arc<Registry>, args: &Serve, all: &[Slug]) -> Result<Publishing> {
    let realms = match &context.realms[..] {
        _ if args.no_publish => Realms::None,
        [] => Realms::All,
        some => Realms::Only(some.to_vec()),
    };
    let (dir, of, readers) = (context.dir.clone(), Arc::clone(registry), context.readers());
    let (to, accept_clock, apart) = (args.to.clone(), args.accept_clock, context.realms.len() != 1);
    let keys = context.publisher_keys(&args.signing);
    let begin = move |realm: &Slug| -> Result<Begun, edgelatch_sync::Error> {
        dir.check_private(realm, of.database().path(), readers)?;
        let publisher = crate::context::publisher(&dir, &of, keys(realm), accept_clock)?;
        let own = Ok(Box::new(Directory::new(dir.realm(realm))) as Box<dyn Target>);
        let beside = to.iter().map(|to| to.open(apart.then_some(realm)));
        Ok((publisher, std::iter::once(own).chain(beside).collect::<Result<_, _>>()?))
    };
    let (mut some, mut missing) = (false, None);
    for realm in all.iter().filter(|_| realms != Realms::None) {
        match begin(realm) {
            // Another node may have its keys, or nobody yet: then those of the first realm are found.
            Err(error @ (edgelatch_sync::Error::KeyMissing { .. } | edgelatch_sync::Error::KeyForeign { .. }))
                if realms == Realms::All =>
            {
                missing = missing.or(Some(error));
            }
            // What is wrong with others is told at once, rather than by a server that publishes nothing.
            begun => {
                drop(begun?);
                some = true;
            }
        }
    }
    if let Some(error) = missing.filter(|_| !some) {
        return Err(error.into());
    }
    let (peppers, published) = (context.all_peppers(), realms.clone());
    Ok(Publishing {
        registry: Arc::clone(registry),
        dir: context.dir.clone(),
        node: node(context, registry)?,
        realms,
        begin: Box::new(begin),
        peppers: Arc::new(move |realm: &Slug| published.includes(realm).then(|| peppers(realm))),
        interval: args.publish_interval,
    })
}

/// This node's name among those that publish: drawn once, so that it is known again.
fn node(context: &Context, registry: &Registry) -> Result<Slug> {
    let path = context.dir.path().join("node");
    // A process that died as it began one may have left it empty.
    if let Some(text) = std::fs::read_to_string(&path).ok().filter(|text| !text.trim().is_empty()) {
        let unsound =
            |error| Failure::new("node", format!("{}: {error}: remove the file, and another name is drawn", path.display()));
        return Slug::parse("node", text.trim()).map_err(unsound);
    }
    let mut random = [0; 8];
    registry.env().random(&mut random)?;
    let name = format!("node-{}", Hex(&random));
    std::fs::write(&path, format!("{name}\n")).map_err(|error| Failure::file(&path, &error))?;
    Ok(Slug::parse("node", &name)?)
}
