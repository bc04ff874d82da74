//! The files of `tests/vectors/`, row by row. They are written by `cargo xtask vectors`; another reader of them is
//! `tests/conformance/reader.py`.

mod lazy;
mod travel;

use base64::{Engine, prelude::BASE64_STANDARD};
use edgelatch_core::bundle;
use edgelatch_core::client_ip::ClientIpRule;
use edgelatch_core::edge::{Edge, HostConfig, Location, Offer, RequirementId};
use edgelatch_core::error::Error;
use edgelatch_core::head::Head;
use edgelatch_core::http;
use edgelatch_core::ip::Ip;
use edgelatch_core::key::{self, KeyId, KeyText, Pepper};
use edgelatch_core::permission;
use edgelatch_core::policy::{AllowMode, Order, PolicyView};
use edgelatch_core::root::Root;
use edgelatch_core::signed::RoleKeys;
use edgelatch_core::tree::chunk::{Chunk, EntryView};
use edgelatch_core::tree::directory::Directory;
use edgelatch_core::tree::shard::Shard;
use edgelatch_core::tree::{ObjectId, Place, Table};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn rows<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let rows = value[name].as_array().unwrap();
    assert!(!rows.is_empty(), "{name} is empty");
    rows
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn base64(value: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn edge(root: &[u8], config: &str) -> Result<Edge, Error> {
    Edge::new(root, HostConfig::parse(config).unwrap())
}

fn update(edge: &mut Edge, roots: &[&[u8]], bundle: &[u8], now: u64) -> Result<(), Error> {
    let mut staged = edge.stage(roots, bundle.to_vec(), now)?;
    while staged.check(1000)? > 0 {}
    edge.commit(staged, now)
}

fn code<T>(result: Result<T, Error>) -> &'static str {
    result.err().map_or("accepted", |error| error.code())
}

#[test]
fn key_texts_ids_and_digests() {
    let keys = file("keys.json");
    for row in rows(&keys, "texts") {
        let bytes = row["hex"].as_str().map_or_else(|| text(row, "text").as_bytes().to_vec(), unhex);
        let issued = KeyText::parse(&bytes).is_ok();
        assert_eq!(issued, row["issued"], "{row}");
        assert_eq!(issued || KeyText::parse_imported(&bytes).is_ok(), row["imported"], "{row}");
    }
    for row in rows(&keys, "ids") {
        let parsed = text(row, "text").parse::<KeyId>().ok();
        assert_eq!(parsed.map(|id| id.0.to_string()).as_deref(), row["value"].as_str(), "{row}");
        assert!(parsed.is_none_or(|id| id.to_string() == text(row, "text")), "{row}");
    }
    for row in rows(&keys, "digests") {
        let digest = key::digest(text(row, "text").as_bytes());
        assert_eq!(hex(&digest), text(row, "digest"));
        let pepper = Pepper::new(&unhex(text(row, "pepper"))).unwrap();
        assert_eq!(hex(&pepper.apply(&digest)), text(row, "peppered"));
        assert_eq!(pepper.id().to_string(), text(row, "pepper_id"));
    }
}

#[test]
fn permissions_and_patterns() {
    let permissions = file("permissions.json");
    for row in rows(&permissions, "matches") {
        let granted = permission::matches(text(row, "pattern").as_bytes(), text(row, "permission").as_bytes());
        assert_eq!(granted, row["granted"], "{row}");
    }
    for row in rows(&permissions, "forms") {
        let bytes = text(row, "text").as_bytes();
        assert_eq!(permission::is_pattern(bytes), row["pattern"], "{row}");
        assert_eq!(permission::is_permission(bytes), row["permission"], "{row}");
    }
}

#[test]
fn addresses() {
    for row in rows(&file("addresses.json"), "addresses") {
        let canonical = Ip::parse(text(row, "text").as_bytes()).ok().map(|ip| ip.to_string());
        assert_eq!(canonical.as_deref(), row["canonical"].as_str(), "{row}");
    }
}

