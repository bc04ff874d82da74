//! The keys of the test realms.

use super::policies::{Policy, policy};
use super::{DAY, T0, keys};

/// A key as the lists below state it.
#[derive(Clone)]
pub struct Key {
    /// How rows of other files refer to it.
    pub label: &'static str,
    pub text: String,
    pub id: u64,
    pub org: &'static str,
    pub owner: &'static str,
    pub owner_disabled: bool,
    pub name: String,
    pub metadata: &'static str,
    pub revoked: bool,
    pub not_before: Option<u64>,
    pub expires_at: Option<u64>,
    pub roles: &'static [&'static str],
    pub services: Option<&'static [&'static str]>,
    pub policy: Option<Policy>,
}

/// Name and patterns.
pub type Role = (&'static str, &'static [&'static str]);

pub const ROLES: &[Role] = &[
    ("reader", &["*.view", "read"]),
    ("dns", &["dns.*"]),
    ("purger", &["cache.purge"]),
    ("admin", &["*"]),
    ("nothing", &[]),
    // Sorts after the others: an entry begins with the length of its name.
    ("Verwalter für Größeres", &["*.*.update", "dns.*.view", "zone.*"]),
];

pub fn plain(n: u32) -> Key {
    Key {
        label: "",
        text: keys::text(n),
        id: u64::from(n),
        org: "acme",
        owner: "alice",
        owner_disabled: false,
        name: String::new(),
        metadata: "",
        revoked: false,
        not_before: None,
        expires_at: None,
        roles: &[],
        services: None,
        policy: None,
    }
}

fn named(label: &'static str, n: u32) -> Key {
    Key { label, ..plain(n) }
}

const OFFICE: Policy = policy(false, Some(&["192.0.2.0/24"]), &[]);
#[rustfmt::skip]
const LISTS: &[(&str, Policy)] = &[
    ("ip_office", OFFICE),
    ("ip_both_families", policy(false, Some(&["10.0.0.0/8", "198.51.100.7/32", "2001:db8::/32", "2001:db9::1/128"]), &[])),
    ("ip_deny_only", policy(false, None, &["203.0.113.0/24", "2001:db8:bad::/48"])),
    ("ip_deny_only_deny_first", policy(true, None, &["203.0.113.0/24"])),
    ("ip_allow_first", policy(false, Some(&["192.0.2.0/24"]), &["192.0.2.128/25"])),
    ("ip_deny_first", policy(true, Some(&["192.0.2.0/24"]), &["192.0.2.128/25"])),
    ("ip_nobody", policy(false, Some(&[]), &[])),
    ("ip_nobody_but_denied", policy(false, Some(&[]), &["192.0.2.0/24"])),
    ("ip_everybody", policy(false, Some(&["0.0.0.0/0", "::/0"]), &[])),
    (
        "ip_merged",
        Policy {
            stored: Some(&["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]),
            ..policy(
                true,
                Some(&["192.0.2.9/32", "2001:db8::/32", "10.1.0.0/16", "::ffff:192.0.2.0/120", "10.0.0.0/8", "10.0.0.0/8", "2001:db8:1::/48"]),
                &[],
            )
        },
    ),
    (
        "ip_many",
        policy(
            false,
            Some(&[
                "0.0.0.0/32", "1.0.0.0/8", "9.255.255.255/32", "10.0.0.0/9", "10.128.0.0/10", "100.64.0.0/10", "172.16.0.0/12",
                "192.168.0.0/16", "223.255.255.255/32", "255.255.255.255/32", "::/128", "::1/128", "fd00::/8", "fe80::/10",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
            ]),
            &[],
        ),
    ),
];

/// One key in every state that the format knows.
pub fn everything() -> Vec<Key> {
    let mut keys = vec![
        named("plain", 1),
        Key { id: u64::MAX, ..named("highest_id", 2) },
        Key { id: 0, ..named("lowest_id", 3) },
        Key { roles: &["reader"], ..named("reader", 4) },
        Key { roles: &["dns", "purger"], ..named("dns_and_purger", 5) },
        Key { roles: &["admin"], services: Some(&["cdn", "dns"]), ..named("admin_of_two", 6) },
        Key { roles: &["nothing"], ..named("nothing", 7) },
        Key { roles: &["Verwalter für Größeres"], services: Some(&["dns"]), ..named("unicode_role", 8) },
        Key { roles: &["admin"], services: Some(&[]), ..named("no_service", 9) },
        Key {
            roles: &["admin", "dns", "nothing", "purger", "reader"],
            services: Some(&["cdn", "dns", "iam-1"]),
            ..named("all_roles", 10)
        },
        Key { revoked: true, ..named("revoked", 11) },
        Key { owner: "bob", owner_disabled: true, ..named("owner_disabled", 12) },
        Key { owner: "bob", owner_disabled: true, revoked: true, ..named("revoked_and_disabled", 13) },
        Key { expires_at: Some(T0 + 100), ..named("expires", 14) },
        Key { not_before: Some(T0 + 100), ..named("begins", 15) },
        Key { not_before: Some(T0 + 100), expires_at: Some(T0 + 200), ..named("window", 16) },
        Key { not_before: Some(T0 + 200), expires_at: Some(T0 + 100), ..named("window_never", 17) },
        Key { expires_at: Some(1), ..named("expired_long_ago", 18) },
        Key { id: 0x5eed, name: "rotated".into(), ..named("rotated_new", 19) },
        Key { id: 0x5eed, name: "rotated".into(), expires_at: Some(T0 + 3600), ..named("rotated_old", 20) },
        Key {
            name: "Schlüssel für 東京 🗝".into(),
            metadata: r#"{"étage":3,"note":"日本語 \" \\ \u0007","n":-1.5e3}"#,
            ..named("unicode", 21)
        },
        Key { name: "n".repeat(128), ..named("longest_name", 22) },
        Key { metadata: "[1,2,3]", ..named("metadata_only", 23) },
        Key { metadata: "not JSON: that is the application's affair", ..named("metadata_not_json", 24) },
        Key { org: "org!#$%&'()*+,-./:;<=>?@[]^_`{|}~", owner: "svc:deploy", ..named("odd_org", 25) },
        // Fails at every step at once: the order of the rules decides.
        Key {
            revoked: true,
            owner_disabled: true,
            expires_at: Some(1),
            services: Some(&["dns"]),
            policy: Some(OFFICE),
            ..named("hopeless", 26)
        },
        Key {
            owner_disabled: true,
            expires_at: Some(1),
            services: Some(&["dns"]),
            policy: Some(OFFICE),
            ..named("hopeless_owner", 27)
        },
        Key { expires_at: Some(1), services: Some(&["dns"]), policy: Some(OFFICE), ..named("hopeless_time", 28) },
        Key { services: Some(&["dns"]), policy: Some(OFFICE), ..named("hopeless_ip", 29) },
        Key { services: Some(&["dns"]), ..named("hopeless_scope", 30) },
    ];
    keys.extend((40..).zip(LISTS).map(|(n, (label, policy))| Key { policy: Some(*policy), ..named(label, n) }));
    keys
}

/// Enough for several shards; content that repeats in some columns and not in others.
pub fn many() -> Vec<Key> {
    const OWNERS: [&str; 3] = ["alice", "bob", "carol"];
    let key = |n: u32| Key {
        label: if n == 1000 { "first" } else { "" },
        owner: OWNERS[n as usize % 3],
        expires_at: (n.is_multiple_of(16)).then_some(T0 + DAY + u64::from(n)),
        roles: if n.is_multiple_of(2) { &["reader"] } else { &[] },
        policy: (n.is_multiple_of(64)).then_some(OFFICE),
        ..plain(n)
    };
    (1000..1520).map(key).collect()
}

/// Imported keys beside an issued one.
pub fn imported() -> Vec<Key> {
    vec![
        named("issued", 1),
        Key { text: "fake/imported.key~0+-_==".into(), ..named("token68", 2) },
        Key { text: "1234567890123456".into(), ..named("shortest", 3) },
        Key { text: "a".repeat(255), ..named("longest", 4) },
        // An issued key of which a check character was lost: in this realm it is a text like any other.
        Key { text: keys::text(5)[1..].into(), ..named("looks_broken", 5) },
    ]
}
