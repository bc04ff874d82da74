//! How long a page of a list takes: of each filter, of filters together, of searches, in each order.

use edgelatch_registry::{
    Database, Env, Handover, KeyFilter, KeyOrder, Paging, Preset, Registry, Sort, State, UsageBatch, When,
};
use edgelatch_testkit::registry::{KeysExt, caller, fill, new_key, slug, usage_event};

use super::{Figures, Lines, REALM, Result, import_lines, median, times};

/// Pages of each list, one after the other as far as there are any.
const PAGES: usize = 31;
/// Keys that are made beside the others.
const CREATES: usize = 51;
/// Keys that somebody has used.
const USED: u64 = 15_000;

/// Lists of a realm of so many keys; what is measured is called after the store.
pub(super) fn measure(database: &Database, store: &str, keys: u64, figures: &mut Figures) -> Result<()> {
    let (registry, realm) = (Registry::establish(database, Env::system())?, slug(REALM));
    fill(&registry, &realm, Preset::Default);
    let took = times(1, |_| import_lines(&registry, Lines::rich(keys)))?;
    figures.add(format!("import {store}with tags and descriptions"), median(took));
    let create = times(CREATES, |n| {
        let keys = registry.keys(&realm);
        Ok(keys.create(&caller(), &new_key(&format!("made {n}")), Handover::default()).map(drop)?)
    })?;
    figures.add(format!("create {store}beside all"), median(create) * 1e3);
    use_some(&registry)?;
    for (what, filter, sort) in lists(&registry)? {
        let (order, mut paging) = (KeyOrder { sort: Some(sort), direction: None }, Paging::first(50));
        let mut shown = 0;
        let times = times(PAGES, |_| {
            let page = registry.keys(&slug(REALM)).list(&filter, order, &paging)?;
            shown += page.keys.len();
            paging.cursor = page.next;
            Ok(())
        })?;
        eprintln!("{shown} keys shown, at most {:.1} ms", times.iter().fold(0.0, |most: f64, time| most.max(*time)) * 1e3);
        figures.add(format!("list {store}{what}"), median(times) * 1e3);
    }
    Ok(())
}

/// Uses some keys, and revokes a few.
fn use_some(registry: &Registry) -> Result<()> {
    let realm = slug(REALM);
    let (keys, now) = (registry.keys(&realm), registry.env().now()?);
    let (mut ids, mut paging) = (Vec::new(), Paging::first(500));
    while (ids.len() as u64) < USED {
        let page = keys.list(&KeyFilter::default(), KeyOrder { sort: Some(Sort::Name), direction: None }, &paging)?;
        ids.extend(page.keys.iter().map(|key| key.key_id));
        paging.cursor = page.next;
        if paging.cursor.is_none() {
            break;
        }
    }
    let event = |n: usize| usage_event(Some(ids[n]), now - (n as u64 % 10) * 3_600, "valid");
    for first in (0..ids.len()).step_by(1_000) {
        let events = (first..ids.len().min(first + 1_000)).map(event).collect();
        registry.usage(&slug(REALM)).ingest(&UsageBatch { batch: format!("used {first}").replace(' ', "-"), events })?;
    }
    for id in ids.iter().take(20) {
        keys.revoke(&caller(), *id, None)?;
    }
    Ok(())
}

