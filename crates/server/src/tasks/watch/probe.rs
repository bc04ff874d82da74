//! A look that is repeated. It runs on a thread of its own: one that hangs, as at a disk of the network that is gone, holds up nothing else, not even
//! the end of the process, and is trouble itself after a bounded time.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::dispatcher;

use crate::health::{Health, Severity};

/// What a look found at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing is wrong.
    Fine,
    /// Somebody should look at it: a code, and a sentence.
    Warning(&'static str, String),
    /// It does not work: a code, and a sentence.
    Failing(&'static str, String),
}

/// What a look found: places, each once.
pub(crate) type Findings = Vec<(String, Found)>;

/// A look that is repeated.
pub(crate) struct Probe {
    /// What is in trouble when the look does not end.
    pub(crate) place: &'static str,
    /// Between two looks.
    pub(crate) pause: Duration,
    /// What a look may take.
    pub(crate) deadline: Duration,
    /// The look.
    pub(crate) look: Box<dyn FnMut() -> Findings + Send>,
}

impl Probe {
    /// Looks until `stop` changes; `first` turns true as soon as it is known what the first look came to.
    pub(crate) async fn repeat(self, health: Health, first: watch::Sender<bool>, mut stop: watch::Receiver<bool>) {
        let Probe { place, pause, deadline, mut look } = self;
        let (ask, asked) = std::sync::mpsc::channel::<()>();
        let (tell, mut told) = mpsc::channel(1);
        let rounds = move || while asked.recv().is_ok() && tell.blocking_send(look()).is_ok() {};
        // It logs to where this task logs.
        let log = dispatcher::get_default(Clone::clone);
        let thread = std::thread::Builder::new().name(format!("watch-{place}"));
        if let Err(error) = thread.spawn(move || dispatcher::with_default(&log, rounds)) {
            return health.failing(place, "not_watched", format!("no thread for looking at it could be started ({error})"));
        }
        loop {
            // If the thread is gone, nothing will be told either.
            let _ = ask.send(());
            let answer = async {
                match timeout(deadline, told.recv()).await {
                    Ok(found) => found,
                    Err(_) => {
                        late(&health, place, deadline);
                        first.send_replace(true);
                        told.recv().await
                    }
                }
            };
            let found = tokio::select! {
                found = answer => found,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let ended = found.is_none();
            found.into_iter().flatten().for_each(|(place, found)| note(&health, &place, found));
            if ended {
                health.failing(place, "not_watched", "looking at it has failed: restart the server, and please report this");
            }
            first.send_replace(true);
            if ended {
                return;
            }
            tokio::select! { () = sleep(pause) => {}, _ = stop.wait_for(|stop| *stop) => return }
        }
    }
}

/// A place that was failing before keeps its reason, which says more.
fn late(health: &Health, place: &str, deadline: Duration) {
    if health.troubles().get(place).is_none_or(|known| known.severity != Severity::Failing) {
        health.failing(place, "no_answer", format!("no answer within {} s", deadline.as_secs()));
    }
}

pub(super) fn note(health: &Health, place: &str, found: Found) {
    match found {
        Found::Fine => health.fine(place),
        Found::Warning(code, detail) => health.warning(place, code, detail),
        Found::Failing(code, detail) => health.failing(place, code, detail),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A probe of the place `disk` whose looks wait until they are told what to find.
    fn told() -> (Sender<Findings>, Probe) {
        let (tell, what): (Sender<Findings>, Receiver<Findings>) = channel();
        let look = Box::new(move || what.recv().expect("told to end by a panic"));
        (tell, Probe { place: "disk", pause: Duration::ZERO, deadline: Duration::from_millis(50), look })
    }

    async fn until(health: &Health, code: Option<&str>) {
        while health.troubles().get("disk").map(|trouble| trouble.code) != code {
            sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_trouble_until_it_ends() {
        let ((tell, probe), health) = (told(), Health::default());
        let ((first, mut done), (stop, stopped)) = (watch::channel(false), watch::channel(false));
        let task = tokio::spawn(probe.repeat(health.clone(), first, stopped));
        // It is known that nothing is known before anybody is told that all is well.
        done.wait_for(|done| *done).await.unwrap();
        assert_eq!(health.troubles()["disk"].code, "no_answer");
        tell.send(vec![("disk".into(), Found::Fine)]).unwrap();
        until(&health, None).await;
        tell.send(vec![("disk".into(), Found::Failing("full", String::new()))]).unwrap();
        until(&health, Some("full")).await;
        // The reason stays while the next look hangs.
        sleep(Duration::from_millis(150)).await;
        assert_eq!(health.troubles()["disk"].code, "full");
        // And the end waits for no look.
        stop.send_replace(true);
        task.await.unwrap();
    }

    #[tokio::test]
    async fn a_look_that_panics_is_trouble() {
        let ((tell, probe), health) = (told(), Health::default());
        let ((first, _), (_stop, stopped)) = (watch::channel(false), watch::channel(false));
        drop(tell);
        probe.repeat(health.clone(), first, stopped).await;
        assert_eq!(health.troubles()["disk"].code, "not_watched");
    }
}
