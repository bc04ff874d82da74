//! Each alert rule fires for what it is about, says where, and is silent otherwise: judged by Prometheus' own `promtool test rules`.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A series, and its values minute by minute as promtool writes them: `1x10` is 1 eleven times, `0+5x10` counts up.
type Series = (&'static str, &'static str);

/// One rule: what it takes, at which minute it has fired, what labels the alert has beside its severity, and what it must be silent at.
struct Case {
    alert: &'static str,
    minute: u32,
    fires: &'static [Series],
    labels: &'static [(&'static str, &'static str)],
    silent: &'static [Series],
}

const A: (&str, &str) = ("instance", "a");
const ACME: (&str, &str) = ("realm", "acme");
const ROOT: (&str, &str) = ("place", "realm/acme/root");

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { alert: "EdgelatchGone", minute: 3, labels: &[],
        fires: &[("other", "1x5")],
        silent: &[(r#"edgelatch_build_info{instance="a"}"#, "1x5")] },
    Case { alert: "EdgelatchNodeGone", minute: 8, labels: &[A, ("job", "edgelatch")],
        fires: &[(r#"up{job="edgelatch",instance="a"}"#, "1 0x10"), (r#"edgelatch_build_info{job="edgelatch",instance="a"}"#, "1 _x10")],
        // Another program's instance that is away.
        silent: &[(r#"up{job="node",instance="a"}"#, "1 0x10"), (r#"edgelatch_build_info{job="edgelatch",instance="a"}"#, "1 _x10")] },
    Case { alert: "EdgelatchFailing", minute: 2, labels: &[A, ("place", "disk"), ("code", "full")],
        fires: &[(r#"edgelatch_health{place="disk",code="full",instance="a"}"#, "2x5")],
        silent: &[(r#"edgelatch_health{place="disk",code="nearly_full",instance="a"}"#, "1x5")] },
    Case { alert: "EdgelatchWarning", minute: 16, labels: &[A, ("place", "disk"), ("code", "nearly_full")],
        fires: &[(r#"edgelatch_health{place="disk",code="nearly_full",instance="a"}"#, "1x20")],
        // Years before its end.
        silent: &[(r#"edgelatch_health{place="realm/acme/root",code="half_over",instance="a"}"#, "1x20")] },
    Case { alert: "EdgelatchTargetFailing", minute: 6, labels: &[A, ("place", "realm/acme/target/s3://b/p"), ("code", "target_denied")],
        fires: &[(r#"edgelatch_health{place="realm/acme/target/s3://b/p",code="target_denied",instance="a"}"#, "2x10")],
        silent: &[(r#"edgelatch_health{place="realm/acme/target/s3://b/p",code="weak",instance="a"}"#, "1x10")] },
    Case { alert: "EdgelatchChangesWait", minute: 2, labels: &[ACME],
        fires: &[(r#"edgelatch_changes_waiting{realm="acme",instance="a"}"#, "3x5"), (r#"edgelatch_changes_waiting{realm="acme",instance="b"}"#, "2x5")],
        // One node has not heard yet that they are out.
        silent: &[(r#"edgelatch_changes_waiting{realm="acme",instance="a"}"#, "3x5"), (r#"edgelatch_changes_waiting{realm="acme",instance="b"}"#, "0x5")] },
    Case { alert: "EdgelatchNobodyPublishes", minute: 2, labels: &[ACME],
        fires: &[(r#"edgelatch_publisher_active{realm="acme",instance="a"}"#, "0x5"), (r#"edgelatch_publisher_active{realm="acme",instance="b"}"#, "0x5")],
        silent: &[(r#"edgelatch_publisher_active{realm="acme",instance="a"}"#, "0x5"), (r#"edgelatch_publisher_active{realm="acme",instance="b"}"#, "1x5")] },
    Case { alert: "EdgelatchHeadEnds", minute: 2, labels: &[A, ACME],
        fires: &[(r#"edgelatch_head_left_seconds{realm="acme",instance="a"}"#, "28000x5"), (r#"edgelatch_head_age_seconds{realm="acme",instance="a"}"#, "58400x5")],
        // Half of it: a warning of the node itself.
        silent: &[(r#"edgelatch_head_left_seconds{realm="acme",instance="a"}"#, "43200x5"), (r#"edgelatch_head_age_seconds{realm="acme",instance="a"}"#, "43200x5")] },
    Case { alert: "EdgelatchRootHalfOver", minute: 61, labels: &[ROOT],
        fires: &[(r#"edgelatch_health{place="realm/acme/root",code="half_over",instance="a"}"#, "1x70")],
        // Late enough for the other rules.
        silent: &[(r#"edgelatch_health{place="realm/acme/root",code="ends",instance="a"}"#, "1x70")] },
    Case { alert: "EdgelatchRootEnds", minute: 61, labels: &[ACME],
        fires: &[(r#"edgelatch_root_left_seconds{realm="acme",instance="a"}"#, "2591000x70")],
        silent: &[(r#"edgelatch_root_left_seconds{realm="acme",instance="a"}"#, "2593000x70")] },
    Case { alert: "EdgelatchRootEndsSoon", minute: 61, labels: &[ACME],
        fires: &[(r#"edgelatch_root_left_seconds{realm="acme",instance="a"}"#, "604000x70")],
        silent: &[(r#"edgelatch_root_left_seconds{realm="acme",instance="a"}"#, "605000x70")] },
    Case { alert: "EdgelatchPublishingSlow", minute: 15, labels: &[ACME],
        fires: &[(r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="10"}"#, "0x20"), (r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="30"}"#, "0+2x20"), (r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="+Inf"}"#, "0+2x20")],
        silent: &[(r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="10"}"#, "0+2x20"), (r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="30"}"#, "0+2x20"), (r#"edgelatch_publication_duration_seconds_bucket{realm="acme",le="+Inf"}"#, "0+2x20")] },
    Case { alert: "EdgelatchEdgesLack", minute: 6, labels: &[ACME],
        fires: &[(r#"edgelatch_edges_lacking{realm="acme",instance="a"}"#, "2x10")],
        // They get it within a moment.
        silent: &[(r#"edgelatch_edges_lacking{realm="acme",instance="a"}"#, "0 0 0 2 0 0 2x5")] },
    Case { alert: "EdgelatchEdgesOld", minute: 16, labels: &[ACME],
        fires: &[(r#"edgelatch_edges_oldest_age_seconds{realm="acme",instance="a"}"#, "43201x20")],
        silent: &[(r#"edgelatch_edges_oldest_age_seconds{realm="acme",instance="a"}"#, "28800x20")] },
    Case { alert: "EdgelatchApiFails", minute: 12, labels: &[],
        fires: &[(r#"edgelatch_api_requests_total{route="/x",status="503",instance="a"}"#, "0+3x15"), (r#"edgelatch_api_requests_total{route="/x",status="200",instance="b"}"#, "0+100x15")],
        // What clients do wrong.
        silent: &[(r#"edgelatch_api_requests_total{route="/x",status="404",instance="a"}"#, "0+90x15"), (r#"edgelatch_api_requests_total{route="/x",status="200",instance="b"}"#, "0+100x15")] },
    Case { alert: "EdgelatchFilesFail", minute: 12, labels: &[],
        fires: &[(r#"edgelatch_http_requests_total{endpoint="head",status="503",instance="a"}"#, "0+3x15"), (r#"edgelatch_http_requests_total{endpoint="head",status="200",instance="a"}"#, "0+100x15")],
        // Probes of a node that says that it fails.
        silent: &[(r#"edgelatch_http_requests_total{endpoint="health",status="503",instance="a"}"#, "0+30x15"), (r#"edgelatch_http_requests_total{endpoint="head",status="200",instance="a"}"#, "0+100x15")] },
    Case { alert: "EdgelatchStreamsRefused", minute: 15, labels: &[A],
        fires: &[(r#"edgelatch_streams_refused_total{instance="a"}"#, "0+3x20")],
        silent: &[(r#"edgelatch_streams_refused_total{instance="a"}"#, "7x20")] },
    Case { alert: "EdgelatchDatabaseSlow", minute: 6, labels: &[A],
        fires: &[(r#"edgelatch_database_latency_seconds{instance="a"}"#, "0.6x10")],
        silent: &[(r#"edgelatch_database_latency_seconds{instance="a"}"#, "0.4x10")] },
    Case { alert: "EdgelatchDiskFills", minute: 120, labels: &[A, ("directory", "published")],
        fires: &[(r#"edgelatch_disk_free_bytes{directory="published",instance="a"}"#, "50000000000-20000000x130")],
        silent: &[(r#"edgelatch_disk_free_bytes{directory="published",instance="a"}"#, "50000000000-10000000x130")] },
    Case { alert: "EdgelatchRecordsLost", minute: 15, labels: &[A],
        fires: &[(r#"edgelatch_api_uses_dropped_total{instance="a"}"#, "0x20"), (r#"edgelatch_edge_reports_lost_total{instance="a"}"#, "0+1x20")],
        silent: &[(r#"edgelatch_api_uses_dropped_total{instance="a"}"#, "4x20"), (r#"edgelatch_edge_reports_lost_total{instance="a"}"#, "5x20")] },
    Case { alert: "EdgelatchEventsWait", minute: 31, labels: &[],
        fires: &[(r#"edgelatch_events_pending{instance="a"}"#, "1001x40")],
        silent: &[(r#"edgelatch_events_pending{instance="a"}"#, "1000x40")] },
    Case { alert: "EdgelatchEventsGivenUp", minute: 62, labels: &[],
        fires: &[(r#"edgelatch_events_failed{instance="a"}"#, "3x60 4x10")],
        silent: &[(r#"edgelatch_events_failed{instance="a"}"#, "3x70")] },
    Case { alert: "EdgelatchCertificateEnds", minute: 61, labels: &[A],
        fires: &[(r#"edgelatch_tls_left_seconds{instance="a"}"#, "604000x70")],
        silent: &[(r#"edgelatch_tls_left_seconds{instance="a"}"#, "605000x70")] },
];

fn alerts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alerts.yml")
}

/// A rule as it stands in the file: each of its texts on a line of its own.
struct Rule {
    alert: String,
    severity: String,
    summary: String,
    description: String,
}

fn rules() -> Vec<Rule> {
    let text = fs::read_to_string(alerts()).unwrap();
    let of = |part: &str, name: &str| {
        let line =
            part.lines().find_map(|line| line.trim().strip_prefix(name)).unwrap_or_else(|| panic!("no `{name}`: {part}"));
        line.trim().trim_matches('"').to_owned()
    };
    let parts = text.split("- alert: ").skip(1);
    parts
        .map(|part| Rule {
            alert: part.lines().next().unwrap().into(),
            severity: of(part, "labels: { severity:").trim_end_matches([' ', '}']).into(),
            summary: of(part, "summary:"),
            description: of(part, "description:"),
        })
        .collect()
}

/// A text as YAML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// What promtool is to find: everything that the alert says, with its labels in the place of their names.
fn expected(rule: &Rule, labels: &[(&str, &str)]) -> String {
    let told = |text: &str| {
        labels.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{ $labels.{name} }}}}"), value))
    };
    let mut all = format!("\n          - exp_labels: {{ severity: {}", rule.severity);
    labels.iter().for_each(|(name, value)| write!(all, ", {name}: {}", quoted(value)).unwrap());
    write!(
        all,
        " }}\n            exp_annotations: {{ summary: {}, description: {} }}",
        quoted(&told(&rule.summary)),
        quoted(&told(&rule.description))
    )
    .unwrap();
    all
}

fn test(case: &Case, series: &[Series], found: &str) -> String {
    let mut text = "  - interval: 1m\n    input_series:\n".to_owned();
    for (series, values) in series {
        writeln!(text, "      - {{ series: '{series}', values: '{values}' }}").unwrap();
    }
    writeln!(
        text,
        "    alert_rule_test:\n      - eval_time: {}m\n        alertname: {}\n        exp_alerts:{found}",
        case.minute, case.alert
    )
    .unwrap();
    text
}

#[test]
fn each_rule_fires_for_what_it_is_about_and_for_nothing_else() {
    let rules = rules();
    let names: Vec<&str> = rules.iter().map(|rule| rule.alert.as_str()).collect();
    assert_eq!(
        names,
        CASES.iter().map(|case| case.alert).collect::<Vec<_>>(),
        "each rule has its case, in the order of the file"
    );
    if Command::new("promtool").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "promtool is not installed: apt-get install prometheus");
        // Past the harness, which would swallow it.
        let _ = writeln!(std::io::stderr(), "skipped: promtool is not installed");
        return;
    }
    let mut text = format!("rule_files: [ {} ]\nevaluation_interval: 1m\ntests:\n", quoted(&alerts().display().to_string()));
    for (case, rule) in CASES.iter().zip(&rules) {
        text += &test(case, case.fires, &expected(rule, case.labels));
        text += &test(case, case.silent, " []");
    }
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("tests.yml");
    fs::write(&file, &text).unwrap();
    let judged = Command::new("promtool").args(["test", "rules"]).arg(&file).output().unwrap();
    assert!(judged.status.success(), "{}{}", String::from_utf8_lossy(&judged.stdout), String::from_utf8_lossy(&judged.stderr));
}
