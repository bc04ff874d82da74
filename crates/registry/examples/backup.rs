//! Times and sizes of a backup and of restoring it: `cargo run --release -p edgelatch-registry --example backup [KEYS]`, 100,000 unless said.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::time::Instant;

use edgelatch_registry::{Import, ImportDefaults, ImportFormat, restore_backup, verify_backup};
use edgelatch_testkit::registry::{Fixture, Place, caller, env, slug};

fn main() {
    let keys: usize = std::env::args().nth(1).map_or(100_000, |text| text.parse().expect("a number of keys"));
    let f = Fixture::new(Place::sqlite());
    let mut lines = String::from("sha256,name\n");
    for n in 0..keys {
        let _ = writeln!(lines, "{n:064x},service {n} of some team");
    }
    // The beginnings of digests tell keys apart.
    let lines = lines.lines().enumerate().map(|(n, line)| if n == 0 { line.into() } else { scattered(line) });
    let text: String = lines.collect::<Vec<String>>().join("\n");
    let defaults =
        ImportDefaults { org: Some(slug("one")), owner: Some(slug("alice")), roles: vec![slug("reader")], environment: None };
    let how = Import { format: ImportFormat::Csv, defaults, dry_run: false };
    let done = f.registry.keys(&f.realm).import_file(&caller(), &how, &mut text.as_bytes(), &mut |_| {}).expect("imported");
    assert!(done.done, "{done:?}");
    let path = f.dir.path().join("figures.backup");
    let took = |what: &str, begun: Instant| println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());

    let begun = Instant::now();
    let mut file = File::create(&path).expect("a file");
    let held = f.registry.backup(&mut file, &[], &mut |_| {}).expect("a backup");
    file.sync_all().expect("synced");
    took(&format!("backup of {keys} keys, {} rows", held.rows), begun);
    println!(
        "its size: {} MB; the database: {} MB",
        megabytes(held.bytes),
        megabytes(fs::metadata(f.path()).map_or(0, |m| m.len()))
    );

    let begun = Instant::now();
    let open = || File::open(&path).map(|file| Box::new(BufReader::new(file)) as Box<dyn BufRead>);
    let found = verify_backup(&mut *open().expect("a file")).expect("whole");
    took("reading it through", begun);
    for (store, place) in [("SQLite", Some(Place::sqlite())), ("PostgreSQL", Place::postgres())] {
        let Some(place) = place else { continue };
        let begun = Instant::now();
        restore_backup(&place.database, env(&f.clock), &found, &open, &mut |_| {}).expect("restored");
        took(&format!("restoring it into {store}, read through before"), begun);
    }
}

/// The line with the digits of its digest the other way round.
fn scattered(line: &str) -> String {
    let (digest, rest) = line.split_at(64);
    digest.chars().rev().chain(rest.chars()).collect()
}

/// Megabytes with one digit behind the point.
fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}
