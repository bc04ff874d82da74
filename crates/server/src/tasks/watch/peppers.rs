//! Looks whether a node that may publish has the peppers of its realms: of each realm the place `pepper`. Where one is missing, the node leaves the
//! realm to others; whoever runs it is to know that before it is the last one.

use std::sync::Arc;

use edgelatch_registry::{PepperState, Registry, Slug};
use edgelatch_sync::PepperSource;

use super::probe::{Findings, Found, Probe};
use crate::limits::{HEALTH_DEADLINE, WRITES_LOOK};

/// Where a realm's peppers are; none for a realm that is not published here.
pub type Peppers = dyn Fn(&Slug) -> Option<PepperSource> + Send + Sync;

pub(super) fn probe(registry: Arc<Registry>, peppers: Arc<Peppers>) -> Probe {
    // A database that does not answer is told of by whoever looks at that.
    let look = move || look(&registry, &*peppers).unwrap_or_default();
    Probe { place: "peppers", pause: WRITES_LOOK, deadline: HEALTH_DEADLINE, look: Box::new(look) }
}

fn look(registry: &Registry, peppers: &Peppers) -> Result<Findings, edgelatch_registry::Error> {
    let mut found = vec![("peppers".to_owned(), Found::Fine)];
    for (realm, known) in registry.peppers()? {
        let Some(source) = peppers(&realm) else { continue };
        let missing = known.iter().filter(|row| row.state != PepperState::Left).find_map(|row| {
            let error = source.find(row.pepper).err()?;
            let detail = match row.state {
                PepperState::InUse => error.to_string(),
                _ => format!("{error}; this is to be done before it is in use"),
            };
            Some(Found::Warning(error.code(), detail))
        });
        found.push((format!("realm/{realm}/pepper"), missing.unwrap_or(Found::Fine)));
    }
    Ok(found)
}
