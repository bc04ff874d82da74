//! `edgelatch events …`

use edgelatch_core::key::KeyId;
use edgelatch_registry::{Event, EventFilter, EventId, EventKind, EventState, Slug, format_time};

use crate::prelude::*;

/// What was told over the webhook: acts on keys, and alerts
#[derive(Subcommand)]
pub(crate) enum Events {
    /// List events and alerts, newest first, and whether they arrived
    #[command(after_help = "\
Example:
  edgelatch events list --alerts --org web
  edgelatch events list --state failed                      # what the receiver never took
  edgelatch events list --type key_revoked --since \"7d ago\" --json

Events are kept for 30 days, also where no webhook is set (`edgelatch serve --alert-url`).")]
    List {
        /// Only events of this org
        #[arg(long)]
        org: Option<Slug>,
        /// Only events that tell of this, such as key_revoked
        #[arg(long = "type", value_parser = read::words::<EventKind>())]
        kind: Option<EventKind>,
        /// Only events of which this became: pending, delivered or failed
        #[arg(long, value_parser = read::words::<EventState>())]
        state: Option<EventState>,
        /// Only events about this key
        #[arg(long = "key-id", visible_alias = "key", value_name = "KEY", value_parser = read::key_id)]
        key: Option<KeyId>,
        /// Only what tells of no act: keys that expire or are not used, new places, failed authentications
        #[arg(long)]
        alerts: bool,
        #[command(flatten)]
        between: Between,
        #[command(flatten)]
        page: Page,
    },
    /// Deliver an event once more, with the same id
    #[command(after_help = "Example:\n  edgelatch events redeliver evt_5f9b0a…")]
    Redeliver {
        /// Its id
        event: EventId,
    },
}

impl Events {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        let events = open.registry.events(&open.realm);
        match self {
            Events::List { org, kind, state, key, alerts, between, page } => {
                let filter = EventFilter { org, kind, state, key_id: key.map(|key| key.to_string()), alerts };
                let listed = events.list(&filter, &between.into(), &page.into())?;
                context.show(&listed, |listed| output::page(COLUMNS, &listed.events, listed.next.as_deref()))
            }
            Events::Redeliver { event } => {
                let event = events.redeliver(&caller()?, &event)?;
                let line = format!("{} waits for its delivery: a server with a webhook sends it within seconds", event.event);
                context.done(&event, &line)
            }
        }
    }
}

const COLUMNS: &[Column<Event>] = &[
    ("TIME", |e| format_time(e.at)),
    ("EVENT", |e| e.event.to_string()),
    ("TYPE", |e| e.kind.to_string()),
    ("ORG", |e| e.org.as_ref().map_or("-".into(), ToString::to_string)),
    ("KEY", |e| or_dash(e.key_id.as_deref().unwrap_or_default())),
    ("STATE", |e| e.state.to_string()),
    ("TRIES", |e| e.attempts.to_string()),
    ("LAST ERROR", |e| or_dash(e.last_error.as_deref().unwrap_or_default())),
];
