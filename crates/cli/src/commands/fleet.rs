//! `edgelatch fleet`

use edgelatch_registry::{EdgeFilter, EdgePage, Name, Standing};
use serde::Serialize;

use crate::arrival::COLUMNS;
use crate::prelude::*;

/// List the edges: which epoch each serves by, since when, and how old its head is
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch fleet
  edgelatch fleet --live false               # those of the last day that do not report any more
  edgelatch fleet --lacks 42                 # those that lack the change with this number
  edgelatch fleet --lacks 42 --wait 10s      # once it is everywhere, or after ten seconds

Edges report to the management API when their program gives them a reporter. Instances may share a name: that of a place, say.
Exit code: 0 listed; 1 with --wait, when the change is not known to be everywhere; 2 not listed.")]
pub(crate) struct Fleet {
    /// Only those that lack this change of the realm
    #[arg(long, value_name = "CHANGE")]
    lacks: Option<u64>,
    /// Only those that report, or only those that do not any more
    #[arg(long, value_name = "BOOL", conflicts_with = "wait")]
    live: Option<bool>,
    /// Only those of this name
    #[arg(long, conflicts_with = "wait")]
    name: Option<Name>,
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    wait: Wait,
}

/// The fleet, and some of its edges.
#[derive(Serialize)]
struct Listed {
    fleet: Standing,
    #[serde(flatten)]
    page: EdgePage,
}

impl Fleet {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let Fleet { lacks, live, name, page, wait } = self;
        let open = context.open()?;
        let fleet = open.registry.fleet(&open.realm);
        if wait.is_asked() {
            return wait.until(context, &open, fleet.standing(lacks)?.change, "there");
        }
        // Whoever lacks something is of interest while it is there.
        let live = live.or(lacks.map(|_| true));
        let page = fleet.list(&EdgeFilter { live, lacks, name }, &page.into())?;
        context.show(&Listed { fleet: fleet.standing(lacks)?, page }, |Listed { fleet, page }| {
            output::page(COLUMNS, &page.edges, page.next.as_deref());
            output::note(format_args!("{DIM}{}{RESET}", sentence(fleet)));
        })
    }
}

fn sentence(fleet: &Standing) -> String {
    let Standing { change, live, lacking, gone, .. } = fleet;
    let epoch = fleet.epoch.map_or("nothing is published".into(), |epoch| format!("epoch {epoch} is published"));
    let oldest = fleet.oldest_age.map(|age| format!(", the oldest head is {age} s old")).unwrap_or_default();
    let full = if fleet.full { "; there may be more than are kept track of" } else { "" };
    format!("{epoch}; {live} live, {gone} gone; {lacking} lack change {change}{oldest}{full}")
}
