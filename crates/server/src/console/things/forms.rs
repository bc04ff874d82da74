//! The pages by which a role, an owner or an org is made, changed and deleted.

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use edgelatch_registry::Slug;
use serde_json::Value;

use super::fields::{Member, Shown, body, field_of, shown};
use super::settings::SETTINGS;
use super::{Thing, of};
use crate::console::client::{Call, Refused};
use crate::console::form::Fields;
use crate::console::frame::{Frame, page};
use crate::console::keys::realm_of;
use crate::console::orgs::Choice;
use crate::console::session::{Posted, Session};
use crate::console::stop::{Shown as Answered, Stop};

#[derive(Template)]
#[template(path = "thing.html")]
struct ThingPage {
    f: Frame,
    title: String,
    /// Where the form goes.
    to: String,
    /// What the button says that sends a new one.
    send: &'static str,
    /// Where all of them are.
    list: String,
    /// Where it is ended, if it is there, and what the button says.
    delete: Option<(String, &'static str)>,
    fields: Vec<Shown>,
    settings: Vec<Shown>,
    revision: u64,
    /// What is wrong that no field is about.
    other: Option<String>,
    /// Fields in which what was typed differs from what there is: name, theirs, yours.
    conflict: Vec<(&'static str, String, String)>,
}

#[derive(Template)]
#[template(path = "thing_delete.html")]
struct DeletePage {
    f: Frame,
    name: String,
    to: String,
    back: String,
    /// What the button says.
    end: &'static str,
    /// What it means.
    warning: &'static str,
    revision: u64,
    refused: Option<Refused>,
}

/// Which thing of which realm a path is about.
fn thing_of(session: &Session, realm: &str, word: &str) -> Result<(Slug, &'static Thing), Stop> {
    let thing = of(word).ok_or_else(|| Stop::Nothing(session.frame().language))?;
    Ok((realm_of(session, realm)?, thing))
}

/// The same, if one can be made or deleted.
fn made_of(session: &Session, realm: &str, word: &str) -> Result<(Slug, &'static Thing), Stop> {
    let found = thing_of(session, realm, word)?;
    if found.1.is_single() { Err(Stop::Nothing(session.frame().language)) } else { Ok(found) }
}

/// One that is there: where the API has it, where the console has it, and what it is.
struct There {
    realm: Slug,
    thing: &'static Thing,
    path: String,
    org: Option<Slug>,
    id: Slug,
    value: Value,
}

impl There {
    async fn of(session: &Session, realm: &str, word: &str) -> Result<There, Stop> {
        let (realm, thing) = thing_of(session, realm, word)?;
        let nothing = || Stop::Nothing(session.frame().language);
        let named = || session.query("id").and_then(|id| id.parse().ok());
        let id: Slug = if thing.is_single() { Some(realm.clone()) } else { named() }.ok_or_else(nothing)?;
        let org = session.query("org").map(str::parse).transpose().map_err(|_| nothing())?;
        let path = (thing.path)(&realm, org.as_ref(), &id);
        let value: Value = session.get(&path).await?;
        // Where there is none of this org, or of the whole realm, the API may answer with another one of its name: this page is not about that.
        if thing.is_of_org && value["org"].as_str() != org.as_ref().map(Slug::as_str) {
            return Err(nothing());
        }
        Ok(There { realm, thing, path, org, id, value })
    }

    fn page(&self, act: &str) -> String {
        self.thing.page(&self.realm, act, self.org.as_ref().map(Slug::as_str), self.id.as_str())
    }

    fn list(&self) -> String {
        format!("/console/r/{}/{}", self.realm, self.thing.word)
    }

    fn name(&self) -> String {
        self.value["name"].as_str().unwrap_or(self.id.as_str()).to_owned()
    }

    fn revision(&self) -> u64 {
        self.value["revision"].as_u64().unwrap_or_default()
    }

    /// Whether it cannot be changed here: a person whom the server's rules let in.
    fn is_fixed(&self) -> bool {
        self.revision() == 0
    }

    /// The fields that can be changed, and the settings.
    fn members(&self) -> (&'static [Member], &'static [Member]) {
        (self.thing.edit, if self.thing.has_settings { SETTINGS } else { &[] })
    }

    /// The form, with what was sent, or with what there is.
    fn form(&self, session: &Session, sent: Option<&Fields>, refused: Option<&Refused>) -> ThingPage {
        let f = session.frame().within(self.realm.as_str(), self.thing.word);
        let value = |member: &Member| match sent {
            Some(fields) if fields.has(member.name) => fields.text(member.name).to_owned(),
            _ => member.written(member.of(&self.value)),
        };
        let (fields, settings) = self.members();
        let fields = shown(fields, value, refused, None, (f.t, f.language));
        let settings = shown(settings, value, refused, None, (f.t, f.language));
        ThingPage {
            title: format!("{}: {}", f.t.edit, self.name()),
            to: self.page("edit"),
            send: (self.thing.send)(f.t),
            list: self.list(),
            delete: (!self.thing.is_single()).then(|| (self.page("delete"), (self.thing.end.0)(f.t))),
            other: other(refused, &[&fields, &settings]),
            fields,
            settings,
            revision: self.revision(),
            conflict: Vec::new(),
            f,
        }
    }
}

/// What is wrong that none of these fields is about.
fn other(refused: Option<&Refused>, all: &[&[Shown]]) -> Option<String> {
    let refused = refused?;
    let name = field_of(refused);
    let is_there = all.iter().flat_map(|fields| fields.iter()).any(|field| field.name == name);
    (!is_there).then(|| refused.detail.clone())
}

pub(crate) fn status(refused: &Refused) -> StatusCode {
    StatusCode::from_u16(refused.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
}

pub(crate) async fn new_page(
    session: &Session,
    realm: &Slug,
    thing: &'static Thing,
    sent: &Fields,
    refused: Option<&Refused>,
) -> Result<Response, Stop> {
    let f = session.frame().within(realm.as_str(), thing.word);
    let choice = Choice::of(session, realm).await?;
    let list = format!("/console/r/{realm}/{}", thing.word);
    let fields = shown(thing.new, |member| sent.text(member.name).to_owned(), refused, Some(&choice), (f.t, f.language));
    Ok(page(&ThingPage {
        title: (thing.create)(f.t).into(),
        to: format!("{list}/new"),
        send: (thing.send)(f.t),
        list,
        delete: None,
        other: other(refused, &[&fields]),
        fields,
        settings: Vec::new(),
        revision: 0,
        conflict: Vec::new(),
        f,
    }))
}

/// What the API is told of a new one.
pub(crate) fn new_body(thing: &Thing, fields: &Fields) -> Value {
    body(thing.new, fields, None)
}

/// The form of a new one.
pub(crate) async fn new(session: Session, Path((realm, word)): Path<(String, String)>) -> Answered {
    let (realm, thing) = made_of(&session, &realm, &word)?;
    new_page(&session, &realm, thing, &Fields::default(), None).await
}

/// Makes one.
pub(crate) async fn make(Path((realm, word)): Path<(String, String)>, posted: Posted) -> Answered {
    let Posted { session, fields } = posted;
    let (realm, thing) = made_of(&session, &realm, &word)?;
    let body = body(thing.new, &fields, None);
    let path = format!("/api/v1/realms/{realm}/{}", thing.word);
    match session.act::<Value>(Method::POST, &path, Call { body: Some(&body), ..Call::default() }).await? {
        Ok(_) => Ok(Redirect::to(&format!("/console/r/{realm}/{}", thing.word)).into_response()),
        Err(refused) => {
            let page = new_page(&session, &realm, thing, &fields, Some(&refused)).await?;
            Ok((status(&refused), page).into_response())
        }
    }
}

/// The form of one that is there.
pub(crate) async fn edit(session: Session, Path((realm, word)): Path<(String, String)>) -> Answered {
    let there = There::of(&session, &realm, &word).await?;
    if there.is_fixed() {
        return Ok(Redirect::to(&there.list()).into_response());
    }
    Ok(page(&there.form(&session, None, None)))
}

/// Saves what was changed, if nobody else has changed it meanwhile.
pub(crate) async fn save(Path((realm, word)): Path<(String, String)>, posted: Posted) -> Answered {
    let Posted { session, fields } = posted;
    let there = There::of(&session, &realm, &word).await?;
    let began_with: Option<u64> = fields.text("revision").parse().ok();
    let (members, settings) = there.members();
    let members = [members, settings].concat();
    let body = body(&members, &fields, Some(&there.value));
    let done = || Redirect::to(&there.list()).into_response();
    if body.as_object().is_some_and(serde_json::Map::is_empty) && began_with == Some(there.revision()) {
        return Ok(done());
    }
    // Without a revision of its own, a form is about none that there ever was.
    let call = Call { revision: Some(began_with.unwrap_or(0)), body: Some(&body), ..Call::default() };
    let refused = match session.act::<Value>(Method::PATCH, &there.path, call).await? {
        Ok(_) => return Ok(done()),
        Err(refused) => refused,
    };
    let mut form = there.form(&session, Some(&fields), Some(&refused));
    if refused.status == StatusCode::PRECONDITION_FAILED.as_u16() {
        let all = form.fields.iter().chain(&form.settings).zip(&members);
        let both = all.map(|(field, member)| (field.title, member.written(member.of(&there.value)), field.value.clone()));
        form.conflict = both.filter(|(_, theirs, yours)| theirs != yours).collect();
    }
    Ok((status(&refused), page(&form)).into_response())
}

fn delete_page(there: &There, session: &Session, refused: Option<Refused>) -> Response {
    let f = session.frame().within(there.realm.as_str(), there.thing.word);
    let (end, warning) = there.thing.end;
    page(&DeletePage {
        end: end(f.t),
        name: there.name(),
        to: there.page("delete"),
        back: if there.is_fixed() { there.list() } else { there.page("edit") },
        warning: warning(f.t),
        revision: there.revision(),
        refused,
        f,
    })
}

/// Asks whether it is meant.
pub(crate) async fn ask_delete(session: Session, Path((realm, word)): Path<(String, String)>) -> Answered {
    made_of(&session, &realm, &word)?;
    let there = There::of(&session, &realm, &word).await?;
    Ok(delete_page(&there, &session, None))
}

/// Deletes it.
pub(crate) async fn delete(Path((realm, word)): Path<(String, String)>, posted: Posted) -> Answered {
    let Posted { session, fields } = posted;
    made_of(&session, &realm, &word)?;
    let there = There::of(&session, &realm, &word).await?;
    let revision = Some(fields.text("revision").parse().unwrap_or(0));
    match session.act::<Value>(Method::DELETE, &there.path, Call { revision, ..Call::default() }).await? {
        Ok(_) => Ok(Redirect::to(&there.list()).into_response()),
        Err(refused) => Ok((status(&refused), delete_page(&there, &session, Some(refused))).into_response()),
    }
}

/// The realm's own form.
pub(crate) async fn settings(session: Session, Path(realm): Path<String>) -> Answered {
    let realm = realm_of(&session, &realm)?;
    Ok(Redirect::to(&super::REALM.page(&realm, "edit", None, realm.as_str())).into_response())
}
