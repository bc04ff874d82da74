//! Realms.

use serde::Serialize;

use super::credential::RealmCredentials;
use super::preset::Preset;
use super::text::{Name, Prefix, Slug};
use super::time::rfc3339;

/// The name of the realm whose keys authorise the management API.
pub const MANAGEMENT_REALM: &str = "management";

/// A set of organisations published together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Realm {
    /// Its name in URLs and snapshots.
    pub realm: Slug,
    /// What people call it.
    pub name: Name,
    /// What its orgs begin with.
    pub preset: Preset,
    /// Prefix that its orgs begin with.
    pub prefix: Prefix,
    /// Where edges look for the credential: in the headers of all its orgs.
    pub credentials: RealmCredentials,
    /// Whether it holds imported keys, of free syntax.
    pub imports: bool,
    /// Id of its pepper, if its digests are peppered.
    pub pepper_id: Option<u32>,
    /// Rises with every change that a snapshot would show.
    pub changes: u64,
    /// When it was made.
    #[serde(serialize_with = "rfc3339::one")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: u64,
}

/// What it takes to make a realm.
#[derive(Clone, Debug)]
pub struct NewRealm {
    /// Its name in URLs and snapshots.
    pub realm: Slug,
    /// What people call it.
    pub name: Name,
    /// What its orgs begin with, and its predefined roles.
    pub preset: Preset,
    /// Prefix that its orgs begin with, if not the preset's.
    pub prefix: Option<Prefix>,
    /// Headers that its orgs begin with, if not the preset's.
    pub credentials: Option<RealmCredentials>,
}
