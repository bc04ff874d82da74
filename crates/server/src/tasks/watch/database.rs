//! Looks at the registry: the places `database`, `database/writes`, `clock`, `outbox`, and of each realm `root` and `changes`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use edgelatch_core::limits::CLOCK_TOLERANCE;
use edgelatch_core::root::Root;
use edgelatch_registry::{Error, Pulse, RealmPulse, Registry, Slug, Uptime, format_time};
use edgelatch_sync::trust::Life;

use super::probe::{Findings, Found, Probe};
use super::seen::Seen;
use super::stage;
use crate::health::Health;
use crate::limits::{
    BEHIND_SECONDS, EVENT_SECONDS, GIVEN_UP_SECONDS, HEALTH_DEADLINE, HEALTH_LOOK, WRITES_DEADLINE, WRITES_LOOK,
};

/// Whether the database answers, and what it says.
pub(super) fn answers(registry: Arc<Registry>, delivers: bool, health: Health, seen: Seen) -> Probe {
    let mut waiting = Waiting::default();
    let look = move || {
        let begun = Instant::now();
        match ask(&registry, delivers, &mut waiting, begun, &seen) {
            Ok(found) => {
                forget_others(&health, &seen);
                found
            }
            Err(error) => vec![("database".into(), Found::Failing(error.code(), error.to_string()))],
        }
    };
    Probe { place: "database", pause: HEALTH_LOOK, deadline: HEALTH_DEADLINE, look: Box::new(look) }
}

/// Whether the database takes writes.
pub(super) fn writes(registry: Arc<Registry>) -> Probe {
    let place = "database/writes";
    let look = move || {
        let found = match registry.check_live().and_then(|()| registry.check_writes()) {
            Ok(()) => Found::Fine,
            // Somebody else writes for long, as a migration does.
            Err(error @ Error::Busy) => Found::Warning(error.code(), error.to_string()),
            Err(error) => Found::Failing(error.code(), error.to_string()),
        };
        vec![(place.into(), found)]
    };
    Probe { place, pause: WRITES_LOOK, deadline: WRITES_DEADLINE, look: Box::new(look) }
}

fn ask(registry: &Registry, delivers: bool, waiting: &mut Waiting, begun: Instant, seen: &Seen) -> Result<Findings, Error> {
    let pulse = Arc::new(registry.pulse()?);
    let took = begun.elapsed();
    seen.note(|sight| sight.registry = Some((Arc::clone(&pulse), took)));
    let mut found: Findings = vec![("database".into(), Found::Fine)];
    let now = match registry.env().now() {
        Ok(now) => now,
        Err(error) => {
            found.push(("clock".into(), Found::Failing("unset", error.to_string())));
            return Ok(found);
        }
    };
    let unseen = registry.database().is_local() && registry.env().uptime() == Some(None);
    found.push(("clock".into(), clock(&pulse, now, unseen)));
    for realm in &pulse.realms {
        found.push((format!("realm/{}/root", realm.realm), root(realm, now)));
        found.push((format!("realm/{}/changes", realm.realm), waiting.judge(realm, begun)));
    }
    waiting.since.retain(|realm, _| pulse.realms.iter().any(|known| known.realm == *realm));
    if delivers {
        let outbox = registry.outbox();
        found.push((
            "outbox".into(),
            events(outbox.oldest()?, outbox.given_up_since(now.saturating_sub(GIVEN_UP_SECONDS))?, now),
        ));
    }
    Ok(found)
}

/// What was said of realms that are gone is said no more.
fn forget_others(health: &Health, seen: &Seen) {
    let sight = seen.now();
    let Some((pulse, _)) = &sight.registry else { return };
    let known = |name: &str| {
        pulse.realms.iter().any(|realm| realm.realm.as_str() == name) || sight.heads.keys().any(|realm| realm.as_str() == name)
    };
    health.keep("realm/", |place| place.split('/').nth(1).is_some_and(known));
}

