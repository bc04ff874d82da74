//! Looks at what edges get from this node: the place `published`, and of each realm `head`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use edgelatch_core::head::Head;
use edgelatch_core::limits::CLOCK_TOLERANCE;
use edgelatch_registry::{Pulse, RealmPulse, Registry, RootRow, Slug, format_time};
use edgelatch_sync::{Directory, Item, Shown, Target};

use super::probe::{Findings, Found, Probe};
use super::seen::{HeadSeen, Seen};
use crate::limits::{BEHIND_SECONDS, HEALTH_DEADLINE, HEALTH_LOOK, SIGNED_SECONDS};
use crate::tasks::publishing::fresh::Fresh;

/// What is remembered between two looks.
#[derive(Default)]
struct Memory {
    /// Realms that had a head here: one that vanishes is trouble.
    known: BTreeSet<Slug>,
    /// Heads that were proven, each with the root that it was proven by: signatures are checked once.
    proven: BTreeMap<Slug, (Vec<u8>, Vec<u8>)>,
    /// How the head here follows what every target held, and what was signed.
    lags: BTreeMap<Slug, [Lag; 2]>,
}

pub(super) fn probe(published: PathBuf, registry: Option<Arc<Registry>>, fresh: Arc<Fresh>, seen: Seen) -> Probe {
    let mut memory = Memory::default();
    let look = move || {
        let now = registry.as_ref().and_then(|registry| registry.env().now().ok()).unwrap_or_else(system);
        let pulse = seen.now().registry.map(|(pulse, _)| pulse);
        look(&published, pulse.as_deref(), (now, &fresh), &mut memory, &seen)
    };
    Probe { place: "published", pause: HEALTH_LOOK, deadline: HEALTH_DEADLINE, look: Box::new(look) }
}

/// The machine's time in Unix seconds.
fn system() -> u64 {
    UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

fn look(published: &Path, pulse: Option<&Pulse>, at: (u64, &Fresh), memory: &mut Memory, seen: &Seen) -> Findings {
    let here = match realms(published) {
        Ok(here) => here,
        Err(error) => {
            let detail = format!("{}: {error}: check that it is there, its owner and mode", published.display());
            return vec![("published".into(), Found::Failing("unreadable", detail))];
        }
    };
    let mut found = vec![("published".into(), Found::Fine)];
    let published_ones = pulse.into_iter().flat_map(|pulse| &pulse.realms).filter(|realm| realm.issued_at.is_some());
    let all: BTreeSet<Slug> = here.iter().cloned().chain(published_ones.map(|realm| realm.realm.clone())).collect();
    let mut heads = BTreeMap::new();
    for realm in all.union(&memory.known.clone()) {
        let of = pulse.and_then(|pulse| pulse.realms.iter().find(|known| known.realm == *realm));
        if pulse.is_some() && of.is_none() {
            memory.known.remove(realm);
            if here.contains(realm) {
                let detail = "the registry has no such realm: if it was deleted, remove its published files".into();
                found.push((format!("realm/{realm}/head"), Found::Warning("no_realm", detail)));
            }
            continue;
        }
        let (head, says) = judge(published, realm, of, here.contains(realm), at, memory);
        if head.is_some() {
            memory.known.insert(realm.clone());
        }
        heads.insert(realm.clone(), head);
        found.push((format!("realm/{realm}/head"), says));
    }
    seen.note(|sight| sight.heads = heads);
    found
}

/// The realms that have a directory here.
fn realms(published: &Path) -> io::Result<BTreeSet<Slug>> {
    let mut realms = BTreeSet::new();
    match fs::read_dir(published.join("r")) {
        Ok(entries) => {
            for entry in entries {
                realms.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Slug>().ok()));
            }
        }
        // Before anything was published.
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::metadata(published).map(drop)?,
        Err(error) => return Err(error),
    }
    Ok(realms)
}

fn judge(
    published: &Path,
    realm: &Slug,
    of: Option<&RealmPulse>,
    here: bool,
    (now, fresh): (u64, &Fresh),
    memory: &mut Memory,
) -> (Option<HeadSeen>, Found) {
    let directory = Directory::new(published.join("r").join(realm.as_str()));
    let failing = |code, detail: &str| Found::Failing(code, format!("{}: {detail}", directory.name()));
    let bytes = match directory.read(Item::Head) {
        Ok(Some(bytes)) => bytes,
        Ok(None) if here || memory.known.contains(realm) => {
            return (None, failing("missing", "there is no head: `edgelatch serve`, or `edgelatch publish`, writes it anew"));
        }
        Ok(None) => {
            let detail = "the realm is published, and not here: no edge gets it from this node".into();
            return (None, Found::Warning("not_here", detail));
        }
        Err(error) => return (None, failing("unreadable", &error.to_string())),
    };
    let Ok(head) = Head::inspect(&bytes) else {
        return (None, failing("unreadable", "the head is damaged: `edgelatch publish` writes it anew"));
    };
    let (seen, life) = (HeadSeen::of(&head), head.not_after.saturating_sub(head.issued_at));
    let says = match () {
        () if head.realm != realm.as_str() => failing("foreign", "the head is that of another realm: remove the directory"),
        () if !is_proven(&directory, realm, of, &bytes, memory) => {
            failing("unproven", "the head counts for no edge with the newest root: `edgelatch publish` writes another")
        }
        () if head.issued_at > now.saturating_add(CLOCK_TOLERANCE) => {
            let at = format_time(head.issued_at);
            failing("from_future", &format!("the head was signed at {at}, which is to come: set the clocks"))
        }
        () if head.not_after <= now => failing("expired", "the head has ended, so that edges refuse every key: publish"),
        () if !fresh.serves(realm) => failing(
            "stale",
            "this node cannot say whether a later epoch is published, so it serves nothing of the realm: see `database` and the log",
        ),
        () if is_behind(realm, of, head.epoch, Instant::now(), memory) => {
            failing("behind", "a later epoch is published, and not here: edges that ask this node lack changes")
        }
        () if head.not_after - now < life / 3 => {
            let at = format_time(head.not_after);
            Found::Warning(
                "ends",
                format!("the head ends at {at}, and should have been replaced before: see the publisher's log"),
            )
        }
        () => Found::Fine,
    };
    (Some(seen), says)
}

