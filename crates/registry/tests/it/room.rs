//! Whoever chooses digests, or fills keys with metadata, is refused before the realm could not be published any more; and what is counted for that
//! stays true whatever is done to keys.

use edgelatch_core::build::Tree;
use edgelatch_core::limits::MAX_METADATA_BYTES;
use edgelatch_registry::limits::{MAX_ORG_LEAD_BYTES, MAX_TIME};
use edgelatch_registry::{
    Digest, Error, Import, ImportDefaults, ImportFormat, ImportReport, KeyEdit, KeyFilter, Metadata, Rotate,
};
use edgelatch_testkit::on_both_stores;
use edgelatch_testkit::registry::{Fixture, KeysExt, caller, new_key, slug};

fn metadata(bytes: usize) -> String {
    format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - 8))
}

/// Lines of keys whose digests begin with the given bytes, and are numbered from there on.
fn lines(begin: &str, numbers: std::ops::Range<u32>, metadata: &str) -> String {
    let digest = |n| format!("{:0<64}", format!("{begin}{n:08x}"));
    let line = |n| format!("{{\"sha256\":\"{}\",\"name\":\"{begin}{n}\",\"metadata\":{metadata}}}\n", digest(n));
    numbers.map(line).collect()
}

fn import(f: &Fixture, org: &str, dry_run: bool, text: &str) -> Result<ImportReport, Error> {
    let defaults =
        ImportDefaults { org: Some(slug(org)), owner: Some(slug("alice")), roles: vec![slug("reader")], environment: None };
    let how = Import { format: ImportFormat::JsonLines, defaults, dry_run };
    f.registry.keys(&f.realm).import_file(&caller(), &how, &mut text.as_bytes(), &mut |_| {})
}

/// What is counted, and what keys come to, for each org and for the realm.
fn counted(f: &Fixture) -> Vec<Vec<String>> {
    let counted = f.rows("SELECT org_id, bytes FROM record_sizes WHERE lead = 256 AND bytes > 0 ORDER BY org_id");
    let is = "CAST(sum(72 + length(o.slug) + length(w.slug) + length(k.name) + length(k.metadata)) AS BIGINT) FROM secrets s \
              JOIN key_rows k ON k.id = s.key_id JOIN orgs o ON o.id = k.org_id JOIN owners w ON w.id = k.owner_id";
    let found = f.rows(&format!(
        "SELECT * FROM (SELECT 0 AS org, {is} UNION ALL SELECT k.org_id AS org, {is} GROUP BY k.org_id) x ORDER BY org"
    ));
    assert_eq!(counted, found);
    let sums = "SELECT org_id, CAST(sum(bytes) AS BIGINT) FROM record_sizes WHERE lead < 256 GROUP BY org_id HAVING sum(bytes) > 0 ORDER BY org_id";
    assert_eq!(counted, f.rows(sums), "by first bytes");
    counted
}

/// Chosen digests that begin alike are refused before a shard is too long for edges, whether an import or single keys bring them: here by the last
/// hundred kilobytes.
fn a_crowded_import_is_refused_and_the_realm_goes_on(f: Fixture) {
    let text = metadata(MAX_METADATA_BYTES);
    let keys = f.registry.keys(&f.realm);
    let digest = |begin: &str, n: u32| Digest::parse("sha256", &format!("{begin}{n:0>8}{}", "e".repeat(54))).unwrap();
    let mut new = new_key("first");
    for org in ["one", "two"] {
        new.org = slug(org);
        keys.import(&caller(), &new, &digest("c0", u32::from(org == "two"))).unwrap();
    }
    let one = f.rows("SELECT id FROM orgs WHERE slug = 'one'")[0][0].clone();
    let most = MAX_ORG_LEAD_BYTES - 100_000;
    f.execute(&format!("UPDATE record_sizes SET bytes = {most} WHERE org_id = {one} AND lead = 12")).unwrap();
    let before = f.rows("SELECT org_id, lead, bytes FROM record_sizes WHERE bytes > 0 ORDER BY org_id, lead");
    for (begin, dry_run) in [("c1", false), ("c0ffee", false), ("c", true)] {
        let error = import(&f, "one", dry_run, &lines(begin, 0..100, &text)).unwrap_err();
        assert_eq!((error.code(), error.field()), ("limit_reached", Some("sha256")), "{error}");
        assert_eq!(keys.count(&KeyFilter::default()).unwrap(), 2);
        let after = f.rows("SELECT org_id, lead, bytes FROM record_sizes WHERE bytes > 0 ORDER BY org_id, lead");
        assert_eq!(after, before, "what was undone is not counted");
    }
    // Nor one by one, while digests that begin otherwise, and other orgs, have room.
    (new.org, new.metadata) = (slug("one"), Metadata::parse(&text).unwrap());
    let filled = (0..100).find_map(|n| {
        new.name = format!("x{n}").parse().unwrap();
        keys.import(&caller(), &new, &digest("c0", 10 + n)).err()
    });
    assert_eq!(filled.map(|error| error.code()), Some("limit_reached"));
    keys.import(&caller(), &new, &digest("d0", 0)).unwrap();
    new.org = slug("two");
    keys.import(&caller(), &new, &digest("c0", 500)).unwrap();
    assert!(import(&f, "two", false, &lines("c0aa", 0..100, &text)).unwrap().done);
}

