//! Realms, and who is in one: orgs, their owners, and roles.

use edgelatch_core::key::PepperId;
use serde::{Deserialize, Serialize, Serializer};

use super::json::given;
use super::preset::Preset;
use super::settings::{RealmCredentials, Settings};
use super::text::{Name, Pattern, Prefix, Slug};
use super::time::rfc3339;
use super::words::words;
use crate::error::Warning;

/// The name of the realm whose keys authorise the management API.
pub const MANAGEMENT_REALM: &str = "management";

/// A set of organisations published together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
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
    /// Seconds that a head lives: how long edges go on without the control plane.
    pub head_lifetime: u64,
    /// Id of the pepper that the digests in its snapshots are made with, eight hexadecimal digits, if they are made with one.
    #[serde(serialize_with = "optional_pepper")]
    #[schema(value_type = Option<String>, pattern = "^[0-9a-f]{8}$", example = "3f9a01bc")]
    pub pepper_id: Option<PepperId>,
    /// Rises with every change that a snapshot would show.
    pub changes: u64,
    /// When it was made.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: u64,
    /// Rises with every change to the realm itself.
    pub revision: u64,
}

/// A pepper's id as JSON has it.
pub(crate) fn pepper_text<S: Serializer>(pepper: &PepperId, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(pepper)
}

fn optional_pepper<S: Serializer>(pepper: &Option<PepperId>, to: S) -> Result<S::Ok, S::Error> {
    match pepper {
        Some(pepper) => pepper_text(pepper, to),
        None => to.serialize_none(),
    }
}

/// Changes to a realm; what is left out stays as it is.
#[serde_with::apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RealmEdit {
    /// What people call it.
    pub name: Option<Name>,
    /// Seconds that a head lives, 60 to 2592000 (30 days): how long edges go on without the control plane. It holds from the next head on.
    #[schema(minimum = 60, maximum = 2_592_000)]
    pub head_lifetime: Option<u64>,
    /// Refuse unless the realm is at this revision.
    #[serde(skip)]
    #[serde_with(skip_apply)]
    pub if_revision: Option<u64>,
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

/// A tenant inside a realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Org {
    /// Its identifier.
    pub org: Slug,
    /// What people call it.
    pub name: Name,
    /// What its administrators may do.
    pub settings: Settings,
    /// When it was made.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: u64,
    /// Rises with every change to this org.
    pub revision: u64,
}

/// What it takes to make an org.
#[derive(Clone, Debug)]
pub struct NewOrg {
    /// Its identifier.
    pub org: Slug,
    /// What people call it.
    pub name: Name,
    /// Another preset than the realm's; its roles become roles of the org.
    pub preset: Option<Preset>,
}

/// Changes to an org; what is left out stays as it is.
#[serde_with::apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrgEdit {
    /// What people call it.
    pub name: Option<Name>,
    /// The settings to change; those that are not named stay as they are.
    #[schema(value_type = Object, example = json!({ "max_keys": 20 }))]
    pub settings: Option<serde_json::Value>,
    /// Refuse unless the org is at this revision.
    #[serde(skip)]
    #[serde_with(skip_apply)]
    pub if_revision: Option<u64>,
}

words! {
    /// What an owner is.
    OwnerKind {
        /// A person.
        User = "user",
        /// A program.
        Service = "service",
    }
}

/// The user or service account that keys belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Owner {
    /// Its org.
    pub org: Slug,
    /// Its identifier inside the org.
    pub owner: Slug,
    /// User or service account.
    pub kind: OwnerKind,
    /// What people call it.
    pub name: Name,
    /// Its roles, which its keys have where the org's settings say so.
    pub roles: Vec<Slug>,
    /// Whether its keys are refused.
    pub disabled: bool,
    /// When it was made.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: u64,
    /// Rises with every change to this owner.
    pub revision: u64,
}

/// What it takes to make an owner.
#[derive(Clone, Debug)]
pub struct NewOwner {
    /// Its org.
    pub org: Slug,
    /// Its identifier inside the org.
    pub owner: Slug,
    /// User or service account.
    pub kind: OwnerKind,
    /// What people call it.
    pub name: Name,
    /// Its roles.
    pub roles: Vec<Slug>,
}

/// Changes to an owner; what is left out stays as it is.
#[serde_with::apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerEdit {
    /// What people call it.
    pub name: Option<Name>,
    /// Its roles.
    #[schema(max_items = 32)]
    pub roles: Option<Vec<Slug>>,
    /// Whether its keys are refused.
    pub disabled: Option<bool>,
    /// Refuse unless the owner is at this revision.
    #[serde(skip)]
    #[serde_with(skip_apply)]
    pub if_revision: Option<u64>,
}

/// A named set of permission patterns, for the whole realm or for one org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Role {
    /// Its identifier, which edges report.
    pub role: Slug,
    /// The org that made it, or none when it holds in the whole realm.
    pub org: Option<Slug>,
    /// What people call it.
    pub name: Name,
    /// What it grants.
    pub permissions: Vec<Pattern>,
    /// Whether it came with the preset.
    pub predefined: bool,
    /// Rises with every change to this role.
    pub revision: u64,
    /// What may not be as meant.
    pub warnings: Vec<Warning>,
}

/// What it takes to make a role.
#[derive(Clone, Debug)]
pub struct NewRole {
    /// Its identifier.
    pub role: Slug,
    /// The org it is for, or none for the whole realm.
    pub org: Option<Slug>,
    /// What people call it.
    pub name: Name,
    /// What it grants.
    pub permissions: Vec<Pattern>,
}

/// Changes to a role; what is left out stays as it is.
#[serde_with::apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleEdit {
    /// What people call it.
    pub name: Option<Name>,
    /// What it grants.
    #[schema(min_items = 1, max_items = 256)]
    pub permissions: Option<Vec<Pattern>>,
    /// Refuse unless the role is at this revision.
    #[serde(skip)]
    #[serde_with(skip_apply)]
    pub if_revision: Option<u64>,
}
