//! How the keys of each preset's system are shown and made: data. What may be done with a key is not decided here but by its org's settings.

use edgelatch_registry::{Authority, Deletion, Field, IpLists, Preset, Revocation, RotationMode, Settings};

use super::texts::{Text, Texts};

/// How a preset's keys are shown and made.
pub(super) struct View {
    pub(super) preset: Preset,
    /// The columns of the table.
    pub(super) columns: &'static [Column],
    /// What can be done from a row.
    pub(super) acts: &'static [Act],
    /// Whether that stands in a menu of three dots, rather than beside each other.
    pub(super) is_menu: bool,
    /// How its form is laid out, as the style knows it: `panels` beside each other, a `wizard` of steps, a `dialog`.
    pub(super) layout: &'static str,
    /// The parts of that form.
    pub(super) panels: &'static [Panel],
}

/// A part of a form.
pub(super) struct Panel {
    pub(super) title: Text,
    pub(super) fields: &'static [FormField],
}

/// A field of a form, as the API names what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormField {
    Name,
    Description,
    Owner,
    Roles,
    Scope,
    Expiry,
    Allow,
    Deny,
    Environment,
    /// Only of a key that is there.
    Status,
}

impl FormField {
    /// The member of the API's bodies.
    pub(super) fn member(self) -> &'static str {
        match self {
            FormField::Name => "name",
            FormField::Description => "description",
            FormField::Owner => "owner",
            FormField::Roles => "roles",
            FormField::Scope => "scope",
            FormField::Expiry => "expires_at",
            FormField::Allow => "allow",
            FormField::Deny => "deny",
            FormField::Environment => "environment",
            FormField::Status => "status",
        }
    }

    /// What it is called in the reader's language.
    pub(super) fn title(self, t: &Texts) -> &'static str {
        match self {
            FormField::Name => t.key_name,
            FormField::Description => t.description,
            FormField::Owner => t.owner,
            FormField::Roles => t.roles,
            FormField::Scope => t.scope,
            FormField::Expiry => t.expires,
            FormField::Allow => t.allow_list,
            FormField::Deny => t.deny_list,
            FormField::Environment => t.environment,
            FormField::Status => t.status,
        }
    }

    /// Whether keys of an org have it.
    pub(super) fn is_in(self, settings: &Settings) -> bool {
        match self {
            FormField::Roles => settings.authority == Authority::Roles,
            FormField::Allow => settings.ip_lists != IpLists::None,
            FormField::Deny => settings.ip_lists == IpLists::AllowAndDeny,
            FormField::Environment => !settings.environments.is_empty(),
            FormField::Expiry => settings.expiry_custom || !settings.expiry_choices.is_empty(),
            FormField::Name | FormField::Description | FormField::Owner | FormField::Scope => true,
            FormField::Status => false,
        }
    }

    /// Whether it may be changed later.
    pub(super) fn is_editable(self, settings: &Settings) -> bool {
        let field = match self {
            FormField::Name => Field::Name,
            FormField::Description => Field::Description,
            FormField::Owner => Field::Owner,
            FormField::Roles => Field::Roles,
            FormField::Scope => Field::Scope,
            FormField::Expiry => Field::Expiry,
            FormField::Allow | FormField::Deny => Field::Ip,
            FormField::Environment => Field::Environment,
            FormField::Status => Field::Status,
        };
        let is_there = match self {
            FormField::Status => settings.revocation == Revocation::Reversible,
            other => other.is_in(settings),
        };
        is_there && settings.is_editable(field)
    }
}

/// A column of the table of keys.
pub(super) struct Column {
    pub(super) title: Text,
    /// By what the API sorts, if it does.
    pub(super) sort: Option<&'static str>,
    pub(super) shows: Shows,
}

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    Name,
    NameAndDescription,
    KeyId,
    Prefix,
    Masked,
    Roles,
    Status,
    Expires,
    DaysLeft,
    LastUsed,
    LastAddress,
    Created,
}

/// What can be done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    View,
    /// Of its public id, which takes a script and no page.
    Copy,
    Edit,
    Rotate,
    Log,
    Revoke,
    Enable,
    Delete,
}

