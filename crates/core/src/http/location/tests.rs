use super::*;
use crate::http::{CredentialHeaders, Places, extract};
use alloc::format;
use alloc::vec;

const BAD: Result<&str, ExtractError> = Err(ExtractError::InvalidRequest);
const NONE: Result<&str, ExtractError> = Err(ExtractError::Missing);

fn run(location: &str, credentials: CredentialHeaders, lines: &str) -> Result<String, ExtractError> {
    let text = format!("192.0.2.1\nGET /\n{}", lines.replace(" | ", "\n"));
    let location = KeyLocation::parse(location).unwrap();
    let places = Places { credentials, query: None, location: Some(&location) };
    extract(&Block::parse(text.as_bytes()).unwrap(), places).map(|key| String::from_utf8(key.into()).unwrap())
}

fn all(location: &str, rows: &[(&str, Result<&str, ExtractError>)]) {
    for (lines, want) in rows {
        assert_eq!(run(location, CredentialHeaders::empty(), lines).as_deref(), want.as_deref(), "{location}: {lines}");
    }
}

#[test]
fn a_header_with_a_key_alone() {
    all(
        "header X-Acme-Key",
        &[
            ("x-acme-KEY:\t K1 ", Ok("K1")),
            ("", NONE),
            ("X-API-Key: K1", NONE),
            ("Authorization: Bearer K1", NONE),
            ("X-Acme-Key:", BAD),
            ("X-Acme-Key: Bearer K1", BAD),
            ("X-Acme-Key: K1, K1", BAD),
            ("X-Acme-Key: \"K1\"", BAD),
            ("X-Acme-Key: K1 | x-acme-key: K1", BAD),
            ("X-Acme-Key: K1 | x-acme-key:", BAD),
            ("X-Acme-Key-Id: K1", NONE),
            ("X_Acme_Key: K1", NONE),
        ],
    );
}

#[test]
fn a_scheme_of_its_own() {
    let rows = |header: &'static str| {
        let row = move |value: &str, want| (format!("{header}:{value}"), want);
        vec![
            row(" Token K1", Ok("K1")),
            row("tOKEN   K1==", Ok("K1==")),
            row(" Bearer K1", NONE),
            row(" Basic eDp5", NONE),
            row(" K1", NONE),
            row(" Token", BAD),
            row(" Token K1 K2", BAD),
            row(" Token\tK1", BAD),
            row(" Token K1, Token K2", BAD),
            row(" Token token=K1", BAD),
            row(" Basic x:y", BAD),
            row("", BAD),
            (format!("{header}: Token K1 | {header}: Token K1"), BAD),
        ]
    };
    for (location, header) in [("header authorization Token", "Authorization"), ("header X-Auth Token", "X-Auth")] {
        for (lines, want) in rows(header) {
            assert_eq!(run(location, CredentialHeaders::empty(), &lines).as_deref(), want.as_deref(), "{location}: {lines}");
        }
    }
}

#[test]
fn an_authorization_line_with_a_key_alone() {
    all(
        "header Authorization",
        &[
            ("Authorization: K1", Ok("K1")),
            ("Authorization: Bearer K1", NONE),
            ("Authorization: Basic eDp5", NONE),
            ("Authorization: K1, K2", BAD),
            ("Authorization: K1 K2 K3", BAD),
            ("Authorization:", BAD),
            ("Authorization: K1 | Authorization: Bearer K2", BAD),
        ],
    );
    for key in ["K1", "a/b", "//h", "K1==", "a+b/c="] {
        let line = format!("Authorization: {key}");
        assert_eq!(run("header authorization", CredentialHeaders::all(), &line).as_deref(), Ok(key), "one that is no scheme");
    }
    // A word that is a scheme is no key where the realm takes it for one.
    assert_eq!(run("header authorization", CredentialHeaders::all(), "Authorization: Bearer").as_deref(), BAD.as_deref());
}

