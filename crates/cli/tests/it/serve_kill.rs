//! `edgelatch serve` killed (SIGKILL) at random moments while keys are made and revoked over its API: what was acknowledged is there, no epoch goes back,
//! no head is there twice, and health is never well while edges get something else.
//!
//! Moments differ from run to run; the seed is shown when the test fails, and `EDGELATCH_KILL_SEED` repeats it. `EDGELATCH_KILLS` says how often to
//! kill, however long that takes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::common::Plane;
use crate::common::calls::call;
use crate::common::node::{Node, until};
use crate::common::published::{edge, realm, registry, verdict};
use edgelatch_core::head::Head;
use edgelatch_core::root::Root;
use edgelatch_core::verdict::Code;
use edgelatch_registry::State;
use edgelatch_testkit::random::Random;
use serde_json::{Value, json};

/// Kills where nothing else is asked for.
const KILLS: usize = 200;
/// Control planes whose servers are killed side by side. Most of a life is waiting: whoever was killed holds its leases for four seconds more.
const PLANES: usize = 6;
/// Time after which no further kill is begun, unless so many were asked for.
const BUDGET: Duration = Duration::from_secs(75);
/// Fewer of a plane are no test: a machine that is so slow is to be told of.
const LEAST: usize = 8;
/// One life in so many goes on until an epoch comes out of it.
const LONG: usize = 5;
/// Milliseconds, at most, that a server lives after it listens, or after that epoch: some calls, some epochs.
const LIFE: usize = 300;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}: must be a number")))
}

/// What clients know, over all lives of the server.
#[derive(Default)]
struct Known {
    /// Keys that were acknowledged: ids, secrets, and whether their revocation was.
    keys: BTreeMap<String, (String, bool)>,
    /// Every head by its epoch.
    heads: BTreeMap<u64, Vec<u8>>,
}

/// Makes keys, and revokes some of them, until the server does not answer any more.
fn write(addr: &str, admin: &str, round: usize, known: &Mutex<Known>) {
    for number in 0.. {
        let body = json!({ "org": "main", "name": format!("k{round}-{number}"), "roles": ["reader"] });
        let Some((status, made)) = call(addr, "POST /api/v1/realms/acme/keys", admin, &body) else { return };
        assert_eq!(status, 201, "{made}");
        let (id, secret) = (made["key"]["key_id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned());
        known.lock().unwrap().keys.insert(id.clone(), (secret, false));
        if number % 2 == 1 {
            continue;
        }
        let Some((status, answer)) = call(addr, &format!("POST /api/v1/realms/acme/keys/{id}/revoke"), admin, &json!({}))
        else {
            return;
        };
        assert_eq!(status, 200, "{answer}");
        known.lock().unwrap().keys.get_mut(&id).unwrap().1 = true;
    }
}

/// Looks at health, and at the head right after: as long as all is said to be well, it is one that edges take.
fn look(addr: &str, root: &Root, known: &Mutex<Known>) {
    loop {
        let Some((status, health)) = call(addr, "GET /healthz", "", &Value::Null) else { return };
        let (fine, epoch) = (status == 200, health["realms"][0]["epoch"].as_u64());
        assert_eq!(fine, health["status"] != "failing", "{health}");
        let Some(head) = raw(addr, "/r/acme/head") else { return };
        assert!(head.is_some() || !fine, "well, and no head: {health}");
        let Some(bytes) = head else { continue };
        let opened = Head::open(&bytes, root).expect("a head that does not verify was served");
        let mut known = known.lock().unwrap();
        let last = known.heads.keys().last().copied().unwrap_or(0);
        assert!(opened.epoch >= last, "epoch {} after {last}", opened.epoch);
        // What health saw is what was served by then, or before.
        assert!(!fine || epoch.is_some_and(|epoch| epoch <= opened.epoch), "{health} with epoch {}", opened.epoch);
        assert_eq!(
            known.heads.entry(opened.epoch).or_insert_with(|| bytes.clone()),
            &bytes,
            "two heads of epoch {}",
            opened.epoch
        );
    }
}

/// A file: none where the server does not answer, and nothing where it has none.
fn raw(addr: &str, path: &str) -> Option<Option<Vec<u8>>> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(addr).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let length: usize =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())?;
    let body = bytes.split_off(end + 4);
    // Broken off by the kill.
    (body.len() == length).then(|| head.starts_with("HTTP/1.1 200").then_some(body))
}

