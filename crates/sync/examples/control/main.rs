//! The control plane's half of `cargo xtask bench`: how long the registry takes, and a publication from it.
//!
//! `control DIR KEYS` works on databases in DIR, which must lie on a real disk for the commits to mean anything, imports KEYS
//! digests, and prints one JSON object of figures. A third word measures a part alone: `lists`, or `revocations` beside imports. Each is the median of repeated runs. It lies in this crate because that is the
//! lowest one that has both, the registry and a publisher.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

mod lists;

use edgelatch_core::hex::Hex;
use edgelatch_core::key::{self, KeyId};
use edgelatch_core::signed::Role;
use edgelatch_registry::{
    Database, Env, Import, ImportDefaults, ImportFormat, KeyEdit, KeyFilter, KeyOrder, NewRealm, Paging, Preset, Registry,
    UsageBatch, UsageEvent,
};
use edgelatch_sync::{DEFAULT_LIFETIME, DEFAULT_ROOT_LIFETIME, DataDir, Directory, Init, Publisher, init, key_file};
use edgelatch_testkit::postgres;
use edgelatch_testkit::registry::{KeysExt, caller, fill, new_key, slug};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const REALM: &str = "acme";
/// Keys in the registry that creations, usage and publications are measured on.
const KEYS: u64 = 100_000;
const CREATES: usize = 201;
const BATCHES: u64 = 51;
const EVENTS: u64 = 1000;
const PUBLISHES: usize = 7;
const IMPORTS: usize = 3;
/// Keys that are revoked while others are imported: half of them by each of two processes, for five minutes.
const REVOCATIONS: usize = 6_000;

/// A file of digests, made as it is read.
struct Lines {
    next: u64,
    end: u64,
    /// Whether lines say all that keys are listed by.
    rich: bool,
    rest: Vec<u8>,
}

impl Lines {
    fn new(keys: u64) -> Lines {
        Lines { next: 0, end: keys, rich: false, rest: b"sha256,name,expires_at\n".to_vec() }
    }

    fn rich(keys: u64) -> Lines {
        let header = b"sha256,name,expires_at,description,tags,environment,not_before\n";
        Lines { rich: true, rest: header.to_vec(), ..Lines::new(keys) }
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.len() < buffer.len() && self.next < self.end {
            let n = self.next;
            let digest = key::digest(format!("legacy-key-{n:08}").as_bytes());
            self.rest.extend(Hex(&digest).to_string().bytes());
            let expires = if n.is_multiple_of(4) { format!("20{}-01-31", 40 + n % 50) } else { String::new() };
            self.rest.extend(format!(",service {} {n},{expires}", scatter(n) % 1000).bytes());
            if self.rich {
                let some = |every: u64, text: &str| if n % every == 7 % every { text.to_owned() } else { String::new() };
                let description = some(10, &format!("moved here from rack {}", n % 77));
                let tags = some(2, "odd ") + &some(1_000, "thousandth ") + &some(200_000, "rare");
                let (environment, begins) = (some(3, "development"), some(200_001, "2039-01-31"));
                self.rest.extend(format!(",{description},{tags},{environment},{begins}").bytes());
            }
            self.rest.push(b'\n');
            self.next += 1;
        }
        let n = self.rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.rest[..n]);
        self.rest.drain(..n);
        Ok(n)
    }
}

fn scatter(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}

/// Seconds that each of several runs took.
fn times(runs: usize, mut work: impl FnMut(usize) -> Result<()>) -> Result<Vec<f64>> {
    let one = |run| {
        let begun = Instant::now();
        work(run).map(|()| begun.elapsed().as_secs_f64())
    };
    (0..runs).map(one).collect()
}

fn how() -> Import {
    let (org, owner) = (Some(slug("one")), Some(slug("alice")));
    let defaults = ImportDefaults { org, owner, roles: vec![slug("reader")], environment: None };
    Import { format: ImportFormat::Csv, defaults, dry_run: false }
}

/// The keys of the realm that the test kit fills: of its first org and owner.
fn import(registry: &Registry, keys: u64) -> Result<()> {
    import_lines(registry, Lines::new(keys))
}

fn import_lines(registry: &Registry, mut lines: Lines) -> Result<()> {
    let keys = lines.end;
    let report = registry.keys(&slug(REALM)).import_file(&caller(), &how(), &mut lines, &mut |_| {})?;
    if report.done && report.keys == keys { Ok(()) } else { Err(format!("{report:?}").into()) }
}

