//! `edgelatch init`

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edgelatch_core::signed::Role;
use edgelatch_registry::{
    Credential, Database, Env, Error, Keep, Kind, Name, NewRealm, Prefix, Preset, RealmCredentials, Registry, Slug, management,
    parse_span,
};
use edgelatch_sync::{Outcome, init_in, init_managed};

use crate::prelude::*;
use crate::secret_file::SecretFile;

/// Begin a control plane: registry, signing keys, first root, first epoch
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch init --realm acme --prefix ek
  edgelatch init --realm acme --preset valar --save-admin-key admin.PAK
  edgelatch init --realm other               # a second realm beside the first

Prints the root that edges are deployed with, and the first administrator key, this once. Move the root key offline
afterwards: publishing does not need it.")]
pub(crate) struct Init {
    /// The system to begin with, which gives settings, roles, prefix and headers
    #[arg(long, default_value = "default", value_parser = read::presets())]
    preset: Preset,
    /// Prefix of issued keys [default: the preset's]
    #[arg(long)]
    prefix: Option<Prefix>,
    /// Name of the realm for people [default: the realm]
    #[arg(long)]
    name: Option<Name>,
    /// Headers in which edges accept a key [default: the preset's]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = read::words::<Credential>())]
    credentials: Vec<Credential>,
    /// The first org
    #[arg(long, default_value = "main")]
    org: Slug,
    /// The first owner, a user of that org
    #[arg(long, default_value = "admin")]
    owner: Slug,
    /// How long the first root lives
    #[arg(long, value_name = "SPAN", default_value = "10y", value_parser = read::timed(parse_span))]
    root_lifetime: u64,
    /// How long a head lives: what edges may do without the control plane
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = read::timed(parse_span))]
    head_lifetime: u64,
    /// Save the first administrator key in this new file, readable by its owner only, rather than showing it
    #[arg(long, value_name = "FILE.PAK")]
    save_admin_key: Option<PathBuf>,
}

impl Init {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let save = self.save_admin_key.clone();
        let new = self.plan(context.realm.clone())?;
        let database = context.database();
        let fresh = database.path() == Some(&*context.dir.database()) && !context.dir.database().exists();
        let registry = if fresh { None } else { Some(open(&database, context.realm.is_some())?) };
        let mut file = save.as_deref().map(SecretFile::create).transpose()?;
        let keep: Keep<'_> = &mut |secret| file.as_mut().map_or(Ok(()), |file| file.put(secret));
        let outcome = match &registry {
            None => init_managed(&context.dir, &new, keep, Env::system),
            Some(registry) => init_in(&context.dir, registry, &new, keep),
        };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return Err(SecretFile::after(file, error.into())),
        };
        if outcome.begun.is_none() && outcome.admin.is_none() {
            return Err(Error::Exists { kind: Kind::Realm, id: new.realm.realm.to_string() }.into());
        }
        let saved = file.filter(|_| outcome.admin.is_some()).map(|file| file.keep().display().to_string());
        print(context, &new, &outcome, saved.as_deref())
    }

    fn plan(self, realm: Option<Slug>) -> Result<edgelatch_sync::Init> {
        let realm = realm.map_or_else(|| Slug::parse("realm", "main"), Ok)?;
        let name = read::name_or(self.name, &realm)?;
        let accepts = |header: Credential| self.credentials.contains(&header);
        let named = RealmCredentials { bearer: accepts(Credential::Bearer), x_api_key: accepts(Credential::XApiKey) };
        let credentials = Some(named).filter(|_| !self.credentials.is_empty());
        Ok(edgelatch_sync::Init {
            caller: caller()?,
            realm: NewRealm { realm, name, preset: self.preset, prefix: self.prefix, credentials },
            org: self.org,
            owner: self.owner,
            root_lifetime: self.root_lifetime,
            head_lifetime: self.head_lifetime,
        })
    }
}

/// Opens the registry, or makes one outside the data directory. Where realms exist, a further one is begun only by name: an
/// `init` that was repeated by mistake must not make another.
fn open(database: &Database, named: bool) -> Result<Arc<Registry>> {
    let registry = match Registry::connect(database, Env::system()) {
        Err(Error::NotInitialised { .. }) => Registry::establish(database, Env::system())?,
        opened => opened?,
    };
    if !named && registry.realms()?.iter().any(|r| r.realm.as_str() != management::REALM) {
        return Err(Error::AlreadyInitialised { path: database.to_string().into() }.into());
    }
    Ok(Arc::new(registry))
}

fn print(context: &Context, new: &edgelatch_sync::Init, outcome: &Outcome, saved: Option<&str>) -> Result<ExitCode> {
    let (realm, dir) = (&new.realm.realm, &context.dir);
    let root = outcome.begun.as_ref().map(|begun| URL_SAFE_NO_PAD.encode(&begun.root));
    let [root_key, publisher_key] = [Role::Root, Role::Publisher].map(|role| dir.key_of(realm, role).display().to_string());
    let published = dir.realm(realm).display().to_string();
    let admin_key = outcome.admin.as_ref().filter(|_| saved.is_none()).map(|made| made.secret.as_str());
    let shown = json!({
        "realm": realm, "root": root, "root_version": 1, "epoch": outcome.begun.as_ref().map(|b| b.published.epoch),
        "org": new.org, "owner": new.owner, "preset": new.realm.preset, "data": dir.path(), "root_key": root_key,
        "publisher_key": publisher_key, "published": published, "admin_key": admin_key, "admin_key_saved": saved,
        "admin_key_id": outcome.admin.as_ref().map(|made| made.key.key_id.to_string()),
    });
    context.show(&shown, |_| {
        if let Some(root) = &root {
            let (org, owner) = (&new.org, &new.owner);
            output::note(format_args!("Realm {BOLD}{realm}{RESET} with org {org} and owner {owner}, epoch 1 published."));
            output::note(format_args!("  root key       {root_key}   (move it offline; publishing does not need it)"));
            output::note(format_args!("  publisher key  {publisher_key}"));
            output::note(format_args!("  published      {published}"));
            output::note(format_args!("\nEdges are deployed with this root:\n"));
            output::line(format_args!("EDGELATCH_ROOT={root}"));
        }
        if outcome.admin.is_none() {
            output::note(format_args!("\nThe management API has its first administrator key already: none was made."));
        }
        if let Some(path) = saved {
            output::note(format_args!("\nThe first administrator key of the management API is in {path}, and nowhere else."));
        }
        if let Some(key) = admin_key {
            output::note(format_args!("\nThe first administrator key of the management API, shown this once. Store it now:\n"));
            output::line(format_args!("EDGELATCH_ADMIN_KEY={key}"));
        }
    })
}