/// Lives of one control plane's server: how many, how many keys were acknowledged, how many epochs were seen.
fn lives(seed: u64, kills: usize, end: Instant) -> (usize, usize, usize) {
    let p = Plane::new();
    let admin = p.create(&["--realm", "management", "--name", "writes", "--role", "administrator"]).1;
    let root = Root::open(&std::fs::read(p.published("root/1")).unwrap()).unwrap();
    let (mut random, known, mut round) = (Random(seed), Mutex::<Known>::default(), 0);
    while round < kills && (round < LEAST || Instant::now() < end) {
        let node = Node::start(&p.data(), &["--publish-interval", "10ms"]);
        let addr = node.addr().to_owned();
        std::thread::scope(|scope| {
            scope.spawn(|| write(&addr, &admin, round, &known));
            scope.spawn(|| look(&addr, &root, &known));
            if round % LONG == 0 {
                let shown = |known: &Mutex<Known>| known.lock().unwrap().heads.keys().last().copied();
                // Before anybody has looked, the first one, which `init` published.
                let before = shown(&known).or(Some(1));
                until("an epoch comes out", || shown(&known) > before);
            }
            std::thread::sleep(Duration::from_millis(random.below(LIFE) as u64));
            node.kill();
        });
        round += 1;
        // Whatever was acknowledged in any life is there, as it was acknowledged; all of it now and then, since that takes longer and longer.
        let (registry, known) = (registry(&p), known.lock().unwrap());
        let last = if round % LONG == 0 { usize::MAX } else { 20 };
        for (id, (_, revoked)) in known.keys.iter().rev().take(last) {
            let key = registry.keys(&realm()).get(id.parse().unwrap()).unwrap_or_else(|error| panic!("{id} is lost: {error}"));
            assert!(!revoked || key.state == State::Revoked, "the revocation of {id} is lost");
        }
    }
    p.ok(&["publish"]);
    let (known, registry) = (known.into_inner().unwrap(), registry(&p));
    registry.audit(&realm()).verify(None).unwrap();
    let mut edge = edge(&p);
    for (id, (secret, revoked)) in &known.keys {
        let found = verdict(&mut edge, secret);
        // A revocation that was committed and not acknowledged is one, too.
        let sound = if *revoked { found == Code::Revoked } else { [Code::Valid, Code::Revoked].contains(&found) };
        assert!(sound, "{id}: {found:?}");
    }
    let ledger = registry.ledger(&realm()).newest(100_000).unwrap();
    assert!(known.heads.keys().all(|epoch| ledger.iter().any(|row| row.epoch == *epoch)));
    assert!(!known.keys.is_empty() && known.heads.len() > round / LONG, "nothing was under way");
    (round, known.keys.len(), known.heads.len())
}

#[test]
fn a_server_that_is_killed_loses_nothing_and_is_never_well_while_it_is_wrong() {
    let seed = asked("EDGELATCH_KILL_SEED").unwrap_or_else(|| UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64) | 1;
    println!("EDGELATCH_KILL_SEED={seed}");
    let begun = Instant::now();
    let (kills, end) = match asked("EDGELATCH_KILLS") {
        Some(kills) => (usize::try_from(kills).unwrap(), begun + Duration::from_secs(1 << 30)),
        None => (KILLS, begun + BUDGET),
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let plane = |number: usize| {
            let share = kills / PLANES + usize::from(number < kills % PLANES);
            scope.spawn(move || lives(seed.wrapping_add(2 * number as u64), share, end))
        };
        let planes: Vec<_> = (0..PLANES).map(plane).collect();
        planes.into_iter().map(|plane| plane.join().unwrap()).collect()
    });
    let sum = |of: fn(&(usize, usize, usize)) -> usize| all.iter().map(of).sum::<usize>();
    let (kills, keys, epochs) = (sum(|one| one.0), sum(|one| one.1), sum(|one| one.2));
    let said = format!(
        "killed {kills} times in {:.0} s: {keys} keys acknowledged, {epochs} epochs seen\n",
        begun.elapsed().as_secs_f32()
    );
    // Past the harness, which would swallow it.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
}
