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
use edgelatch_sync::trust::Life;
use edgelatch_sync::{Directory, Item, Shown, Target};

use super::probe::{Findings, Found, Probe};
use super::seen::{HeadSeen, Seen};
use super::stage;
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
        Ok(None) if !fresh.serves(realm) => return (None, not_served(&directory, realm, fresh)),
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
    let [behind, not_out] = is_behind(realm, of, head.epoch, Instant::now(), memory);
    let (seen, life) = (HeadSeen::of(&head), Life::at(head.issued_at, head.not_after, now));
    let says = match () {
        () if head.realm != realm.as_str() => failing("foreign", "the head is that of another realm: remove the directory"),
        // First what other nodes may do better.
        () if !fresh.serves(realm) => not_served(&directory, realm, fresh),
        () if behind => failing("behind", "a later epoch is published, and not here: edges that ask this node lack changes"),
        () if !is_proven(&directory, realm, of, &bytes, memory) => {
            failing("unproven", "the head counts for no edge with the newest root: `edgelatch publish` writes another")
        }
        () if head.issued_at > now.saturating_add(CLOCK_TOLERANCE) => {
            let at = format_time(head.issued_at);
            failing("from_future", &format!("the head was signed at {at}, which is to come: set the clocks"))
        }
        () if life == Life::Over => failing("expired", "the head has ended, so that edges refuse every key: publish"),
        () if not_out => {
            failing("not_out", "a later epoch was signed a minute ago, and has not come out: see the publisher's log")
        }
        () => match stage(life) {
            None => Found::Fine,
            Some(code) => {
                let (at, life) = (format_time(head.not_after), life.words());
                let detail =
                    format!("the head ends at {at}, {life}, and it should have been replaced before: see the publisher's log");
                Found::Warning(code, detail)
            }
        },
    };
    (Some(seen), says)
}

/// Why files of a realm are not served here, whatever lies here.
fn not_served(directory: &Directory, realm: &Slug, fresh: &Fresh) -> Found {
    let (code, detail) = if fresh.is_unpublished(realm) {
        (
            "unpublished",
            "nothing of the realm is published in the database, so no node serves it: publish, or see why `serve` does not",
        )
    } else {
        (
            "stale",
            "this node cannot say whether a later head is published, so it serves nothing of the realm: see `database` and the log",
        )
    };
    Found::Failing(code, format!("{}: {detail}", directory.name()))
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

/// Whether a later epoch has been out for some time: a node that copies what another publishes takes a moment; and whether one was signed that is not
/// here. That is waited for longer, since all objects of a large realm may have to be written first; that it never comes out is trouble too, of all
/// nodes alike.
fn is_behind(realm: &Slug, of: Option<&RealmPulse>, epoch: u64, now: Instant, memory: &mut Memory) -> [bool; 2] {
    let Some(of) = of else { return [false; 2] };
    let [out, signed] = memory.lags.entry(realm.clone()).or_default();
    // Each is asked, so that each knows when it saw what.
    [(out, of.published_epoch, BEHIND_SECONDS), (signed, of.epoch, SIGNED_SECONDS)].map(|(lag, newest, seconds)| {
        newest.is_some_and(|newest| lag.is_behind(newest, epoch, Duration::from_secs(seconds), now))
    })
}

/// The newest epochs, each with when it was first seen.
#[derive(Default)]
struct Lag(VecDeque<(u64, Instant)>);

impl Lag {
    /// Whether `newest`, or one before it, is later than `epoch` and was there so long ago.
    fn is_behind(&mut self, newest: u64, epoch: u64, patience: Duration, now: Instant) -> bool {
        let long_ago = |at: &(u64, Instant)| now.saturating_duration_since(at.1) >= patience;
        // A new era has begun, or the database has gone back: what was the newest before is none any more.
        if self.0.back().is_some_and(|(last, _)| *last > newest) {
            self.0.clear();
        }
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
            let mut last = [false; 2];
            // An epoch each second, of which this node has the one of `lag` seconds ago.
            for second in 0..60 {
                let at = begin + Duration::from_secs(second);
                last = is_behind(&realm, Some(&of(100 + second)), (100 + second).saturating_sub(lag), at, &mut memory);
            }
            assert_eq!(last, [behind, false], "{lag}");
            assert!(memory.lags[&realm].iter().all(|lag| lag.0.len() <= 62));
        }
        // One that stands still while nothing new comes is found out too.
        let mut memory = Memory::default();
        let mut at = |second, of: &RealmPulse, epoch| {
            is_behind(&realm, Some(of), epoch, begin + Duration::from_secs(second), &mut memory)
        };
        assert_eq!(at(0, &of(7), 6), [false; 2]);
        assert_eq!(at(10, &of(7), 6), [true, false]);
        assert_eq!(at(11, &of(7), 7), [false; 2]);
        // One that was signed, and whose publisher died before it was out anywhere.
        let signed = pulse(Some(7), Some(8));
        assert_eq!(at(12, &signed, 7), [false; 2]);
        assert_eq!(at(71, &signed, 7), [false; 2]);
        assert_eq!(at(72, &signed, 7), [false, true]);
        // Lower epochs of a new era: no node is behind those of the old one.
        assert_eq!(at(73, &of(3), 3), [false; 2]);
        assert_eq!(at(74, &of(4), 4), [false; 2]);
        assert_eq!(at(84, &of(4), 3), [true, false]);
    }

    /// A node that has never copied anything, and whose directory cannot be written to, say.
    #[test]
    fn a_node_that_serves_nothing_of_a_realm_says_so_whatever_lies_there() {
        let temp = tempfile::tempdir().unwrap();
        let (realm, fresh) = ("acme".parse::<Slug>().unwrap(), Fresh::shared());
        let said = |fresh: &Fresh, here| match judge(temp.path(), &realm, None, here, (0, fresh), &mut Memory::default()).1 {
            Found::Failing(code, _) => code,
            found => panic!("{found:?}"),
        };
        assert_eq!((said(&fresh, false), said(&fresh, true)), ("stale", "stale"));
        assert_eq!(said(&Fresh::default(), true), "missing");
    }
}
