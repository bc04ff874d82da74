//! The module as a host sees it: numbers in and out, text and bytes through the areas of its memory.

mod host;

use edgelatch_core::tree::ObjectId;
use edgelatch_wasm as wasm;
use js_sys::{JSON, Reflect, Uint8Array, WebAssembly};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

use host::*;

#[wasm_bindgen_test]
fn verdicts_and_identities() {
    open(CONFIG);
    assert_eq!(code(ask(&text(&["keys", "plain"]), None, NONE)), "snapshot_missing");
    assert_eq!(wasm::epoch(), 0.0);
    serve();
    assert_eq!((wasm::epoch(), wasm::issued_at(), wasm::root_version()), (7.0, now() - 10.0, 1));
    let office = text(&["keys", "office"]);
    let valid = ask(&office, Some(OFFICE), compile(Some("cdn"), Some("cache.purge")));
    assert_eq!(code(valid), "valid");
    let plan = r#"{"plan":"pro","seats":3}"#;
    assert_eq!(
        told(wasm::identity(valid, wasm::generation())),
        format!("key_00000000002\u{1f}org_1\u{1f}ada\u{1f}Key “office”\u{1f}0\u{1f}purger\u{1f}*\u{1f}{plan}")
    );
    for (key, ip, requirement, expected) in [
        ("scoped", None, NONE, "scope_denied"),
        ("office", None, NONE, "ip_unknown"),
        ("office", Some("203.0.113.1"), NONE, "ip_denied"),
        ("office", Some("198.51.100.09"), NONE, "ip_unknown"),
        ("plain", None, compile(None, Some("cache.purge")), "permission_denied"),
        ("plain", None, compile(None, Some("")), "bad_requirement"),
        ("plain", None, 4_000_000_000, "bad_requirement"),
        ("revoked", None, NONE, "revoked"),
    ] {
        assert_eq!(code(ask(&text(&["keys", key]), ip, requirement)), expected, "{key} {ip:?}");
    }
    let unknown = ask(&text(&["keys", "stranger"]), None, NONE);
    assert_eq!((code(unknown), wasm::identity(unknown, wasm::generation())), ("unknown", 0.0));
}

#[wasm_bindgen_test]
fn lengths_that_lie() {
    serve();
    let key = text(&["keys", "plain"]);
    write(wasm::key_ptr(), key.as_bytes());
    for (key_len, expected) in [
        (length(&key), "valid"),
        (0, "missing"),
        (wasm::NO_TEXT, "missing"),
        (wasm::NO_TEXT - 1, "malformed"),
        (wasm::key_len() + 1, "malformed"),
        (wasm::key_len(), "malformed"),
    ] {
        assert_eq!(code(wasm::verify_key(key_len, wasm::NO_TEXT, NONE, now())), expected, "{key_len}");
    }
    write(wasm::key_ptr(), text(&["keys", "office"]).as_bytes());
    write(wasm::ip_ptr(), OFFICE.as_bytes());
    for (ip_len, expected) in
        [(length(OFFICE), "valid"), (0, "ip_unknown"), (wasm::NO_TEXT - 1, "ip_unknown"), (wasm::ip_len(), "ip_unknown")]
    {
        assert_eq!(code(wasm::verify_key(length(&key), ip_len, NONE, now())), expected, "{ip_len}");
    }
    assert_eq!(code(wasm::verify_block(wasm::NO_TEXT - 1, NONE, now())), "invalid_request");
    assert_eq!(code(wasm::verify_block(wasm::NO_TEXT, NONE, now())), "invalid_request");
    assert_eq!(wasm::input(u32::MAX), 0);
    assert_eq!(wasm::compile(wasm::NO_TEXT - 1, wasm::NO_TEXT), 0);
    for now in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
        assert_ne!(code(wasm::verify_key(length(&key), wasm::NO_TEXT, NONE, now)), "valid", "{now}");
    }
}

