//! Signing in to the console at an identity provider, and what an attacker may try on that.

use crate::common::browser::{Browser, text};
use crate::common::idp::{CLIENT, Idp, SECRET, key, now, pairs};
use crate::common::{Plane, Reply, Served, slug};
use edgelatch_registry::{KeyOrder, Paging, management};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

const KEYS: &str = "/console/r/acme/keys";
const START: &str = "/console/sign-in/provider";
const BACK: &str = "/console/sign-in/callback";
const RULES: &[&str] = &["groups=ops:administrator@*", "groups=web:viewer@acme/one", "email=jo@example.com:auditor@acme"];

fn serve(plane: &Plane, idp: &Idp) -> Served {
    let options = edgelatch_server::Options { console: Some(idp.options(RULES)), ..plane.options() };
    Served::start(options, &plane.admin)
}

/// Sent to the provider and back again, as a browser does it.
fn go(b: &mut Browser<'_>, idp: &Idp, start: &str) -> Reply {
    let reply = b.get(start);
    let to = reply.header("location").unwrap_or_else(|| panic!("{reply}")).to_owned();
    let back = idp.authorize(&to);
    b.get(&format!("{BACK}?{back}"))
}

/// Keys that sign-ins have made.
fn made(plane: &Plane) -> Vec<edgelatch_registry::Key> {
    let keys = plane
        .registry
        .keys(&slug(management::REALM))
        .list(&Default::default(), KeyOrder::default(), &Paging::first(100))
        .unwrap();
    keys.keys.into_iter().filter(|key| key.org.as_str() == "people").collect()
}

fn is_in(b: &mut Browser<'_>) -> bool {
    b.get("/console").status == 200
}

#[test]
fn somebody_signs_in_with_what_the_table_gives_them_until_they_sign_out() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u-1", "name": "Jo Doe", "groups": ["web", "other"] }));
    let s = serve(&plane, &idp);
    let mut b = Browser::new(&s);
    let page = b.page("/console/sign-in?next=/console/r/acme/keys");
    assert!(page.contains("href=\"/console/sign-in/provider?next=%2Fconsole%2Fr%2Facme%2Fkeys\""), "{page}");
    let reply = go(&mut b, &idp, &format!("{START}?next=%2Fconsole%2Fr%2Facme%2Fkeys"));
    // From a page of this site, so that browsers send the cookie with the next request.
    assert!(reply.status == 200 && text(&reply).contains("content=\"0; url=/console/r/acme/keys\""), "{reply}");
    assert!(reply.head.contains("edgelatch-provider=; ") && reply.head.contains("SameSite=Strict"), "{reply}");
    assert!(!b.cookies.contains_key("edgelatch-provider"));
    b.page(KEYS);
    // A viewer of one org.
    b.page(&format!("{KEYS}/new"));
    assert_eq!(b.post(&format!("{KEYS}/new?org=one"), &[("name", "x"), ("roles", "reader"), ("send", "1")]).status, 403);
    assert_eq!(b.get(&format!("{KEYS}?org=two")).status, 403);
    assert!(b.page("/console").contains("Jo Doe"));
    let own = made(&plane);
    assert_eq!(own.len(), 1);
    assert!(own[0].expires_at.unwrap() <= now() + edgelatch_registry::limits::SESSION_LIFE + 5);
    // The log says who that is.
    let log = plane.registry.audit(&slug(management::REALM)).list(&Default::default(), &Paging::first(10)).unwrap().rows;
    let row = log.iter().find(|row| row.action == "key.create" && row.target == own[0].key_id.to_string()).unwrap();
    assert_eq!(row.actor, format!("oidc:u-1 at {}", idp.issuer()));
    assert!(row.after.as_ref().unwrap().to_string().contains(&format!("Signed in at {} as u-1", idp.issuer())));
    let cookies = b.cookies.clone();
    b.page(KEYS);
    assert_eq!(b.post("/console/sign-out", &[]).status, 303);
    b.cookies = cookies;
    assert!(!is_in(&mut b) && made(&plane).is_empty());
    // Whoever signs in again is the same owner, and others are others.
    go(&mut b, &idp, START);
    idp.says(json!({ "sub": "u-2", "groups": "ops" }));
    let mut other = Browser::new(&s);
    go(&mut other, &idp, START);
    let mut owners: Vec<String> = made(&plane).iter().map(|key| key.owner.to_string()).collect();
    owners.sort();
    owners.dedup();
    assert!(owners.len() == 2 && owners.contains(&own[0].owner.to_string()), "{owners:?}");
    other.page(&format!("/console/r/{}/keys", management::REALM));
}

