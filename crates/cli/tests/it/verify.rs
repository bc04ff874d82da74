//! `edgelatch verify`: an acceptance and each refusal, explained.

use std::fs;

use crate::common::Plane;

/// A published realm with one key of each kind, and the secrets of all.
struct Keys {
    plane: Plane,
    good: String,
    scoped: String,
    revoked: String,
    later: String,
    soon: String,
    disabled: String,
    local: String,
}

fn keys() -> Keys {
    let p = Plane::new();
    p.ok(&["owners", "create", "gone"]);
    let create = |args: &[&str]| p.create(&[args, &["--owner", if args.contains(&"d") { "gone" } else { "admin" }]].concat());
    let (_, good) = create(&["--name", "g", "--role", "reader"]);
    let (_, scoped) = create(&["--name", "c", "--role", "reader", "--scope", "cdn"]);
    let (id, revoked) = create(&["--name", "r"]);
    let (_, later) = create(&["--name", "l", "--not-before", "1d"]);
    let (_, soon) = create(&["--name", "s", "--expires", "1h"]);
    let (_, disabled) = create(&["--name", "d"]);
    let (_, local) = create(&["--name", "i", "--allow", "10.0.0.0/8,2001:db8::/32"]);
    p.ok(&["keys", "revoke", &id]);
    p.ok(&["owners", "disable", "gone"]);
    p.ok(&["publish"]);
    Keys { good, scoped, revoked, later, soon, disabled, local, plane: p }
}

#[test]
fn each_code_is_explained() {
    let k = keys();
    let stranger = Plane::new().create(&["--name", "x"]).1;
    let typo = format!("{}x", &k.good[..k.good.len() - 1]);
    // What is presented, under which conditions, the code, and the step that refuses.
    let rows: [(&str, &[&str], &str, &str); 22] = [
        (&k.good, &["--service", "cdn", "--permission", "dns.view"], "valid", ""),
        (&k.local, &["--ip", "::ffff:10.1.2.3"], "valid", ""),
        ("", &[], "missing", "credential"),
        (&typo, &[], "malformed", "syntax"),
        (&"k".repeat(600), &[], "malformed", "syntax"),
        (&stranger, &[], "unknown", "lookup"),
        (&k.revoked, &[], "revoked", "status"),
        (&k.disabled, &[], "owner_disabled", "owner"),
        (&k.later, &[], "not_yet_valid", "time"),
        (&k.soon, &["--now", "2h"], "expired", "time"),
        (&k.local, &["--ip", "11.1.2.3"], "ip_denied", "IP policy"),
        (&k.local, &[], "ip_unknown", "IP policy"),
        (&k.scoped, &["--service", "cdn", "--permission", "dns.view"], "valid", ""),
        (&k.scoped, &["--config", "service=cdn"], "valid", ""),
        (&k.scoped, &["--service", "dns"], "scope_denied", "scope"),
        (&k.scoped, &[], "scope_denied", "scope"),
        (&k.good, &["--permission", "dns.update"], "permission_denied", "permission"),
        (&k.good, &["--permission", "dns..view"], "bad_requirement", ""),
        (&k.good, &["--service", "*"], "bad_requirement", ""),
        (&k.good, &["--now", "2d"], "snapshot_stale", "snapshot"),
        (&k.good, &["--now", "2026-01-01"], "clock_invalid", "snapshot"),
        (&k.good, &["--config", "min_epoch=99"], "snapshot_missing", "update"),
    ];
    for (key, args, code, step) in rows {
        let (exit, verdict) = k.plane.verify(key, args);
        assert_eq!((&verdict["code"], exit), (&code.into(), i32::from(code != "valid")), "{verdict:#}");
        let steps = verdict["steps"].as_array().unwrap();
        let refusing = steps.iter().find(|s| s["passed"] == false).map_or("", |s| s["name"].as_str().unwrap());
        // Times are those that people read.
        let seconds = |note: &str| note.split(|c: char| !c.is_ascii_digit()).any(|number| number.len() >= 10);
        assert!(!steps.iter().any(|s| seconds(s["note"].as_str().unwrap())), "{verdict:#}");
        if !step.is_empty() || code == "valid" {
            assert_eq!(refusing, step, "{verdict:#}");
        }
    }
    let (_, verdict) = k.plane.verify(&k.good, &["--now", "2d", "--config", "grace=172800"]);
    assert_eq!((&verdict["code"], &verdict["stale"]), (&"valid".into(), &true.into()));
}

