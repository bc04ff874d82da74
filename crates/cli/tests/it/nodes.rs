//! Nodes as processes, over one PostgreSQL: each serves what the realm has published, whichever of them published it, or says that it cannot.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::calls::call;
use crate::common::node::{Node, until};
use crate::common::{self, Plane};
use edgelatch_core::edge::{Edge, HostConfig};
use edgelatch_core::head::Head;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Database, Env, Registry, Slug};
use edgelatch_testkit::ends::Ends;
use edgelatch_testkit::postgres::{self, Server};
use edgelatch_testkit::random::Random;
use serde_json::{Value, json};

/// Kills of one test: few enough for a minute, enough to meet the steps of a publication.
const KILLS: usize = 12;

/// Deaths of the database in one test.
const DEATHS: usize = 6;

/// A realm in a PostgreSQL of its own, with data directories for two nodes.
struct Shared {
    server: Server,
    url: String,
    plane: Plane,
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

impl Shared {
    fn new() -> Option<Shared> {
        let server = postgres::own()?;
        let (plane, url) = (Plane::empty(), server.url(&server.schema()));
        let shared = Shared { server, url, plane };
        shared.plane.ok(&["init", "--realm", "acme", "--database", &shared.url]);
        copy(&shared.plane.data().join("keys"), &shared.data(1).join("keys"));
        Some(shared)
    }

    fn data(&self, number: usize) -> PathBuf {
        if number == 0 { self.plane.data() } else { self.plane.beside(&format!("node{number}")) }
    }

    fn node(&self, number: usize) -> Node {
        self.node_with(number, &[])
    }

    fn node_with(&self, number: usize, args: &[&str]) -> Node {
        Node::start(&self.data(number), &[&["--database", &self.url], args].concat())
    }

    /// Makes a key: its secret.
    fn key(&self, name: &str) -> String {
        self.plane.create(&["--name", name, "--database", &self.url]).1
    }

    fn registry(&self) -> Registry {
        Registry::connect(&self.url.parse::<Database>().unwrap(), Env::system()).unwrap()
    }

    /// Whether an epoch that shows every change is published.
    fn is_out(&self) -> bool {
        let state = self.registry().realm_states().unwrap().remove(0);
        state.last.is_some_and(|last| last.changes == state.changes && last.epoch == state.shown_epoch)
    }

    fn shown(&self) -> u64 {
        self.registry().realm_states().unwrap()[0].shown_epoch
    }

