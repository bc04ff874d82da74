//! `health` asks a real server, and a real server in trouble says so.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Plane, binary};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;

struct Serving {
    child: Child,
    url: String,
}

impl Serving {
    /// Starts a server by a command that does not end before it.
    fn start(mut command: Command) -> Serving {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).unwrap();
        Serving { child, url: format!("http://{}", first["addr"].as_str().unwrap()) }
    }

    /// Exit code and the troubles' places and codes.
    fn health(&self, path: &str) -> (i32, Vec<(String, String)>) {
        let out = binary().args(["--json", "health", &format!("{}{path}", self.url)]).output().unwrap();
        let answer: Value =
            serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&out.stderr)));
        let text = |trouble: &Value, name: &str| trouble[name].as_str().unwrap().to_owned();
        let troubles = answer["answer"]["troubles"].as_array().into_iter().flatten();
        (out.status.code().unwrap(), troubles.map(|trouble| (text(trouble, "place"), text(trouble, "code"))).collect())
    }

    fn wait(&self, what: &str, holds: impl Fn(i32, &[(String, String)]) -> bool) {
        let begin = Instant::now();
        loop {
            let (code, troubles) = self.health("");
            if holds(code, &troubles) {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{what}: {code} {troubles:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn wait_for(&self, place: &str, code: &str) {
        self.wait(&format!("{place} {code}"), |exit, troubles| {
            exit == 1 && troubles.iter().any(|trouble| (trouble.0.as_str(), trouble.1.as_str()) == (place, code))
        });
    }

    fn wait_until_well(&self) {
        self.wait("well", |exit, troubles| exit == 0 && troubles.is_empty());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn serve(p: &Plane) -> Command {
    p.command(&["--json", "serve", "--addr", "127.0.0.1:0"])
}

#[test]
fn a_server_is_asked_and_its_answer_is_the_exit_code() {
    let p = Plane::new();
    let s = Serving::start(serve(&p));
    assert_eq!(s.health(""), (0, vec![]));
    assert_eq!((s.health("/healthz").0, s.health("/livez").0, s.health("/readyz/files").0), (0, 0, 0));
    // Another path than those of health is no answer.
    assert_eq!(s.health("/made/up").0, 1);
    let out = binary().args(["health", &s.url]).output().unwrap();
    assert_eq!((out.status.code(), String::from_utf8(out.stdout).unwrap().trim()), (Some(0), "ok"));
    let url = s.url.clone();
    drop(s);
    let out = binary().args(["health", &url]).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(String::from_utf8(out.stdout).unwrap().contains("no answer"));
}

#[test]
fn who_takes_the_connection_and_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let out = binary().args(["--json", "health", &url, "--timeout", "200ms"]).output().unwrap();
    let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((out.status.code(), &answer["ready"], &answer["answer"]), (Some(1), &Value::Bool(false), &Value::Null));
    let out = binary().args(["health", &url.replace("http", "https"), "--timeout", "200ms"]).output().unwrap();
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn a_server_that_speaks_tls_is_asked_and_who_stands_in_between_is_not_believed() {
    let p = Plane::new();
    let file = |name: &str, text: &str| {
        fs::write(p.beside(name), text).unwrap();
        p.beside(name).to_str().unwrap().to_owned()
    };
    let params = |names: &[&str]| CertificateParams::new(names.iter().map(|name| (*name).into()).collect::<Vec<_>>()).unwrap();
    let mut is_ca = params(&[]);
    is_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(is_ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let cert = params(&["localhost"]).signed_by(&key, &ca).unwrap();
    let other = params(&["localhost"]).self_signed(&KeyPair::generate().unwrap()).unwrap();
    let [cert, key] = [file("tls.crt", &cert.pem()), file("tls.key", &key.serialize_pem())];
    let [ca, other, none] = [file("ca.crt", &ca.pem()), file("other.crt", &other.pem()), file("none.crt", "")];
    let s = Serving::start(p.command(&["--json", "serve", "--addr", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key]));
    let url = s.url.replace("http", "https");
    let by_name = url.replace("127.0.0.1", "localhost");
    let ask = |args: &[&str]| {
        let out = binary().arg("health").args(args).output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap())
    };
    for args in [
        &[&*url][..],
        &[&format!("{url}/livez")],
        &[&by_name],
        // The very one, whatever it is for, and one that was issued for the name.
        &[&url, "--cacert", &cert],
        &[&by_name, "--cacert", &ca],
    ] {
        assert_eq!(ask(args), (0, "ok\n".into()), "{args:?}");
    }
    for args in [&[&*s.url][..], &[&url, "--cacert", &other], &[&url, "--cacert", &ca]] {
        let (code, said) = ask(args);
        assert!(code == 1 && said.contains("no answer"), "{args:?}: {code} {said}");
    }
    for (args, expected) in [
        (&["https://edge.example", "--timeout", "10ms"][..], "--cacert: edge.example is not this machine"),
        (&[&url, "--cacert", &none], "there is no CERTIFICATE"),
        (&[&s.url, "--cacert", &cert], "goes with https://"),
        (&[&url, "--cacert", "/nowhere"], "cannot be read"),
    ] {
        let (code, said) = ask(args);
        assert!(code == 2 && said.contains(expected), "{args:?}: {code} {said}");
    }
    // As in an image.
    let out = binary().arg("health").env("EDGELATCH_HEALTH", format!("{url}/livez")).output().unwrap();
    assert_eq!(out.status.code(), Some(0));
}

/// As with a quota that is used up, or a full disk.
#[test]
fn a_disk_that_takes_nothing_more_is_told_of() {
    let p = Plane::new();
    // Ignored, or the system would end the process instead of refusing its write.
    let mut command = Command::new("sh");
    command.env_clear().args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_edgelatch"), "--data"]);
    command.arg(p.data()).args(["--json", "serve", "--addr", "127.0.0.1:0"]);
    let s = Serving::start(command);
    s.wait_until_well();
    let pid = Pid::from_raw(i32::try_from(s.child.id()).unwrap());
    prlimit(pid, Resource::Fsize, Rlimit { current: Some(0), maximum: None }).unwrap();
    s.wait_for("disk", "unwritable");
    s.wait("the database", |_, troubles| troubles.iter().any(|(place, _)| place == "database/writes"));
    prlimit(pid, Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
    s.wait_until_well();
}

fn own(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| own(&entry.unwrap().path(), uid));
    }
}

#[test]
fn a_published_directory_that_cannot_be_written_to_is_told_of() {
    let p = Plane::new();
    let published = p.data().join("published");
    let mut command = serve(&p);
    // Modes mean nothing to root, so that the server runs as somebody else.
    let nobody = 65_534;
    if fs::metadata("/proc/self").map(|meta| std::os::unix::fs::MetadataExt::uid(&meta)).unwrap() == 0 {
        own(p.beside("").as_path(), nobody);
        command.uid(nobody).gid(nobody);
    }
    let s = Serving::start(command);
    s.wait_until_well();
    let modes = |mode| {
        for dir in [published.join("r/acme"), published.clone()] {
            fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    modes(0o555);
    s.wait_for("disk", "unwritable");
    modes(0o755);
    s.wait_until_well();
}
