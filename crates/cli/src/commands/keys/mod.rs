//! `edgelatch keys …`
//!
//! | read | for |
//! |---|---|
//! | `create`, `list`, `show`, … | the verbs, each in the file of its name |
//! | `which` | the key that a verb is about |
//! | `fields` | all of a new key but its name |
//! | `secret` | where a new secret goes |
//! | `view` | how keys are shown |

mod create;
mod delete;
mod edit;
mod fields;
mod import;
mod ip_list;
mod list;
mod requests;
mod revoke;
mod rotate;
mod secret;
mod show;
pub(super) mod view;
pub(super) mod which;

use crate::verbs::verbs;

verbs! {
    /// Create, list, show, edit, revoke, rotate, delete and import keys
    Keys {
        Create(create::Create),
        List(list::List),
        Show(show::Show),
        Edit(edit::Edit),
        Revoke(revoke::Revoke),
        RevokeMany(revoke::RevokeMany),
        Enable(revoke::Enable),
        Rotate(rotate::Rotate),
        Delete(delete::Delete),
        Import(import::Import),
        Requests(requests::Requests),
    }
}
