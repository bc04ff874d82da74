//! Heads as server-sent events: the current one at once, then each new one as soon as it is published.
//!
//! ```text
//! id: 8
//! event: head
//! data: {"head":"RUxIRAEA…","patch":"RUxQVAEA…"}
//! ```
//!
//! The id is the epoch: who sends it as `Last-Event-ID` is told nothing until the head is another one. The data is JSON with bytes in
//! base64: the head, and if it is small the patch that leads to its tree from that of the head told before. Who has another tree, since it
//! skipped heads or came later, asks for what it needs. Members that a reader does not know are for others. A comment now and then says
//! that nothing is new.
//!
//! | read | for |
//! |---|---|
//! | `heads` | what the current heads are, looked after while somebody waits for the next one |
//! | `places` | how many streams there may be, and counts of them |
//!
//! Nobody waits for a reader: each stream holds nothing but the place where the newest head lies, so one that reads slowly skips
//! heads, and one that reads nothing ends with its connection's write timeout.

mod heads;
pub(crate) mod places;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use edgelatch_core::ip::Ip;
use edgelatch_registry::Slug;
use futures_util::stream::unfold;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tracing::info;

use self::heads::{Announced, Heads};
use self::places::{Place, Places, Streams};
use super::readers::Reader;
use super::site::Site;
use crate::limits::STREAM_RETRY;
use crate::log::ACCESS;
use crate::net::accept::Peer;
use crate::net::seats::Seat;
use crate::problem::Problem;

/// What every stream needs.
pub(crate) struct Streaming {
    limits: Streams,
    heads: Arc<Heads>,
    places: Arc<Places>,
    stop: watch::Receiver<bool>,
}

impl Streaming {
    /// Streams of what `site` publishes, until `stop` changes.
    pub(crate) fn new(site: Arc<Site>, limits: Streams, stop: watch::Receiver<bool>) -> Streaming {
        Streaming { limits, heads: Arc::new(Heads::new(site)), places: Places::new(limits), stop }
    }

    /// What a publisher notifies when it has put something.
    pub(crate) fn published(&self) -> Arc<Notify> {
        self.heads.published()
    }

    /// How many streams there are, for the metrics.
    pub(crate) fn places(&self) -> Arc<Places> {
        Arc::clone(&self.places)
    }

    /// Looks after the heads until `stop` changes.
    pub(crate) fn look_after(&self) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.heads).keep_looking(self.limits.look, self.stop.clone())
    }
}

/// Opens a stream.
pub(crate) async fn serve(
    State(streaming): State<Arc<Streaming>>,
    realm: Result<Path<Slug>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(realm) = realm.map_err(|_| Problem::no_file())?;
    let ip = request.extensions().get::<Peer>().map(Peer::ip);
    let place = streaming.places.take(ip)?;
    let (heads, of) = (Arc::clone(&streaming.heads), realm.clone());
    let heads = match spawn_blocking(move || heads.subscribe(&of)).await {
        Ok(Ok(heads)) => heads,
        Ok(Err(error)) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(Problem::no_file());
        }
        _ => return Err(Problem::unreadable()),
    };
    // From here on it has a place among the streams instead of a seat among the connections.
    if let Some(connection) = request.extensions().get::<Seat>() {
        connection.leave();
    }
    let stream = Stream {
        reader: request.extensions().get::<Reader>().cloned(),
        known: last_event_id(request.headers()),
        heads,
        stop: streaming.stop.clone(),
        place,
        begun: Instant::now(),
        told: None,
        end: "closed",
        realm,
        ip,
    };
    let events = Sse::new(unfold(stream, Stream::next)).keep_alive(KeepAlive::new().interval(streaming.limits.heartbeat));
    let mut response = events.into_response();
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

const HEADERS: [(HeaderName, &str); 4] = [
    // Nobody on the way keeps it, nor packs it, for which it would be held back.
    (header::CACHE_CONTROL, "no-store, no-transform"),
    (HeaderName::from_static("x-accel-buffering"), "no"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The connection has given its place up, so it may not be used for further requests.
    (header::CONNECTION, "close"),
];

/// The epoch that a client has. What is no epoch is none of ours: it is told the current head.
fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

/// One stream. When it is dropped, so that it is told of however it ends, it writes its line in the log.
struct Stream {
    /// Who reads it, where not everybody may.
    reader: Option<Reader>,
    heads: watch::Receiver<Arc<Announced>>,
    stop: watch::Receiver<bool>,
    place: Place,
    /// The epoch that the client had.
    known: Option<u64>,
    begun: Instant,
    /// How many heads it was told; none before the first event.
    told: Option<u64>,
    /// Why it ends, should it end now.
    end: &'static str,
    realm: Slug,
    ip: Option<Ip>,
}

impl Stream {
    /// The next event, and the stream behind it.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Stream)> {
        let event = match self.told {
            None => self.first(),
            Some(told) => {
                tokio::select! {
                    changed = self.heads.changed() => if changed.is_err() {
                        self.end = "unreadable";
                        return None;
                    },
                    _ = self.stop.wait_for(|stop| *stop) => {
                        self.end = "stopped";
                        return None;
                    }
                }
                if let Some(reader) = &self.reader
                    && !reader.may_go_on().await
                {
                    self.end = "refused";
                    return None;
                }
                self.told = Some(told + 1);
                self.heads.borrow_and_update().event()
            }
        };
        Some((Ok(event), self))
    }

    /// The current head, unless the client has it. Not unless it has a later one: under another root, epochs may count anew.
    fn first(&mut self) -> Event {
        let head = self.heads.borrow_and_update();
        let has_it = self.known == Some(head.epoch);
        self.told = Some(u64::from(!has_it));
        // A comment says at once that the stream is there.
        let event = if has_it { Event::default().comment("") } else { head.event() };
        event.retry(STREAM_RETRY)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A head that it was not asked for any more: the client did not take what came before.
        if self.end == "closed" && self.heads.has_changed().unwrap_or(false) {
            self.end = "dropped";
            self.place.places.count_dropped();
        }
        let (heads, seconds) = (self.told.unwrap_or(0), self.begun.elapsed().as_secs());
        let ip = self.ip.map(tracing::field::display);
        info!(target: ACCESS, realm = %self.realm, ip, heads, seconds, end = self.end, "stream");
    }
}
