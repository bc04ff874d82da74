//! Verifications: what is asked of an edge, and its verdict.

use super::keys;
use super::realms::Realm;
use super::{DAY, T0};
use anyhow::{Context, Result};
use edgelatch_core::verdict::CODES;
use serde_json::{Map, Value, json};

/// Realm, label of the key, client address, required service, required permission, seconds after `T0`, expected code.
type Row = (&'static str, &'static str, Option<&'static str>, Option<&'static str>, Option<&'static str>, i64, &'static str);

const LIFE: i64 = DAY as i64;
const FAR: i64 = (1 << 53) - 1 - T0 as i64;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("one", "plain", None, None, None, 0, "valid"),
    ("one", "plain", None, None, None, -300, "valid"),
    ("one", "plain", None, None, None, -301, "clock_invalid"),
    ("one", "plain", None, None, None, -(T0 as i64), "clock_invalid"),
    ("one", "plain", None, None, None, LIFE - 1, "valid"),
    ("one", "plain", None, None, None, LIFE, "snapshot_stale"),
    ("one", "plain", None, None, None, FAR, "snapshot_stale"),
    ("one", "plain", Some("192.0.2.7"), Some("cdn"), None, 0, "valid"),
    ("one", "plain", None, Some("cdn"), Some("read"), 0, "permission_denied"),
    ("many", "first", None, None, Some("dns.view"), 0, "valid"),
    ("many", "first", None, None, Some("dns.update"), 0, "permission_denied"),
    ("rotated", "plain", None, None, None, 0, "valid"),
    ("rotated", "reader", None, None, Some("read"), 0, "valid"),

    ("everything", "highest_id", None, None, None, 0, "valid"),
    ("everything", "lowest_id", None, None, None, 0, "valid"),
    ("everything", "plain", Some("not an address"), None, None, 0, "valid"),
    ("everything", "plain", None, Some("any-service"), None, 0, "valid"),
    ("everything", "plain", None, None, Some("read"), 0, "permission_denied"),
    ("everything", "plain", None, Some(""), None, 0, "bad_requirement"),
    ("everything", "plain", None, Some("a..b"), None, 0, "bad_requirement"),
    ("everything", "plain", None, Some("*"), None, 0, "bad_requirement"),
    ("everything", "plain", None, None, Some("*"), 0, "bad_requirement"),
    ("everything", "plain", None, None, Some("dns.*"), 0, "bad_requirement"),
    ("everything", "plain", None, Some("dns"), Some("dns view"), 0, "bad_requirement"),
    ("everything", "revoked", None, None, Some("*"), 0, "revoked"),
    ("everything", "hopeless_ip", Some("198.51.100.7"), None, Some("*"), 0, "ip_denied"),
    ("everything", "reader", None, None, Some("read"), 0, "valid"),
    ("everything", "reader", None, None, Some("dns.view"), 0, "valid"),
    ("everything", "reader", None, None, Some("dns.record.view"), 0, "valid"),
    ("everything", "reader", None, None, Some("view"), 0, "permission_denied"),
    ("everything", "reader", None, None, Some("dns.update"), 0, "permission_denied"),
    ("everything", "reader", None, None, Some("READ"), 0, "permission_denied"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge"), 0, "valid"),
    ("everything", "dns_and_purger", None, None, Some("dns.record.delete"), 0, "valid"),
    ("everything", "dns_and_purger", None, None, Some("cache.view"), 0, "permission_denied"),
    ("everything", "dns_and_purger", None, None, Some("dns"), 0, "permission_denied"),
    ("everything", "dns_and_purger", None, None, Some("cache.view|cache.purge"), 0, "valid"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge|cache.view"), 0, "valid"),
    ("everything", "dns_and_purger", None, None, Some("cache.view|dns"), 0, "permission_denied"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge&dns.record.delete"), 0, "valid"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge&cache.view"), 0, "permission_denied"),
    ("everything", "dns_and_purger", None, None, Some("cache.view&cache.purge"), 0, "permission_denied"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge|cache.view&dns.view"), 0, "bad_requirement"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge|"), 0, "bad_requirement"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge|*"), 0, "bad_requirement"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge|a|b|c|d|e|f|g"), 0, "valid"),
    ("everything", "dns_and_purger", None, None, Some("cache.purge|a|b|c|d|e|f|g|h"), 0, "bad_requirement"),
    ("everything", "dns_and_purger", None, Some("cdn|dns"), Some("cache.purge"), 0, "bad_requirement"),
    ("everything", "nothing", None, None, Some("read|write"), 0, "permission_denied"),
    ("everything", "nothing", None, None, Some("read&write"), 0, "permission_denied"),
    ("everything", "admin_of_two", None, Some("cdn"), Some("cache.purge"), 0, "valid"),
    ("everything", "admin_of_two", None, Some("dns"), None, 0, "valid"),
    ("everything", "admin_of_two", None, Some("iam-1"), None, 0, "scope_denied"),
    ("everything", "admin_of_two", None, Some("no-key-names-this"), Some("dns.view"), 0, "scope_denied"),
    ("everything", "admin_of_two", None, None, Some("anything.at.all"), 0, "scope_denied"),
    ("everything", "admin_of_two", None, None, None, 0, "scope_denied"),
    ("everything", "admin_of_two", None, Some("dns"), Some("anything.at.all"), 0, "valid"),
    ("everything", "nothing", None, None, Some("read"), 0, "permission_denied"),
    ("everything", "nothing", None, None, None, 0, "valid"),
    ("everything", "unicode_role", None, Some("dns"), Some("dns.record.update"), 0, "valid"),
    ("everything", "unicode_role", None, Some("dns"), Some("record.update"), 0, "permission_denied"),
    ("everything", "unicode_role", None, Some("dns"), Some("dns.record.view"), 0, "valid"),
    ("everything", "unicode_role", None, Some("dns"), Some("dns.view"), 0, "permission_denied"),
    ("everything", "unicode_role", None, Some("dns"), Some("zone.a.b"), 0, "valid"),
    ("everything", "no_service", None, Some("dns"), Some("read"), 0, "scope_denied"),
    ("everything", "no_service", None, None, Some("read"), 0, "scope_denied"),
    ("everything", "all_roles", None, Some("iam-1"), Some("read"), 0, "valid"),
    ("everything", "all_roles", None, Some("iam"), Some("read"), 0, "scope_denied"),
    ("everything", "revoked", None, None, None, 0, "revoked"),
    ("everything", "owner_disabled", None, None, None, 0, "owner_disabled"),
    ("everything", "revoked_and_disabled", None, None, None, 0, "revoked"),
    ("everything", "expires", None, None, None, 99, "valid"),
    ("everything", "expires", None, None, None, 100, "expired"),
    ("everything", "begins", None, None, None, 99, "not_yet_valid"),
    ("everything", "begins", None, None, None, 100, "valid"),
    ("everything", "window", None, None, None, 99, "not_yet_valid"),
    ("everything", "window", None, None, None, 100, "valid"),
    ("everything", "window", None, None, None, 199, "valid"),
    ("everything", "window", None, None, None, 200, "expired"),
    ("everything", "window_never", None, None, None, 150, "not_yet_valid"),
    ("everything", "window_never", None, None, None, 200, "expired"),
    ("everything", "expired_long_ago", None, None, None, 0, "expired"),
    ("everything", "rotated_new", None, None, None, 3600, "valid"),
    ("everything", "rotated_old", None, None, None, 3599, "valid"),
    ("everything", "rotated_old", None, None, None, 3600, "expired"),
    ("everything", "unicode", None, None, None, 0, "valid"),
    ("everything", "longest_name", None, None, None, 0, "valid"),
    ("everything", "metadata_only", None, None, None, 0, "valid"),
    ("everything", "metadata_not_json", None, None, None, 0, "valid"),
    ("everything", "odd_org", None, None, None, 0, "valid"),
    ("everything", "hopeless", None, Some("cdn"), Some("read"), 0, "revoked"),
    ("everything", "hopeless_owner", None, Some("cdn"), Some("read"), 0, "owner_disabled"),
    ("everything", "hopeless_time", None, Some("cdn"), Some("read"), 0, "expired"),
    ("everything", "hopeless_ip", Some("198.51.100.7"), Some("cdn"), Some("read"), 0, "ip_denied"),
    ("everything", "hopeless_ip", None, Some("cdn"), Some("read"), 0, "ip_unknown"),
    ("everything", "hopeless_ip", Some("192.0.2.1"), Some("cdn"), Some("read"), 0, "scope_denied"),
    ("everything", "hopeless_scope", None, Some("cdn"), Some("read"), 0, "scope_denied"),
    ("everything", "hopeless_scope", None, Some("dns"), Some("read"), 0, "permission_denied"),

    ("everything", "ip_office", Some("192.0.2.0"), None, None, 0, "valid"),
    ("everything", "ip_office", Some("192.0.2.255"), None, None, 0, "valid"),
    ("everything", "ip_office", Some("192.0.3.0"), None, None, 0, "ip_denied"),
    ("everything", "ip_office", Some("192.0.1.255"), None, None, 0, "ip_denied"),
    ("everything", "ip_office", Some("::ffff:192.0.2.7"), None, None, 0, "valid"),
    ("everything", "ip_office", Some("::192.0.2.7"), None, None, 0, "ip_denied"),
    ("everything", "ip_office", None, None, None, 0, "ip_unknown"),
    ("everything", "ip_office", Some(""), None, None, 0, "ip_unknown"),
    ("everything", "ip_office", Some("192.0.2.07"), None, None, 0, "ip_unknown"),
    ("everything", "ip_office", Some("192.0.2.7:443"), None, None, 0, "ip_unknown"),
    ("everything", "ip_office", Some(" 192.0.2.7"), None, None, 0, "ip_unknown"),
    ("everything", "ip_both_families", Some("10.255.255.255"), None, None, 0, "valid"),
    ("everything", "ip_both_families", Some("11.0.0.0"), None, None, 0, "ip_denied"),
    ("everything", "ip_both_families", Some("198.51.100.7"), None, None, 0, "valid"),
    ("everything", "ip_both_families", Some("198.51.100.8"), None, None, 0, "ip_denied"),
    ("everything", "ip_both_families", Some("2001:db8:ffff::1"), None, None, 0, "valid"),
    ("everything", "ip_both_families", Some("2001:db9::1"), None, None, 0, "valid"),
    ("everything", "ip_both_families", Some("2001:db9::2"), None, None, 0, "ip_denied"),
    ("everything", "ip_both_families", Some("2001:db7:ffff::"), None, None, 0, "ip_denied"),
    ("everything", "ip_deny_only", Some("203.0.113.9"), None, None, 0, "ip_denied"),
    ("everything", "ip_deny_only", Some("203.0.112.255"), None, None, 0, "valid"),
    ("everything", "ip_deny_only", Some("2001:db8:bad:1::"), None, None, 0, "ip_denied"),
    ("everything", "ip_deny_only", Some("2001:db8:bae::"), None, None, 0, "valid"),
    ("everything", "ip_deny_only", None, None, None, 0, "ip_unknown"),
    ("everything", "ip_deny_only_deny_first", Some("203.0.113.9"), None, None, 0, "ip_denied"),
    ("everything", "ip_deny_only_deny_first", Some("203.0.114.9"), None, None, 0, "valid"),
    ("everything", "ip_allow_first", Some("192.0.2.200"), None, None, 0, "valid"),
    ("everything", "ip_allow_first", Some("192.0.2.1"), None, None, 0, "valid"),
    ("everything", "ip_allow_first", Some("198.51.100.1"), None, None, 0, "ip_denied"),
    ("everything", "ip_deny_first", Some("192.0.2.200"), None, None, 0, "ip_denied"),
    ("everything", "ip_deny_first", Some("192.0.2.1"), None, None, 0, "valid"),
    ("everything", "ip_deny_first", Some("198.51.100.1"), None, None, 0, "ip_denied"),
    ("everything", "ip_nobody", Some("192.0.2.1"), None, None, 0, "ip_denied"),
    ("everything", "ip_nobody", None, None, None, 0, "ip_unknown"),
    ("everything", "ip_nobody_but_denied", Some("198.51.100.1"), None, None, 0, "ip_denied"),
    ("everything", "ip_nobody_but_denied", Some("192.0.2.1"), None, None, 0, "ip_denied"),
    ("everything", "ip_everybody", Some("0.0.0.0"), None, None, 0, "valid"),
    ("everything", "ip_everybody", Some("255.255.255.255"), None, None, 0, "valid"),
    ("everything", "ip_everybody", Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), None, None, 0, "valid"),
    ("everything", "ip_everybody", None, None, None, 0, "ip_unknown"),
    ("everything", "ip_merged", Some("10.200.0.1"), None, None, 0, "valid"),
    ("everything", "ip_merged", Some("10.1.2.3"), None, None, 0, "valid"),
    ("everything", "ip_merged", Some("192.0.2.10"), None, None, 0, "valid"),
    ("everything", "ip_merged", Some("2001:db8:1::1"), None, None, 0, "valid"),
    ("everything", "ip_merged", Some("192.0.3.10"), None, None, 0, "ip_denied"),
    ("everything", "ip_many", Some("0.0.0.0"), None, None, 0, "valid"),
    ("everything", "ip_many", Some("0.0.0.1"), None, None, 0, "ip_denied"),
    ("everything", "ip_many", Some("9.255.255.255"), None, None, 0, "valid"),
    ("everything", "ip_many", Some("10.191.255.255"), None, None, 0, "valid"),
    ("everything", "ip_many", Some("10.192.0.0"), None, None, 0, "ip_denied"),
    ("everything", "ip_many", Some("255.255.255.254"), None, None, 0, "ip_denied"),
    ("everything", "ip_many", Some("255.255.255.255"), None, None, 0, "valid"),
    ("everything", "ip_many", Some("::"), None, None, 0, "valid"),
    ("everything", "ip_many", Some("::2"), None, None, 0, "ip_denied"),
    ("everything", "ip_many", Some("febf:ffff::"), None, None, 0, "valid"),
    ("everything", "ip_many", Some("fec0::"), None, None, 0, "ip_denied"),
    ("everything", "ip_many", Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), None, None, 0, "ip_denied"),

    ("imports", "issued", None, None, None, 0, "valid"),
    ("imports", "token68", None, None, None, 0, "valid"),
    ("imports", "shortest", None, None, None, 0, "valid"),
    ("imports", "longest", None, None, None, 0, "valid"),
    ("imports", "looks_broken", None, None, None, 0, "valid"),
    ("pepper", "issued", None, None, None, 0, "valid"),
    ("pepper", "token68", None, None, None, 0, "valid"),
];

