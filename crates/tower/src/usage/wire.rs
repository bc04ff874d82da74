//! An event as the control plane reads it, JSON. It refuses a whole batch for one part that is not well formed, so such a part is left out here.

use std::borrow::Cow;

use serde::Serialize;

use super::UsageEvent;

/// Stands for what is not known, or is no such thing.
pub(super) const NONE: &str = "-";
/// Bytes of an endpoint that the control plane keeps at most.
const MAX_ENDPOINT: usize = 512;
/// Bytes that it takes as a method, and as the id of an event.
const MAX_METHOD: usize = 20;
const MAX_ID: usize = 64;

#[derive(Serialize)]
struct Wire<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    at: u64,
    method: &'e str,
    endpoint: Cow<'e, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'e str>,
    status: u16,
    code: &'e str,
    event: &'e str,
}

/// The text of an event; `own` is its id where the host gave none.
pub(super) fn text(event: &UsageEvent, own: &str) -> String {
    let one_of =
        |text: &str, most: usize, each: fn(&u8) -> bool| (1..=most).contains(&text.len()) && text.as_bytes().iter().all(each);
    let is_method = one_of(&event.method, MAX_METHOD, |byte| byte.is_ascii_uppercase() || *byte == b'-');
    let is_country =
        |country: &&str| one_of(country, 2, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) && country.len() == 2;
    let id = event.id.as_deref().filter(|id| one_of(id, MAX_ID, u8::is_ascii_graphic));
    let wire = Wire {
        key_id: event.key_id.map(|id| id.to_string()),
        at: event.at,
        method: if is_method { &event.method } else { NONE },
        endpoint: endpoint(&event.endpoint),
        ip: event.ip.map(|ip| ip.to_canonical().to_string()),
        country: event.country.as_deref().filter(is_country),
        // A status that cannot be sent never was.
        status: if (100..600).contains(&event.status) { event.status } else { 500 },
        code: event.code.name(),
        event: id.unwrap_or(own),
    };
    serde_json::to_string(&wire).unwrap_or_default()
}

/// The path alone: a query could hold a credential.
pub(super) fn endpoint(path: &str) -> Cow<'_, str> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.get(..path.floor_char_boundary(MAX_ENDPOINT)).unwrap_or_default();
    match path {
        "" => NONE.into(),
        path if path.chars().any(char::is_control) => path.replace(char::is_control, "\u{fffd}").into(),
        path => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgelatch_core::key::KeyId;
    use edgelatch_core::verdict::Code;

    fn event() -> UsageEvent {
        let (method, endpoint) = ("GET".into(), "/v1/zones".into());
        UsageEvent {
            key_id: None,
            at: 7,
            method,
            endpoint,
            ip: None,
            country: None,
            status: 200,
            code: Code::Missing,
            id: None,
        }
    }

    #[test]
    fn an_event_is_what_the_control_plane_takes() {
        assert_eq!(
            text(&event(), "a-1"),
            r#"{"at":7,"method":"GET","endpoint":"/v1/zones","status":200,"code":"missing","event":"a-1"}"#
        );
        let full = UsageEvent {
            key_id: Some(KeyId(1)),
            ip: Some("::ffff:192.0.2.1".parse().unwrap()),
            country: Some("CH".into()),
            id: Some("mine".into()),
            code: Code::Valid,
            ..event()
        };
        let full = text(&full, "a-1");
        for part in [r#""key_id":"key_00000000001""#, r#""ip":"192.0.2.1""#, r#""country":"CH""#, r#""event":"mine""#] {
            assert!(full.contains(part), "{part}: {full}");
        }
    }

    #[test]
    fn what_would_be_refused_is_left_out() {
        let odd = UsageEvent {
            method: "get\n".into(),
            endpoint: "/a\u{1}b?key=canary".into(),
            country: Some("Switzerland".into()),
            status: 42,
            id: Some("two words".into()),
            ..event()
        };
        assert_eq!(
            text(&odd, "a-1"),
            "{\"at\":7,\"method\":\"-\",\"endpoint\":\"/a\u{fffd}b\",\"status\":500,\"code\":\"missing\",\"event\":\"a-1\"}"
        );
        assert_eq!((endpoint(""), endpoint("?x"), endpoint("/a#b")), ("-".into(), "-".into(), "/a".into()));
        // Cut between two characters.
        assert_eq!(endpoint(&"é".repeat(300)).len(), 512);
        assert_eq!(endpoint(&format!("a{}", "é".repeat(300))).len(), 511);
    }
}
