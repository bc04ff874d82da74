//! `edgelatch serve`

use std::sync::Arc;

use edgelatch_server::{ApiOptions, Bound, Event, FailureRate, Options, Pilot, serve as run_server};
use serde_json::json;

use super::publish::sentence;
use crate::args;
use crate::context::{Context, Open, interval};
use crate::failure::{Failure, Result};
use crate::output::{self, BAD, BOLD, RESET};

/// The management API, where it is to be served. An address that others reach gets it only when somebody says so.
fn api(open: &Open, args: &args::Serve) -> Result<Option<ApiOptions>> {
    if args.no_api {
        return Ok(None);
    }
    if !open.registry.has_management()? {
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
    let options = Options { pilot, api: api(&open, args)?, ..Options::new(args.addr, context.dir.published()) };
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
    Ok(run_server(options, ready, move |event| report(&event, json))?)
}

fn report(event: &Event, json: bool) {
    match event {
        Event::Published(published) if json => {
            output::news_json(&json!({ "event": "published", "published": published }));
        }
        Event::Published(published) => output::news(format_args!("{}", sentence(published))),
        Event::Failed { error, retry } if json => {
            let retry = retry.as_secs();
            let (code, message) = (error.code(), error.to_string());
            output::news_json(&json!({ "event": "failed", "code": code, "message": message, "retry_seconds": retry }));
        }
        Event::Failed { error, retry } => {
            output::note(format_args!("{BAD}not published:{RESET} {error}; trying again in {} s", retry.as_secs()));
        }
        Event::ApiFailed { endpoint, message } if json => {
            output::news_json(&json!({ "event": "api_failed", "endpoint": endpoint, "message": message }));
        }
        Event::ApiFailed { endpoint, message } => output::note(format_args!("{BAD}{endpoint} failed:{RESET} {message}")),
    }
}
