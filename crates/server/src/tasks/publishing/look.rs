//! The thread that looks at all realms, often, in one query, and has done what is to be done about each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use edgelatch_registry::{RealmState, Slug};
use tracing::error;

use super::realm::{Realm, apart};
use super::shared::Shared;
use super::workers::{Held, Workers};
use crate::limits::{DATABASE_RETRY, LOOK_SHARE, MAX_HELD, UNHELD, UNPUBLISHED};
use crate::log::PUBLISHER;
use crate::tasks::background::{Background, Waker, Woken};

/// The place in the health of threads that wait for targets.
const WORKERS_PLACE: &str = "workers";

pub(super) struct Look {
    shared: Arc<Shared>,
    workers: Workers,
    realms: BTreeMap<Slug, Arc<Realm>>,
    /// Realms that nobody publishes, and since when.
    unheld: BTreeMap<Slug, Instant>,
    /// Whether the database did not answer the last time.
    silent: bool,
}

impl Look {
    pub(super) fn start(shared: Arc<Shared>, workers: Workers, woken: (Waker, Woken)) -> std::io::Result<Background> {
        let (realms, unheld) = (BTreeMap::new(), BTreeMap::new());
        let look = Look { shared, workers, realms, unheld, silent: false };
        Background::woken_by(woken, "publisher", look, Look::round, drop)
    }

    fn round(&mut self) -> Duration {
        let begun = Instant::now();
        self.relieve();
        match self.shared.options.registry.realm_states() {
            Ok(states) => {
                self.silent = false;
                self.look(begun, &states);
                // Whatever a look costs, it takes a small part of a thread's time.
                self.shared.options.interval.max(begun.elapsed() * LOOK_SHARE)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.silent, true) {
                    error!(target: PUBLISHER, code = error.code(), %error, "the realms could not be looked at");
                }
                DATABASE_RETRY
            }
        }
    }

    /// Has other threads take over from those that wait for targets which do not answer, and tells when there are no more.
    fn relieve(&self) {
        let mut held = Held::default();
        for realm in self.realms.values().filter(|realm| realm.waits()) {
            *if realm.slow.load(Ordering::SeqCst) { &mut held.slow } else { &mut held.quick } += 1;
        }
        let health = &self.shared.watched.health;
        if self.workers.relieve(held) {
            return health.fine(WORKERS_PLACE);
        }
        let detail = format!(
            "{} realms wait for targets that do not answer, and there are threads for {MAX_HELD} of these: others are published late, or not at all. \
             See which targets are in trouble, and mend them or start the server without them",
            held.quick + held.slow
        );
        health.failing(WORKERS_PLACE, "held", detail);
    }

    fn look(&mut self, begun: Instant, states: &[RealmState]) {
        let shared = Arc::clone(&self.shared);
        self.realms.retain(|realm, _| {
            let there = states.iter().any(|state| state.realm == *realm);
            if !there {
                shared.watched.health.keep(&format!("realm/{realm}/"), |_| false);
                shared.watched.targets.forget(realm);
            }
            there
        });
        for state in states {
            self.realms.entry(state.realm.clone()).or_insert_with(|| Arc::new(Realm::new(&shared, &state.realm)));
        }
        let shows = |realm: &Slug| self.realms.get(realm).and_then(|realm| realm.shows());
        shared.fresh.note(begun, states, shows);
        let apart = apart(states.len());
        for state in states {
            let Some(realm) = self.realms.get(&state.realm) else { continue };
            let Some(task) = realm.task(&shared, state, apart) else { continue };
            realm.begin();
            let (slow, state) = (realm.slow.load(Ordering::SeqCst), state.clone());
            let (realm, shared) = (Arc::clone(realm), Arc::clone(&shared));
            self.workers.give(slow, move || realm.run(&shared, task, &state));
        }
        self.tell_unheld(states);
    }

    /// Tells of realms that nobody publishes: what is changed there never arrives.
    fn tell_unheld(&mut self, states: &[RealmState]) {
        let place = |realm: &Slug| format!("realm/{realm}/lease");
        let now = Instant::now();
        let unheld: BTreeMap<&Slug, &RealmState> =
            states.iter().filter(|state| state.holder.is_none()).map(|state| (&state.realm, state)).collect();
        for realm in self.unheld.keys().filter(|realm| !unheld.contains_key(realm)) {
            self.shared.watched.health.fine(&place(realm));
        }
        self.unheld.retain(|realm, _| unheld.contains_key(realm));
        let mut told = BTreeSet::new();
        for (realm, state) in unheld {
            let since = *self.unheld.entry(realm.clone()).or_insert(now);
            let rooted = state.root_version > 0;
            if rooted && since.elapsed() < UNHELD {
                continue;
            }
            told.insert(realm.clone());
            let mend = if rooted {
                "run `edgelatch serve` where its signing keys lie"
            } else {
                "make its signing keys with `edgelatch init`"
            };
            let detail = format!("no node publishes the realm, so what is changed in it reaches no edge: {mend}");
            let waits = rooted && state.last.is_none_or(|last| last.changes != state.changes) && since.elapsed() > UNPUBLISHED;
            if waits {
                self.shared.watched.health.failing(&place(realm), "unpublished", detail);
            } else {
                self.shared.watched.health.warning(&place(realm), "unpublished", detail);
            }
        }
        self.shared.unpublished.set(told);
    }
}