#[test]
fn paths() {
    for row in rows(&file("paths.json"), "paths") {
        assert_eq!(http::normalize_path(text(row, "path").as_bytes()).as_deref(), row["normal"].as_str(), "{row}");
    }
}

#[test]
fn targets_and_hosts() {
    let requests = file("requests.json");
    for row in rows(&requests, "targets") {
        let bytes = format!("\nGET {}", text(row, "target"));
        let block = http::Block::parse(bytes.as_bytes()).unwrap();
        let read = |part: Option<&[u8]>| part.map_or(Value::Null, |part| str::from_utf8(part).unwrap().into());
        let found = json!({
            "target": row["target"], "path": read(Some(block.path())), "query": read(block.query()),
            "authority": read(block.authority()),
        });
        assert_eq!(found, *row);
    }
    for row in rows(&requests, "hosts") {
        let bytes = format!("\nGET /\nHost:{}", text(row, "host"));
        assert_eq!(http::host_ok(&http::Block::parse(bytes.as_bytes()).unwrap()), row["good"], "{row}");
    }
    for row in rows(&requests, "lines") {
        let lines: String =
            row["lines"].as_array().unwrap().iter().map(|line| format!("{}\n", line.as_str().unwrap())).collect();
        let bytes = format!("\nGET /\n{lines}");
        assert_eq!(http::host_ok(&http::Block::parse(bytes.as_bytes()).unwrap()), row["good"], "{row}");
    }
}

#[test]
fn route_tables() {
    let (tables, realms) = (file("routes.json"), file("realms.json"));
    let mut edge = edge(&base64(&realms["roots"][0]["bytes"]), "").unwrap();
    for table in rows(&tables, "tables") {
        let routes = edge.compile_routes(text(table, "table")).unwrap();
        for row in rows(table, "requests") {
            let bytes = format!("\n{} {}", text(row, "method"), text(row, "target"));
            let found = edge.required(&http::Block::parse(bytes.as_bytes()).unwrap(), routes);
            let demanded = row["demand"].as_str().map(|demand| {
                let part = |name: &str| demand.split('\t').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
                if demand == "deny" { RequirementId::DENY } else { edge.compile(part("service"), part("permission")) }
            });
            assert_eq!(found, demanded, "{row}");
        }
    }
    for table in rows(&tables, "refused") {
        assert!(edge.compile_routes(table.as_str().unwrap()).is_err(), "{table}");
    }
}

#[test]
fn client_addresses() {
    for row in rows(&file("clients.json"), "clients") {
        let rule = ClientIpRule::parse(text(row, "rule")).unwrap();
        let lines: Vec<_> = row["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let given = |name: &str| row[name].as_str().map(str::as_bytes);
        let found = rule.derive(given("peer"), given("proxy_line"), http::Lines::new(lines.join("\n").as_bytes()));
        assert_eq!(found.map(|ip| ip.to_string()).as_deref(), row["client"].as_str(), "{row}");
    }
}

#[test]
fn roots() {
    let realms = file("realms.json");
    let mut last: Option<Root> = None;
    for row in rows(&realms, "roots") {
        let bytes = base64(&row["bytes"]);
        let root = match &last {
            None => Root::open(&bytes),
            Some(last) => last.follow(&bytes),
        };
        let root = root.unwrap();
        let keys =
            |role: &RoleKeys| json!({ "threshold": role.threshold(), "keys": role.keys().map(|k| hex(k)).collect::<Vec<_>>() });
        let found = json!({
            "name": row["name"], "bytes": row["bytes"], "realm": root.realm, "version": root.version, "issued_at": root.issued_at,
            "expires_at": root.expires_at, "era": root.era, "min_epoch": root.min_epoch, "root": keys(&root.root), "publisher": keys(&root.publisher),
        });
        assert_eq!(found, *row);
        last = Some(root);
    }
}

/// What stands under the numbers of a directory.
type Entries<'a> = BTreeMap<(Table, u32), EntryView<'a>>;

/// The entries of a chunk by their numbers.
fn entries(bytes: &[u8]) -> Entries<'_> {
    let (table, number, chunk) = Chunk::inspect(bytes).unwrap();
    chunk.entries().map(|(place, entry)| ((table, number * 64 + place as u32), table.view(entry).unwrap())).collect()
}

