//! Calls and verdicts, counted for Prometheus.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use edgelatch_core::verdict::Code;

/// Methods that are told apart.
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PATCH", "DELETE"];

/// The method, if it is one that a route takes; `other` for one that the client may have made up.
pub(crate) fn known_method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// Counters of this process.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(String, &'static str, u16), u64>,
    verdicts: BTreeMap<&'static str, u64>,
}

impl Counters {
    pub(crate) fn count(&self, endpoint: &str, method: &str, status: u16, verdict: Option<Code>) {
        let method = known_method(method);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.requests.entry((endpoint.into(), method, status)).or_default() += 1;
        if let Some(code) = verdict {
            *counts.verdicts.entry(code.name()).or_default() += 1;
        }
    }

    /// Calls, by endpoint, method and status.
    pub(crate) fn requests(&self) -> Vec<(String, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let label = |(endpoint, method, status): &(String, &str, u16)| {
            format!(r#"{{endpoint="{endpoint}",method="{method}",status="{status}"}}"#)
        };
        counts.requests.iter().map(|(key, number)| (label(key), *number)).collect()
    }

    /// Verdicts on management keys.
    pub(crate) fn verdicts(&self) -> Vec<(String, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.verdicts.iter().map(|(code, number)| (format!(r#"{{verdict="{code}"}}"#), *number)).collect()
    }
}
