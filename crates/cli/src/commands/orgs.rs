//! `edgelatch orgs …`

use edgelatch_registry::{Name, NewOrg, Org, OrgEdit, Preset, Slug};
use serde_json::{Map, Value};

use crate::prelude::*;

/// Create, list and delete orgs, and change their settings
#[derive(Subcommand)]
pub(crate) enum Orgs {
    /// Create an org
    #[command(after_help = "Example:\n  edgelatch orgs create web --name \"Web team\" --preset valar")]
    Create {
        /// Its identifier
        org: Slug,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<Name>,
        /// Another preset than the realm's
        #[arg(long, value_parser = read::presets())]
        preset: Option<Preset>,
    },
    /// List the orgs
    #[command(after_help = "Example:\n  edgelatch orgs list")]
    List,
    /// Show an org and its settings
    #[command(after_help = "Example:\n  edgelatch orgs show web")]
    Show {
        /// Its identifier
        org: Slug,
    },
    /// Change settings of an org; what is not named stays
    #[command(after_help = "\
Example:
  edgelatch orgs set web max_keys=20 unique_names=true prefix=web_sk
  edgelatch orgs set web 'services=[\"cdn\",\"dns\"]'        # no key is for any other
  edgelatch orgs set web 'expiry_choices=[\"1d\",\"30d\"]' alert_after=null

A value is JSON; what is not JSON is taken as text. `orgs show` lists the settings; `max-keys` is `max_keys`.")]
    Set {
        /// Its identifier
        org: Slug,
        /// A setting and its value
        #[arg(value_name = "NAME=VALUE", required = true)]
        settings: Vec<String>,
        /// Only if the org is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
    },
    /// Give an org another name for people; its identifier stays
    #[command(after_help = "Example:\n  edgelatch orgs rename web \"Web team\"")]
    Rename {
        /// Its identifier
        org: Slug,
        /// Its new name
        name: Name,
        /// Only if the org is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
    },
    /// Delete an org that has no keys, with its owners, its roles and whoever was invited to it: its identifier is not given again
    #[command(after_help = "Example:\n  edgelatch orgs delete web")]
    Delete {
        /// Its identifier
        org: Slug,
    },
}

const COLUMNS: &[Column<Org>] = &[
    ("ORG", |o| o.org.to_string()),
    ("NAME", |o| o.name.to_string()),
    ("PREFIX", |o| o.settings.prefix.to_string()),
    ("AUTHORITY", |o| o.settings.authority.to_string()),
];

impl Orgs {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        let orgs = open.tenants();
        let edit = |org: &Slug, edit: OrgEdit, what: &str| {
            let org = orgs.edit_org(&caller()?, org, &edit)?;
            context.done(&org, &format!("{what} org {}  {}", org.org, org.name))
        };
        match self {
            Orgs::Create { org, name, preset } => {
                let new = NewOrg { name: read::name_or(name, &org)?, org, preset };
                let org = orgs.create_org(&caller()?, &new)?;
                context.done(&org, &format!("created org {}", org.org))
            }
            Orgs::List => context.list(&orgs.orgs()?, COLUMNS),
            Orgs::Show { org } => context.show(&orgs.org(&org)?, print),
            Orgs::Set { org, settings, if_revision } => {
                let settings = Some(Value::Object(assignments(&settings)?));
                edit(&org, OrgEdit { settings, if_revision, name: None }, "set")
            }
            Orgs::Rename { org, name, if_revision } => {
                edit(&org, OrgEdit { name: Some(name), if_revision, settings: None }, "renamed")
            }
            Orgs::Delete { org } => {
                let org = orgs.delete_org(&caller()?, &org, None)?;
                context.done(&org, &format!("deleted org {}", org.org))
            }
        }
    }
}

/// An org, each setting as `orgs set` takes it.
fn print(org: &Org) {
    let revision = org.revision.to_string();
    for (name, value) in [("org", org.org.as_str()), ("name", org.name.as_str()), ("revision", &revision)] {
        output::fact(19, name, value);
    }
    let settings = serde_json::to_value(&org.settings).unwrap_or_default();
    for (name, value) in settings.as_object().into_iter().flatten() {
        output::fact(19, name, &value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
    }
}

/// `name=value…` as a JSON object.
fn assignments(given: &[String]) -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Failure::usage("SETTING: must be NAME=VALUE, such as `max_keys=20`"));
        };
        let name = name.replace('-', "_");
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
        if all.insert(name.clone(), value).is_some() {
            return Err(Failure::usage(format!("{name}: is given twice")));
        }
    }
    Ok(all)
}
