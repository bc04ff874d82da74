//! How long a publication to a bucket takes: `EDGELATCH_MOTO=moto_server cargo run --release --package edgelatch-sync --example bucket`. The server is on
//! this machine, and adds to each request what a store's own work is; a real one adds the way there and back, once for the objects, once
//! for patches and roots, twice for the head.

use std::error::Error;
use std::time::Instant;

use edgelatch_core::build::{encode_bundle, sign_head};
use edgelatch_registry::RootRow;
use edgelatch_sync::{Bucket, Held, Publication};
use edgelatch_testkit::realm::{self, T0, head_fields, record, signers};
use edgelatch_testkit::s3;

const KEYS: u64 = 100_000;
const CHANGES: u64 = 21;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(server) = s3::server() else { return Ok(()) };
    let target = Bucket::open(&format!("s3://{}/r/acme", server.bucket()).parse()?, server.environment())?;
    let roots = [RootRow { version: 1, object: realm::root() }];
    let (mut held, mut records) = (Held::default(), (0..KEYS).map(record).collect::<Vec<_>>());
    let mut times = Vec::new();
    for epoch in 1..=CHANGES + 1 {
        let tree = realm::tree(records.clone());
        let head = sign_head(&head_fields(epoch, &tree), &signers(&[101]))?;
        let publication = Publication { realm: "acme", epoch, now: T0, head: &head, roots: &roots, tree: &tree, patches: &[] };
        let begun = Instant::now();
        let written = publication.put(&target, &mut held, &|| {})?;
        let (shown, begun) = (begun.elapsed(), Instant::now());
        publication.finish(&target, &mut held, &encode_bundle(&head, &tree)?)?;
        let bundled = begun.elapsed();
        if epoch == 1 {
            println!(
                "{KEYS} keys at first: {} objects, {} bytes in {shown:?}, bundle in {bundled:?}",
                written.objects, written.bytes
            );
        } else {
            times.push((shown, bundled, written));
        }
        records.pop();
        records.push(record(KEYS + epoch));
    }
    times.sort_by_key(|(shown, ..)| *shown);
    if let Some((shown, bundled, written)) = times.get(times.len() / 2) {
        println!(
            "one change at {KEYS} keys: {} objects, {} bytes, shown after {shown:?}, bundle {bundled:?} later (medians of {CHANGES})",
            written.objects, written.bytes
        );
    }
    Ok(())
}
