//! `edgelatch trust pepper …`

use std::path::PathBuf;

use edgelatch_core::key::PepperId;
use edgelatch_registry::{Error, Kind, PepperRow, PepperState, format_time};
use serde::Serialize;

use crate::prelude::*;

/// Peppers: secrets that the digests of a realm's keys are made with, so that keys which could be guessed cannot be found by a snapshot
#[derive(Subcommand)]
pub(crate) enum Pepper {
    /// Draw a pepper and keep it beside the signing keys. Nothing is made with it before `rotate`
    #[command(after_help = "\
Example:
  edgelatch trust pepper create
  wrangler secret put EDGELATCH_PEPPER < edgelatch-data/keys/pepper-3f9a01bc.key

The file's text is what edges take as the option `pepper`, beside the one that they have. It must lie with every node that publishes too:
`edgelatch trust pepper import` there. Edges and nodes are to have it before `edgelatch trust pepper rotate`.")]
    Create,
    /// Put a pepper beside the signing keys that was made elsewhere: on another node, or by you
    #[command(after_help = "\
Example:
  edgelatch trust pepper import /media/usb/pepper-3f9a01bc.key

The file holds 16 to 64 random bytes in base64url. The id follows from them.")]
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show the peppers of a realm, how far each is in its life, and whether it is here
    #[command(after_help = "Example:\n  edgelatch trust pepper show --json")]
    Show,
    /// Make the digests of all keys with another pepper from the next epoch on: the new one, unless another is named
    #[command(after_help = "\
Example:
  edgelatch trust pepper rotate && edgelatch publish
  edgelatch trust pepper rotate 3f9a01bc     # back to an earlier one
  edgelatch trust pepper rotate --none       # digests without a pepper

No key is changed: the registry holds what digests under any pepper are made of. Edges that were not given the pepper refuse the epoch
(`wrong_pepper`), and go on with what they have until its head ends: see `edgelatch fleet`. Keep the pepper before until `retire` takes it.")]
    Rotate {
        /// The pepper
        #[arg(value_name = "PEPPER", conflicts_with = "none")]
        pepper: Option<PepperId>,
        /// Go on without any
        #[arg(long)]
        none: bool,
    },
    /// Forget a pepper, and remove its file here. It stays as long as keys' digests are made with it, or edges may need it yet
    #[command(after_help = "\
Example:
  edgelatch trust pepper retire 3f9a01bc
  edgelatch trust pepper retire 3f9a01bc --early     # not to wait until the last head of a snapshot that was made with it ends

Then take it from your edges. On other nodes, `retire` there removes the file.")]
    Retire {
        /// The pepper
        #[arg(value_name = "PEPPER")]
        pepper: PepperId,
        /// Do not wait: an edge that begins anew meanwhile, and finds nothing newer than a snapshot that was made with it, serves nothing
        #[arg(long)]
        early: bool,
    },
}

/// A pepper, and where it is.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: PepperRow,
    created_at: String,
    needed_until: Option<String>,
    /// Where it is, if it is here.
    here: Option<String>,
}

const COLUMNS: &[Column<Shown>] = &[
    ("PEPPER", |shown| shown.row.pepper.to_string()),
    ("STATE", |shown| {
        match shown.row.state {
            PepperState::New => "new",
            PepperState::InUse => "in use",
            PepperState::Left => "left",
        }
        .into()
    }),
    ("NEEDED UNTIL", |shown| or_dash(shown.needed_until.as_deref().unwrap_or(""))),
    ("CREATED", |shown| shown.created_at.clone()),
    ("HERE", |shown| shown.here.clone().unwrap_or_else(|| "not here".into())),
];

impl Pepper {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open()?;
        context.check_private(&open)?;
        match self {
            Pepper::Create => create(context, &open),
            Pepper::Import { file } => import(context, &open, &file),
            Pepper::Show => show(context, &open),
            Pepper::Rotate { pepper, none } => rotate(context, &open, pepper, none),
            Pepper::Retire { pepper, early } => retire(context, &open, pepper, early),
        }
    }
}