#[wasm_bindgen_test]
fn request_blocks() {
    serve();
    assert_eq!(wasm::interest(), 1);
    assert_eq!(said(), "authorization\nx-api-key\nhost\norigin\naccess-control-request-method\nx-client");
    assert_eq!(wasm::realm(), 1);
    assert_eq!(said(), "acme");
    let office = text(&["keys", "office"]);
    assert_eq!(code(block(&format!("{OFFICE}\nGET /\nAuthorization: Bearer {office}\n"))), "valid");
    assert_eq!(code(block(&format!("10.0.0.1\nGET /\nx-api-key:{office}\nX-Client: {OFFICE}"))), "valid");
    assert_eq!(code(block(&format!("203.0.113.1\nGET /\nx-api-key:{office}\nX-Client: {OFFICE}"))), "ip_denied");
    assert_eq!(code(block("\nGET /\n")), "missing");
    assert_eq!(code(wasm::verify_block(7, u32::MAX, now())), "invalid_request");
    write(wasm::block_ptr(), b"\nGET /a/aa/%62?c");
    assert_eq!((wasm::path(16), said()), (wasm::NO_TEXT, "/a/aa/b".to_owned()));
    for (request, characters) in [
        ("\nGET /a/b?/c", 4),
        ("\nGET /", 1),
        ("\nGET /a#b\nno header line", 0),
        ("\nGET /a\nno header line", 2),
        ("\nGET https://h/a", wasm::NO_TEXT),
    ] {
        write(wasm::block_ptr(), request.as_bytes());
        assert_eq!(wasm::path(length(request)), characters, "{request}");
    }
    assert_eq!(said(), "/a");
    for (request, client) in
        [("10.0.0.1\nGET /\nX-Client: 192.0.2.1", "192.0.2.1"), ("203.0.113.1\nGET /\nX-Client: 192.0.2.1", "as given")]
    {
        assert_eq!(noted(request), (None, Some(client.to_owned())), "{request}");
    }
    assert_eq!(noted("\nGET /"), (None, None));
    assert_eq!(noted("192.0.2.1\nbroken"), (None, None));
    assert_eq!(
        noted(&format!("::FFFF:192.0.2.1\nGET /\nx-api-key:{office}")),
        (Some("key_00000000002".to_owned()), Some("192.0.2.1".to_owned()))
    );
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe";
    assert_eq!(noted(&format!("10.0.0.1\nGET /\nX-Client: {longest}")), (None, Some(longest.to_owned())));
    write(wasm::block_ptr(), b"\nGET /%zz");
    assert_eq!(wasm::path(9), 0);
    write(wasm::block_ptr(), b"\nGET /a/..");
    assert_eq!(wasm::path(10), 0);
}

#[wasm_bindgen_test]
fn route_tables() {
    let table = |text: &[u8]| {
        give(text);
        wasm::compile_routes()
    };
    serve();
    let plain = text(&["keys", "plain"]);
    let ask = |requirement: f64, request: &str| {
        let text = format!("\n{request}\nx-api-key:{plain}");
        write(wasm::block_ptr(), text.as_bytes());
        code(wasm::verify_block(length(&text), requirement as u32, now()))
    };
    let first = table(b"router=lenient\ndefault\tdeny\nGET /zones/*\tpermission=zone.view\n/admin\tpermission=cache.purge");
    let second = table(b"router=strict\ndefault");
    assert_eq!((first, second), (2_147_483_648.0, 2_147_483_649.0));
    assert_eq!(
        ["GET /Zones/7", "PUT /zones", "GET /admin/", "GET /"].map(|request| ask(first, request)),
        ["valid", "permission_denied", "permission_denied", "permission_denied"]
    );
    assert_eq!(
        [ask(second, "GET /"), ask(second, "GET //"), ask(second + 1.0, "GET /")],
        ["valid", "invalid_request", "bad_requirement"]
    );
    assert_eq!(ask_key(&plain, second as u32), "bad_requirement");
    assert_eq!(table(b"router=strict\ndefault\na"), -1.0);
    assert_eq!(said(), "bad_routes: route \"a\": the pattern must begin with `/`");
    assert_eq!(table(b"\xff"), -1.0);
}

fn ask_key(key: &str, requirement: u32) -> &'static str {
    code(ask(key, None, requirement))
}

#[wasm_bindgen_test]
fn damaged_updates_are_refused_without_a_trap_and_change_nothing() {
    serve();
    let key = text(&["keys", "leaving"]);
    let later = now() + 43_200.0;
    let good = bytes(&["snapshots", "second", "bundle"]);
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(take(&good[..at], later).is_err(), "cut at {at}");
        // Not all of it is needed: what the two trees have in common is not looked at again.
        if take(&flipped, later).is_ok() {
            assert_eq!((wasm::epoch(), ask_at(&key, later)), (9.0, "revoked"), "flip at {at}");
            serve();
        }
        wasm::abort();
    }
    assert_eq!(take(&[good.as_slice(), &[0]].concat(), later), Err("trailing_bytes".to_owned()));
    assert_eq!((wasm::epoch(), code(ask(&key, None, NONE))), (7.0, "valid"));
    take(&good, later).unwrap();
    assert_eq!((wasm::epoch(), ask_at(&key, later)), (9.0, "revoked"));
}

