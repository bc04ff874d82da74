//! The figures that Prometheus is told: their names, and how they are written.
//!
//! Names end in the unit (seconds, bytes) or, where something is counted up from the start of the process, in `_total`.

use std::fmt::{Display, Write};

use crate::measures::{BOUNDS, Times};

/// Name, kind and meaning of figures that differ in their labels.
pub(crate) type Family = (&'static str, &'static str, &'static str);

/// Declares families, and the table of all in the order in which they are told.
macro_rules! families {
    ($($name:ident = $text:literal, $kind:ident, $help:literal;)*) => {
        $(pub(crate) const $name: Family = ($text, stringify!($kind), $help);)*
        const FAMILIES: &[Family] = &[$($name),*];
    };
}

families! {
    BUILD = "edgelatch_build_info", gauge, "1, with the version that runs.";
    HEALTH = "edgelatch_health", gauge, "What is wrong with a place: 1 a warning, 2 failing. No figure where nothing is.";
    SINCE = "edgelatch_health_since_timestamp_seconds", gauge, "Since when a place has been in trouble.";
    LATENCY = "edgelatch_database_latency_seconds", gauge, "How long the database took for its last answer to the watch.";
    FREE = "edgelatch_disk_free_bytes", gauge, "Free bytes where published files or the database lie.";
    TLS_LEFT = "edgelatch_tls_left_seconds", gauge, "Seconds until the certificate ends that clients are shown, or one of its chain.";
    REQUESTS = "edgelatch_api_requests_total", counter, "Calls of the management API.";
    JUDGED = "edgelatch_api_verdicts_total", counter, "Verdicts on management keys.";
    DROPPED = "edgelatch_api_uses_dropped_total", counter, "Uses of management keys that could not be recorded.";
    FILES = "edgelatch_http_requests_total", counter, "Answers at the address of published files, without the management API.";
    VERDICTS = "edgelatch_verdicts_total", counter, "Verdicts that edges reported.";
    EPOCH = "edgelatch_published_epoch", gauge, "The epoch signed last.";
    AGE = "edgelatch_published_age_seconds", gauge, "Seconds since that epoch was signed.";
    LEFT = "edgelatch_published_left_seconds", gauge, "Seconds until its head ends.";
    WAITING = "edgelatch_changes_waiting", gauge, "Changes of the realm that no epoch shows which every target holds.";
    ROOT_LEFT = "edgelatch_root_left_seconds", gauge, "Seconds until the newest root ends.";
    HEAD_EPOCH = "edgelatch_head_epoch", gauge, "The epoch that edges get from this node.";
    HEAD_AGE = "edgelatch_head_age_seconds", gauge, "Seconds since that head was signed.";
    HEAD_LEFT = "edgelatch_head_left_seconds", gauge, "Seconds until it ends.";
    TARGET_BEHIND = "edgelatch_target_behind_changes", gauge, "Changes that a target of this node does not show yet.";
    TARGET_FAILING = "edgelatch_target_failing_seconds", gauge, "Seconds since a target of this node began to fail; 0 if it does not.";
    PUBLISHES = "edgelatch_publisher_active", gauge, "Whether this process publishes the realm.";
    PUBLICATION = "edgelatch_publication_duration_seconds", histogram, "How long this process took to build, sign and write an epoch.";
    STREAMS = "edgelatch_streams_open", gauge, "Streams of heads that are open on this node.";
    STREAMS_DROPPED = "edgelatch_streams_dropped_total", counter, "Streams whose client did not keep up.";
    STREAMS_REFUSED = "edgelatch_streams_refused_total", counter, "Streams that there was no room for.";
    EDGES = "edgelatch_edges_live", gauge, "Edges that report.";
    EDGES_GONE = "edgelatch_edges_gone", gauge, "Edges of the last day that do not report any more; they may still serve.";
    EDGES_LACKING = "edgelatch_edges_lacking", gauge, "Live edges that lack a change which is committed.";
    EDGES_BEHIND = "edgelatch_edges_behind_epochs", gauge, "How many epochs the last live edge is behind the published one.";
    EDGES_AGE = "edgelatch_edges_oldest_age_seconds", gauge, "Seconds since the oldest head of a live edge was signed.";
    REPORTS_LOST = "edgelatch_edge_reports_lost_total", counter, "Reports of edges that could not be recorded.";
    PENDING = "edgelatch_events_pending", gauge, "Events that wait for delivery.";
    GIVEN_UP = "edgelatch_events_failed", gauge, "Events of the last 30 days that were tried as often as they may be, and not delivered.";
}

/// Figures, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Figure>);

#[derive(Debug)]
struct Figure {
    family: Family,
    /// What follows the family's name, as in histograms.
    suffix: &'static str,
    labels: String,
    value: String,
}

impl Figures {
    /// A figure without labels.
    pub(crate) fn add(&mut self, family: Family, value: impl Display) {
        self.labelled(family, &[], value);
    }

    /// A figure with labels.
    pub(crate) fn labelled(&mut self, family: Family, labels: &[(&str, &str)], value: impl Display) {
        self.push(family, "", labels, value);
    }

    /// Times in classes.
    pub(crate) fn histogram(&mut self, family: Family, label: (&str, &str), times: &Times) {
        for (bound, within) in BOUNDS.iter().zip(times.within) {
            self.push(family, "_bucket", &[label, ("le", &bound.to_string())], within);
        }
        self.push(family, "_bucket", &[label, ("le", "+Inf")], times.count);
        self.push(family, "_sum", &[label], times.sum);
        self.push(family, "_count", &[label], times.count);
    }

    fn push(&mut self, family: Family, suffix: &'static str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.0.push(Figure { family, suffix, labels, value: value.to_string() });
    }

    /// As Prometheus reads them.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for family in FAMILIES {
            let (name, kind, help) = family;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for Figure { suffix, labels, value, .. } in self.0.iter().filter(|figure| figure.family == *family) {
                let _ = writeln!(text, "{name}{suffix}{labels} {value}");
            }
        }
        text
    }
}

/// A label's value as the format wants it: the name of a target may hold anything.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measures::Measures;

    #[test]
    fn families_are_named_as_prometheus_names_them() {
        for (name, kind, help) in FAMILIES {
            assert!(name.starts_with("edgelatch_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(*kind == "counter", name.ends_with("_total"), "{name}");
            assert!(help.ends_with('.') && help.starts_with(|c: char| c.is_ascii_uppercase() || c == '1'), "{name}: {help}");
            let units = ["milli", "micro", "minutes", "hours", "kilobytes", "_ms"];
            assert!(units.iter().all(|unit| !name.contains(unit)), "{name}: base units only");
            assert_eq!(FAMILIES.iter().filter(|(other, ..)| other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn labels_may_hold_anything_and_classes_add_up() {
        let (mut figures, measures) = (Figures::default(), Measures::default());
        figures.labelled(HEALTH, &[("place", "a\\b\"c\nd")], 2);
        let realm = "acme".parse().unwrap();
        measures.published(&realm, Duration::from_secs(2));
        figures.histogram(PUBLICATION, ("realm", "acme"), &measures.counts().publications[&realm]);
        let text = figures.text();
        for line in [
            r#"edgelatch_health{place="a\\b\"c\nd"} 2"#,
            r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="1"} 0"#,
            r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="2.5"} 1"#,
            r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="+Inf"} 1"#,
            r#"edgelatch_publication_duration_seconds_sum{realm="acme"} 2"#,
            r#"edgelatch_publication_duration_seconds_count{realm="acme"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