/// `unseen` is whether there is nothing to compare it with: neither another machine's, nor what this machine counts.
fn clock(pulse: &Pulse, now: u64, unseen: bool) -> Found {
    let mend = "set the clocks of all nodes by NTP";
    if let Some(time) = pulse.time.filter(|time| time.abs_diff(now) > CLOCK_TOLERANCE) {
        let (here, there) = (format_time(now), format_time(time));
        return Found::Failing("differs_from_database", format!("it is {here} here, and {there} at the database: {mend}"));
    }
    let last = pulse.realms.iter().filter_map(|realm| realm.issued_at).max().unwrap_or(0);
    if last > now.saturating_add(CLOCK_TOLERANCE) {
        let (here, last) = (format_time(now), format_time(last));
        return Found::Failing("behind_ledger", format!("it is {here} here, and an epoch was signed at {last}: {mend}"));
    }
    // Elsewhere the system does not tell it.
    if unseen && cfg!(target_os = "linux") {
        let files = Uptime::FILES.join(" and ");
        let why =
            format!("{files} cannot be read, so a clock that jumps ahead would not be noticed: let this process read them");
        return Found::Warning("unwitnessed", format!("{why} (of systemd: ProcSubset=all)"));
    }
    Found::Fine
}

fn root(realm: &RealmPulse, now: u64) -> Found {
    let Some(object) = &realm.root else { return Found::Fine };
    let root = match Root::open(object) {
        Ok(root) => root,
        Err(error) => return Found::Failing("unreadable", format!("the newest root of the realm: {error}: restore a backup")),
    };
    let said = format!("root {} of the realm ends at {}", root.version, format_time(root.expires_at));
    let life = Life::at(root.issued_at, root.expires_at, now);
    match (life, stage(life)) {
        (Life::Over, _) => {
            Found::Failing("expired", format!("{said}: no edge accepts a head under it: sign a new one with the root key"))
        }
        (_, Some(code)) => {
            Found::Warning(code, format!("{said}, and {}: `edgelatch trust extend` with the root key", life.words()))
        }
        (_, None) => Found::Fine,
    }
}

/// Since when changes of realms wait: by this process's own clock, which nobody sets.
#[derive(Debug, Default)]
struct Waiting {
    /// With the changes that every target shows: with a later epoch there, waiting begins anew.
    since: BTreeMap<Slug, (Option<u64>, Instant)>,
}

impl Waiting {
    fn judge(&mut self, realm: &RealmPulse, now: Instant) -> Found {
        // Before its first root nobody can publish a realm.
        if realm.root.is_none() || realm.published_changes == Some(realm.changes) {
            self.since.remove(&realm.realm);
            return Found::Fine;
        }
        let known = self.since.entry(realm.realm.clone()).or_insert((realm.published_changes, now));
        if known.0 != realm.published_changes {
            *known = (realm.published_changes, now);
        }
        let waited = now.saturating_duration_since(known.1);
        if waited < Duration::from_secs(BEHIND_SECONDS) {
            return Found::Fine;
        }
        let (number, seconds) = (realm.changes.saturating_sub(realm.published_changes.unwrap_or(0)), waited.as_secs());
        let detail = format!(
            "{number} changes are committed and have not reached every target for {seconds} s: see that `edgelatch serve` runs for the realm, \
             and what it says of its targets"
        );
        Found::Failing("unpublished", detail)
    }
}