    fn holder(&self) -> Option<Slug> {
        Some(self.registry().realm_states().unwrap().remove(0).holder?.node.process)
    }
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

/// What an edge that begins with what a node serves says of a key.
fn verdict(node: &Node, secret: &str) -> Code {
    verdict_under(node, 1, secret)
}

/// The same for an edge that was deployed with that root.
fn verdict_under(node: &Node, root: u32, secret: &str) -> Code {
    verdict_of(&mut edge(node, root), secret)
}

fn verdict_of(edge: &mut Edge, secret: &str) -> Code {
    let requirement = edge.compile(None, None);
    edge.verify_key(secret.as_bytes(), None, requirement, now()).code
}

/// An edge that was deployed with that root, and begins with what a node serves, object by object.
fn edge(node: &Node, root: u32) -> Edge {
    let now = now();
    let mut edge = Edge::new(&node.get(&format!("/r/acme/root/{root}")).1, HostConfig::default()).unwrap();
    edge.offer(&[], &node.get("/r/acme/head").1, now).unwrap();
    let mut staged = edge.begin(&[], now).unwrap();
    while let Some(need) = staged.need(edgelatch_core::tree::Place::Top) {
        let (status, object) = node.get(&format!("/r/acme/objects/{}", need.slot.id));
        assert_eq!(status, 200);
        staged.supply(need.place, object).unwrap();
    }
    edge.commit(staged, now).unwrap();
    edge
}

#[test]
fn a_standby_serves_what_the_other_one_published() {
    let Some(shared) = Shared::new() else { return };
    let (first, second) = (shared.node(0), shared.node(1));
    until("both serve", || first.epoch().is_some() && second.epoch() == first.epoch());
    let secret = shared.key("one");
    until("it is out", || shared.is_out());
    until("both show it", || [&first, &second].iter().all(|node| node.epoch() == Some(shared.shown())));
    assert_eq!((verdict(&first, &secret), verdict(&second, &secret)), (Code::Valid, Code::Valid));
    // A bundle that a node makes of what it has copied is the publisher's, to the last byte.
    until("the bundles are the same", || first.get("/r/acme/bundle") == second.get("/r/acme/bundle"));
    // What was wrong before the first copy is looked at again within seconds.
    until("both are well", || (first.health(), second.health()) == (200, 200));
    // Nor does it matter who publishes: a command somewhere else, whose files no node has.
    let third = shared.data(2);
    copy(&shared.data(0).join("keys"), &third.join("keys"));
    let third = third.to_str().unwrap();
    let mut publish = common::binary();
    publish.args(["--data", third, "--database", &shared.url, "publish"]);
    assert!(publish.output().unwrap().status.success());
    until("both follow", || [&first, &second].iter().all(|node| node.epoch() == Some(shared.shown())));
    // One that does not publish follows too, and takes nothing over.
    let follower = Node::start(Path::new(third), &["--database", &shared.url, "--no-publish"]);
    until("it follows", || follower.epoch() == Some(shared.shown()));
    drop((first, second));
    until("nobody publishes", || shared.holder().is_none());
    assert_eq!(verdict(&follower, &secret), Code::Valid);
}

/// The publisher is killed at random moments while keys are made. Nothing acknowledged is lost, no epoch is there twice, and what is served is never
/// older than what was published some seconds before.
#[test]
fn killed_publishers_lose_nothing() {
    let Some(shared) = Shared::new() else { return };
    let mut nodes: Vec<Option<Node>> = vec![Some(shared.node(0)), Some(shared.node(1))];
    let mut random = Random(0x5eed);
    let mut heads: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut secrets = Vec::new();
    for round in 0..KILLS {
        until("somebody publishes", || shared.holder().is_some());
        secrets.push(shared.key(&format!("k{round}")));
        std::thread::sleep(Duration::from_millis(random.below(120) as u64));
        // Whichever of them holds the lease: its process is the one that logged it last.
        let victim = round % 2;
        nodes[victim].take().unwrap().kill();
        let other = nodes[1 - victim].as_ref().unwrap();
        let before = shared.shown();
        until("the change is out", || shared.is_out());
        until("the survivor shows it", || other.epoch() >= Some(before) && other.epoch() == Some(shared.shown()));
        assert_eq!(verdict(other, secrets.last().unwrap()), Code::Valid);
        nodes[victim] = Some(shared.node(victim));
        for node in nodes.iter().flatten() {
            until("it serves", || node.epoch().is_some());
            let (status, head) = node.get("/r/acme/head");
            if status == 200 {
                let epoch = Head::inspect(&head).unwrap().epoch;
                assert_eq!(heads.entry(epoch).or_insert_with(|| head.clone()), &head, "two heads of epoch {epoch}");
            }
        }
    }
    let node = nodes[0].as_ref().unwrap();
    until("it serves the last one", || shared.is_out() && node.epoch() == Some(shared.shown()));
    assert!(secrets.iter().all(|secret| verdict(node, secret) == Code::Valid));
    let ledger = shared.registry().ledger(&"acme".parse().unwrap()).newest(500).unwrap();
    assert!(heads.keys().all(|epoch| ledger.iter().any(|row| row.epoch == *epoch)));
    // What a publisher that was killed between a head and its note left unsaid is said long before the next beat.
    until("it is noted", || shared.registry().ledger(&"acme".parse().unwrap()).newest(1).unwrap()[0].published_at.is_some());
}

/// Without the database, nobody can tell what is the newest: after ten seconds a node says so rather than serve what may be old.
#[test]
fn without_the_database_nothing_is_passed_off_as_new() {
    let Some(mut shared) = Shared::new() else { return };
    let nodes = [shared.node(0), shared.node(1)];
    until("both serve", || nodes.iter().all(|node| node.epoch().is_some() && node.health() == 200));
    // A restart is not noticed.
    shared.server.kill();
    assert!(nodes.iter().all(|node| node.epoch().is_some()));
    shared.server.restart();
    let secret = shared.key("after");
    until("it goes on", || shared.is_out() && nodes.iter().all(|node| node.epoch() == Some(shared.shown())));
    assert!(nodes.iter().all(|node| verdict(node, &secret) == Code::Valid));
    // One that answers nothing, and ends no connection.
    shared.server.freeze();
    let frozen = Instant::now();
    until("both say so", || nodes.iter().all(|node| node.epoch().is_none()));
    assert!(frozen.elapsed() >= Duration::from_secs(8), "{:?}", frozen.elapsed());
    for node in &nodes {
        assert_eq!((node.get("/r/acme/head").0, node.get("/r/acme/stream").0, node.health()), (503, 503, 503));
    }
    let told = |node: &Node| String::from_utf8(node.get("/healthz").1).unwrap();
    until("health says why", || nodes.iter().all(|node| told(node).contains("\"stale\"") && told(node).contains("no_answer")));
    shared.server.thaw();
    until("both serve again", || nodes.iter().all(|node| node.epoch() == Some(shared.shown()) && node.health() == 200));
}

/// A copied data directory: two nodes of one name, of which one publishes, and both are told.
#[test]
fn a_copied_data_directory_makes_no_second_publisher() {
    let Some(shared) = Shared::new() else { return };
    let first = shared.node(0);
    until("it publishes", || shared.holder().is_some());
    copy(&shared.data(0), &shared.data(3));
    let second = shared.node(3);
    until("it serves", || second.epoch() == Some(shared.shown()));
    let (epoch, holder) = (shared.shown(), shared.holder());
    let told = |node: &Node| node.log().contains("another process is at work under this node's name");
    until("both are told", || told(&first) && told(&second));
    assert_eq!((shared.shown(), shared.holder()), (epoch, holder));
    shared.key("one");
    until("it is out", || shared.is_out());
    assert!(shared.shown() <= epoch + 2, "{} after {epoch}", shared.shown());
}

/// Who is asked to end gives its leases back; who is killed is succeeded when it is not at work any more.
#[test]
fn another_node_takes_over() {
    let Some(shared) = Shared::new() else { return };
    let first = shared.node(0);
    until("it publishes", || shared.holder().is_some());
    let holder = shared.holder();
    let second = shared.node(1);
    until("it serves", || second.epoch().is_some());
    first.end();
    until("the other one has it", || shared.holder().is_some() && shared.holder() != holder);
    let holder = shared.holder();
    let first = shared.node(0);
    until("it serves", || first.epoch().is_some());
    second.kill();
    until("the other one has it", || shared.holder().is_some() && shared.holder() != holder);
    let secret = shared.key("one");
    until("it is out", || shared.is_out() && first.epoch() == Some(shared.shown()));
    assert_eq!(verdict(&first, &secret), Code::Valid);
}

/// Whoever holds the lease and cannot publish, for want of the key that the newest root names, leaves it to a node that can: a revocation does not wait
/// until somebody has noticed.
#[test]
fn a_holder_that_cannot_publish_is_relieved() {
    let Some(shared) = Shared::new() else { return };
    let first = shared.node(0);
    until("it publishes", || shared.holder().is_some());
    let holder = shared.holder();
    let second = shared.node(1);
    until("it serves", || second.epoch() == first.epoch());
    let (id, secret) = shared.plane.create(&["--name", "leaked", "--database", &shared.url]);
    until("it is out", || shared.is_out());
    // The new key lies beside the second node alone.
    let data = shared.data(1);
    let mut rotate = common::binary();
    rotate.args(["--data", data.to_str().unwrap(), "--database", &shared.url]);
    let ran = rotate.args(["trust", "rotate-publisher", "--leaked", "--yes"]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    shared.plane.ok(&["keys", "revoke", &id, "--database", &shared.url]);
    let revoked = Instant::now();
    until("the revocation is out", || shared.is_out());
    assert!(revoked.elapsed() < Duration::from_secs(15), "{:?}", revoked.elapsed());
    assert!(shared.holder().is_some() && shared.holder() != holder);
    until("both serve it", || [&first, &second].iter().all(|node| node.epoch() == Some(shared.shown())));
    assert_eq!([&first, &second].map(|node| verdict_under(node, 2, &secret)), [Code::Revoked; 2]);
    // It serves what the other one publishes, and says that it could not take over.
    until("it is well but for a warning", || first.health() == 200);
    let said: serde_json::Value = serde_json::from_slice(&first.get("/healthz").1).unwrap();
    assert!(said.to_string().contains("not_publisher") && said.to_string().contains("realm/acme/publisher"), "{said}");
    // Once it has the key, it can.
    std::fs::copy(data.join("keys/publisher-2.key"), shared.data(0).join("keys/publisher-2.key")).unwrap();
    until("it has noticed", || !String::from_utf8(first.get("/healthz").1).unwrap().contains("not_publisher"));
    second.end();
    let later = shared.key("later");
    until("it takes over", || shared.is_out() && first.epoch() == Some(shared.shown()));
    assert_eq!(verdict_under(&first, 2, &later), Code::Valid);
}

/// PostgreSQL dies again and again under two nodes that take writes, and is started again. Nothing acknowledged is lost, nobody is told that all is well
/// while nothing can be written, and no node serves less than it did.
#[test]
fn a_database_that_dies_under_two_nodes_loses_nothing() {
    let Some(mut shared) = Shared::new() else { return };
    let admin =
        shared.plane.create(&["--realm", "management", "--name", "w", "--role", "administrator", "--database", &shared.url]).1;
    let nodes = [shared.node(0), shared.node(1)];
    until("both serve", || nodes.iter().all(|node| node.epoch().is_some() && node.health() == 200));
    let addrs = nodes.each_ref().map(|node| node.addr().to_owned());
    // The database is a target like any other, of whoever has published since it began.
    shared.key("first");
    until("the database is told of as target", || {
        let told = addrs.iter().filter_map(|addr| call(addr, "GET /api/v1/realms/acme/publishing", &admin, &Value::Null));
        let all: Vec<Value> = told.flat_map(|(_, told)| told["targets"].as_array().unwrap().clone()).collect();
        all.iter()
            .any(|one| one["target"] == "the database" && one["epoch"].as_u64() == Some(shared.shown()) && one["behind"] == 0)
    });
    let (mut random, mut made, mut refused) = (Random(0xdb), Vec::new(), 0);
    for round in 0..DEATHS {
        let stop = AtomicBool::new(false);
        let acknowledged = std::thread::scope(|scope| {
            let writers = [0, 1].map(|of| {
                let (addr, admin, stop) = (&addrs[of], &admin, &stop);
                scope.spawn(move || {
                    let (mut made, mut refused) = (Vec::new(), 0);
                    for number in 0.. {
                        if stop.load(Ordering::SeqCst) {
                            break;
                        }
                        let body = json!({ "org": "main", "name": format!("k{round}-{of}-{number}") });
                        match call(addr, "POST /api/v1/realms/acme/keys", admin, &body) {
                            Some((201, answer)) => made.push(answer["secret"].as_str().unwrap().to_owned()),
                            // Whoever is refused is told that it is no fault of theirs.
                            Some((status, answer)) => {
                                assert!(status >= 500, "{status} {answer}");
                                refused += 1;
                            }
                            None => refused += 1,
                        }
                    }
                    (made, refused)
                })
            });
            let ends = Ends(&stop);
            std::thread::sleep(Duration::from_millis(150 + random.below(300) as u64));
            shared.server.kill();
            // Every other time it is away for so long that this is to be known.
            if round % 2 == 0 {
                // Whatever is noticed first, as that nothing is published, the database is named soon.
                let told = |node: &Node| {
                    let (status, said) = node.get("/healthz");
                    status == 503 && String::from_utf8(said).unwrap().contains("\"database\"")
                };
                until("both say so", || nodes.iter().all(told));
            }
            shared.server.restart();
            std::thread::sleep(Duration::from_millis(150));
            drop(ends);
            writers.map(|writer| writer.join().unwrap())
        });
        for (secrets, times) in acknowledged {
            made.extend(secrets);
            refused += times;
        }
        until("both are well", || nodes.iter().all(|node| node.health() == 200));
        until("both show all of it", || shared.is_out() && nodes.iter().all(|node| node.epoch() == Some(shared.shown())));
    }
    assert!(
        made.len() >= 2 * DEATHS && refused > 0,
        "{} made, {refused} refused: it died when nothing was under way",
        made.len()
    );
    for node in &nodes {
        let mut edge = edge(node, 1);
        let lost = made.iter().filter(|secret| verdict_of(&mut edge, secret) != Code::Valid).count();
        assert_eq!(lost, 0, "of {}", made.len());
    }
    shared.registry().audit(&"acme".parse().unwrap()).verify(None).unwrap();
}
