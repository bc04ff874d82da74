//! Which org a page is about. Whoever reaches the whole of a realm sees all of it unless they choose; whoever reaches some of its orgs sees one
//! of them at a time, since the API wants to be told which.

use edgelatch_registry::Slug;
use form_urlencoded::byte_serialize;

use super::model::{Org, Orgs, WhoAmI};
use super::session::Session;
use super::stop::Stop;

/// The orgs of a realm that are theirs to see, if any are.
pub(super) async fn orgs_of(session: &Session, realm: &Slug) -> Vec<Org> {
    session.maybe::<Orgs>(&format!("/api/v1/realms/{realm}/orgs")).await.map_or(Vec::new(), |all| all.orgs)
}

/// The org that a page is about, and those that it may be about.
pub(super) struct Choice {
    /// Identifier and name of each.
    pub(super) orgs: Vec<(String, String)>,
    /// The one that it is about; empty for the whole realm.
    pub(super) org: String,
    /// Whether the whole realm is theirs to see.
    pub(super) is_whole: bool,
}

impl Choice {
    /// The org that the query names; without one the whole realm, or the first org for whoever does not reach that.
    pub(super) async fn of(session: &Session, realm: &Slug) -> Result<Choice, Stop> {
        Choice::among(session, realm, &orgs_of(session, realm).await).await
    }

    /// The same, where the realm's orgs are known.
    pub(super) async fn among(session: &Session, realm: &Slug, known: &[Org]) -> Result<Choice, Stop> {
        let who: WhoAmI = session.get("/api/v1/whoami").await?;
        let own = || who.reach.iter().filter(|one| one.realm == realm.as_str());
        let is_whole = who.everywhere || own().any(|one| one.org.is_none());
        let name = |org: &String| known.iter().find(|one| one.org == *org).map_or(org, |one| &one.name).clone();
        // Those that a key is for are known also to whoever may not list orgs.
        let orgs: Vec<(String, String)> = match is_whole {
            true => known.iter().map(|one| (one.org.clone(), one.name.clone())).collect(),
            false => own().filter_map(|one| one.org.clone()).map(|org| (org.clone(), name(&org))).collect(),
        };
        let first = || orgs.first().filter(|_| !is_whole).map(|(org, _)| org.clone());
        let org = session.query("org").map(Into::into).or_else(first).unwrap_or_default();
        Ok(Choice { orgs, org, is_whole })
    }

    /// What follows in a query of the API or of the console: `&org=…`, or nothing for the whole realm.
    pub(super) fn query(&self) -> String {
        if self.org.is_empty() {
            String::new()
        } else {
            format!("&org={}", byte_serialize(self.org.as_bytes()).collect::<String>())
        }
    }

    pub(super) fn is_chosen(&self, org: &str) -> bool {
        self.org == org
    }
}
