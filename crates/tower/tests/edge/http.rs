//! axum: acceptances, refusals, and each option.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use edgelatch_testkit::core::build::KeyRecord;
use edgelatch_testkit::core::cidr::Cidr;
use edgelatch_testkit::core::policy::{AllowMode, IpPolicy, Order};
use edgelatch_testkit::realm::{T0, record, text};
use edgelatch_testkit::wire::Answer;
use edgelatch_tower::{
    EdgelatchLayer, HostConfig, Identity, LayerBuilder, Need, Requirement, Routes, Rule, Scope, Unchecked, Verdict, Verifier,
};

use crate::common::{ask, axum, bearer, builder, by_hand, runtime, serving};

const CHALLENGE: &str = "Bearer realm=\"acme\"";

fn policy(net: &str) -> IpPolicy {
    IpPolicy {
        allow_mode: AllowMode::List,
        order: Order::AllowFirst,
        allow: vec![Cidr::parse(net.as_bytes()).unwrap()],
        deny: vec![],
    }
}

/// A key for each thing that can be wrong with one.
pub fn keys() -> Vec<KeyRecord> {
    let metadata = r#"{"plan":"pro"}"#.to_owned();
    vec![
        KeyRecord { metadata, expires_at: Some(T0 + 60), ..record(1) },
        KeyRecord { revoked: true, ..record(2) },
        KeyRecord { not_before: Some(T0 + 1), ..record(3) },
        KeyRecord { expires_at: Some(T0), ..record(4) },
        KeyRecord { owner_disabled: true, ..record(5) },
        KeyRecord { ip_policy: Some(policy("10.0.0.0/8")), ..record(6) },
        KeyRecord { services: Some(vec!["cdn".into()]), ..record(7) },
        KeyRecord { ip_policy: Some(policy("127.0.0.0/8")), ..record(8) },
    ]
}

async fn hello(who: Identity) -> String {
    format!("hello {}", who.name)
}

fn app(layer: EdgelatchLayer) -> Router {
    Router::new().route("/", get(hello).post(hello)).route("/zones/{id}", get(hello)).layer(layer)
}

fn layer(verifier: &Verifier) -> LayerBuilder {
    EdgelatchLayer::builder(verifier.clone())
}

fn view() -> Requirement {
    Requirement::permission("zone.view")
}

