//! Which keys should get a new secret, as a condition in SQL.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::model::{DAY, Settings, Slug};
use crate::store::{Statements, args};
use crate::transaction::Transaction;

/// When a key's newest secret was made, over `keys k`.
pub(crate) const ROTATED: &str = "(SELECT max(s.created_at) FROM secrets s WHERE s.key_id = k.id)";

/// Whether a key's environment wants a new secret, over `keys k`. Rules are in the orgs' settings, so orgs with the same rule
/// share one condition.
pub(crate) fn due_sql(tx: &mut Transaction<'_>, org: Option<&Slug>, now: u64) -> Result<String, Error> {
    let mut rules: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
    let sql = "SELECT id, slug, settings FROM orgs WHERE realm_id = $1 ORDER BY id";
    let orgs: Vec<(u64, Slug, Settings)> = tx.all(sql, args![tx.realm])?;
    for (id, _, settings) in orgs.into_iter().filter(|(_, slug, _)| org.is_none_or(|org| org == slug)) {
        for rule in settings.environments {
            rules.entry((rule.environment.to_string(), rule.rotate_after_days)).or_default().push(id.to_string());
        }
    }
    // A slug has no character that means anything in SQL.
    let tests = rules.into_iter().map(|((environment, days), orgs)| {
        let latest = now.saturating_sub(u64::from(days) * DAY);
        format!("(k.environment = '{environment}' AND {ROTATED} <= {latest} AND k.org_id IN ({}))", orgs.join(", "))
    });
    let tests: Vec<String> = tests.collect();
    Ok(if tests.is_empty() { "1 = 0".into() } else { format!("({})", tests.join(" OR ")) })
}