#[test]
fn basic_credentials() {
    all(
        "basic username",
        &[
            ("Authorization: Basic SzE6", Ok("K1")),      // K1:
            ("Authorization: bASIC  SzE6eDp5", Ok("K1")), // K1:x:y
            ("Authorization: Basic OksxIA==", BAD),       // :K1 and a blank
            ("Authorization: Basic Og==", BAD),           // :
            ("Authorization: Basic SzE=", BAD),           // K1, without a colon
            ("Authorization: Basic SyAxOg==", BAD),       // K 1:
            ("Authorization: Basic SzE6AA==", BAD),       // K1: and NUL
            ("Authorization: Basic SzE6fw==", BAD),       // K1: and DEL
            ("Authorization: Basic", BAD),
            ("Authorization: Basic SzE6=", BAD),
            ("Authorization: Basic SzE6eB==", BAD), // bits to spare that are set
            ("Authorization: Basic SzE", BAD),      // no padding
            ("Authorization: Basic SzE6____", BAD), // the alphabet of URLs
            ("Authorization: Basic SzE6, Basic SzE6", BAD),
            ("Authorization: Basic SzE6 | Authorization: Basic SzE6", BAD),
            ("Authorization: Bearer SzE6", NONE),
            ("Authorization: Digest a=\"b\"", NONE),
        ],
    );
    all(
        "basic password",
        &[
            ("Authorization: Basic eDpLMQ==", Ok("K1")),   // x:K1
            ("Authorization: Basic OksxPT0=", Ok("K1==")), // :K1==
            ("Authorization: Basic eDpLMTp5", BAD),        // x:K1:y
            ("Authorization: Basic SzE6", BAD),            // K1:
            ("Authorization: Basic Cng6SzE=", BAD),        // a line end before x:K1
        ],
    );
}

/// A second credential is refused wherever it stands: of two, another reader of the request may take the other.
#[test]
fn two_credentials() {
    for (location, one) in [
        ("header x-acme-key", "X-Acme-Key: K1"),
        ("header authorization Token", "Authorization: Token K1"),
        ("header authorization", "Authorization: K1"),
        ("basic username", "Authorization: Basic SzE6"),
    ] {
        let run = |lines: &str| run(location, CredentialHeaders::all(), lines);
        assert_eq!(run(one).as_deref(), Ok("K1"), "{location}");
        assert_eq!(run("X-API-Key: K1").as_deref(), Ok("K1"), "{location}");
        assert_eq!(run("Authorization: Bearer K1").as_deref(), Ok("K1"), "{location}");
        for other in ["X-API-Key: K1", "X-API-Key:", "Authorization: Bearer K1"] {
            assert_eq!(run(&format!("{one} | {other}")).as_deref(), BAD.as_deref(), "{location}: {other}");
        }
    }
}

#[test]
fn only_places_that_mean_nothing_else() {
    for good in [
        "header X-Acme-Key",
        "header authorization",
        "header Authorization ApiKey",
        "header x-a b",
        "basic username",
        "basic password",
    ] {
        assert!(KeyLocation::parse(good).is_some(), "{good}");
    }
    let long = format!("header {}", "a".repeat(MAX_NAME + 1));
    for bad in [
        "",
        "header",
        "header ",
        "basic",
        "basic x",
        "basic username x",
        "basic Username",
        "cookie a",
        "header X-API-Key",
        "header x-api-key Token",
        "header host",
        "header Origin",
        "header access-control-request-method",
        "header :authority",
        "header a b c",
        "header  a",
        "header a ",
        "header a:b",
        "header a bé",
        "header authorization bearer",
        "header authorization BASIC",
        "header x-a Bearer",
        &long,
    ] {
        assert!(KeyLocation::parse(bad).is_none(), "{bad}");
    }
    let scheme = |text: &str| String::from(KeyLocation::parse(text).unwrap().scheme());
    assert_eq!(["header x-a", "header x-a Token", "basic password"].map(scheme), ["Bearer", "Token", "Basic"]);
}
