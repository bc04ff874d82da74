//! `edgelatch keys`

pub(crate) mod fields;
mod import;
mod secret;
pub(crate) mod show;

use std::process::ExitCode;

use edgelatch_registry::{Changed, Deletion, KeyOrder, Request, format_time};
use serde_json::json;

use self::fields::{filter, one_of, page};
use self::show::or_dash;
use crate::args::{KeyFilter, Keys, List, Paging, Which, Window};
use crate::context::{Context, Open, caller, confirmed, key_id};
use crate::failure::{Failure, Result};
use crate::output;

pub(crate) fn run(context: &Context, command: Keys) -> Result<ExitCode> {
    let open = context.open()?;
    match command {
        Keys::Create(args) => return secret::create(context, &open, &args),
        Keys::Rotate { key, overlap, confirm, secret } => {
            return secret::rotate(context, &open, &key, overlap.as_deref(), confirm, &secret);
        }
        Keys::Import(args) => return import::run(context, &open, &args),
        Keys::List(args) => list(context, &open, args)?,
        Keys::Show { key } => {
            let key = open.keys().get(key_id(&key)?)?;
            if context.json { output::json(&key) } else { show::show(&key) }
        }
        Keys::Edit(args) => {
            let key = key_id(&args.which.key)?;
            let edited = open.keys().edit(&caller()?, key, &fields::edit(&open, *args)?)?;
            report(context, &edited, ["changed", "unchanged:"]);
        }
        Keys::Revoke(key) => {
            let revoked = open.keys().revoke(&caller()?, key_id(&key.key)?, key.if_revision)?;
            let what = if revoked.deleted { "deleted, as revoking is set to do here:" } else { "revoked" };
            report(context, &revoked, [what, "already revoked:"]);
        }
        Keys::Enable(key) => {
            let enabled = open.keys().enable(&caller()?, key_id(&key.key)?, key.if_revision)?;
            report(context, &enabled, ["enabled", "already enabled:"]);
        }
        Keys::Delete { key, confirm } => delete(context, &open, &key, confirm)?,
        Keys::RevokeMany { filter, all, confirm } => revoke_many(context, &open, &filter, all, confirm)?,
        Keys::Requests { key, window, paging } => requests(context, &open, &key, &window, paging)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what became of a key: in the first words, or in the second where it was so already.
fn report(context: &Context, changed: &Changed, [done, already]: [&str; 2]) {
    let Changed { key, changed, deleted, warnings } = changed;
    if context.json {
        output::json(&json!({ "key": key, "changed": changed, "deleted": deleted, "warnings": warnings }));
    } else {
        let what = if *changed { done } else { already };
        output::line(format_args!("{what} {}  {}", key.key_id, key.name));
        output::warnings(warnings);
    }
}

fn list(context: &Context, open: &Open, args: List) -> Result<()> {
    let direction = args.direction.as_deref().map(|way| one_of("direction", way)).transpose()?;
    let order = KeyOrder { sort: Some(one_of("sort", &args.sort)?), direction };
    let listed = open.keys().list(&filter(&args.filter)?, order, &page(args.paging))?;
    if context.json {
        output::json(&listed);
    } else {
        show::table(listed.keys.iter());
        output::more(listed.next.as_deref());
    }
    Ok(())
}

fn delete(context: &Context, open: &Open, key: &Which, confirm: Option<String>) -> Result<()> {
    let id = key_id(&key.key)?;
    let before = open.keys().get(id)?;
    // A deletion cannot be taken back, so a person is asked either way; a program must know the name where the org says so.
    let deletion = open.tenants().org(&before.org)?.settings.deletion;
    let confirm = confirmed("deleting a key", &before, confirm, deletion != Deletion::None)?;
    let key = open.keys().delete(&caller()?, id, confirm.as_deref(), key.if_revision)?;
    if context.json {
        output::json(&json!({ "key": key, "deleted": true }));
    } else {
        output::line(format_args!("deleted {}  {}", key.key_id, key.name));
    }
    Ok(())
}

fn revoke_many(context: &Context, open: &Open, args: &KeyFilter, all: bool, confirm: Option<u64>) -> Result<()> {
    let filter = filter(args)?;
    let KeyFilter { org, owner, role, state, environment, expires_before, created_before, rotation_due, search } = args;
    let given = [org, owner, role, state, environment, expires_before, created_before, search];
    if (*rotation_due || given.iter().any(|part| part.is_some())) == all {
        return Err(Failure::usage("which keys? name a filter, such as --role or --search, or else --all"));
    }
    let revoked = open.keys().revoke_all(&caller()?, &filter, confirm)?;
    if context.json {
        output::json(&revoked);
        return Ok(());
    }
    if revoked.done {
        output::line(format_args!("revoked {} keys", revoked.matched));
        return Ok(());
    }
    if revoked.matched == 0 {
        output::line(format_args!("no key fits that is not revoked yet"));
        return Ok(());
    }
    show::table(revoked.sample.iter());
    let more = revoked.matched.saturating_sub(revoked.sample.len() as u64);
    let hidden = if more > 0 { format!(", {more} of them not shown") } else { String::new() };
    output::line(format_args!("{} keys fit{hidden}", revoked.matched));
    output::note(format_args!("nothing was changed; to revoke them: the same with --confirm {}", revoked.matched));
    Ok(())
}

fn requests(context: &Context, open: &Open, key: &str, window: &Window, paging: Paging) -> Result<()> {
    let page = open.usage().requests(key_id(key)?, &fields::window(window)?, &page(paging))?;
    if context.json {
        output::json(&page);
        return Ok(());
    }
    let row = |r: &Request| {
        let or_dash = |text: &Option<String>| or_dash(text.as_deref().unwrap_or_default());
        let (method, endpoint, code) = (r.method.clone(), r.endpoint.clone(), r.code.clone());
        vec![format_time(r.at), method, endpoint, or_dash(&r.ip), or_dash(&r.country), r.status.to_string(), code]
    };
    let head = ["TIME", "METHOD", "ENDPOINT", "IP", "COUNTRY", "STATUS", "VERDICT"];
    output::table(&head, &page.requests.iter().map(row).collect::<Vec<_>>());
    output::more(page.next.as_deref());
    Ok(())
}
