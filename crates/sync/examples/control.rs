//! The control plane's half of `cargo xtask bench`: how long the registry takes, and a publication from it.
//!
//! `control DIR KEYS` works on databases in DIR, which must lie on a real disk for the commits to mean anything, imports KEYS
//! digests, and prints one JSON object of figures. Each is the median of repeated runs.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use edgelatch_core::key::{self, KeyId};
use edgelatch_core::signed::Role;
use edgelatch_registry::{
    Caller, Database, Env, Handover, Import, ImportDefaults, ImportFormat, KeyEdit, KeyFilter, KeyOrder, NewKey, NewOrg,
    NewOwner, NewRealm, OwnerKind, Paging, Preset, Registry, Slug, Sort, State, UsageBatch, UsageEvent,
};
use edgelatch_sync::{DataDir, Directory, Init, Publisher, init, key_file};
use edgelatch_testkit::postgres;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Keys in the registry that lists, creations and publications are measured on.
const KEYS: u64 = 100_000;
const LISTS: usize = 31;
const CREATES: usize = 201;
const BATCHES: u64 = 51;
const EVENTS: u64 = 1000;
const PUBLISHES: usize = 7;
const IMPORTS: usize = 3;

/// A file of digests, made as it is read.
struct Lines {
    from: u64,
    to: u64,
    rest: Vec<u8>,
}

impl Lines {
    fn new(from: u64, to: u64) -> Lines {
        Lines { from, to, rest: b"sha256,name,expires_at\n".to_vec() }
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.len() < buffer.len() && self.from < self.to {
            let n = self.from;
            let digest = key::digest(format!("legacy-key-{n:08}").as_bytes());
            self.rest.extend(digest.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| b"0123456789abcdef"[usize::from(d)]));
            let expires = if n.is_multiple_of(4) { format!("20{}-01-31", 40 + n % 50) } else { String::new() };
            self.rest.extend(format!(",service {} {n},{expires}\n", scatter(n) % 1000).bytes());
            self.from += 1;
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

struct Plane {
    caller: Caller,
    realm: Slug,
    org: Slug,
    owner: Slug,
    role: Slug,
}

impl Plane {
    fn new() -> Result<Plane> {
        let caller = Caller::new("cli:bench".parse()?);
        Ok(Plane { caller, realm: "acme".parse()?, org: "main".parse()?, owner: "admin".parse()?, role: "reader".parse()? })
    }

    fn new_realm(&self) -> Result<NewRealm> {
        let name = "Acme".parse()?;
        Ok(NewRealm { realm: self.realm.clone(), name, preset: Preset::Default, prefix: None, credentials: None })
    }

    fn fill(&self, registry: &Registry) -> Result<()> {
        registry.create_realm(&self.caller, &self.new_realm()?)?;
        let (org, owner) = (self.org.clone(), self.owner.clone());
        registry
            .tenants(&self.realm)
            .create_org(&self.caller, &NewOrg { org: org.clone(), name: "Main".parse()?, preset: None })?;
        let kind = OwnerKind::User;
        registry
            .tenants(&self.realm)
            .create_owner(&self.caller, &NewOwner { org, owner, kind, name: "A".parse()?, roles: Vec::new() })?;
        Ok(())
    }

    fn import(&self, registry: &Registry, from: u64, to: u64) -> Result<()> {
        let (org, owner) = (Some(self.org.clone()), Some(self.owner.clone()));
        let defaults = ImportDefaults { org, owner, roles: vec![self.role.clone()], environment: None };
        let import = Import { format: ImportFormat::Csv, defaults, dry_run: false };
        let mut lines = Lines::new(from, to);
        let report = registry.keys(&self.realm).import_file(&self.caller, &import, &mut lines, &mut |_| {})?;
        if report.done && report.keys == to - from { Ok(()) } else { Err(format!("{report:?}").into()) }
    }
}

struct Figures(Vec<(String, f64)>);

impl Figures {
    fn add(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        eprintln!("{name}: {value:.3}");
        self.0.push((name, value));
    }
}

fn lists(plane: &Plane, registry: &Registry, figures: &mut Figures) -> Result<()> {
    let base = || KeyFilter { org: Some(plane.org.clone()), ..KeyFilter::default() };
    let sorts = [Sort::Created, Sort::Name, Sort::Expires, Sort::LastUsed];
    let mut all: Vec<(String, KeyFilter, Sort)> = sorts.map(|sort| (format!("by {sort}"), base(), sort)).into();
    let search = |text: &str| KeyFilter { search: Some(text.into()), ..base() };
    let state = |state| KeyFilter { state: Some(state), ..base() };
    let soon = Some((registry.env().now()? + 86_400).into());
    let (owner, role) = (Some(plane.owner.clone()), Some(plane.role.clone()));
    let created = |what: &str, filter| (what.to_owned(), filter, Sort::Created);
    all.extend([
        created("of the whole realm", KeyFilter::default()),
        ("active, by name".into(), state(State::Active), Sort::Name),
        created("revoked, of which there are few", state(State::Revoked)),
        created("of one owner and role", KeyFilter { owner, role, ..base() }),
        ("ending soon, of which there are few".into(), KeyFilter { expires_before: soon, ..base() }, Sort::Expires),
        created("search that many fit", search("service 7")),
        created("search that one fits", search(" 99999")),
        created("search that none fits", search("nothing like it")),
    ]);
    for (what, filter, sort) in all {
        let (order, mut paging) = (KeyOrder { sort: Some(sort), direction: None }, Paging::first(50));
        // Page after page, as far as there are any.
        let times = times(LISTS, |_| {
            paging.cursor = registry.keys(&plane.realm).list(&filter, order, &paging)?.next;
            Ok(())
        })?;
        figures.add(format!("list {what}"), median(times) * 1e3);
    }
    Ok(())
}

fn ingest(plane: &Plane, registry: &Registry, ids: &[KeyId], figures: &mut Figures) -> Result<()> {
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
        let done = registry.usage(&plane.realm).ingest(&batches[n])?;
        if done.accepted == EVENTS && done.unknown == 0 { Ok(()) } else { Err(format!("{done:?}").into()) }
    })?;
    figures.add("ingest", EVENTS as f64 / median(times));
    Ok(())
}

