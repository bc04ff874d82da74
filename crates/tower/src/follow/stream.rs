//! Keeps a stream of heads open: connects, listens whether it is still there, and returns after pauses.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout};

use super::{doubled, random};
use crate::source::{Event, EventReader, Pushed, Source, pushed};
use crate::verifier::Shared;
use edgelatch_http::Error;

/// Between two signs of life of a stream, as the server sends them.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);
/// After so long a silence a stream is taken for broken: one sign may be late or lost, not two.
pub(super) const SILENCE: Duration = Duration::from_millis(37_500);
/// Time over which edges spread their return after a stream has ended, unless the source names another.
const RETURN: Duration = Duration::from_secs(10);
/// What a source can name at least and at most: edges that come back at once would never stop, and after a day is as good as never.
const RETURNS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];
/// Until a source without a stream is asked for one again: it may be a newer server by then.
const WITHOUT_STREAM: Duration = Duration::from_secs(600);

/// What is heard of a stream.
pub(super) enum Said {
    /// There is one now.
    Up,
    /// A head.
    Head(Told),
    /// At that moment there was nothing newer than what was told before.
    Idle(Instant),
    /// There is none any more.
    Down,
}

/// A head that came by the stream, and when.
pub(super) struct Told {
    pub(super) pushed: Pushed,
    pub(super) at: Instant,
}

/// Nobody listens any more.
struct Gone;

/// Tells of what streams say, one after another, until nobody listens.
pub(super) async fn watch(source: Source, shared: Arc<Shared>, says: Sender<Said>, max_backoff: Duration) {
    let (mut failures, mut told, mut back) = (0u32, false, RETURN);
    loop {
        let mut up = false;
        let ended = match listen(&source, &shared, &says, &mut up, &mut back).await {
            Err(Gone) => return,
            Ok(ended) => ended,
        };
        if up {
            (failures, told) = (0, false);
            if says.send(Said::Down).await.is_err() {
                return;
            }
        }
        failures = failures.saturating_add(1);
        let missing = ended.as_ref().is_some_and(|error| error.code() == "no_stream");
        // That a stream has ended is no error: servers are restarted, and proxies cut what stands for long. That none begins is one.
        let error = match ended {
            None if up => None,
            None => Some(Error::source("source", "the stream of heads ended before it said anything")),
            Some(error) => Some(error),
        };
        if let Some(error) = error.filter(|_| !missing && !told) {
            told = true;
            shared.report(&error);
        }
        let pause = if missing {
            WITHOUT_STREAM.mul_f64(0.5 + 0.5 * random())
        } else {
            doubled(failures, back, max_backoff).mul_f64(random())
        };
        sleep(pause).await;
    }
}

/// Hands on what one stream says. Returns why it ended; `None` where its source has ended it.
async fn listen(
    source: &Source,
    shared: &Shared,
    says: &Sender<Said>,
    up: &mut bool,
    back: &mut Duration,
) -> Result<Option<Error>, Gone> {
    let silent = || Error::source("deadline", format!("the stream of heads was silent for {} ms", SILENCE.as_millis()));
    let epoch = shared.read().map_or(0, |edge| edge.head().map_or(0, |head| head.epoch));
    let mut stream = match timeout(SILENCE, source.stream(epoch)).await {
        Err(_) => return Ok(Some(silent())),
        Ok(Err((error, after))) => {
            *back = after.map_or(*back, within);
            return Ok(Some(error));
        }
        Ok(Ok(stream)) => stream,
    };
    let mut events = EventReader::default();
    loop {
        let said = match timeout(SILENCE, stream.next()).await {
            Err(_) => return Ok(Some(silent())),
            Ok(Err(error)) => return Ok(Some(error)),
            Ok(Ok(None)) => return Ok(None),
            Ok(Ok(Some(piece))) => events.push(&piece),
        };
        let (said, at) = match said {
            Err(error) => return Ok(Some(error)),
            Ok(said) => (said, Instant::now()),
        };
        for event in said {
            let what = match event {
                Event::Retry(after) => {
                    *back = within(after);
                    continue;
                }
                Event::Idle => Said::Idle(at),
                Event::Head(data) => match pushed(&data) {
                    Err(error) => return Ok(Some(error)),
                    Ok(pushed) => Said::Head(Told { pushed, at }),
                },
            };
            if !*up {
                *up = true;
                says.send(Said::Up).await.map_err(|_| Gone)?;
            }
            says.send(what).await.map_err(|_| Gone)?;
        }
    }
}

fn within(after: Duration) -> Duration {
    let [least, most] = RETURNS;
    after.clamp(least, most)
}
