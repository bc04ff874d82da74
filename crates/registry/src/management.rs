//! The realm whose keys authorise calls of the management API. It is a realm like any other: its keys have roles and are
//! listed, edited, rotated and logged as the rest are.
//!
//! A management key's roles say what it may do, its scope says where:
//!
//! | scope | where |
//! |---|---|
//! | all services | every realm, this one too |
//! | [`realm_service`] | one realm |
//! | [`org_service`] | one org of a realm |
//!
//! To make and to delete realms takes all services: whoever has one realm is no concern of the others, nor of whether there are any.
//!
//! Who may make or change keys of this realm grants no more by that than their own key holds, of permissions as of services; nor do they
//! by its roles, owners and orgs (`grants`). Revoking grants nothing.

use crate::audit::AuditFilter;
use crate::error::{Error, Kind};
use crate::model::{
    Caller, Created, Handover, Keep, MANAGEMENT_REALM, Name, NewKey, NewOrg, NewOwner, NewRealm, OwnerKind, Paging, Preset,
    Service, Slug,
};
use crate::registry::Registry;

/// The name of that realm.
pub const REALM: &str = MANAGEMENT_REALM;
/// The org that [`establish`] makes.
pub const ORG: &str = "main";
/// That org's owner.
pub const OWNER: &str = "admin";
/// The role that may do everything.
pub const ADMINISTRATOR: &str = "administrator";

/// What calls of the API take, and readers of published files (`snapshot.read`), each behind [`permission`]'s prefix.
pub const PERMISSIONS: [&str; 30] = [
    "audit.view",
    "event.deliver",
    "event.view",
    "key.create",
    "key.delete",
    "key.update",
    "key.view",
    "org.create",
    "org.delete",
    "org.update",
    "org.view",
    "owner.create",
    "owner.delete",
    "owner.update",
    "owner.view",
    "person.create",
    "person.delete",
    "person.update",
    "person.view",
    "realm.create",
    "realm.delete",
    "realm.update",
    "realm.view",
    "role.create",
    "role.delete",
    "role.update",
    "role.view",
    "snapshot.read",
    "usage.ingest",
    "usage.view",
];

/// The permission that a call on `realm` takes, such as `api.key.create`. On the management realm itself it is another one,
/// `management.key.create`, which no role but the administrator's has: else whoever may create keys could create an
/// administrator's.
pub fn permission(realm: &Slug, call: &str) -> String {
    if realm.as_str() == REALM { format!("management.{call}") } else { format!("api.{call}") }
}

/// A name as one segment of a service. Names have no capitals, so no two are written alike.
fn segment(name: &Slug) -> String {
    name.as_str().replace('.', "X")
}

/// The service that lets a key manage one realm: its name, each dot written `X`.
pub fn realm_service(realm: &Slug) -> Result<Service, Error> {
    Service::parse("realm", &segment(realm))
}

/// The service that lets a key manage one org: its realm's name, a dot, its own, each dot inside a name written `X`.
pub fn org_service(realm: &Slug, org: &Slug) -> Result<Service, Error> {
    Service::parse("org", &format!("{}.{}", segment(realm), segment(org)))
}

/// The org that a service of this realm names.
pub fn org_of(realm: &Slug, service: &Service) -> Option<Slug> {
    let (first, org) = service.as_str().split_once('.')?;
    (first == segment(realm)).then_some(())?;
    org.replace('X', ".").parse().ok().filter(|org| org_service(realm, org).is_ok_and(|s| s == *service))
}

/// The realm, or the org of it, in which a service lets its key act; none if it names neither.
pub fn place_of(service: &Service) -> Option<(Slug, Option<Slug>)> {
    let name = |segment: &str| segment.replace('X', ".").parse::<Slug>().ok();
    let (realm, org) = match service.as_str().split_once('.') {
        None => (name(service.as_str())?, None),
        Some((realm, org)) => (name(realm)?, Some(name(org)?)),
    };
    let spelled = org.as_ref().map_or_else(|| realm_service(&realm), |org| org_service(&realm, org));
    spelled.is_ok_and(|spelled| spelled == *service).then_some((realm, org))
}

/// Makes the management realm with its first administrator's key, whose secret is handed to `keep` before it is committed; none
/// if there ever was such a key. A second call after a failure in between goes on where the first one ended.
pub fn establish(registry: &Registry, caller: &Caller, keep: Keep<'_>) -> Result<Option<Created>, Error> {
    let (realm, org, owner): (Slug, Slug, Slug) = (REALM.parse()?, ORG.parse()?, OWNER.parse()?);
    let there = |made: Result<(), Error>| match made {
        Err(Error::Exists { .. }) => Ok(()),
        other => other,
    };
    let new = NewRealm {
        realm: realm.clone(),
        name: Name::parse("name", "Management")?,
        preset: Preset::Management,
        prefix: None,
        credentials: None,
    };
    there(registry.create_realm(caller, &new).map(drop))?;
    // The log tells whether there ever was a key: whoever revoked the first one does not want another.
    let filter = AuditFilter { action: Some("key.create".into()), ..AuditFilter::default() };
    if !registry.audit(&realm).list(&filter, &Paging::first(1))?.rows.is_empty() {
        return Ok(None);
    }
    let new = NewOrg { org: org.clone(), name: Name::parse("name", ORG)?, preset: None };
    there(registry.tenants(&realm).create_org(caller, &new).map(drop))?;
    let new = NewOwner {
        org: org.clone(),
        owner: owner.clone(),
        kind: OwnerKind::User,
        name: Name::parse("name", OWNER)?,
        roles: Vec::new(),
    };
    there(registry.tenants(&realm).create_owner(caller, &new).map(drop))?;
    let mut key = NewKey::new(org, Name::parse("name", "First administrator")?);
    key.owner = Some(owner);
    key.roles = vec![ADMINISTRATOR.parse()?];
    match registry.keys(&realm).create(caller, &key, Handover { once: None, keep: Some(keep) }) {
        Ok(made) => made.created().map(Some),
        // Another process did the same at this moment.
        Err(Error::NameTaken { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether there is a management realm.
pub fn exists(registry: &Registry) -> Result<bool, Error> {
    match registry.realm(&REALM.parse()?) {
        Ok(realm) => Ok(realm.preset == Preset::Management),
        Err(Error::NotFound { kind: Kind::Realm, .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
