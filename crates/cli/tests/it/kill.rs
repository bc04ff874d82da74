//! Processes killed at any moment (SIGKILL): what was acknowledged is there, nothing is half done, no epoch goes back, and the
//! next command goes on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::common::Plane;
use crate::common::published::{edge, now, realm, registry, verdict};
use edgelatch_core::bundle::head_bytes;
use edgelatch_core::edge::{Edge, HostConfig, Offer};
use edgelatch_core::head::Head;
use edgelatch_core::key;
use edgelatch_core::root::Root;
use edgelatch_core::tree::Place;
use edgelatch_core::verdict::Code;
use edgelatch_registry::limits::{COPY_ROWS, IMPORT_ROWS};
use edgelatch_registry::{Database, Env, KeyFilter, KeyOrder, Paging, Registry};
use edgelatch_testkit::postgres;
use serde_json::Value;

/// Kills of one test: few enough for seconds, enough to meet every step of a command.
const KILLS: u32 = 30;
/// The same of commands that work for a second or more, in a few long steps.
const LONG_KILLS: u32 = 12;

/// Moments spread over the time that a command takes, a little beyond its end. The seed is shown when a test fails;
/// `EDGELATCH_KILL_SEED` repeats it.
struct Moments {
    state: u64,
    span: Duration,
    kills: u32,
}

impl Moments {
    fn new(span: Duration, kills: u32) -> Moments {
        let given = std::env::var("EDGELATCH_KILL_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let state = given.unwrap_or_else(clock) | 1;
        println!("EDGELATCH_KILL_SEED={state}, over {span:?}");
        Moments { state, span, kills }
    }

    /// The moment of kill `i`: somewhere in its share of the span. The first comes at once and the last too late.
    fn at(&mut self, i: u32) -> Duration {
        match i {
            0 => return Duration::ZERO,
            _ if i + 1 == self.kills => return Duration::from_secs(60),
            _ => {}
        }
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let within = (self.state >> 11) as f64 / (1u64 << 53) as f64;
        self.span.mul_f64(1.2 * (f64::from(i) + within) / f64::from(self.kills))
    }
}

/// Runs a command and kills it after `delay`, unless it has ended by then. Returns what it had said, if that was all it had to
/// say.
fn killed(p: &Plane, args: &[&str], delay: Duration) -> Option<Value> {
    let mut command = p.command(&[&["--json"], args].concat());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let end = Instant::now() + delay;
    while Instant::now() < end && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    let out = child.wait_with_output().unwrap();
    // Part of a line is no answer.
    let text = String::from_utf8(out.stdout).unwrap();
    text.ends_with('\n').then(|| serde_json::from_str(&text).unwrap())
}

/// How long a command takes that nobody kills.
fn takes(p: &Plane, args: &[&str]) -> Duration {
    let begun = Instant::now();
    p.json(args);
    begun.elapsed()
}

fn secret(answer: &Value) -> String {
    answer["secret"].as_str().unwrap().into()
}

#[test]
fn created_keys_are_there_or_were_never_acknowledged() {
    let p = Plane::new();
    let mut moments = Moments::new(takes(&p, &["keys", "create", "--name", "first"]), KILLS);
    let mut acknowledged = BTreeMap::new();
    for i in 0..KILLS {
        let name = format!("k{i}");
        if let Some(answer) = killed(&p, &["keys", "create", "--name", &name], moments.at(i)) {
            acknowledged.insert(name, secret(&answer));
        }
    }
    let registry = registry(&p);
    registry.audit(&realm()).verify(None).unwrap();
    let list = registry.keys(&realm()).list(&KeyFilter::default(), KeyOrder::default(), &Paging::first(500));
    let keys = list.unwrap().keys;
    let mut names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "a key twice");
    assert_eq!(registry.ledger(&realm()).changes().unwrap(), count as u64);
    assert!(!acknowledged.is_empty() && acknowledged.len() < KILLS as usize, "every kill came too late, or too early");
    p.ok(&["publish"]);
    let mut edge = edge(&p);
    for (name, secret) in &acknowledged {
        assert_eq!(verdict(&mut edge, secret), Code::Valid, "{name}");
    }
}

