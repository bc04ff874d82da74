//! Every key that a filter fits, changed in the same way.

use axum::http::StatusCode;
use edgelatch_core::cidr::Cidr;
use edgelatch_registry::json::{given, object};
use edgelatch_registry::{BulkEdited, Error, KeyEdit, KeyFilter, ListEdit};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ip_entry::{EntryBody, Spelled, entries};
use super::keys::KeyEditBody;
use crate::api::answer::{Answer, json};
use crate::api::call::Call;
use crate::api::path::InRealm;
use crate::limits::MAX_LISTS_BYTES;
use crate::problem::Problem;

/// An edit of many keys: asked for with `dry_run` first, which tries it on each, then made with the number that it would reach.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditKeys)]
pub(crate) struct EditManyBody {
    /// Which keys; an empty filter means all.
    #[serde(deserialize_with = "object")]
    filter: KeyFilter,
    /// What to change, as for one key; not the name, which is one key's own.
    #[serde(default, deserialize_with = "object")]
    #[schema(required = false)]
    edit: KeyEditBody,
    /// Entries to add to the allow lists; one for the same network gives way.
    #[serde(default)]
    #[schema(max_items = 1000)]
    add_allow: Vec<EntryBody>,
    /// Networks to remove from the allow lists; each key must have them.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 1000)]
    remove_allow: Vec<Spelled<Cidr>>,
    /// Entries to add to the deny lists.
    #[serde(default)]
    #[schema(max_items = 1000)]
    add_deny: Vec<EntryBody>,
    /// Networks to remove from the deny lists.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 1000)]
    remove_deny: Vec<Spelled<Cidr>>,
    /// Only count them, and try the edit.
    #[serde(default)]
    dry_run: bool,
    /// How many there must be; needed unless this is a dry run.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = u64, required = false)]
    confirm: Option<u64>,
}

/// What to add to a list and remove from it, unless the whole list is given.
fn list(whole: ListEdit, (member, add): (&str, Vec<EntryBody>), remove: Vec<Spelled<Cidr>>) -> Result<ListEdit, Problem> {
    match whole {
        whole if add.is_empty() && remove.is_empty() => Ok(whole),
        ListEdit::Keep => {
            let remove = remove.into_iter().map(|network| network.0).collect();
            Ok(ListEdit::Change { add: entries(add), remove, switch: Vec::new() })
        }
        _ => Err(Problem::at(member, "does not go with the whole list in `edit`: give one of the two")),
    }
}

/// A refusal, pointing to where what it is about stands in the body.
fn placed(error: Error) -> Problem {
    let inside = match error.field() {
        Some("edit") => "",
        Some("name" | "expires_at") => "/edit",
        _ => "/filter",
    };
    Problem::from(error).below(inside)
}

/// Change every key that a filter fits
///
/// With `dry_run` the keys are counted and the edit is tried on each; nothing is changed. It is made only if no key refuses it, else 422
/// names those that do. It is made by many short steps, so that nobody else waits for it: should a later one fail (409 `partly_done`),
/// what was changed before stays changed. Which members may be changed is up to each org's settings; a new `status` takes the permission to
/// revoke keys as well.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/edit", operation_id = "editKeys", tag = "keys",
    params(InRealm),
    request_body = EditManyBody,
    responses((status = 200, description = "What was changed, or would be", body = BulkEdited)))]
pub(crate) async fn edit(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("key.update").await?;
    let (body, _) = incoming.json::<EditManyBody>(MAX_LISTS_BYTES).await?;
    pass.run(move |pass| {
        let EditManyBody { filter, edit, add_allow, remove_allow, add_deny, remove_deny, dry_run, confirm } = body;
        let org = pass.reach.org(filter.org.as_ref()).map_err(|refusal| refusal.below("/filter"))?;
        let filter = KeyFilter { org, ..filter };
        let mut edit: KeyEdit = edit.read(pass.now()?, None).map_err(|error| Problem::from(error).below("/edit"))?;
        edit.ip.allow = list(edit.ip.allow, ("/add_allow", add_allow), remove_allow)?;
        edit.ip.deny = list(edit.ip.deny, ("/add_deny", add_deny), remove_deny)?;
        if edit.status.is_some() {
            pass.demand("key.delete")?;
        }
        if !dry_run && confirm.is_none() {
            return Err(Problem::at("/confirm", "is missing: ask with dry_run first, then give the number it answers"));
        }
        let (caller, confirm) = (pass.caller(filter.org.as_ref())?, confirm.filter(|_| !dry_run));
        let edited = pass.keys().edit_all(&caller, &filter, &edit, confirm, &mut |_| {}).map_err(placed)?;
        if confirm.is_some() && !edited.done {
            return Err(refused(edited));
        }
        json(edited)
    })
    .await
}

fn refused(edited: BulkEdited) -> Problem {
    let detail = format!("of {} keys these cannot be changed so, and none was changed; there may be more", edited.matched);
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "keys_refused", "Keys were refused", detail).naming(edited.refusals)
}