/// A record as the files tell it: without what has its default.
fn record(shard: &Shard<'_>, row: usize, entries: &Entries<'_>) -> Value {
    let (labels, terms) = (shard.labels(row).unwrap(), shard.terms(row).unwrap());
    let validity = terms.validity;
    // Number 0 is none.
    let entry = |table, number: u32| (number != 0).then(|| &entries[&(table, number)]);
    let role = |number| match entry(Table::Roles, number) {
        Some(EntryView::Role(role)) => role.name,
        _ => panic!("no role {number}"),
    };
    let mut roles: Vec<_> = match entry(Table::RoleSets, terms.role_set) {
        Some(EntryView::RoleSet(set)) => set.iter().map(role).collect(),
        _ => vec![],
    };
    roles.sort_unstable();
    let services = match entry(Table::Scopes, terms.scope) {
        Some(EntryView::Scope(scope)) => Some(scope.services().collect::<Vec<_>>()),
        _ => None,
    };
    let stored = match entry(Table::Policies, terms.policy) {
        Some(EntryView::Policy(policy)) => Some(*policy),
        _ => None,
    };
    let policy = |policy: PolicyView<'_>| {
        json!({
            "allow_mode": if policy.allow_mode() == AllowMode::List { "list" } else { "any" },
            "order": if policy.order() == Order::DenyFirst { "deny_first" } else { "allow_first" },
            "allow": policy.allow().map(|c| c.to_string()).collect::<Vec<_>>(),
            "deny": policy.deny().map(|c| c.to_string()).collect::<Vec<_>>(),
        })
    };
    let bound = |time: u64| (time != 0).then_some(time);
    let all = [
        ("digest16", json!(hex(&shard.digest16(row).unwrap())), Value::Null),
        ("id", json!(KeyId(shard.key_id(row).unwrap()).to_string()), Value::Null),
        ("org", json!(labels.org), json!("acme")),
        ("owner", json!(labels.owner), json!("alice")),
        ("owner_disabled", json!(validity.owner_disabled), json!(false)),
        ("name", json!(labels.name), json!("")),
        ("metadata", json!(labels.metadata), json!("")),
        ("revoked", json!(validity.revoked), json!(false)),
        ("not_before", json!(bound(validity.not_before)), Value::Null),
        ("expires_at", json!(bound(validity.expires_at)), Value::Null),
        ("roles", json!(roles), json!([])),
        ("services", json!(services), Value::Null),
        ("ip_policy", json!(stored.map(policy)), Value::Null),
    ];
    all.into_iter().filter(|(_, value, default)| value != default).map(|(name, value, _)| (name.to_owned(), value)).collect()
}