/// Realm (empty: nothing is loaded), text, code.
fn texts() -> Vec<(&'static str, String, &'static str)> {
    let other = keys::text(999_999);
    vec![
        ("empty", other.clone(), "unknown"),
        ("one", other.clone(), "unknown"),
        ("one", String::new(), "missing"),
        ("one", "undefined".into(), "malformed"),
        ("one", "fake/imported.key~0+-_==".into(), "malformed"),
        ("one", other[1..].into(), "malformed"),
        ("one", "a".repeat(600), "malformed"),
        ("everything", other.clone(), "unknown"),
        ("many", other.clone(), "unknown"),
        ("imports", other.clone(), "unknown"),
        ("imports", "fake-but-long-enough".into(), "unknown"),
        ("imports", "too-short".into(), "malformed"),
        ("imports", "has a blank in its middle".into(), "malformed"),
        ("imports", "a".repeat(256), "malformed"),
        ("imports", "a".repeat(600), "malformed"),
        ("pepper", "fake-but-long-enough".into(), "unknown"),
        ("", String::new(), "missing"),
        ("", other, "snapshot_missing"),
        ("", "fake-but-long-enough".into(), "snapshot_missing"),
        ("", "too-short".into(), "malformed"),
    ]
}

/// Configuration, realm, label of the key, client address, seconds after `T0`, expected code and flags.
type Configured = (&'static str, &'static str, &'static str, Option<&'static str>, i64, &'static str, u8);

#[rustfmt::skip]
const CONFIGURED: &[Configured] = &[
    ("grace=60", "one", "plain", None, LIFE - 1, "valid", 0),
    ("grace=60", "one", "plain", None, LIFE, "valid", 2),
    ("grace=60", "one", "plain", None, LIFE + 59, "valid", 2),
    ("grace=60", "one", "plain", None, LIFE + 60, "snapshot_stale", 0),
    ("grace=60", "everything", "revoked", None, LIFE + 1, "revoked", 2),
    ("mask_ip=on", "everything", "ip_office", Some("198.51.100.7"), 0, "ip_denied", 1),
    ("mask_ip=on", "everything", "ip_office", None, 0, "ip_unknown", 1),
    ("mask_ip=on", "everything", "ip_office", Some("192.0.2.7"), 0, "valid", 0),
    ("mask_ip=on", "everything", "revoked", None, 0, "revoked", 0),
    ("mask_ip=on\ngrace=60", "everything", "ip_office", None, LIFE + 1, "ip_unknown", 3),
];

fn number(code: &str) -> Result<u64> {
    let row = CODES.iter().find(|row| row.name == code).with_context(|| format!("no code {code}"))?;
    Ok(u64::from(row.code.number()))
}

/// One row. What is left out is none, `T0` for `now`, 0 for `flags`, and the realm's own configuration for `config`.
fn row(realm: &str, code: &str, members: Vec<(&str, Value)>) -> Value {
    let mut row = Map::from_iter([("realm".to_owned(), realm.into()), ("code".to_owned(), code.into())]);
    row.extend(members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)));
    row.into()
}

