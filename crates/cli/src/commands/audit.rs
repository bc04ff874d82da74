//! `edgelatch audit`, `usage` and `purge`

use std::process::ExitCode;

use edgelatch_registry::{Anchor, AuditFilter, AuditRow, Error, Paging, format_time};
use serde_json::json;

use super::keys::fields::{self, page, read};
use super::keys::show::or_dash;
use crate::args::{Audit, Usage};
use crate::context::{Context, Open};
use crate::failure::{Failure, Result};
use crate::output::{self, BAD, DIM, GOOD, RESET, list};

pub(crate) fn run(context: &Context, command: Audit) -> Result<ExitCode> {
    let open = context.open()?;
    match command {
        Audit::List { org, actor, target, action, window, paging } => {
            let filter = AuditFilter { org: read("org", &org)?, actor, target, action, window: fields::window(&window)? };
            show(context, &open, &filter, &page(paging))?;
            Ok(ExitCode::SUCCESS)
        }
        Audit::Verify { anchor } => verify(context, &open, anchor.as_deref()),
    }
}

/// Characters of a change in the table; JSON has all of it.
const WIDTH: usize = 100;

fn show(context: &Context, open: &Open, filter: &AuditFilter, paging: &Paging) -> Result<()> {
    let page = open.audit().list(filter, paging)?;
    if context.json {
        output::json(&page);
        return Ok(());
    }
    let row = |a: &AuditRow| {
        let change = match (&a.before, &a.after) {
            (Some(before), Some(after)) => format!("{before} → {after}"),
            (one, other) => or_dash(one.as_ref().or(other.as_ref()).map_or("", String::as_str)),
        };
        let target = format!("{} {}", a.kind, a.target);
        let address = or_dash(a.address.as_deref().unwrap_or_default());
        let change = if change.chars().count() > WIDTH { change.chars().take(WIDTH).chain(['…']).collect() } else { change };
        vec![a.seq.to_string(), format_time(a.at), a.actor.clone(), address, a.action.clone(), target, change]
    };
    let head = ["ROW", "TIME", "WHO", "FROM", "ACT", "ON", "BEFORE → AFTER"];
    output::table(&head, &page.rows.iter().map(row).collect::<Vec<_>>());
    output::more(page.next.as_deref());
    Ok(())
}

fn verify(context: &Context, open: &Open, anchor: Option<&str>) -> Result<ExitCode> {
    let anchor = anchor.map(read_anchor).transpose()?;
    match open.audit().verify(anchor.as_ref()) {
        Ok(Anchor { seq, hash }) => {
            if context.json {
                output::json(&json!({ "sound": true, "rows": seq, "anchor": format!("{seq}:{hash}") }));
            } else {
                output::line(format_args!("{GOOD}sound{RESET}: {seq} rows"));
                output::line(format_args!("anchor {seq}:{hash}"));
                output::note(format_args!("{DIM}Keep the anchor somewhere else, and give it the next time.{RESET}"));
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ Error::Altered { .. }) => {
            let Error::Altered { seq, reason } = &error else { return Err(error.into()) };
            if context.json {
                output::json(&json!({ "sound": false, "row": seq, "code": error.code(), "reason": reason }));
            } else {
                output::line(format_args!("{BAD}altered{RESET}: {error}"));
            }
            Ok(ExitCode::from(1))
        }
        Err(error) => Err(error.into()),
    }
}

fn read_anchor(text: &str) -> Result<Anchor> {
    let is_hash = |hash: &str| hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let parts = text.split_once(':').filter(|(_, hash)| is_hash(hash));
    let anchor = parts.and_then(|(seq, hash)| Some(Anchor { seq: seq.parse().ok()?, hash: hash.into() }));
    anchor.ok_or_else(|| Failure::usage("--anchor: must be ROW:HASH, as `edgelatch audit verify` printed it"))
}

pub(crate) fn usage(context: &Context, command: &Usage) -> Result<()> {
    let Usage::Totals = command;
    let open = context.open()?;
    let totals = open.usage().totals()?;
    list(context.json, &totals, &["VERDICT", "NUMBER"], |total| vec![total.code.clone(), total.number.to_string()]);
    Ok(())
}

pub(crate) fn purge(context: &Context) -> Result<()> {
    let purged = context.registry()?.purge()?;
    let text = format!(
        "removed {} requests, {} ended secrets and {} other rows, in all realms",
        purged.requests, purged.secrets, purged.others
    );
    output::done(context.json, &purged, &text);
    Ok(())
}