/// Where nothing serves yet, a host need not wait for all objects: a verdict asks for those that it needs.
#[wasm_bindgen_test]
fn a_cold_edge_begins_early_and_asks_for_what_it_lacks() {
    open(CONFIG);
    let bundle = bytes(&["snapshots", "first", "bundle"]);
    let key = text(&["keys", "plain"]);
    let object = |(_, length, offset, _): &(u32, usize, usize, String)| {
        let tree = &bundle[bundle.len() - wasm::stage_bytes() as usize..];
        tree[*offset..offset + length].to_vec()
    };
    assert_eq!((wasm::ready(), wasm::begin(now()), wasm::feed(), wasm::commit(now())), (0, -1.0, -1.0, -1.0));
    give(&bytes(&["snapshots", "first", "head"]));
    assert!(wasm::offer(now()) > 3.0);
    assert_eq!(wasm::begin(now()), 0.0);
    assert_eq!(wasm::trees(), 1);
    let wanted = said().trim_start().to_owned();
    let tops = lacks(wasm::stage_needs, 0);
    assert_eq!((tops.len(), tops[0].0, tops[0].2, &tops[0].3), (1, 0, 0, &wanted));
    // Nobody knows how long the top page is before it is here.
    let top = u32::from_le_bytes(bundle[12..16].try_into().unwrap()) as usize;
    let tree = bundle.len() - wasm::stage_bytes() as usize;
    give(&bundle[tree..tree + top - 1]);
    assert_eq!(accepted(wasm::stage_supply(0)), Err("wrong_digest".to_owned()));
    give(&bundle[tree..tree + top]);
    assert_eq!(wasm::stage_supply(0), 0.0);
    let mut objects = Vec::new();
    while wasm::ready() == 0 {
        let next = lacks(wasm::stage_needs, 0).remove(0);
        give(&object(&next));
        assert_eq!(wasm::stage_supply(next.0), 0.0, "{}", said());
    }
    assert_eq!((wasm::complete(), wasm::working()), (0, 0));
    assert!(wasm::check(1) >= 1.0);
    for lacking in lacks(wasm::stage_needs, 0) {
        objects.push((object(&lacking), lacking));
    }
    assert_eq!((wasm::commit(now()), wasm::ready(), wasm::trees(), wasm::stage_bytes()), (0.0, 0, 0, 0.0));

    let mut asked = Vec::new();
    let packed = loop {
        let packed = ask(&key, None, NONE);
        if code(packed) != "shard_needed" {
            break packed;
        }
        assert_eq!(wasm::identity(packed, wasm::generation()), 0.0, "a place is no record");
        let place = (packed / 1024.0) as u32 - 1;
        let (object, need) = objects.iter().find(|(_, need)| need.0 == place).unwrap();
        assert_eq!(&lacks(wasm::needs, place)[0], need);
        give(&object[1..]);
        assert_eq!(accepted(wasm::supply(place)), Err("wrong_digest".to_owned()));
        give(object);
        assert_eq!(wasm::supply(place), 0.0);
        asked.push(place);
    };
    assert_eq!(code(packed), "valid");
    assert!(!asked.is_empty() && asked.len() < objects.len(), "{asked:?}");
    for (object, (place, ..)) in &objects {
        give(object);
        assert_eq!(wasm::supply(*place), 0.0);
    }
    assert!(lacks(wasm::needs, 0).is_empty());
    for place in [8, u32::MAX] {
        assert_eq!((accepted(wasm::supply(place)), wasm::needs(place, 1)), (Err("bad_reference".to_owned()), 0));
    }
}

