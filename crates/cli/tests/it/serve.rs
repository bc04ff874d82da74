//! What `serve` serves, and where.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::Plane;
use serde_json::Value;

struct Serving {
    child: Child,
    first: Value,
}

impl Serving {
    fn start(plane: &Plane, args: &[&str]) -> Serving {
        Serving::run(plane, &[&["--no-publish"], args].concat())
    }

    fn publishing(plane: &Plane) -> Serving {
        Serving::run(plane, &["--addr", "127.0.0.1:0"])
    }

    fn run(plane: &Plane, args: &[&str]) -> Serving {
        let mut command = plane.command(&[&["--json", "serve"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Serving { first: serde_json::from_str(&line).unwrap(), child }
    }

    fn connect(&self, name: &str) -> TcpStream {
        let addr = self.first[name].as_str().unwrap().trim_start_matches("http://").trim_end_matches("/api/v1");
        let stream = TcpStream::connect(addr.replace("0.0.0.0", "127.0.0.1")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// The status of a path at an address that the first line names.
    fn get(&self, name: &str, path: &str) -> String {
        let mut stream = self.connect(name);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text[9..12].into()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A server that waits for somebody to read its log comes to its end.
        drop(self.child.stderr.take());
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// More than a pipe holds (64 KiB) in lines of the access log, of 200 bytes and more each.
const CALLS: usize = 1_000;

#[test]
fn calls_are_answered_though_nobody_reads_the_log() {
    let p = Plane::new();
    // Nobody reads the pipe behind standard error before the end.
    let mut serving = Serving::start(&p, &["--addr", "127.0.0.1:0", "--auth-failures", "60000"]);
    let mut stream = BufReader::new(serving.connect("api"));
    let request = format!("GET {REALMS} HTTP/1.1\r\nHost: x\r\n\r\n");
    for call in 0..CALLS {
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut line, mut length) = (String::new(), 0);
        stream.read_line(&mut line).unwrap_or_else(|error| panic!("call {call}: {error}"));
        assert!(line.starts_with("HTTP/1.1 401"), "call {call}: {line}");
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        stream.read_exact(&mut vec![0; length]).unwrap();
    }
    // Read now, it holds every call: so many lines may wait.
    let log = BufReader::new(serving.child.stderr.take().unwrap());
    assert_eq!(log.lines().map_while(Result::ok).filter(|line| line.contains("edgelatch::access")).take(CALLS).count(), CALLS);
}

const REALMS: &str = "/api/v1/realms";

#[test]
fn the_api_is_served_to_this_machine_alone_unless_told_otherwise() {
    let p = Plane::new();
    let beside = Serving::start(&p, &["--addr", "127.0.0.1:0"]);
    assert_eq!((beside.get("api", REALMS), beside.get("addr", "/healthz")), ("401".into(), "200".into()));
    assert_eq!(beside.get("api", "/api/v1/openapi.json"), "200");
    for args in [&["--addr", "0.0.0.0:0"][..], &["--addr", "127.0.0.1:0", "--no-api"]] {
        let without = Serving::start(&p, args);
        assert_eq!((&without.first["api"], without.get("addr", REALMS)), (&Value::Null, "404".into()), "{args:?}");
    }
    let apart = Serving::start(&p, &["--addr", "0.0.0.0:0", "--api-addr", "127.0.0.1:0"]);
    assert_eq!((apart.get("addr", REALMS), apart.get("api", REALMS)), ("404".into(), "401".into()));
    assert_eq!((apart.get("addr", "/healthz"), apart.get("api", "/healthz")), ("200".into(), "200".into()));
}

/// A second server on one machine, started by mistake, takes the lease of none that works; nor does one that is refused for another reason.
#[test]
fn who_cannot_serve_publishes_nothing() {
    let p = Plane::new();
    p.create(&["--name", "waits", "--role", "reader"]);
    let before = std::fs::read(p.published("head")).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (args, says) in [
        (&["--addr", &*taken][..], &*taken),
        (&["--addr", "127.0.0.1:0", "--api-addr", &taken], &taken),
        (&["--addr", "127.0.0.1:0", "--client-ip", "trust=nowhere"], "the rule for the client's address"),
        (&["--addr", "127.0.0.1:0", "--geoip", "/nowhere/countries.mmdb"], "/nowhere/countries.mmdb"),
    ] {
        let ran = p.run(&[&["serve"], args].concat());
        assert!(ran.code == 2 && ran.err.contains(says), "{args:?}: {}", ran.err);
        assert!(std::fs::read(p.published("head")).unwrap() == before, "{args:?}");
    }
}

/// Where nothing can be written, commands read what is there, but a server would never see what others change.
#[cfg(unix)]
#[test]
fn a_registry_that_can_only_be_read_is_not_served() {
    let p = Plane::new();
    // SQLite follows no links there, and so cannot make what every writer needs.
    for (suffix, target) in [("shm", p.data().join("keys")), ("wal", "/nowhere/log".into())] {
        std::os::unix::fs::symlink(target, p.data().join(format!("registry.db-{suffix}"))).unwrap();
    }
    p.ok(&["keys", "list"]);
    let ran = p.run(&["--json", "serve", "--addr", "127.0.0.1:0", "--no-publish"]);
    assert!(ran.code == 2 && ran.err.contains("store_read_only") && ran.err.contains("PostgreSQL"), "{}", ran.err);
}

/// What others may read or change is told before anything is published, with the command that mends it.
#[cfg(unix)]
#[test]
fn what_others_may_touch_is_not_worked_with() {
    use std::os::unix::fs::PermissionsExt;
    let p = Plane::new();
    let mode = |path: &std::path::Path, mode: u32| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let (data, keys) = (p.data(), p.data().join("keys"));
    let (key, database, lock) = (keys.join("publisher.key"), data.join("registry.db"), data.join("locks/acme"));
    let serve = ["serve", "--addr", "127.0.0.1:0"];
    p.ok(&["publish"]);
    for (path, bad, good, code, says) in [
        (&keys, 0o777, 0o700, "exposed", "chmod go-w"),
        (&data, 0o777, 0o755, "exposed", "chmod go-w"),
        (&database, 0o666, 0o600, "exposed", "chmod 600"),
        (&database, 0o640, 0o600, "exposed", "read or change"),
        (&lock, 0o644, 0o600, "exposed", "chmod 600"),
        (&key, 0o440, 0o600, "key_exposed", "--group-keys"),
    ] {
        mode(path, bad);
        for args in [&serve[..], &["publish"]] {
            p.refused(args, code, &[says, path.to_str().unwrap()]);
        }
        mode(path, good);
    }
    // As secrets are mounted: a directory of everybody's, in which nobody touches what is another's, and files that only their owner reads.
    mode(&keys, 0o1777);
    mode(&key, 0o400);
    p.ok(&["publish"]);
    // As volumes are mounted for a group.
    for (path, shared) in [(&data, 0o2775), (&keys, 0o2775), (&database, 0o660), (&lock, 0o660), (&key, 0o440)] {
        let own = std::fs::metadata(path).unwrap().permissions();
        mode(path, shared);
        p.refused(&["publish"], if *path == key { "key_exposed" } else { "exposed" }, &["--group-keys"]);
        p.ok(&["publish", "--group-keys"]);
        std::fs::set_permissions(path, own).unwrap();
    }
    for (path, bad, good, code, says) in [
        (&keys, 0o2777, 0o700, "exposed", "chmod o-w"),
        (&database, 0o664, 0o600, "exposed", "chmod o="),
        (&lock, 0o661, 0o600, "exposed", "chmod o="),
        (&key, 0o444, 0o400, "key_exposed", "chmod 600"),
    ] {
        mode(path, bad);
        p.refused(&["publish", "--group-keys"], code, &[says]);
        mode(path, good);
    }
}

#[test]
fn an_empty_name_of_the_node_is_drawn_anew_and_a_wrong_one_named() {
    let p = Plane::new();
    let node = p.data().join("node");
    std::fs::write(&node, "").unwrap();
    drop(Serving::publishing(&p));
    assert!(std::fs::read_to_string(&node).unwrap().starts_with("node-"));
    std::fs::write(&node, "no name").unwrap();
    let ran = p.run(&["serve", "--addr", "127.0.0.1:0"]);
    assert!(ran.code == 2 && ran.err.contains("data/node") && ran.err.contains("remove the file"), "{}", ran.err);
    assert!(!ran.err.contains("--node"), "{}", ran.err);
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_dies_leaves_no_core() {
    let serving = Serving::start(&Plane::new(), &["--addr", "127.0.0.1:0"]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
}

#[test]
fn wrong_settings_are_refused_and_not_repeated() {
    let p = Plane::new();
    let secret = p.beside("secret");
    std::fs::write(&secret, "canary").unwrap();
    let secret = secret.to_str().unwrap();
    for (args, says) in [
        (&["--client-ip", "trust=nowhere"][..], "the rule for the client's address"),
        (&["--geoip", "/nowhere/countries.mmdb"], "/nowhere/countries.mmdb: No such file"),
        (&["--geoip", secret], "is no MaxMind database"),
        (&["--alert-url", "https://a.example/canary"], "EDGELATCH_ALERT_SECRET"),
        (&["--alert-url", "http://a.example/canary", "--alert-secret-file", secret], "https://"),
        (&["--alert-url", "https://a.example/canary", "--alert-secret-file", secret], "24 to 64"),
        (&["--alert-secret-file", secret], "--alert-url"),
        (&["--no-api", "--api-addr", "127.0.0.1:0"], "--api-addr"),
        (&["--auth-failures", "0"], "--auth-failures"),
    ] {
        let ran = p.run(&[&["serve", "--addr", "127.0.0.1:0"], args].concat());
        assert!(ran.code == 2 && ran.err.contains(says) && !ran.err.contains("canary"), "{args:?}: {}", ran.err);
    }
}

/// What a provider is given that cannot be meant is refused at the start, and not told to whoever signs in.
#[test]
fn an_identity_provider_is_set_up_whole_or_not_at_all() {
    let p = Plane::new();
    let secret = p.file("secret", "canary\n");
    let provider = |grant: &'static str, console: &'static str| {
        let all =
            ["serve", "--no-publish", "--addr", "127.0.0.1:0", "--oidc-issuer", "https://id.example.com", "--oidc-client", "c"];
        [&all[..], &["--oidc-secret-file", &secret, "--oidc-console", console, "--oidc-grant", grant]].concat().join("\n")
    };
    // It has looked into the registry by then.
    let refused = |line: String, code: &str, says: &[&str]| {
        let ran = p.run(&[&["--json"], &line.split('\n').collect::<Vec<_>>()[..]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {}", ran.err);
        assert!(
            ran.err.contains(&format!("\"{code}\"")) && says.iter().all(|word| ran.err.contains(word)),
            "{line}: {}",
            ran.err
        );
        assert!(!ran.err.contains("canary"), "{}", ran.err);
    };
    refused(provider("groups=ops:nobody@*", "https://keys.example.com"), "not_found", &["nobody"]);
    refused(provider("groups=ops:administrator@*", "http://keys.example.com"), "usage", &["https://"]);
    refused(provider("groups=ops:administrator", "https://keys.example.com"), "usage", &["CLAIM=VALUE:ROLE"]);
    refused("serve\n--oidc-issuer\nhttps://id.example.com".into(), "usage", &["--oidc-client", "--oidc-grant"]);
    // The sign-in page offers it.
    let line = provider("groups=ops:administrator@*", "https://keys.example.com");
    let args: Vec<&str> = line.split('\n').skip(2).collect();
    let serving = Serving::start(&p, &args);
    assert_eq!(
        (serving.get("api", "/console/sign-in"), serving.get("api", "/console/sign-in/callback")),
        ("200".into(), "403".into())
    );
}
