use super::*;
use alloc::string::String;

/// `Some(credential)`, or the error; lines are separated by ` | `.
fn run(lines: &str, credentials: CredentialHeaders, query: Option<&str>, target: &str) -> Result<String, ExtractError> {
    let text = alloc::format!("192.0.2.1\nGET {target}\n{}", lines.replace(" | ", "\n"));
    let block = Block::parse(text.as_bytes()).map_err(|_| InvalidRequest)?;
    let places = Places { credentials, query, location: None };
    extract(&block, places).map(|key| String::from_utf8(key.into()).unwrap())
}

#[test]
fn headers() {
    const BAD: Result<&str, ExtractError> = Err(InvalidRequest);
    const NONE: Result<&str, ExtractError> = Err(Missing);
    for (lines, want) in [
        ("", NONE),
        ("Authorization: Bearer K1", Ok("K1")),
        ("authorization:bEaReR   K1==\t", Ok("K1==")),
        ("X-API-KEY:\t K1 ", Ok("K1")),
        // What is ours, malformed.
        ("Authorization:", BAD),
        ("Authorization: Bearer", BAD),
        ("Authorization: Bearer \t", BAD),
        ("Authorization: Bearer\tK1", BAD),
        ("Authorization: Bearer \tK1", BAD),
        ("Authorization: Bearer K1 K2", BAD),
        ("Authorization: Bearer K1,", BAD),
        ("Authorization: Bearer ,K1", BAD),
        ("Authorization: Bearer =", BAD),
        ("Authorization: Bearer K=1", BAD),
        ("Authorization: Bearer K1, Bearer K2", BAD),
        ("Authorization: Bearer token=\"K1\"", BAD),
        ("Authorization: Bearer \"K1\"", BAD),
        ("Authorization: Bearer: K1", BAD),
        ("Authorization: Bearer,K1", BAD),
        ("Authorization: Bearer=K1", BAD),
        ("Authorization: Bearer K1\u{a0}", BAD),
        ("Authorization: \u{a0}Bearer K1", BAD),
        ("Authorization: Bearer\u{a0}K1", BAD),
        ("Authorization: Bearer %4b1", BAD),
        ("Authorization: Bearer [object Object]", BAD),
        ("X-API-Key:", BAD),
        ("X-API-Key: \t", BAD),
        ("X-API-Key: Bearer K1", BAD),
        ("X-API-Key: K1, K1", BAD),
        ("X-API-Key: \"K1\"", BAD),
        ("X-API-Key: Ké", BAD),
        // Another scheme is no credential of ours.
        ("Authorization: K1", NONE),
        ("Authorization: BearerK1", NONE),
        ("Authorization: Basic eDp5", NONE),
        ("Authorization: Basic   eDp5==", NONE),
        ("Authorization: Negotiate", NONE),
        ("Authorization: Negotiate a=", NONE),
        ("Authorization: Digest username=\"a, b\", realm=\"c\\\"d\" , qop = auth,nc=1", NONE),
        ("Authorization: Digest username=\"é\"", NONE),
        // Unless it is not well formed.
        ("Authorization: \"K1\"", BAD),
        ("Authorization: Basic x:y", BAD),
        ("Authorization: Basic\teDp5", BAD),
        ("Authorization: Basic eDp5,", BAD),
        ("Authorization: Basic eDp5, Bearer K1", BAD),
        ("Authorization: Digest a=\"b\", Bearer K1", BAD),
        ("Authorization: Digest a=\"b\", Bearer", BAD),
        ("Authorization: Digest a=\"b\",", BAD),
        ("Authorization: Digest ,a=\"b\"", BAD),
        ("Authorization: Digest a=\"b\",,c=d", BAD),
        ("Authorization: Digest a=\"b", BAD),
        ("Authorization: Digest a=\"b\"c=d", BAD),
        ("Authorization: Digest a=,b=c", BAD),
        ("Authorization: Digest =b", BAD),
        ("Authorization: Digest a b", BAD),
        ("Authorization: Basic é", BAD),
        ("Authorization: ,", BAD),
        // Repeats.
        ("Authorization: Bearer K1 | Authorization: Bearer K1", BAD),
        ("Authorization: Basic eDp5 | Authorization: Bearer K1", BAD),
        ("Authorization: Bearer K1 | AUTHORIZATION:", BAD),
        ("Authorization: Basic eDp5 | Authorization: Basic eDp5", BAD),
        ("X-API-Key: K1 | x-api-key: K1", BAD),
        // Both.
        ("Authorization: Bearer K1 | X-API-Key: K1", BAD),
        ("Authorization: Bearer K1 | X-API-Key:", BAD),
        ("Authorization: Bearer | X-API-Key: K1", BAD),
        ("Authorization: | X-API-Key: K1", BAD),
        ("Authorization: Basic x:y | X-API-Key: K1", BAD),
        ("Authorization: Basic eDp5 | X-API-Key: K1", Ok("K1")),
        ("Authorization: Basic eDp5 | X-API-Key:", BAD),
        // Look-alikes.
        ("Proxy-Authorization: Bearer K1", NONE),
        ("X-Api-Key-Id: K1", NONE),
        ("X_API_Key: K1", NONE),
        ("Cookie: x-api-key=K1", NONE),
        ("X-API-Key : K1", BAD),
    ] {
        assert_eq!(run(lines, CredentialHeaders::all(), None, "/").as_deref(), want.as_deref(), "{lines}");
    }
}

