//! Figures for Prometheus. Labels are routes, statuses, verdicts and realms: nothing that a client can make up, and no ids.

use std::fmt::Write;

use axum::http::header;
use axum::response::IntoResponse;
use edgelatch_registry::{Error, Registry};

use super::answer::Answer;
use super::call::Call;

fn family(text: &mut String, name: &str, kind: &str, help: &str, samples: &[(String, u64)]) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

/// What the registry knows of each realm: verdicts; the newest epoch, its age, and the time until its head ends.
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
    pass.run(|pass| {
        let (api, mut text) = (pass.api(), String::new());
        let help = "Calls of the management API.";
        family(&mut text, "edgelatch_api_requests_total", "counter", help, &api.counters.requests());
        let help = "Verdicts on management keys.";
        family(&mut text, "edgelatch_api_verdicts_total", "counter", help, &api.counters.verdicts());
        let help = "Uses of management keys that could not be recorded.";
        family(&mut text, "edgelatch_api_uses_dropped_total", "counter", help, &[(String::new(), api.uses.dropped())]);
        realms(&mut text, pass.registry())?;
        Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
    })
    .await
}
