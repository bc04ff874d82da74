//! The routes of `tests/hosts/kit.mjs`, each behind a guard of its own; with the setting `rows`, the header cases instead.
#![forbid(unsafe_code)]

mod rows;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use edgelatch_fastly::{Guard, GuardBuilder, Need, Requirement, Routes, Rule, Source, Verdict};
use fastly::{Body, ConfigStore, Error, Request, Response};

/// What none of the keys has.
const STRONG: &str = "cache.purge.everything";
/// What is answered to errors.
const HANDLED: u16 = 555;

type Handler = fn(Request, &Verdict) -> Result<Response, Error>;

fn view() -> Requirement {
    Requirement::permission("zone.view")
}

fn text(text: impl Into<Body>) -> Result<Response, Error> {
    Ok(Response::from_body(text).with_content_type(fastly::mime::TEXT_PLAIN_UTF_8))
}

fn name(verdict: &Verdict) -> &str {
    verdict.identity().map_or("anonymous", |who| &who.name)
}

fn hello(_: Request, verdict: &Verdict) -> Result<Response, Error> {
    text(format!("hello {}", name(verdict)))
}

fn inner(_: Request, verdict: &Verdict) -> Result<Response, Error> {
    text(format!("inner {}", name(verdict)))
}

fn secret(_: Request, _: &Verdict) -> Result<Response, Error> {
    text("secret")
}

fn near(_: Request, _: &Verdict) -> Result<Response, Error> {
    text("near")
}

fn throws(_: Request, _: &Verdict) -> Result<Response, Error> {
    Err(Error::msg("boom"))
}

fn stream(_: Request, _: &Verdict) -> Result<Response, Error> {
    let mut body = Body::from("one ");
    ["two ", "three"].into_iter().for_each(|piece| body.append(Body::from(piece)));
    text(body)
}

fn echo(request: Request, _: &Verdict) -> Result<Response, Error> {
    text(format!("echo {}", request.into_body_str()))
}

fn names(request: Request, _: &Verdict) -> Result<Response, Error> {
    let seen: Vec<&str> = request.get_header_names_str().into_iter().filter(|name| name.contains("edgelatch")).collect();
    text(if seen.is_empty() { "none".into() } else { seen.join(" ") })
}

/// What stands at a path: a guard, and what it protects.
fn route(path: &str, guard: GuardBuilder) -> Option<(GuardBuilder, Handler)> {
    let seen = |info: edgelatch_fastly::RequestInfo<'_>, request: &Request| {
        let wanted = info.path == "/by-request" && request.get_header_str("x-need") == Some("view");
        if wanted { view() } else { Requirement::permission(STRONG) }
    };
    Some(match path {
        "/hello" | "/made" => (guard.requirement(view()), hello as Handler),
        "/strong" => (guard.requirement(Requirement::permission(STRONG)), secret),
        "/by-request" => (guard.requirement(Need::choose(seen)), hello),
        "/throws" => (guard.requirement(view()), throws),
        "/stream" => (guard.requirement(view()), stream),
        "/echo" => (guard.requirement(view()), echo),
        "/own" => {
            let own = |verdict: &Verdict, _: &Request| {
                Some(Response::from_status(418).with_body(format!("own {}", verdict.code().name())))
            };
            (guard.requirement(view()).refuse(own), secret)
        }
        "/when" => {
            let when = |verdict: &Verdict, _: &Request| {
                let age = verdict.age().map_or(0, |age| age.as_secs());
                Some(Response::from_status(503).with_body(format!("{} {age}", verdict.at())))
            };
            (guard.requirement(view()).refuse(when), secret)
        }
        "/own-nothing" => (guard.refuse(|_, _| None), secret),
        "/optional" => (guard.requirement(view()).optional(true), hello),
        "/address" => (guard.config("client_ip=trust=127.0.0.0/8"), near),
        "/direct" => (guard, near),
        "/context" => (guard.peer(|_| "198.51.100.9".parse().ok()), near),
        "/names" => (guard, names),
        path if path.starts_with("/sub/") => {
            let table = Routes::new(Rule::Deny).on("/sub/inner/*", view()).on("/sub/strong", Requirement::permission(STRONG));
            (guard.requirement(table), inner)
        }
        _ => return None,
    })
}

/// The code of a key's text, and the same once more by the same guard, so many seconds later.
fn codes(request: &Request, guard: GuardBuilder, clock: &Cell<u64>, later: u64) -> Result<Response, Error> {
    let header = |name| request.get_header_str(name).unwrap_or_default();
    let (text, ip, mut guard) = (header("x-text"), header("x-ip").parse().ok(), guard.build()?);
    let needed = Requirement::permission(header("x-need").to_owned());
    let first = guard.verify_key(text, &needed, ip).code();
    clock.set(clock.get().saturating_add(later));
    let second = guard.verify_key(text, &needed, ip).code();
    Ok(Response::from_body(format!("{} {}", first.name(), second.name())))
}

fn answer(request: Request) -> Result<Response, Error> {
    let settings = ConfigStore::open("edgelatch");
    let setting = |name: &str| settings.get(name).unwrap_or_default();
    let later = request.get_header_str("x-later").map_or(Ok(0), str::parse)?;
    let clock = Rc::new(Cell::new(setting("now").parse::<u64>()?));
    let mut source = match setting("store").as_str() {
        "" => Source::backend("keys", &setting("source"))?,
        store => Source::kv_store(store, "acme/"),
    };
    if let Some(key) = settings.get("read_key") {
        source = source.read_key(&key)?;
    }
    let ticks = Rc::clone(&clock);
    let mut guard = Guard::builder(setting("root"), source).clock(move || ticks.get()).config(&setting("lines"));
    if let Some(seconds) = settings.get("max_age") {
        guard = guard.max_age(Duration::from_secs(seconds.parse()?));
    }
    if let Some(endpoint) = settings.get("log") {
        guard = guard.log(&endpoint);
    }
    if let Some(need) = settings.get("rows") {
        return guard.requirement(rows::need(&need)).build()?.handle(request, rows::answer);
    }
    if request.get_path() == "/codes" {
        return codes(&request, guard, &clock, later);
    }
    clock.set(clock.get().saturating_add(later));
    match route(request.get_path(), guard) {
        Some((guard, handler)) => guard.build()?.handle(request, handler),
        None => Ok(Response::from_status(404)),
    }
}

#[fastly::main]
fn main(request: Request) -> Result<Response, Error> {
    Ok(answer(request).unwrap_or_else(|error| Response::from_status(HANDLED).with_body(format!("handled {error}"))))
}