/// With `--save` no kill loses a key: the file had the secret before the registry had its digest.
#[test]
fn a_rotation_is_whole_or_not_there() {
    let p = Plane::new();
    let (id, _) = p.create(&["--name", "ci"]);
    let mut moments = Moments::new(takes(&p, &["keys", "rotate", &id]), KILLS);
    let mut current = secret(&p.json(&["keys", "rotate", &id]));
    let (mut revision, mut done) = (3, 0);
    for i in 0..KILLS {
        let save = p.beside(&format!("{i}.PAK"));
        let saved = i % 2 == 0;
        let mut args = vec!["keys", "rotate", &id];
        if saved {
            args.extend(["--save", save.to_str().unwrap()]);
        }
        let answer = killed(&p, &args, moments.at(i));
        let found = registry(&p).keys(&realm()).get(id.parse().unwrap()).unwrap().revision;
        p.ok(&["publish"]);
        let mut edge = edge(&p);
        if found == revision {
            assert!(answer.is_none(), "acknowledged, and not there");
            assert_eq!(verdict(&mut edge, &current), Code::Valid);
            continue;
        }
        assert_eq!(found, revision + 1);
        assert_eq!(verdict(&mut edge, &current), Code::Unknown, "the old secret of a rotation in place");
        (revision, done) = (found, done + 1);
        let new = match (saved, answer) {
            (true, _) => Some(fs::read_to_string(&save).unwrap().trim_end().to_owned()),
            (false, answer) => answer.map(|answer| secret(&answer)),
        };
        current = new.unwrap_or_else(|| {
            // Committed, and killed before a word: the administrator rotates again.
            revision += 1;
            let again = secret(&p.json(&["keys", "rotate", &id]));
            p.ok(&["publish"]);
            edge = self::edge(&p);
            again
        });
        assert_eq!(verdict(&mut edge, &current), Code::Valid);
    }
    assert!(done > 0 && done < KILLS, "every kill came too late, or too early");
    registry(&p).audit(&realm()).verify(None).unwrap();
}

/// What a directory showed: each file's epochs in the order seen, and every head by its epoch.
#[derive(Default)]
struct Watched {
    heads: BTreeMap<u64, Vec<u8>>,
    last: [u64; 2],
}

impl Watched {
    /// Reads both files as an edge may at any moment, also in the middle of a publication.
    fn look(&mut self, dir: &Path, root: &Root) {
        let head = fs::read(dir.join("head")).unwrap();
        let bundle = fs::read(dir.join("bundle")).unwrap();
        for (i, bytes) in [&head[..], head_bytes(&bundle).unwrap()].into_iter().enumerate() {
            let epoch = Head::open(bytes, root).expect("a head that does not verify was shown").epoch;
            assert!(epoch >= self.last[i], "file {i} went back from epoch {} to {epoch}", self.last[i]);
            self.last[i] = epoch;
            let known = self.heads.entry(epoch).or_insert_with(|| bytes.to_vec());
            assert_eq!(known, bytes, "two heads of epoch {epoch}");
        }
    }
}

/// The head's tree is there in full: an edge gets all of it object by object.
fn check_objects(p: &Plane) {
    let mut edge = Edge::new(&fs::read(p.published("root/1")).unwrap(), HostConfig::default()).unwrap();
    let offer = edge.offer(&[], &fs::read(p.published("head")).unwrap(), now()).unwrap();
    assert!(matches!(offer, Offer::TreeNeeded { .. }), "{offer:?}");
    let mut staged = edge.begin(&[], now()).unwrap();
    while let Some(need) = staged.need(Place::Top) {
        let bytes = fs::read(p.published("objects").join(need.slot.id.to_string())).unwrap();
        staged.supply(need.place, bytes).unwrap();
    }
    assert!(staged.is_complete());
}

#[test]
fn a_publication_is_whole_and_no_epoch_goes_back() {
    let p = Plane::new();
    let root = Root::open(&fs::read(p.published("root/1")).unwrap()).unwrap();
    let mut moments = Moments::new(takes(&p, &["publish"]), KILLS);
    let (stop, dir) = (AtomicBool::new(false), p.published(""));
    let (answers, watched) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut watched = Watched::default();
            while !stop.load(Ordering::SeqCst) {
                watched.look(&dir, &root);
            }
            watched
        });
        // Also a failure must let the watcher end.
        let killer = scope.spawn(|| {
            let mut answers = 0;
            for i in 0..KILLS {
                p.create(&["--name", &format!("k{i}")]);
                let delay = moments.at(i);
                // Every third time beside another one, which must not be disturbed.
                let other = (i % 3 == 0).then(|| p.command(&["publish"]).stdout(Stdio::null()).spawn().unwrap());
                answers += u32::from(killed(&p, &["publish"], delay).is_some());
                assert!(other.is_none_or(|mut other| other.wait().unwrap().success()));
                check_objects(&p);
                edge(&p);
            }
            answers
        });
        let answers = killer.join();
        stop.store(true, Ordering::SeqCst);
        (answers, watcher.join())
    });
    let (answers, mut watched) = (answers.unwrap(), watched.unwrap());
    assert!(answers > 0 && answers < KILLS, "every kill came too late, or too early");
    let shown = *watched.heads.keys().last().unwrap();
    let last = p.json(&["publish"])["epoch"].as_u64().unwrap();
    assert!(last > shown, "{last} after {shown}");
    watched.look(&dir, &root);
    assert_eq!(watched.last, [last, last]);
    check_objects(&p);
    assert_eq!(u64::from(KILLS), edge(&p).head().unwrap().records);
    let ledger = registry(&p).ledger(&realm()).newest(500).unwrap();
    assert!(watched.heads.keys().all(|epoch| ledger.iter().any(|row| row.epoch == *epoch)));
}