/// Lists, creations, usage and publications over `KEYS` keys.
fn at_work(dir: &Path, figures: &mut Figures) -> Result<()> {
    let plane = Plane::new()?;
    let dir = DataDir::new(dir.join("plane"));
    let (org, owner) = (plane.org.clone(), plane.owner.clone());
    let (root_lifetime, head_lifetime) = (10 * 365 * 86_400, 86_400);
    let new = Init { caller: plane.caller.clone(), realm: plane.new_realm()?, org, owner, root_lifetime, head_lifetime };
    init(&dir, &new, Env::system)?;
    let registry = Arc::new(Registry::open(&dir.database(), Env::system())?);
    plane.import(&registry, 0, KEYS)?;
    let mut ids = Vec::new();
    let mut paging = Paging::first(500);
    while ids.len() < 50_000 {
        let page = registry.keys(&plane.realm).list(&KeyFilter::default(), KeyOrder::default(), &paging)?;
        ids.extend(page.keys.iter().map(|key| key.key_id));
        paging.cursor = page.next;
    }
    ingest(&plane, &registry, &ids, figures)?;
    for id in ids.iter().take(20) {
        registry.keys(&plane.realm).revoke(&plane.caller, *id, None)?;
    }
    lists(&plane, &registry, figures)?;
    let new = NewKey { roles: vec![plane.role.clone()], ..NewKey::new(plane.org.clone(), "ci".parse()?) };
    let create =
        times(CREATES, |_| Ok(registry.keys(&plane.realm).create(&plane.caller, &new, Handover::default()).map(drop)?))?;
    figures.add("create", median(create) * 1e3);
    let signing = key_file::load(&dir.key(Role::Publisher), Role::Publisher, &plane.realm)?;
    let publisher = Publisher::new(Arc::clone(&registry), plane.realm.clone(), signing, head_lifetime, dir.lock())?;
    let target = Directory::new(dir.realm(&plane.realm));
    publisher.publish(&[&target])?;
    let mut publishes = Vec::new();
    for (n, id) in ids.iter().skip(100).take(PUBLISHES).enumerate() {
        let edit = KeyEdit { name: Some(format!("renamed {n}").parse()?), ..KeyEdit::default() };
        registry.keys(&plane.realm).edit(&plane.caller, *id, &edit)?;
        publishes.extend(times(1, |_| Ok(publisher.publish(&[&target]).map(drop)?))?);
    }
    figures.add("publish", median(publishes) * 1e3);
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, keys] = &arguments[..] else { return Err("usage: control DIR KEYS".into()) };
    let (dir, keys): (_, u64) = (Path::new(dir), keys.parse()?);
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir)?;
    let mut figures = Figures(Vec::new());
    at_work(dir, &mut figures)?;
    let plane = Plane::new()?;
    let imports = |database: &dyn Fn(usize) -> Result<Database>, runs| {
        let mut all = Vec::new();
        for run in 0..runs {
            let registry = Registry::establish(&database(run)?, Env::system())?;
            plane.fill(&registry)?;
            all.extend(times(1, |_| plane.import(&registry, 0, keys))?);
        }
        Ok::<_, Box<dyn Error>>(median(all))
    };
    figures.add("import", imports(&|run| Ok(Database::file(dir.join(format!("{run}.db")))), IMPORTS)?);
    // The production settings are the registry's own; the server is started with those of any installation.
    if let Some(server) = postgres::durable() {
        figures.add("import into PostgreSQL", imports(&|_| Ok(server.url(&server.schema()).parse()?), 1)?);
    }
    let members: Vec<String> = figures.0.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
    println!("{{{}}}", members.join(", "));
    fs::remove_dir_all(dir)?;
    Ok(())
}