impl Act {
    /// The last word of its path.
    pub(super) fn word(self) -> &'static str {
        match self {
            Act::View | Act::Copy => "",
            Act::Edit => "edit",
            Act::Rotate => "rotate",
            Act::Log => "requests",
            Act::Revoke => "revoke",
            Act::Enable => "enable",
            Act::Delete => "delete",
        }
    }

    pub(super) fn text(self, t: &Texts) -> &'static str {
        match self {
            Act::View => t.view,
            Act::Copy => t.copy,
            Act::Edit => t.edit,
            Act::Rotate => t.rotate,
            Act::Log => t.view_log,
            Act::Revoke => t.revoke,
            Act::Enable => t.enable,
            Act::Delete => t.delete,
        }
    }

    /// What the button says by which it is done, once it was asked about.
    pub(super) fn button(self, t: &Texts) -> &'static str {
        match self {
            Act::Rotate => t.rotate_key,
            Act::Revoke => t.revoke_key,
            Act::Delete => t.delete_key,
            other => other.text(t),
        }
    }

    /// Whether it has no page.
    pub(super) fn is_copy(self) -> bool {
        self == Act::Copy
    }

    /// Whether it ends something.
    pub(super) fn is_danger(self) -> bool {
        matches!(self, Act::Revoke | Act::Delete)
    }

    /// Whether it makes sense for a key in this state, where its org's settings are as they are; without them, any may.
    pub(super) fn fits(self, state: &str, settings: Option<&Settings>) -> bool {
        let revoked = state == "revoked";
        let by = |allows: fn(&Settings) -> bool| settings.is_none_or(allows);
        match self {
            Act::View | Act::Copy | Act::Log => true,
            Act::Edit => {
                by(|settings| !settings.editable.is_empty()) && (!revoked || by(|s| s.revocation == Revocation::Reversible))
            }
            Act::Rotate => !revoked && by(|settings| settings.rotation != RotationMode::None),
            Act::Revoke => !revoked,
            Act::Enable => revoked && by(|settings| settings.revocation == Revocation::Reversible),
            Act::Delete => by(|settings| settings.deletion != Deletion::None),
        }
    }
}

const fn column(title: Text, sort: Option<&'static str>, shows: Shows) -> Column {
    Column { title, sort, shows }
}

const NAME: Column = column(|t| t.name, Some("name"), Shows::Name);
const CREATED: Column = column(|t| t.created, Some("created"), Shows::Created);
const STATUS: Column = column(|t| t.status, None, Shows::Status);
const EXPIRES: Column = column(|t| t.expires, Some("expires"), Shows::Expires);
const LAST_USED: Column = column(|t| t.last_used, Some("last_used"), Shows::LastUsed);
const KEY_ID: Column = column(|t| t.key_id, None, Shows::KeyId);

