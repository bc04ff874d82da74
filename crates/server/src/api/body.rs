//! What a call brings: its body and its query, read strictly.

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
use utoipa::IntoParams;

use super::problem::Refusal;
use crate::limits::{BODY_RATE, BODY_TIMEOUT};

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
    pub(crate) fn expect(&self, kinds: &[&str]) -> Result<String, Refusal> {
        if let Some(kind) = self.kind.as_ref().filter(|kind| kinds.contains(&kind.as_str())) {
            return Ok(kind.clone());
        }
        let detail = format!("`content-type`: must be {}", kinds.join(" or "));
        Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", "Another kind of body is needed", detail))
    }

    /// Hands over the body piece by piece, at most `limit` bytes of it.
    pub(crate) async fn each(
        mut self,
        limit: usize,
        mut take: impl FnMut(Bytes) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let too_large = || {
            let detail = format!("the body is larger than the limit of {limit} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large", detail)
        };
        if self.announced.is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let (begin, mut read) = (Instant::now(), 0);
        loop {
            let slow = |_| {
                let detail = format!("nothing came for {} s, or less than {BODY_RATE} bytes a second", BODY_TIMEOUT.as_secs());
                Refusal::new(StatusCode::REQUEST_TIMEOUT, "slow", "The body came too slowly", detail)
            };
            let due = begin + BODY_TIMEOUT + Duration::from_secs((read / BODY_RATE) as u64);
            let wait = BODY_TIMEOUT.min(due.saturating_duration_since(Instant::now()));
            let Some(frame) = timeout(wait, self.body.frame()).await.map_err(slow)? else { return Ok(()) };
            let broken = |_| Refusal::new(StatusCode::BAD_REQUEST, "broken", "The body broke off", "the body ended too early");
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
    async fn bytes(self, limit: usize) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        let read = self.each(limit, |piece| {
            bytes.extend_from_slice(&piece);
            Ok(())
        });
        match timeout(BODY_TIMEOUT, read).await {
            Ok(read) => read?,
            Err(_) => {
                let detail = format!("the body took longer than {} s", BODY_TIMEOUT.as_secs());
                return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "slow", "The body came too slowly", detail));
            }
        }
        Ok(bytes)
    }

    /// A JSON body, and its bytes.
    pub(crate) async fn json<T: DeserializeOwned>(self, limit: usize) -> Result<(T, Vec<u8>), Refusal> {
        self.expect(&["application/json"])?;
        let bytes = self.bytes(limit).await?;
        Ok((parse(&bytes)?, bytes))
    }

    /// The same where the body may be left out.
    pub(crate) async fn json_or_nothing<T: DeserializeOwned + Default>(self, limit: usize) -> Result<(T, Vec<u8>), Refusal> {
        if self.kind.is_some() {
            let (read, bytes) = self.json::<Option<T>>(limit).await?;
            return Ok((read.unwrap_or_default(), bytes));
        }
        match self.bytes(limit).await? {
            nothing if nothing.is_empty() => Ok((T::default(), nothing)),
            _ => Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media_type",
                "Another kind of body is needed",
                "`content-type`: must be application/json",
            )),
        }
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    // A reader of structures would take an array as one, member by member.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Refusal::at("", "must be a JSON object"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (pointer, error) = (pointer(error.path()), error.into_inner());
        // Where a text is broken says more than what was expected there; what stands there is not repeated.
        let place = format!("line {} column {}", error.line(), error.column());
        if error.is_data() { Refusal::at(pointer, misfit(&error.to_string())) } else { malformed(&place) }
    })?;
    json.end().map_err(|error| malformed(&format!("line {} column {}", error.line(), error.column())))?;
    Ok(read)
}

fn malformed(place: &str) -> Refusal {
    let detail = format!("the body is not JSON, at {place}");
    Refusal::new(StatusCode::BAD_REQUEST, "malformed_json", "The body is not JSON", detail)
}

fn pointer(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("/{index}")),
            // What holds the member is named instead.
            Segment::Map { key } if !is_member_name(key) => break,
            Segment::Map { key } => text.push_str(&format!("/{key}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

/// What a query can hold: some structures, whose parameters are those that their documentation names.
pub(crate) trait Query: Sized {
    /// Reads a query string, of which every parameter must be known and given once.
    fn read(text: &str) -> Result<Self, Refusal>;
}

macro_rules! queries {
    ($(($($part:ident),*);)*) => { $(
        impl<$($part: DeserializeOwned + IntoParams),*> Query for ($($part,)*) {
            fn read(text: &str) -> Result<Self, Refusal> {
                let pairs = pairs(text, &[$(names::<$part>()),*].concat())?;
                Ok(($(part::<$part>(&pairs)?,)*))
            }
        }
    )* };
}

impl Query for () {
    fn read(text: &str) -> Result<(), Refusal> {
        pairs(text, &[]).map(drop)
    }
}

queries! {
    (A);
    (A, B);
    (A, B, C);
}

fn names<T: IntoParams>() -> Vec<String> {
    T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect()
}

/// The parameters of a query, each one of `known` and given once.
fn pairs(text: &str, known: &[String]) -> Result<Vec<(String, String)>, Refusal> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    for (i, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().take(i).any(|(other, _)| other == name) {
            return Err(Refusal::parameter(shown(name), "is given twice"));
        }
        if !known.contains(name) {
            let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let expected = if known.is_empty() { "no parameters".into() } else { format!("one of {known}") };
            return Err(Refusal::parameter(shown(name), format!("names what is none; expected {expected}")));
        }
    }
    Ok(pairs)
}

/// One structure, from the parameters that are its own.
fn part<T: DeserializeOwned + IntoParams>(pairs: &[(String, String)]) -> Result<T, Refusal> {
    let own = names::<T>();
    let pairs = pairs.iter().filter(|(name, _)| own.contains(name));
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let from = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
    serde_path_to_error::deserialize(from).map_err(|error| {
        let (path, said) = (error.path().to_string(), error.into_inner().to_string());
        let missing = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
        missing.map_or_else(|| Refusal::parameter(shown(&path), misfit(&said)), |name| Refusal::parameter(name, "is missing"))
    })
}

/// A parameter's name, unless it may be a secret in the wrong place.
fn shown(name: &str) -> &str {
    if is_member_name(name) { name } else { "query" }
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
    fn arrive(left: usize, size: usize, pause: Duration) -> Result<usize, Refusal> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let body = Body::new(Pieces { left, size, pause, next: Box::pin(sleep(pause)) });
            let (incoming, mut read) = (Incoming { kind: None, announced: None, body }, 0);
            incoming
                .each(usize::MAX, |piece| {
                    read += piece.len();
                    Ok(())
                })
                .await?;
            Ok(read)
        })
    }

    /// On a clock that only the test moves.
    #[test]
    fn a_trickle_is_cut_off_and_a_slow_line_is_not() {
        let second = Duration::from_secs(1);
        assert!(matches!(arrive(1_000, 1, 20 * second), Err(Refusal::Problem(problem)) if problem.status == 408));
        assert!(matches!(arrive(1_000, BODY_RATE, 2 * second), Err(Refusal::Problem(problem)) if problem.status == 408));
        assert_eq!(arrive(1_000, BODY_RATE, second).unwrap(), 1_000 * BODY_RATE);
        assert_eq!(arrive(5, 1, 5 * second).unwrap(), 5);
        assert_eq!(arrive(20, 20 * BODY_RATE, 20 * second).unwrap(), 400 * BODY_RATE);
    }
}
