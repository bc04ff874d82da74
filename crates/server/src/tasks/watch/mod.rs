//! Looks now and then at what may be wrong, and writes down what it finds, so that whoever asks for the health of a node waits for nothing.
//!
//! | read | for |
//! |---|---|
//! | `probe` | a look that is repeated, on a thread of its own, since disks and databases may never answer |
//! | `database` | the registry: whether it answers and takes writes, clocks, roots, changes that wait, events that wait |
//! | `heads` | what edges get here: the head of each realm |
//! | `peppers` | whether what digests of keys are made with is here |
//! | `disk` | whether there is room, and whether it can be written to |
//! | `certificate` | until when the certificate is valid that clients are shown |
//! | `seen` | what the last looks saw, for figures |

mod certificate;
mod database;
mod disk;
mod heads;
pub(crate) mod peppers;
mod probe;
pub(crate) mod seen;

use std::path::PathBuf;
use std::sync::Arc;

use edgelatch_registry::Registry;
use edgelatch_sync::trust::Life;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::instrument::WithSubscriber;

use self::disk::Place;
use self::peppers::Peppers;
use self::probe::Probe;
use self::seen::Seen;
use crate::health::Health;
use crate::limits::HEALTH_DEADLINE;
use crate::measures::Measures;
use crate::net::tls::Tls;
use crate::tasks::publishing::fresh::Fresh;
use crate::tasks::targets::Targets;
use crate::traces::Traces;

/// What a root or head is told as at a stage of its life, long before it ends; none while it is young, and once it is over, which is worse than a warning.
const fn stage(life: Life) -> Option<&'static str> {
    match life {
        Life::Fresh | Life::Over => None,
        Life::Half => Some("half_over"),
        Life::ThreeQuarters => Some("ends"),
        Life::SevenEighths => Some("ends_soon"),
    }
}

/// What is known of this node by itself: what is wrong, what was seen, what it did. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    pub(crate) health: Health,
    pub(crate) seen: Seen,
    pub(crate) measures: Measures,
    pub(crate) targets: Targets,
    /// Who keeps traces of it.
    pub(crate) traces: Option<Arc<dyn Traces>>,
}

/// What is looked after.
pub(crate) struct Watch {
    /// Where the files lie that edges get.
    pub(crate) published: PathBuf,
    /// The registry, where this node has one.
    pub(crate) registry: Option<Arc<Registry>>,
    /// Whether this node writes files for edges.
    pub(crate) publishes: bool,
    /// Where the peppers are of realms that it may publish.
    pub(crate) peppers: Option<Arc<Peppers>>,
    /// Whether it delivers events.
    pub(crate) delivers: bool,
    /// The certificate that clients are shown, if they are shown one.
    pub(crate) tls: Option<Arc<Tls>>,
    /// Whether what lies here is the newest.
    pub(crate) fresh: Arc<Fresh>,
    /// Where it is written down.
    pub(crate) watched: Watched,
}

/// Looks once at everything that a server which publishes there would look after, by the same rules. That changes wait takes more than one look to
/// tell.
pub fn examine(published: PathBuf, registry: Arc<Registry>, peppers: Arc<Peppers>) -> Health {
    let watch = Watch {
        published,
        registry: Some(registry),
        publishes: true,
        peppers: Some(peppers),
        delivers: false,
        tls: None,
        fresh: Arc::default(),
        watched: Watched::default(),
    };
    watch.look()
}

impl Watch {
    /// Looks again and again until `stop` changes. Returns when each look was done once, or has taken too long, which is then known too.
    pub(crate) async fn start(self, tasks: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
        let mut firsts = Vec::new();
        for probe in self.probes() {
            let (first, done) = watch::channel(false);
            tasks.spawn(probe.repeat(self.watched.health.clone(), first, stop.clone()).with_current_subscriber());
            firsts.push(done);
        }
        let all = async {
            for mut first in firsts {
                // One that could not even begin has said so.
                let _ = first.wait_for(|done| *done).await;
            }
        };
        // Whether the database takes writes may take longer to know; that it does not answer is known by then.
        let _ = timeout(2 * HEALTH_DEADLINE, all).await;
    }

    /// Looks once, and waits for whatever that takes.
    fn look(self) -> Health {
        for Probe { mut look, .. } in self.probes() {
            look().into_iter().for_each(|(place, found)| probe::note(&self.watched.health, &place, found));
        }
        self.watched.health
    }

    fn probes(&self) -> Vec<Probe> {
        let mut disks = vec![Place { name: "published", path: self.published.clone(), writes: self.publishes }];
        let mut probes = Vec::new();
        if let Some(registry) = &self.registry {
            if let Some(dir) = registry.database().path().and_then(|file| file.parent()) {
                let path = if dir.as_os_str().is_empty() { ".".into() } else { dir.into() };
                disks.push(Place { name: "database", path, writes: true });
            }
            // First, since heads are compared with what it says.
            probes.push(database::answers(
                Arc::clone(registry),
                self.delivers,
                self.watched.health.clone(),
                self.watched.seen.clone(),
            ));
            probes.push(database::writes(Arc::clone(registry)));
            probes.extend(self.peppers.as_ref().map(|peppers| peppers::probe(Arc::clone(registry), Arc::clone(peppers))));
        }
        probes.extend(self.tls.clone().map(|tls| certificate::probe(tls, self.watched.seen.clone())));
        probes.push(disk::probe(disks, self.watched.seen.clone()));
        probes.push(heads::probe(
            self.published.clone(),
            self.registry.clone(),
            Arc::clone(&self.fresh),
            self.watched.seen.clone(),
        ));
        probes
    }
}
