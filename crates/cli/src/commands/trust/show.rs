//! `edgelatch trust show`

use std::path::PathBuf;

use edgelatch_core::root::Root;
use edgelatch_core::signed::{Role, RoleKeys};
use edgelatch_core::tree::ObjectId;
use edgelatch_registry::{Env, LedgerRow, RootRow, format_time};
use edgelatch_sync::Signers;
use edgelatch_sync::key_file::public_text;
use edgelatch_sync::trust::Life;
use serde::Serialize;

use super::{draft_file, sign};
use crate::prelude::*;

/// Show the roots of a realm, their keys, and where these are; or a draft
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch trust show
  edgelatch trust show --json
  edgelatch trust show root.draft             # what a draft says, and how far it is")]
pub(crate) struct Show {
    /// A draft of a root
    #[arg(value_name = "FILE")]
    draft: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

/// A realm's signing keys.
#[derive(Serialize)]
struct Shown {
    realm: String,
    /// Newest first.
    roots: Vec<RootShown>,
    head: Option<HeadShown>,
    /// Keys that are here and that the newest root does not name.
    unnamed: Vec<KeyShown>,
}

#[derive(Serialize)]
struct RootShown {
    version: u32,
    fingerprint: String,
    issued_at: String,
    expires_at: String,
    life: Life,
    era: u32,
    min_epoch: u64,
    root: RoleShown,
    publisher: RoleShown,
}

#[derive(Serialize)]
struct RoleShown {
    threshold: u8,
    keys: Vec<KeyShown>,
}

#[derive(Serialize)]
struct KeyShown {
    key: String,
    /// Where it is, if it is here.
    here: Option<String>,
}

#[derive(Serialize)]
struct HeadShown {
    epoch: u64,
    root_version: u32,
    issued_at: String,
    not_after: String,
    life: Life,
}

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode> {
        if let Some(path) = &self.draft {
            let draft = draft_file::read(path)?;
            let (words, gathered) = (draft.words(), draft.gathered());
            let shown = json!({ "words": words, "fingerprint": draft.fingerprint(), "gathered": gathered, "complete": draft.complete() });
            return context.show(&shown, |_| {
                words.iter().for_each(|line| output::line(format_args!("{line}")));
                gathered.iter().for_each(sign::told);
            });
        }
        let open = context.open()?;
        let (ledger, now) = (open.registry.ledger(&open.realm), Env::system().now()?);
        let roots = context.key_source(&open.realm, Role::Root, &[], &[]).find()?;
        let publishers = context.key_source(&open.realm, Role::Publisher, &[], &self.signing.signers).find()?;
        let all = ledger.roots()?;
        let mut shown = all.iter().map(|row| RootShown::new(row, [&roots, &publishers], now)).collect::<Result<Vec<_>>>()?;
        shown.reverse();
        let named = |key: &str| {
            shown.first().is_some_and(|root| {
                [&root.root, &root.publisher].iter().any(|role| role.keys.iter().any(|known| known.key == key))
            })
        };
        let here = roots
            .iter()
            .chain(publishers.iter())
            .map(|signer| KeyShown { key: public_text(&signer.public()), here: Some(signer.name()) });
        let unnamed = here.filter(|key| !named(&key.key)).collect();
        let head = ledger.newest(1)?.first().map(|row| HeadShown::new(row, now));
        let shown = Shown { realm: open.realm.to_string(), roots: shown, head, unnamed };
        context.show(&shown, print)
    }
}

impl RootShown {
    fn new(row: &RootRow, signers: [&Signers; 2], now: u64) -> Result<RootShown> {
        let root = Root::open(&row.object).map_err(|error| Failure::core(&format!("root {}", row.version), &error))?;
        let [roots, publishers] = signers;
        Ok(RootShown {
            version: root.version,
            fingerprint: ObjectId::of(&row.object).to_string(),
            issued_at: format_time(root.issued_at),
            expires_at: format_time(root.expires_at),
            life: Life::at(root.issued_at, root.expires_at, now),
            era: root.era,
            min_epoch: root.min_epoch,
            root: RoleShown::new(&root.root, roots),
            publisher: RoleShown::new(&root.publisher, publishers),
        })
    }
}

impl RoleShown {
    fn new(role: &RoleKeys, signers: &Signers) -> RoleShown {
        let here = |key: &[u8; 32]| signers.iter().find(|signer| signer.public() == *key).map(|signer| signer.name());
        let keys = role.keys().map(|key| KeyShown { key: public_text(key), here: here(key) }).collect();
        RoleShown { threshold: role.threshold(), keys }
    }
}

impl HeadShown {
    fn new(row: &LedgerRow, now: u64) -> HeadShown {
        HeadShown {
            epoch: row.epoch,
            root_version: row.root_version,
            issued_at: format_time(row.issued_at),
            not_after: format_time(row.not_after),
            life: Life::at(row.issued_at, row.not_after, now),
        }
    }
}

fn print(shown: &Shown) {
    for (place, root) in shown.roots.iter().enumerate() {
        let newest = if place == 0 { ", the newest" } else { "" };
        output::line(format_args!("{BOLD}root {}{RESET} of realm {}{newest}", root.version, shown.realm));
        output::line(format_args!("  expires {}: {}", root.expires_at, root.life.words()));
        output::line(format_args!("  era {}, least epoch {}", root.era, root.min_epoch));
        output::line(format_args!("  {DIM}{}{RESET}", root.fingerprint));
        for (name, role) in [("root", &root.root), ("publisher", &root.publisher)] {
            output::line(format_args!("  {name}: {} of {} must sign", role.threshold, role.keys.len()));
            for key in &role.keys {
                output::line(format_args!("    {}  {}", key.key, key.here.as_deref().unwrap_or("not here")));
            }
        }
    }
    if let Some(head) = &shown.head {
        output::line(format_args!(
            "epoch {} under root {}, until {}: {}",
            head.epoch,
            head.root_version,
            head.not_after,
            head.life.words()
        ));
    }
    for key in &shown.unnamed {
        let place = key.here.as_deref().unwrap_or_default();
        output::note(format_args!("{place}: the newest root does not name this key, {}", key.key));
    }
}
