//! `edgelatch serve`

use std::sync::Arc;

use edgelatch_core::hex::Hex;
use edgelatch_registry::{Slug, management};
use edgelatch_server::{ApiOptions, Bound, FailureRate, Options, PublisherTask, Upkeep, Webhook, serve as run_server};
use edgelatch_sync::Directory;
use serde_json::json;
use zeroize::Zeroizing;

use crate::args::{self, LogFormat};
use crate::context::{Context, Open, interval};
use crate::failure::{Failure, Result};
use crate::log;
use crate::output::{self, BOLD, RESET};

/// The management API, where it is to be served. An address that others reach gets it only when somebody says so.
fn api(open: &Open, args: &args::Serve) -> Result<Option<ApiOptions>> {
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

/// Where alerts go. What was typed or stored is not repeated.
fn webhook(args: &args::Serve) -> Result<Option<Webhook>> {
    let Some(url) = &args.alert_url else { return Ok(None) };
    let secret = match &args.alert_secret_file {
        Some(path) => Zeroizing::new(std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?),
        None => std::env::var("EDGELATCH_ALERT_SECRET").map(Zeroizing::new).map_err(|_| {
            Failure::usage("--alert-url: alerts are signed: give --alert-secret-file, or set EDGELATCH_ALERT_SECRET")
        })?,
    };
    Webhook::new(url, &secret).map(Some).map_err(Failure::usage)
}

fn publisher(context: &Context, open: &Open, args: &args::Serve) -> Result<Option<PublisherTask>> {
    if args.no_publish {
        return Ok(None);
    }
    let own = std::iter::once(context.dir.realm(&open.realm));
    Ok(Some(PublisherTask {
        publisher: context.publisher(open, &args.head_lifetime)?,
        targets: own.chain(args.to.iter().cloned()).map(|path| Box::new(Directory::new(path)) as _).collect(),
        interval: interval("--publish-interval", &args.publish_interval)?,
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

pub(crate) fn serve(context: &Context, args: &args::Serve) -> Result<()> {
    let _log = log::start(args.log_format.unwrap_or(if context.json { LogFormat::Json } else { LogFormat::Text }))?;
    let open = context.open()?;
    let options = Options {
        publisher: publisher(context, &open, args)?,
        api: api(&open, args)?,
        upkeep: Some(Upkeep::new(Arc::clone(&open.registry))),
        webhook: webhook(args)?,
        ..Options::new(args.addr, context.dir.published())
    };
    let (json, realm) = (context.json, open.realm.clone());
    let ready = |bound: Bound| {
        let (addr, url) = (bound.files, format!("http://{}/r/{realm}", bound.files));
        let api = bound.api.map(|addr| format!("http://{addr}/api/v1"));
        if json {
            output::news_json(&json!({ "event": "listening", "addr": addr, "realm": realm, "url": url, "api": api }));
            return;
        }
        let api = api.map(|api| format!(", management API {BOLD}{api}{RESET}")).unwrap_or_default();
        output::news(format_args!("serving {BOLD}{url}{RESET}{api}   (end with Ctrl-C)"));
    };
    Ok(run_server(options, ready)?)
}
