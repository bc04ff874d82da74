//! A key from its creation to its end, through the real binary.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Plane, binary};
use serde_json::Value;

#[test]
fn created_published_accepted_revoked_refused() {
    let p = Plane::new();
    let (id, secret) =
        p.create(&["--name", "ci", "--role", "reader", "--scope", "cdn", "--allow", "10.0.0.0/8", "--expires", "3mo"]);
    let ask = ["--ip", "10.1.2.3", "--service", "cdn", "--permission", "cache.view"];
    assert_eq!(p.verify(&secret, &ask).1["code"], "unknown");
    p.ok(&["publish"]);
    let (code, verdict) = p.verify(&secret, &ask);
    assert_eq!((code, &verdict["accepted"], &verdict["epoch"]), (0, &true.into(), &2.into()));
    assert_eq!(verdict["key"]["key_id"], id);
    p.ok(&["keys", "revoke", &id]);
    assert_eq!(p.verify(&secret, &ask).0, 0, "edges learn of it with the next epoch");
    p.ok(&["publish"]);
    let (code, verdict) = p.verify(&secret, &ask);
    assert_eq!((code, &verdict["code"], &verdict["status"]), (1, &"revoked".into(), &401.into()));
    assert!(p.ok(&["keys", "revoke", &id]).starts_with("already revoked"));
}

#[test]
fn the_secret_alone_is_on_standard_output() {
    let p = Plane::new();
    let ran = p.run(&["keys", "create", "--name", "ci"]);
    let secret = ran.out.trim();
    assert!(secret.starts_with("ek_") && secret.len() == 39 && ran.out.lines().count() == 1);
    assert!(!ran.err.contains(secret) && ran.err.contains("shown this once"));
    assert!(ran.err.contains("warning: the key has no role"), "{}", ran.err);
    // Never again, in no form.
    let id = p.json(&["keys", "list"])["keys"][0]["key_id"].as_str().unwrap().to_owned();
    p.ok(&["publish"]);
    for args in [
        &["keys", "list"][..],
        &["keys", "list", "--json"],
        &["keys", "show", &id],
        &["keys", "show", &id, "--json"],
        &["keys", "edit", &id, "--name", "x"],
        &["inspect", p.published("bundle").to_str().unwrap(), "--records"],
    ] {
        assert!(!p.ok(args).contains(&secret[7..37]), "{args:?}");
    }
    assert!(!p.with_stdin(&["verify", "--key-stdin"], secret).out.contains(&secret[3..]));
    for (path, bytes) in p.files() {
        assert!(!bytes.windows(30).any(|w| w == &secret.as_bytes()[3..33]), "{}", path.display());
    }
}

#[test]
fn edits_reach_the_edge() {
    let p = Plane::new();
    let (id, secret) = p.create(&["--name", "ci", "--allow", "10.0.0.0/8"]);
    let allowed = |edit: &[&str], ips: &[(&str, bool)]| {
        p.ok(&[&["keys", "edit", &id], edit].concat());
        p.ok(&["publish"]);
        for (ip, expected) in ips {
            assert_eq!(p.verify(&secret, &["--ip", ip]).0 == 0, *expected, "{edit:?} {ip}");
        }
    };
    allowed(&["--add-allow", "192.0.2.0/24,2001:db8::/32"], &[("192.0.2.9", true), ("10.0.0.1", true), ("2001:db8::1", true)]);
    allowed(&["--disable-allow", "10.0.0.0/8"], &[("10.0.0.1", false), ("192.0.2.9", true)]);
    allowed(&["--enable-allow", "10.0.0.0/8", "--remove-allow", "192.0.2.0/24"], &[("10.0.0.1", true), ("192.0.2.9", false)]);
    allowed(&["--deny", "10.6.0.0/16"], &[("10.6.0.1", true)]);
    allowed(&["--order", "deny-first"], &[("10.6.0.1", false), ("10.7.0.1", true)]);
    allowed(&["--allow", "198.51.100.7", "--clear-deny"], &[("198.51.100.7", true), ("10.7.0.1", false)]);
    allowed(&["--clear-allow"], &[("198.51.100.7", false)]);
    allowed(&["--allow-mode", "any"], &[("198.51.100.7", true)]);
    let shown = p.json(&["keys", "edit", &id, "--name", "deploy", "--expires", "never", "--role", "admin", "--scope", "dns"]);
    assert_eq!(
        (&shown["key"]["name"], &shown["key"]["roles"][0], &shown["key"]["scope"][0]),
        (&"deploy".into(), &"admin".into(), &"dns".into())
    );
    assert_eq!(p.json(&["keys", "edit", &id, "--name", "deploy"])["changed"], false);
}

