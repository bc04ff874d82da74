//! Figures for Prometheus. Labels are routes, statuses, verdicts, realms, targets and places: nothing that a client can make up, and no ids.

use axum::http::header;
use axum::response::IntoResponse;
use edgelatch_core::root::Root;
use edgelatch_registry::{Error, Registry};

use super::answer::Answer;
use super::call::Call;
use super::figures::{
    AGE, BUILD, DROPPED, EDGES, EDGES_AGE, EDGES_BEHIND, EDGES_GONE, EDGES_LACKING, EPOCH, FILES, FREE, Figures, GIVEN_UP,
    HEAD_AGE, HEAD_EPOCH, HEAD_LEFT, HEALTH, LATENCY, LEFT, PENDING, PUBLICATION, PUBLISHES, REPORTS_LOST, ROOT_LEFT, SINCE,
    STREAMS, STREAMS_DROPPED, STREAMS_REFUSED, TARGET_BEHIND, TARGET_FAILING, TLS_LEFT, VERDICTS, WAITING,
};
use super::state::Api;
use crate::health::Severity;
use crate::tasks::watch::Watched;

/// What is wrong.
fn add_health(figures: &mut Figures, api: &Api) {
    for (place, trouble) in api.watched.health.troubles() {
        let value = match trouble.severity {
            Severity::Warning => 1,
            Severity::Failing => 2,
        };
        figures.labelled(HEALTH, &[("place", &place), ("code", trouble.code)], value);
        figures.labelled(SINCE, &[("place", &place)], trouble.since);
    }
}

/// What the watch saw last, and what this process did.
fn add_node(figures: &mut Figures, api: &Api, now: u64) {
    figures.labelled(BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let sight = api.watched.seen.now();
    for (name, bytes) in &sight.free {
        figures.labelled(FREE, &[("directory", name)], bytes);
    }
    for (realm, head) in sight.heads.iter().filter_map(|(realm, head)| Some((realm.as_str(), head.as_ref()?))) {
        let (age, left) = (now.saturating_sub(head.issued_at), head.not_after.saturating_sub(now));
        for (family, value) in [(HEAD_EPOCH, head.epoch), (HEAD_AGE, age), (HEAD_LEFT, left)] {
            figures.labelled(family, &[("realm", realm)], value);
        }
    }
    if let Some(life) = sight.certificate {
        figures.add(TLS_LEFT, life.ends.saturating_sub(now));
    }
    if let Some((pulse, took)) = &sight.registry {
        figures.add(LATENCY, took.as_secs_f64());
        for of in &pulse.realms {
            let realm = [("realm", of.realm.as_str())];
            figures.labelled(WAITING, &realm, of.changes.saturating_sub(of.published_changes.unwrap_or(0)));
            if let Some(root) = of.root.as_ref().and_then(|object| Root::open(object).ok()) {
                figures.labelled(ROOT_LEFT, &realm, root.expires_at.saturating_sub(now));
            }
        }
    }
    let counts = api.watched.measures.counts();
    for ((what, status), number) in &counts.files {
        figures.labelled(FILES, &[("endpoint", what), ("status", &status.to_string())], number);
    }
    for (realm, times) in &counts.publications {
        figures.histogram(PUBLICATION, ("realm", realm.as_str()), times);
    }
    for (realm, publishes) in &counts.publishes {
        figures.labelled(PUBLISHES, &[("realm", realm.as_str())], u8::from(*publishes));
    }
}

/// What the registry knows of each realm: verdicts; the newest epoch, its age, and the time until its head ends; its edges. And what this node knows
/// of its targets.
fn add_realms(figures: &mut Figures, registry: &Registry, watched: &Watched, now: u64) -> Result<(), Error> {
    for of in registry.realms()?.into_iter().map(|realm| realm.realm) {
        let realm = ("realm", of.as_str());
        for total in registry.usage(&of).totals()? {
            figures.labelled(VERDICTS, &[realm, ("verdict", &total.code)], total.number);
        }
        if let Some(last) = registry.ledger(&of).newest(1)?.first() {
            let (age, left) = (now.saturating_sub(last.issued_at), last.not_after.saturating_sub(now));
            for (family, value) in [(EPOCH, last.epoch), (AGE, age), (LEFT, left)] {
                figures.labelled(family, &[realm], value);
            }
        }
        let changes = registry.ledger(&of).changes()?;
        for (target, known) in watched.targets.of(&of, &watched.health) {
            let labels = [realm, ("target", &target)];
            if let Some((_, shows)) = known.holds {
                figures.labelled(TARGET_BEHIND, &labels, changes.saturating_sub(shows));
            }
            figures.labelled(TARGET_FAILING, &labels, known.trouble.map_or(0, |trouble| now.saturating_sub(trouble.since)));
        }
        let fleet = registry.fleet(&of).standing(None)?;
        let behind = fleet.epoch.zip(fleet.min_epoch).map(|(published, earliest)| published.saturating_sub(earliest));
        let all = [
            (EDGES, Some(fleet.live)),
            (EDGES_GONE, Some(fleet.gone)),
            (EDGES_LACKING, Some(fleet.lacking)),
            (EDGES_BEHIND, behind),
            (EDGES_AGE, fleet.oldest_age),
        ];
        for (family, value) in all.into_iter().filter_map(|(family, value)| Some((family, value?))) {
            figures.labelled(family, &[realm], value);
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
    let (pass, _) = call.admit_everywhere("usage.view").await?;
    pass.run(|pass| {
        let (api, mut figures) = (pass.api(), Figures::default());
        let now = pass.registry().env().now()?;
        add_health(&mut figures, api);
        add_node(&mut figures, api, now);
        api.counters.add_to(&mut figures);
        let (streams, outbox) = (&api.streams, pass.registry().outbox());
        for (family, value) in [
            (DROPPED, api.uses.dropped()),
            (REPORTS_LOST, api.reports.lost()),
            (STREAMS, streams.open_now()),
            (STREAMS_DROPPED, streams.dropped()),
            (STREAMS_REFUSED, streams.refused()),
            (PENDING, outbox.pending()?),
            (GIVEN_UP, outbox.given_up()?),
        ] {
            figures.add(family, value);
        }
        add_realms(&mut figures, pass.registry(), &api.watched, now)?;
        Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures.text()).into_response())
    })
    .await
}
