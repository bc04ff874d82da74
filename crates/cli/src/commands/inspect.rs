//! `edgelatch inspect`: what the bytes of an object say, by the core's own decoders. Nothing is proven here.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use edgelatch_core::bundle::{self, Part};
use edgelatch_core::error::Error;
use edgelatch_core::head::Head;
use edgelatch_core::hex::Hex;
use edgelatch_core::key::KeyId;
use edgelatch_core::patch::{self, Outline};
use edgelatch_core::policy::{AllowMode, Order, PolicyView};
use edgelatch_core::root::Root;
use edgelatch_core::signed::RoleKeys;
use edgelatch_core::tree::chunk::{Chunk, EntryView, Table};
use edgelatch_core::tree::directory::Directory;
use edgelatch_core::tree::page::Page;
use edgelatch_core::tree::shard::{Shard, Terms};
use edgelatch_core::tree::top::Top;
use edgelatch_core::tree::{ObjectId, Place, Slot};
use edgelatch_registry::{Word, format_time};
use serde_json::Value;

use crate::prelude::*;

/// Show any published file as JSON: root, head, bundle, patch, or an object of a tree
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch inspect edgelatch-data/published/r/acme/head
  curl -s https://keys.example.com/r/acme/bundle | edgelatch inspect - --records

Shows what the bytes say. Nothing is proven: use `verify` for that.")]
pub(crate) struct Inspect {
    /// The object, or - for standard input
    file: PathBuf,
    /// Show every record of a bundle
    #[arg(long)]
    records: bool,
    /// The bundle that a shard belongs to, to name roles and services
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

impl Inspect {
    pub(crate) fn run(self, _: &Context) -> Result<ExitCode> {
        let bytes = read(&self.file)?;
        let bundle = self.bundle.as_deref().map(read).transpose()?;
        let name = self.file.display().to_string();
        let fail = |error| Failure::core(&name, &error);
        let mut shown = match bytes.first_chunk::<4>() {
            Some(b"ELRT") => Root::open(&bytes).map(|r| root(&r)),
            Some(b"ELHD") => Head::inspect(&bytes).map(|h| head(&h)),
            Some(b"ELTP") => Top::parse(&bytes).map(|t| top(&t)),
            Some(b"ELPG") => Page::parse(&bytes).map(|p| page(&p)),
            Some(b"ELDR") => Directory::parse(&bytes).map(|d| self::directory(&d)),
            Some(b"ELCH") => Chunk::inspect(&bytes).map(|(table, number, c)| chunk(table, number, &c)),
            Some(b"ELSH") => {
                let parts = bundle.as_deref().map(bundle::parts).transpose().map_err(fail)?;
                let entries = parts.as_deref().map(entries).transpose().map_err(fail)?;
                Shard::inspect(&bytes).map(|s| shard(&s, entries.as_ref()))
            }
            Some(b"ELPT") => patch::outline(&bytes).map(|p| steps(&p)),
            Some(b"ELBN") => whole(&bytes, self.records),
            _ => {
                let says = format!("{name}: not an Edgelatch object: give a root, head, bundle, patch or an object of a tree");
                return Err(Failure::usage(says));
            }
        }
        .map_err(fail)?;
        shown["bytes"] = bytes.len().into();
        shown["sha256"] = ObjectId::of(&bytes).to_string().into();
        output::json(&shown);
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads a file, or standard input for `-`.
fn read(path: &Path) -> Result<Vec<u8>> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|error| Failure::file(path, &error))
}

fn time(at: u64) -> Value {
    json!({ "unix": at, "time": format_time(at) })
}

fn root(root: &Root) -> Value {
    let hex = |keys: &RoleKeys| keys.keys().map(|key| Hex(key).to_string()).collect::<Vec<_>>();
    let role = |keys: &RoleKeys| json!({ "threshold": keys.threshold(), "keys": hex(keys) });
    json!({
        "object": "root", "realm": root.realm, "version": root.version, "issued_at": time(root.issued_at),
        "expires_at": time(root.expires_at), "era": root.era, "min_epoch": root.min_epoch, "root": role(&root.root), "publisher": role(&root.publisher),
    })
}

fn head(head: &Head) -> Value {
    json!({
        "object": "head", "realm": head.realm, "root_version": head.root_version, "epoch": head.epoch,
        "issued_at": time(head.issued_at), "not_after": time(head.not_after), "tree": head.tree.to_string(),
        "tree_bytes": head.tree_bytes, "records": head.records,
    })
}

fn slot(slot: Slot) -> Value {
    json!({ "digest": slot.id.to_string(), "bytes": slot.length })
}

fn top(top: &Top<'_>) -> Value {
    json!({
        "object": "top page", "shard_bits": top.shard_bits, "shards": 1u32 << top.shard_bits, "records": top.records,
        "directory": slot(top.directory), "pages": top.pages.iter().map(slot).collect::<Vec<_>>(),
    })
}

fn page(page: &Page<'_>) -> Value {
    json!({ "object": "index page", "shards": page.shards.iter().map(slot).collect::<Vec<_>>() })
}

fn directory(directory: &Directory<'_>) -> Value {
    let mut value = json!({
        "object": "directory", "credentials": directory.credentials.names().collect::<Vec<_>>(), "imports": directory.imports,
        "pepper_id": directory.pepper.map(|pepper| pepper.to_string()),
    });
    for table in Table::ALL {
        let chunk = |(number, of): (u32, Slot)| json!({ "chunk": number, "digest": of.id.to_string(), "bytes": of.length });
        value[table.name().replace(' ', "_")] = directory.chunks(table).map(chunk).collect();
    }
    value
}

/// What stands under the numbers of a tree's directory.
type Entries<'a> = BTreeMap<(Table, u32), EntryView<'a>>;

fn numbered<'a>(table: Table, chunk: u32, found: &Chunk<'a>) -> Entries<'a> {
    let number = |place: usize| chunk.saturating_mul(64).saturating_add(u32::try_from(place).unwrap_or(u32::MAX));
    found.entries().filter_map(|(place, entry)| Some(((table, number(place)), table.view(entry)?))).collect()
}

