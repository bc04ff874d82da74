//! `edgelatch explain`: what a key would get, and who can use an address.

use std::process::ExitCode;

use edgelatch_core::ip::Ip;
use edgelatch_registry::{Question, UsablePage, parse_time};

use super::keys::fields::{filter, page};
use super::keys::show;
use crate::args::Explain;
use crate::context::{Context, Open, key_id};
use crate::failure::{Failure, Result};
use crate::output::{self, BAD, BOLD, DIM, GOOD, RESET};

pub(crate) fn run(context: &Context, command: Explain) -> Result<ExitCode> {
    let open = context.open()?;
    match command {
        Explain::Key { key, service, permission, ip, at } => {
            let now = open.registry.env().now()?;
            let at = at.as_deref().map(|text| parse_time("at", text, now)).transpose()?;
            let ip = ip.as_deref().map(|text| address("--ip", text)).transpose()?;
            explain_key(context, &open, &key, &Question { service, permission, ip, at })
        }
        Explain::Address { ip, only_listed, filter: asked, paging } => {
            let page = open.keys().usable_from(address("IP", &ip)?, &filter(&asked)?, only_listed, &page(paging))?;
            show_page(context, &page);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn address(flag: &str, text: &str) -> Result<Ip> {
    Ip::parse(text.as_bytes()).map_err(|error| Failure::usage(format!("{flag}: {error}")))
}

fn explain_key(context: &Context, open: &Open, key: &str, question: &Question) -> Result<ExitCode> {
    let found = open.keys().explain(key_id(key)?, question)?;
    let accepted = found.status == 0;
    if context.json {
        output::json(&found);
    } else {
        for step in &found.steps {
            output::step(step.passed, &step.name, &step.note);
        }
        if accepted {
            output::line(format_args!("{GOOD}{BOLD}accepted{RESET}"));
        } else {
            output::line(format_args!("{BAD}refused{RESET}: {} (HTTP {})", found.code, found.status));
        }
        output::note(format_args!("{DIM}As of the next epoch.{RESET}"));
    }
    Ok(if accepted { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn show_page(context: &Context, page: &UsablePage) {
    if context.json {
        output::json(page);
        return;
    }
    show::table(page.keys.iter().map(|usable| &usable.key));
    output::more(page.next.as_deref());
}
