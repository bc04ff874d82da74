//! `edgelatch keys …`
//!
//! | read | for |
//! |---|---|
//! | `edit`, `import` | the verbs with the most arguments |
//! | `by_secret` | a key that is found, or revoked, by its secret |
//! | `many` | every key that a filter fits, revoked or changed |
//! | `which` | the key that a verb is about |
//! | `fields` | all of a new key but its name |
//! | `secret` | where a new secret goes |
//! | `view` | how keys are shown |

mod by_secret;
mod changes;
mod edit;
mod fields;
mod import;
mod ip_list;
mod many;
mod secret;
pub(super) mod view;
mod which;

use edgelatch_core::key::KeyId;
use edgelatch_registry::{
    CONFIRMED, Deletion, Direction, Handover, KeyOrder, Name, Request, Rotate, Sort, format_time, parse_span,
};

use self::fields::KeyFields;
use self::secret::SecretTo;
use self::which::{Confirm, Which};
use crate::prelude::*;

/// Create, list, show, edit, revoke, rotate, delete and import keys
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Create a key; its secret is shown this once
    #[command(after_help = "\
Example:
  edgelatch keys create --name \"CI deploy\" --role writer --scope cdn,dns --expires-at 3mo
  edgelatch keys create --name office --role reader --allow 10.0.0.0/8=HQ,2001:db8::/32
  KEY=$(edgelatch keys create --name ci 2>/dev/null)
  edgelatch keys create --name ci --save ci.PAK

The secret alone goes to standard output, the rest to standard error; with --save it goes to the file alone.
Exit code: 0 created, 1 created before under this idempotency key, 2 not created.")]
    Create {
        /// What people call it
        #[arg(long)]
        name: Name,
        #[command(flatten)]
        fields: Box<KeyFields>,
        #[command(flatten)]
        secret: SecretTo,
        #[command(flatten)]
        wait: Wait,
    },
    /// List keys, newest first
    #[command(after_help = "\
Example:
  edgelatch keys list --state active --search deploy --limit 20
  edgelatch keys list --expires-before 30d --sort expires
  edgelatch keys list --sort last-used --direction asc      # those not used for longest")]
    List {
        #[command(flatten)]
        filter: Box<Filter>,
        /// By what
        #[arg(long, default_value = "created", value_parser = read::words::<Sort>())]
        sort: Sort,
        /// Which way [default: names and expiries asc, the others desc]
        #[arg(long, value_name = "WAY", value_parser = read::words::<Direction>())]
        direction: Option<Direction>,
        #[command(flatten)]
        page: Page,
    },
    /// Show one key
    #[command(after_help = "Example:\n  edgelatch keys show key_0a1B2c3D4e5")]
    Show {
        /// Its public id
        #[arg(value_name = "KEY_ID", value_parser = read::key_id)]
        key: KeyId,
    },
    Edit(Box<edit::Edit>),
    /// Revoke a key; whether it can be enabled again, or is deleted, is a setting of its org
    #[command(after_help = "\
Example:
  edgelatch keys revoke key_0a1B2c3D4e5 && edgelatch publish
  edgelatch keys revoke key_0a1B2c3D4e5 --wait 10s          # while `edgelatch serve` publishes

With --json and --wait two documents follow each other: what was done, and how far it has got.
Exit code: 0 revoked, and with --wait everywhere; 1 revoked, but not everywhere in that time; 2 not revoked.")]
    Revoke(Which),
    RevokeMany(many::RevokeMany),
    EditMany(Box<many::EditMany>),
    /// Let a revoked key be accepted again, where the org's settings allow that
    #[command(after_help = "Example:\n  edgelatch keys enable key_0a1B2c3D4e5")]
    Enable(Which),
    FindSecret(by_secret::FindSecret),
    RevokeSecret(by_secret::RevokeSecret),
    /// Give a key a new secret, shown this once, under the same id
    #[command(after_help = "\
Example:
  edgelatch keys rotate key_0a1B2c3D4e5 --overlap 24h       # the old secret lives for another day
  edgelatch keys rotate key_0a1B2c3D4e5 --confirm deploy --save deploy.PAK

The secret alone goes to standard output, the rest to standard error; with --save it goes to the file alone.
Edges end an overlap by their own clocks.
Exit code: 0 rotated, 1 rotated before under this idempotency key, 2 not rotated.")]
    Rotate {
        #[command(flatten)]
        which: Which,
        /// How long the old secret lives on [default: it ends at once]
        #[arg(long, value_name = "SPAN", value_parser = read::typed(parse_span))]
        overlap: Option<read::Typed<u64>>,
        #[command(flatten)]
        confirm: Confirm,
        #[command(flatten)]
        secret: SecretTo,
    },
    /// Delete a key for ever
    #[command(after_help = "\
Example:
  edgelatch keys delete key_0a1B2c3D4e5 --confirm \"CI deploy\"
  edgelatch keys delete key_0a1B2c3D4e5 --yes               # where the org does not want the name typed

