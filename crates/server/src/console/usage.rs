//! Usage of a realm or of an org over time, and how often which verdict was given.

use askama::Template;
use axum::extract::Path;

use super::chart::{Bar, DAY, HOUR, bars};
use super::frame::{Frame, page};
use super::keys::realm_of;
use super::model::{Series, Total, Verdicts};
use super::orgs::Choice;
use super::session::Session;
use super::stop::Shown;

#[derive(Template)]
#[template(path = "usage.html")]
struct UsagePage {
    f: Frame,
    choice: Choice,
    is_hourly: bool,
    accepted: u64,
    refused: u64,
    bars: Vec<Bar>,
    /// The most frequent first; of the whole realm alone.
    verdicts: Vec<Total>,
}

/// What a chart is of, as the API is asked: hours of two days, or days of a month.
const HOURLY: &str = "by=hour&since=2d+ago";
const DAILY: &str = "by=day&since=30d+ago";

pub(super) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let is_hourly = session.query("by") == Some("hour");
    let choice = Choice::of(&session, &realm).await?;
    let (span, of_org) = (if is_hourly { HOURLY } else { DAILY }, choice.query());
    let series: Series = session.get(&format!("/api/v1/realms/{realm}/usage?{span}{of_org}")).await?;
    let counted = session.maybe::<Verdicts>(&format!("/api/v1/realms/{realm}/verdicts")).await;
    let mut verdicts = counted.map_or(Vec::new(), |all| all.verdicts);
    verdicts.sort_by_key(|one| std::cmp::Reverse(one.number));
    let sum = |of: fn(&super::model::Bucket) -> u64| series.buckets.iter().map(of).fold(0, u64::saturating_add);
    Ok(page(&UsagePage {
        f: session.frame().within(realm.as_str(), "usage"),
        choice,
        is_hourly,
        accepted: sum(|one| one.accepted),
        refused: sum(|one| one.refused),
        bars: bars(&series.buckets, if is_hourly { HOUR } else { DAY }),
        verdicts,
    }))
}
