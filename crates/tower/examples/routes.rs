//! The routes of `tests/hosts/kit.mjs` on axum, for the suite of `tests/hosts`: each behind a layer of its own. Prints its port, and ends with its input.
#![forbid(unsafe_code)]

use std::convert::Infallible;
use std::error::Error;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgelatch_tower::{
    EdgelatchLayer, HostConfig, Identity, LayerBuilder, Need, Requirement, Routes, Rule, UsageEvent, Verdict, Verifier,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

type Told = Arc<Mutex<Vec<Value>>>;

/// What the program's own handling of errors answers with.
const HANDLED: u16 = 555;

/// An error of a handler.
struct Failure(String);

impl IntoResponse for Failure {
    fn into_response(self) -> axum::response::Response {
        handled(&self.0).map(Body::from)
    }
}

fn handled(error: &str) -> Response<Bytes> {
    said(HANDLED, format!("handled {error}"))
}

fn said(status: u16, text: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn need() -> Requirement {
    Requirement::permission("zone.view")
}

/// What none of the keys has.
fn strong() -> Requirement {
    Requirement::permission("cache.purge.everything")
}

fn by_request() -> Need {
    Need::choose(|info, request| {
        let asked = request.headers.get("x-need").is_some_and(|value| value == "view");
        if info.path == "/by-request" && asked { need() } else { strong() }
    })
}

fn own(verdict: &Verdict, _: &Parts) -> Option<Response<Bytes>> {
    Some(said(418, format!("own {}", verdict.code().name())))
}

/// How an error of `refuse` is answered: as one of a handler.
fn own_failure(verdict: &Verdict, _: &Parts) -> Option<Response<Bytes>> {
    Some(handled(&format!("refused {}", verdict.code().name())))
}

async fn hello(who: Identity) -> String {
    format!("hello {}", who.name)
}

async fn secret() -> &'static str {
    "secret"
}

async fn fails() -> Result<(), Failure> {
    Err(Failure("boom".into()))
}

async fn stream() -> Body {
    Body::from_stream(futures_util::stream::iter(["one ", "two ", "three"].map(Ok::<_, Infallible>)))
}

async fn echo(text: String) -> String {
    format!("echo {text}")
}

async fn either(who: Option<Identity>) -> String {
    format!("hello {}", who.map_or("anonymous".into(), |who| who.name))
}

async fn names(headers: HeaderMap) -> String {
    let own: Vec<&str> = headers.keys().map(|name| name.as_str()).filter(|name| name.contains("edgelatch")).collect();
    if own.is_empty() { "none".into() } else { own.join(" ") }
}

fn event(event: &UsageEvent) -> Value {
    let UsageEvent { status, code, method, endpoint, ip, .. } = event;
    json!({ "status": status, "code": code.name(), "method": method, "endpoint": endpoint, "ip": ip })
}

fn app(verifier: &Verifier, trusting: &Verifier, told: Told) -> Result<Router, edgelatch_tower::Error> {
    let check = || EdgelatchLayer::builder(verifier.clone());
    let needs = || check().requirement(need());
    let elsewhere: IpAddr = [198, 51, 100, 9].into();
    let route = |path: &str, handler: axum::routing::MethodRouter, layer: LayerBuilder| {
        Ok::<_, edgelatch_tower::Error>(Router::new().route(path, handler.layer(layer.build()?)))
    };
    let table = Routes::new(Rule::Deny).on("/sub/inner/*", need()).on("/sub/strong", strong());
    let inner =
        |axum::extract::Path(_): axum::extract::Path<String>, who: Identity| async move { format!("inner {}", who.name) };
    let sub = Router::new().route("/inner/{name}", any(inner)).route("/strong", any(secret));
    // With a fallback of its own, what it has no route for is behind its layer too.
    let sub = sub.fallback(|| async { StatusCode::NOT_FOUND });
    let take = move || {
        let all = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
        async move { Value::from(all).to_string() }
    };
    let routes = [
        route("/hello", get(hello), needs())?,
        route("/made", get(hello), needs())?,
        route("/strong", get(secret), check().requirement(strong()))?,
        route("/by-request", get(secret), check().requirement(by_request()))?,
        route("/throws", get(fails), needs())?,
        route("/stream", get(stream), needs())?,
        route("/echo", post(echo), needs())?,
        route("/own", get(secret), needs().refuse(own))?,
        route("/own-throws", get(secret), check().refuse(own_failure))?,
        route("/own-nothing", get(secret), check().refuse(|_, _| None))?,
        route("/optional", get(either), needs().optional(true))?,
        route("/address", get(secret), EdgelatchLayer::builder(trusting.clone()))?,
        route("/direct", get(secret), check())?,
        route("/context", get(secret), check().peer(move |_| Some(elsewhere)))?,
        route("/names", get(names), check())?,
        Router::new().route("/events", get(take)).nest("/sub", sub.layer(check().requirement(table).build()?)),
    ];
    Ok(routes.into_iter().fold(Router::new(), Router::merge))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/runtimes/fixture.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(fixture)?)?;
    let text = |at: &str| fixture.pointer(at).and_then(Value::as_str).ok_or(format!("the fixture has no {at}"));
    let bundle = STANDARD.decode(text("/snapshots/first/bundle")?)?;
    let now = fixture["start"].as_u64().ok_or("the fixture has no start")? + 10;
    let told = Told::default();
    let made = |config: &str| -> Result<Verifier, Box<dyn Error>> {
        let tells = Arc::clone(&told);
        let hear = move |used: &UsageEvent| tells.lock().unwrap_or_else(PoisonError::into_inner).push(event(used));
        let builder = Verifier::builder(text("/roots/0")?).config(HostConfig::parse(config)?).clock(move || now);
        Ok(builder.on_usage(hear).serve(bundle.clone())?)
    };
    let app = app(&made("")?, &made("client_ip=trust=127.0.0.0/8")?, Arc::clone(&told))?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", json!({ "port": listener.local_addr()?.port() }));
    // Whoever started it ends it by closing its input.
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tokio::select! {
        served = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()) => served?,
        _ = ended => {}
    }
    // A read of the input cannot be called off.
    std::process::exit(0)
}