#[test]
fn signing_out_everywhere_and_locking_out_reach_every_browser() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u-1", "groups": ["web"] }));
    let s = serve(&plane, &idp);
    let mut all = [Browser::new(&s), Browser::new(&s), Browser::new(&s)];
    for b in &mut all {
        go(b, &idp, START);
        assert!(is_in(b));
    }
    idp.says(json!({ "sub": "u-2", "groups": ["web"] }));
    let mut other = Browser::new(&s);
    go(&mut other, &idp, START);
    let [one, two, three] = &mut all;
    one.page(KEYS);
    assert_eq!(one.post("/console/sign-out", &[("everywhere", "1")]).status, 303);
    assert!(!is_in(one) && !is_in(two) && !is_in(three) && is_in(&mut other));
    assert_eq!(made(&plane).len(), 1);
    // An owner that is disabled is out with the next click, and comes back no more.
    let owner = made(&plane)[0].owner.to_string();
    let edit = format!("PATCH /api/v1/realms/{}/orgs/people/owners/{owner}", management::REALM);
    s.call(&edit, &json!({ "disabled": true })).ok();
    assert!(!is_in(&mut other));
    let reply = go(&mut other, &idp, START);
    assert!(reply.status == 403 && text(&reply).contains("role=\"alert\""), "{reply}");
    assert!(!is_in(&mut other));
}

#[test]
fn whom_no_rule_fits_is_not_let_in() {
    let plane = Plane::new();
    let idp = Idp::new(json!({}));
    let s = serve(&plane, &idp);
    for claims in [
        json!({ "sub": "u" }),
        json!({ "sub": "u", "groups": ["Ops"] }),
        json!({ "sub": "u", "email": "jo@example.com" }),
        json!({ "sub": "u", "email": "jo@example.com", "email_verified": false }),
        json!({ "sub": "x".repeat(256), "groups": ["ops"] }),
        json!({ "sub": "a\u{202e}b", "groups": ["ops"] }),
    ] {
        idp.says(claims.clone());
        let mut b = Browser::new(&s);
        let reply = go(&mut b, &idp, START);
        assert!(reply.status == 403 && !b.cookies.contains_key("edgelatch") && !is_in(&mut b), "{claims}: {reply}");
    }
    assert!(made(&plane).is_empty());
    idp.says(json!({ "sub": "u", "email": "jo@example.com", "email_verified": true }));
    let mut b = Browser::new(&s);
    go(&mut b, &idp, START);
    assert!(is_in(&mut b));
}

/// A code that another browser has begun with would sign its owner in here, or whoever is here in as them.
#[test]
fn what_another_browser_began_signs_nobody_in() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u", "groups": ["ops"] }));
    let s = serve(&plane, &idp);
    let (mut victim, mut attacker) = (Browser::new(&s), Browser::new(&s));
    let begin = |b: &mut Browser<'_>| idp.authorize(b.get(START).header("location").unwrap());
    let theirs = begin(&mut attacker);
    // Without having begun, or having begun otherwise; with a state that is none.
    assert_eq!(victim.get(&format!("{BACK}?{theirs}")).status, 403);
    let own = begin(&mut victim);
    assert_eq!(victim.get(&format!("{BACK}?{theirs}")).status, 403);
    let code = pairs(&own)["code"].clone();
    for state in ["", "&state=", "&state=AAAA", &format!("&state={}", "A".repeat(43))] {
        begin(&mut victim);
        assert_eq!(victim.get(&format!("{BACK}?code={code}{state}")).status, 403, "{state}");
    }
    // Not even the provider was asked.
    assert_eq!(idp.given(), 0);
    // With the right state, but somebody else's code: the verifier is another (PKCE).
    let own = begin(&mut victim);
    let stolen = format!("code={}&state={}", pairs(&theirs)["code"], pairs(&own)["state"]);
    assert_eq!(victim.get(&format!("{BACK}?{stolen}")).status, 403);
    // An answer in the name of another provider (RFC 9207).
    let own = begin(&mut victim);
    assert_eq!(victim.get(&format!("{BACK}?{own}&iss=https%3A%2F%2Fevil.example")).status, 403);
    assert_eq!(idp.given(), 0);
    let own = begin(&mut victim);
    assert_eq!(victim.get(&format!("{BACK}?error=access_denied&state={}", pairs(&own)["state"])).status, 403);
    assert!(!is_in(&mut victim) && made(&plane).is_empty());
}

