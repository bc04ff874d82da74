//! What each target holds of the realms that this node publishes: for the metrics and the API. What is wrong with one is in the health.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use edgelatch_registry::Slug;
use edgelatch_sync::{Published, Target};

use crate::health::{Health, Severity, Trouble};

/// What is known of all targets, by realm and name. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Targets(Arc<Mutex<BTreeMap<Slug, BTreeMap<String, Known>>>>);

/// What is known of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The last epoch that it took, and the realm's change counter that this epoch shows; none since this process began.
    pub(crate) holds: Option<(u64, u64)>,
    /// Why it fails, and since when.
    pub(crate) trouble: Option<Trouble>,
    /// What it cannot promise.
    pub(crate) weakness: Option<&'static str>,
}

/// Where the health has what is wrong with a target.
pub(crate) fn place(realm: &Slug, target: &str) -> String {
    format!("realm/{realm}/target/{target}")
}

impl Targets {
    /// Notes what came of an epoch at these targets.
    pub(crate) fn note(&self, realm: &Slug, targets: &[&dyn Target], published: &Published) {
        let mut all = self.lock();
        let known = all.entry(realm.clone()).or_default();
        for target in targets {
            let (name, weakness) = (target.name(), target.weakness());
            let failed = published.failed.iter().any(|failed| failed.target == name);
            let before = known.remove(&name).unwrap_or_default();
            let holds = if failed { before.holds } else { Some((published.epoch, published.changes)) };
            known.insert(name, Known { holds, trouble: None, weakness });
        }
    }

    /// This node does not publish the realm any more.
    pub(crate) fn forget(&self, realm: &Slug) {
        self.lock().remove(realm);
    }

    /// What is known of the targets of a realm, with what is wrong with them.
    pub(crate) fn of(&self, realm: &Slug, health: &Health) -> BTreeMap<String, Known> {
        let (mut known, mut troubles) = (self.lock().get(realm).cloned().unwrap_or_default(), health.troubles());
        for (target, known) in &mut known {
            // What it cannot promise is known by itself.
            known.trouble = troubles.remove(&place(realm, target)).filter(|trouble| trouble.severity == Severity::Failing);
        }
        known
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Slug, BTreeMap<String, Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgelatch_sync::{Directory, FailedTarget, Reason};

    fn published(epoch: u64, changes: u64, failed: &[&str]) -> Published {
        let fails = |name: &&str| FailedTarget { target: (*name).into(), code: "io", message: format!("{name} is full") };
        Published {
            epoch,
            changes,
            reason: Reason::Change,
            tree: String::new(),
            records: 0,
            tree_bytes: 0,
            not_after: 0,
            written: Vec::new(),
            failed: failed.iter().map(fails).collect(),
            unproven: Vec::new(),
            unsigned: Vec::new(),
            root_aged: None,
            diverged: false,
        }
    }

    #[test]
    fn a_target_is_known_by_what_it_took_last_and_by_what_is_wrong_with_it() {
        let (targets, health, realm) = (Targets::default(), Health::default(), "acme".parse().unwrap());
        let (one, two) = (Directory::new("one"), Directory::new("two"));
        let both: [&dyn Target; 2] = [&one, &two];
        targets.note(&realm, &both, &published(1, 10, &[]));
        for epoch in [2, 3] {
            targets.note(&realm, &both, &published(epoch, epoch * 10, &["two"]));
        }
        health.failing(&place(&realm, "two"), "io", "two is full");
        let known = targets.of(&realm, &health);
        assert_eq!((known["one"].holds, &known["one"].trouble), (Some((3, 30)), &None));
        assert_eq!(known["two"].holds, Some((1, 10)));
        assert_eq!(known["two"].trouble.as_ref().map(|trouble| trouble.code), Some("io"));
        health.warning(&place(&realm, "two"), "weak", "it ignores conditions");
        assert_eq!(targets.of(&realm, &health)["two"].trouble, None);
        health.fine(&place(&realm, "two"));
        targets.note(&realm, &both, &published(4, 40, &[]));
        assert_eq!(targets.of(&realm, &health)["two"], Known { holds: Some((4, 40)), ..Known::default() });
        assert_eq!(targets.of(&"other".parse().unwrap(), &health), BTreeMap::new());
        targets.forget(&realm);
        assert_eq!(targets.of(&realm, &health), BTreeMap::new());
    }
}
