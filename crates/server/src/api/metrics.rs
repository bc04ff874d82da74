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

/// Name, kind and meaning of figures that differ in their labels.
type Family = (&'static str, &'static str, &'static str);

const REQUESTS: Family = ("edgelatch_api_requests_total", "counter", "Calls of the management API.");
const JUDGED: Family = ("edgelatch_api_verdicts_total", "counter", "Verdicts on management keys.");
const DROPPED: Family = ("edgelatch_api_uses_dropped_total", "counter", "Uses of management keys that could not be recorded.");
const VERDICTS: Family = ("edgelatch_verdicts_total", "counter", "Verdicts that edges reported.");
const EPOCH: Family = ("edgelatch_published_epoch", "gauge", "The epoch signed last.");
const AGE: Family = ("edgelatch_published_age_seconds", "gauge", "Seconds since that epoch was signed.");
const LEFT: Family = ("edgelatch_published_left_seconds", "gauge", "Seconds until its head ends.");
const PENDING: Family = ("edgelatch_alerts_pending", "gauge", "Alerts that wait for delivery.");

/// Figures by family and labels.
type Figures = BTreeMap<(Family, String), u64>;

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

    fn figures(&self) -> Figures {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Adds what the registry knows of each realm: verdicts; the newest epoch, its age, and the time until its head ends.
fn add_realms(figures: &mut Figures, registry: &Registry) -> Result<(), Error> {
    let now = registry.env().now()?;
    for realm in registry.realms()?.into_iter().map(|realm| realm.realm) {
        for total in registry.usage(&realm).totals()? {
            figures.insert((VERDICTS, format!(r#"{{realm="{realm}",verdict="{}"}}"#, total.code)), total.number);
        }
        if let Some(last) = registry.ledger(&realm).newest(1)?.first() {
            let (age, left) = (now.saturating_sub(last.issued_at), last.not_after.saturating_sub(now));
            let all = [(EPOCH, last.epoch), (AGE, age), (LEFT, left)];
            figures.extend(all.map(|(family, value)| ((family, format!(r#"{{realm="{realm}"}}"#)), value)));
        }
    }
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
        let (mut figures, mut text) = (pass.api().counters.figures(), String::new());
        figures.insert((DROPPED, String::new()), pass.api().uses.dropped());
        figures.insert((PENDING, String::new()), pass.registry().alerts().pending()?);
        add_realms(&mut figures, pass.registry())?;
        for family in [REQUESTS, JUDGED, DROPPED, VERDICTS, EPOCH, AGE, LEFT, PENDING] {
            let (name, kind, help) = family;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for ((_, labels), value) in figures.iter().filter(|((of, _), _)| *of == family) {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        }
        Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
    })
    .await
}
