//! Roles, owners, orgs and the realm: how they are made, changed and deleted. One mechanism for all; what a form of each holds is data.
//!
//! | read | for |
//! |---|---|
//! | `fields` | a field of a form: what it shows, and what the API is told of it |
//! | `settings` | an org's settings, as fields |
//! | `forms` | the pages |

use edgelatch_registry::Slug;

use self::fields::{Member, Shape};
use super::texts::Text;

mod fields;
pub(super) mod forms;
mod settings;

/// What keys belong to.
pub(super) struct Thing {
    /// The word of its paths, and of its area.
    pub(super) word: &'static str,
    /// What the button says that makes one.
    pub(super) create: Text,
    /// What the button says that sends the form of a new one.
    send: Text,
    /// What the button says that ends one, and what that does.
    end: (Text, Text),
    /// The fields of a new one.
    new: &'static [Member],
    /// The fields that can be changed later.
    edit: &'static [Member],
    /// Whether its settings can be, too.
    has_settings: bool,
    /// Whether it belongs to an org, or to the whole realm.
    is_of_org: bool,
    /// Where the API has one of an org, or of the whole realm.
    path: fn(&Slug, Option<&Slug>, &Slug) -> String,
}

const DELETE: (Text, Text) = (|t| t.delete, |t| t.thing_delete_warning);
const NAME: Member = Member::new("name", |t| t.name, Shape::Line);
const ROLES: Member = Member::new("roles", |t| t.roles, Shape::Words);
const PERMISSIONS: Member = Member::new("permissions", |t| t.permissions, Shape::Words);
/// The presets that an org may have instead of its realm's.
const PRESETS: &[&str] = &["", "default", "vergeos", "vergecloud", "ipaware", "valar"];

pub(super) const ROLE: Thing = Thing {
    word: "roles",
    create: |t| t.create_role,
    send: |t| t.create,
    end: DELETE,
    new: &[
        Member::new("role", |t| t.identifier, Shape::Line).required(),
        NAME,
        Member::new("org", |t| t.org, Shape::Org { whole: true }),
        PERMISSIONS.required(),
    ],
    edit: &[NAME.required(), PERMISSIONS.required()],
    has_settings: false,
    is_of_org: true,
    path: |realm, org, id| {
        let of = org.map(|org| format!("?org={org}")).unwrap_or_default();
        format!("/api/v1/realms/{realm}/roles/{id}{of}")
    },
};

pub(super) const OWNER: Thing = Thing {
    word: "owners",
    create: |t| t.create_owner,
    send: |t| t.create,
    end: DELETE,
    new: &[
        Member::new("owner", |t| t.identifier, Shape::Line).required(),
        NAME,
        Member::new("org", |t| t.org, Shape::Org { whole: false }),
        Member::new("kind", |t| t.kind, Shape::Choice(&["user", "service"])),
        ROLES,
    ],
    edit: &[NAME.required(), ROLES, Member::new("disabled", |t| t.keys_refused, Shape::Switch)],
    has_settings: false,
    is_of_org: true,
    path: |realm, org, id| match org {
        Some(org) => format!("/api/v1/realms/{realm}/orgs/{org}/owners/{id}"),
        // No owner is of the whole realm: the API finds none.
        None => format!("/api/v1/realms/{realm}/orgs/-/owners/{id}"),
    },
};

pub(super) const PERSON: Thing = Thing {
    word: "people",
    create: |t| t.invite,
    send: |t| t.send_invitation,
    end: (|t| t.remove, |t| t.person_remove_warning),
    new: &[
        NAME.required(),
        Member::new("email", |t| t.email, Shape::Line),
        Member::new("org", |t| t.org, Shape::Org { whole: true }),
        ROLES.required(),
        Member::new("expires_at", |t| t.link_for, Shape::Choice(&["7d", "1d", "3d", "30d"])),
    ],
    edit: &[ROLES.required()],
    has_settings: false,
    is_of_org: true,
    path: |realm, _, id| format!("/api/v1/realms/{realm}/people/{id}"),
};

pub(super) const ORG: Thing = Thing {
    word: "orgs",
    create: |t| t.create_org,
    send: |t| t.create,
    end: DELETE,
    new: &[
        Member::new("org", |t| t.identifier, Shape::Line).required(),
        NAME,
        Member::new("preset", |t| t.preset, Shape::Choice(PRESETS)),
    ],
    edit: &[NAME.required()],
    has_settings: true,
    is_of_org: false,
    path: |realm, _, id| format!("/api/v1/realms/{realm}/orgs/{id}"),
};

/// The realm itself: it is there once, and neither made nor deleted from here.
const REALM: Thing = Thing {
    word: "settings",
    create: |t| t.settings,
    send: |t| t.create,
    end: DELETE,
    new: &[],
    edit: &[
        NAME.required(),
        Member::setting("head_lifetime", "Seconds that a head lives", "Sekunden, die ein Head gilt", Shape::Number).required(),
    ],
    has_settings: false,
    is_of_org: false,
    path: |realm, _, _| format!("/api/v1/realms/{realm}"),
};

/// The one of a path's word.
fn of(word: &str) -> Option<&'static Thing> {
    [&ROLE, &OWNER, &ORG, &PERSON, &REALM].into_iter().find(|thing| thing.word == word)
}

impl Thing {
    /// Whether there is one of it, rather than as many as are made.
    fn is_single(&self) -> bool {
        self.new.is_empty()
    }

    /// Where the console has a page about one.
    pub(super) fn page(&self, realm: &Slug, act: &str, org: Option<&str>, id: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("id", id);
        if let Some(org) = org {
            query.append_pair("org", org);
        }
        format!("/console/r/{realm}/{}/{act}?{}", self.word, query.finish())
    }
}