/// The entries of a bundle.
fn entries<'a>(parts: &[Part<'a>]) -> std::result::Result<Entries<'a>, Error> {
    let mut all = Entries::new();
    for part in parts {
        if let Place::Chunk(..) = part.place {
            let (table, number, chunk) = Chunk::inspect(part.bytes)?;
            all.extend(numbered(table, number, &chunk));
        }
    }
    Ok(all)
}

fn chunk(table: Table, number: u32, chunk: &Chunk<'_>) -> Value {
    let all = numbered(table, number, chunk);
    let shown = |((_, number), entry): (&(Table, u32), &EntryView<'_>)| {
        let mut value = self::entry(entry);
        value["number"] = (*number).into();
        value
    };
    json!({ "object": "chunk", "table": table.name(), "chunk": number, "entries": all.iter().map(shown).collect::<Vec<_>>() })
}

fn entry(entry: &EntryView<'_>) -> Value {
    match entry {
        EntryView::Role(role) => json!({ "name": role.name, "permissions": role.patterns().collect::<Vec<_>>() }),
        EntryView::RoleSet(set) => json!({ "roles": set.iter().collect::<Vec<_>>() }),
        EntryView::Scope(scope) => json!({ "services": scope.services().collect::<Vec<_>>() }),
        EntryView::Policy(of) => policy(of),
    }
}

fn shard(shard: &Shard<'_>, entries: Option<&Entries<'_>>) -> Value {
    let records: Vec<Value> = (0..shard.count()).map(|i| record(shard, i, entries)).collect();
    json!({ "object": "shard", "records": records })
}