fn create(context: &Context, open: &Open) -> Result<ExitCode> {
    let peppers = context.peppers(&open.realm);
    // Kept first: one that is known and nowhere would be of no use to anybody.
    let (pepper, path) = peppers.draw(open.registry.env())?;
    if let Err(error) = open.registry.ledger(&open.realm).add_pepper(&caller()?, pepper) {
        peppers.remove(pepper)?;
        return Err(error.into());
    }
    let path = path.display().to_string();
    context.done(
        &json!({ "pepper": pepper.to_string(), "path": path }),
        &format!(
            "pepper {pepper} is in {path}: give it to edges and to other nodes that publish, then `edgelatch trust pepper rotate`"
        ),
    )
}

fn import(context: &Context, open: &Open, file: &std::path::Path) -> Result<ExitCode> {
    let ledger = open.registry.ledger(&open.realm);
    let (pepper, path) = context.peppers(&open.realm).import(file)?;
    match ledger.add_pepper(&caller()?, pepper) {
        Ok(()) | Err(Error::Exists { .. }) => {}
        Err(_) if ledger.peppers()?.iter().any(|row| row.pepper == pepper) => {}
        Err(error) => return Err(error.into()),
    }
    let path = path.display().to_string();
    context.done(&json!({ "pepper": pepper.to_string(), "path": path }), &format!("pepper {pepper} is in {path}"))
}

fn show(context: &Context, open: &Open) -> Result<ExitCode> {
    let peppers = context.peppers(&open.realm);
    let shown = open.registry.ledger(&open.realm).peppers()?.into_iter().map(|row| {
        let here = match peppers.find(row.pepper) {
            Ok((_, path)) => Some(path.display().to_string()),
            Err(edgelatch_sync::Error::PepperMissing { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let (created_at, needed_until) = (format_time(row.created_at), row.needed_until.map(format_time));
        Ok(Shown { row, created_at, needed_until, here })
    });
    context.list(&shown.collect::<Result<Vec<_>>>()?, COLUMNS)
}

fn rotate(context: &Context, open: &Open, named: Option<PepperId>, none: bool) -> Result<ExitCode> {
    let ledger = open.registry.ledger(&open.realm);
    let (before, known) = (ledger.pepper()?, ledger.peppers()?);
    let pepper = match (named, none) {
        (None, true) => None,
        (Some(pepper), _) if known.iter().all(|row| row.pepper != pepper) => {
            return Err(Error::NotFound { kind: Kind::Pepper, id: pepper.to_string() }.into());
        }
        (Some(pepper), _) => Some(pepper),
        (None, false) => {
            let new = known.iter().rev().find(|row| row.state == PepperState::New);
            Some(new.ok_or_else(|| Failure::usage("there is no new pepper: `edgelatch trust pepper create` first"))?.pepper)
        }
    };
    // The next epoch could not be made here without it.
    pepper.map(|pepper| context.peppers(&open.realm).find(pepper)).transpose()?;
    ledger.use_pepper(&caller()?, pepper)?;
    let text = |pepper: Option<PepperId>| pepper.map(|pepper| pepper.to_string());
    let with = text(pepper).map_or("without a pepper".into(), |pepper| format!("with pepper {pepper}"));
    let line = if before == pepper {
        format!("digests are made {with} already")
    } else {
        format!("digests are made {with} from the next epoch on: `edgelatch publish` now, unless `edgelatch serve` runs")
    };
    context.done(&json!({ "pepper": text(pepper), "before": text(before) }), &line)
}

fn retire(context: &Context, open: &Open, pepper: PepperId, early: bool) -> Result<ExitCode> {
    let peppers = context.peppers(&open.realm);
    match open.registry.ledger(&open.realm).retire_pepper(&caller()?, pepper, early) {
        // Another node has seen to that.
        Err(Error::NotFound { .. }) if peppers.path(pepper).exists() => {}
        retired => retired?,
    }
    peppers.remove(pepper)?;
    context.done(&json!({ "pepper": pepper.to_string() }), &format!("pepper {pepper} is no more: take it from your edges too"))
}