#[test]
fn a_request_is_explained_as_the_edge_reads_it() {
    let k = keys();
    let bearer = format!("Authorization: Bearer {}", k.good);
    let api_key = format!("X-API-Key: {}", k.local);
    let rows: [(&[&str], &str); 9] = [
        (&["-H", &bearer], "valid"),
        (&["-H", "X-Other: 1"], "missing"),
        (&["-H", &bearer, "-H", &api_key], "invalid_request"),
        (&["-H", &bearer, "-H", &bearer], "invalid_request"),
        (&["-H", &bearer, "-H", "Host: a b"], "invalid_request"),
        (&["-H", &api_key, "--ip", "10.0.0.1"], "valid"),
        (&["-H", &api_key, "-H", "X-Forwarded-For: 10.0.0.1", "--ip", "192.0.2.1"], "ip_denied"),
        (
            &[
                "-H",
                &api_key,
                "-H",
                "X-Forwarded-For: 10.0.0.1",
                "--ip",
                "192.0.2.1",
                "--config",
                "client_ip=trust=192.0.2.0/24",
            ],
            "valid",
        ),
        (&["-H", &api_key, "--ip", "11.0.0.1", "--config", "credentials=bearer"], "missing"),
    ];
    for (args, code) in rows {
        let ran = k.plane.run(&[&["--json", "verify"], args].concat());
        let verdict: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        assert_eq!((&verdict["code"], ran.code), (&code.into(), i32::from(code != "valid")), "{args:?} {verdict:#}");
    }
    let masked = k.plane.run(&["--json", "verify", "-H", &api_key, "--ip", "11.0.0.1", "--config", "mask_ip=on"]);
    assert!(masked.out.contains("\"status\": 401") && masked.out.contains("ip_denied"), "{}", masked.out);
}

#[test]
fn bundle_and_root_from_elsewhere() {
    let k = keys();
    let root = k.plane.json(&["inspect", k.plane.published("root/1").to_str().unwrap()]);
    assert_eq!(root["realm"], "acme");
    let bundle = k.plane.published("bundle").to_str().unwrap().to_owned();
    let root = k.plane.published("root/1").to_str().unwrap().to_owned();
    assert_eq!(k.plane.verify(&k.good, &["--bundle", &bundle, "--root", &root]).0, 0);
    // Of another realm.
    let other = Plane::empty();
    let text = other.json(&["init", "--realm", "zeta"])["root"].as_str().unwrap().to_owned();
    let (exit, verdict) = k.plane.verify(&k.good, &["--bundle", &bundle, "--root", &text]);
    assert_eq!((exit, &verdict["code"]), (1, &"snapshot_missing".into()));
    assert!(k.plane.with_stdin(&["verify", "--key-stdin", "--bundle", &bundle, "--root", "nonsense!"], &k.good).code == 2);
    // Without a data directory at all.
    let bare = Plane::empty();
    assert_eq!(bare.verify(&k.good, &["--bundle", &bundle, "--root", &root]).0, 0);
}