pub fn text_of(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

#[test]
fn a_key_passes_and_its_handler_is_told_who_calls() {
    runtime().block_on(async {
        let verifier = serving("", keys());
        let who = |verdict: Verdict, Extension(same): Extension<Verdict>| async move {
            assert_eq!((verdict.ok(), same.ok(), verdict.epoch(), verdict.stale()), (true, true, 5, false));
            assert_eq!(verdict.ip().unwrap().to_string(), "127.0.0.1");
            assert_eq!(verdict.age(), Some(Duration::ZERO));
            assert!(verdict.reply().is_none());
            format!("{:?}", verdict.identity().unwrap())
        };
        let app = Router::new().route("/", get(who)).layer(layer(&verifier).requirement(view()).build().unwrap());
        let answer = ask(axum(app).await, "GET /", &[&bearer(1)]).await;
        assert_eq!(answer.status, 200);
        let told = text_of(&answer);
        for part in ["org-1", "alice", "key 1", "reader", "pro", "scope: All", "key_00000000001"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert_eq!(answer.header("cache-control").as_deref(), Some("private"));
        assert_eq!(answer.header("vary").as_deref(), Some("Authorization, X-API-Key"));
        let one = verifier.verify_key(&text(7), &view().service("cdn"), None);
        assert_eq!(one.identity().unwrap().scope, Scope::Services(vec!["cdn".into()]));
        assert!(!format!("{one:?}").contains(&text(7)));
    });
}

/// Status, challenge and body of each refusal, as the SDK answers it.
#[test]
fn each_refusal_is_answered_as_everywhere() {
    let error = |name: &str| Some(format!("{CHALLENGE}, error=\"{name}\""));
    let rows = [
        (vec![], "missing", 401, Some(CHALLENGE.to_owned())),
        (vec![bearer(1), bearer(1)], "invalid_request", 400, error("invalid_request")),
        (vec!["x-api-key:".into()], "invalid_request", 400, error("invalid_request")),
        (vec!["x-api-key: short".into()], "malformed", 401, error("invalid_token")),
        (vec![bearer(99)], "unknown", 401, error("invalid_token")),
        (vec![bearer(2)], "revoked", 401, error("invalid_token")),
        (vec![bearer(3)], "not_yet_valid", 401, error("invalid_token")),
        (vec![bearer(4)], "expired", 401, error("invalid_token")),
        (vec![bearer(5)], "owner_disabled", 401, error("invalid_token")),
        (vec![bearer(6)], "ip_denied", 403, None),
        (vec![bearer(7)], "scope_denied", 403, error("insufficient_scope")),
    ];
    runtime().block_on(async {
        let verifier = serving("", keys());
        let port = axum(app(layer(&verifier).requirement(view()).build().unwrap())).await;
        for (headers, code, status, challenge) in rows {
            let before = verifier.stats().verdicts.get(code).copied().unwrap_or(0);
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            for line in ["GET /", "HEAD /"] {
                let answer = ask(port, line, &headers).await;
                assert_eq!((answer.status, answer.header("www-authenticate")), (status, challenge.clone()), "{code}");
                assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"));
                assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
                let wanted = verdict_body(code);
                assert_eq!(text_of(&answer), if line == "HEAD /" { "" } else { &wanted }, "{code}");
                assert_eq!(answer.header("content-length"), Some(wanted.len().to_string()), "{line} {code}");
            }
            assert_eq!(verifier.stats().verdicts.get(code), Some(&(before + 2)));
        }
        let port = axum(app(layer(&verifier).requirement(Requirement::permission("dns.edit")).build().unwrap())).await;
        assert_eq!(text_of(&ask(port, "GET /", &[&bearer(1)]).await), verdict_body("permission_denied"));
    });
}

/// The body as the SDK has it.
fn verdict_body(code: &str) -> String {
    let table = include_str!("../../../../js/src/generated/codes.ts");
    let row = table.lines().find(|line| line.contains(&format!("name: \"{code}\", status:"))).unwrap();
    let quoted = row.rsplit_once(", body: ").unwrap().1.strip_suffix(" },").unwrap();
    serde_json::from_str(quoted).unwrap()
}

#[test]
fn without_a_snapshot_every_key_is_answered_503() {
    runtime().block_on(async {
        let source = edgelatch_tower::HttpSource::new("http://127.0.0.1:1/r/acme").unwrap();
        let verifier = builder("").refresh(by_hand()).follow(source).await.unwrap();
        let port = axum(app(layer(&verifier).build().unwrap())).await;
        let answer = ask(port, "GET /", &[&bearer(1)]).await;
        assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("5")));
        assert_eq!(text_of(&answer), verdict_body("snapshot_missing"));
        assert_eq!(ask(port, "GET /", &[]).await.status, 401);
        let stats = verifier.stats();
        assert_eq!((stats.ready, stats.epoch, stats.errors.contains_key("unreachable")), (false, 0, true));
        assert!(stats.last_error.unwrap().message.starts_with("unreachable: GET head: "));
    });
}

#[test]
fn requirements_go_by_route_and_by_request() {
    runtime().block_on(async {
        let verifier = serving("", keys());
        let routes = Routes::new(Rule::Deny).on("GET /zones/:id", view()).on("/zones/*", Requirement::permission("dns.edit"));
        let port = axum(app(layer(&verifier).requirement(routes).build().unwrap())).await;
        let found = async |line: &str| ask(port, line, &[&bearer(1)]).await.status;
        assert_eq!((found("GET /zones/1").await, found("GET /ZONES/1").await, found("GET /%7Aones/1").await), (200, 400, 400));
        assert_eq!((found("POST /zones/1").await, found("GET /").await, found("GET /zones//1").await), (403, 403, 400));
        assert_eq!((found("get /zones/1").await, found("GET /zones").await, found("GET /zones/1/").await), (400, 400, 400));
        let choose = Need::choose(|info, request| {
            assert_eq!(info.path, "/zones/a%20b");
            assert_eq!(request.uri.path(), "/zones/a%20b");
            match info.method {
                "GET" => view(),
                "POST" => Requirement::permission(""),
                other => panic!("{other} is not thought of"),
            }
        });
        let port = axum(app(layer(&verifier).requirement(choose).build().unwrap())).await;
        assert_eq!(ask(port, "GET /zones/a%20b", &[&bearer(1)]).await.status, 200);
        for line in ["POST /zones/a%20b", "PUT /zones/a%20b"] {
            let answer = ask(port, line, &[&bearer(1)]).await;
            assert_eq!((answer.status, text_of(&answer)), (500, verdict_body("bad_requirement")));
        }
        let stats = verifier.stats();
        assert_eq!((stats.errors["bad_requirement"], stats.last_error.unwrap().message.contains("panicked")), (2, true));
    });
}

