//! What is counted for Prometheus, and how figures are written.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use edgelatch_core::verdict::Code;

/// Name, kind and meaning of figures that differ in their labels.
pub(crate) type Family = (&'static str, &'static str, &'static str);

const REQUESTS: Family = ("edgelatch_api_requests_total", "counter", "Calls of the management API.");
const JUDGED: Family = ("edgelatch_api_verdicts_total", "counter", "Verdicts on management keys.");
pub(crate) const DROPPED: Family =
    ("edgelatch_api_uses_dropped_total", "counter", "Uses of management keys that could not be recorded.");
pub(crate) const VERDICTS: Family = ("edgelatch_verdicts_total", "counter", "Verdicts that edges reported.");
pub(crate) const EPOCH: Family = ("edgelatch_published_epoch", "gauge", "The epoch signed last.");
pub(crate) const AGE: Family = ("edgelatch_published_age_seconds", "gauge", "Seconds since that epoch was signed.");
pub(crate) const LEFT: Family = ("edgelatch_published_left_seconds", "gauge", "Seconds until its head ends.");
pub(crate) const STREAMS: Family = ("edgelatch_streams_open", "gauge", "Streams of heads that are open on this node.");
pub(crate) const STREAMS_DROPPED: Family =
    ("edgelatch_streams_dropped_total", "counter", "Streams whose client did not keep up.");
pub(crate) const STREAMS_REFUSED: Family =
    ("edgelatch_streams_refused_total", "counter", "Streams that there was no room for.");
pub(crate) const PENDING: Family = ("edgelatch_alerts_pending", "gauge", "Alerts that wait for delivery.");
pub(crate) const EDGES: Family = ("edgelatch_edges_live", "gauge", "Edges that report.");
pub(crate) const EDGES_GONE: Family =
    ("edgelatch_edges_gone", "gauge", "Edges of the last day that do not report any more; they may still serve.");
pub(crate) const EDGES_LACKING: Family =
    ("edgelatch_edges_lacking", "gauge", "Live edges that lack a change which is committed.");
pub(crate) const EDGES_BEHIND: Family =
    ("edgelatch_edges_behind_epochs", "gauge", "How many epochs the last live edge is behind the published one.");
pub(crate) const EDGES_AGE: Family =
    ("edgelatch_edges_oldest_age_seconds", "gauge", "Seconds since the oldest head of a live edge was signed.");
pub(crate) const REPORTS_LOST: Family =
    ("edgelatch_edge_reports_lost_total", "counter", "Reports of edges that could not be recorded.");

/// Every family, in the order in which they are told.
const FAMILIES: [Family; 17] = [
    REQUESTS,
    JUDGED,
    DROPPED,
    VERDICTS,
    EPOCH,
    AGE,
    LEFT,
    STREAMS,
    STREAMS_DROPPED,
    STREAMS_REFUSED,
    EDGES,
    EDGES_GONE,
    EDGES_LACKING,
    EDGES_BEHIND,
    EDGES_AGE,
    REPORTS_LOST,
    PENDING,
];

/// Figures by family and labels.
pub(crate) type Figures = BTreeMap<(Family, String), u64>;

/// Calls of the API and verdicts on their keys, as this process counts them.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Figures>);

impl Counters {
    pub(crate) fn count(&self, endpoint: &str, method: &str, status: u16, verdict: Option<Code>) {
        let call = format!(r#"{{endpoint="{endpoint}",method="{method}",status="{status}"}}"#);
        let judged = verdict.map(|code| (JUDGED, format!(r#"{{verdict="{}"}}"#, code.name())));
        let mut figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for figure in [(REQUESTS, call)].into_iter().chain(judged) {
            *figures.entry(figure).or_default() += 1;
        }
    }

    pub(crate) fn figures(&self) -> Figures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Figures as Prometheus reads them.
pub(crate) fn text(figures: &Figures) -> String {
    let mut text = String::new();
    for family in FAMILIES {
        let (name, kind, help) = family;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for ((_, labels), value) in figures.iter().filter(|((of, _), _)| *of == family) {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    text
}