/// The number that crosses into JavaScript. A record that was found is named by refusals too.
fn packed(realms: &[Realm], realm: &str, label: &str, code: &str, flags: u8) -> Result<u64> {
    let realm = realms.iter().find(|r| r.name == realm).context("no such realm")?;
    let (_, shard, index) = realm.place(label).with_context(|| format!("no key {label} in realm {}", realm.name))?;
    let located = !matches!(code, "clock_invalid" | "snapshot_stale");
    let place = if located { 1 + u64::from(index) + (u64::from(shard) << 22) } else { 0 };
    Ok(number(code)? + 64 * u64::from(flags) + 1024 * place)
}

pub fn file(realms: &[Realm]) -> Result<Value> {
    let now = |offset: i64| if offset == 0 { Value::Null } else { T0.saturating_add_signed(offset).into() };
    let mut out = Vec::new();
    for (realm, label, ip, service, permission, offset, code) in ROWS {
        let packed = packed(realms, realm, label, code, 0)?;
        let optional =
            [("ip", ip), ("service", service), ("permission", permission)].map(|(name, text)| (name, (*text).into()));
        let members = [("key", (*label).into()), ("now", now(*offset)), ("packed", packed.into())];
        out.push(row(realm, code, members.into_iter().chain(optional).collect()));
    }
    for (config, realm, label, ip, offset, code, flags) in CONFIGURED {
        let packed = packed(realms, realm, label, code, *flags)?;
        let flags = if *flags == 0 { Value::Null } else { (*flags).into() };
        let members = vec![
            ("config", (*config).into()),
            ("key", (*label).into()),
            ("ip", (*ip).into()),
            ("now", now(*offset)),
            ("flags", flags),
            ("packed", packed.into()),
        ];
        out.push(row(realm, code, members));
    }
    for (realm, text, code) in texts() {
        out.push(row(realm, code, vec![("text", text.into()), ("packed", number(code)?.into())]));
    }
    Ok(json!({ "now": T0, "rows": out }))
}