#[test]
fn a_code_counts_once() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u", "groups": ["ops"] }));
    let s = serve(&plane, &idp);
    let mut b = Browser::new(&s);
    let reply = b.get(START);
    let back = format!("{BACK}?{}", idp.authorize(reply.header("location").unwrap()));
    let held = b.cookies.clone();
    assert_eq!(b.get(&back).status, 200);
    let mut thief = Browser::new(&s);
    assert_eq!(thief.get(&back).status, 403);
    // Also with what the browser held when it came back.
    thief.cookies = held;
    assert_eq!(thief.get(&back).status, 403);
    assert!(!is_in(&mut thief) && is_in(&mut b));
    assert_eq!(made(&plane).len(), 1);
}

type Forgery = (&'static str, fn(&mut Value, &mut Value) -> Option<Vec<u8>>);

/// The signature of a key that is not the provider's.
fn foreign(header: &Value, claims: &Value) -> Vec<u8> {
    use base64::Engine;
    let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    key().sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec()
}

/// What anybody can make who knows the client's secret, which is no signature of the provider's.
fn by_secret(header: &Value, claims: &Value) -> Vec<u8> {
    use base64::Engine;
    use hmac::{KeyInit, Mac};
    let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{}.{}", part(header), part(claims)).as_bytes());
    mac.finalize().into_bytes().to_vec()
}

const FORGERIES: &[Forgery] = &[
    ("nonce", |_, claims| {
        claims["nonce"] = "another".into();
        None
    }),
    ("no nonce", |_, claims| {
        claims.as_object_mut().unwrap().remove("nonce");
        None
    }),
    ("audience", |_, claims| {
        claims["aud"] = "somebody".into();
        None
    }),
    ("audience among others, presented by nobody", |_, claims| {
        claims["aud"] = json!([CLIENT, "somebody"]);
        None
    }),
    ("presented by another", |_, claims| {
        claims["azp"] = "somebody".into();
        None
    }),
    ("issuer", |_, claims| {
        claims["iss"] = "https://evil.example".into();
        None
    }),
    ("issuer with a slash", |_, claims| {
        claims["iss"] = format!("{}/", claims["iss"].as_str().unwrap()).into();
        None
    }),
    ("expired", |_, claims| {
        claims["exp"] = (now() - 120).into();
        None
    }),
    ("never ends", |_, claims| {
        claims.as_object_mut().unwrap().remove("exp");
        None
    }),
    ("an end that is no time", |_, claims| {
        claims["exp"] = "9999999999".into();
        None
    }),
    ("from the future", |_, claims| {
        claims["iat"] = (now() + 3_600).into();
        None
    }),
    ("does not count yet", |_, claims| {
        claims["nbf"] = (now() + 3_600).into();
        None
    }),
    ("nobody", |_, claims| {
        claims["sub"] = "".into();
        None
    }),
    ("alg none", |header, _| {
        header["alg"] = "none".into();
        Some(Vec::new())
    }),
    ("alg None", |header, _| {
        header["alg"] = "None".into();
        Some(Vec::new())
    }),
    ("no signature", |_, _| Some(Vec::new())),
    ("by the client's secret", |header, claims| {
        header["alg"] = "HS256".into();
        Some(by_secret(header, claims))
    }),
    ("another's key", |header, claims| Some(foreign(header, claims))),
    ("a key that the token brings", |header, claims| {
        header["jwk"] = json!({ "kty": "EC" });
        header["jku"] = "http://127.0.0.1:1/".into();
        Some(foreign(header, claims))
    }),
    ("a key of another kind", |header, _| {
        header["alg"] = "RS256".into();
        None
    }),
    ("a key that there is not", |header, _| {
        header["kid"] = "two".into();
        None
    }),
    ("what is critical and not known", |header, _| {
        header["crit"] = json!(["exp"]);
        None
    }),
];

#[test]
fn a_forged_token_signs_nobody_in() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u", "groups": ["ops"] }));
    let s = serve(&plane, &idp);
    let mut b = Browser::new(&s);
    for (what, forge) in FORGERIES {
        idp.forges(*forge);
        let reply = go(&mut b, &idp, START);
        assert_eq!(reply.status, 403, "{what}: {reply}");
        assert!(!b.cookies.contains_key("edgelatch") && !is_in(&mut b), "{what}");
    }
    assert_eq!(idp.given(), FORGERIES.len() as u64);
    assert!(made(&plane).is_empty());
    // Nothing but the forgery kept it from being believed.
    idp.forges(|_, _| None);
    assert_eq!(go(&mut b, &idp, START).status, 200);
    assert!(is_in(&mut b));
    assert!(!s.log.text().contains(SECRET));
}

