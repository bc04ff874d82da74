//! The language of the column `request`: what one row sends.
//!
//! ```text
//! request := part *( " | " part )
//! part    := "-"                                  nothing
//!          | "need scope" TEXT                    what the route requires; `by method` and `undefined` have a meaning of their own
//!          | "no Host" | "HTTP/1.0"
//!          | METHOD [ target ] *( [","] feature ) ; target := ( "/" | "?" | "*" | "http://" ) …
//!          | header line | continuation line      sent as they are, keys replaced
//! feature := "preflight" | "no key" | "cacheable" | ( "no" | "without" ) header-name | ( "body" | "form" | "json" ) TEXT
//! ```
//! Anything else is an error: a row that is not understood must fail, not pass by accident.

use super::keys::Keys;
use anyhow::{Result, bail};

const METHODS: &[&str] =
    &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "PURGE"];

/// Features that stand for header lines.
const PREFLIGHT: &[&str] = &["Origin: https://app.example.com", "Access-Control-Request-Method: GET"];
/// Features that describe the row and send nothing.
const SILENT: &[&str] = &["no key", "no credential", "no credentials", "cacheable"];

/// One request, ready to be sent but for what every request carries.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub target: String,
    pub version: &'static str,
    /// Header lines without their line ends.
    pub lines: Vec<String>,
    pub body: Option<String>,
    /// What the route requires, in the words of the servers' configuration.
    pub need: Option<String>,
    /// Whether a `Host` line is added if the row has none.
    pub host: bool,
}

impl Call {
    /// Understands one row.
    pub fn parse(text: &str, keys: &Keys) -> Result<Call> {
        let mut call = Call {
            method: "GET".into(),
            target: "/".into(),
            version: "HTTP/1.1",
            lines: Vec::new(),
            body: None,
            need: None,
            host: true,
        };
        if text != "-" {
            for part in text.split(" | ") {
                call.part(part, keys)?;
            }
        }
        if call.need.as_deref() == Some("write") && resolves_below_admin(&call.target) {
            // The servers then ask for `write` below /admin only, so that a router fooled by the spelling answers 200.
            call.need = Some("by path".into());
        }
        Ok(call)
    }

    fn part(&mut self, part: &str, keys: &Keys) -> Result<()> {
        if let Some(need) = part.strip_prefix("need scope ").or_else(|| part.strip_prefix("need permission ")) {
            self.need = Some(need.into());
        } else if part == "no Host" {
            self.host = false;
        } else if part == "HTTP/1.0" {
            self.version = "HTTP/1.0";
        } else if let Some((method, rest)) = method(part) {
            self.method = method.into();
            self.features(rest, keys)?;
        } else if is_header(part) || part.starts_with([' ', '\t']) {
            self.lines.push(keys.fill(part)?);
        } else {
            bail!("cannot interpret `{part}`");
        }
        Ok(())
    }

    /// What follows a method: a target and features.
    fn features(&mut self, rest: &str, keys: &Keys) -> Result<()> {
        let rest = rest.trim_start_matches([' ', ',']);
        let mut features = rest;
        if rest.starts_with(['/', '?', '*']) || rest.starts_with("http://") || rest.starts_with("https://") {
            let (target, more) = rest.split_once(' ').unwrap_or((rest, ""));
            let target = keys.fill(target)?;
            self.target = if target.starts_with('?') { format!("/{target}") } else { target };
            features = more;
        }
        let mut left_out = Vec::new();
        let mut features = features.trim_matches([' ', ',']);
        while !features.is_empty() {
            if let Some((kind, text)) = body(features) {
                let (kind, text) = (kind, keys.fill(text)?);
                self.lines.push(format!("Content-Type: {kind}"));
                self.body = Some(text);
                break;
            }
            let (feature, more) = features.split_once(", ").unwrap_or((features, ""));
            if feature == "preflight" {
                self.lines.extend(PREFLIGHT.iter().map(|line| (*line).to_owned()));
            } else if let Some(name) = feature.strip_prefix("no ").or_else(|| feature.strip_prefix("without "))
                && PREFLIGHT.iter().any(|line| line.starts_with(&format!("{name}:")))
            {
                left_out.push(format!("{name}:"));
            } else if !SILENT.contains(&feature) {
                bail!("cannot interpret `{feature}` after {}", self.method);
            }
            features = more;
        }
        if !left_out.is_empty() {
            // `OPTIONS, no Origin` is a preflight but for that line.
            self.lines.retain(|line| !PREFLIGHT.contains(&line.as_str()));
            let kept = PREFLIGHT.iter().filter(|line| !left_out.iter().any(|name| line.starts_with(name)));
            self.lines.extend(kept.map(|line| (*line).to_owned()));
        }
        Ok(())
    }

    /// The bytes that go over the wire. Characters up to U+00FF are one byte each, as header values are Latin-1; others UTF-8.
    pub fn bytes(&self, extra: &[String]) -> Vec<u8> {
        let mut text = format!("{} {} {}\r\n", self.method, self.target, self.version);
        if self.host && !self.has("host") {
            text.push_str("Host: api.example.com\r\n");
        }
        // Each row's own lines first and in their order.
        let own = self.lines.iter().chain(extra.iter().filter(|line| !self.has(name_of(line))));
        for line in own {
            text.push_str(line);
            text.push_str("\r\n");
        }
        if !self.has("connection") {
            text.push_str("Connection: close\r\n");
        }
        if let Some(body) = &self.body
            && !self.has("content-length")
            && !self.has("transfer-encoding")
        {
            text.push_str(&format!("Content-Length: {}\r\n", wire(body).len()));
        }
        text.push_str("\r\n");
        let mut bytes = wire(&text);
        bytes.extend(wire(self.body.as_deref().unwrap_or("")));
        bytes
    }

