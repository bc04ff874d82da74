//! What is told over the webhook, and what became of it.

use edgelatch_registry::{Caller, Error, Event, EventFilter, EventId, EventPage, Kind, Paging, Window};

use crate::api::answer::{Answer, json};
use crate::api::auth::principal::Reach;
use crate::api::call::{Call, Pass};
use crate::api::path::{EventPath, InRealm};
use crate::api::v1::keys::Nothing;
use crate::limits::MAX_BODY_BYTES;

/// List events and alerts, newest first: what was told over the webhook, and whether it arrived
#[utoipa::path(get, path = "/api/v1/realms/{realm}/events", operation_id = "listEvents", tag = "events",
    params(InRealm, EventFilter, Window, Paging),
    responses((status = 200, description = "A page of them", body = EventPage)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (filter, window, paging), _) = call.admit::<_, (EventFilter, _, Paging)>("event.view").await?;
    pass.run(move |pass| {
        let org = pass.reach.org(filter.org.as_ref())?;
        json(pass.events().list(&EventFilter { org, ..filter }, &window, &paging)?)
    })
    .await
}

/// An event that is the caller's to see: those about the whole realm are for whoever reaches all of it.
fn visible(pass: &Pass, event: &EventId) -> Result<Event, Error> {
    let found = pass.events().get(event)?;
    let seen = pass.reach == Reach::Realm || found.org.as_ref().is_some_and(|org| pass.reach.sees(org));
    if seen { Ok(found) } else { Err(Error::NotFound { kind: Kind::Event, id: event.to_string() }) }
}

/// Show an event
#[utoipa::path(get, path = "/api/v1/realms/{realm}/events/{event}", operation_id = "getEvent", tag = "events",
    params(EventPath),
    responses((status = 200, description = "The event", body = Event)))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, EventPath { event }, (), _) = call.admit("event.view").await?;
    pass.run(move |pass| json(visible(pass, &event)?)).await
}

/// Deliver an event once more
///
/// It is sent with the same id and body, at once, and tried as often as a new one.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/events/{event}/redeliver", operation_id = "redeliverEvent", tag = "events",
    params(EventPath),
    responses((status = 200, description = "The event, which waits for its delivery", body = Event)))]
pub(crate) async fn redeliver(call: Call) -> Answer {
    let (pass, EventPath { event }, (), incoming) = call.admit("event.deliver").await?;
    incoming.json_or_nothing::<Nothing>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let caller: Caller = pass.caller(visible(pass, &event)?.org.as_ref())?;
        json(pass.events().redeliver(&caller, &event)?)
    })
    .await
}
