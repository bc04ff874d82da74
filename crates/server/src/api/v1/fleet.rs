//! Edges: what they report of themselves, which epoch each serves by, and whether a change is everywhere.

use std::sync::Arc;
use std::time::Duration;

use edgelatch_registry::json::given;
use edgelatch_registry::{EdgeFilter, EdgePage, EdgeReport, Paging, Standing};
use serde::{Deserialize, Serialize};
use serde_with::apply;
use tokio::time::{Instant, sleep};
use utoipa::{IntoParams, ToSchema};

use crate::api::answer::{Answer, Quiet, json};
use crate::api::call::Call;
use crate::api::path::InRealm;
use crate::limits::{ARRIVAL_LOOK, LOOK_SHARE, MAX_REPORT_BYTES, MAX_WAIT_SECONDS};
use crate::problem::Problem;

/// When the edge is to report again.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportPace)]
pub(crate) struct PaceBody {
    /// Seconds until its next report, if no new epoch comes before. After three of these without one it is gone.
    interval: u64,
    /// Milliseconds over which edges spread their reports of a new epoch; no edge reports more often than that, or than once a second.
    spread: u64,
}

/// Report which epoch an edge serves by
///
/// An edge does so when it has a new epoch, and from time to time, so that it is known to be there.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/edges", operation_id = "reportEdge", tag = "fleet",
    params(InRealm),
    request_body = EdgeReport,
    responses((status = 200, description = "When to report again", body = PaceBody)))]
pub(crate) async fn report(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("usage.ingest").await?;
    // An edge serves all orgs of its realm.
    pass.reach.whole_realm()?;
    let (report, _) = incoming.json::<EdgeReport>(MAX_REPORT_BYTES).await?;
    pass.run(move |pass| {
        report.check()?;
        // What is handed in is written later, when nobody could be told that there is no such realm.
        pass.registry().realm(&pass.realm)?;
        let reports = &pass.api().reports;
        let pace = reports.hear(&pass.realm, report, pass.now()?);
        let mut answer = json(PaceBody { interval: pace.interval, spread: pace.spread })?;
        if !reports.noteworthy(pass.principal.key_id) {
            answer.extensions_mut().insert(Quiet);
        }
        Ok(answer)
    })
    .await
}

/// List the edges, by name and id
#[utoipa::path(get, path = "/api/v1/realms/{realm}/edges", operation_id = "listEdges", tag = "fleet",
    params(InRealm, EdgeFilter, Paging),
    responses((status = 200, description = "A page of them", body = EdgePage)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (filter, paging), _) = call.admit::<_, (EdgeFilter, Paging)>("usage.view").await?;
    pass.reach.whole_realm()?;
    pass.run(move |pass| json(pass.fleet().list(&filter, &paging)?)).await
}

/// What is asked about a change.
#[apply(Option => #[serde(default, deserialize_with = "given")] #[param(nullable = false, required = false)])]
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arrival {
    /// The change, as the act's answer told it in `Edgelatch-Change`; the last one of the realm if left out.
    #[param(value_type = Option<u64>)]
    change: Option<u64>,
    /// Seconds to wait until the change is everywhere: the answer comes then, or when they are over.
    #[param(value_type = Option<u64>, minimum = 0, maximum = 25)]
    wait: Option<u64>,
}

/// Say how far a change has got
///
/// It is everywhere once every edge that reports serves by an epoch that shows it. Edges that lack it are named.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/fleet", operation_id = "getFleet", tag = "fleet",
    params(InRealm, Arrival),
    responses((status = 200, description = "How far it is", body = Standing)))]
pub(crate) async fn standing(call: Call) -> Answer {
    let (pass, InRealm {}, (Arrival { change, wait },), _) = call.admit::<_, (Arrival,)>("usage.view").await?;
    pass.reach.whole_realm()?;
    let wait = wait.unwrap_or(0);
    if wait > MAX_WAIT_SECONDS {
        return Err(Problem::parameter("wait", format!("must be 0 to {MAX_WAIT_SECONDS}: ask again for more")));
    }
    let end = Instant::now() + Duration::from_secs(wait);
    let pass = Arc::new(pass);
    let _place = (wait > 0).then(|| pass.waiting_place()).transpose()?;
    let mut change = change;
    let mut stop = pass.api().stop();
    loop {
        let asked = Instant::now();
        let standing = pass.ask(move |pass| Ok(pass.fleet().standing(change)?)).await?;
        let left = end.saturating_duration_since(Instant::now());
        if standing.everywhere || left.is_zero() || *stop.borrow() {
            return json(standing);
        }
        // Of what was the last change at first, and not of those that come meanwhile.
        change = Some(standing.change);
        // Each look sums up all edges: however many there are, whoever waits leaves the database to others for most of the time.
        let pause = ARRIVAL_LOOK.max(asked.elapsed() * LOOK_SHARE).min(left);
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}
