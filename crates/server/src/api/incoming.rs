//! A call's body: read once the call is admitted, within limits of size and time, and strictly.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use edgelatch_registry::is_member_name;
use edgelatch_registry::json::misfit;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use tokio::time::{Instant, timeout};

use crate::limits::{BODY_RATE, BODY_TIMEOUT};
use crate::problem::Problem;

const JSON: &str = "application/json";

/// A body that was not read yet.
pub(crate) struct Incoming {
    kind: Option<String>,
    announced: Option<u64>,
    body: Body,
}

impl Incoming {
    pub(crate) fn new(parts: &Parts, body: Body) -> Incoming {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let kind = text(header::CONTENT_TYPE).map(|kind| {
            let essence = kind.split(';').next().unwrap_or_default();
            essence.trim().to_ascii_lowercase()
        });
        Incoming { kind, announced: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()), body }
    }

    /// Its kind, which must be one of these.
    pub(crate) fn expect(&self, kinds: &[&str]) -> Result<String, Problem> {
        if let Some(kind) = self.kind.as_ref().filter(|kind| kinds.contains(&kind.as_str())) {
            return Ok(kind.clone());
        }
        Err(other_kind(kinds))
    }

    /// Hands over the body piece by piece, at most `limit` bytes of it.
    pub(crate) async fn each(
        mut self,
        limit: usize,
        mut take: impl FnMut(Bytes) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let too_large = || {
            let detail = format!("the body is larger than the limit of {limit} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large", detail)
        };
        if self.announced.is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let (begin, mut read) = (Instant::now(), 0);
        loop {
            let detail = || format!("nothing came for {} s, or less than {BODY_RATE} bytes a second", BODY_TIMEOUT.as_secs());
            let due = begin + BODY_TIMEOUT + Duration::from_secs((read / BODY_RATE) as u64);
            let wait = BODY_TIMEOUT.min(due.saturating_duration_since(Instant::now()));
            let Some(frame) = timeout(wait, self.body.frame()).await.map_err(|_| slow(detail()))? else { return Ok(()) };
            let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "broken", "The body broke off", "the body ended too early");
            if let Ok(piece) = frame.map_err(broken)?.into_data() {
                read += piece.len();
                if read > limit {
                    return Err(too_large());
                }
                take(piece)?;
            }
        }
    }

    /// The whole body, which must come within one pause's time.
    async fn bytes(self, limit: usize) -> Result<Vec<u8>, Problem> {
        let mut bytes = Vec::new();
        let read = self.each(limit, |piece| {
            bytes.extend_from_slice(&piece);
            Ok(())
        });
        let late = |_| slow(format!("the body took longer than {} s", BODY_TIMEOUT.as_secs()));
        timeout(BODY_TIMEOUT, read).await.map_err(late)??;
        Ok(bytes)
    }

    /// The bytes of a JSON body, to be read once they are proven.
    pub(crate) async fn json_bytes(self, limit: usize) -> Result<Vec<u8>, Problem> {
        self.expect(&[JSON])?;
        self.bytes(limit).await
    }

    /// A JSON body, and its bytes.
    pub(crate) async fn json<T: DeserializeOwned>(self, limit: usize) -> Result<(T, Vec<u8>), Problem> {
        let bytes = self.json_bytes(limit).await?;
        Ok((parse(&bytes)?, bytes))
    }

    /// The same where the body may be left out.
    pub(crate) async fn json_or_nothing<T: DeserializeOwned + Default>(self, limit: usize) -> Result<(T, Vec<u8>), Problem> {
        if self.kind.is_some() {
            let (read, bytes) = self.json::<Option<T>>(limit).await?;
            return Ok((read.unwrap_or_default(), bytes));
        }
        match self.bytes(limit).await? {
            nothing if nothing.is_empty() => Ok((T::default(), nothing)),
            _ => Err(other_kind(&[JSON])),
        }
    }
}

fn other_kind(kinds: &[&str]) -> Problem {
    let detail = format!("`content-type`: must be {}", kinds.join(" or "));
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "Another kind of body is needed", detail)
}

fn slow(detail: String) -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "slow", "The body came too slowly", detail)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // Serde reads a structure from an array as well, member by member.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::at("", "must be a JSON object"));
    }
    read(bytes)
}

/// A JSON body that is no object but a list of them.
pub(crate) fn parse_list<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, Problem> {
    read(bytes)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (pointer, error) = (pointer(error.path()), error.into_inner());
        if error.is_data() { Problem::at(pointer, misfit(&error.to_string())) } else { malformed(&error) }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(read)
}

/// Says where the text breaks off being JSON, but not what stands there.
fn malformed(error: &serde_json::Error) -> Problem {
    let detail = format!("the body is not JSON, at line {} column {}", error.line(), error.column());
    Problem::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is not JSON", detail)
}

/// The place in a body as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("/{index}")),
            // A name that the client made up is not repeated: the pointer ends at what holds it.
            Segment::Map { key } if !is_member_name(key) => break,
            Segment::Map { key } => text.push_str(&format!("/{key}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use tokio::time::{Sleep, sleep};

    use super::*;

    /// So many pieces of some size, each after a pause.
    struct Pieces {
        left: usize,
        size: usize,
        pause: Duration,
        next: Pin<Box<Sleep>>,
    }

    impl hyper::body::Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            ready!(self.next.as_mut().poll(cx));
            if self.left == 0 {
                return Poll::Ready(None);
            }
            let pause = self.pause;
            self.left -= 1;
            self.next.as_mut().reset(Instant::now() + pause);
            Poll::Ready(Some(Ok(hyper::body::Frame::data(vec![0; self.size].into()))))
        }
    }

    /// How many bytes arrive of so many pieces.
    fn arrive(left: usize, size: usize, pause: Duration) -> Result<usize, Problem> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let body = Body::new(Pieces { left, size, pause, next: Box::pin(sleep(pause)) });
            let mut read = 0;
            let count = |piece: Bytes| {
                read += piece.len();
                Ok(())
            };
            Incoming { kind: None, announced: None, body }.each(usize::MAX, count).await.map(|()| read)
        })
    }

    /// On a clock that only the test moves.
    #[test]
    fn a_trickle_is_cut_off_and_a_slow_line_is_not() {
        let second = Duration::from_secs(1);
        assert!(matches!(arrive(1_000, 1, 20 * second), Err(problem) if problem.status() == 408));
        assert!(matches!(arrive(1_000, BODY_RATE, 2 * second), Err(problem) if problem.status() == 408));
        assert_eq!(arrive(1_000, BODY_RATE, second).unwrap(), 1_000 * BODY_RATE);
        assert_eq!(arrive(5, 1, 5 * second).unwrap(), 5);
        assert_eq!(arrive(20, 20 * BODY_RATE, 20 * second).unwrap(), 400 * BODY_RATE);
    }
}
