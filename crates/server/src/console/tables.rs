//! Plain tables of a realm: requests of a key, roles, owners, orgs, alerts, edges.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use axum::response::{IntoResponse, Redirect};
use edgelatch_registry::{EventId, Slug};
use serde_json::Value;

use super::cells::{Button, Cell};
use super::client::Call;
use super::frame::{Frame, page};
use super::keys::{path_of, realm_of, view_of};
use super::model::{EdgePage, EventPage, Key, Orgs, Owners, Publishing, RequestPage, Roles, Standing};
use super::orgs::Choice;
use super::session::{Posted, Session};
use super::stop::{Shown, Stop};
use super::texts::Text;
use super::things::{ORG, OWNER, ROLE};

#[derive(Template)]
#[template(path = "table.html")]
pub(super) struct TablePage {
    pub(super) f: Frame,
    pub(super) title: &'static str,
    /// Where another one is made, and what the button says.
    pub(super) create: Option<(String, &'static str)>,
    /// Which org it is about, where that can be chosen.
    pub(super) choice: Option<Choice>,
    /// Which part of them it shows, where that can be chosen.
    pub(super) parts: Vec<Part>,
    /// What is said above the table: name, value, and how it looks.
    pub(super) figures: Vec<(&'static str, String, &'static str)>,
    pub(super) heads: Vec<&'static str>,
    pub(super) rows: Vec<Vec<(&'static str, Cell)>>,
    /// What stands there where no row is.
    pub(super) empty: &'static str,
    pub(super) next: Option<String>,
}

/// Some of what there is.
pub(super) struct Part {
    /// By what it is asked for; empty for what is shown unless it is said.
    word: &'static str,
    name: &'static str,
    is_shown: bool,
}

impl TablePage {
    /// The part that is shown, as it is asked for.
    fn part(&self) -> &str {
        self.parts.iter().find(|part| part.is_shown).map_or("", |part| part.word)
    }
}

/// Rows, with each cell's head beside it.
pub(super) fn headed(heads: &[&'static str], rows: impl Iterator<Item = Vec<Cell>>) -> Vec<Vec<(&'static str, Cell)>> {
    rows.map(|row| heads.iter().copied().zip(row).collect()).collect()
}

pub(super) fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

/// Where the keys are that something has.
fn keys_of(realm: &Slug, what: &str, id: &str, org: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(what, id);
    if let Some(org) = org {
        query.append_pair("org", org);
    }
    format!("/console/r/{realm}/keys?{}", query.finish())
}

/// The query of a page of a log.
pub(super) fn paged(session: &Session) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(cursor) = session.query("cursor") {
        query.append_pair("cursor", cursor);
    }
    query.finish()
}

pub(super) async fn roles(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let choice = Choice::of(&session, &realm).await?;
    let all: Roles = session.get(&format!("/api/v1/realms/{realm}/roles?{}", choice.query())).await?;
    let f = session.frame().within(realm.as_str(), "roles");
    let t = f.t;
    let is_whole = choice.is_whole;
    let rows = all.roles.into_iter().map(|role| {
        // One of the whole realm is changed by whoever reaches that; to others the API would answer with their org's own one of that name.
        let is_theirs = is_whole || role.org.is_some();
        let to = is_theirs.then(|| ROLE.page(&realm, "edit", role.org.as_deref(), &role.role));
        let keys = Cell::Acts(vec![Button::Page(keys_of(&realm, "role", &role.role, role.org.as_deref()), t.keys)]);
        let org = role.org.unwrap_or_else(|| t.whole_realm.into());
        let predefined = if role.predefined { t.yes } else { t.no };
        vec![
            Cell::Name(role.name, to, None),
            Cell::Code(role.role),
            text(org),
            Cell::Roles(role.permissions),
            text(predefined),
            keys,
        ]
    });
    let heads = vec![t.name, t.role, t.org, t.permissions, t.predefined, t.actions];
    Ok(page(&TablePage {
        title: t.roles,
        create: Some((format!("/console/r/{realm}/roles/new"), (ROLE.create)(t))),
        choice: Some(choice),
        parts: Vec::new(),
        figures: Vec::new(),
        rows: headed(&heads, rows),
        heads,
        empty: t.no_roles,
        next: None,
        f,
    }))
}

pub(super) async fn owners(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let choice = Choice::of(&session, &realm).await?;
    let all: Owners = session.get(&format!("/api/v1/realms/{realm}/owners?{}", choice.query())).await?;
    let f = session.frame().within(realm.as_str(), "owners");
    let t = f.t;
    let rows = all.owners.into_iter().map(|owner| {
        let (word, state) = if owner.disabled { ("revoked", t.disabled) } else { ("active", t.active) };
        let to = OWNER.page(&realm, "edit", Some(&owner.org), &owner.owner);
        vec![
            Cell::Name(owner.name, Some(to), None),
            Cell::Code(owner.owner.clone()),
            text(owner.org.clone()),
            text(owner.kind),
            Cell::Roles(owner.roles),
            Cell::State(word.into(), state),
            Cell::Acts(vec![Button::Page(keys_of(&realm, "owner", &owner.owner, Some(&owner.org)), t.keys)]),
        ]
    });
    let heads = vec![t.name, t.owner, t.org, t.kind, t.roles, t.status, t.actions];
    Ok(page(&TablePage {
        title: t.owners,
        create: Some((format!("/console/r/{realm}/owners/new"), (OWNER.create)(t))),
        choice: Some(choice),
        parts: Vec::new(),
        figures: Vec::new(),
        rows: headed(&heads, rows),
        heads,
        empty: t.no_owners,
        next: None,
        f,
    }))
}

pub(super) async fn orgs(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let all: Orgs = session.get(&format!("/api/v1/realms/{realm}/orgs")).await?;
    let f = session.frame().within(realm.as_str(), "orgs");
    let t = f.t;
    let rows = all.orgs.into_iter().map(|org| {
        let limit = org.settings.max_keys.or(org.settings.max_active_keys).map_or("–".to_owned(), |most| most.to_string());
        let (prefix, to) = (org.settings.prefix.to_string(), ORG.page(&realm, "edit", None, &org.org));
        vec![
            Cell::Name(org.name, Some(to), None),
            Cell::Code(org.org),
            Cell::Code(prefix),
            text(limit),
            Cell::Time(org.created_at),
        ]
    });
    let heads = vec![t.name, t.org, t.prefix, t.limits, t.created];
    Ok(page(&TablePage {
        title: t.orgs,
        create: Some((format!("/console/r/{realm}/orgs/new"), (ORG.create)(t))),
        choice: None,
        parts: Vec::new(),
        figures: Vec::new(),
        rows: headed(&heads, rows),
        heads,
        empty: t.no_orgs,
        next: None,
        f,
    }))
}

/// Events that can be asked for: a word, the API's filter, and what they are called. Alerts first, which tell of no act.
const EVENTS: [(&str, &str, Text); 3] =
    [("", "alerts=true&", |t| t.alerts), ("failed", "state=failed&", |t| t.given_up), ("all", "", |t| t.all_events)];

pub(super) async fn alerts(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let choice = Choice::of(&session, &realm).await?;
    let asked = session.query("part").unwrap_or_default();
    let [first, ..] = EVENTS;
    let (shown, filter, _) = EVENTS.into_iter().find(|(word, _, _)| *word == asked).unwrap_or(first);
    let query = paged(&session) + &choice.query();
    let found: EventPage = session.get(&format!("/api/v1/realms/{realm}/events?{filter}{query}")).await?;
    let f = session.frame().within(realm.as_str(), "alerts");
    let t = f.t;
    let delivers = session.console.delivers;
    let rows = found.events.into_iter().map(|event| {
        let state = match event.state.as_str() {
            "pending" if !delivers => t.no_webhook,
            "pending" => t.waits,
            "delivered" => t.delivered,
            _ => t.given_up,
        };
        let state = event.last_error.map_or(state.to_owned(), |why| format!("{state}: {why}"));
        let again = delivers.then(|| Button::Click(format!("/console/r/{realm}/alerts/{}", event.event), t.redeliver));
        vec![
            Cell::Time(event.at),
            Cell::Code(event.kind),
            text(event.org.unwrap_or_else(|| t.whole_realm.into())),
            event.key_id.map_or(text("–"), Cell::Code),
            text(state),
            Cell::Acts(again.into_iter().collect()),
        ]
    });
    let heads = vec![t.at, t.kind, t.org, t.key_id, t.delivery, t.actions];
    Ok(page(&TablePage {
        title: t.alerts,
        create: None,
        choice: Some(choice),
        parts: EVENTS.map(|(word, _, name)| Part { word, name: name(t), is_shown: word == shown }).into(),
        figures: Vec::new(),
        rows: headed(&heads, rows),
        heads,
        empty: t.no_alerts,
        next: found.next,
        f,
    }))
}

/// What an alert stands in, for whoever comes back to one after signing in.
pub(super) async fn alerts_instead(session: Session, Path((realm, _)): Path<(String, String)>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    Ok(Redirect::to(&format!("/console/r/{realm}/alerts")).into_response())
}

/// Has an alert delivered once more.
pub(super) async fn redeliver(Path((realm, event)): Path<(String, String)>, posted: Posted) -> Shown {
    let session = posted.session;
    let realm = realm_of(&session, &realm)?;
    let event = EventId::parse("event", &event).map_err(|_| Stop::Nothing(session.frame().language))?;
    let path = format!("/api/v1/realms/{realm}/events/{event}/redeliver");
    match session.act::<Value>(Method::POST, &path, Call::default()).await? {
        Ok(_) => Ok(Redirect::to(&format!("/console/r/{realm}/alerts")).into_response()),
        Err(refused) => Err(session.stop(refused)),
    }
}

/// Edges that can be asked for: all, those that lack the last change, and those that do not report any more.
const EDGES: [(&str, Text); 3] = [("", |t| t.all), ("lacking", |t| t.lacking), ("gone", |t| t.gone)];

pub(super) async fn fleet(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let asked = session.query("part").unwrap_or_default();
    let standing: Standing = session.get(&format!("/api/v1/realms/{realm}/fleet")).await?;
    let filter = match asked {
        "lacking" => format!("live=true&lacks={}&", standing.change),
        "gone" => "live=false&".into(),
        _ => String::new(),
    };
    let query = paged(&session);
    let found: EdgePage = session.get(&format!("/api/v1/realms/{realm}/edges?{filter}{query}")).await?;
    let publishing: Option<Publishing> = session.maybe(&format!("/api/v1/realms/{realm}/publishing")).await;
    let f = session.frame().within(realm.as_str(), "fleet");
    let t = f.t;
    let yes = |is: bool| if is { t.yes } else { t.no };
    let mut figures = vec![
        (t.epoch, standing.epoch.map_or("–".into(), |epoch| epoch.to_string()), ""),
        (t.published, yes(standing.published).into(), if standing.published { "good" } else { "bad" }),
        (t.everywhere, yes(standing.everywhere).into(), if standing.everywhere { "good" } else { "" }),
        (t.live, standing.live.to_string(), ""),
        (t.lacking, standing.lacking.to_string(), if standing.lacking > 0 { "bad" } else { "" }),
        (t.gone, standing.gone.to_string(), ""),
    ];
    for target in publishing.map_or(Vec::new(), |all| all.targets) {
        let epoch = target.epoch.map_or("–".into(), |epoch| epoch.to_string());
        let behind =
            target.behind.filter(|behind| *behind > 0).map(|behind| format!(" ({} {behind})", t.behind)).unwrap_or_default();
        let why = target.message.map(|why| format!(": {why}")).unwrap_or_default();
        let class = if target.failing_since.is_some() { "bad wide" } else { "wide" };
        figures.push((t.targets, format!("{} · {epoch}{behind}{why}", target.target), class));
    }
    let rows = found.edges.into_iter().map(|edge| {
        let (word, state) = if edge.live { ("active", t.live) } else { ("revoked", t.gone) };
        vec![
            Cell::Name(edge.name.unwrap_or_else(|| edge.edge.clone()), None, Some(edge.edge)),
            Cell::State(word.into(), state),
            text(edge.epoch.to_string()),
            text(edge.behind.to_string()),
            text(edge.age.map_or("–".into(), |age| format!("{age} s"))),
            text(edge.mode),
            Cell::Code(edge.sdk),
            Cell::Time(edge.seen_at),
        ]
    });
    let heads = vec![t.edge, t.status, t.epoch, t.behind, t.age, t.kind, "SDK", t.seen];
    let rows = headed(&heads, rows);
    Ok(page(&TablePage {
        title: t.fleet,
        create: None,
        choice: None,
        parts: EDGES.map(|(word, name)| Part { word, name: name(t), is_shown: word == asked }).into(),
        figures,
        rows,
        heads,
        empty: if asked.is_empty() { t.no_edges } else { t.none_so },
        next: found.next,
        f,
    }))
}

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    f: Frame,
    key_id: String,
    name: String,
    page: RequestPage,
    /// Whether it is not the first page.
    is_later: bool,
}

/// The log of requests made with a key, also of one that was deleted.
pub(super) async fn requests(session: Session, Path((realm, key_id)): Path<(String, String)>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let path = path_of(&session, &realm, &key_id)?;
    let found: RequestPage = session.get(&format!("{path}/requests?{}", paged(&session))).await?;
    let name = session.maybe::<Key>(&path).await.map_or_else(|| key_id.clone(), |key| key.name);
    let f = session.frame().about_keys(realm.as_str(), view_of(&session, &realm).await);
    Ok(page(&RequestsPage { f, key_id, name, page: found, is_later: session.query("cursor").is_some() }))
}
