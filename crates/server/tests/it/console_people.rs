//! People who are invited in the console, come by a link or at an identity provider, and go.

use crate::common::browser::{Browser, OWN, between, text, value};
use crate::common::idp::{Idp, pairs};
use crate::common::{Plane, Served, slug};
use edgelatch_registry::{Paging, management};
use edgelatch_server::FailureRate;
use serde_json::{Value, json};

const PEOPLE: &str = "/console/r/acme/people";

/// Invites somebody in the console; what the link ends with.
fn invite(b: &mut Browser<'_>, fields: &[(&str, &str)]) -> String {
    b.page(&format!("{PEOPLE}/new"));
    let reply = b.post(&format!("{PEOPLE}/new"), &[&[("name", "Jo Doe"), ("roles", "viewer")], fields].concat());
    let page = text(&reply);
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")), "{page}");
    let link = between(&page, "value=\"http://localhost/console/invitation#", "\"").unwrap_or_else(|| panic!("{page}"));
    // The one place where it stands.
    assert_eq!(page.matches(link).count(), 1, "{page}");
    link.to_owned()
}

#[test]
fn somebody_comes_by_a_link_and_goes() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.org_key("administrator", "one"));
    assert!(b.page(PEOPLE).contains("Nobody was invited yet"));
    let link = invite(&mut b, &[("org", "one")]);
    assert!(b.page(PEOPLE).contains("Invited") && !b.page(PEOPLE).contains(&link));
    let mut other = Browser::new(&s);
    // Whoever only looks uses nothing up.
    for _ in 0..2 {
        other.page("/console/invitation");
    }
    let reply = other.post("/console/invitation", &[("link", "AAAA")]);
    assert!(reply.status == 404 && text(&reply).contains("role=\"alert\""), "{reply}");
    // Sent by another site it would show nobody's key, but use the link up.
    for headers in [&[("Origin", "https://evil.example")][..], &[]] {
        let form = other.form.clone();
        assert_eq!(other.post_as("/console/invitation", &[("form", &form), ("link", &link)], headers).status, 403);
    }
    assert_eq!(other.post_as("/console/invitation", &[("form", "A"), ("link", &link)], OWN).status, 403);
    // The whole link, as it is pasted.
    let reply = other.post("/console/invitation", &[("link", &format!("http://localhost/console/invitation#{link}"))]);
    let page = text(&reply);
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")), "{page}");
    let secret = between(&page, "id=\"secret\" type=\"text\" readonly value=\"", "\"").unwrap().to_owned();
    assert_eq!(other.post("/console/invitation", &[("link", &link)]).status, 404);
    assert!(!s.log.text().contains(&link) && !s.log.text().contains(&secret));
    // They see their org and no other.
    let mut jo = Browser::signed_in(&s, &secret);
    jo.page("/console/r/acme/keys");
    assert_eq!(jo.get("/console/r/acme/keys?org=two").status, 403);
    assert_eq!(jo.get(PEOPLE).status, 403);
    let listed = s.get("/api/v1/realms/acme/people?org=one").ok();
    assert!(listed["people"][0]["signed_in_at"].is_string() && listed["people"][0]["state"] == "active", "{listed}");
    let person = listed["people"][0]["person"].as_str().unwrap().to_owned();
    let remove = format!("{PEOPLE}/delete?id={person}&org=one");
    assert!(b.page(&remove).contains("end at once"));
    assert_eq!(b.post(&remove, &[]).status, 303);
    assert_eq!(jo.get("/console/r/acme/keys").status, 303);
    assert_eq!(jo.sign_in(&secret).status, 403);
}