/// Imports while keys are revoked ten times a second, over the same connections and over others, as another process has them. Returns how many
/// seconds the import took, and those of the longest revocation.
fn revoke_meanwhile(database: &Database, keys: u64) -> Result<(f64, f64)> {
    let registry = Registry::establish(database, Env::system())?;
    fill(&registry, &slug(REALM), Preset::Default);
    let before = "sha256,name\n".to_owned()
        + &(0..REVOCATIONS)
            .map(|n| format!("{},revoked {n}\n", Hex(&key::digest(format!("revoked-key-{n:08}").as_bytes()))))
            .collect::<String>();
    let mut before = before.as_bytes();
    registry.keys(&slug(REALM)).import_file(&caller(), &how(), &mut before, &mut |_| {})?;
    let mut ids = Vec::new();
    let mut paging = Paging::first(500);
    while ids.len() < REVOCATIONS {
        let page = registry.keys(&slug(REALM)).list(&KeyFilter::default(), KeyOrder::default(), &paging)?;
        ids.extend(page.keys.iter().map(|key| key.key_id));
        paging.cursor = page.next;
    }
    let other = Registry::connect(database, Env::system())?;
    let done = AtomicBool::new(false);
    let revoke = |registry: &Registry, ids: &[KeyId]| -> std::result::Result<f64, edgelatch_registry::Error> {
        let mut longest: f64 = 0.0;
        for id in ids {
            if done.load(Ordering::SeqCst) {
                break;
            }
            let begun = Instant::now();
            registry.keys(&slug(REALM)).revoke(&caller(), *id, None)?;
            longest = longest.max(begun.elapsed().as_secs_f64());
            sleep(Duration::from_millis(100));
        }
        Ok(longest)
    };
    let (mine, theirs) = ids.split_at(ids.len() / 2);
    std::thread::scope(|scope| {
        let revokers = [scope.spawn(|| revoke(&registry, mine)), scope.spawn(|| revoke(&other, theirs))];
        let took = times(1, |_| import(&registry, keys));
        done.store(true, Ordering::SeqCst);
        let mut longest: f64 = 0.0;
        for revoker in revokers {
            longest = longest.max(revoker.join().map_err(|_| "a revocation failed")??);
        }
        Ok((median(took?), longest))
    })
}

struct Figures(Vec<(String, f64)>);

impl Figures {
    fn add(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        eprintln!("{name}: {value:.3}");
        self.0.push((name, value));
    }
}

/// Reports that some keys are used.
fn ingest(registry: &Registry, ids: &[KeyId], figures: &mut Figures) -> Result<()> {
    let now = registry.env().now()?;
    let event = |n: u64| UsageEvent {
        key_id: Some(ids[(scatter(n) % ids.len() as u64) as usize].to_string()),
        at: now,
        method: "GET".into(),
        endpoint: format!("/v1/zones/{{id}}/records/{}", n % 20),
        ip: Some(format!("192.0.2.{}", n % 250)),
        country: Some("CH".into()),
        status: 200,
        code: if n.is_multiple_of(50) { "permission_denied" } else { "valid" }.into(),
        event: Some(format!("{n:032x}")),
    };
    let batch = |n: u64| UsageBatch { batch: format!("b{n}"), events: (n * EVENTS..(n + 1) * EVENTS).map(event).collect() };
    let batches: Vec<UsageBatch> = (0..BATCHES).map(batch).collect();
    let times = times(batches.len(), |n| {
        let done = registry.usage(&slug(REALM)).ingest(&batches[n])?;
        if done.accepted == EVENTS && done.unknown == 0 { Ok(()) } else { Err(format!("{done:?}").into()) }
    })?;
    figures.add("ingest", EVENTS as f64 / median(times));
    Ok(())
}