    /// Whether the row has a header line of this name.
    pub fn has(&self, name: &str) -> bool {
        self.lines.iter().any(|line| name_of(line).eq_ignore_ascii_case(name))
    }

    /// Whether the row has a line of this name without a value.
    pub fn has_empty(&self, name: &str) -> bool {
        let empty = |line: &&String| line.split_once(':').is_some_and(|(_, value)| value.trim_matches([' ', '\t']).is_empty());
        self.lines.iter().filter(empty).any(|line| name_of(line).eq_ignore_ascii_case(name))
    }

    /// Every word of the request that an answer must not repeat.
    pub fn spoken(&self) -> impl Iterator<Item = &str> {
        let values = self.lines.iter().filter_map(|line| line.split_once(':')).map(|(_, value)| value);
        let texts = values.chain([self.target.as_str()]).chain(self.body.as_deref());
        texts.flat_map(str::split_whitespace).filter(|word| word.len() >= 8)
    }
}

/// Name of a header line.
pub fn name_of(line: &str) -> &str {
    line.split_once(':').map_or("", |(name, _)| name.trim_end())
}

pub fn wire(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(u32::from(character)) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    out
}

/// Splits `METHOD rest`.
fn method(part: &str) -> Option<(&str, &str)> {
    let end = part.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(part.len());
    let (method, rest) = part.split_at(end);
    (METHODS.contains(&method) && (rest.is_empty() || rest.starts_with([' ', ',']))).then_some((method, rest))
}

fn body(feature: &str) -> Option<(&'static str, &str)> {
    let feature = feature.strip_prefix("with ").unwrap_or(feature);
    let (kind, text) = feature.split_once(' ')?;
    let kind = match kind {
        "body" | "form" => "application/x-www-form-urlencoded",
        "json" => "application/json",
        _ => return None,
    };
    Some((kind, text))
}

/// A name of visible ASCII characters, a colon, anything; names that no parser accepts are sent too.
fn is_header(part: &str) -> bool {
    let name = part.split_once(':').map(|(name, _)| name.trim_end_matches([' ', '\t']));
    name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// Whether a server that decodes and resolves the path serves something below /admin.
fn resolves_below_admin(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or(target);
    let mut decoded = Vec::new();
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair = (ahead.next(), ahead.next());
        match (byte, pair) {
            (b'%', (Some(high), Some(low))) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |c: u8| char::from(c).to_digit(16).unwrap_or(0) as u8;
                decoded.push(digit(high) << 4 | digit(low));
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    segments.first() == Some(&"admin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str) -> Call {
        Call::parse(text, &Keys::example()).unwrap()
    }

    fn sent(text: &str) -> String {
        call(text).bytes(&[]).into_iter().map(char::from).collect()
    }

    #[test]
    fn header_lines_are_sent_as_they_stand() {
        assert!(
            sent("Authorization: Bearer  K1 | x-api-key:").contains("\r\nAuthorization: Bearer  key-one\r\nx-api-key:\r\n")
        );
        assert!(sent("X-API-Key: K1\t").contains("X-API-Key: key-one\t\r\n"));
        assert!(sent("Authorization : Bearer K1").contains("\r\nAuthorization : Bearer key-one\r\n"));
        assert!(
            sent("Authorization: Bearer |  K1").contains("\r\nAuthorization: Bearer\r\n K1".replace("K1", "key-one").as_str())
        );
        assert!(sent("-").starts_with("GET / HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n"));
        assert!(!sent("Host: x y").contains("example.com") && !sent("no Host").contains("Host"));
    }

    #[test]
    fn characters_up_to_u00ff_are_one_byte() {
        let bytes = call("Authorization: Bearer \u{e9}\u{a0}\u{200b}").bytes(&[]);
        assert!(bytes.windows(5).any(|w| w == [0xe9, 0xa0, 0xe2, 0x80, 0x8b]));
    }

    #[test]
    fn methods_targets_and_features() {
        assert!(sent("GET ?api_key=K1&api_key=K1").starts_with("GET /?api_key=key-one&api_key=key-one HTTP/1.1"));
        let preflight = sent("OPTIONS preflight, no key");
        assert!(
            preflight.starts_with("OPTIONS / ")
                && preflight.contains("\r\nOrigin: ")
                && preflight.contains("Request-Method: GET")
        );
        let half = sent("OPTIONS, no Origin");
        assert!(!half.contains("\r\nOrigin: ") && half.contains("Request-Method: GET"));
        assert!(!sent("OPTIONS").contains("Origin"));
        assert!(sent("POST form api_key=K1").ends_with("Content-Length: 15\r\n\r\napi_key=key-one"));
        assert!(sent("HEAD | X-API-Key: K1").starts_with("HEAD / "));
        assert!(sent("GET cacheable").starts_with("GET / "));
        assert_eq!(call("DELETE /x | need scope by method").need.as_deref(), Some("by method"));
    }

    #[test]
    fn a_write_route_below_admin_is_found_by_its_path() {
        for path in ["/admin", "/%61dmin", "/x/../admin/y", "/%2e/admin?a"] {
            assert_eq!(call(&format!("GET {path} | need scope write")).need.as_deref(), Some("by path"), "{path}");
        }
        for path in ["/", "/administrator", "/x/admin", "/ADMIN"] {
            assert_eq!(call(&format!("GET {path} | need scope write")).need.as_deref(), Some("write"), "{path}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in ["frobnicate", "GET twice", "need a scope", "OPTIONS preflight, no Cookie", "X-API-Key: K1:frob", ""] {
            assert!(Call::parse(text, &Keys::example()).is_err(), "{text}");
        }
    }
}
