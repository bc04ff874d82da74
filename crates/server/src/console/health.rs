//! What is wrong with a realm and with the node that answers, until when its head counts, and whom its edges trust. It tells what `/healthz` tells anybody,
//! and what lies in published roots.

use std::time::{SystemTime, UNIX_EPOCH};

use askama::Template;
use axum::extract::Path;
use edgelatch_core::hex::Hex;
use edgelatch_core::root::Root;
use edgelatch_core::signed::RoleKeys;
use edgelatch_registry::format_time;

use super::frame::{Frame, page};
use super::keys::realm_of;
use super::model::{Realm, WhoAmI};
use super::session::Session;
use super::stop::Shown;
use crate::health::{Severity, Trouble};

/// Something that is wrong.
struct Row {
    place: String,
    is_failing: bool,
    code: &'static str,
    /// The sentence of it, for whoever may act in every realm: it may hold paths and addresses.
    detail: Option<String>,
    since: String,
}

/// Who signs something for a realm.
struct Signers {
    title: &'static str,
    /// How many of them must sign.
    threshold: u8,
    /// Their public keys.
    keys: Vec<String>,
}

/// The root that edges end up with.
struct Trust {
    version: u32,
    issued_at: String,
    ends_at: String,
    /// Whether it does not count any more.
    is_over: bool,
    era: u32,
    signers: Vec<Signers>,
}

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    f: Frame,
    rows: Vec<Row>,
    /// The head that edges get here: its epoch, until when it counts, and whether that is over.
    head: Option<(u64, String, bool)>,
    trust: Option<Trust>,
}

/// Whether a place is about the node as a whole, or about this realm.
fn is_of(place: &str, realm: &str) -> bool {
    place.strip_prefix("realm/").is_none_or(|rest| rest.split('/').next() == Some(realm))
}

fn signers(title: &'static str, role: &RoleKeys) -> Signers {
    Signers { title, threshold: role.threshold(), keys: role.keys().map(|key| Hex(key).to_string()).collect() }
}

fn row(place: String, trouble: Trouble, is_told: bool) -> Row {
    Row {
        place,
        is_failing: trouble.severity == Severity::Failing,
        code: trouble.code,
        detail: is_told.then_some(trouble.detail),
        since: format_time(trouble.since),
    }
}

pub(super) async fn show(session: Session, Path(realm): Path<String>) -> Shown {
    let realm = realm_of(&session, &realm)?;
    // Whoever may not see the realm learns nothing of it here either.
    let _: Realm = session.get(&format!("/api/v1/realms/{realm}")).await?;
    let who: WhoAmI = session.get("/api/v1/whoami").await?;
    let f = session.frame().within(realm.as_str(), "health");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (troubles, sight) = (session.console.watched.health.troubles(), session.console.watched.seen.now());
    let own = troubles.into_iter().filter(|(place, _)| is_of(place, realm.as_str()));
    let rows = own.map(|(place, trouble)| row(place, trouble, who.everywhere));
    let pulse = sight.registry.as_ref().and_then(|(pulse, _)| pulse.realms.iter().find(|one| one.realm == realm));
    let root = pulse.and_then(|pulse| Root::open(pulse.root.as_deref()?).ok());
    let trust = root.map(|root| Trust {
        version: root.version,
        issued_at: format_time(root.issued_at),
        ends_at: format_time(root.expires_at),
        is_over: now >= root.expires_at,
        era: root.era,
        signers: vec![signers(f.t.sign_roots, &root.root), signers(f.t.sign_heads, &root.publisher)],
    });
    let head = sight.heads.get(&realm).copied().flatten();
    let head = head.map(|head| (head.epoch, format_time(head.not_after), now >= head.not_after));
    Ok(page(&HealthPage { rows: rows.collect(), head, trust, f }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sentences hold paths and addresses of the node, which is not one realm's alone.
    #[test]
    fn why_is_told_to_whoever_may_act_everywhere() {
        let trouble = Trouble { severity: Severity::Warning, code: "low", detail: "/srv has 1 MB".into(), since: 1 };
        let detail = |is_told| row("disk".into(), trouble.clone(), is_told).detail;
        assert_eq!([detail(true).as_deref(), detail(false).as_deref()], [Some("/srv has 1 MB"), None]);
    }

    #[test]
    fn troubles_of_other_realms_are_not_shown() {
        for own in ["disk", "database", "realm/acme/head", "realm/acme/target/1", "published"] {
            assert!(is_of(own, "acme"), "{own}");
        }
        for other in ["realm/acme2/head", "realm/other/root", "realm/", "realm/ac"] {
            assert!(!is_of(other, "acme"), "{other}");
        }
    }
}
