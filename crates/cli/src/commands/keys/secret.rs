//! Commands that end with a new secret: `keys create` and `keys rotate`.

use std::process::ExitCode;

use edgelatch_registry::{Created, Handover, Idempotency, Keep, Key, Once, Rotate, format_time, parse_span};
use serde::Serialize;
use serde_json::json;

use super::fields::new_key;
use crate::args::{Create, SecretTo, Which};
use crate::context::{Context, Open, caller, confirmed, key_id};
use crate::failure::{Failure, Result};
use crate::output::{self, BOLD, DIM, RESET};
use crate::secret_file::SecretFile;

pub(super) fn create(context: &Context, open: &Open, args: &Create) -> Result<ExitCode> {
    let new = new_key(open, &args.name, &args.fields)?;
    let asked = ("keys create", &new.org, &new.owner, &args.name, &args.fields);
    make(context, &args.secret, &asked, "created", |once, keep| {
        Ok(open.keys().create(&caller()?, &new, Handover { once, keep: Some(keep) })?)
    })
}

pub(super) fn rotate(
    context: &Context,
    open: &Open,
    key: &Which,
    overlap: Option<&str>,
    confirm: Option<String>,
    secret: &SecretTo,
) -> Result<ExitCode> {
    let id = key_id(&key.key)?;
    let now = open.registry.env().now()?;
    let before = open.keys().get(id)?;
    let wanted = open.tenants().org(&before.org)?.settings.rotation_confirmed;
    let rotate = Rotate {
        overlap: overlap.map_or(Ok(0), |text| parse_span("overlap", text, now))?,
        confirm: confirmed("rotating a key", &before, confirm, wanted)?,
        if_revision: key.if_revision,
    };
    let asked = ("keys rotate", id.to_string(), overlap, &rotate.confirm, key.if_revision);
    make(context, secret, &asked, "rotated", |once, keep| {
        Ok(open.keys().rotate(&caller()?, id, &rotate, Handover { once, keep: Some(keep) })?)
    })
}

/// Makes a secret, and puts it into the file that was named or else on standard output. `asked` tells a repeated request from
/// another one.
fn make(
    context: &Context,
    to: &SecretTo,
    asked: &impl Serialize,
    what: &str,
    work: impl FnOnce(Option<&Idempotency>, Keep<'_>) -> Result<Once>,
) -> Result<ExitCode> {
    let once = to.idempotency_key.as_deref().map(|token| {
        let request = serde_json::to_vec(asked).map_err(|error| Failure::usage(error.to_string()))?;
        Ok::<_, Failure>(Idempotency::new(token, &request)?)
    });
    let once = once.transpose()?;
    let mut file = to.save.as_deref().map(SecretFile::create).transpose()?;
    let done = work(once.as_ref(), &mut |secret| file.as_mut().map_or(Ok(()), |file| file.put(secret)));
    match done {
        Ok(Once::Done(created)) => {
            let saved = file.map(|file| file.keep().display().to_string());
            print(context, &created, saved.as_deref(), what);
            Ok(ExitCode::SUCCESS)
        }
        Ok(Once::Repeated(key)) => {
            repeated(context, &key, what);
            Ok(ExitCode::from(1))
        }
        Err(failure) => Err(SecretFile::after(file, failure)),
    }
}

fn print(context: &Context, created: &Created, saved: Option<&str>, what: &str) {
    let Created { key, secret, warnings } = created;
    if context.json {
        let shown = saved.is_none().then_some(secret.as_str());
        output::json(&json!({ "key": key, "secret": shown, "saved": saved, "warnings": warnings }));
        return;
    }
    output::note(format_args!("{what} {BOLD}{}{RESET}  {}  (org {}, owner {})", key.key_id, key.name, key.org, key.owner));
    match saved {
        Some(path) => output::note(format_args!("{DIM}The key is in {path}, and nowhere else.{RESET}")),
        None => {
            output::line(format_args!("{}", secret.as_str()));
            output::note(format_args!("{DIM}The key is shown this once. Store it now.{RESET}"));
        }
    }
    output::note(format_args!("{DIM}Edges know it from the next epoch on.{RESET}"));
    if let Some(until) = key.overlap_until {
        let until = format_time(until);
        output::note(format_args!("{DIM}The old key is accepted until {until}.{RESET}"));
    }
    output::warnings(warnings);
}

fn repeated(context: &Context, key: &Key, what: &str) {
    if context.json {
        output::json(&json!({ "key": key, "secret": null, "repeated": true }));
    } else {
        let says = "this request came before; the secret was shown then, and is not shown again";
        output::note(format_args!("{what} {BOLD}{}{RESET}  {}: {says}", key.key_id, key.name));
    }
}