#[test]
fn routers_that_are_nested_do_not_change_what_is_judged() {
    runtime().block_on(async {
        let routes = Routes::new(Rule::Deny).on("/api/zones/:id", view());
        let inner = app(layer(&serving("", keys())).requirement(routes).build().unwrap());
        let port = axum(Router::new().nest("/api", inner)).await;
        assert_eq!(ask(port, "GET /api/zones/1", &[&bearer(1)]).await.status, 200);
    });
}

#[test]
fn what_is_configured_wrongly_is_no_layer() {
    let verifier = serving("", keys());
    let refused = |build: LayerBuilder| build.build().unwrap_err().to_string();
    for bad in [
        Requirement::permission("a|b"),
        Requirement::permission("*"),
        Requirement::permission(""),
        Requirement::any([]),
        Requirement::all(["a&b"]),
        Requirement::any(["a"; 9]),
        Requirement::none().service("no service"),
    ] {
        assert!(refused(layer(&verifier).requirement(bad)).starts_with("requirement: "));
    }
    for bad in ["GET zones", "get /zones", "/a\tservice=x", "/b\n/c", "/a//b"] {
        let routes = Routes::new(Rule::Deny).on(bad, view());
        assert!(refused(layer(&verifier).requirement(routes)).starts_with("requirement: "), "{bad:?}");
    }
    let table = Routes::new(Requirement::none());
    assert!(refused(layer(&verifier).requirement(table.clone()).optional(true)).starts_with("optional: "));
    for table in [table.clone().lenient(), table.strict()] {
        layer(&verifier).requirement(table).build().unwrap();
    }
    let lazy = builder("lazy=1000000").serve(Vec::new()).unwrap_err();
    assert_eq!(lazy.code(), "bad_config");
}

#[test]
fn a_credential_may_be_optional_and_a_wrong_one_is_refused() {
    runtime().block_on(async {
        let either = |who: Option<Identity>, verdict: Verdict| async move {
            format!("{:?} {}", who.map(|who| who.name), verdict.code().name())
        };
        let layer = layer(&serving("", keys())).optional(true).build().unwrap();
        let app = Router::new().route("/", get(either)).route("/who", get(hello)).layer(layer);
        let port = axum(app.route("/bare", get(hello))).await;
        assert_eq!(text_of(&ask(port, "GET /", &[&bearer(1)]).await), "Some(\"key 1\") valid");
        assert_eq!(text_of(&ask(port, "GET /", &[]).await), "None missing");
        assert_eq!(ask(port, "GET /", &[&bearer(2)]).await.status, 401);
        // A handler that wants one says so, and one that nothing stands in front of is a fault of the program.
        assert_eq!(text_of(&ask(port, "GET /who", &[]).await), verdict_body("missing"));
        assert_eq!(ask(port, "GET /bare", &[&bearer(1)]).await.status, 500);
        assert_eq!(Unchecked::NoLayer.into_response().status(), 500);
    });
}

#[test]
fn a_host_may_answer_refusals_itself() {
    runtime().block_on(async {
        let own = |verdict: &Verdict, request: &axum::http::request::Parts| {
            let body = format!("{} {}", verdict.code().name(), request.uri);
            (verdict.code().name() != "missing").then(|| Response::builder().status(418).body(Bytes::from(body)).unwrap())
        };
        let port = axum(app(layer(&serving("", keys())).refuse(own).build().unwrap())).await;
        let answer = ask(port, "GET /", &[&bearer(2)]).await;
        assert_eq!((answer.status, text_of(&answer)), (418, "revoked /".into()));
        assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"));
        assert_eq!(text_of(&ask(port, "HEAD /", &[&bearer(2)]).await), "");
        assert_eq!(text_of(&ask(port, "GET /", &[]).await), verdict_body("missing"));
    });
}

