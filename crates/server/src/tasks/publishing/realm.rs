//! One realm: published, or copied from what another node publishes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use edgelatch_core::head::Head;
use edgelatch_registry::{Node, RealmState, Slug, format_time};
use edgelatch_sync::{Directory, Error, FailedTarget, Follower, Item, Published, Publisher, Stage, Target};
use tracing::{error, info, warn};

use super::shared::Shared;
use super::timed::{Calls, Timed};
use crate::limits::{LEASE, MAX_COPY_RETRY, MAX_RETRY, SLOW_JOB, STUCK, TARGET_LOOK};
use crate::log::PUBLISHER;
use crate::tasks::targets;
use crate::traces::PublicationTrace;

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
    /// The epoch that this node's directory shows.
    shows: Arc<AtomicU64>,
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
    failures: u32,
    /// After a failure, nothing is done before this, whoever asks for it.
    retry_at: Option<Instant>,
    /// After a target failed, nothing is published for its sake alone before this.
    repair_at: Option<Instant>,
    /// When targets were last looked at, or files that are gone.
    looked_at: Option<Instant>,
    /// Another node that was seen to publish it.
    other: Option<Node>,
    /// Whether it is known what lies at each target.
    knows: bool,
}

impl Work {
    /// Counts a failure; says how long to wait before the next attempt.
    fn pause(&mut self) -> Duration {
        let pause = Duration::from_secs(1 << self.failures.min(6)).min(MAX_RETRY);
        self.failures += 1;
        pause
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

fn is_later(at: Option<Instant>) -> bool {
    at.is_some_and(|at| Instant::now() < at)
}

impl Realm {
    pub(super) fn new(shared: &Shared, name: &Slug) -> Realm {
        let follower = Follower::new(Arc::clone(&shared.options.registry), name.clone(), &shared.options.dir);
        let work = Work {
            begun: None,
            follower,
            failures: 0,
            retry_at: None,
            repair_at: None,
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

    /// The epoch that this node shows.
    pub(super) fn shows(&self) -> u64 {
        self.shows.load(Ordering::SeqCst)
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
        if !ours || holder.is_some_and(|holder| *holder != shared.node) {
            let copies = shared.options.registry.carries_files() && !is_later(work.retry_at);
            let tells = ours && work.other.as_ref() != holder;
            return ((copies && (work.follower.is_behind(state.last_file) || !looked)) || tells).then_some(Task::Copy);
        }
        // Whoever could not say for a while that it is at work is taken for gone.
        if is_later(work.retry_at) || !shared.presence.holds() {
            return None;
        }
        let Some(begun) = &work.begun else { return Some(Task::Publish) };
        let due = begun.publisher.due_after(state.last, state.pace()).is_ok_and(|due| due.is_none());
        // Changes are asked for often, which costs next to nothing; targets are read and their heads proven.
        let rests = holder.is_some() && due && (looked || is_later(work.repair_at));
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
                shared.watched.health.fine(&self.place(if task == Task::Publish { "copy" } else { "publisher" }));
            }
            Err(error) => {
                let mut work = self.work();
                let most = if task == Task::Copy { MAX_COPY_RETRY } else { MAX_RETRY };
                let retry = work.pause().min(most);
                work.retry_at = Some(Instant::now() + retry);
                let (realm, code, retry_seconds) = (&self.name, error.code(), retry.as_secs());
                let message = if task == Task::Publish { "not published" } else { "not copied" };
                error!(target: PUBLISHER, %realm, code, %error, retry_seconds, "{message}");
                shared.watched.health.failing(&place, code, error.to_string());
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
        self.trace(shared, began, begun.elapsed(), &published);
        let published = published?;
        (work.failures, work.retry_at) = (if work.repair_at.is_some() { work.failures } else { 0 }, None);
        let failed = published.as_ref().map_or(&[][..], |published| &published.failed);
        judge(shared, &self.name, &realm.all(), failed);
        if let Some(published) = &published {
            shared.watched.measures.published(&self.name, begun.elapsed());
            shared.watched.targets.note(&self.name, &realm.all(), published);
        }
        let retry = (!failed.is_empty()).then(|| work.pause());
        if let Some(retry) = retry {
            work.repair_at = Some(Instant::now() + retry);
        } else if published.is_some() || !is_later(work.repair_at) {
            (work.failures, work.repair_at) = (0, None);
        }
        if let Some(published) = &published {
            self.tell(published, retry.unwrap_or_default().as_secs());
        }
        Ok(())
    }

    /// Tells whoever keeps traces of a publication, if it was one.
    fn trace(&self, shared: &Shared, begun: SystemTime, took: Duration, published: &Result<Option<Published>, Error>) {
        let Some(traces) = &shared.watched.traces else { return };
        let none =
            PublicationTrace { begun, took, realm: &self.name, epoch: None, records: 0, written: 0, outcome: "published" };
        match published {
            Ok(None) => {}
            Ok(Some(Published { epoch, reason, records, written, failed, .. })) => traces.publication(&PublicationTrace {
                epoch: Some((*epoch, reason.name())),
                records: *records,
                written: written.len(),
                outcome: if failed.is_empty() { none.outcome } else { "partly" },
                ..none
            }),
            Err(error) => traces.publication(&PublicationTrace { outcome: error.code(), ..none }),
        }
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

    /// Tells of an epoch; targets that failed are tried again after so long.
    fn tell(&self, published: &Published, retry_seconds: u64) {
        let (realm, &Published { epoch, reason, records, tree_bytes, not_after, diverged, .. }) = (&self.name, published);
        info!(
            target: PUBLISHER, %realm, epoch, reason = reason.name(), records, tree_bytes, not_after = %format_time(not_after), "published"
        );
        for target in &published.unproven {
            warn!(target: PUBLISHER, %realm, epoch, at = %target, "replaced a head that does not verify");
        }
        if diverged {
            error!(
                target: PUBLISHER, %realm, epoch, tree = %published.tree,
                "the tree kept up to date change by change was another than the one built anew, which was published: please report this"
            );
        }
        for error in &published.unsigned {
            warn!(target: PUBLISHER, %realm, epoch, %error, "signed without one of the signers");
        }
        if let Some(aged) = &published.root_aged {
            let (version, expires_at, life) = (aged.root_version, format_time(aged.expires_at), aged.life.words());
            warn!(target: PUBLISHER, %realm, version, %expires_at, life, "the root grows old: make one that lives longer");
        }
        for FailedTarget { target, code, message } in &published.failed {
            error!(target: PUBLISHER, %realm, epoch, at = %target, code, error = %message, retry_seconds, "not published to one target");
        }
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
        if work.follower.is_behind(state.last_file) {
            let (shows, news) = work.follower.copy()?;
            self.shows.store(shows, Ordering::SeqCst);
            (work.failures, work.retry_at) = (0, None);
            if news {
                shared.published.notify_one();
                info!(target: PUBLISHER, realm = %self.name, epoch = shows, "copied");
            }
        }
        work.follower.tidy()
    }
}

/// Says of each target how it is.
fn judge(shared: &Shared, realm: &Slug, all: &[&dyn Target], failed: &[FailedTarget]) {
    let health = &shared.watched.health;
    for target in all {
        let name = target.name();
        let place = targets::place(realm, &name);
        match (failed.iter().find(|failed| failed.target == name), target.weakness()) {
            (Some(failed), _) => health.failing(&place, failed.code, failed.message.clone()),
            (None, Some(means)) => health.warning(&place, "weak", means),
            (None, None) => health.fine(&place),
        }
    }
}

/// Looks which epoch this node's directory shows. What was written there by this process need not be proven.
fn read_shown(path: &std::path::Path, shows: &AtomicU64) {
    if let Ok(Some(head)) = Directory::new(path).read(Item::Head)
        && let Ok(head) = Head::inspect(&head)
    {
        shows.store(head.epoch, Ordering::SeqCst);
    }
}

/// How often targets are looked at, and files that are gone, where there are so many realms: each costs a file or a request, and all of them together no
/// more than a small part of a thread's time.
pub(super) fn apart(realms: usize) -> Duration {
    TARGET_LOOK.max(TARGET_LOOK * u32::try_from(realms).unwrap_or(u32::MAX) / 50)
}