/// Creations, usage and publications over `KEYS` keys.
fn at_work(dir: &Path, figures: &mut Figures) -> Result<()> {
    let (realm, dir) = (slug(REALM), DataDir::new(dir.join("plane")));
    let new = Init {
        caller: caller(),
        realm: NewRealm {
            realm: realm.clone(),
            name: "Acme".parse()?,
            preset: Preset::Default,
            prefix: None,
            credentials: None,
        },
        org: slug("one"),
        owner: slug("alice"),
        root_lifetime: DEFAULT_ROOT_LIFETIME,
        head_lifetime: DEFAULT_LIFETIME,
    };
    init(&dir, &new, Env::system)?;
    let registry = Arc::new(Registry::connect(&Database::file(dir.database()), Env::system())?);
    let keys = registry.keys(&realm);
    import(&registry, KEYS)?;
    let mut ids = Vec::new();
    let mut paging = Paging::first(500);
    while ids.len() < 50_000 {
        let page = keys.list(&KeyFilter::default(), KeyOrder::default(), &paging)?;
        ids.extend(page.keys.iter().map(|key| key.key_id));
        paging.cursor = page.next;
    }
    ingest(&registry, &ids, figures)?;
    for id in ids.iter().take(20) {
        keys.revoke(&caller(), *id, None)?;
    }
    let create = times(CREATES, |_| Ok(keys.make(&caller(), &new_key("ci")).map(drop)?))?;
    figures.add("create", median(create) * 1e3);
    let signing = key_file::load(&dir.key(Role::Publisher), Role::Publisher, &realm)?;
    let publisher = Publisher::new(Arc::clone(&registry), realm.clone(), signing, DEFAULT_LIFETIME, &dir)?;
    let target = Directory::new(dir.realm(&realm));
    publisher.publish(&[&target])?;
    let mut publishes = Vec::new();
    for (n, id) in ids.iter().skip(100).take(PUBLISHES).enumerate() {
        let edit = KeyEdit { name: Some(format!("renamed {n}").parse()?), ..KeyEdit::default() };
        keys.edit(&caller(), *id, &edit)?;
        publishes.extend(times(1, |_| Ok(publisher.publish(&[&target]).map(drop)?))?);
    }
    figures.add("publish", median(publishes) * 1e3);
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (dir, keys, only) = match &arguments[..] {
        [dir, keys] => (dir, keys, None),
        [dir, keys, only] if ["lists", "revocations"].contains(&only.as_str()) => (dir, keys, Some(only.as_str())),
        _ => return Err("usage: control DIR KEYS [lists|revocations]".into()),
    };
    let (dir, keys): (_, u64) = (Path::new(dir), keys.parse()?);
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir)?;
    let mut figures = Figures(Vec::new());
    // The production settings are the registry's own; the server is started with those of any installation.
    let server = postgres::durable();
    if only != Some("revocations") {
        lists::measure(&Database::file(dir.join("lists.db")), "", keys, &mut figures)?;
        if let Some(server) = &server {
            lists::measure(&server.url(&server.schema()).parse()?, "in PostgreSQL: ", keys, &mut figures)?;
        }
    }
    if only.is_none() {
        writes(dir, keys, server, &mut figures)?;
    }
    if only != Some("lists") {
        revocations(dir, keys, server, &mut figures)?;
    }
    let members: Vec<String> = figures.0.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
    println!("{{{}}}", members.join(", "));
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// Revocations beside imports.
fn revocations(dir: &Path, keys: u64, server: Option<&postgres::Server>, figures: &mut Figures) -> Result<()> {
    let mut measure = |of: &str, database: Database| {
        let (took, longest) = revoke_meanwhile(&database, keys)?;
        figures.add(format!("import beside revocations{of}"), took);
        figures.add(format!("revocation beside an import{of}"), longest);
        Ok::<_, Box<dyn Error>>(())
    };
    measure("", Database::file(dir.join("revoked.db")))?;
    server.map_or(Ok(()), |server| measure(" into PostgreSQL", server.url(&server.schema()).parse()?))
}

/// Creations, usage, publications, imports.
fn writes(dir: &Path, keys: u64, server: Option<&postgres::Server>, figures: &mut Figures) -> Result<()> {
    at_work(dir, figures)?;
    let imports = |database: &dyn Fn(usize) -> Result<Database>, runs| {
        let mut all = Vec::new();
        for run in 0..runs {
            let registry = Registry::establish(&database(run)?, Env::system())?;
            fill(&registry, &slug(REALM), Preset::Default);
            all.extend(times(1, |_| import(&registry, keys))?);
        }
        Ok::<_, Box<dyn Error>>(median(all))
    };
    figures.add("import", imports(&|run| Ok(Database::file(dir.join(format!("{run}.db")))), IMPORTS)?);
    if let Some(server) = server {
        figures.add("import into PostgreSQL", imports(&|_| Ok(server.url(&server.schema()).parse()?), 1)?);
    }
    Ok(())
}