On a terminal the name is asked for.")]
    Delete {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        confirm: Confirm,
        /// It is meant; enough where the org does not want the name typed
        #[arg(long, conflicts_with = "confirm")]
        yes: bool,
    },
    Import(Box<import::Import>),
    /// List the requests made with a key, as edges reported them, newest first
    #[command(after_help = "Example:\n  edgelatch keys requests key_0a1B2c3D4e5 --since \"7d ago\" --limit 20")]
    Requests {
        /// Its public id; that of a deleted key will do
        #[arg(value_name = "KEY_ID", value_parser = read::key_id)]
        key: KeyId,
        #[command(flatten)]
        between: Between,
        #[command(flatten)]
        page: Page,
    },
}

impl Keys {
    pub(crate) fn run(self, context: &Context) -> Result<ExitCode> {
        match self {
            Keys::Create { name, fields, secret, wait } => {
                let (open, me) = (context.open()?, caller()?);
                let org = open.org(fields.org.clone())?;
                let asked = json!(["keys create", &org, &name, &fields]);
                let new = fields.new_key(org, name);
                let code = secret.make(context, &asked, "created", |once, keep| {
                    Ok(open.keys().create(&me, &new, Handover { once, keep: Some(keep) })?)
                })?;
                wait.after(context, &open, &me, "created", code)
            }
            Keys::List { filter, sort, direction, page } => {
                let order = KeyOrder { sort: Some(sort), direction };
                let listed = context.open()?.keys().list(&(*filter).into(), order, &page.into())?;
                context.show(&listed, view::list)
            }
            Keys::Show { key } => context.show(&context.open()?.keys().get(key)?, view::lines),
            Keys::Edit(edit) => edit.run(context),
            Keys::Revoke(Which { key, if_revision, wait }) => {
                let (open, me) = (context.open()?, caller()?);
                let revoked = open.keys().revoke(&me, key, if_revision)?;
                let what = if revoked.deleted { "deleted, as revoking is set to do here:" } else { "revoked" };
                wait.if_changed(revoked.changed).after(
                    context,
                    &open,
                    &me,
                    "revoked",
                    view::changed(context, &revoked, [what, "already revoked:"])?,
                )
            }
            Keys::RevokeMany(many) => many.run(context),
            Keys::EditMany(many) => many.run(context),
            Keys::FindSecret(find) => find.run(context),
            Keys::RevokeSecret(revoke) => revoke.run(context),
            Keys::Enable(Which { key, if_revision, wait }) => {
                let (open, me) = (context.open()?, caller()?);
                let enabled = open.keys().enable(&me, key, if_revision)?;
                wait.if_changed(enabled.changed).after(
                    context,
                    &open,
                    &me,
                    "enabled",
                    view::changed(context, &enabled, ["enabled", "already enabled:"])?,
                )
            }
            Keys::Rotate { which: Which { key, if_revision, wait }, overlap, confirm, secret } => {
                let (open, me) = (context.open()?, caller()?);
                let before = open.keys().get(key)?;
                let wanted = open.tenants().org(&before.org)?.settings.rotation_confirmed;
                let confirm = confirm.ask("rotating a key", &before, wanted, None)?;
                let asked = json!(["keys rotate", key.to_string(), &overlap, &confirm, if_revision]);
                let rotate = Rotate { overlap: overlap.map_or(0, |overlap| overlap.value), confirm, if_revision };
                let code = secret.make(context, &asked, "rotated", |once, keep| {
                    Ok(open.keys().rotate(&me, key, &rotate, Handover { once, keep: Some(keep) })?)
                })?;
                wait.after(context, &open, &me, "rotated", code)
            }
            Keys::Delete { which: Which { key, if_revision, wait }, confirm, yes } => {
                let (open, me) = (context.open()?, caller()?);
                let before = open.keys().get(key)?;
                // A deletion cannot be taken back, so a person is asked either way; a program must know the name, or say that it is meant, where
                // the org says so.
                let deletion = open.tenants().org(&before.org)?.settings.deletion;
                let enough = (deletion == Deletion::Confirmed).then_some(CONFIRMED);
                let confirm = match yes && deletion != Deletion::TypedName {
                    true => Some(CONFIRMED.to_owned()),
                    false => confirm.ask("deleting a key", &before, deletion != Deletion::None, enough)?,
                };
                let key = open.keys().delete(&me, key, confirm.as_deref(), if_revision)?;
                let line = format!("deleted {}  {}", key.key_id, key.name);
                let code = context.done(&json!({ "key": key, "deleted": true }), &line)?;
                wait.after(context, &open, &me, "deleted", code)
            }
            Keys::Import(import) => import.run(context),
            Keys::Requests { key, between, page } => {
                let listed = context.open()?.usage().requests(key, &between.into(), &page.into())?;
                context.show(&listed, |listed| output::page(REQUESTS, &listed.requests, listed.next.as_deref()))
            }
        }
    }
}

const REQUESTS: &[Column<Request>] = &[
    ("TIME", |r| format_time(r.at)),
    ("METHOD", |r| r.method.clone()),
    ("ENDPOINT", |r| r.endpoint.clone()),
    ("IP", |r| or_dash(r.ip.as_deref().unwrap_or_default())),
    ("COUNTRY", |r| or_dash(r.country.as_deref().unwrap_or_default())),
    ("STATUS", |r| r.status.to_string()),
    ("VERDICT", |r| r.code.clone()),
];
