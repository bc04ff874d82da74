//! One realm: published, or copied from what another node publishes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use edgelatch_core::head::Head;
use edgelatch_registry::{Node, RealmState, Slug};
use edgelatch_sync::{Directory, Error, Follower, Item, Publisher, Stage, Target};
use tracing::{error, info, warn};

use super::fresh::Shows;
use super::shared::Shared;
use super::tell::{judge, tell, trace};
use super::timed::{Calls, Timed};
use super::tries::Tries;
use crate::limits::{FIT_LOOK, LEASE, MAX_COPY_RETRY, MAX_RETRY, SLOW_JOB, STUCK, TARGET_LOOK};
use crate::log::PUBLISHER;
use crate::tasks::targets;

/// What is to be done about a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Publish,
    Copy,
}

/// What is known of a realm on this node.
pub(super) struct Realm {
    name: Slug,
    work: Mutex<Work>,
    /// Since when a thread works on it.
    busy: Mutex<Option<Instant>>,
    /// Whether that took long the last time.
    pub(super) slow: AtomicBool,
    /// The head that this node's directory shows.
    shows: Arc<Mutex<Option<Shows>>>,
    /// Its targets by name, and what they have not answered yet: known while a thread works on it.
    calls: Mutex<Vec<(String, Calls)>>,
}

/// A realm that is published here: its publisher, and where to beside the database.
struct Begun {
    publisher: Publisher,
    targets: Vec<Timed>,
}

impl Begun {
    /// Where to, without the database.
    fn given(&self) -> Vec<&dyn Target> {
        self.targets.iter().map(|target| target as &dyn Target).collect()
    }

    /// Where to, with the database where nodes copy from it.
    fn all(&self) -> Vec<&dyn Target> {
        self.publisher.all(&self.given())
    }
}

/// What is remembered between two tasks.
struct Work {
    begun: Option<Begun>,
    follower: Follower,
    publishing: Tries,
    copying: Tries,
    /// Of targets that failed: nothing is published for their sake alone before the next one.
    repairing: Tries,
    /// Why it was not published by this node the last time that it tried: code and sentence.
    unable: Option<(&'static str, String)>,
    /// When targets were last looked at, or files that are gone.
    looked_at: Option<Instant>,
    /// Another node that was seen to publish it.
    other: Option<Node>,
    /// Whether it is known what lies at each target.
    knows: bool,
}

impl Work {
    /// Whether this node could publish it by now, as far as that is known here.
    fn fit(&self) -> Result<(), Error> {
        self.begun.as_ref().map_or(Ok(()), |begun| begun.publisher.fit())
    }
}

/// Whoever works on a realm, until that ends, by a panic too.
struct AtWork<'r>(&'r Realm, &'r Shared);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        *self.0.busy() = None;
        self.1.waker.wake();
    }
}

impl Realm {
    pub(super) fn new(shared: &Shared, name: &Slug) -> Realm {
        let follower = Follower::new(Arc::clone(&shared.options.registry), name.clone(), &shared.options.dir);
        let work = Work {
            begun: None,
            follower,
            publishing: Tries::default(),
            copying: Tries::default(),
            repairing: Tries::default(),
            unable: None,
            looked_at: None,
            other: None,
            knows: false,
        };
        Realm {
            name: name.clone(),
            work: Mutex::new(work),
            busy: Mutex::default(),
            slow: AtomicBool::new(false),
            shows: Arc::default(),
            calls: Mutex::default(),
        }
    }

