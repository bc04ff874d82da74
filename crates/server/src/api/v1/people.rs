//! People: who was invited to a realm or to an org of it, and what they may do there.

use std::sync::Arc;

use axum::extract::{Request, State};
use edgelatch_registry::json::given;
use edgelatch_registry::people::{Invitation, Invite, Member, Place};
use edgelatch_registry::{Email, Error, Expiry, Kind, Name, Once, Slug};
use serde::{Deserialize, Serialize};
use serde_with::apply;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::api::answer::{Answer, CreatedKey, json, made, once, shown};
use crate::api::auth::principal::Reach;
use crate::api::blocking::blocking;
use crate::api::call::{Call, Pass};
use crate::api::headers::IfMatch;
use crate::api::incoming::Incoming;
use crate::api::path::{InRealm, PersonPath};
use crate::api::query::Query;
use crate::api::state::Api;
use crate::api::v1::owners::OrgQuery;
use crate::limits::{MAX_BODY_BYTES, MAX_SECRET_BODY_BYTES};
use crate::net::seats::Seat;
use crate::problem::{Details, Problem};

/// People.
#[derive(Serialize, ToSchema)]
#[schema(as = People)]
pub(crate) struct People {
    /// By name.
    people: Vec<Member>,
}

/// Somebody to be invited.
#[apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvitePerson)]
pub(crate) struct InviteBody {
    /// What they are called.
    name: Name,
    /// Their address: whoever signs in at an identity provider that vouches for it is the one who was invited.
    email: Option<Email>,
    /// The org that they may act in; the caller's only one, or the whole realm, if left out.
    org: Option<Slug>,
    /// What they may do: roles of the management realm, of which the caller's own key grants no more than it holds.
    #[schema(min_items = 1, max_items = 32)]
    roles: Vec<Slug>,
    /// Until when the invitation counts: in a week if left out, in 30 days at the latest.
    #[schema(value_type = Option<String>, examples("7d"))]
    expires_at: Option<Expiry>,
}

/// What somebody may do from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditPerson)]
pub(crate) struct EditPersonBody {
    /// Roles of the management realm, in the place of those before.
    #[schema(min_items = 1, max_items = 32)]
    roles: Vec<Slug>,
}

/// Another link.
#[apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RenewInvitation)]
pub(crate) struct RenewBody {
    /// Until when it counts: in a week if left out, in 30 days at the latest.
    #[schema(value_type = Option<String>, examples("7d"))]
    expires_at: Option<Expiry>,
}

/// An invitation.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationAnswer {
    /// Who was invited.
    person: Member,
    /// What their link ends with, which appears in this answer and nowhere else.
    #[schema(value_type = String)]
    link: Zeroizing<String>,
    /// Where the console takes it: behind the address of this server it is the link.
    #[schema(value_type = String)]
    path: Zeroizing<String>,
}

impl From<Invitation> for InvitationAnswer {
    fn from(Invitation { person, link }: Invitation) -> InvitationAnswer {
        let path = Zeroizing::new(format!("/console/invitation#{}", *link));
        InvitationAnswer { person, link, path }
    }
}

/// A link that is used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AcceptInvitation)]
pub(crate) struct LinkBody {
    /// What the link ends with.
    #[schema(value_type = String, format = Password, min_length = 1, write_only)]
    link: Zeroizing<String>,
}

fn place(pass: &Pass, org: Option<Slug>) -> Place {
    Place { realm: pass.realm.clone(), org }
}

/// Until when a link is to count; none for as long as links do unless said.
fn until(pass: &Pass, expiry: Option<Expiry>) -> Result<Option<u64>, Problem> {
    let never = || Problem::at("/expires_at", "an invitation does not count for ever: name a time, or leave it out for a week");
    let Some(expiry) = expiry else { return Ok(None) };
    expiry.at("expires_at", pass.now()?)?.ok_or_else(never).map(Some)
}

/// List people
///
/// Those who were invited to the realm, or to an org of it. The realm `management` lists everybody, also whom the server's rules for an identity
/// provider let in.
#[utoipa::path(get, path = "/api/v1/realms/{realm}/people", operation_id = "listPeople", tag = "people",
    params(InRealm, OrgQuery),
    responses((status = 200, description = "The people that are the caller's to see", body = People)))]
pub(crate) async fn list(call: Call) -> Answer {
    let (pass, InRealm {}, (query,), _) = call.admit::<_, (OrgQuery,)>("person.view").await?;
    pass.run(move |pass| json(People { people: pass.registry().people().list(&place(pass, query.org(pass)?))? })).await
}

/// Invite somebody
///
/// They get no more than the caller's own key holds. Whoever has the link gets a management key for it, once; whoever signs in to the console at an
/// identity provider with the address that was invited needs no link. In the realm `management`, the invitation is for everywhere. An address has one open
/// invitation to a place: 409 `wrong_state` names who was invited with it.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/people", operation_id = "invitePerson", tag = "people",
    params(InRealm),
    request_body = InviteBody,
    responses((status = 201, description = "Invited", body = InvitationAnswer, headers(
        ("Location" = String, description = "Where they are")))))]
pub(crate) async fn invite(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("person.create").await?;
    let (body, _) = incoming.json::<InviteBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let org = pass.reach.org(body.org.as_ref())?;
        let new = Invite { name: body.name, email: body.email, roles: body.roles, until: until(pass, body.expires_at)? };
        let caller = pass.caller(org.as_ref())?;
        let made_now = pass.registry().people().invite(&caller, &place(pass, org), &new)?;
        let at = format!("/api/v1/realms/{}/people/{}", pass.realm, made_now.person.person);
        made(at, InvitationAnswer::from(made_now))
    })
    .await
}