#[test]
fn a_provider_may_change_its_key_and_be_away() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u", "groups": ["ops"] }));
    let s = serve(&plane, &idp);
    let mut b = Browser::new(&s);
    assert_eq!(go(&mut b, &idp, START).status, 200);
    // The documents are asked for again at most so often: until then, a key that is new is unknown.
    idp.changes_key("two");
    assert_eq!(go(&mut b, &idp, START).status, 403);
    // One that is not there at all: the page says so, and keys go on to sign in.
    let nowhere = Idp::new(json!({}));
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut options = nowhere.options(RULES);
    let rules = RULES.iter().map(|rule| rule.parse().unwrap()).collect();
    let oidc = edgelatch_server::Oidc::new(&format!("http://{gone}"), CLIENT, None, "http://localhost", Vec::new(), rules);
    options.oidc = Some(oidc.unwrap());
    let away = Served::start(edgelatch_server::Options { console: Some(options), ..plane.options() }, &plane.admin);
    let mut b = Browser::new(&away);
    let reply = b.get(START);
    assert!(reply.status == 502 && text(&reply).contains("cannot be reached"), "{reply}");
    assert_eq!(b.post("/console/sign-in", &[("key", &plane.admin)]).status, 303);
}

#[test]
fn nobody_is_brought_elsewhere_and_nothing_planted_counts() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u", "groups": ["ops"] }));
    let s = serve(&plane, &idp);
    for next in
        ["https://evil.example/", "//evil.example", "/console//evil.example", "/console/\\evil.example", "/console\"><script>"]
    {
        let escaped: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let mut b = Browser::new(&s);
        let reply = go(&mut b, &idp, &format!("{START}?next={escaped}"));
        let page = text(&reply);
        assert!(page.contains("url=/console\"") && !page.contains("evil") && !page.contains("<script>"), "{next}: {page}");
    }
    // The place is the browser's own to hold, and read as any other.
    let mut b = Browser::new(&s);
    let reply = b.get(START);
    let back = idp.authorize(reply.header("location").unwrap());
    let token = b.cookies["edgelatch-provider"].split('.').next().unwrap().to_owned();
    b.cookies.insert("edgelatch-provider".into(), format!("{token}.Ly9ldmlsLmV4YW1wbGU."));
    let page = text(&b.get(&format!("{BACK}?{back}")));
    assert!(page.contains("url=/console\"") && !page.contains("evil"), "{page}");
    // What the browser held before signs nobody in.
    let planted = format!("{}.AAAA", "A".repeat(43));
    let mut b = Browser::new(&s);
    b.cookies.insert("edgelatch".into(), planted.clone());
    go(&mut b, &idp, START);
    assert!(b.cookies["edgelatch"] != planted && is_in(&mut b));
    let began_with = b.cookies["edgelatch"].clone();
    go(&mut b, &idp, START);
    let mut thief = Browser::new(&s);
    for known in [planted, began_with] {
        thief.cookies.insert("edgelatch".into(), known);
        assert!(!is_in(&mut thief));
    }
}

#[test]
fn without_a_provider_there_is_no_such_sign_in() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::new(&s);
    assert!(!b.page("/console/sign-in").contains("sign-in/provider"));
    assert_eq!((b.get(START).status, b.get(&format!("{BACK}?code=x&state=y")).status), (404, 404));
}