fn events(oldest: Option<u64>, given_up: u64, now: u64) -> Found {
    let late = oldest.filter(|at| at.saturating_add(EVENT_SECONDS) < now).map(|at| now.saturating_sub(at));
    match (late, given_up) {
        (Some(seconds), _) => Found::Warning(
            "late",
            format!(
                "an event has waited for its delivery for {seconds} s: see `edgelatch events list --state failed` and the receiver"
            ),
        ),
        (None, 0) => Found::Fine,
        (None, number) => Found::Warning(
            "given_up",
            format!("{number} events of the last day were given up: see the receiver, then have them delivered again"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use edgelatch_testkit::realm::root_fields;

    use super::*;

    fn code(found: &Found) -> &'static str {
        match found {
            Found::Fine => "fine",
            Found::Warning(code, _) | Found::Failing(code, _) => code,
        }
    }

    fn realm(changes: u64, published_changes: Option<u64>) -> RealmPulse {
        let root = Some(edgelatch_testkit::realm::root());
        RealmPulse {
            realm: "acme".parse().unwrap(),
            changes,
            published_changes,
            epoch: None,
            issued_at: None,
            published_epoch: None,
            root,
        }
    }

    #[test]
    fn changes_that_wait_are_trouble_and_those_that_go_out_are_none() {
        let (mut waiting, begin) = (Waiting::default(), Instant::now());
        let mut at = |seconds, realm: &RealmPulse| code(&waiting.judge(realm, begin + Duration::from_secs(seconds)));
        assert_eq!(at(0, &realm(5, Some(5))), "fine");
        assert_eq!(at(20, &realm(6, Some(5))), "fine");
        assert_eq!(at(29, &realm(9, Some(5))), "fine");
        assert_eq!(at(30, &realm(9, Some(5))), "unpublished");
        // An epoch came out, though it does not show all: it goes on.
        assert_eq!(at(31, &realm(12, Some(9))), "fine");
        assert_eq!(at(41, &realm(12, Some(9))), "unpublished");
        assert_eq!(at(42, &realm(12, Some(12))), "fine");
        // A realm that was never published, and one that cannot be.
        assert_eq!(at(50, &realm(1, None)), "fine");
        assert_eq!(at(60, &realm(1, None)), "unpublished");
        assert_eq!(at(61, &RealmPulse { root: None, ..realm(1, None) }), "fine");
    }

    #[test]
    fn roots_are_warned_of_before_they_end() {
        let fields = root_fields(1);
        let (begin, end) = (fields.issued_at, fields.expires_at);
        let eighth = (end - begin) / 8;
        for (now, says) in [
            (begin, "fine"),
            (begin + 4 * eighth - 1, "fine"),
            (begin + 4 * eighth + 8, "half_over"),
            (begin + 6 * eighth - 1, "half_over"),
            (begin + 6 * eighth + 8, "ends"),
            (begin + 7 * eighth + 8, "ends_soon"),
            (end - 1, "ends_soon"),
            (end, "expired"),
        ] {
            assert_eq!(code(&root(&realm(1, None), now)), says, "{now}");
        }
        assert_eq!(code(&root(&RealmPulse { root: Some(vec![1]), ..realm(1, None) }, begin)), "unreadable");
    }

    #[test]
    fn clocks_may_differ_by_what_edges_tolerate() {
        let pulse = |time, issued_at| Pulse { time, realms: vec![RealmPulse { issued_at, ..realm(1, None) }] };
        let now = 1_000_000;
        for (time, issued_at, says) in [
            (None, None, "fine"),
            (Some(now + CLOCK_TOLERANCE), Some(now + CLOCK_TOLERANCE), "fine"),
            (Some(now + CLOCK_TOLERANCE + 1), None, "differs_from_database"),
            (Some(now - CLOCK_TOLERANCE - 1), None, "differs_from_database"),
            (None, Some(now + CLOCK_TOLERANCE + 1), "behind_ledger"),
            (Some(now), Some(now + CLOCK_TOLERANCE + 1), "behind_ledger"),
        ] {
            assert_eq!(code(&clock(&pulse(time, issued_at), now, false)), says, "{time:?} {issued_at:?}");
        }
    }

    #[test]
    fn events_that_nobody_takes_are_told_of() {
        let now = 1_000_000;
        for (oldest, given_up, says) in [
            (None, 0, "fine"),
            (Some(now - EVENT_SECONDS), 0, "fine"),
            (Some(now - EVENT_SECONDS - 1), 0, "late"),
            (Some(now), 1, "given_up"),
        ] {
            assert_eq!(code(&events(oldest, given_up, now)), says);
        }
    }
}
