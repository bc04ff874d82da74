//! `edgelatch keys edit`

use edgelatch_registry::{KeyEdit, Name, Slug, Tag};

use super::changes::Changes;
use super::view;
use super::which::Which;
use crate::prelude::*;

/// Change a key; what is not named stays
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys edit key_0a1B2c3D4e5 --name deploy --expires-at 2027-01-31
  edgelatch keys edit key_0a1B2c3D4e5 --add-allow 192.0.2.0/24=office --remove-allow 10.0.0.0/8
  edgelatch keys edit key_0a1B2c3D4e5 --deny 10.6.6.0/24 --order deny-first
  edgelatch keys edit key_0a1B2c3D4e5 --owner bob --environment staging
  edgelatch keys edit key_0a1B2c3D4e5 --status revoked --if-revision 3")]
pub(crate) struct Edit {
    #[command(flatten)]
    which: Which,
    /// New name
    #[arg(long)]
    name: Option<Name>,
    /// Another owner of its org, whose key it is from then on
    #[arg(long)]
    owner: Option<Slug>,
    /// New roles, in place of the old ones
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<Slug>,
    /// Take all roles away
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    /// New environment
    #[arg(long)]
    environment: Option<Slug>,
    /// Take the environment away
    #[arg(long, conflicts_with = "environment")]
    no_environment: bool,
    /// New tags, in place of the old ones; repeat or separate by commas
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<Tag>,
    /// Take all tags away
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    #[command(flatten)]
    changes: Changes,
}

impl Edit {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let Which { key, if_revision, wait } = self.which;
        let edit = KeyEdit {
            name: self.name,
            owner: self.owner,
            roles: Some(self.roles).filter(|roles| self.no_roles || !roles.is_empty()),
            environment: if self.no_environment { Some(None) } else { self.environment.map(Some) },
            tags: Some(self.tags).filter(|tags| self.no_tags || !tags.is_empty()),
            if_revision,
            ..self.changes.into()
        };
        if edit.is_empty() {
            return Err(Failure::usage("nothing to change: name at least one field, such as --name or --add-allow"));
        }
        let (open, me) = (context.open()?, caller()?);
        let edited = open.keys().edit(&me, key, &edit)?;
        wait.if_changed(edited.changed).after(
            context,
            &open,
            &me,
            "changed",
            view::changed(context, &edited, ["changed", "unchanged:"])?,
        )
    }
}