#[test]
fn bundles_hold_what_was_put_in() {
    for realm in rows(&file("realms.json"), "realms") {
        let bytes = base64(&realm["bundle"]);
        let parts = bundle::parts(&bytes).unwrap();
        let head = Head::inspect(bundle::head_bytes(&bytes).unwrap()).unwrap();
        let found = json!({
            "realm": head.realm, "root_version": head.root_version, "epoch": head.epoch, "issued_at": head.issued_at,
            "not_after": head.not_after, "tree": head.tree.to_string(), "tree_bytes": head.tree_bytes, "records": head.records,
        });
        assert_eq!(found, realm["head"]);
        let object = |part: &bundle::Part<'_>| {
            let kind = if let Place::Chunk(..) = part.place { "chunk" } else { part.place.name().0 };
            json!({ "kind": kind, "bytes": part.bytes.len(), "digest": ObjectId::of(part.bytes).to_string() })
        };
        assert_eq!(parts.iter().map(object).collect::<Value>(), realm["objects"]);

        let of_kind = |is: fn(&Place) -> bool| parts.iter().filter(move |part| is(&part.place)).map(|part| part.bytes);
        let entries: Entries<'_> = of_kind(|place| matches!(place, Place::Chunk(..))).flat_map(entries).collect();
        let mut roles: Vec<(&str, Vec<&str>)> = Vec::new();
        for entry in entries.values() {
            if let EntryView::Role(role) = entry {
                roles.push((role.name, role.patterns().collect()));
            }
        }
        roles.sort_unstable();
        let roles: Vec<_> = roles.iter().map(|(name, patterns)| json!({ "name": name, "patterns": patterns })).collect();
        let directory = Directory::parse(parts[1].bytes).unwrap();
        let found = json!({
            "credentials": directory.credentials.bits(), "imports": directory.imports, "pepper": directory.pepper.map(|id| id.to_string()),
            "roles": roles,
        });
        assert_eq!(found, realm["directory"]);

        let mut records = Vec::new();
        for bytes in of_kind(|place| matches!(place, Place::Shard(_))) {
            let shard = Shard::inspect(bytes).unwrap();
            records.extend((0..shard.count()).map(|row| record(&shard, row, &entries)));
        }
        let mut expected = realm["records"].clone();
        for record in expected.as_array_mut().unwrap() {
            let record = record.as_object_mut().unwrap();
            record.remove("text");
            record.remove("label");
        }
        assert_eq!(Value::from(records), expected, "{}", realm["name"]);
    }
}

/// An edge that serves a realm of `realms.json`.
fn serving(realms: &Value, realm: &Value, config: &str) -> Edge {
    let root = |name: &Value| base64(&rows(realms, "roots").iter().find(|root| root["name"] == *name).unwrap()["bytes"]);
    let roots: Vec<_> = rows(realm, "roots").iter().map(root).collect();
    let mut edge = edge(&roots[0], config).unwrap();
    let later: Vec<&[u8]> = roots[1..].iter().map(Vec::as_slice).collect();
    update(&mut edge, &later, &base64(&realm["bundle"]), realm["head"]["issued_at"].as_u64().unwrap()).unwrap();
    edge
}

#[test]
fn verifications() {
    let (realms, table) = (file("realms.json"), file("verifications.json"));
    for row in rows(&table, "rows") {
        let realm = rows(&realms, "realms").iter().find(|realm| realm["name"] == row["realm"]);
        let config = row["config"].as_str().or(realm.and_then(|r| r["config"].as_str())).unwrap_or("");
        let mut edge = match realm {
            Some(realm) => serving(&realms, realm, config),
            None => edge(&base64(&realms["roots"][0]["bytes"]), config).unwrap(),
        };
        let record = realm
            .and_then(|realm| realm["records"].as_array()?.iter().find(|r| !row["key"].is_null() && r["label"] == row["key"]));
        let key = record.map_or_else(|| text(row, "text"), |record| text(record, "text"));
        let now = row["now"].as_u64().or(table["now"].as_u64()).unwrap();
        let requirement = edge.compile(row["service"].as_str(), row["permission"].as_str());
        let outcome = edge.verify_key(key.as_bytes(), row["ip"].as_str().map(str::as_bytes), requirement, now);
        assert_eq!(outcome.code.name(), row["code"], "{row}");
        assert_eq!(u64::from(outcome.flags), row["flags"].as_u64().unwrap_or(0), "{row}");
        assert_eq!(outcome.pack(), row["packed"], "{row}");
        assert_eq!(Location::unpack(outcome.pack()), outcome.at, "{row}");
        assert_eq!(
            edge.explain_key(key.as_bytes(), row["ip"].as_str().map(str::as_bytes), requirement, now).0,
            outcome,
            "{row}"
        );
        if let (Some(at), Some(record)) = (outcome.at, record) {
            let identity = edge.identity(edge.generation(), at).unwrap();
            let or = |name: &str, default: &str| record[name].as_str().unwrap_or(default).to_owned();
            assert_eq!(identity.key_id.to_string(), text(record, "id"), "{row}");
            assert_eq!((identity.labels.org, identity.labels.owner), (&*or("org", "acme"), &*or("owner", "alice")), "{row}");
            assert_eq!((identity.labels.name, identity.labels.metadata), (&*or("name", ""), &*or("metadata", "")), "{row}");
            let mut roles: Vec<_> = identity.roles().collect();
            roles.sort_unstable();
            assert_eq!(json!(roles), record.get("roles").cloned().unwrap_or(json!([])), "{row}");
            assert_eq!(json!(identity.services()), record["services"], "{row}");
        }
    }
}

