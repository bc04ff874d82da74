//! `edgelatch explain …`: what a key would get, and who can use an address.

use edgelatch_core::ip::Ip;
use edgelatch_core::key::KeyId;
use edgelatch_registry::{Question, parse_time};

use super::keys::view;
use crate::prelude::*;

/// What a key would get, and who can use an address, decided by the core itself
#[derive(Subcommand)]
pub(crate) enum Explain {
    /// What an edge would answer to a key once the present state is published
    #[command(after_help = "\
Example:
  edgelatch explain key key_0a1B2c3D4e5 --service cdn --permission cache.purge --ip 10.1.2.3
  edgelatch explain key key_0a1B2c3D4e5 --at 2027-01-31

Exit code: 0 accepted, 1 refused, 2 the question could not be asked.")]
    Key {
        /// Its public id
        #[arg(value_name = "KEY_ID", value_parser = read::key_id)]
        key: KeyId,
        /// Service that the route belongs to
        #[arg(long)]
        service: Option<String>,
        /// Permission that the route requires
        #[arg(long)]
        permission: Option<String>,
        /// Address of the client
        #[arg(long, value_parser = read::address)]
        ip: Option<Ip>,
        /// Ask as of this time: RFC 3339, a date, or a span from now
        #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = read::timed(parse_time))]
        at: Option<u64>,
    },
    /// The active keys that can be used from an address
    #[command(after_help = "Example:\n  edgelatch explain address 10.1.2.3 --only-listed")]
    Address {
        /// The address
        #[arg(value_parser = read::address)]
        ip: Ip,
        /// Only keys that have it on their allow list, not those that any address may use
        #[arg(long)]
        only_listed: bool,
        #[command(flatten)]
        filter: Box<Filter>,
        #[command(flatten)]
        page: Page,
    },
}

impl Explain {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        match self {
            Explain::Key { key, service, permission, ip, at } => {
                let found = open.keys().explain(key, &Question { service, permission, ip, at })?;
                let accepted = found.status == 0;
                context.answer(accepted, &found, |found| {
                    for step in &found.steps {
                        output::step(step.passed, &step.name, &step.note);
                    }
                    output::verdict((!accepted).then_some((found.code, found.status)), "");
                    if open.has_edges() {
                        output::note(format_args!("{DIM}As of the next epoch.{RESET}"));
                    }
                })
            }
            Explain::Address { ip, only_listed, filter, page } => {
                let found = open.keys().usable_from(ip, &(*filter).into(), only_listed, &page.into())?;
                context.show(&found, |found| view::page(found.keys.iter().map(|usable| &usable.key), found.next.as_deref()))
            }
        }
    }
}
