//! What Prometheus is told, and what dashboard and alert rules make of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::realm::Realm;
use crate::common::{Served, slug};
use edgelatch_registry::UsageBatch;
use edgelatch_server::{ApiOptions, FailureRate, Upkeep};
use edgelatch_sync::Directory;
use edgelatch_testkit::registry::usage_event;
use serde_json::{Value, json};

/// Told by servers that speak TLS: `tls.rs` sees it.
const OF_TLS: &str = "edgelatch_tls_left_seconds";
const ACME: &str = "/api/v1/realms/acme";

/// A node that has done something of everything, and of whose targets one fails.
fn busy() -> (Realm, Served, PathBuf) {
    let realm = Realm::new();
    let blocked = realm.dir.path().join("blocked");
    fs::write(&blocked, b"in the way").unwrap();
    let node = realm.node_with("node", vec![realm.own(), Directory::new(&blocked)], |options| {
        let failures = FailureRate { burst: 1_000, per_minute: 1_000, ..FailureRate::default() };
        let registry = realm.registry();
        options.upkeep = Some(Upkeep::new(registry.clone()));
        options.api = Some(ApiOptions { registry, addr: None, client_ip: None, failures, github_keys: None, geoip: None });
    });
    let made = node.call(&format!("POST {ACME}/keys"), &json!({ "org": "main", "name": "k" })).ok();
    let id = made["key"]["key_id"].as_str().unwrap().parse().unwrap();
    node.log.wait("published", 0);
    let registry = realm.registry();
    let event = usage_event(Some(id), registry.env().now().unwrap(), "valid");
    registry.usage(&slug("acme")).ingest(&UsageBatch { batch: "b".into(), events: vec![event] }).unwrap();
    let report = json!({ "edge": "a", "name": "fra-1", "report": 1, "epoch": 1, "issued_at": registry.env().now().unwrap(), "root_version": 1,
        "serving": 2, "at": registry.env().now().unwrap(), "mode": "timer", "sdk": "edgelatch-js/0.1.0" });
    node.call(&format!("POST {ACME}/edges"), &report).ok();
    for path in ["/r/acme/head", "/r/acme/bundle", "/r/acme/root/1", "/r/acme/made-up", "/healthz"] {
        node.get(path);
    }
    // What is waited for is written a moment later.
    let begin = Instant::now();
    while !metrics(&node).contains("edgelatch_edges_live{realm=\"acme\"} 1") {
        assert!(begin.elapsed() < Duration::from_secs(30), "{}", metrics(&node));
        std::thread::sleep(Duration::from_millis(50));
    }
    (realm, node, blocked)
}

fn metrics(s: &Served) -> String {
    String::from_utf8(s.get("/metrics").body).unwrap()
}

/// A sample: name, labels.
fn samples(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty());
            let pairs = labels.map(|label| label.split_once("=\"").unwrap());
            (name.to_owned(), pairs.map(|(name, value)| (name.into(), value.trim_end_matches('"').into())).collect())
        })
        .collect()
}

/// Names of our figures in an expression.
fn named(expression: &str) -> BTreeSet<&str> {
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
    expression.split(word).filter(|word| word.starts_with("edgelatch_")).collect()
}

/// Labels that an expression asks for: in braces, and behind `by`.
fn labels(expression: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for part in expression.split('{').skip(1) {
        let inner = part.split('}').next().unwrap();
        all.extend(inner.split("\",").filter_map(|test| Some(test.split_once(['=', '!'])?.0.trim().to_owned())));
    }
    for part in expression.split("by (").skip(1) {
        all.extend(part.split(')').next().unwrap().split(',').map(|name| name.trim().to_owned()));
    }
    all
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Expressions of the alert rules, as they stand in the file: each on a line of its own.
fn rules() -> Vec<String> {
    let text = fs::read_to_string(docs().join("alerts.yml")).unwrap();
    text.lines().filter_map(|line| line.trim().strip_prefix("expr: ").map(str::to_owned)).collect()
}

/// Expressions of the dashboard's panels.
fn panels() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(docs().join("grafana.json")).unwrap()).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 39);
    let mut ids = BTreeSet::new();
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
            all.push(target["expr"].as_str().unwrap().replace("$realm", ".*"));
        }
    }
    all
}

#[test]
fn all_that_dashboard_and_alerts_ask_for_is_told() {
    let (_realm, s, _) = busy();
    let text = metrics(&s);
    let told = samples(&text);
    // What Prometheus adds to each sample that it scrapes.
    let added = ["instance", "job"];
    let (rules, panels) = (rules(), panels());
    assert!(rules.len() >= 20 && panels.len() >= 30, "{} {}", rules.len(), panels.len());
    for expression in rules.iter().chain(&panels) {
        assert!(!named(expression).is_empty(), "{expression}");
        for name in named(expression).into_iter().filter(|name| *name != OF_TLS) {
            let of: Vec<_> = told.iter().filter(|(told, _)| told == name).collect();
            assert!(!of.is_empty(), "nothing is told of `{name}`: {expression}\n{text}");
            for label in labels(expression) {
                let known = added.contains(&&*label) || of.iter().any(|(_, labels)| labels.contains_key(&label));
                assert!(known, "`{name}` has no label `{label}`: {expression}");
            }
        }
    }
    // And what is told is looked at by somebody, or is said to be for other uses.
    let asked: BTreeSet<&str> = rules.iter().chain(&panels).flat_map(|expression| named(expression)).collect();
    for (name, _) in &told {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(asked.iter().any(|asked| asked.starts_with(family)), "no panel and no rule asks for {name}");
    }
}