/// Applies `[at, removed, inserted]`.
fn edited(base: &[u8], edits: &Value) -> Vec<u8> {
    let (mut out, mut from) = (Vec::new(), 0);
    for edit in edits.as_array().unwrap() {
        let at = edit[0].as_u64().unwrap() as usize;
        out.extend_from_slice(&base[from..at]);
        out.extend(base64(&edit[2]));
        from = at + edit[1].as_u64().unwrap() as usize;
    }
    out.extend_from_slice(&base[from..]);
    out
}

#[test]
fn deployed_roots() {
    let updates = file("updates.json");
    let root = base64(&updates["root"]);
    for row in rows(&updates, "deployed") {
        assert_eq!(code(edge(&edited(&root, &row["edits"]), "")), row["code"], "{row}");
    }
}

#[test]
fn refused_bundles() {
    let updates = file("updates.json");
    let (root, bundle, served) = (base64(&updates["root"]), base64(&updates["bundle"]), base64(&updates["served"]));
    let mut hot = edge(&root, "").unwrap();
    update(&mut hot, &[], &served, updates["now"].as_u64().unwrap()).unwrap();
    for row in rows(&updates, "refused") {
        let bad = edited(&bundle, &row["edits"]);
        let now = row["now"].as_u64().or(updates["now"].as_u64()).unwrap();
        let mut cold = edge(&root, "").unwrap();
        for edge in [&mut cold, &mut hot] {
            let before = edge.head().cloned();
            let found = code(update(edge, &[], &bad, now));
            assert!(found != "accepted" && (row["code"].is_null() || found == row["code"]), "{found} {row}");
            assert_eq!(edge.head().cloned(), before, "{row}");
        }
    }
    update(&mut hot, &[], &bundle, updates["now"].as_u64().unwrap()).unwrap();
}

#[test]
fn scenarios() {
    let updates = file("updates.json");
    let object = |name: &Value| base64(&updates["objects"][name.as_str().unwrap()]);
    for scenario in rows(&updates, "scenarios") {
        let mut edge = edge(&object(&scenario["root"]), text(scenario, "config")).unwrap();
        for step in rows(scenario, "steps") {
            let roots: Vec<_> = step["roots"].as_array().into_iter().flatten().map(object).collect();
            let roots: Vec<&[u8]> = roots.iter().map(Vec::as_slice).collect();
            let now = step["now"].as_u64().or(updates["now"].as_u64()).unwrap();
            let mut room = None;
            let found = match step.get("offer") {
                None => code(update(&mut edge, &roots, &object(&step["bundle"]), now)),
                Some(offered) => match edge.offer(&roots, &object(offered), now) {
                    Ok(Offer::Unchanged) => "unchanged",
                    Ok(Offer::Renewed) => "renewed",
                    Ok(Offer::TreeNeeded { bundle_bytes }) => {
                        room = Some(bundle_bytes);
                        "tree_needed"
                    }
                    Ok(Offer::RootNeeded) => "root_needed",
                    Err(error) => error.code(),
                },
            };
            assert_eq!(found, step["expect"], "{}: {step}", scenario["name"]);
            assert_eq!(json!(room), step["bundle_bytes"], "{}: {step}", scenario["name"]);
            assert_eq!(json!(edge.head().map(|head| head.epoch)), step["epoch"], "{}: {step}", scenario["name"]);
            assert_eq!(edge.root_version(), step["root_version"], "{}: {step}", scenario["name"]);
        }
    }
}
