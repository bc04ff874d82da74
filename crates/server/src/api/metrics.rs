//! Figures for Prometheus. Labels are routes, statuses, verdicts and realms: nothing that a client can make up, and no ids.

use axum::http::header;
use axum::response::IntoResponse;
use edgelatch_registry::{Error, Registry};

use super::answer::Answer;
use super::call::Call;
use super::counters::{
    AGE, DROPPED, EDGES, EDGES_AGE, EDGES_BEHIND, EDGES_GONE, EDGES_LACKING, EPOCH, Figures, LEFT, PENDING, REPORTS_LOST,
    STREAMS, STREAMS_DROPPED, STREAMS_REFUSED, VERDICTS, text,
};

/// Adds what the registry knows of each realm: verdicts; the newest epoch, its age, and the time until its head ends; its edges.
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
        let fleet = registry.fleet(&realm).standing(None)?;
        let behind = fleet.epoch.zip(fleet.min_epoch).map(|(published, earliest)| published.saturating_sub(earliest));
        let all = [
            (EDGES, Some(fleet.live)),
            (EDGES_GONE, Some(fleet.gone)),
            (EDGES_LACKING, Some(fleet.lacking)),
            (EDGES_BEHIND, behind),
            (EDGES_AGE, fleet.oldest_age),
        ];
        let known = all.into_iter().filter_map(|(family, value)| Some((family, value?)));
        figures.extend(known.map(|(family, value)| ((family, format!(r#"{{realm="{realm}"}}"#)), value)));
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
        let mut figures = pass.api().counters.figures();
        figures.insert((DROPPED, String::new()), pass.api().uses.dropped());
        figures.insert((REPORTS_LOST, String::new()), pass.api().reports.lost());
        let streams = &pass.api().streams;
        let of_streams =
            [(STREAMS, streams.open_now()), (STREAMS_DROPPED, streams.dropped()), (STREAMS_REFUSED, streams.refused())];
        figures.extend(of_streams.map(|(family, value)| ((family, String::new()), value)));
        figures.insert((PENDING, String::new()), pass.registry().alerts().pending()?);
        add_realms(&mut figures, pass.registry())?;
        Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&figures)).into_response())
    })
    .await
}