/// A file of digests that no other file has.
fn digests(p: &Plane, name: &str, lines: u64) -> String {
    let hex = |text: String| key::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let rows: String = (0..lines).map(|n| format!("{},{name} {n}\n", hex(format!("legacy-{name}-{n:06}")))).collect();
    let path = p.beside(&format!("{name}.csv"));
    fs::write(&path, format!("sha256,name\n{rows}")).unwrap();
    path.to_str().unwrap().into()
}

/// After each kill the registry holds what it held before, or the whole file as well.
fn kill_imports(p: &Plane, database: &[&str], registry: &Registry) {
    // More than one transaction of an import.
    const LINES: u64 = IMPORT_ROWS as u64 / 3 + 50;
    let import = |file: &str, delay: Option<Duration>| {
        let args = [&["keys", "import", file][..], database].concat();
        delay.map_or_else(|| Some(p.json(&args)), |delay| killed(p, &args, delay))
    };
    let file = digests(p, "first", LINES);
    let begun = Instant::now();
    import(&file, None).unwrap();
    let mut moments = Moments::new(begun.elapsed(), LONG_KILLS);
    let (mut there, mut answers) = (LINES, 0);
    for i in 0..LONG_KILLS {
        let answer = import(&digests(p, &format!("f{i}"), LINES), Some(moments.at(i)));
        // A server may still be at the commit that a dead client asked for; whoever writes after it knows.
        registry.at_work(&registry.process("test".parse().unwrap()).unwrap(), 1).unwrap();
        let found = registry.keys(&realm()).count(&KeyFilter::default()).unwrap();
        assert!(found == there || found == there + LINES, "{found} keys are {there} and a part of {LINES}");
        assert!(answer.is_none() || found > there, "acknowledged, and not there");
        (there, answers) = (found, answers + u32::from(answer.is_some()));
    }
    assert!(answers > 0 && answers < LONG_KILLS, "every kill came too late, or too early");
    registry.audit(&realm()).verify(None).unwrap();
    assert_eq!(registry.ledger(&realm()).changes().unwrap(), there / LINES);
    p.ok(&[&["publish"], database].concat());
    assert_eq!(edge(p).head().unwrap().records, there);
}

#[test]
fn an_import_is_all_or_nothing() {
    let p = Plane::new();
    kill_imports(&p, &[], &registry(&p));
}

#[test]
fn an_import_into_postgresql_is_all_or_nothing() {
    let Some(server) = postgres::server() else { return };
    let (p, url) = (Plane::empty(), server.url(&server.schema()));
    let database = ["--database", &url];
    p.ok(&[&["init", "--realm", "acme"], &database[..]].concat());
    let registry = Registry::connect(&url.parse::<Database>().unwrap(), Env::system()).unwrap();
    kill_imports(&p, &database, &registry);
}

/// What a killed copy leaves is empty, and the next copy fills it; or it is whole, and the next one refuses to touch it.
#[test]
fn a_copy_is_all_or_nothing() {
    // More than one step of a copy.
    const LINES: u64 = COPY_ROWS as u64 + 50;
    let p = Plane::new();
    p.json(&["keys", "import", &digests(&p, "first", LINES)]);
    let target = |name: &str| p.beside(name).to_str().unwrap().to_owned();
    let mut moments = Moments::new(takes(&p, &["store", "copy", "--to", &target("measured.db")]), LONG_KILLS);
    let mut whole = 0;
    for i in 0..LONG_KILLS {
        let to = target(&format!("{i}.db"));
        let answer = killed(&p, &["store", "copy", "--to", &to], moments.at(i));
        let again = p.run(&["--json", "store", "copy", "--to", &to]);
        if again.code == 0 {
            assert!(answer.is_none(), "acknowledged, and not there");
        } else {
            assert!(again.err.contains("store_not_empty"), "{}", again.err);
            whole += 1;
        }
        let copy = Registry::connect(&Database::file(Path::new(&to)), Env::system()).unwrap();
        assert_eq!(copy.keys(&realm()).count(&KeyFilter::default()).unwrap(), LINES);
        copy.audit(&realm()).verify(None).unwrap();
    }
    assert!(whole > 0 && whole < LONG_KILLS, "every kill came too late, or too early");
}