const VIEWS: &[View] = &[
    View {
        preset: Preset::Default,
        columns: &[NAME, KEY_ID, column(|t| t.roles, None, Shows::Roles), STATUS, EXPIRES, LAST_USED, CREATED],
        acts: &[Act::Edit, Act::Rotate, Act::Log, Act::Revoke, Act::Enable, Act::Delete],
        is_menu: true,
        layout: "panels",
        panels: &[
            Panel {
                title: |t| t.panel_key,
                fields: &[
                    FormField::Name,
                    FormField::Description,
                    FormField::Owner,
                    FormField::Environment,
                    FormField::Roles,
                    FormField::Expiry,
                ],
            },
            Panel { title: |t| t.panel_access, fields: &[FormField::Scope, FormField::Allow, FormField::Deny] },
        ],
    },
    View {
        preset: Preset::VergeOs,
        columns: &[
            NAME,
            column(|t| t.last_logged_in, Some("last_used"), Shows::LastUsed),
            column(|t| t.last_logged_in_ip, None, Shows::LastAddress),
            column(|t| t.expires, Some("expires"), Shows::DaysLeft),
            CREATED,
        ],
        acts: &[Act::Edit, Act::Delete],
        is_menu: false,
        layout: "panels",
        panels: &[
            Panel {
                title: |t| t.panel_api_key,
                fields: &[FormField::Owner, FormField::Name, FormField::Description, FormField::Expiry],
            },
            Panel { title: |t| t.panel_access, fields: &[FormField::Allow, FormField::Deny] },
        ],
    },
    View {
        preset: Preset::VergeCloud,
        columns: &[
            column(|t| t.name_or_description, Some("name"), Shows::NameAndDescription),
            column(|t| t.api_key, None, Shows::Masked),
            column(|t| t.roles, None, Shows::Roles),
            column(|t| t.created_at, Some("created"), Shows::Created),
        ],
        acts: &[Act::View, Act::Copy, Act::Revoke],
        is_menu: false,
        layout: "wizard",
        panels: &[
            Panel { title: |t| t.step_basic, fields: &[FormField::Name, FormField::Description, FormField::Owner] },
            Panel { title: |t| t.step_scope, fields: &[FormField::Scope] },
            Panel { title: |t| t.step_roles, fields: &[FormField::Roles] },
        ],
    },
    View {
        preset: Preset::IpAware,
        columns: &[NAME, KEY_ID, column(|t| t.role, None, Shows::Roles), CREATED, STATUS],
        acts: &[Act::Edit, Act::Revoke],
        is_menu: false,
        layout: "dialog",
        panels: &[Panel {
            title: |t| t.step_configure,
            fields: &[FormField::Name, FormField::Owner, FormField::Roles, FormField::Environment, FormField::Allow],
        }],
    },
    View {
        preset: Preset::Valar,
        columns: &[NAME, column(|t| t.key_prefix, None, Shows::Prefix), STATUS, EXPIRES, LAST_USED],
        acts: &[Act::Edit, Act::Rotate, Act::Log, Act::Delete],
        is_menu: true,
        layout: "dialog",
        panels: &[Panel {
            title: |t| t.step_configure,
            fields: &[FormField::Name, FormField::Owner, FormField::Status, FormField::Expiry, FormField::Allow],
        }],
    },
];

/// How a preset's keys are shown; those of management like the default's, which has everything.
pub(super) fn view(preset: Preset) -> &'static View {
    static FIRST: View = View { preset: Preset::Default, columns: &[], acts: &[], is_menu: false, layout: "", panels: &[] };
    VIEWS.iter().find(|view| view.preset == preset).or(VIEWS.first()).unwrap_or(&FIRST)
}

#[cfg(test)]
mod tests {
    use super::super::language::Language;
    use super::super::words::words;
    use super::*;

    fn titles(preset: Preset) -> Vec<&'static str> {
        view(preset).columns.iter().map(|column| (column.title)(words(preset, Language::En))).collect()
    }

    #[test]
    fn each_preset_has_the_columns_of_its_documentation() {
        assert_eq!(titles(Preset::VergeOs), ["Name", "Last Logged In", "Last Logged In IP", "Expires", "Created"]);
        assert_eq!(titles(Preset::VergeCloud), ["Name or Description", "API Key", "Roles", "Created At"]);
        assert_eq!(titles(Preset::IpAware), ["Name", "Key ID", "Role", "Created", "Status"]);
        assert_eq!(titles(Preset::Valar), ["Name", "Key Prefix", "Status", "Expires", "Last Used"]);
        assert_eq!(titles(Preset::Management), titles(Preset::Default));
    }

    /// What a form has beyond what its org's settings take would be refused; what it lacks could not be given.
    #[test]
    fn forms_offer_what_the_settings_take() {
        for preset in [Preset::Default, Preset::VergeOs, Preset::VergeCloud, Preset::IpAware, Preset::Valar] {
            let settings = preset.data().unwrap().settings;
            let fields: Vec<FormField> = view(preset).panels.iter().flat_map(|panel| panel.fields).copied().collect();
            for field in fields.iter().filter(|field| **field != FormField::Status) {
                assert!(field.is_in(&settings), "{preset}: {field:?}");
            }
            for field in [FormField::Roles, FormField::Allow, FormField::Deny, FormField::Expiry, FormField::Environment] {
                assert!(fields.contains(&field) == field.is_in(&settings), "{preset}: {field:?}");
            }
            for act in view(preset).acts.iter().filter(|act| **act != Act::Enable) {
                assert!(act.fits("active", Some(&settings)), "{preset}: {act:?}");
            }
        }
    }
}
