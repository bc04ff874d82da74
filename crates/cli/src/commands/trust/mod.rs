//! `edgelatch trust …`
//!
//! | read | for |
//! |---|---|
//! | `root_change` | how every verb that changes the root ends: shown, signed and published at once, or left as a draft |
//! | `rotate_publisher`, `rotate_root`, `add_key`, `remove_key`, `extend`, `prepare_publisher` | what each of them changes |
//! | `sign`, `publish`, `draft_file` | a draft on its way: signed by each holder, read and written, and made the newest root |
//! | `new_key`, `import_key`, `named` | key files, and how a key is named |
//! | `pepper` | what digests of keys are made with |
//! | `show` | what there is |
//! | `repair_clock` | after something was signed by a clock that was ahead |

mod add_key;
mod draft_file;
mod extend;
mod import_key;
mod named;
mod new_key;
mod pepper;
mod prepare_publisher;
mod publish;
mod remove_key;
mod repair_clock;
mod root_change;
mod rotate_publisher;
mod rotate_root;
mod show;
mod sign;

use crate::prelude::*;

/// Signing keys of a realm: who signs its roots and heads, and what to do when a key leaks, is lost, or grows old; and its peppers
#[derive(Subcommand)]
pub(crate) enum Trust {
    Show(show::Show),
    RotatePublisher(rotate_publisher::RotatePublisher),
    RotateRoot(rotate_root::RotateRoot),
    AddKey(add_key::AddKey),
    RemoveKey(remove_key::RemoveKey),
    Extend(extend::Extend),
    PreparePublisher(prepare_publisher::PreparePublisher),
    NewKey(new_key::NewKey),
    ImportKey(import_key::ImportKey),
    #[command(subcommand)]
    Pepper(pepper::Pepper),
    Sign(sign::Sign),
    Publish(publish::Publish),
    RepairClock(repair_clock::RepairClock),
}

impl Trust {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Trust::Show(args) => args.run(context),
            Trust::RotatePublisher(args) => args.run(context),
            Trust::RotateRoot(args) => args.run(context),
            Trust::AddKey(args) => args.run(context),
            Trust::RemoveKey(args) => args.run(context),
            Trust::Extend(args) => args.run(context),
            Trust::PreparePublisher(args) => args.run(context),
            Trust::NewKey(args) => args.run(context),
            Trust::ImportKey(args) => args.run(context),
            Trust::Pepper(act) => act.run(context),
            Trust::Sign(args) => args.run(context),
            Trust::Publish(args) => args.run(context),
            Trust::RepairClock(args) => args.run(context),
        }
    }
}
