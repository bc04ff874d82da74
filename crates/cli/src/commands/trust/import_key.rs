//! `edgelatch trust import-key`

use std::path::PathBuf;

use edgelatch_core::signed::Role;
use edgelatch_sync::key_file::{self, public_text};
use edgelatch_sync::{Readers, Signer, trust};

use super::named::{KeyRole, exposed};
use crate::prelude::*;

/// Put a key file into place beside the realm's others, such as a publisher key that was kept elsewhere
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust import-key /media/usb/publisher-cold.key
  edgelatch trust import-key ann.key --role root

A stick whose file system keeps no modes will do, with a warning: what it holds, whoever has the stick can read.
A server that runs finds it by itself. The file stays where it was: remove it there, or keep it as your copy.")]
pub(crate) struct ImportKey {
    /// The key file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What it signs
    #[arg(long, value_enum, default_value = "publisher")]
    role: KeyRole,
}

impl ImportKey {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        let role = Role::from(self.role);
        let public = key_file::load_for(&self.file, role, &open.realm, Readers::Medium)?.public();
        let (key, version) = (public_text(&public), trust::newest_root(&open.registry, &open.realm)?.1);
        let named = match role {
            Role::Root => &version.root,
            Role::Publisher => &version.publisher,
        };
        if !named.keys().any(|known| *known == public) {
            let (version, role) = (version.version, role.name());
            let reason = format!(
                "root {version} does not name {key} as a {role} key: add it with `edgelatch trust add-key --public-key`"
            );
            return Err(Failure::new("key_foreign", reason));
        }
        let here = context.key_source(&open.realm, role, &[], &[]).find()?;
        if here.keys().contains(&public) {
            return Err(Failure::new("key_exists", format!("the key {key} is here already: nothing is to be done")));
        }
        let path = context.dir.free_key(&open.realm, role)?;
        key_file::place(&self.file, &path, role, &open.realm, Readers::Medium)?;
        exposed(context, &self.file);
        let path = path.display().to_string();
        context.done(
            &json!({ "role": role.name(), "key": key, "path": path }),
            &format!("the {} key {key} is in {path}", role.name()),
        )
    }
}