/// Whether the head counts for edges that have the newest root. Without a registry it is not known which that is.
fn is_proven(directory: &Directory, realm: &Slug, of: Option<&RealmPulse>, bytes: &[u8], memory: &mut Memory) -> bool {
    let Some(object) = of.and_then(|of| of.root.as_ref()) else { return true };
    if memory.proven.get(realm).is_some_and(|(head, root)| head == bytes && root == object) {
        return true;
    }
    // The version is the object's own, and read from there.
    let roots = [RootRow { version: 0, object: object.clone() }];
    let proven = matches!(Shown::of(directory, realm.as_str(), &roots), Ok(Shown::Epoch(_)));
    if proven {
        memory.proven.insert(realm.clone(), (bytes.to_vec(), object.clone()));
    }
    proven
}

/// Whether a later epoch has been out for some time: a node that copies what another publishes takes a moment. One that was signed is waited for
/// longer, since all objects of a large realm may have to be written first; that it never comes out is trouble too.
fn is_behind(realm: &Slug, of: Option<&RealmPulse>, epoch: u64, now: Instant, memory: &mut Memory) -> bool {
    let Some(of) = of else { return false };
    let lags = memory.lags.entry(realm.clone()).or_default();
    let known = [(of.published_epoch, BEHIND_SECONDS), (of.epoch, SIGNED_SECONDS)];
    let behind = lags.iter_mut().zip(known).map(|(lag, (newest, seconds))| {
        newest.is_some_and(|newest| lag.is_behind(newest, epoch, Duration::from_secs(seconds), now))
    });
    // Each is asked, so that each knows when it saw what.
    behind.fold(false, |behind, one| behind | one)
}

/// The newest epochs, each with when it was first seen.
#[derive(Default)]
struct Lag(VecDeque<(u64, Instant)>);

impl Lag {
    /// Whether `newest`, or one before it, is later than `epoch` and was there so long ago.
    fn is_behind(&mut self, newest: u64, epoch: u64, patience: Duration, now: Instant) -> bool {
        let long_ago = |at: &(u64, Instant)| now.saturating_duration_since(at.1) >= patience;
        if self.0.back().is_none_or(|(last, _)| *last != newest) {
            self.0.push_back((newest, now));
        }
        // Of those that were there long ago, the last one counts.
        while self.0.get(1).is_some_and(long_ago) {
            self.0.pop_front();
        }
        self.0.front().is_some_and(|first| long_ago(first) && epoch < first.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_follows_is_not_behind_however_fast_epochs_come_and_who_follows_too_late_is() {
        let (realm, begin) = ("acme".parse::<Slug>().unwrap(), Instant::now());
        let pulse = |published_epoch, epoch| RealmPulse {
            realm: "acme".parse().unwrap(),
            changes: 0,
            published_changes: None,
            epoch,
            issued_at: None,
            published_epoch,
            root: None,
        };
        let of = |epoch| pulse(Some(epoch), Some(epoch));
        for (lag, behind) in [(0, false), (8, false), (12, true)] {
            let mut memory = Memory::default();
            let mut last = false;
            // An epoch each second, of which this node has the one of `lag` seconds ago.
            for second in 0..60 {
                let at = begin + Duration::from_secs(second);
                last = is_behind(&realm, Some(&of(100 + second)), (100 + second).saturating_sub(lag), at, &mut memory);
            }
            assert_eq!(last, behind, "{lag}");
            assert!(memory.lags[&realm].iter().all(|lag| lag.0.len() <= 62));
        }
        // One that stands still while nothing new comes is found out too.
        let mut memory = Memory::default();
        let at = |second| begin + Duration::from_secs(second);
        assert!(!is_behind(&realm, Some(&of(7)), 6, at(0), &mut memory));
        assert!(is_behind(&realm, Some(&of(7)), 6, at(10), &mut memory));
        assert!(!is_behind(&realm, Some(&of(7)), 7, at(11), &mut memory));
        // One that was signed, and whose publisher died before it was out anywhere.
        let signed = pulse(Some(7), Some(8));
        assert!(!is_behind(&realm, Some(&signed), 7, at(12), &mut memory));
        assert!(!is_behind(&realm, Some(&signed), 7, at(71), &mut memory));
        assert!(is_behind(&realm, Some(&signed), 7, at(72), &mut memory));
    }
}
