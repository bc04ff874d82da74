//! Requests judged by a route table: each with what a look-up by comparing paths would have missed.

use edgelatch_core::build::*;
use edgelatch_core::edge::{Edge, Outcome, RequirementId, RouteError};
use edgelatch_core::limits::{MAX_REQUIREMENTS, MAX_ROUTE_TABLES};
use edgelatch_core::verdict::Code;
use edgelatch_testkit::realm::*;

const TABLE: &str = "router=lenient\ndefault\tdeny\n/public\n/public/*\nGET /cache/:id\tservice=cdn\tpermission=cache.view\n/cache/*\tpermission=cache.purge\n/cache\tpermission=cache.purge\n\
                     /closed\tdeny\n";

fn outcome(edge: &Edge, table: RequirementId, key: u64, request: &str) -> Outcome {
    let block = format!("\n{request}\nX-API-Key:{}", text(key));
    let outcome = edge.verify_block(block.as_bytes(), table, T0);
    assert_eq!(edge.explain_block(block.as_bytes(), table, T0).0, outcome);
    outcome
}

#[test]
fn the_table_says_what_a_request_requires() {
    let mut edge = serving(vec![
        record(1),
        KeyRecord { roles: vec![2], ..record(2) },
        KeyRecord { services: Some(vec!["dns".into()]), ..record(3) },
        KeyRecord { revoked: true, ..record(4) },
    ]);
    let table = edge.compile_routes(TABLE).unwrap();
    let code = |key, request| outcome(&edge, table, key, request).code;
    use Code::*;
    for (request, codes) in [
        ("GET /public/x", [Valid, Valid, ScopeDenied, Revoked]),
        ("GET /PUBLIC", [Valid, Valid, ScopeDenied, Revoked]),
        ("GET /cache/7?x", [Valid, Valid, ScopeDenied, Revoked]),
        ("HEAD /cache/%37/", [Valid, Valid, ScopeDenied, Revoked]),
        ("GET /Cache/7", [Valid, Valid, ScopeDenied, Revoked]),
        ("PUT /cache/7", [PermissionDenied, Valid, ScopeDenied, Revoked]),
        ("GET /cache", [PermissionDenied, Valid, ScopeDenied, Revoked]),
        ("GET /cache/", [PermissionDenied, Valid, ScopeDenied, Revoked]),
        ("GET /cache/7/8", [PermissionDenied, Valid, ScopeDenied, Revoked]),
        ("GET http://h/CACHE/7/8", [PermissionDenied, Valid, ScopeDenied, Revoked]),
        ("GET /closed", [PermissionDenied, PermissionDenied, PermissionDenied, Revoked]),
        ("GET /Closed/", [PermissionDenied, PermissionDenied, PermissionDenied, Revoked]),
        ("GET /other", [PermissionDenied, PermissionDenied, PermissionDenied, Revoked]),
    ] {
        assert_eq!([1, 2, 3, 4].map(|key| code(key, request)), codes, "{request}");
    }
    for request in [
        "GET /public/..%2fclosed",
        "GET /public//x",
        "GET //public",
        "GET /public/;x",
        "GET /public/%2e%2e",
        "GET /public/%e2%84%aa",
        "GET /%63ache/7",
        "get /public",
        "GET *",
        "GET public",
    ] {
        assert_eq!([1, 2, 4].map(|key| code(key, request)), [InvalidRequest; 3], "{request}");
    }
    let denied = outcome(&edge, table, 1, "GET /closed");
    assert!(denied.at.is_some(), "a log can name the key");
    assert_eq!(edge.verify_block(b"\nGET /closed", table, T0).code, Missing);
    assert_eq!(edge.verify_key(text(2).as_bytes(), None, table, T0).code, BadRequirement, "a bare key has no path");
    assert_eq!(edge.verify_key(text(2).as_bytes(), None, RequirementId::DENY, T0).code, PermissionDenied);
    assert_eq!(outcome(&edge, RequirementId(table.0 + 1), 2, "GET /public").code, BadRequirement, "no such table");
}

#[test]
fn a_preflight_passes_as_before() {
    let mut edge = edge("allow_preflight=on");
    let table = edge.compile_routes(TABLE).unwrap();
    let lines = "Origin:https://a.example\nAccess-Control-Request-Method:PUT";
    for (path, requirement) in [("/closed", table), ("/a//b", table), ("/a//b", RequirementId::NO_PATH)] {
        let outcome = edge.verify_block(format!("\nOPTIONS {path}\n{lines}").as_bytes(), requirement, T0);
        assert_eq!((outcome.code, outcome.flags), (Code::Missing, Outcome::PREFLIGHT));
    }
    assert_eq!(edge.verify_block(b"\nOPTIONS /a//b", table, T0).code, Code::InvalidRequest);
}

/// A host that compares paths itself has nothing to choose by where the core finds no normal form. It says so, and the request is
/// refused in the same place as with a table: not for want of a well-formed requirement, which would blame the host.
#[test]
fn without_a_path_to_choose_by_the_request_is_refused() {
    let edge = serving(vec![record(1)]);
    let key = text(1);
    let judge = |block: String, requirement| edge.verify_block(block.as_bytes(), requirement, T0);
    let with_key = format!("\nGET /a//b\nX-API-Key:{key}");
    assert_eq!(judge(with_key.clone(), RequirementId::NONE).code, Code::Valid);
    let refused = judge(with_key, RequirementId::NO_PATH);
    assert_eq!((refused.code, refused.at), (Code::InvalidRequest, None));
    assert_eq!(judge("\nGET /a//b".into(), RequirementId::NO_PATH).code, Code::InvalidRequest, "before the credential");
    let host = judge("\nGET /a//b\nHost: a\nHost: b".into(), RequirementId::NO_PATH);
    assert_eq!((host.code, host.flags), (Code::InvalidRequest, Outcome::BARE), "after the Host");
}

#[test]
fn a_refused_table_takes_no_number() {
    let mut edge = edge("");
    let first = edge.compile(None, Some("a"));
    assert!(edge.compile_routes("router=strict\ndefault\tpermission=b\n/a\tpermission=c\n/a").is_err());
    assert_eq!(edge.compile(None, Some("d")).0, first.0 + 1, "as if it had not been there");
    let tables: Vec<_> = (0..MAX_ROUTE_TABLES).map(|_| edge.compile_routes(TABLE).unwrap().0).collect();
    assert!(tables.is_sorted_by(|a, b| *b == a + 1));
    assert_eq!(edge.compile_routes(TABLE), Err(RouteError::TooManyTables));
}

#[test]
fn a_table_that_needs_more_requirements_than_there_is_room_for_is_refused() {
    let mut edge = edge("");
    let full = (0..MAX_REQUIREMENTS - 2).map(|n| edge.compile(None, Some(&format!("p{n}")))).last();
    assert_ne!(full, Some(RequirementId::BAD));
    assert_eq!(
        edge.compile_routes("router=strict\ndefault\tdeny\n/a\tpermission=x\n/b\tpermission=y"),
        Err(RouteError::TooMany)
    );
    assert!(edge.compile_routes("router=strict\ndefault\tdeny\n/a\tpermission=x").is_ok());
}
