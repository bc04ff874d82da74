//! `edgelatch realms …`

use edgelatch_registry::{Name, NewRealm, Prefix, Preset, Realm, RealmEdit, Slug, parse_span};

use crate::prelude::*;

/// List, create, edit and delete realms
#[derive(Subcommand)]
pub(crate) enum Realms {
    /// List the realms
    #[command(after_help = "Example:\n  edgelatch realms list --json")]
    List,
    /// Create a realm with its preset's roles
    #[command(after_help = "\
Example:
  edgelatch realms create other --preset valar
  edgelatch init --realm other

It is published from when `edgelatch init` has made its signing keys; that command alone makes the realm too.")]
    Create {
        /// Its identifier, in URLs and snapshots
        #[arg(value_name = "REALM")]
        id: Slug,
        /// What people call it [default: the identifier]
        #[arg(long)]
        name: Option<Name>,
        /// The system that it begins with: default, vergeos, vergecloud, ipaware or valar
        #[arg(long, default_value = "default", value_parser = read::presets())]
        preset: Preset,
        /// Prefix of issued keys [default: the preset's]
        #[arg(long)]
        prefix: Option<Prefix>,
    },
    /// Give a realm another name for people, or its heads another life; its identifier stays, for edges are deployed with it
    #[command(
        after_help = "Example:\n  edgelatch realms edit acme --name \"Acme Europe\"\n  edgelatch realms edit acme --head-lifetime 12h"
    )]
    Edit {
        /// Its identifier
        #[arg(value_name = "REALM")]
        id: Slug,
        /// What people call it
        #[arg(long)]
        name: Option<Name>,
        /// How long a head lives, from the next one on: what edges may do without the control plane
        #[arg(long, value_name = "SPAN", value_parser = read::timed(parse_span))]
        head_lifetime: Option<u64>,
        /// Only if the realm is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
    },
    /// Delete a realm for ever, once no edge accepts a key of it any more
    #[command(after_help = "\
Example:
  edgelatch keys revoke-many --realm acme --all --confirm 17 && edgelatch publish --realm acme
  edgelatch realms delete acme --confirm acme

Its keys must be revoked, and that be published, or its heads have ended: no head is signed any more. Its audit log stays, its
name is not given again, and the rest goes with the next `edgelatch purge`, which `edgelatch serve` does each hour. End what
serves the realm, and remove its published files and signing keys yourself.")]
    Delete {
        /// Its identifier
        #[arg(value_name = "REALM")]
        id: Slug,
        /// Its identifier once more
        #[arg(long, value_name = "REALM")]
        confirm: Option<String>,
        /// Only if the realm is still at this revision
        #[arg(long, value_name = "NUMBER")]
        if_revision: Option<u64>,
    },
}

const COLUMNS: &[Column<Realm>] = &[
    ("REALM", |r| r.realm.to_string()),
    ("NAME", |r| r.name.to_string()),
    ("PRESET", |r| r.preset.to_string()),
    ("PREFIX", |r| r.prefix.to_string()),
    ("IMPORTS", |r| if r.imports { "yes" } else { "no" }.into()),
];

impl Realms {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let registry = context.registry()?;
        match self {
            Realms::List => context.list(&registry.realms()?, COLUMNS),
            Realms::Create { id: realm, name, preset, prefix } => {
                let new = NewRealm { name: read::name_or(name, &realm)?, realm, preset, prefix, credentials: None };
                let realm = registry.create_realm(&caller()?, &new)?;
                let id = &realm.realm;
                context.done(&realm, &format!("created realm {id}; to publish it: edgelatch init --realm {id}"))
            }
            Realms::Edit { id, name, head_lifetime, if_revision } => {
                let realm = registry.edit_realm(&caller()?, &id, &RealmEdit { name, head_lifetime, if_revision })?;
                let (id, name, seconds) = (&realm.realm, &realm.name, realm.head_lifetime);
                context.done(&realm, &format!("edited realm {id}  {name}; its heads live for {seconds} seconds"))
            }
            Realms::Delete { id, confirm, if_revision } => {
                let realm = registry.delete_realm(&caller()?, &id, confirm.as_deref(), if_revision)?;
                context.done(&realm, &format!("deleted realm {}", realm.realm))
            }
        }
    }
}
