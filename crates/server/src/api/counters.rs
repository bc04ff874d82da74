//! Calls of the API, as this process counts them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use edgelatch_core::verdict::Code;

use super::figures::{Figures, JUDGED, REQUESTS};

/// Calls of the API and verdicts on their keys.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// By endpoint, method and status.
    calls: BTreeMap<(String, String, u16), u64>,
    verdicts: BTreeMap<&'static str, u64>,
}

impl Counters {
    pub(crate) fn count(&self, endpoint: &str, method: &str, status: u16, verdict: Option<Code>) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.calls.entry((endpoint.into(), method.into(), status)).or_default() += 1;
        if let Some(code) = verdict {
            *counted.verdicts.entry(code.name()).or_default() += 1;
        }
    }

    pub(crate) fn add_to(&self, figures: &mut Figures) {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((endpoint, method, status), number) in &counted.calls {
            let status = status.to_string();
            figures.labelled(REQUESTS, &[("endpoint", endpoint), ("method", method), ("status", &status)], number);
        }
        for (verdict, number) in &counted.verdicts {
            figures.labelled(JUDGED, &[("verdict", verdict)], number);
        }
    }
}
