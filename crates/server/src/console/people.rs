//! Who was invited to a realm or to an org of it, and somebody else who is to come.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use axum::response::{IntoResponse, Redirect, Response};
use edgelatch_registry::Slug;

use super::cells::{Button, Cell};
use super::client::Call;
use super::form::Fields;
use super::frame::{Frame, page};
use super::keys::realm_of;
use super::model::{Invitation, People};
use super::orgs::Choice;
use super::session::{Posted, Session};
use super::stop::{Shown, Stop};
use super::tables::{TablePage, headed, text};
use super::things::{PERSON, forms};

/// How it stands with somebody, in the reader's language, and as which of a key's states it is shown.
fn state(word: &str, f: &Frame) -> Cell {
    let (class, said) = match word {
        "active" => ("active", f.t.active),
        "invited" => ("pending", f.t.invited),
        "over" => ("expired", f.t.invitation_over),
        _ => ("revoked", f.t.disabled),
    };
    Cell::State(class.into(), said)
}

pub(super) async fn list(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    let choice = Choice::of(&session, &realm).await?;
    let all: People = session.get(&format!("/api/v1/realms/{realm}/people?{}", choice.query().trim_start_matches('&'))).await?;
    let f = session.frame().within(realm.as_str(), PERSON.word);
    let t = f.t;
    let rows = all.people.into_iter().map(|person| {
        let to = |act: &str| PERSON.page(&realm, act, person.org.as_deref(), &person.person);
        let mut acts = vec![Button::Page(to("delete"), t.remove)];
        if ["invited", "over"].contains(&person.state.as_str()) {
            acts.insert(0, Button::Click(to("link"), t.new_link));
        }
        let edit = (person.revision > 0).then(|| to("edit"));
        let until = person.link_until.as_ref().filter(|_| person.state == "invited");
        let place = person.org.or(person.realm.map(|_| t.whole_realm.into())).unwrap_or_else(|| t.by_rules.into());
        vec![
            Cell::Name(person.name, edit, person.email),
            text(place),
            Cell::Roles(person.roles),
            state(&person.state, &f),
            until.map_or_else(|| Cell::time(person.signed_in_at.as_ref(), t.never), |until| Cell::Time(until.clone())),
            Cell::code(person.invited_by.as_ref()),
            Cell::Acts(acts),
        ]
    });
    let heads = vec![t.name, t.org, t.roles, t.status, t.last_sign_in, t.invited_by, t.actions];
    let rows = headed(&heads, rows);
    Ok(page(&TablePage {
        title: t.people,
        create: Some((format!("/console/r/{realm}/people/new"), (PERSON.create)(t))),
        choice: Some(choice),
        parts: Vec::new(),
        figures: Vec::new(),
        rows,
        heads,
        empty: t.no_people,
        next: None,
        f,
    }))
}

/// The page that shows an invitation's link, once.
#[derive(Template)]
#[template(path = "invited.html")]
struct InvitedPage {
    f: Frame,
    invited: Invitation,
    link: String,
}

fn shown(session: &Session, realm: &Slug, invited: Invitation) -> Response {
    let f = session.frame().within(realm.as_str(), PERSON.word);
    let link = format!("{}{}", session.origin(), invited.path.as_str());
    page(&InvitedPage { f, invited, link })
}

/// The form of an invitation.
pub(super) async fn new(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    // What most people need, and nobody does harm with.
    forms::new_page(&session, &realm, &PERSON, &Fields::parse(b"roles=viewer"), None).await
}

/// Invites somebody, and shows the link.
pub(super) async fn invite(Path(realm): Path<String>, posted: Posted) -> Shown {
    let Posted { session, fields } = posted;
    let realm = realm_of(&session, &realm)?;
    let body = forms::new_body(&PERSON, &fields);
    let path = format!("/api/v1/realms/{realm}/people");
    match session.act::<Invitation>(Method::POST, &path, Call { body: Some(&body), ..Call::default() }).await? {
        Ok(invited) => Ok(shown(&session, &realm, invited)),
        Err(refused) => {
            let shown: Response = forms::new_page(&session, &realm, &PERSON, &fields, Some(&refused)).await?;
            Ok((forms::status(&refused), shown).into_response())
        }
    }
}

/// Gives an invitation another link, and shows it.
pub(super) async fn renew(Path(realm): Path<String>, posted: Posted) -> Shown {
    let session = posted.session;
    let realm = realm_of(&session, &realm)?;
    let person: Option<Slug> = session.query("id").and_then(|id| id.parse().ok());
    let person = person.ok_or_else(|| Stop::Nothing(session.frame().language))?;
    let path = format!("/api/v1/realms/{realm}/people/{person}/link");
    match session.act::<Invitation>(Method::POST, &path, Call::default()).await? {
        Ok(invited) => Ok(shown(&session, &realm, invited)),
        Err(refused) => Err(session.stop(refused)),
    }
}

/// What an invitation stands in, for whoever comes back to one after signing in.
pub(super) async fn list_instead(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    Ok(Redirect::to(&format!("/console/r/{realm}/people")).into_response())
}