#[test]
fn a_bundle_that_is_behind_its_head_is_followed_to_it() {
    let k = keys();
    let older = fs::read(k.plane.published("bundle")).unwrap();
    let shown = k.plane.json(&["keys", "list", "--search", "g", "--limit", "500"]);
    let id = shown["keys"].as_array().unwrap().iter().find(|key| key["name"] == "g").unwrap()["key_id"].as_str().unwrap();
    k.plane.ok(&["keys", "revoke", id]);
    let epoch = k.plane.json(&["publish"])["epoch"].as_u64().unwrap();
    let newer = fs::read(k.plane.published("bundle")).unwrap();
    fs::write(k.plane.published("bundle"), &older).unwrap();
    let (_, verdict) = k.plane.verify(&k.good, &[]);
    assert_eq!((&verdict["code"], &verdict["epoch"]), (&"revoked".into(), &epoch.into()), "{verdict:#}");
    // Also as of a time at which neither is alive any more.
    assert_eq!(k.plane.verify(&k.good, &["--now", "2d"]).1["epoch"], epoch);
    // A bundle that is ahead is what serves: it was replaced after the head was read.
    let head = fs::read(k.plane.published("head")).unwrap();
    fs::write(k.plane.published("bundle"), &newer).unwrap();
    k.plane.create(&["--name", "late", "--owner", "admin"]);
    k.plane.ok(&["publish"]);
    fs::write(k.plane.published("head"), &head).unwrap();
    assert_eq!(k.plane.verify(&k.good, &[]).1["epoch"], epoch + 1);
    // What the head leads to is not there: said, rather than answered by older news.
    fs::write(k.plane.published("bundle"), &older).unwrap();
    fs::remove_dir_all(k.plane.published("objects")).unwrap();
    let ran = k.plane.with_stdin(&["verify", "--key-stdin"], &k.good);
    assert!(ran.code == 2 && ran.err.contains("objects") && ran.out.is_empty(), "{}{}", ran.out, ran.err);
}

#[test]
fn no_changed_bit_of_a_bundle_is_accepted() {
    let k = keys();
    let whole = fs::read(k.plane.published("bundle")).unwrap();
    let forged = k.plane.data().join("forged");
    let root = k.plane.published("root/1").to_str().unwrap().to_owned();
    let mut codes = std::collections::BTreeSet::new();
    // Every part of the file; each bit is the core's own test.
    for at in (0..whole.len()).step_by(29) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        fs::write(&forged, bytes).unwrap();
        let (exit, verdict) = k.plane.verify(&k.good, &["--bundle", forged.to_str().unwrap(), "--root", &root]);
        assert_eq!(exit, 1, "{at} {verdict:#}");
        codes.insert(verdict["code"].as_str().unwrap().to_owned());
    }
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["snapshot_missing"], "nothing is served of a bundle with a flaw");
}

#[test]
fn questions_that_cannot_be_asked() {
    let k = keys();
    for (args, says) in [
        (&["verify"][..], "which key?"),
        (&["verify", "k", "--ip", "10.0.0.01"], "--ip: "),
        (&["verify", "k", "--at", "tomorrow"], "--at: "),
        (&["verify", "k", "--config", "no_such=1"], "no_such"),
        (&["verify", "k", "--config", "client_ip=sideways"], "client_ip"),
        (&["verify", "-H", "no colon"], "--header: "),
    ] {
        let ran = k.plane.run(args);
        assert!(ran.code == 2 && ran.err.contains(says) && ran.err.lines().count() == 1, "{args:?}: {}", ran.err);
    }
    let nowhere = Plane::empty().run(&["verify", "k"]);
    assert!(nowhere.code == 2 && nowhere.err.contains("edgelatch init"), "{}", nowhere.err);
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_that_nobody_can_read_is_no_acceptance() {
    let k = keys();
    let code = |key: &str, out: std::process::Stdio| {
        let status = k.plane.command(&["verify", "--json"]).env("EDGELATCH_KEY", key).stdout(out).status().unwrap();
        status.code().unwrap()
    };
    let full = || fs::File::options().write(true).open("/dev/full").unwrap().into();
    let closed = || std::io::pipe().unwrap().1.into();
    assert_eq!((code(&k.revoked, full()), code(&k.good, full())), (2, 2));
    assert_eq!((code(&k.revoked, closed()), code(&k.good, closed())), (1, 0));
}
