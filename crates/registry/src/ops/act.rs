//! One administrative act: a writing transaction, which ends with a row in the activity log.

use serde::Serialize;
use serde_json::Value as Json;

use super::activity;
use crate::caller::Caller;
use crate::error::{Error, Kind};
use crate::model::Key;
use crate::preset::Preset;
use crate::registry::{RealmId, Registry, missing, realm_id};
use crate::settings::{Credential, Settings};
use crate::store::{Session, args};
use crate::text::{Prefix, Slug};

/// An open act in one realm.
pub(crate) struct Act<'a> {
    pub(crate) session: &'a mut (dyn Session + 'a),
    pub(crate) realm: RealmId,
    pub(crate) now: u64,
    pub(crate) caller: &'a Caller,
}

/// An org's row and rules.
#[derive(Clone, Debug)]
pub(crate) struct OrgRow {
    pub(crate) id: u64,
    pub(crate) settings: Settings,
}

/// What an act is about.
pub(crate) struct Target<'e> {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) org: Option<&'e Slug>,
}

impl<'e> Target<'e> {
    pub(crate) fn key(key: &'e Key) -> Self {
        Target { kind: Kind::Key, id: key.key_id.to_string(), org: Some(&key.org) }
    }

    pub(crate) fn org(org: &'e Slug) -> Self {
        Target { kind: Kind::Org, id: org.to_string(), org: Some(org) }
    }

    pub(crate) fn party(kind: Kind, id: &Slug, org: Option<&'e Slug>) -> Self {
        Target { kind, id: id.to_string(), org }
    }
}

impl Registry {
    /// Runs an act as one transaction. Writers take turns, so what `work` reads stays so until it is committed: limits and
    /// revisions are decided on that.
    pub(crate) fn act<T>(
        &self,
        caller: &Caller,
        realm: &Slug,
        mut work: impl FnMut(&mut Act<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now = self.env.now()?;
        self.store.writing(|session| {
            let realm = realm_id(session, realm)?;
            work(&mut Act { session, realm, now, caller })
        })
    }
}

impl Act<'_> {
    /// An org that the caller may act in.
    pub(crate) fn org(&mut self, org: &Slug) -> Result<OrgRow, Error> {
        self.caller.check(org, Kind::Org, org.as_str())?;
        find_org(self.session, self.realm, org)
    }

    /// Writes the act's row: of what changed, only the members that differ.
    pub(crate) fn log(
        &mut self,
        action: &str,
        target: &Target<'_>,
        was: Option<Json>,
        became: Option<Json>,
    ) -> Result<(), Error> {
        let (was, became) = match (was, became) {
            (Some(Json::Object(mut was)), Some(Json::Object(mut became))) => {
                became.retain(|name, value| was.get(name) != Some(value));
                was.retain(|name, _| became.contains_key(name));
                (Some(Json::Object(was)), Some(Json::Object(became)))
            }
            other => other,
        };
        activity::append(self, action, target, was.map(|v| v.to_string()), became.map(|v| v.to_string()))
    }
}

/// What the log keeps of a thing. Of a secret it takes nothing, not even the characters that lists show; what time and use
/// change by themselves is no act.
pub(crate) fn logged(value: &impl Serialize) -> Option<Json> {
    const LEFT_OUT: [&str; 12] = [
        "first_12",
        "masked",
        "days_left",
        "last_used_at",
        "last_used_ip",
        "uses",
        "refusals",
        "updated_at",
        "due_at",
        "state",
        "owner_disabled",
        "changes",
    ];
    let mut value = serde_json::to_value(value).ok()?;
    if let Json::Object(members) = &mut value {
        members.retain(|name, _| !LEFT_OUT.contains(&name.as_str()));
    }
    Some(value)
}

/// Finds an org with its settings.
pub(crate) fn find_org(session: &mut dyn Session, realm: RealmId, org: &Slug) -> Result<OrgRow, Error> {
    let sql = "SELECT id, settings FROM orgs WHERE realm_id = $1 AND slug = $2";
    let found = session.row(sql, args![realm.0, org.as_str()], |row| Ok((row.int(0)?, row.text(1)?.to_owned())))?;
    let (id, text) = found.ok_or_else(|| missing(Kind::Org, org.as_str()))?;
    Ok(OrgRow { id, settings: settings(session, realm, &text)? })
}

/// Reads an org's settings. An org from before there were any has the default preset, with its realm's prefix and headers.
pub(crate) fn settings(session: &mut dyn Session, realm: RealmId, text: &str) -> Result<Settings, Error> {
    if !text.is_empty() {
        return Settings::stored(text);
    }
    let sql = "SELECT prefix, source_bearer, source_x_api_key FROM realms WHERE id = $1";
    let realm = session.row(sql, args![realm.0], |row| Ok((row.parse::<Prefix>(0)?, row.bool(1)?, row.bool(2)?)))?;
    let mut settings = Preset::Default.data()?.settings;
    if let Some((prefix, bearer, x_api_key)) = realm {
        settings.prefix = prefix;
        settings.credentials = credentials(bearer, x_api_key);
    }
    Ok(settings)
}

/// The headers as words.
pub(crate) fn credentials(bearer: bool, x_api_key: bool) -> Vec<Credential> {
    let all = [(bearer, Credential::Bearer), (x_api_key, Credential::XApiKey)];
    all.into_iter().filter(|(on, _)| *on).map(|(_, credential)| credential).collect()
}

/// Refuses an edit of something that has changed since it was read.
pub(crate) fn check_revision(expected: Option<u64>, found: u64, kind: Kind, id: &str) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != found => Err(Error::Stale { kind, id: id.into(), expected, found }),
        _ => Ok(()),
    }
}