#[test]
fn an_existing_key_is_imported_by_its_digest() {
    let p = Plane::new();
    let legacy = "legacy+key/000000000001==";
    let hex = sha256(legacy);
    p.ok(&["keys", "import", "--name", "legacy", "--sha256", &hex, "--role", "reader"]);
    p.ok(&["publish"]);
    assert_eq!(p.verify(legacy, &["--permission", "dns.view"]).0, 0);
    let again = p.run(&["keys", "import", "--name", "again", "--sha256", &hex.to_uppercase()]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("exists already") && !again.err.contains(&hex));
    assert!(p.ok(&["keys", "list"]).contains("(imported)"));
}

fn sha256(text: &str) -> String {
    edgelatch_core::key::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn every_object_is_shown() {
    let p = Plane::new();
    p.create(&["--name", "ci", "--role", "reader", "--scope", "cdn", "--deny", "::1", "--metadata", r#"{"a":1}"#]);
    p.ok(&["publish"]);
    let inspect = |path: &str, more: &[&str]| p.json(&[&["inspect", path], more].concat());
    let path = |name: &str| p.published(name).to_str().unwrap().to_owned();
    assert_eq!(inspect(&path("root/1"), &[])["publisher"]["threshold"], 1);
    assert_eq!(inspect(&path("head"), &[])["epoch"], 2);
    let bundle = inspect(&path("bundle"), &["--records"]);
    assert_eq!((&bundle["records"][0]["name"], &bundle["records"][0]["scope"][0]), (&"ci".into(), &"cdn".into()));
    let mut kinds: Vec<String> = Vec::new();
    let current = inspect(&path("head"), &[])["tree"].as_str().unwrap().to_owned();
    assert_eq!(inspect(&path(&format!("objects/{current}")), &[])["object"], "top page");
    for entry in fs::read_dir(p.published("objects")).unwrap() {
        let name = entry.unwrap().path().to_str().unwrap().to_owned();
        let shown = inspect(&name, &[]);
        assert!(name.ends_with(shown["sha256"].as_str().unwrap()));
        if shown["object"] == "shard" && shown["records"].as_array().unwrap().len() == 1 {
            let record = &inspect(&name, &["--bundle", &path("bundle")])["records"][0];
            assert_eq!((&record["roles"][0], &record["ip_policy"]["deny"][0]), (&"reader".into(), &"::1/128".into()));
        }
        kinds.push(shown["object"].as_str().unwrap().into());
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["chunk", "directory", "index page", "shard", "top page"]);
    // Of two steps: three bytes for the top page, none for shard 3.
    let patch = p.data().join("patch");
    let header = [b"ELPT\x02\x00\x00\x00", &[1; 32][..], &[2; 32], &92u32.to_le_bytes()].concat();
    fs::write(&patch, [&header[..], &[0, 3, 5, b'x', b'y', 31, 0]].concat()).unwrap();
    let shown = inspect(patch.to_str().unwrap(), &[]);
    assert_eq!((&shown["object"], &shown["from"]), (&"patch".into(), &"01".repeat(32).into()));
    assert_eq!(shown["steps"][0], serde_json::json!({ "object": "top page", "number": 0, "bytes": 3 }));
    assert_eq!(shown["steps"][1], serde_json::json!({ "object": "shard", "number": 3, "bytes": 0 }));
    let nonsense = p.with_stdin(&["inspect", "-"], "nonsense");
    assert!(nonsense.code == 2 && nonsense.err.contains("not an Edgelatch object"));
    let whole = fs::read(p.published("bundle")).unwrap();
    let cut = p.data().join("cut");
    for length in [4, 20, whole.len() - 1] {
        fs::write(&cut, &whole[..length]).unwrap();
        let ran = p.run(&["inspect", cut.to_str().unwrap(), "--records"]);
        assert!(ran.code == 2 && ran.err.lines().count() == 1, "{}", ran.err);
    }
}

#[test]
fn a_running_server_publishes_what_other_processes_change() {
    let p = Plane::new();
    let mut server = p.command(&["--json", "serve", "--addr", "127.0.0.1:0", "--publish-interval", "20ms"]);
    let mut child = server.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let read = |line: Option<std::io::Result<String>>| serde_json::from_str::<Value>(&line.unwrap().unwrap()).unwrap();
    let first = read(BufReader::new(child.stdout.take().unwrap()).lines().next());
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut published = || std::iter::repeat_with(|| read(log.next())).find(|line| line["message"] == "published").unwrap();
    assert_eq!(first["event"], "listening");
    let addr = first["addr"].as_str().unwrap().to_owned();
    let fetch = |path: &str| {
        let mut stream = TcpStream::connect(&addr).unwrap();
        write!(stream, "GET /r/acme/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let body = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        bytes[body..].to_vec()
    };
    let (id, secret) = p.create(&["--name", "ci"]);
    assert_eq!((&published()["epoch"], p.verify(&secret, &[]).0), (&2.into(), 0));
    p.ok(&["keys", "revoke", &id]);
    assert_eq!((&published()["reason"], p.verify(&secret, &[]).0), (&"change".into(), 1));
    assert_eq!(fetch("bundle"), fs::read(p.published("bundle")).unwrap());
    // Somebody publishes by hand: no clash, and served at once.
    p.ok(&["publish"]);
    assert_eq!(fetch("head"), fs::read(p.published("head")).unwrap());
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let start = Instant::now();
    assert!(child.wait().unwrap().success());
    assert!(start.elapsed() < Duration::from_secs(8));
}

#[test]
fn what_is_logged_can_be_chosen() {
    let p = Plane::new();
    let refused = p.command(&["serve", "--addr", "127.0.0.1:0"]).env("EDGELATCH_LOG", "=,=").output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.status.code() == Some(2) && said.contains("EDGELATCH_LOG") && said.contains("`warn`"), "{said}");
    for (log, format, expected) in [("info", "text", " INFO edgelatch::publisher: published realm=acme"), ("off", "json", "")] {
        let mut command = p.command(&["serve", "--addr", "127.0.0.1:0", "--publish-interval", "20ms", "--log-format", format]);
        let mut child = command.env("EDGELATCH_LOG", log).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let before = fs::read(p.published("head")).unwrap();
        p.create(&["--name", log]);
        while fs::read(p.published("head")).unwrap() == before {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = |leaf: &[&str]| {
        let output = binary().args(leaf).arg("--help").output().unwrap();
        assert!(output.status.success(), "{leaf:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Every command that the help names, and every one below it.
    let mut groups: Vec<Vec<String>> = vec![vec![]];
    let mut leaves = Vec::new();
    while let Some(group) = groups.pop() {
        let text = help(&group.iter().map(String::as_str).collect::<Vec<_>>());
        let commands = text.split("Commands:\n").nth(1).map(|rest| rest.split("\n\n").next().unwrap());
        let Some(commands) = commands else {
            leaves.push(group.join(" "));
            continue;
        };
        let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
        for name in commands.lines().filter(is_name).map(|line| line.split_whitespace().next().unwrap()) {
            if name != "help" {
                groups.push([&group[..], &[name.to_owned()]].concat());
            }
        }
    }
    assert!(leaves.len() > 35 && leaves.contains(&"keys revoke-many".to_owned()), "{leaves:?}");
    for leaf in leaves {
        let text = help(&leaf.split(' ').collect::<Vec<_>>());
        assert!(text.contains("Example:") && text.contains(&format!("edgelatch {leaf}")), "{leaf}");
        assert!(!text.contains('\u{1b}'), "no colours away from a terminal");
    }
}

#[test]
fn every_command_of_the_readme_is_one() {
    let readme = include_str!("../../../../README.md");
    let shell = readme.split("```sh\n").skip(1).flat_map(|block| block.split("```").next().unwrap().lines());
    let bare = shell.filter_map(|line| line.split(" #").next()?.rsplit_once("edgelatch "));
    let commands: Vec<&str> = bare.map(|(_, args)| args).collect();
    assert!(commands.len() > 9, "{commands:?}");
    for line in commands {
        let output = binary().args(line.split_whitespace()).arg("--help").output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn another_directory_is_published_to_as_well() {
    let p = Plane::new();
    let other = p.data().join("www/r/acme");
    p.ok(&["publish", "--to", other.to_str().unwrap()]);
    for name in ["head", "bundle", "root/1"] {
        assert_eq!(fs::read(other.join(name)).unwrap(), fs::read(p.published(name)).unwrap());
    }
    assert_eq!(p.ok(&["publish", "--if-due"]).trim(), "nothing is due");
}

#[test]
fn edges_are_spoken_of_where_there_are_some() {
    let p = Plane::new();
    let says = "Edges know it from the next epoch on";
    let made = p.run(&["keys", "create", "--name", "ci", "--role", "reader"]);
    assert!(made.err.contains(says), "{}", made.err);
    let id = p.json(&["keys", "list"])["keys"][0]["key_id"].as_str().unwrap().to_owned();
    let edited = p.run(&["keys", "edit", &id, "--description", "x"]);
    assert!(edited.err.contains(says), "{}", edited.err);
    let again = p.run(&["keys", "edit", &id, "--description", "x"]);
    assert!(again.out.starts_with("unchanged") && !again.err.contains(says), "{}{}", again.out, again.err);
    assert!(p.run(&["explain", "key", &id]).err.contains("As of the next epoch"));
    // The management API has the keys of its own realm from the registry.
    let made = p.run(&["--realm", "management", "keys", "create", "--name", "boss", "--role", "administrator"]);
    assert!(made.code == 0 && !made.err.contains("dges"), "{}", made.err);
    let keys = p.json(&["--realm", "management", "keys", "list", "--search", "boss"]);
    let explained = p.run(&["--realm", "management", "explain", "key", keys["keys"][0]["key_id"].as_str().unwrap()]);
    assert!(!explained.err.contains("epoch"), "{}", explained.err);
}