    /// The head that this node shows.
    pub(super) fn shows(&self) -> Option<Shows> {
        *self.shows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, shows: Option<Shows>) {
        *self.shows.lock().unwrap_or_else(PoisonError::into_inner) = shows;
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> MutexGuard<'_, Option<Instant>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self) -> MutexGuard<'_, Vec<(String, Calls)>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a thread waits for a target of it, and has done so for a while.
    pub(super) fn waits(&self) -> bool {
        self.busy().is_some() && self.calls().iter().any(|(_, calls)| calls.waits())
    }

    /// Tells of targets that do not answer; whoever waits for them will say what came of it.
    fn tell_silent(&self, shared: &Shared) {
        for (target, calls) in self.calls().iter() {
            let Some(silent) = calls.overdue() else { continue };
            let detail = format!("{target}: no answer for {} s: check its disk, mount or network", silent.as_secs());
            shared.watched.health.failing(&targets::place(&self.name, target), "no_answer", detail);
        }
    }

    fn place(&self, of: &str) -> String {
        format!("realm/{}/{of}", self.name)
    }

    /// What is to be done, if no thread is at it. Asks nothing but what the look has found. Targets are looked at each `apart`.
    pub(super) fn task(&self, shared: &Shared, state: &RealmState, apart: Duration) -> Option<Task> {
        let busy = *self.busy();
        if let Some(since) = busy {
            self.tell_silent(shared);
            if since.elapsed() > STUCK {
                let detail =
                    format!("it has been at work on one epoch for {} s: does a target not answer?", since.elapsed().as_secs());
                shared.watched.health.failing(&self.place("publisher"), "publisher_stuck", detail);
            }
            return None;
        }
        let work = self.work();
        let looked = work.looked_at.is_some_and(|at| at.elapsed() < apart);
        let (holder, ours) = (state.holder.as_ref().map(|lease| &lease.node), shared.publishes(state));
        let here = holder.is_some_and(|holder| *holder == shared.node);
        // Also while it could not be published from here, and nobody else does that yet.
        if !ours || !here && (holder.is_some() || work.publishing.waits()) {
            let copies = shared.options.registry.carries_files() && !work.copying.waits();
            let tells = ours && work.other.as_ref() != holder;
            return ((copies && (work.follower.is_behind(state.last_file, state.shown_epoch) || !looked)) || tells)
                .then_some(Task::Copy);
        }
        // Whoever could not say for a while that it is at work is taken for gone.
        if work.publishing.waits() || !shared.presence.holds() {
            return None;
        }
        let Some(begun) = &work.begun else { return Some(Task::Publish) };
        let due = begun.publisher.due_after(state.last, state.pace()).is_ok_and(|due| due.is_none());
        // Changes are asked for often, which costs next to nothing; targets are read and their heads proven.
        let rests = holder.is_some() && due && (looked || work.repairing.waits());
        (!rests).then_some(Task::Publish)
    }

    /// Marks that a thread is about to work on it.
    pub(super) fn begin(&self) {
        *self.busy() = Some(Instant::now());
    }

    /// Does it, and tells in log and health how it went.
    pub(super) fn run(&self, shared: &Shared, task: Task, state: &RealmState) {
        let (begun, _at_work) = (Instant::now(), AtWork(self, shared));
        let place = self.place(if task == Task::Publish { "publisher" } else { "copy" });
        let done = match task {
            Task::Publish => self.publish(shared, state),
            Task::Copy => self.copy(shared, state),
        };
        match done {
            Ok(()) => {
                shared.watched.health.fine(&place);
                // The other one is no business of this node any more.
                match task {
                    Task::Publish => shared.watched.health.fine(&self.place("copy")),
                    Task::Copy => self.tell_unable(shared, state),
                }
            }
            Err(error) => {
                let mut work = self.work();
                let retry = match task {
                    Task::Publish => work.publishing.failed(begun, MAX_RETRY),
                    Task::Copy => work.copying.failed(begun, MAX_COPY_RETRY),
                };
                let (realm, code, retry_seconds) = (&self.name, error.code(), retry.as_secs());
                let message = if task == Task::Publish { "not published" } else { "not copied" };
                error!(target: PUBLISHER, %realm, code, %error, retry_seconds, "{message}");
                shared.watched.health.failing(&place, code, error.to_string());
                if task == Task::Publish {
                    work.unable = Some((code, error.to_string()));
                    // A pepper does not come by itself; other failures may pass.
                    let hopeless = work.publishing.is_hopeless() || matches!(error, Error::PepperMissing { .. });
                    if !error.is_of_realm() && hopeless {
                        self.leave(shared, state);
                    }
                }
            }
        }
        self.slow.store(begun.elapsed() > SLOW_JOB, Ordering::SeqCst);
    }

    fn publish(&self, shared: &Shared, state: &RealmState) -> Result<(), Error> {
        let mut work = self.work();
        let work = &mut *work;
        if work.begun.is_none() {
            work.begun = Some(self.ready(shared)?);
        }
        let ours = state.holder.as_ref().is_some_and(|lease| lease.node == shared.node);
        if !ours {
            // It may be about to end.
            if !shared.presence.holds() {
                return Ok(());
            }
            // Whoever could not publish leaves it to those who can.
            work.fit().or_else(|error| if error.is_of_realm() { Ok(()) } else { Err(error) })?;
            let asked = Instant::now();
            let lease = shared.options.registry.ledger(&self.name).acquire_lease(&shared.node, LEASE.as_secs())?;
            if lease.node != shared.node {
                return Ok(());
            }
            shared.presence.said(asked);
            work.other = None;
        }
        shared.watched.measures.publishes(&self.name, true);
        work.looked_at = Some(Instant::now());
        // Whatever it copied before, the directory is written by the publisher from here on.
        work.follower.forget();
        let Some(realm) = &work.begun else { return Ok(()) };
        let (targets, began, begun) = (realm.given(), SystemTime::now(), Instant::now());
        // Once: what somebody has removed there while nobody published comes back with an epoch.
        let known = if work.knows { Ok(()) } else { realm.publisher.look_through(&targets) };
        work.knows = known.is_ok();
        let published = known.and_then(|()| realm.publisher.publish_if_due(&targets));
        self.look_again(&shared.options.dir.realm(&self.name));
        trace(shared, &self.name, (began, begun.elapsed()), &published);
        let published = published?;
        (work.publishing, work.unable) = (Tries::default(), None);
        let failed = published.as_ref().map_or(&[][..], |published| &published.failed);
        judge(shared, &self.name, &realm.all(), failed);
        if let Some(published) = &published {
            shared.watched.measures.published(&self.name, begun.elapsed());
            shared.watched.targets.note(&self.name, &realm.all(), published);
        }
        let retry = (!failed.is_empty()).then(|| work.repairing.failed(Instant::now(), MAX_RETRY));
        if retry.is_none() && (published.is_some() || !work.repairing.waits()) {
            work.repairing = Tries::default();
        }
        if let Some(published) = &published {
            tell(&self.name, published, retry.unwrap_or_default().as_secs());
        }
        Ok(())
    }

    /// Gives the realm's lease back, so that a node which can publish it does; this one tries again after its pause, if nobody has taken it then.
    fn leave(&self, shared: &Shared, state: &RealmState) {
        let Some(lease) = state.holder.as_ref().filter(|lease| lease.node == shared.node) else { return };
        // If this fails, so does whatever keeps the lease, and it ends by itself.
        if shared.options.registry.ledger(&self.name).release_lease(lease).is_ok() {
            shared.watched.measures.publishes(&self.name, false);
            warn!(target: PUBLISHER, realm = %self.name, "cannot publish, and leaves it to other nodes");
        }
    }

    /// Tells that this node could not publish, while another one does: then it is no failure yet.
    fn tell_unable(&self, shared: &Shared, state: &RealmState) {
        let (place, mut work) = (self.place("publisher"), self.work());
        let other = state.holder.as_ref().map(|lease| &lease.node).filter(|node| **node != shared.node);
        if let (Some(_), Some(_), false) = (&work.unable, other, work.publishing.waits()) {
            match self.fit(shared, &mut work) {
                Ok(()) => (work.publishing, work.unable) = (Tries::default(), None),
                Err(error) => {
                    work.publishing.failed(Instant::now(), FIT_LOOK);
                    work.unable = Some((error.code(), error.to_string()));
                }
            }
        }
        match (&work.unable, other) {
            (None, _) => shared.watched.health.fine(&place),
            (Some((code, detail)), Some(node)) => {
                let detail = format!("this node could not publish, and node `{}` does: {detail}", node.name);
                shared.watched.health.warning(&place, code, detail);
            }
            // It is failing, as it was told then.
            (Some(_), None) => {}
        }
    }

    /// Whether this node could publish by now.
    fn fit(&self, shared: &Shared, work: &mut Work) -> Result<(), Error> {
        if work.begun.is_none() {
            work.begun = Some(self.ready(shared)?);
        }
        work.fit()
    }

    /// Signing keys and targets, found when the realm is published first.
    fn ready(&self, shared: &Shared) -> Result<Begun, Error> {
        let (publisher, targets) = (shared.options.begin)(&self.name)?;
        let (published, path, shows) =
            (Arc::clone(&shared.published), shared.options.dir.realm(&self.name), Arc::clone(&self.shows));
        let watched = publisher.watched(move |stage| {
            if let Stage::Shown(_) = stage {
                read_shown(&path, &shows);
                published.notify_one();
            }
        });
        let timed: Vec<(Timed, Calls)> = targets.into_iter().map(Timed::new).collect();
        *self.calls() = timed.iter().map(|(target, calls)| (target.name(), calls.clone())).collect();
        Ok(Begun { publisher: watched, targets: timed.into_iter().map(|(target, _)| target).collect() })
    }

    fn look_again(&self, path: &std::path::Path) {
        read_shown(path, &self.shows);
    }

    fn copy(&self, shared: &Shared, state: &RealmState) -> Result<(), Error> {
        let mut work = self.work();
        shared.watched.measures.publishes(&self.name, false);
        // Whoever publishes tells of its targets.
        shared.watched.targets.forget(&self.name);
        for target in work.begun.iter().flat_map(Begun::all) {
            shared.watched.health.fine(&targets::place(&self.name, &target.name()));
        }
        let holder = state.holder.as_ref().map(|lease| lease.node.clone());
        if let Some(holder) = holder.as_ref().filter(|holder| work.other.as_ref() != Some(holder)) {
            info!(target: PUBLISHER, realm = %self.name, holder = %holder.name, "another node publishes; waiting for a turn");
        }
        work.other = holder;
        work.looked_at = Some(Instant::now());
        if !shared.options.registry.carries_files() {
            return Ok(());
        }
        if work.follower.is_behind(state.last_file, state.shown_epoch) {
            // Where that fails, nobody knows what lies here.
            let (epoch, news) = work.follower.copy().inspect_err(|_| self.show(None))?;
            self.look_again(&shared.options.dir.realm(&self.name));
            work.copying = Tries::default();
            if news {
                shared.published.notify_one();
                info!(target: PUBLISHER, realm = %self.name, epoch, "copied");
            }
        }
        work.follower.tidy()
    }
}

/// Looks which head this node's directory shows. What was written there by this process need not be proven.
fn read_shown(path: &std::path::Path, shows: &Mutex<Option<Shows>>) {
    let head = Directory::new(path).read(Item::Head).ok().flatten().and_then(|head| Head::inspect(&head).ok());
    let shown = head.map(|Head { epoch, issued_at, .. }| Shows { epoch, issued_at });
    *shows.lock().unwrap_or_else(PoisonError::into_inner) = shown;
}

/// How often targets are looked at, and files that are gone, where there are so many realms: each costs a file or a request, and all of them together no
/// more than a small part of a thread's time.
pub(super) fn apart(realms: usize) -> Duration {
    TARGET_LOOK.max(TARGET_LOOK * u32::try_from(realms).unwrap_or(u32::MAX) / 50)
}