/// A host finds the objects of the tree that serves in memory, and another edge takes them from there.
#[wasm_bindgen_test]
fn what_serves_can_be_taken_out_of_memory() {
    open(CONFIG);
    assert_eq!(wasm::objects(), 0);
    serve();
    let numbers = |at: u32, count: u32| -> Vec<u32> {
        view(at, 4 * count).to_vec().chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
    };
    let groups =
        |count: u32| -> Vec<Vec<u32>> { numbers(wasm::table_ptr(), 2 * count).chunks(2).map(<[u32]>::to_vec).collect() };
    let table = |count: u32| -> Vec<(u32, Vec<u8>, u32)> {
        let rows = groups(count).into_iter().flat_map(|group| numbers(group[0], 4 * group[1]));
        rows.collect::<Vec<_>>().chunks(4).map(|row| (row[0], view(row[1], row[2]).to_vec(), row[3])).collect()
    };
    let objects = table(wasm::objects());
    for (place, object, tag) in &objects {
        assert_eq!(ObjectId::of(object).0[..4], tag.to_le_bytes(), "{place}");
    }
    let bundle = bytes(&["snapshots", "first", "bundle"]);
    let tree: Vec<u8> = objects.iter().flat_map(|(_, object, _)| object.clone()).collect();
    assert!(bundle.ends_with(&tree) && objects.len() > 4);
    // The table before stays where it is, and what is said of the shards of a page is said once as long as nothing changes them.
    let count = wasm::objects();
    let (first, before) = (wasm::table_ptr(), groups(count));
    let after = groups(wasm::objects());
    assert!(wasm::table_ptr() != first && numbers(first, 2 * count) == before.concat());
    assert_eq!((before.len(), before[0] != after[0], &before[1..]), (2, true, &after[1..]));
    assert_eq!(table(wasm::objects()), objects);

    open(CONFIG);
    give(&bytes(&["snapshots", "first", "head"]));
    assert!(wasm::offer(now()) > 3.0 && wasm::begin(now()) == 0.0);
    for (place, object, _) in &objects {
        give(object);
        assert_eq!(wasm::stage_supply(*place), 0.0, "{}", said());
    }
    assert_eq!((wasm::complete(), wasm::commit(now())), (1, 0.0));
    assert_eq!(code(ask(&text(&["keys", "plain"]), None, NONE)), "valid");
}

#[wasm_bindgen_test]
fn identities_are_those_of_the_tree_that_was_asked() {
    serve();
    let later = now() + 43_210.0;
    let packed = ask(&text(&["keys", "leaving"]), None, NONE);
    let before = wasm::generation();
    take(&bytes(&["snapshots", "second", "bundle"]), later).unwrap();
    assert_eq!(wasm::generation(), before + 1);
    for generation in [before, before + 1] {
        assert!(told(wasm::identity(packed, generation)).contains("leaving"));
    }
    assert_eq!((wasm::identity(packed, before + 2), wasm::identity(packed, u32::MAX)), (0.0, 0.0));
    for generation in [before, before + 1] {
        wasm::release(generation);
    }
    assert_eq!(wasm::identity(packed, before), 0.0);
    assert!(told(wasm::identity(packed, before + 1)).contains("leaving"), "what serves is not let go");
}

/// What is left of one input does not stand in the next.
#[wasm_bindgen_test]
fn input_is_written_where_the_one_before_it_lay() {
    open(CONFIG);
    let (first, second) = (wasm::input(30_000), wasm::input(20_000));
    assert_eq!(first, second);
    write(second, &[7; 20_000]);
    assert_ne!(wasm::input(1 << 20), 0);
    give(&bytes(&["snapshots", "first", "head"]));
    assert!(wasm::offer(now()) > 3.0, "{}", said());
}

#[wasm_bindgen_test]
fn a_patch_that_is_none_leaves_another_way_open() {
    serve();
    let later = now() + 43_210.0;
    let second = bytes(&["snapshots", "second", "bundle"]);
    give(&second[..1000]);
    assert!(wasm::offer(later) > 3.0);
    for patch in [&b""[..], b"ELPT\x02\0\0\0", &[9; 200]] {
        assert_eq!(wasm::begin(later), 0.0);
        give(patch);
        assert!(accepted(wasm::patch()).is_err());
        assert_eq!((wasm::working(), wasm::complete()), (0, 0));
    }
    feed(&second, later).unwrap();
    assert_eq!(ask_at(&text(&["keys", "leaving"]), later), "revoked");
}

#[wasm_bindgen_test]
fn heads_and_roots() {
    serve();
    let later = now() + 43_210.0;
    let offer = |name: &str| {
        give(&bytes(&["snapshots", name, "head"]));
        wasm::offer(later)
    };
    assert_eq!((offer("first"), offer("renewed"), wasm::epoch()), (0.0, 1.0, 8.0));
    assert_eq!((offer("first"), said().split(':').next()), (-1.0, Some("rollback")));
    let room = |name: &str| {
        let bundle = bytes(&["snapshots", name, "bundle"]).len() as f64;
        3.0 + bundle..3.0 + 2.0 * 1024.0 * 1024.0
    };
    assert_eq!(offer("rotated"), 2.0);
    let rotated = bytes(&["snapshots", "rotated", "bundle"]);
    assert_eq!(wasm::begin(later), -1.0, "nothing was offered that could be begun");
    assert!(room("second").contains(&offer("second")));
    give(&[0; 40]);
    assert_eq!((wasm::stage_root(), said().split(':').next()), (-1.0, Some("bad_magic")));
    give(&bytes(&["roots", "1"]));
    assert_eq!(wasm::stage_root(), 2.0);
    take(&rotated, later).unwrap();
    assert_eq!((wasm::root_version(), wasm::epoch()), (2, 10.0));
    assert_eq!((wasm::floor(), said()), (1, "2:10".to_owned()));
    assert_eq!((wasm::commit(later), wasm::check(1), wasm::begin(later)), (-1.0, -1.0, -1.0));
}