/// Somebody who is the caller's to see.
fn visible(pass: &Pass, person: &Slug) -> Result<Member, Error> {
    let found = pass.registry().people().get(person)?;
    let seen = match &pass.reach {
        Reach::Realm => found.is_within(&place(pass, None)),
        Reach::Orgs(own) => own.iter().any(|org| found.is_within(&place(pass, Some(org.clone())))),
    };
    if seen { Ok(found) } else { Err(Error::NotFound { kind: Kind::Person, id: person.to_string() }) }
}

/// Show somebody
#[utoipa::path(get, path = "/api/v1/realms/{realm}/people/{person}", operation_id = "getPerson", tag = "people",
    params(PersonPath),
    responses((status = 200, description = "Who they are, and what they may do", body = Member, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn show(call: Call) -> Answer {
    let (pass, PersonPath { person }, (), _) = call.admit("person.view").await?;
    pass.run(move |pass| shown(visible(pass, &person)?)).await
}

/// Edit somebody who was invited
///
/// What they may do from now on, also where they are signed in and while their invitation is open; no more than the caller's own key holds. Whoever
/// edits an open invitation stands in for its inviter.
#[utoipa::path(patch, path = "/api/v1/realms/{realm}/people/{person}", operation_id = "editPerson", tag = "people",
    params(PersonPath, IfMatch),
    request_body = EditPersonBody,
    responses((status = 200, description = "Who they are, and what they may do now", body = Member, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, PersonPath { person }, (), incoming) = call.admit("person.update").await?;
    let (body, _) = incoming.json::<EditPersonBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let found = visible(pass, &person)?;
        let caller = pass.caller(found.org.as_ref())?;
        shown(pass.registry().people().edit(&caller, &place(pass, None), &person, &body.roles, pass.if_match()?)?)
    })
    .await
}

/// Give an invitation another link
///
/// While nobody has come by it. The link before counts no more, and whoever asks for the new one stands in for the inviter.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/people/{person}/link", operation_id = "renewInvitation", tag = "people",
    params(PersonPath),
    request_body(content = Option<RenewBody>),
    responses((status = 200, description = "The invitation as it is now, with its link", body = InvitationAnswer)))]
pub(crate) async fn renew(call: Call) -> Answer {
    let (pass, PersonPath { person }, (), incoming) = call.admit("person.create").await?;
    let (body, _) = incoming.json_or_nothing::<RenewBody>(MAX_BODY_BYTES).await?;
    pass.run(move |pass| {
        let found = visible(pass, &person)?;
        let caller = pass.caller(found.org.as_ref())?;
        let until = until(pass, body.expires_at)?;
        json(InvitationAnswer::from(pass.registry().people().renew(&caller, &place(pass, None), &person, until)?))
    })
    .await
}

/// Remove somebody
///
/// Their sign-ins and keys end at once, and an invitation that is open counts no more. Whom the server's rules for an identity provider let in is locked
/// out.
#[utoipa::path(delete, path = "/api/v1/realms/{realm}/people/{person}", operation_id = "removePerson", tag = "people",
    params(PersonPath),
    responses((status = 200, description = "Who it was", body = Member)))]
pub(crate) async fn remove(call: Call) -> Answer {
    let (pass, PersonPath { person }, (), _) = call.admit("person.delete").await?;
    pass.run(move |pass| {
        let found = visible(pass, &person)?;
        let caller = pass.caller(found.org.as_ref())?;
        json(pass.registry().people().remove(&caller, &place(pass, None), &person)?)
    })
    .await
}

/// Use an invitation's link
///
/// Whoever has it gets the secret of the key that the invitation made. It counts once, and as long as whoever invited may grant what it gives.
/// Links that count no more are counted like failed authentications.
#[utoipa::path(post, path = "/api/v1/people/accept", operation_id = "acceptInvitation", tag = "people", security(()),
    request_body = LinkBody,
    responses((status = 200, description = "The key with its secret", body = CreatedKey, headers(
            ("ETag" = String, description = "Its revision"))),
        (status = 400, description = "The body is not JSON", body = Details, content_type = "application/problem+json"),
        (status = 403, description = "Whoever invited may not grant that any more", body = Details, content_type = "application/problem+json"),
        (status = 404, description = "The link counts no more, or never did", body = Details, content_type = "application/problem+json"),
        (status = 408, description = "The body came too slowly", body = Details, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Details, content_type = "application/problem+json"),
        (status = 415, description = "The body is of another kind", body = Details, content_type = "application/problem+json"),
        (status = 422, description = "A value does not fit", body = Details, content_type = "application/problem+json"),
        (status = 429, description = "Too many links of this address counted no more", body = Details, content_type = "application/problem+json"),
        (status = 500, description = "The server failed", body = Details, content_type = "application/problem+json"),
        (status = 503, description = "The database is not available", body = Details, content_type = "application/problem+json")))]
pub(crate) async fn accept(State(api): State<Arc<Api>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    <()>::read(parts.uri.query().unwrap_or_default())?;
    let (address, client) = api.gate.addresses(&api.gate.block(&parts), &parts.extensions);
    let (LinkBody { link }, bytes) = Incoming::new(&parts, body).json(MAX_SECRET_BODY_BYTES).await?;
    drop(Zeroizing::new(bytes));
    let registry = Arc::clone(&api);
    let accepted = blocking(move || registry.registry.people().accept(&link, address)).await?;
    if matches!(accepted, Err(Error::LinkEnded)) {
        let seat = parts.extensions.get::<Seat>().cloned();
        api.gate.count_failure(client, seat.as_ref(), "links that count no more").await?;
    }
    once(Once::Done(Box::new(accepted?)), None, None)
}
