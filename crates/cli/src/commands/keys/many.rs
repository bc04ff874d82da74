//! `edgelatch keys revoke-many` and `edit-many`: counted first, done once the number was confirmed.

use edgelatch_registry::{BulkEdited, BulkRevoked, BulkWarning, Key, KeyEdit, KeyFilter, RefusedKey, Slug, Tag};

use super::changes::Changes;
use super::view;
use crate::prelude::*;
use crate::progress::Meter;

/// Keys between two reports where there is no terminal.
const KEYS: u64 = 2_000;

/// Which keys, and how many they must be.
#[derive(Args)]
struct Which {
    #[command(flatten)]
    filter: Box<Filter>,
    /// Every key of the realm, in place of a filter
    #[arg(long)]
    all: bool,
    /// How many there are: do it
    #[arg(long, value_name = "COUNT")]
    confirm: Option<u64>,
    #[command(flatten)]
    wait: Wait,
}

impl Which {
    fn filter(&mut self) -> Result<KeyFilter> {
        let filter = KeyFilter::from(std::mem::take(&mut *self.filter));
        if (filter == KeyFilter::default()) != self.all {
            return Err(Failure::usage("which keys? name a filter, such as --role or --search, or else --all"));
        }
        Ok(filter)
    }

    /// Acts on them, and shows how far that has come.
    fn act<T>(&self, word: &str, act: impl FnOnce(&mut dyn FnMut(u64)) -> Result<T, edgelatch_registry::Error>) -> Result<T> {
        let mut meter = Meter::new(self.confirm.unwrap_or(0), KEYS);
        let bar = meter.bar();
        let done = act(&mut |done| {
            bar.set_position(done);
            meter.tell(done, || format!("{done} keys {word}"));
        });
        meter.end();
        Ok(done?)
    }
}

/// Revoke all keys that a filter fits, once their number was confirmed
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys revoke-many --role admin --created-before 2026-11-01     # counts, shows some, changes nothing
  edgelatch keys revoke-many --role admin --created-before 2026-11-01 --confirm 17

None when they are not as many any more. They are revoked some at a time, so that nobody else waits; should that break off,
those that were revoked stay so: the same again for the rest.")]
pub(crate) struct RevokeMany {
    #[command(flatten)]
    which: Which,
}

impl RevokeMany {
    pub(super) fn run(mut self, context: &Context) -> Result<ExitCode> {
        let filter = self.which.filter()?;
        let (open, me, which) = (context.open()?, caller()?, &self.which);
        let revoked = which.act("revoked", |progress| open.keys().revoke_all(&me, &filter, which.confirm, progress))?;
        let code = context.show(&revoked, print_revoked)?;
        if revoked.done { which.wait.after(context, &open, &me, "revoked", code) } else { Ok(code) }
    }
}

/// Change all keys that a filter fits in the same way, once their number was confirmed
#[derive(Args)]
#[command(after_help = "\
Example:
  edgelatch keys edit-many --owner build --add-allow 192.0.2.0/24=office      # counts, tries it on each, changes nothing
  edgelatch keys edit-many --owner build --add-allow 192.0.2.0/24=office --confirm 17
  edgelatch keys edit-many --environment staging --set-environment test --expires-at 2027-01-31

None when they are not as many any more, or when one of them cannot be changed so, as its org's settings say. They are changed
some at a time, so that nobody else waits; should that break off, those that were changed stay so.
Exit code: 0 changed (or could be), 1 keys were refused, 2 nothing could be tried, or it broke off.")]
pub(crate) struct EditMany {
    #[command(flatten)]
    which: Which,
    /// New roles, in place of the old ones
    #[arg(long = "set-role", value_name = "ROLE", value_delimiter = ',')]
    roles: Vec<Slug>,
    /// Another owner of the same org
    #[arg(long)]
    set_owner: Option<Slug>,
    /// Take all roles away
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    /// New environment
    #[arg(long)]
    set_environment: Option<Slug>,
    /// Take the environment away
    #[arg(long, conflicts_with = "set_environment")]
    no_environment: bool,
    /// New tags, in place of the old ones; repeat or separate by commas
    #[arg(long = "set-tag", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<Tag>,
    /// Take all tags away
    #[arg(long, conflicts_with = "tags")]
    no_tags: bool,
    #[command(flatten)]
    changes: Changes,
}

impl EditMany {
    pub(super) fn run(mut self, context: &Context) -> Result<ExitCode> {
        let filter = self.which.filter()?;
        let edit = KeyEdit {
            roles: Some(self.roles).filter(|roles| self.no_roles || !roles.is_empty()),
            owner: self.set_owner,
            environment: if self.no_environment { Some(None) } else { self.set_environment.map(Some) },
            tags: Some(self.tags).filter(|tags| self.no_tags || !tags.is_empty()),
            ..self.changes.into()
        };
        if edit.is_empty() {
            return Err(Failure::usage("nothing to change: name at least one field, such as --expires-at or --add-allow"));
        }
        let (open, me, which) = (context.open()?, caller()?, &self.which);
        let edited = which.act("changed", |progress| open.keys().edit_all(&me, &filter, &edit, which.confirm, progress))?;
        let code = context.answer(edited.refusals.is_empty(), &edited, print_edited)?;
        if edited.done { which.wait.after(context, &open, &me, "changed", code) } else { Ok(code) }
    }
}

/// Some of the keys that fit, and how to do it.
fn print_counted(matched: u64, sample: &[Key], act: &str) {
    view::page(sample, None);
    let more = matched.saturating_sub(sample.len() as u64);
    let hidden = if more > 0 { format!(", {more} of them not shown") } else { String::new() };
    output::line(format_args!("{matched} keys fit{hidden}"));
    output::note(format_args!("nothing was changed; to {act} them: the same with --confirm {matched}"));
}

/// Those that others have made something else of meanwhile.
fn left_alone(matched: u64, done: u64) -> String {
    match matched.saturating_sub(done) {
        0 => String::new(),
        left => format!("; {left} others were left as they are"),
    }
}

fn print_revoked(revoked: &BulkRevoked) {
    let BulkRevoked { matched, revoked, done, sample } = revoked;
    match (done, matched) {
        (true, _) => output::line(format_args!("revoked {revoked} keys{}", left_alone(*matched, *revoked))),
        (false, 0) => output::line(format_args!("no key fits that is not revoked yet")),
        (false, _) => print_counted(*matched, sample, "revoke"),
    }
}

const REFUSALS: &[Column<RefusedKey>] =
    &[("KEY", |r| r.key_id.to_string()), ("CODE", |r| r.code.into()), ("REASON", |r| r.reason.clone())];

fn print_edited(edited: &BulkEdited) {
    let BulkEdited { matched, changed, refusals, warnings, done, sample } = edited;
    for BulkWarning { message, keys, .. } in warnings {
        output::note(format_args!("{keys} keys: {message}"));
    }
    match (done, matched) {
        _ if !refusals.is_empty() => {
            output::table(REFUSALS, refusals);
            output::line(format_args!("of {matched} keys these cannot be changed so, and none was changed"));
        }
        (true, _) => output::line(format_args!("changed {changed} keys{}", left_alone(*matched, *changed))),
        (false, 0) => output::line(format_args!("no key fits")),
        (false, _) => print_counted(*matched, sample, "change"),
    }
}
