//! Figures for Prometheus. Labels are routes, statuses, verdicts and realms: nothing that a client can make up, and no ids.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use axum::http::header;
use axum::response::IntoResponse;
use edgelatch_core::verdict::Code;
use edgelatch_registry::{Error, Registry};

use super::answer::Answer;
use super::call::Call;

/// Methods that are told apart.
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PATCH", "DELETE"];

/// The method, if it is one that a route takes; `other` for one that the client may have made up.
pub(crate) fn known_method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// Counters of this process.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: BTreeMap<(String, &'static str, u16), u64>,
    verdicts: BTreeMap<&'static str, u64>,
}

impl Metrics {
    pub(crate) fn count(&self, endpoint: &str, method: &str, status: u16, verdict: Option<Code>) {
        let method = known_method(method);
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.requests.entry((endpoint.into(), method, status)).or_default() += 1;
        if let Some(code) = verdict {
            *counters.verdicts.entry(code.name()).or_default() += 1;
        }
    }

    fn requests(&self) -> Vec<(String, u64)> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let label = |(endpoint, method, status): &(String, &str, u16)| {
            format!(r#"{{endpoint="{endpoint}",method="{method}",status="{status}"}}"#)
        };
        counters.requests.iter().map(|(key, number)| (label(key), *number)).collect()
    }

    fn verdicts(&self) -> Vec<(String, u64)> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counters.verdicts.iter().map(|(code, number)| (format!(r#"{{verdict="{code}"}}"#), *number)).collect()
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str, samples: &[(String, u64)]) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

/// What the registry knows of each realm: verdicts, the last epoch, its age and the life it has left.
fn realms(text: &mut String, registry: &Registry) -> Result<(), Error> {
    let now = registry.env().now()?;
    let [mut verdicts, mut epochs, mut ages, mut left] = [const { Vec::new() }; 4];
    for realm in registry.realms()? {
        let realm = realm.realm;
        for total in registry.usage(&realm).totals()? {
            verdicts.push((format!(r#"{{realm="{realm}",verdict="{}"}}"#, total.code), total.number));
        }
        if let Some(last) = registry.ledger(&realm).newest(1)?.first() {
            let label = format!(r#"{{realm="{realm}"}}"#);
            epochs.push((label.clone(), last.epoch));
            ages.push((label.clone(), now.saturating_sub(last.issued_at)));
            left.push((label, last.not_after.saturating_sub(now)));
        }
    }
    family(text, "edgelatch_verdicts_total", "counter", "Verdicts that edges reported.", &verdicts);
    family(text, "edgelatch_published_epoch", "gauge", "The epoch signed last.", &epochs);
    family(text, "edgelatch_published_age_seconds", "gauge", "Seconds since that epoch was signed.", &ages);
    family(text, "edgelatch_published_left_seconds", "gauge", "Seconds until its head ends.", &left);
    let pending = vec![(String::new(), registry.alerts().pending()?)];
    family(text, "edgelatch_alerts_pending", "gauge", "Alerts that wait for delivery.", &pending);
    Ok(())
}

/// Figures for Prometheus
///
/// They are about all realms, so the key's scope must be everything.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "server",
    responses((status = 200, description = "The figures, as Prometheus reads them", body = String, content_type = "text/plain")))]
pub(crate) async fn serve(call: Call) -> Answer {
    let pass = call.admit_everywhere("usage.view").await?;
    pass.run(|pass, registry| {
        let (api, mut text) = (pass.api(), String::new());
        let help = "Calls of the management API.";
        family(&mut text, "edgelatch_api_requests_total", "counter", help, &api.metrics.requests());
        let help = "Verdicts on management keys.";
        family(&mut text, "edgelatch_api_verdicts_total", "counter", help, &api.metrics.verdicts());
        let help = "Uses of management keys that could not be recorded.";
        family(&mut text, "edgelatch_api_uses_dropped_total", "counter", help, &[(String::new(), api.uses.dropped())]);
        realms(&mut text, registry)?;
        Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
    })
    .await
}