#[wasm_bindgen_test]
fn configuration_is_checked_before_anything_else() {
    for (config, reason) in [("mask_ip=maybe", "bad_config"), ("nonsense", "bad_config"), ("grace=99999999", "bad_config")] {
        let root = bytes(&["roots", "0"]);
        give(&[root.as_slice(), config.as_bytes()].concat());
        assert_eq!(wasm::open(u32::try_from(root.len()).unwrap()), -1.0);
        assert!(said().starts_with(reason), "{}", said());
    }
    give(&[0xff; 40]);
    assert_eq!(wasm::open(u32::MAX), -1.0);
}

/// A lazy edge begins with the first pieces of a bundle, is told what it may fetch, and by which line.
#[wasm_bindgen_test]
fn a_lazy_edge_fetches_what_requests_need() {
    open(&format!("{CONFIG}lazy=262144\nfetches=1\n"));
    let bundle = bytes(&["snapshots", "first", "bundle"]);
    give(&bundle[..4096.min(bundle.len())]);
    assert!(wasm::offer(now()) > 3.0 && wasm::begin(now()) == 0.0);
    let tree = bundle[bundle.len() - wasm::stage_bytes() as usize..].to_vec();
    let (mut fed, mut needs) = (0, 1);
    while wasm::complete() == 0 {
        assert_eq!((wasm::ready(), needs), (0, 1));
        give(&bundle[fed..fed + 10]);
        assert_eq!(wasm::feed(), 0.0, "{}", said());
        (fed, needs) = (fed + 10, wasm::stage_needs(0, 9));
    }
    assert!(fed < bundle.len() && wasm::ready() == 1);
    assert_eq!((wasm::commit(now()), wasm::needs(0, 9), wasm::lazy_stats()), (0.0, 0, 1));
    assert_eq!(said(), "0 0 0 0 0 0");
    let key = text(&["keys", "plain"]);
    let (mut fetched, mut granted) = (0, 0.0);
    let packed = loop {
        let packed = ask(&key, None, NONE);
        if code(packed) != "shard_needed" {
            break packed;
        }
        // Its record is found with the shard, so it is no stranger then.
        granted += 1.0;
        assert_eq!(wasm::fetch(packed, now() + granted), 1.0);
        let line = said();
        let [place, length, offset, digest] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((place, digest.len()), (((packed / 1024.0) as u32 - 1).to_string().as_str(), 64));
        let (length, offset): (usize, usize) = (length.parse().unwrap(), offset.parse().unwrap());
        give(&tree[offset..offset + length]);
        assert_eq!(wasm::supply(place.parse().unwrap()), 0.0);
        assert_eq!(wasm::fetch(packed, now()), 2.0, "it is here");
        fetched += length;
    };
    assert_eq!((code(packed), wasm::lazy_stats()), ("valid", 1));
    assert_eq!(said(), format!("{granted} {fetched} 0 0 {granted} 0"));
    for none in [packed, 0.0, -1.0, f64::NAN, f64::INFINITY, 18.0] {
        assert_eq!(accepted(wasm::fetch(none, now())), Err("bad_reference".to_owned()), "{none}");
    }
    open(CONFIG);
    assert_eq!(wasm::lazy_stats(), 0);
}

/// Made-up keys get no more than flows in.
#[wasm_bindgen_test]
fn a_fetch_is_refused_for_the_present() {
    open("lazy=262144\nfetches=1\n");
    let bundle = bytes(&["snapshots", "first", "bundle"]);
    give(&bundle[..4096.min(bundle.len())]);
    assert!(wasm::offer(now()) > 3.0 && wasm::begin(now()) == 0.0);
    for piece in bundle.chunks(10) {
        if wasm::complete() == 1 {
            break;
        }
        give(piece);
        assert_eq!(wasm::feed(), 0.0);
    }
    assert_eq!(wasm::commit(now()), 0.0);
    let packed = ask(&text(&["keys", "stranger"]), None, NONE);
    assert_eq!(code(packed), "shard_needed");
    assert_eq!([0.0, 0.0, 1.0, 1.0].map(|later| wasm::fetch(packed, now() + later)), [1.0, 0.0, 1.0, 0.0]);
    wasm::lazy_stats();
    assert_eq!(said(), "0 0 0 0 2 2");
}
