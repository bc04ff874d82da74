//! What was issued counts, and nothing that differs from it in a bit: what a browser holds while it is signed in, and the link of an invitation.

use edgelatch_registry::Error;
use serde_json::json;

use crate::common::Plane;
use crate::common::browser::Browser;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Every text that differs in one bit of what base64 stands for, and those that are cut, longer or in the other case.
fn near(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        let Some(value) = BASE64.iter().position(|one| *one == byte) else { continue };
        for bit in 0..6 {
            let mut other = text.as_bytes().to_vec();
            other[at] = BASE64[value ^ 1 << bit];
            all.push(String::from_utf8(other).unwrap());
        }
    }
    all.extend([
        text[1..].into(),
        text[..text.len() - 1].into(),
        format!("{text}A"),
        format!("{text}="),
        text.to_lowercase(),
        text.to_uppercase(),
    ]);
    all.retain(|other| other != text);
    all
}

#[test]
fn nobody_is_signed_in_by_a_cookie_that_is_nearly_theirs() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut browser = Browser::signed_in(&s, s.admin());
    let held = browser.cookies.clone();
    let (name, ticket) = held.iter().find(|(_, value)| value.contains('.')).unwrap();
    let others = near(ticket);
    assert!(others.len() > 400, "{}", others.len());
    for other in others {
        browser.cookies = held.clone();
        browser.cookies.insert(name.clone(), other.clone());
        let reply = browser.get("/console/r/acme/keys");
        assert!(reply.status == 303, "{ticket}\n{other}\n{reply}");
    }
    // Whoever tries that ends nobody's own.
    browser.cookies = held.clone();
    browser.page("/console");
}

#[test]
fn no_link_counts_that_is_nearly_one() {
    let plane = Plane::new();
    let s = plane.serve();
    let invited = s.call("POST /api/v1/realms/acme/people", &json!({ "name": "Jo", "roles": ["viewer"] })).ok();
    let link = invited["link"].as_str().unwrap();
    let link = link.rsplit(['/', '#', '=']).next().unwrap();
    let others = near(link);
    assert!(others.len() > 250, "{}", others.len());
    for other in others {
        assert!(matches!(plane.registry.people().accept(&other, None), Err(Error::LinkEnded)), "{link}\n{other}");
    }
    plane.registry.people().accept(link, None).unwrap();
    assert!(matches!(plane.registry.people().accept(link, None), Err(Error::LinkEnded)), "it counts once");
}
