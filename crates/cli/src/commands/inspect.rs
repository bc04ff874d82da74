//! `edgelatch inspect`: what the bytes of an object say, by the core's own decoders. Nothing is proven here.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use edgelatch_core::bundle;
use edgelatch_core::error::Error;
use edgelatch_core::head::Head;
use edgelatch_core::hex::Hex;
use edgelatch_core::key::KeyId;
use edgelatch_core::policy::{AllowMode, Order, PolicyView};
use edgelatch_core::root::Root;
use edgelatch_core::signed::RoleKeys;
use edgelatch_core::tree::ObjectId;
use edgelatch_core::tree::directory::{Directory, ScopeView};
use edgelatch_core::tree::page::Page;
use edgelatch_core::tree::shard::Shard;
use edgelatch_core::tree::top::Top;
use edgelatch_registry::{Word, format_time};
use serde_json::Value;

use crate::prelude::*;

/// Show any published object as JSON: root, head, bundle, top page, index page, directory, shard
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
    /// The directory object that a shard belongs to, to name roles and services
    #[arg(long, value_name = "FILE")]
    directory: Option<PathBuf>,
}

impl Inspect {
    pub(crate) fn run(self, _: &Context) -> Result<ExitCode> {
        let bytes = read(&self.file)?;
        let directory = self.directory.as_deref().map(read).transpose()?;
        let name = self.file.display().to_string();
        let fail = |error| Failure::core(&name, &error);
        let mut shown = match bytes.first_chunk::<4>() {
            Some(b"ELRT") => Root::open(&bytes).map(|r| root(&r)),
            Some(b"ELHD") => Head::inspect(&bytes).map(|h| head(&h)),
            Some(b"ELTP") => Top::parse(&bytes).map(|t| top(&t)),
            Some(b"ELPG") => Page::parse(&bytes).map(|p| page(&p)),
            Some(b"ELDR") => Directory::parse(&bytes).map(|d| self::directory(&d)),
            Some(b"ELSH") => {
                let directory = directory.as_deref().map(Directory::parse).transpose().map_err(fail)?;
                Shard::inspect(&bytes).map(|s| shard(&s, directory.as_ref()))
            }
            Some(b"ELBN") => whole(&bytes, self.records),
            _ => {
                let says = format!("{name}: not an Edgelatch object: give a root, head, bundle, page, directory or shard");
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

fn top(top: &Top<'_>) -> Value {
    let page = |i: usize| {
        let digest = top.page_id(i).map(|id| id.to_string());
        json!({ "digest": digest, "shards_start": top.page_start(i), "shards_end": top.page_end(i) })
    };
    json!({
        "object": "top page", "shard_bits": top.shard_bits, "shards": top.shard_count(), "records": top.records,
        "directory": top.directory.to_string(), "directory_bytes": top.directory_len,
        "pages": (0..top.page_count()).map(page).collect::<Vec<_>>(),
    })
}

fn page(page: &Page<'_>) -> Value {
    let shard = |i: usize| {
        let range = page.shard_range(i).unwrap_or_default();
        json!({ "digest": page.shard_id(i).map(|id| id.to_string()), "start": range.start, "end": range.end })
    };
    json!({ "object": "index page", "shards": (0..page.count()).map(shard).collect::<Vec<_>>() })
}

fn directory(directory: &Directory<'_>) -> Value {
    let role = |role: edgelatch_core::tree::directory::RoleView<'_>| json!({ "name": role.name, "permissions": role.patterns(directory).collect::<Vec<_>>() });
    json!({
        "object": "directory", "credentials": directory.credentials.names().collect::<Vec<_>>(), "imports": directory.imports,
        "pepper_id": (directory.pepper_id != 0).then_some(directory.pepper_id),
        "services": directory.services().collect::<Vec<_>>(), "roles": directory.roles().map(role).collect::<Vec<_>>(),
    })
}

fn shard(shard: &Shard<'_>, directory: Option<&Directory<'_>>) -> Value {
    let records: Vec<Value> = (0..shard.count()).map(|i| record(shard, i, directory)).collect();
    json!({ "object": "shard", "records": records })
}

/// One record. Without the directory, roles and scope are shown as its references.
fn record(shard: &Shard<'_>, i: usize, directory: Option<&Directory<'_>>) -> Value {
    let validity = shard.validity(i).unwrap_or_default();
    let bound = |at: u64| (at != 0).then(|| time(at));
    let mut value = json!({
        "digest": shard.digest16(i).map(|d| Hex(&d).to_string()), "key_id": shard.key_id(i).map(|id| KeyId(id).to_string()),
        "revoked": validity.revoked, "owner_disabled": validity.owner_disabled, "not_before": bound(validity.not_before),
        "expires_at": bound(validity.expires_at), "ip_policy": shard.policy(i).flatten().map(|p| policy(&p)),
    });
    if let Some(labels) = shard.labels(i) {
        value["org"] = labels.org.into();
        value["owner"] = labels.owner.into();
        value["name"] = labels.name.into();
        value["metadata"] = serde_json::from_str(labels.metadata).unwrap_or(Value::Null);
    }
    match directory {
        None => {
            value["role_set"] = shard.role_set(i).into();
            value["scope_ref"] = shard.scope(i).into();
        }
        Some(directory) => {
            let names = directory.role_set(shard.role_set(i)).into_iter().flat_map(|set| set.iter());
            value["roles"] = names.map(|r| json!(directory.role(r).map(|role| role.name))).collect();
            value["scope"] = match directory.scope(shard.scope(i)) {
                Some(ScopeView::All) => "all".into(),
                Some(ScopeView::List(list)) => list.iter().map(|s| json!(directory.service(s))).collect(),
                None => Value::Null,
            };
        }
    }
    value
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
    let its_directory = Directory::parse(parts.directory)?;
    let mut value = json!({
        "object": "bundle", "head": head(&Head::inspect(parts.head)?), "top": top(&Top::parse(parts.top)?),
        "directory": directory(&its_directory), "pages": parts.pages.len(), "shards": parts.shards.len(),
    });
    if records {
        let mut all = Vec::new();
        for bytes in &parts.shards {
            let shard = Shard::inspect(bytes)?;
            all.extend((0..shard.count()).map(|i| record(&shard, i, Some(&its_directory))));
        }
        value["records"] = all.into();
    }
    Ok(value)
}