#[test]
fn an_invitation_is_changed_and_gets_another_link() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.org_key("administrator", "one"));
    let first = invite(&mut b, &[("org", "one")]);
    let listed = || s.get("/api/v1/realms/acme/people?org=one").ok()["people"][0].clone();
    let person = listed()["person"].as_str().unwrap().to_owned();
    let [edit, link] = ["edit", "link"].map(|act| format!("{PEOPLE}/{act}?id={person}&org=one"));
    assert!(b.page(PEOPLE).contains(&edit.replace('&', "&#38;")), "{}", b.page(PEOPLE));
    let page = b.page(&edit);
    assert!(page.contains(">viewer</textarea>"), "{page}");
    let revision = value(&page, "revision").to_owned();
    assert_eq!(b.post(&edit, &[("roles", "auditor"), ("revision", &revision)]).status, 303);
    assert_eq!(listed()["roles"], json!(["auditor"]));
    // Two administrators at once: the second one sees both versions.
    let reply = b.post(&edit, &[("roles", "key-manager"), ("revision", &revision)]);
    assert!(reply.status == 412 && text(&reply).contains("auditor") && text(&reply).contains("key-manager"), "{reply}");
    let reply = b.post(&edit, &[("roles", "ghost"), ("revision", &listed()["revision"].to_string())]);
    assert!(reply.status == 422 && text(&reply).contains("id=\"roles-error\""), "{reply}");
    let reply = b.post(&link, &[]);
    let second = between(&text(&reply), "value=\"http://localhost/console/invitation#", "\"").unwrap().to_owned();
    let accept = |link: &str| s.call_as("", "POST /api/v1/people/accept", &[], &json!({ "link": link }));
    assert_eq!((reply.status, accept(&first).refused()), (200, (404, "link_ended".into())));
    accept(&second).ok();
    assert_eq!((b.post(&link, &[]).status, listed()["state"].clone()), (409, json!("active")));
    // Whom another org has invited is nobody here.
    let mut other = Browser::signed_in(&s, &plane.org_key("administrator", "two"));
    assert_eq!((other.get(&edit).status, other.post(&link, &[]).status), (404, 404));
    assert_eq!(other.post(&edit, &[("roles", "viewer"), ("revision", &revision)]).status, 404);
}

#[test]
fn what_does_not_fit_is_told_beside_its_field() {
    let plane = Plane::new();
    let s = plane.serve();
    let mut b = Browser::signed_in(&s, &plane.admin);
    let page = b.page(&format!("{PEOPLE}/new"));
    assert!(page.contains(">viewer</textarea>") && page.contains("<option value=\"7d\""), "{page}");
    assert!(page.contains("<button class=\"primary\">Invite</button>"), "{page}");
    assert!(b.page("/console/r/acme/roles/new").contains("<button class=\"primary\">Create</button>"));
    for (fields, about) in [
        (&[("name", "Jo"), ("roles", "ghost")][..], "roles"),
        (&[("name", ""), ("roles", "viewer")], "name"),
        (&[("name", "Jo"), ("roles", "viewer"), ("email", "nobody")], "email"),
        (&[("name", "Jo"), ("roles", "viewer"), ("expires_at", "90d")], "expires_at"),
    ] {
        let reply = b.post(&format!("{PEOPLE}/new"), fields);
        let page = text(&reply);
        assert!(reply.status == 422 && page.contains(&format!("id=\"{about}-error\"")), "{about}: {page}");
    }
    assert_eq!(s.get("/api/v1/realms/acme/people").ok()["people"], json!([]));
}

#[test]
fn whoever_signed_in_is_logged_with_their_address() {
    let plane = Plane::new();
    let s = plane.serve();
    Browser::signed_in(&s, &plane.admin);
    let rows = plane.registry.audit(&slug(management::REALM)).list(&Default::default(), &Paging::first(5)).unwrap().rows;
    let row = rows.iter().find(|row| row.action == "key.sign_in").unwrap_or_else(|| panic!("{rows:?}"));
    assert_eq!((row.actor.as_str(), row.address.as_deref()), (plane.admin_id.as_str(), Some("127.0.0.1")));
}

