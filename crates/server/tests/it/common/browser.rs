//! A browser without scripts, as far as the console needs one: cookies, links and forms.

use std::collections::BTreeMap;

use super::{Reply, Served};

/// What a browser says of a form that one of this server's own pages has sent.
pub const OWN: &[(&str, &str)] = &[("Origin", "http://localhost"), ("Sec-Fetch-Site", "same-origin")];

pub struct Browser<'s> {
    served: &'s Served,
    pub cookies: BTreeMap<String, String>,
    /// What the last page's forms carry.
    pub form: String,
}

impl<'s> Browser<'s> {
    pub fn new(served: &'s Served) -> Browser<'s> {
        Browser { served, cookies: BTreeMap::new(), form: String::new() }
    }

    /// One that has signed in.
    pub fn signed_in(served: &'s Served, key: &str) -> Browser<'s> {
        let mut browser = Browser::new(served);
        let reply = browser.sign_in(key);
        assert_eq!((reply.status, reply.header("location")), (303, Some("/console")), "{reply}");
        browser
    }

    pub fn sign_in(&mut self, key: &str) -> Reply {
        self.get("/console/sign-in");
        self.post("/console/sign-in", &[("key", key)])
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send(&format!("GET {path}"), &[], b"")
    }

    /// A page that is there.
    pub fn page(&mut self, path: &str) -> String {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {reply}");
        String::from_utf8(reply.body).unwrap()
    }

    /// Sends a form as a page of ours does.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let form = self.form.clone();
        self.post_as(path, &[&[("form", form.as_str())], fields].concat(), OWN)
    }

    /// The same from wherever.
    pub fn post_as(&mut self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Reply {
        let mut body = form_urlencoded(fields);
        if body.is_empty() {
            body.push('x');
        }
        let headers = [&[("Content-Type", "application/x-www-form-urlencoded")], headers].concat();
        self.send(&format!("POST {path}"), &headers, body.as_bytes())
    }

    pub fn send(&mut self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("Cookie", &cookies));
        }
        let reply = self.served.send(line, "", &headers, body);
        for line in reply.head.lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            if name.eq_ignore_ascii_case("set-cookie") {
                let (name, rest) = value.split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                if value.is_empty() {
                    self.cookies.remove(name)
                } else {
                    self.cookies.insert(name.into(), value.into())
                };
            }
        }
        let text = String::from_utf8_lossy(&reply.body);
        if let Some(form) = between(&text, "name=\"form\" value=\"", "\"") {
            self.form = form.into();
        }
        reply
    }
}

/// What stands between two texts the first time.
pub fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after)?.0)
}

/// What a page says.
pub fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.clone()).unwrap()
}

/// The text of a form's field.
pub fn value<'t>(page: &'t str, name: &str) -> &'t str {
    between(page, &format!("name=\"{name}\" value=\""), "\"").unwrap_or_else(|| panic!("no field {name}: {page}"))
}

fn form_urlencoded(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String {
        text.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect::<Vec<_>>().join("&")
}
