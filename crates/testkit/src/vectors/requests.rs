//! Request targets and `Host` values: what is read from the one, and whether the other names a host.

use serde_json::{Value, json};

/// Target, path, query, authority.
type Target = (&'static str, &'static str, Option<&'static str>, Option<&'static str>);

const TARGETS: &[Target] = &[
    ("/", "/", None, None),
    ("/a/b?c=d", "/a/b", Some("c=d"), None),
    ("/a?", "/a", Some(""), None),
    ("/a?b?c", "/a", Some("b?c"), None),
    ("/a#b?c", "/a#b", None, None),
    ("/a?b#c?d", "/a", Some("b"), None),
    ("//h/a", "//h/a", None, None),
    ("/http://h/a", "/http://h/a", None, None),
    ("http://h:80/a/b?c", "/a/b", Some("c"), Some("h:80")),
    ("HTTPS://h", "/", None, Some("h")),
    ("http://h?c", "", Some("c"), Some("h")),
    ("http://h?x/admin", "", Some("x/admin"), Some("h")),
    ("http://h#c", "#c", None, Some("h")),
    ("http://u@h/a", "/a", None, Some("u@h")),
    ("http:///a", "/a", None, Some("")),
    ("a+b-1.c://h/a", "/a", None, Some("h")),
    ("1a://h/a", "1a://h/a", None, None),
    ("://h/a", "://h/a", None, None),
    ("http:/a?b", "http:/a", Some("b"), None),
    ("*", "*", None, None),
    ("h:443", "h:443", None, None),
    ("a", "a", None, None),
];

const HOSTS: &[(&str, bool)] = &[
    ("h", true),
    ("api.example.com:8443", true),
    ("A_b-1.example.", true),
    (" h\t", true),
    ("h:", true),
    ("h:0", true),
    ("h:00080", true),
    ("h:65535", true),
    ("192.0.2.1:80", true),
    ("[::1]", true),
    ("[2001:db8::1]:443", true),
    ("1.2.3.4.example", true),
    ("0x1.example", true),
    ("a.0xg", true),
    ("a.x1", true),
    ("", false),
    (".", false),
    ("a..b", false),
    (".a", false),
    ("h..", false),
    ("h:65536", false),
    ("h:000080", false),
    ("h:80:80", false),
    ("h:x", false),
    (":80", false),
    ("u@h", false),
    ("u:p@h", false),
    ("h/a", false),
    ("h?", false),
    ("h,h", false),
    ("h h", false),
    ("h%00", false),
    ("bücher.example", false),
    ("::1", false),
    ("[::1", false),
    ("[::1]x", false),
    ("[192.0.2.1]", false),
    ("[fe80::1%25eth0]", false),
    ("127.1", false),
    ("2130706433", false),
    ("010.0.0.1", false),
    ("192.0.2.1.", false),
    ("a.1", false),
    ("a.0x", false),
    ("a.0X1f", false),
    ("0x7f.0.0.0x1", false),
];

/// Header lines, and whether they name one host at most.
#[rustfmt::skip]
const LINES: &[(&[&str], bool)] = &[
    (&[], true),
    (&["Host:h"], true),
    (&["Host:h", "host:h"], false),
    (&[":authority:h"], true),
    (&[":authority:h:443", "host:h:443"], true),
    (&["Host: h", ":authority:h"], true),
    (&[":authority:u:p@h"], false),
    (&[":authority:u:p@h", "host:h"], false),
    (&[":authority:h", "host:u:p@h"], false),
    (&[":authority:"], false),
    (&[":authority:h", "host:"], false),
    (&[":authority:h", "host:H"], false),
    (&[":authority:h", "host:h:443"], false),
    (&[":authority:h", "host:h", "host:h"], false),
    (&[":authority:h", ":authority:h"], false),
];

pub fn tables() -> Value {
    let target = |&(target, path, query, authority): &Target| json!({ "target": target, "path": path, "query": query, "authority": authority });
    let targets: Vec<_> = TARGETS.iter().map(target).collect();
    let long = "a".repeat(63);
    let names = [
        (format!("{long}.{long}.{long}.{long}."), false),
        (format!("{long}.{long}.{long}.{}", "a".repeat(61)), true),
        (format!("{long}a"), false),
    ];
    let hosts = HOSTS.iter().map(|&(host, good)| (host.to_owned(), good)).chain(names);
    let hosts: Vec<_> = hosts.map(|(host, good)| json!({ "host": host, "good": good })).collect();
    let lines: Vec<_> = LINES.iter().map(|(lines, good)| json!({ "lines": lines, "good": good })).collect();
    json!({ "targets": targets, "hosts": hosts, "lines": lines })
}
