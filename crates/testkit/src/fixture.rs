//! The snapshots that the tests of the JS package and of the wasm crate use: `tests/runtimes/fixture.json`. Everything in it is
//! fixed but the time to start from. The seeds are public: never use them.

use anyhow::{Result, anyhow};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use edgelatch_core::build::{
    HeadFields, KeyRecord, RealmRecord, RootFields, Tree, build_tree, encode_bundle, sign_head, sign_root,
};
use edgelatch_core::cidr::Cidr;
use edgelatch_core::key::{KeyId, Pepper, Prefix, digest, issue};
use edgelatch_core::policy::{AllowMode, IpPolicy, Order};
use std::fmt::Write as _;

use crate::realm::{head_fields, role, root_fields, signer};
use crate::snapshot::realm;

/// The file, from the top of the repository.
pub const FILE: &str = "tests/runtimes/fixture.json";
/// When the first head in it was issued.
pub const START: u64 = 1_750_000_000;
/// How long a head lives.
const LIFE: u64 = 86_400;
const CENTURY: u64 = 3_155_760_000;

/// Name, services, role, allow list; the rest by name below.
const KEYS: [(&str, Option<&str>, u32, Option<&str>); 10] = [
    ("plain", None, 0, None),
    ("office", None, 1, Some("198.51.100.0/24")),
    ("dual", None, 1, Some("2001:db8::/32")),
    ("revoked", None, 0, None),
    ("expired", None, 0, None),
    ("future", None, 0, None),
    ("orphan", None, 0, None),
    ("leaving", None, 0, None),
    ("stranger", None, 0, None),
    ("scoped", Some("cdn"), 1, None),
];

/// Of two snapshots; the second one's text has every character of base64url that base64 has not.
const PEPPERS: [&[u8]; 2] =
    [b"not a secret: test pepper", &[0xfb, 0xef, 0xbe, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]];

/// The content of the file, were the first head issued at `start`.
pub fn text(start: u64) -> Result<String> {
    let root = |version, publisher| RootFields {
        issued_at: start,
        expires_at: start + CENTURY,
        publisher: role(1, &[publisher]),
        ..root_fields(version)
    };
    let roots = [sign_root(&root(1, 2), &[signer(1)])?, sign_root(&root(2, 3), &[signer(1)])?];

    let mut random = 1u32;
    let mut fill = |bytes: &mut [u8]| {
        for byte in bytes {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (random >> 24) as u8;
        }
    };
    let prefix = Prefix::parse("ex_sk").map_err(|error| anyhow!("{error}"))?;
    let texts: Vec<String> = KEYS.iter().map(|_| issue(&prefix, &mut fill).to_string()).collect();
    let tree = |leaving_revoked: bool, pepper: Option<&[u8]>| -> Result<Tree> {
        let records = KEYS.iter().zip(&texts).zip(1..).filter(|((key, _), _)| key.0 != "stranger");
        let records: Result<Vec<KeyRecord>> =
            records.map(|((key, text), n)| record(key, text, n, start, leaving_revoked)).collect();
        let pepper = pepper.and_then(Pepper::new);
        let of = RealmRecord { pepper, ..realm(&[("reader", &["zone.view"]), ("purger", &["cache.*", "zone.view"])]) };
        Ok(build_tree(&of, records?)?)
    };
    let (before, after) = (tree(false, None)?, tree(true, None)?);
    let peppered = [tree(true, Some(PEPPERS[0]))?, tree(true, Some(PEPPERS[1]))?];
    let head = |root_version, epoch, issued_at, tree: &Tree, publisher| {
        let fields = HeadFields { root_version, issued_at, not_after: issued_at + LIFE, ..head_fields(epoch, tree) };
        sign_head(&fields, &[signer(publisher)])
    };

    let mut out = format!("{{\n  \"start\": {start},\n  \"life\": {LIFE},\n");
    let keys: Vec<String> = KEYS.iter().zip(&texts).map(|(key, text)| format!("    \"{}\": \"{text}\"", key.0)).collect();
    writeln!(out, "  \"keys\": {{\n{}\n  }},", keys.join(",\n"))?;
    writeln!(out, "  \"roots\": [\"{}\", \"{}\"],", base64(&roots[0]), base64(&roots[1]))?;
    let peppers = PEPPERS.map(|pepper| BASE64_URL_SAFE_NO_PAD.encode(pepper));
    writeln!(out, "  \"peppers\": [\"{}\", \"{}\"],", peppers[0], peppers[1])?;
    let snapshots = [
        ("first", head(1, 7, start, &before, 2)?, &before),
        ("renewed", head(1, 8, start + LIFE / 3, &before, 2)?, &before),
        ("second", head(1, 9, start + LIFE / 2, &after, 2)?, &after),
        ("equivocal", head(1, 9, start + LIFE / 2 + 1, &before, 2)?, &before),
        ("rotated", head(2, 10, start + LIFE / 2 + 2, &after, 3)?, &after),
        ("peppered", head(1, 10, start + LIFE / 2 + 2, &peppered[0], 2)?, &peppered[0]),
        ("repeppered", head(1, 11, start + LIFE / 2 + 3, &peppered[1], 2)?, &peppered[1]),
        ("stolen", head(1, 11, start + LIFE / 2 + 3, &before, 4)?, &before),
    ];
    let lines: Result<Vec<String>> = snapshots
        .iter()
        .map(|(name, head, tree)| {
            let bundle = encode_bundle(head, tree)?;
            Ok(format!("    \"{name}\": {{ \"head\": \"{}\", \"bundle\": \"{}\" }}", base64(head), base64(&bundle)))
        })
        .collect();
    writeln!(out, "  \"snapshots\": {{\n{}\n  }}\n}}", lines?.join(",\n"))?;
    Ok(out)
}

fn record(
    key: &(&str, Option<&str>, u32, Option<&str>),
    text: &str,
    n: u64,
    start: u64,
    leaving_revoked: bool,
) -> Result<KeyRecord> {
    let &(name, service, role, allow) = key;
    let allow = allow.map(|net| Cidr::parse(net.as_bytes()).map_err(|error| anyhow!("{error}"))).transpose()?;
    Ok(KeyRecord {
        digest: digest(text.as_bytes()),
        key_id: KeyId(n),
        org: "org_1".into(),
        owner: if name == "orphan" { "gone".into() } else { "ada".into() },
        owner_disabled: name == "orphan",
        name: format!("Key “{name}”"),
        metadata: if name == "office" { r#"{"plan":"pro","seats":3}"#.into() } else { String::new() },
        revoked: name == "revoked" || (name == "leaving" && leaving_revoked),
        not_before: (name == "future").then_some(start + 10 * LIFE),
        expires_at: (name == "expired").then_some(start - 1),
        roles: vec![role],
        services: service.map(|service| vec![service.into()]),
        ip_policy: allow.map(|net| IpPolicy {
            allow_mode: AllowMode::List,
            order: Order::AllowFirst,
            allow: vec![net],
            deny: vec![],
        }),
    })
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