#[test]
fn links_are_not_tried_without_end() {
    let plane = Plane::new();
    let s = plane.serve_with(|api| api.failures = FailureRate { burst: 3, per_minute: 1, pause: std::time::Duration::ZERO });
    let accept = || s.call_as("", "POST /api/v1/people/accept", &[], &json!({ "link": "A".repeat(43) })).refused();
    for _ in 0..3 {
        assert_eq!(accept(), (404, "link_ended".into()));
    }
    assert_eq!(accept().0, 429);
}

#[test]
fn somebody_who_was_invited_signs_in_at_the_provider() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u-1", "email": "Jo@example.com", "email_verified": true }));
    let console = Some(idp.options(&["groups=ops:administrator@*"]));
    let s = Served::start(edgelatch_server::Options { console, ..plane.options() }, &plane.admin);
    let go = |b: &mut Browser<'_>| {
        let to = b.get("/console/sign-in/provider").header("location").unwrap().to_owned();
        let back = idp.authorize(&to);
        assert!(pairs(&back).contains_key("code"));
        b.get(&format!("/console/sign-in/callback?{back}"))
    };
    let mut b = Browser::new(&s);
    assert_eq!(go(&mut b).status, 403);
    let invited = json!({ "name": "Jo", "email": "jo@example.com", "org": "one", "roles": ["viewer"] });
    let made = s.call("POST /api/v1/realms/acme/people", &invited).ok();
    idp.says(json!({ "sub": "u-2", "email": "jo@example.com", "email_verified": false }));
    assert_eq!(go(&mut b).status, 403);
    idp.says(json!({ "sub": "u-1", "email": "Jo@example.com", "email_verified": true }));
    assert_eq!(go(&mut b).status, 200);
    b.page("/console/r/acme/keys");
    assert_eq!(b.get("/console/r/acme/keys?org=two").status, 403);
    let person = made["person"]["person"].as_str().unwrap();
    let path = format!("/api/v1/realms/acme/people/{person}");
    let found = s.get(&path).ok();
    assert!(found["state"] == "active" && found["by_provider"] == true && found["signed_in_at"].is_string(), "{found}");
    // Everybody is listed where everybody is managed.
    let all = s.get("/api/v1/realms/management/people").ok();
    assert_eq!(all["people"].as_array().unwrap().len(), 1, "{all}");
    s.call(&format!("DELETE {path}"), &Value::Null).ok();
    assert_eq!(b.get("/console").status, 303);
    assert_eq!(go(&mut b).status, 403);
    assert!(value(&b.page("/console/sign-in"), "form").len() > 20);
}

/// Whoever may invite to one place brings nobody there who was invited to another one, and who has gone by a rule has left nothing open.
#[test]
fn somebody_who_was_invited_to_two_places_says_where_they_sign_in() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u-1", "email": "jo@example.com", "email_verified": true }));
    let console = Some(idp.options(&["groups=ops:administrator@*"]));
    let s = Served::start(edgelatch_server::Options { console, ..plane.options() }, &plane.admin);
    let go = |b: &mut Browser<'_>, start: &str| {
        let to = b.get(start).header("location").unwrap().to_owned();
        b.get(&format!("/console/sign-in/callback?{}", idp.authorize(&to)))
    };
    for (org, role) in [("one", "viewer"), ("two", "key-manager")] {
        let invited = json!({ "name": "Jo", "email": "jo@example.com", "org": org, "roles": [role] });
        s.call("POST /api/v1/realms/acme/people", &invited).ok();
    }
    let mut b = Browser::new(&s);
    let page = text(&go(&mut b, "/console/sign-in/provider?next=/console/r/acme/keys"));
    assert!(page.contains("acme / one") && page.contains("acme / two"), "{page}");
    assert!(!b.cookies.contains_key("edgelatch") && b.get("/console").status == 303);
    let to = |org: &str| {
        let ends = page.split(&format!("\">acme / {org}<")).next().unwrap();
        ends.rsplit("href=\"").next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
    };
    for (own, other) in [("one", "two"), ("two", "one")] {
        let reply = go(&mut b, &to(own));
        assert!(reply.status == 200 && text(&reply).contains("url=/console/r/acme/keys"), "{reply}");
        assert_eq!(
            (
                b.get(&format!("/console/r/acme/keys?org={own}")).status,
                b.get(&format!("/console/r/acme/keys?org={other}")).status
            ),
            (200, 403)
        );
    }
    // What is nobody's, or no name at all, is no way in.
    for chosen in ["person-0000000000000000", "..", "a.b"] {
        let mut b = Browser::new(&s);
        let reply = go(&mut b, &format!("/console/sign-in/provider?as={chosen}"));
        let is_choice = text(&reply).contains("acme / one");
        assert!((reply.status == 403 || is_choice) && !b.cookies.contains_key("edgelatch"), "{chosen}: {reply}");
    }
}

