//! Events are delivered by servers: each is taken by one at a time, and tried again until it arrived or is given up.

use serde::Serialize;

use crate::error::Error;
use crate::limits::{EVENT_ATTEMPTS, EVENT_LEASE, EVENT_PAUSE, MAX_EVENT_ERROR_BYTES, MAX_EVENT_PAUSE, MAX_PAGE};
use crate::model::{EventId, Slug};
use crate::registry::Registry;
use crate::store::{Statements, args, columns};

/// An event to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Due {
    /// Its id, the same at each try.
    pub event: EventId,
    /// Its realm.
    pub realm: Slug,
    /// What to send, as JSON, byte for byte: signatures are made over it.
    pub body: String,
    /// How often it was tried.
    pub attempts: u64,
}

columns! {
    DUE: Due = { event = "e.event", realm = "r.slug", body = "e.body", attempts = "e.attempts" }
        => Due { event, realm, body, attempts }
}

/// Events that wait for delivery, of all realms.
#[derive(Clone, Copy, Debug)]
pub struct Outbox<'r>(&'r Registry);

impl Registry {
    /// Events that wait for delivery, of all realms.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(self)
    }
}

impl Outbox<'_> {
    /// Takes events to deliver, alerts first. Whoever took one has a minute to say how it went; after that it is given out again.
    pub fn take(&self, limit: usize) -> Result<Vec<Due>, Error> {
        let now = self.0.env.now()?;
        self.0.store.writing(|session| {
            let rest = format!(
                "FROM events e JOIN realms r ON r.id = e.realm_id WHERE e.due_at <= $1 ORDER BY e.patient, e.due_at, e.id LIMIT {}",
                limit.min(MAX_PAGE)
            );
            let due = session.all(DUE.select(&rest), args![now])?;
            for Due { event, .. } in &due {
                session.run("UPDATE events SET due_at = $2 WHERE event = $1", args![event.as_str(), now + EVENT_LEASE])?;
            }
            Ok(due)
        })
    }

    /// How many wait for delivery.
    pub fn pending(&self) -> Result<u64, Error> {
        self.0.store.reading(|session| session.count("SELECT count(*) FROM events WHERE due_at IS NOT NULL", &[]))
    }

    /// When the one was written that waits longest, in Unix seconds; none if none waits. It looks at all that wait: of use where they are delivered.
    pub fn oldest(&self) -> Result<Option<u64>, Error> {
        let sql = "SELECT min(created_at) FROM events WHERE due_at IS NOT NULL";
        self.0.store.reading(|session| Ok(session.one::<Option<u64>>(sql, &[])?.flatten()))
    }

    /// How many were given up, of those that were written at `since` or later.
    pub fn given_up_since(&self, since: u64) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM events WHERE due_at IS NULL AND delivered_at IS NULL AND created_at >= $1";
        self.0.store.reading(|session| session.count(sql, args![since]))
    }

    /// How many were given up, of those that are kept.
    pub fn given_up(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM events WHERE due_at IS NULL AND delivered_at IS NULL";
        self.0.store.reading(|session| session.count(sql, &[]))
    }

    /// Notes that an event was delivered.
    pub fn delivered(&self, event: &EventId) -> Result<(), Error> {
        let now = self.0.env.now()?;
        self.0.store.writing(|session| {
            let sql = "UPDATE events SET due_at = NULL, delivered_at = $2, attempts = attempts + 1, last_error = NULL WHERE event = $1";
            session.run(sql, args![event.as_str(), now]).map(drop)
        })
    }

    /// Notes that an event could not be delivered, and why; `reason` must hold no secret, nor where the event was sent. Returns when it is
    /// tried again, or none when it is given up.
    pub fn failed(&self, event: &EventId, reason: &str) -> Result<Option<u64>, Error> {
        let now = self.0.env.now()?;
        let reason = &reason[..reason.floor_char_boundary(MAX_EVENT_ERROR_BYTES)];
        self.0.store.writing(|session| {
            let found: Option<u64> = session.one("SELECT attempts FROM events WHERE event = $1", args![event.as_str()])?;
            let attempts = found.unwrap_or(EVENT_ATTEMPTS) + 1;
            let pause = EVENT_PAUSE.saturating_mul(1 << (attempts - 1).min(20)).min(MAX_EVENT_PAUSE);
            let due = (attempts < EVENT_ATTEMPTS).then_some(now + pause);
            let sql = "UPDATE events SET due_at = $2, attempts = $3, last_error = $4 WHERE event = $1";
            session.run(sql, args![event.as_str(), due, attempts, reason])?;
            Ok(due)
        })
    }
}
