//! Lists of events, newest first, and an event that is delivered once more.

use edgelatch_core::key::KeyId;
use serde::{Deserialize, Serialize, Serializer};
use serde_with::apply;

use super::Events;
use crate::audit::Target;
use crate::error::{Error, Kind};
use crate::model::json::{embedded, given};
use crate::model::{Caller, EventId, FromText, PageBytes, Paging, Slug, Window, Word, cut, rfc3339, words};
use crate::outbox::EventKind;
use crate::store::{Conditions, Statements, args, columns};
use crate::transaction::Transaction;

words! {
    /// What became of an event.
    EventState {
        /// It waits for its delivery, or for the next try.
        Pending = "pending",
        /// The receiver has it.
        Delivered = "delivered",
        /// It was tried as often as it may be, and given up.
        Failed = "failed",
    }
}

impl EventState {
    fn sql(self) -> &'static str {
        match self {
            EventState::Pending => "due_at IS NOT NULL",
            EventState::Delivered => "due_at IS NULL AND delivered_at IS NOT NULL",
            EventState::Failed => "due_at IS NULL AND delivered_at IS NULL",
        }
    }
}

/// Something that was told, or is to be told, over the webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Event {
    /// Its id, by which receivers know it too.
    pub event: EventId,
    /// What it tells of.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// In which org; none for the whole realm.
    pub org: Option<Slug>,
    /// Of which key, if it is about one.
    pub key_id: Option<String>,
    /// When it happened.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: u64,
    /// What became of it.
    pub state: EventState,
    /// How often it was tried since it was raised, or since it was asked for again.
    pub attempts: u64,
    /// When it is tried next, at the earliest.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<u64>,
    /// When it was delivered.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<u64>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// What is sent.
    #[serde(serialize_with = "json")]
    #[schema(value_type = Object)]
    pub body: String,
}

fn json<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    embedded(text).serialize(to)
}

columns! {
    /// With its row and its org.
    EVENT: (u64, Event) = {
        id, event, kind, org, key_id, at = "created_at", due_at: Option<u64>, delivered_at: Option<u64>, attempts, last_error, body
    } => {
        let state = match (due_at, delivered_at) {
            (Some(_), _) => EventState::Pending,
            (None, Some(_)) => EventState::Delivered,
            (None, None) => EventState::Failed,
        };
        (id, Event { event, kind, org, key_id, at, state, attempts, due_at, delivered_at, last_error, body })
    }
}

/// Which events.
#[apply(
    Option => #[serde(default, deserialize_with = "given")] #[param(nullable = false, required = false)],
)]
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventFilter {
    /// Only this org's.
    pub org: Option<Slug>,
    /// Only those that tell of this.
    #[serde(rename = "type")]
    pub kind: Option<EventKind>,
    /// Only those of which this became.
    pub state: Option<EventState>,
    /// Only those about this key.
    #[param(value_type = Option<String>, pattern = "^key_[0-9A-Za-z]{11}$")]
    pub key_id: Option<String>,
    /// Only those that tell of no act: that keys expire or are not used, new places, failed authentications.
    #[serde(default)]
    #[param(value_type = bool, required = false)]
    pub alerts: bool,
}

/// One page of events, newest first.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EventPage {
    /// The events.
    pub events: Vec<Event>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

impl Events<'_> {
    /// A page of events, newest first. They are kept for 30 days.
    pub fn list(&self, filter: &EventFilter, window: &Window, paging: &Paging) -> Result<EventPage, Error> {
        let (size, before) = (paging.size()?, paging.place::<u64>()?);
        let bounds: Vec<_> = window.bounds(self.0.now()?)?.collect();
        let key_id = filter.key_id.as_deref().map(|id| KeyId::parse("key_id", id)).transpose()?;
        self.0.read(|tx| {
            let mut tests = Conditions::new("realm_id =", tx.realm);
            tests.maybe("org =", filter.org.as_ref().map(Slug::as_str));
            tests.maybe("kind =", filter.kind.map(Word::word));
            tests.maybe("key_id =", key_id.map(|id| id.to_string()));
            filter.state.into_iter().for_each(|state| tests.add_plain(state.sql()));
            if filter.alerts {
                let alerts: Vec<String> = EventKind::ALERTS.iter().map(|kind| format!("'{kind}'")).collect();
                tests.add_plain(format!("kind IN ({})", alerts.join(", ")));
            }
            bounds.iter().for_each(|(test, at)| tests.add(&format!("created_{test}"), *at));
            tests.maybe("id <", before);
            let rest = format!("FROM events WHERE {} ORDER BY id DESC LIMIT {}", tests.sql(), size + 1);
            let (mut found, mut kept, mut bytes) = (Vec::new(), size, PageBytes::default());
            tx.each(EVENT.select(&rest), &tests.values, |(row, event)| {
                // Of those beyond the page one is enough to see that there is more.
                if found.len() <= kept {
                    if bytes.fill(&event)? {
                        kept = kept.min(found.len() + 1);
                    }
                    found.push((row, event));
                }
                Ok(())
            })?;
            let next = cut(&mut found, kept, |(row, _)| *row);
            Ok(EventPage { events: found.into_iter().map(|(_, event)| event).collect(), next })
        })
    }

    /// One event.
    pub fn get(&self, event: &EventId) -> Result<Event, Error> {
        self.0.read(|tx| Ok(find(tx, event)?.1))
    }

    /// Lets an event be delivered once more, whatever became of it, and be tried as often as a new one.
    pub fn redeliver(&self, caller: &Caller, event: &EventId) -> Result<Event, Error> {
        self.0.change(caller, |change| {
            let (row, found) = find(&mut change.tx, event)?;
            // What is about the whole realm is not there for whoever is confined to an org.
            let seen = caller.org().is_none_or(|own| found.org.as_ref() == Some(own));
            if !seen {
                return Err(Error::missing(Kind::Event, event.as_str()));
            }
            let sql = "UPDATE events SET due_at = $2, delivered_at = NULL, attempts = 0, last_error = NULL WHERE id = $1";
            change.run(sql, args![row, change.now])?;
            change.log("event.redeliver", &Target::event(event, found.org.as_ref()), None, None)?;
            Ok(find(&mut change.tx, event)?.1)
        })
    }
}

fn find(tx: &mut Transaction<'_>, event: &EventId) -> Result<(u64, Event), Error> {
    let found = tx.one(EVENT.select("FROM events WHERE realm_id = $1 AND event = $2"), args![tx.realm, event.as_str()])?;
    found.ok_or_else(|| Error::missing(Kind::Event, event.as_str()))
}