#[test]
fn a_header_that_is_not_configured_is_ignored() {
    for lines in ["Authorization: Bearer eyJ.e30.x", "Authorization: ???", "Authorization: | Authorization:"] {
        let both = alloc::format!("{lines} | X-API-Key: K1");
        assert_eq!(run(&both, CredentialHeaders::API_KEY, None, "/").as_deref(), Ok("K1"));
        assert_eq!(run(lines, CredentialHeaders::API_KEY, None, "/"), Err(Missing));
    }
    assert_eq!(run("X-API-Key: | Authorization: Bearer K1", CredentialHeaders::BEARER, None, "/").as_deref(), Ok("K1"));
    assert_eq!(run("X-API-Key: K1", CredentialHeaders::empty(), None, "/?k=K1"), Err(Missing));
}

#[test]
fn query() {
    for (target, lines, want) in [
        ("/?api_key=K1", "", Ok("K1")),
        ("/?a=b&api_key=K1&c", "", Ok("K1")),
        ("http://h?api_key=K1#x", "", Ok("K1")),
        ("/?api_key=K%31", "", Err(InvalidRequest)),
        ("/?api_key=K1+==", "", Ok("K1+==")),
        ("/?api_key=", "", Err(InvalidRequest)),
        ("/?api_key", "", Err(InvalidRequest)),
        ("/?api_key=K1=2", "", Err(InvalidRequest)),
        ("/?api_key=K1&api_key=K1", "", Err(InvalidRequest)),
        ("/?api_key=K1&api_key", "", Err(InvalidRequest)),
        ("/?api%5fkey=K1", "", Err(InvalidRequest)),
        ("/?api_key=K1&%61pi_key=K2", "", Err(InvalidRequest)),
        ("/?API_KEY=K1", "", Err(Missing)),
        ("/?api%5Fkey2=K1", "", Err(Missing)),
        ("/?api_ke%", "", Err(Missing)),
        ("/?api_key[$ne]=1", "", Err(Missing)),
        ("/?api_key[]=K1", "", Err(Missing)),
        ("/?;api_key=K1", "", Err(Missing)),
        ("/?a=1;api_key=K1", "", Err(Missing)),
        ("/api_key=K1", "", Err(Missing)),
        ("/?a#&api_key=K1", "", Err(Missing)),
        ("/#?api_key=K1", "", Err(Missing)),
        ("/?", "", Err(Missing)),
        ("/?api_key=K1", "X-API-Key: K1", Err(InvalidRequest)),
        ("/?api_key=K1", "Authorization: Bearer K1", Err(InvalidRequest)),
        ("/?api_key=", "Authorization: Bearer K1", Err(InvalidRequest)),
        ("/?api_key=K1", "Authorization: Basic eDp5", Ok("K1")),
    ] {
        let got = run(lines, CredentialHeaders::all(), Some("api_key"), target);
        assert_eq!(got.as_deref(), want.as_deref(), "{target} {lines}");
    }
    assert_eq!(
        run("X-API-Key: K1", CredentialHeaders::all(), None, "/?api_key=K1").as_deref(),
        Ok("K1"),
        "no configured parameter"
    );
    for (name, good) in
        [("api_key", true), ("access-token", true), ("", false), ("a b", false), ("a%62", false), ("a=b", false)]
    {
        assert_eq!(is_query_name(name), good, "{name}");
    }
}

#[test]
fn long_credentials_pass_through() {
    let key = "A".repeat(513);
    assert_eq!(run(&alloc::format!("X-API-Key: {key}"), CredentialHeaders::all(), None, "/"), Ok(key));
}
