//! `edgelatch init`

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::signed::Role;
use edgelatch_registry::{
    Database, Env, Error, Keep, Kind, Name, NewRealm, Prefix, Registry, Slug, Sources, management, parse_span,
};
use edgelatch_sync::{Init, Outcome, init_in, init_managed};
use serde_json::json;

use super::keys::fields::one_of;
use crate::args;
use crate::context::{Context, caller};
use crate::failure::{Failure, Result};
use crate::output::{self, BOLD, RESET};
use crate::secret_file::SecretFile;

pub(crate) fn run(context: &Context, args: &args::Init) -> Result<()> {
    let wanted = context.wanted_realm()?;
    let new = plan(wanted.clone(), args)?;
    let database = context.database()?;
    let fresh = database.path() == Some(&*context.dir.database()) && !context.dir.database().exists();
    let registry = if fresh { None } else { Some(open(&database, wanted.is_some())?) };
    let mut file = args.save_admin_key.as_deref().map(SecretFile::create).transpose()?;
    let keep: Keep<'_> = &mut |secret| file.as_mut().map_or(Ok(()), |file| file.put(secret));
    let outcome = match &registry {
        None => init_managed(&context.dir, &new, keep, Env::system),
        Some(registry) => init_in(&context.dir, registry, &new, keep),
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return Err(SecretFile::after(file, error.into())),
    };
    if outcome.begun.is_none() && outcome.admin.is_none() {
        return Err(Error::Exists { kind: Kind::Realm, id: new.realm.realm.to_string() }.into());
    }
    let saved = file.filter(|_| outcome.admin.is_some()).map(|file| file.keep().display().to_string());
    print(context, &new, &outcome, saved.as_deref());
    Ok(())
}

fn plan(realm: Option<Slug>, args: &args::Init) -> Result<Init> {
    let realm = realm.map_or_else(|| Slug::parse("realm", "main"), Ok)?;
    let now = Env::system().now()?;
    Ok(Init {
        caller: caller()?,
        realm: NewRealm {
            name: Name::parse("name", args.name.as_deref().unwrap_or(realm.as_str()))?,
            realm,
            preset: one_of("preset", &args.preset)?,
            prefix: args.prefix.as_deref().map(|prefix| Prefix::parse("prefix", prefix)).transpose()?,
            sources: args.credentials.as_deref().map(credentials).transpose()?,
        },
        org: Slug::parse("org", &args.org)?,
        owner: Slug::parse("owner", &args.owner)?,
        root_lifetime: parse_span("root_lifetime", &args.root_lifetime, now)?,
        head_lifetime: parse_span("head_lifetime", &args.head_lifetime, now)?,
    })
}

/// A registry outside the data directory, or one that exists: there a further realm is begun only by its name.
fn open(database: &Database, named: bool) -> Result<Arc<Registry>> {
    let registry = match Registry::connect(database, Env::system()) {
        Err(Error::NotInitialised { .. }) => Registry::establish(database, Env::system())?,
        opened => opened?,
    };
    if !named && registry.realms()?.iter().any(|r| r.realm.as_str() != management::REALM) {
        return Err(Error::AlreadyInitialised { path: database.to_string().into() }.into());
    }
    Ok(Arc::new(registry))
}

fn print(context: &Context, new: &Init, outcome: &Outcome, saved: Option<&str>) {
    let (realm, dir) = (&new.realm.realm, &context.dir);
    let root = outcome.begun.as_ref().map(|begun| URL_SAFE_NO_PAD.encode(&begun.root));
    let [root_key, publisher_key] = [Role::Root, Role::Publisher].map(|role| dir.key_of(realm, role).display().to_string());
    let published = dir.realm(realm).display().to_string();
    let admin_key = outcome.admin.as_ref().filter(|_| saved.is_none()).map(|made| made.secret.as_str());
    if context.json {
        output::json(&json!({
            "realm": realm, "root": root, "root_version": 1, "epoch": outcome.begun.as_ref().map(|b| b.published.epoch),
            "org": new.org, "owner": new.owner, "preset": new.realm.preset, "data": dir.path(), "root_key": root_key,
            "publisher_key": publisher_key, "published": published, "admin_key": admin_key, "admin_key_saved": saved,
            "admin_key_id": outcome.admin.as_ref().map(|made| made.key.key_id.to_string()),
        }));
        return;
    }
    if let Some(root) = root {
        let (org, owner) = (&new.org, &new.owner);
        output::note(format_args!("Realm {BOLD}{realm}{RESET} with org {org} and owner {owner}, epoch 1 published."));
        output::note(format_args!("  root key       {root_key}   (move it offline; publishing does not need it)"));
        output::note(format_args!("  publisher key  {publisher_key}"));
        output::note(format_args!("  published      {published}"));
        output::note(format_args!("\nEdges are deployed with this root:\n"));
        output::line(format_args!("EDGELATCH_ROOT={root}"));
    }
    if outcome.admin.is_none() {
        output::note(format_args!("\nThe management API has its first administrator key already: none was made."));
    }
    if let Some(path) = saved {
        output::note(format_args!("\nThe first administrator key of the management API is in {path}, and nowhere else."));
    }
    if let Some(key) = admin_key {
        output::note(format_args!("\nThe first administrator key of the management API, shown this once. Store it now:\n"));
        output::line(format_args!("EDGELATCH_ADMIN_KEY={key}"));
    }
}

fn credentials(text: &str) -> Result<Sources> {
    let mut headers = Sources { bearer: false, x_api_key: false };
    for word in text.split(',') {
        match word {
            "bearer" => headers.bearer = true,
            "x-api-key" => headers.x_api_key = true,
            _ => return Err(Failure::usage("--credentials: must be `bearer`, `x-api-key` or both with a comma between")),
        }
    }
    Ok(headers)
}
