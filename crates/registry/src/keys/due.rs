//! Which keys should get a new secret, as conditions in SQL.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::model::{Settings, Slug};
use crate::store::{Session, args};
use crate::transaction::RealmId;

const DAY: u64 = 86_400;
/// When a key's newest secret was made, over `keys k`.
pub(crate) const ROTATED: &str = "(SELECT max(s.created_at) FROM secrets s WHERE s.key_id = k.id)";

/// Whether a key's environment wants a new secret, over `keys k`. Rules are in the orgs' settings, so orgs with the same rule
/// share one condition.
pub(crate) fn due_sql(session: &mut dyn Session, realm: RealmId, org: Option<&Slug>, now: u64) -> Result<String, Error> {
    let mut rules: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
    let sql = "SELECT id, slug, settings FROM orgs WHERE realm_id = $1 ORDER BY id";
    let orgs = session.rows(sql, args![realm.0], |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.text(2)?.to_owned())))?;
    for (id, _, text) in orgs.iter().filter(|(_, slug, _)| org.is_none_or(|org| org.as_str() == slug)) {
        let Settings { environments, .. } = Settings::stored(text)?;
        for rule in environments {
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
