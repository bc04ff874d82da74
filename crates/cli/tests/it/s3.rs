//! A bucket as target, by the real command and a real server that speaks S3: killed at any moment, the bucket leads to a whole tree, and its
//! head never goes back.

use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::common::Plane;
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::tree::Place;
use edgelatch_core::verdict::Code;
use edgelatch_testkit::s3::{self, Server};

/// Kills of the test: enough to meet every step of a publication, several times.
const KILLS: u32 = 60;

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// `edgelatch publish` to a bucket of this server as well.
fn publish(p: &Plane, server: &Server, to: &str) -> Command {
    let mut command = p.command(&["--json", "publish", "--to", to]);
    command.envs(server.environment()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// An edge that reads a bucket over HTTP, as one does that knows nothing of it: head first, then whatever leads to its tree.
fn edge(server: &Server, bucket: &str) -> Edge {
    let read = |name: &str| {
        let answer = server.ask("GET", &format!("{bucket}/r/acme/{name}"));
        assert_eq!(answer.status, 200, "{name} is not there");
        answer
    };
    let root = read("root/1").body;
    let mut edge = Edge::new(&root, HostConfig::default()).unwrap();
    let head = read("head");
    assert_eq!(head.header("cache-control").as_deref(), Some("no-cache"));
    assert_eq!(head.header("content-type").as_deref(), Some("application/octet-stream"));
    edge.offer(&[], &head.body, now()).unwrap();
    let mut staged = edge.begin(&[], now()).unwrap();
    while let Some(need) = staged.need(Place::Top) {
        let object = read(&format!("objects/{}", need.slot.id));
        assert_eq!(object.header("cache-control").as_deref(), Some("public, max-age=31536000, immutable"));
        staged.supply(need.place, object.body).unwrap();
    }
    assert!(staged.is_complete());
    edge.commit(staged, now()).unwrap();
    // Whoever begins takes the bundle, of this epoch or an earlier one.
    let mut begins = Edge::new(&root, HostConfig::default()).unwrap();
    let mut staged = begins.stage(&[], read("bundle").body, now()).unwrap();
    assert_eq!(staged.check(usize::MAX).unwrap(), 0);
    begins.commit(staged, now()).unwrap();
    assert!(begins.head().unwrap().epoch <= edge.head().unwrap().epoch);
    edge
}

fn epoch(edge: &Edge) -> u64 {
    edge.head().unwrap().epoch
}

#[test]
fn a_publisher_that_is_killed_leaves_a_whole_tree_in_the_bucket() {
    let Some(server) = s3::server() else { return };
    let (p, bucket) = (Plane::new(), server.bucket());
    let to = format!("s3://{bucket}/r/acme");
    let begun = Instant::now();
    assert!(publish(&p, server, &to).status().unwrap().success());
    // The first one writes more than those that follow.
    let (span, seed) = (begun.elapsed(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    println!("EDGELATCH_KILL_SEED={seed}, over {span:?}");
    let (mut state, mut shown, mut ended) = (seed | 1, epoch(&edge(server, &bucket)), 0);
    for i in 0..KILLS {
        p.create(&["--name", &format!("k{i}")]);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let within = (state >> 11) as f64 / (1u64 << 53) as f64;
        let mut child = publish(&p, server, &to).spawn().unwrap();
        // The first comes at once, and the last is none.
        std::thread::sleep(span.mul_f64(1.2 * (f64::from(i) + within) / f64::from(KILLS)).min(span * i));
        if i + 1 < KILLS {
            child.kill().unwrap();
        }
        ended += u32::from(child.wait().unwrap().success());
        let found = epoch(&edge(server, &bucket));
        assert!(found >= shown, "the head went back from epoch {shown} to {found}");
        shown = found;
    }
    assert!(ended > 0 && ended < KILLS, "every kill came too late, or too early");
    let (_, secret) = p.create(&["--name", "last"]);
    assert!(publish(&p, server, &to).status().unwrap().success());
    let mut edge = edge(server, &bucket);
    assert!(epoch(&edge) > shown);
    assert_eq!(edge.head().unwrap().records, u64::from(KILLS) + 1);
    let requirement = edge.compile(None, None);
    assert_eq!(edge.verify_key(secret.as_bytes(), None, requirement, now()).code, Code::Valid);
}

#[test]
fn what_is_wrong_with_a_bucket_is_said_and_the_directory_is_published_to_all_the_same() {
    let Some(server) = s3::server() else { return };
    let p = Plane::new();
    let failed = |environment: Vec<(String, String)>, to: &str, code: &str, says: &str| {
        let mut command = publish(&p, server, to);
        let out = command.env_clear().envs(environment).output().unwrap();
        let (out, err) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
        assert!(err.contains(&format!("\"{code}\"")) && err.contains(says), "{to}: {err}");
        assert!(!format!("{out}{err}").contains("no message repeats"), "{err}");
    };
    failed(server.environment(), "s3://nobody-made-this/r/acme", "target_missing", "NoSuchBucket");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    failed(s3::environment(closed), "s3://keys/r/acme", "target_unreachable", "onnection refused");
    failed(Vec::new(), "s3://user:secret@keys/r/acme", "target_address", "s3://BUCKET/PREFIX");
    assert!(p.json(&["publish"])["epoch"].as_u64().unwrap() >= 4, "an epoch for each that reached the directory");
}
