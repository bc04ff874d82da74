//! `edgelatch init`

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::signed::Role;
use edgelatch_registry::{Env, Name, NewRealm, Prefix, Slug, Sources, parse_span};
use edgelatch_sync::{Init, init};
use serde_json::json;

use super::keys::fields::one_of;
use crate::args;
use crate::context::{Context, caller};
use crate::failure::{Failure, Result};
use crate::output::{self, BOLD, RESET};

pub(crate) fn run(context: &Context, args: &args::Init) -> Result<()> {
    let realm = context.wanted_realm()?.map_or_else(|| Slug::parse("--realm", "main"), Ok)?;
    let now = Env::system().now()?;
    let new = Init {
        caller: caller()?,
        realm: NewRealm {
            name: Name::parse("--name", args.name.as_deref().unwrap_or(realm.as_str()))?,
            realm: realm.clone(),
            preset: one_of("--preset", &args.preset)?,
            prefix: args.prefix.as_deref().map(|prefix| Prefix::parse("--prefix", prefix)).transpose()?,
            sources: args.sources.as_deref().map(sources).transpose()?,
        },
        org: Slug::parse("--org", &args.org)?,
        owner: Slug::parse("--owner", &args.owner)?,
        root_lifetime: parse_span("--root-lifetime", &args.root_lifetime, now)?,
        head_lifetime: parse_span("--head-lifetime", &args.head_lifetime, now)?,
    };
    let begun = init(&context.dir, &new, Env::system)?;
    let root = URL_SAFE_NO_PAD.encode(&begun.root);
    let [root_key, publisher_key] = [Role::Root, Role::Publisher].map(|role| context.dir.key(role).display().to_string());
    let published = context.dir.realm(&realm).display().to_string();
    if context.json {
        output::json(&json!({
            "realm": realm, "root": root, "root_version": 1, "epoch": begun.published.epoch, "org": new.org, "owner": new.owner,
            "data": context.dir.path(), "root_key": root_key, "publisher_key": publisher_key, "published": published,
        }));
        return Ok(());
    }
    output::note(format_args!("Realm {BOLD}{realm}{RESET} with org {} and owner {}, epoch 1 published.", new.org, new.owner));
    output::note(format_args!("  root key       {root_key}   (move it offline; publishing does not need it)"));
    output::note(format_args!("  publisher key  {publisher_key}"));
    output::note(format_args!("  published      {published}"));
    output::note(format_args!("\nEdges are deployed with this root:\n"));
    output::line(format_args!("EDGELATCH_ROOT={root}"));
    Ok(())
}

fn sources(text: &str) -> Result<Sources> {
    let mut sources = Sources { bearer: false, x_api_key: false };
    for word in text.split(',') {
        match word {
            "bearer" => sources.bearer = true,
            "x-api-key" => sources.x_api_key = true,
            _ => return Err(Failure::usage("--sources: must be `bearer`, `x-api-key` or both with a comma between")),
        }
    }
    Ok(sources)
}