/// The operator takes a rule away, and starts the server anew: whom its people have invited comes no more.
#[test]
fn what_a_rule_gave_ends_with_the_rule() {
    let plane = Plane::new();
    let idp = Idp::new(json!({ "sub": "u-1", "groups": ["ops"] }));
    let serve = |rules: &[&str]| {
        Served::start(edgelatch_server::Options { console: Some(idp.options(rules)), ..plane.options() }, &plane.admin)
    };
    let invite = |s: &Served| {
        let mut b = Browser::new(s);
        let to = b.get("/console/sign-in/provider").header("location").unwrap().to_owned();
        b.get(&format!("/console/sign-in/callback?{}", idp.authorize(&to)));
        invite(&mut b, &[])
    };
    let accept = |s: &Served, link: &str| s.call_as("", "POST /api/v1/people/accept", &[], &json!({ "link": link }));
    let s = serve(&["groups=ops:administrator@*"]);
    let [first, second, third] = [(); 3].map(|()| invite(&s));
    accept(&s, &first).ok();
    drop(s);
    // The same table, or a longer one, changes nothing.
    let s = serve(&["groups=web:viewer@acme", "groups=ops:administrator@*"]);
    accept(&s, &second).ok();
    drop(s);
    let s = serve(&["groups=ops2:administrator@*"]);
    assert_eq!(accept(&s, &third).refused(), (403, "exceeds_authority".into()));
    assert!(s.log.text().contains("rules for the identity provider are gone"), "{}", s.log.text());
}

/// A key for an org of the realm of management keys is none for orgs of that name elsewhere.
#[test]
fn an_org_of_the_management_realm_reaches_nobody_of_that_name_elsewhere() {
    let plane = Plane::new();
    let s = plane.serve();
    s.call("POST /api/v1/realms/management/orgs", &json!({ "org": "one", "name": "One" })).ok();
    let invited = s.call("POST /api/v1/realms/acme/people", &json!({ "name": "Jo", "org": "one", "roles": ["viewer"] })).ok();
    let person = invited["person"]["person"].as_str().unwrap();
    let service = management::org_service(&slug(management::REALM), &slug("one")).unwrap();
    let (_, confined) = plane.management_key("administrator", &[service]);
    let path = format!("/api/v1/realms/management/people/{person}");
    assert_eq!(s.call_as(&confined, "GET /api/v1/realms/management/people", &[], &Value::Null).ok()["people"], json!([]));
    for (call, body) in [
        (format!("GET {path}"), Value::Null),
        (format!("PATCH {path}"), json!({ "roles": ["administrator"] })),
        (format!("POST {path}/link"), json!({})),
        (format!("DELETE {path}"), Value::Null),
    ] {
        assert_eq!(s.call_as(&confined, &call, &[], &body).refused(), (404, "not_found".into()), "{call}");
    }
    assert_eq!(s.get(&format!("/api/v1/realms/acme/people/{person}")).ok()["state"], "invited");
}