#[test]
fn addresses_come_from_the_connection_or_from_the_host() {
    runtime().block_on(async {
        let verifier = serving("", keys());
        let status = async |builder: LayerBuilder, key: u64| {
            let port = axum(app(builder.build().unwrap())).await;
            ask(port, "GET /", &[&bearer(key), "x-forwarded-for: 10.0.0.1"]).await.status
        };
        assert_eq!((status(layer(&verifier), 8).await, status(layer(&verifier), 6).await), (200, 403));
        assert_eq!(status(layer(&verifier).peer(|_| Some([10, 0, 0, 1].into())), 6).await, 200);
        assert_eq!(status(layer(&verifier).peer(|_| Some("::ffff:10.0.0.1".parse().unwrap())), 6).await, 200);
        assert_eq!(status(layer(&verifier).peer(|_| None), 8).await, 403);
        let behind = serving("client_ip=trust=127.0.0.0/8", keys());
        assert_eq!((status(layer(&behind), 6).await, status(layer(&behind), 8).await), (200, 403));
        let masked = serving("mask_ip=on", keys());
        assert_eq!(status(layer(&masked), 6).await, 401);
    });
}

#[test]
fn forged_identities_do_not_arrive_and_a_handlers_word_to_caches_stays() {
    runtime().block_on(async {
        let seen = |headers: HeaderMap| async move {
            let forged: Vec<_> = headers.keys().filter(|name| name.as_str().contains("edgelatch")).collect();
            assert!(forged.is_empty(), "{forged:?}");
            ([(header::CACHE_CONTROL, "max-age=5"), (header::VARY, "accept")], "ok")
        };
        let app = Router::new().route("/", get(seen)).layer(layer(&serving("", keys())).build().unwrap());
        let answer = ask(axum(app).await, "GET /", &[&bearer(1), "x-edgelatch-org: root", "X_Edgelatch-Key-Id: 1"]).await;
        assert_eq!((answer.status, answer.header("cache-control").as_deref()), (200, Some("max-age=5")));
        assert_eq!(answer.header("vary").as_deref(), Some("accept, Authorization, X-API-Key"));
    });
}

#[test]
fn preflights_pass_where_they_may_without_a_word_to_caches() {
    runtime().block_on(async {
        let handler = |verdict: Verdict| async move { format!("{} {}", verdict.ok(), verdict.preflight()) };
        let app = Router::new().route("/", axum::routing::options(handler));
        let port = axum(app.layer(layer(&serving("allow_preflight=on", keys())).build().unwrap())).await;
        let answer = ask(port, "OPTIONS /", &["origin: https://a.example", "access-control-request-method: PUT"]).await;
        assert_eq!((answer.status, text_of(&answer), answer.header("vary")), (200, "false true".into(), None));
        assert_eq!(ask(port, "OPTIONS /", &["origin: https://a.example"]).await.status, 401);
    });
}

#[test]
fn a_grace_serves_a_snapshot_past_its_end() {
    let tree = edgelatch_testkit::realm::tree(keys());
    let bundle = edgelatch_testkit::realm::bundle(5, &tree);
    let now = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(T0));
    let at = |config: &str| {
        let now = std::sync::Arc::clone(&now);
        let builder = Verifier::builder(edgelatch_testkit::realm::root()).config(HostConfig::parse(config).unwrap());
        builder.clock(move || now.load(std::sync::atomic::Ordering::Relaxed)).serve(bundle.clone()).unwrap()
    };
    let (strict, lenient) = (at(""), at("grace=3600"));
    now.store(T0 + 86_400, std::sync::atomic::Ordering::Relaxed);
    let ask = |verifier: &Verifier| verifier.verify_key(&text(8), &Requirement::none(), Some([127, 0, 0, 1].into()));
    assert_eq!(ask(&strict).code().name(), "snapshot_stale");
    let verdict = ask(&lenient);
    assert!(verdict.ok() && verdict.stale());
    assert_eq!(verdict.age(), Some(Duration::from_secs(86_400)));
    assert_eq!(StatusCode::from_u16(ask(&strict).reply().unwrap().status().as_u16()).unwrap(), 503);
}
