//! `edgelatch audit …`

use edgelatch_registry::{Anchor, AuditFilter, AuditRow, Error, Slug, format_time};

use crate::prelude::*;

/// Read and check the log of administrative acts
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// List administrative acts, newest first: who, when, from where, what, before and after
    #[command(after_help = "\
Example:
  edgelatch audit list --target key_0a1B2c3D4e5
  edgelatch audit list --actor cli:alice --action key.edit --since \"30d ago\" --json")]
    List {
        /// Only acts in this org
        #[arg(long)]
        org: Option<Slug>,
        /// Only acts of this key id, or of cli: and a user
        #[arg(long)]
        actor: Option<String>,
        /// Only what was done to this key id, org, owner, role or realm
        #[arg(long, value_name = "ID")]
        target: Option<String>,
        /// Only acts of this kind, such as key.edit
        #[arg(long)]
        action: Option<String>,
        #[command(flatten)]
        between: Between,
        #[command(flatten)]
        page: Page,
    },
    /// Write the log as JSON lines, the oldest act first, for a system that keeps it elsewhere
    #[command(after_help = "\
Example:
  edgelatch audit export > acts.jsonl
  edgelatch audit export --after 1234 >> acts.jsonl   # only what came since; 1234 is `seq` of the last line

Each line has the hash of the chain up to it: a log that is written anew is noticed by whoever keeps the lines.")]
    Export(Export),
    /// Check that no row of the log was removed or altered
    #[command(after_help = "\
Example:
  edgelatch audit verify
  edgelatch audit verify --anchor 1234:5f9b…          # the one that an earlier run printed

Whoever can write the database can write a whole new log: keep the printed anchor somewhere else and give it the next time.
Exit code: 0 sound, 1 a row is missing or altered, 2 the log could not be read.")]
    Verify {
        /// What an earlier run printed
        #[arg(long, value_name = "ROW:HASH", value_parser = anchor)]
        anchor: Option<Anchor>,
    },
}

impl Audit {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        let open = context.open_ever()?;
        match self {
            Audit::List { org, actor, target, action, between, page } => {
                let filter = AuditFilter { org, actor, target, action, window: between.into() };
                let listed = open.audit().list(&filter, &page.into())?;
                context.show(&listed, |listed| output::page(COLUMNS, &listed.rows, listed.next.as_deref()))
            }
            Audit::Export(export) => {
                export.write(|after, org| open.audit().export(after, org))?;
                Ok(ExitCode::SUCCESS)
            }
            Audit::Verify { anchor } => verify(context, &open, anchor.as_ref()),
        }
    }
}

const COLUMNS: &[Column<AuditRow>] = &[
    ("ROW", |a| a.seq.to_string()),
    ("TIME", |a| format_time(a.at)),
    ("WHO", |a| a.actor.clone()),
    ("ACT", |a| a.action.clone()),
    ("ON", |a| format!("{} {}", a.kind, a.target)),
    ("FROM", |a| or_dash(a.address.as_deref().unwrap_or_default())),
    ("BEFORE → AFTER", change),
];

/// Characters of a change in the table; JSON has all of it.
const WIDTH: usize = 100;

fn change(row: &AuditRow) -> String {
    let change = match (&row.before, &row.after) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (one, other) => or_dash(one.as_ref().or(other.as_ref()).map_or("", String::as_str)),
    };
    if change.chars().count() > WIDTH { change.chars().take(WIDTH).chain(['…']).collect() } else { change }
}

fn verify(context: &Context, open: &Open, anchor: Option<&Anchor>) -> Result<ExitCode> {
    match open.audit().verify(anchor) {
        Ok(Anchor { seq, hash }) => {
            let anchor = format!("{seq}:{hash}");
            context.show(&json!({ "sound": true, "rows": seq, "anchor": &anchor }), |_| {
                output::line(format_args!("{GOOD}sound{RESET}: {seq} rows"));
                output::line(format_args!("anchor {anchor}"));
                output::note(format_args!("{DIM}Keep the anchor somewhere else, and give it the next time.{RESET}"));
            })
        }
        Err(ref error @ Error::Altered { seq, ref reason }) => {
            let found = json!({ "sound": false, "row": seq, "code": error.code(), "reason": reason });
            context.answer(false, &found, |_| output::line(format_args!("{BAD}altered{RESET}: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}

fn anchor(text: &str) -> Result<Anchor> {
    let is_hash = |hash: &str| hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let parts = text.split_once(':').filter(|(_, hash)| is_hash(hash));
    let anchor = parts.and_then(|(seq, hash)| Some(Anchor { seq: seq.parse().ok()?, hash: hash.into() }));
    anchor.ok_or_else(|| Failure::usage("must be ROW:HASH, as `edgelatch audit verify` printed it"))
}