fn lists(registry: &Registry) -> Result<Vec<(String, KeyFilter, Sort)>> {
    let realm = slug(REALM);
    let (now, keys) = (registry.env().now()?, registry.keys(&realm));
    let one = || KeyFilter { org: Some(slug("one")), ..KeyFilter::default() };
    let search = |text: &str| KeyFilter { search: Some(text.into()), ..one() };
    let state = |state| KeyFilter { state: Some(state), ..one() };
    let tag = |tag: &str| Ok::<_, edgelatch_registry::Error>(KeyFilter { tag: Some(tag.parse()?), ..one() });
    let at = |at: u64| Some(When::At(at));
    let (years, hours) = (365 * 86_400, 3_600);
    let known = keys.all(&search("service 7"))?;
    let id = known.first().map(|key| key.key_id.to_string()).unwrap_or_default();
    let first = keys.all(&search("made 7"))?.into_iter().find_map(|key| key.first_12).unwrap_or_default();
    let role = |role: &str| KeyFilter { role: Some(slug(role)), ..one() };
    let environment = |environment: &str| KeyFilter { environment: Some(slug(environment)), ..one() };
    let all = [
        ("of the whole realm", KeyFilter::default(), Sort::Created),
        ("in the order of their making", one(), Sort::Created),
        ("by name", one(), Sort::Name),
        ("by expiry", one(), Sort::Expires),
        ("by last use", one(), Sort::LastUsed),
        ("active, by name", state(State::Active), Sort::Name),
        ("pending, of which there are few", state(State::Pending), Sort::Name),
        ("expired, of which there are none", state(State::Expired), Sort::Name),
        ("revoked, of which there are few", state(State::Revoked), Sort::Name),
        ("of one owner and role", KeyFilter { owner: Some(slug("alice")), ..role("reader") }, Sort::Created),
        ("of an owner who has none", KeyFilter { owner: Some(slug("alice")), org: Some(slug("two")), ..one() }, Sort::Name),
        ("of a role that none has", role("admin"), Sort::Name),
        ("of every third's environment, by name", environment("development"), Sort::Name),
        ("ending soon, of which there are none", KeyFilter { expires_before: at(now + 86_400), ..one() }, Sort::Expires),
        ("ending within thirty years, by name", KeyFilter { expires_before: at(now + 30 * years), ..one() }, Sort::Name),
        ("made before now, by name", KeyFilter { created_before: at(now), ..one() }, Sort::Name),
        ("made before there were any, by name", KeyFilter { created_before: at(now - years), ..one() }, Sort::Name),
        ("unused for five hours, by name", KeyFilter { unused_since: at(now - 5 * hours), ..one() }, Sort::Name),
        ("never used, by name", KeyFilter { never_used: true, ..one() }, Sort::Name),
        ("made by one who made all, by name", KeyFilter { created_by: Some("cli:tester".parse()?), ..one() }, Sort::Name),
        ("made by one who made none", KeyFilter { created_by: Some("cli:nobody".parse()?), ..one() }, Sort::Name),
        ("of every second's tag, by name", tag("odd")?, Sort::Name),
        ("of every thousandth's tag, by last use", tag("thousandth")?, Sort::LastUsed),
        ("of a tag that few have", tag("rare")?, Sort::Name),
        ("of a tag that none has", tag("none")?, Sort::Name),
        ("to be rotated, of which there are none", KeyFilter { rotation_due: true, ..one() }, Sort::Name),
        ("search that many fit", search("service 7"), Sort::Created),
        ("search that many fit, by name", search("rack 7"), Sort::Name),
        ("search that ten fit", search(" 99999"), Sort::Created),
        ("search that one fits", search("999999"), Sort::Name),
        ("search that none fits", search("nothing like it"), Sort::Name),
        ("search whose parts all fit many, and none all of it", search("service service"), Sort::Name),
        ("search for one character that many have", search("7"), Sort::Name),
        ("search for one character that none has", search("☃"), Sort::Name),
        ("search for two characters", search("77"), Sort::Name),
        ("search for an id", search(&id), Sort::Name),
        ("search for first characters", search(&first), Sort::Name),
        (
            "of two tags' keys those with a word, by expiry",
            KeyFilter { search: Some("rack".into()), ..tag("odd")? },
            Sort::Expires,
        ),
        (
            "that many filters fit each and few all",
            KeyFilter {
                search: Some("rack 7".into()),
                environment: Some(slug("development")),
                never_used: true,
                ..tag("odd")?
            },
            Sort::Name,
        ),
    ];
    Ok(all.into_iter().map(|(what, filter, sort)| (what.to_owned(), filter, sort)).collect())
}
