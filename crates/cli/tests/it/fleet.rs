//! `--wait`: whether a change is everywhere, over the real server and edges that say which epoch they have.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::Plane;
use edgelatch_core::head::Head;
use edgelatch_testkit::ends::Ends;
use serde_json::{Value, json};

/// `edgelatch serve`, which publishes, and a key that edges report with.
struct Serving {
    child: Child,
    addr: String,
    key: String,
}

impl Serving {
    fn start(plane: &Plane) -> Serving {
        let key = plane.create(&["--realm", "management", "--name", "edges", "--role", "edge"]).1;
        let mut command = plane.command(&["--json", "serve", "--addr", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).unwrap();
        Serving { child, addr: first["addr"].as_str().unwrap().into(), key }
    }

    fn ask(&self, line: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (key, length) = (&self.key, body.len());
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn report(&self, edge: &str, number: u64, Head { epoch, issued_at, .. }: &Head, closing: bool) {
        let body = json!({ "edge": edge, "name": "fra-1", "report": number, "epoch": epoch, "issued_at": issued_at, "root_version": 1,
            "serving": 0, "at": 1, "mode": "manual", "sdk": "test", "closing": closing });
        self.ask("POST /api/v1/realms/acme/edges", &body.to_string());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// The head that an edge of the realm finds.
fn head(p: &Plane) -> Head {
    Head::inspect(&std::fs::read(p.published("head")).unwrap()).unwrap()
}

/// Runs `work` while an edge takes each epoch that is published, and says so.
fn beside_an_edge<T>(p: &Plane, serving: &Serving, edge: &str, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut number, mut last) = (0, 0);
            while !done.load(Ordering::SeqCst) {
                let head = head(p);
                if head.epoch != last {
                    (number, last) = (number + 1, head.epoch);
                    serving.report(edge, number, &head, false);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let _end = Ends(&done);
        work()
    })
}

fn state(p: &Plane, id: &str) -> Value {
    p.json(&["keys", "show", id])["state"].clone()
}

#[test]
fn nothing_is_said_to_be_everywhere_that_nobody_knows() {
    let p = Plane::new();
    let (id, _) = p.create(&["--name", "one", "--role", "reader"]);
    let ran = p.run(&["keys", "revoke", &id, "--wait", "300ms"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with(&format!("revoked {id}")) && ran.out.contains("not published after 0."), "{}", ran.out);
    assert!(ran.out.contains("edgelatch publish") && ran.err.contains("stays done"), "{}{}", ran.out, ran.err);
    assert_eq!(state(&p, &id), "revoked");
    p.ok(&["publish"]);
    // Published, and nobody says that they have it.
    let ran = p.run(&["keys", "revoke", &id, "--wait", "20s"]);
    assert!(ran.code == 1 && ran.out.contains("not known") && ran.out.contains("no edge reports"), "{}{}", ran.out, ran.err);
    let listed = p.json(&["fleet"]);
    assert_eq!(
        (&listed["edges"], &listed["fleet"]["live"], &listed["fleet"]["published"]),
        (&json!([]), &json!(0), &json!(true))
    );
    assert_eq!(p.run(&["keys", "revoke", &id, "--wait", "ten"]).code, 2);
    // A change is waited for at every edge, and at no selection of them.
    for which in [&["--live", "false"][..], &["--name", "fra-1"]] {
        let ran = p.run(&[&["fleet", "--wait", "1s"], which].concat());
        assert!(ran.code == 2 && ran.err.contains("--wait"), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn a_change_is_waited_for_until_every_edge_has_it() {
    let p = Plane::new();
    let ids: Vec<String> = (0..4).map(|n| p.create(&["--name", &format!("k{n}"), "--role", "reader"]).0).collect();
    let first = head(&p);
    let serving = Serving::start(&p);
    beside_an_edge(&p, &serving, "edge-a", || {
        // Reports are written a moment after they came.
        let begin = std::time::Instant::now();
        while p.json(&["fleet"])["fleet"]["live"] == 0 {
            assert!(begin.elapsed() < Duration::from_secs(60));
        }
        let ran = p.run(&["keys", "revoke", &ids[0], "--wait", "60s"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("revoked everywhere: 1 edge, "), "{}", ran.out);
        // One that does not take any more what is published is named, and the revocation stands.
        serving.report("edge-b", 1, &first, false);
        while p.json(&["fleet"])["fleet"]["live"] == 1 {}
        let ran = p.run(&["keys", "revoke", &ids[1], "--wait", "3s"]);
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("not everywhere after 3.") && ran.out.contains("1 of 2 edges lack change"), "{}", ran.out);
        assert!(ran.out.contains("edge-b") && !ran.out.contains("edge-a"), "{}", ran.out);
        assert_eq!(state(&p, &ids[1]), "revoked");
        let listed = p.run(&["fleet"]);
        assert!(
            listed.out.contains("edge-a") && listed.out.contains("edge-b") && listed.err.contains("2 live, 0 gone"),
            "{}",
            listed.out
        );
        let standing = p.json(&["fleet"])["fleet"].clone();
        assert_eq!(
            (&standing["lacking"], &standing["everywhere"], &standing["min_epoch"]),
            (&json!(1), &json!(false), &json!(1))
        );
        let lacks = p.json(&["fleet", "--lacks", &standing["change"].to_string()])["edges"].clone();
        assert_eq!((lacks.as_array().unwrap().len(), &lacks[0]["edge"]), (1, &json!("edge-b")));
        // What was done is followed by how far it has got.
        let ran = p.run(&["--json", "keys", "revoke", &ids[2], "--wait", "300ms"]);
        let both: Vec<Value> = serde_json::Deserializer::from_str(&ran.out).into_iter().map(Result::unwrap).collect();
        assert_eq!((ran.code, both.len(), &both[0]["key"]["key_id"]), (1, 2, &json!(ids[2])));
        let arrival = &both[1]["arrival"];
        let lacks: Vec<&str> = arrival["edges"].as_array().unwrap().iter().map(|edge| edge["edge"].as_str().unwrap()).collect();
        assert!(arrival["everywhere"] == false && lacks.contains(&"edge-b"), "{arrival}");
        // One that has ended is not waited for.
        serving.report("edge-b", 2, &first, true);
        let change = arrival["change"].to_string();
        assert!(p.ok(&["fleet", "--lacks", &change, "--wait", "60s"]).contains("there everywhere: 1 edge, "));
        for args in [
            &["keys", "edit", &ids[3], "--name", "new"][..],
            &["keys", "rotate", &ids[3]],
            &["owners", "disable", "admin"],
            &["roles", "edit", "mine", "--permission", "b.view"],
        ] {
            if args[0] == "roles" {
                p.ok(&["roles", "create", "mine", "--permission", "a.view"]);
            }
            let ran = p.run(&[args, &["--wait", "60s"]].concat());
            assert!(ran.code == 0 && ran.out.contains("everywhere: 1 edge, "), "{args:?}: {}{}", ran.out, ran.err);
        }
    });
}