/// One record. Without the bundle, what it refers to is shown by its numbers.
fn record(shard: &Shard<'_>, i: usize, entries: Option<&Entries<'_>>) -> Value {
    let terms = shard.terms(i);
    let validity = terms.map(|terms| terms.validity).unwrap_or_default();
    let bound = |at: u64| (at != 0).then(|| time(at));
    let mut value = json!({
        "digest": shard.digest16(i).map(|d| Hex(&d).to_string()), "key_id": shard.key_id(i).map(|id| KeyId(id).to_string()),
        "revoked": validity.revoked, "owner_disabled": validity.owner_disabled, "not_before": bound(validity.not_before),
        "expires_at": bound(validity.expires_at),
    });
    if let Some(labels) = shard.labels(i) {
        value["org"] = labels.org.into();
        value["owner"] = labels.owner.into();
        value["name"] = labels.name.into();
        value["metadata"] = serde_json::from_str(labels.metadata).unwrap_or(Value::Null);
    }
    if let Some(terms) = terms {
        match entries {
            None => {
                value["role_set"] = terms.role_set.into();
                value["scope_number"] = terms.scope.into();
                value["policy_number"] = terms.policy.into();
            }
            Some(entries) => name_terms(&mut value, terms, entries),
        }
    }
    value
}

/// Roles, scope and IP policy of a record. What its numbers do not lead to is null.
fn name_terms(value: &mut Value, terms: Terms, entries: &Entries<'_>) {
    let named = |role: u32| match entries.get(&(Table::Roles, role)) {
        Some(EntryView::Role(role)) => role.name.into(),
        _ => Value::Null,
    };
    value["roles"] = match entries.get(&(Table::RoleSets, terms.role_set)) {
        Some(EntryView::RoleSet(set)) => set.iter().map(named).collect(),
        _ if terms.role_set == 0 => json!([]),
        _ => Value::Null,
    };
    value["scope"] = match entries.get(&(Table::Scopes, terms.scope)) {
        Some(EntryView::Scope(scope)) => scope.services().collect(),
        _ if terms.scope == 0 => "all".into(),
        _ => Value::Null,
    };
    value["ip_policy"] = entries.get(&(Table::Policies, terms.policy)).map(entry).into();
}

fn steps(patch: &Outline) -> Value {
    let step = |(place, bytes): &(Place, usize)| {
        let (kind, index) = place.name();
        json!({ "object": kind, "number": index, "bytes": bytes })
    };
    json!({
        "object": "patch", "from": patch.from.to_string(), "to": patch.to.to_string(),
        "steps": patch.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn policy(policy: &PolicyView<'_>) -> Value {
    let (mode, order): (AllowMode, Order) = (policy.allow_mode(), policy.order());
    json!({
        "allow_mode": mode.word(), "order": order.word(),
        "allow": policy.allow().map(|c| c.to_string()).collect::<Vec<_>>(),
        "deny": policy.deny().map(|c| c.to_string()).collect::<Vec<_>>(),
    })
}

fn whole(bytes: &[u8], records: bool) -> std::result::Result<Value, Error> {
    let parts = bundle::parts(bytes)?;
    let entries = entries(&parts)?;
    let roles = entries.iter().filter(|((table, _), _)| *table == Table::Roles).map(|(_, role)| entry(role));
    let mut value = json!({
        "object": "bundle", "head": head(&Head::inspect(bundle::head_bytes(bytes)?)?), "roles": roles.collect::<Vec<_>>(),
    });
    let (mut counts, mut all) = ([0u32; 3], Vec::new());
    for part in &parts {
        match part.place {
            Place::Top => value["top"] = top(&Top::parse(part.bytes)?),
            Place::Directory => value["directory"] = directory(&Directory::parse(part.bytes)?),
            Place::Page(_) => counts[0] += 1,
            Place::Chunk(..) => counts[1] += 1,
            Place::Shard(_) => {
                counts[2] += 1;
                let shard = Shard::inspect(part.bytes)?;
                if records {
                    all.extend((0..shard.count()).map(|i| record(&shard, i, Some(&entries))));
                }
            }
        }
    }
    for (name, count) in ["pages", "chunks", "shards"].into_iter().zip(counts) {
        value[name] = count.into();
    }
    if records {
        value["records"] = all.into();
    }
    Ok(value)
}