/// What is counted is no less than what is published, and little more.
fn no_record_takes_more_than_is_counted(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    // Each column of its shard as wide as it can be.
    let mut wide = new_key("wide");
    wide.expires_at = Some(MAX_TIME);
    keys.make(&caller(), &wide).unwrap();
    for bytes in [2, 100, MAX_METADATA_BYTES] {
        let text = if bytes == 2 { "{}".into() } else { metadata(bytes) };
        assert!(import(&f, "one", false, &lines(&format!("{bytes:x}0"), 0..600, &text)).unwrap().done);
        let tree = Tree::build(&f.registry.ledger(&f.realm).snapshot(None).unwrap().state).unwrap();
        let shards: u64 = tree.shards.iter().map(|shard| shard.len() as u64).sum();
        let total: u64 = counted(&f)[0][1].parse().unwrap();
        assert!(shards <= total && total < shards * 3, "{shards} of {total}");
    }
}

/// The realm's own limits, without filling it.
fn a_full_realm_refuses_what_is_new_and_lets_go_of_what_there_is(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let key = keys.make(&caller(), &new_key("first")).unwrap().key;
    let set = |lead: &str, org: &str, bytes: u64| {
        f.execute(&format!("UPDATE record_sizes SET bytes = {bytes} WHERE lead {lead} AND org_id {org}")).unwrap();
    };
    // Another key whose digest begins as this one's.
    let first: u8 = f.rows("SELECT lead FROM record_sizes WHERE lead < 256 AND org_id = 0")[0][0].parse().unwrap();
    let digest = Digest::parse("sha256", &format!("{first:02x}{}", "7".repeat(62))).unwrap();
    for (lead, org) in [("= 256", "= 0"), ("= 256", "> 0"), ("< 256", "= 0"), ("< 256", "> 0")] {
        set(lead, org, 1 << 40);
        let error = keys.import(&caller(), &new_key("second"), &digest).unwrap_err();
        assert_eq!(error.code(), "limit_reached", "{lead} {org}: {error}");
        // A name that is longer is more, too.
        let edit = KeyEdit { name: Some("a longer name".parse().unwrap()), ..KeyEdit::default() };
        assert_eq!(keys.edit(&caller(), key.key_id, &edit).unwrap_err().code(), "limit_reached");
        set(lead, org, 90);
    }
    set("= 256", "= 0", 1 << 40);
    keys.revoke(&caller(), key.key_id, None).unwrap();
    keys.delete(&caller(), key.key_id, Some("first"), None).unwrap();
}

/// Keys are made, renamed, given another secret and an overlap, deleted, imported in vain and for good, and cleared away.
fn what_is_counted_stays_true(f: Fixture) {
    let keys = f.registry.keys(&f.realm);
    let mut made = Vec::new();
    for n in 0..8 {
        made.push(keys.make(&caller(), &new_key(&format!("key {n}"))).unwrap().key.key_id);
    }
    counted(&f);
    for (n, key_id) in made.iter().enumerate() {
        let overlap = if n % 2 == 0 { 60 } else { 0 };
        keys.renew(&caller(), *key_id, &Rotate { overlap, ..Rotate::default() }).unwrap();
        let edit = KeyEdit {
            name: Some("n".repeat(n + 1).parse().unwrap()),
            metadata: Some(Metadata::parse(&metadata(20 + n)).unwrap()),
            ..KeyEdit::default()
        };
        keys.edit(&caller(), *key_id, &edit).unwrap();
        counted(&f);
    }
    keys.revoke(&caller(), made[0], None).unwrap();
    keys.delete(&caller(), made[1], Some("nn"), None).unwrap();
    counted(&f);
    let text = lines("", 1..50, "{}") + &lines("ab", 1..20, &metadata(100));
    assert!(import(&f, "two", false, &text).unwrap().done);
    let whole = counted(&f);
    assert!(!import(&f, "two", false, &text).unwrap().done, "the same digests once more");
    assert_eq!(counted(&f), whole);
    f.advance(40 * 86_400);
    assert!(f.registry.purge().unwrap().secrets > 0);
    assert!(counted(&f) != whole);
}

on_both_stores!(
    no_record_takes_more_than_is_counted,
    a_crowded_import_is_refused_and_the_realm_goes_on,
    a_full_realm_refuses_what_is_new_and_lets_go_of_what_there_is,
    what_is_counted_stays_true
);