#[test]
fn what_is_wrong_is_a_figure_until_it_is_mended() {
    let (_realm, s, blocked) = busy();
    let text = metrics(&s);
    let place = format!("realm/acme/target/{}", blocked.display());
    for line in [
        format!(r#"edgelatch_health{{place="{place}",code="io"}} 2"#),
        r#"edgelatch_publisher_active{realm="acme"} 1"#.into(),
        r#"edgelatch_http_requests_total{endpoint="head",status="200"} 1"#.into(),
        r#"edgelatch_http_requests_total{endpoint="other",status="404"} 1"#.into(),
        r#"edgelatch_publication_duration_seconds_count{realm="acme"} "#.into(),
        r#"edgelatch_head_epoch{realm="acme"} "#.into(),
        format!(r#"edgelatch_build_info{{version="{}"}} 1"#, env!("CARGO_PKG_VERSION")),
    ] {
        assert!(text.lines().any(|found| found.starts_with(&*line)), "{line}\n{text}");
    }
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}\n{text}"));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    };
    assert!((86_000.0..=86_400.0).contains(&value("edgelatch_head_left_seconds{realm=\"acme\"}")));
    assert!(value("edgelatch_root_left_seconds{realm=\"acme\"}") > f64::from(1 << 27));
    assert!(value("edgelatch_disk_free_bytes{directory=\"published\"}") > 0.0);
    assert!((0.0..3.0).contains(&value("edgelatch_database_latency_seconds")));
    fs::remove_file(&blocked).unwrap();
    let begin = Instant::now();
    while metrics(&s).contains(&place) {
        assert!(begin.elapsed() < Duration::from_secs(60), "{}", metrics(&s));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Where Debian's `prometheus` is installed.
fn installed(program: &str) -> bool {
    let there = ["/usr/bin", "/usr/local/bin"].iter().any(|dir| Path::new(dir).join(program).exists());
    if !there {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed: apt-get install prometheus");
        // Past the harness, which would swallow it.
        let _ = writeln!(std::io::stderr(), "skipped: {program} is not installed");
    }
    there
}

#[test]
fn promtool_finds_nothing_to_say() {
    if !installed("promtool") {
        return;
    }
    let (_realm, s, _) = busy();
    let mut check = Command::new("promtool");
    let mut check =
        check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    check.stdin.take().unwrap().write_all(metrics(&s).as_bytes()).unwrap();
    let said = check.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && text.is_empty(), "{text}");
    let rules = Command::new("promtool").args(["check", "rules"]).arg(docs().join("alerts.yml")).output().unwrap();
    assert!(rules.status.success(), "{}", String::from_utf8_lossy(&rules.stderr));
    let _ = scraping(&s, |ask| {
        for expression in self::rules().iter().chain(&panels()) {
            let found = ask(expression);
            assert_eq!(found["status"], "success", "{expression}: {found}");
        }
        // The target that fails is found by the rule that is about it.
        let failing = ask(r#"edgelatch_health{place=~"realm/.+/target/.+"} == 2"#);
        assert_eq!(failing["data"]["result"].as_array().unwrap().len(), 1, "{failing}");
        let rules = self::rules();
        let ends =
            rules.iter().find(|rule| rule.starts_with("edgelatch_head_left_seconds /")).expect("a rule for heads that end");
        let ratio = ask(ends);
        assert_eq!(ratio["data"]["result"], json!([]), "a fresh head does not end: {ratio}");
    });
}

struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// A Prometheus that has scraped the server, to be asked for expressions.
fn scraping(s: &Served, with: impl FnOnce(&dyn Fn(&str) -> Value)) -> Option<()> {
    if !installed("prometheus") {
        return None;
    }
    let temp = tempfile::tempdir().unwrap();
    let config = temp.path().join("prometheus.yml");
    let text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [ {rules} ]\nscrape_configs:\n  - job_name: edgelatch\n    \
         authorization: {{ credentials: {key} }}\n    static_configs: [ {{ targets: [ '{addr}' ] }} ]\n",
        rules = docs().join("alerts.yml").display(),
        key = s.admin(),
        addr = s.api
    );
    fs::write(&config, text).unwrap();
    let addr = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", temp.path().join("data").display()));
    command.arg(format!("--web.listen-address={addr}")).stdout(Stdio::null()).stderr(Stdio::null());
    let _prometheus = Ends(command.spawn().unwrap());
    let ask = |expression: &str| -> Value {
        let encoded: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let request = format!("GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: x\r\n\r\n");
        let Ok(stream) = std::net::TcpStream::connect(addr) else { return Value::Null };
        let (mut stream, mut answer) = (stream, String::new());
        stream.write_all(request.as_bytes()).unwrap();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        answer.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok()).unwrap_or(Value::Null)
    };
    let begin = Instant::now();
    while ask("edgelatch_build_info")["data"]["result"].as_array().is_none_or(Vec::is_empty) {
        assert!(begin.elapsed() < Duration::from_secs(60), "Prometheus scraped nothing");
        std::thread::sleep(Duration::from_millis(200));
    }
    with(&ask);
    Some(())
}
