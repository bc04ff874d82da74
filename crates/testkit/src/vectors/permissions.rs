//! Permissions, patterns, and which grants which.

use serde_json::{Value, json};

/// Pattern, permission, whether it is granted.
const MATCHES: &[(&str, &str, bool)] = &[
    ("dns.record.update", "dns.record.update", true),
    ("dns.record.update", "dns.record", false),
    ("dns.record", "dns.record.update", false),
    ("dns.*", "dns.view", true),
    ("dns.*", "dns.record.update", true),
    ("dns.*", "dns", false),
    ("dns.*", "dnssec.view", false),
    ("*.view", "dns.view", true),
    ("*.view", "dns.record.view", true),
    ("*.view", "view", false),
    ("*.view", "dns.review", false),
    ("*.view", "dns.view.all", false),
    ("*", "dns", true),
    ("*", "dns.record.update", true),
    ("*.*", "dns", false),
    ("*.*", "dns.view", true),
    ("*.*", "a.b.c", true),
    ("a.*.d", "a.b.d", true),
    ("a.*.d", "a.b.c.d", true),
    ("a.*.d", "a.d", false),
    ("a.*.d", "a.b.c", false),
    ("a.*.b", "a.b.b", true),
    ("*.a.*", "a.a.a", true),
    ("*.a.*", "a.a", false),
    ("*.a.*.a", "a.a.b.a.b.a", true),
    ("*.a.*.a", "a.b.a.b", false),
    ("read", "READ", false),
    ("read", "read", true),
    ("read", "write", false),
    ("a.b", "a-b", false),
    ("a_b", "a-b", false),
    ("*", "*", false),
    ("dns.*", "dns.*", false),
    ("", "", false),
    ("*", "", false),
    ("a..b", "a..b", false),
    ("a*", "ab", false),
    ("*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", true),
    ("*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o", false),
    ("*.p", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", true),
];

/// Text, whether it is a pattern, whether it is a permission (or service).
const FORMS: &[(&str, bool, bool)] = &[
    ("read", true, true),
    ("a", true, true),
    ("A-Z_0.9-", true, true),
    ("*", true, false),
    ("dns.*", true, false),
    ("*.*", true, false),
    ("", false, false),
    (".", false, false),
    ("a.", false, false),
    (".a", false, false),
    ("a..b", false, false),
    ("a*", false, false),
    ("*a", false, false),
    ("**", false, false),
    ("a b", false, false),
    ("a/b", false, false),
    ("a:b", false, false),
    ("a\n", false, false),
    ("dné", false, false),
    ("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p", true, true),
    ("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q", false, false),
    ("*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*.*", false, false),
];

pub fn tables() -> Value {
    let matches: Vec<_> = MATCHES
        .iter()
        .map(|(pattern, permission, granted)| json!({ "pattern": pattern, "permission": permission, "granted": granted }))
        .collect();
    let long = [("a".repeat(128), true), ("a".repeat(129), false)];
    let forms: Vec<_> = FORMS
        .iter()
        .map(|(text, pattern, permission)| (text.to_string(), *pattern, *permission))
        .chain(long.map(|(text, sound)| (text, sound, sound)))
        .map(|(text, pattern, permission)| json!({ "text": text, "pattern": pattern, "permission": permission }))
        .collect();
    json!({ "matches": matches, "forms": forms })
}
