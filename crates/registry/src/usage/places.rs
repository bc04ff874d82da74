//! From where keys are used: a country or a network that a key was never used from raises an alert.

use std::collections::{BTreeMap, BTreeSet};

use edgelatch_core::ip::Ip;
use serde_json::json;

use crate::error::Error;
use crate::keys::load_rows;
use crate::limits::{LOOKUPS, MAX_KEY_PLACES};
use crate::model::DAY;
use crate::outbox::{EventKind, News, raise};
use crate::registry::Env;
use crate::store::{Statements, args, fields, places};
use crate::transaction::Transaction;

/// A use of the key in some row that was accepted.
pub(super) struct Use<'u> {
    pub(super) row: u64,
    pub(super) at: u64,
    pub(super) ip: Option<Ip>,
    pub(super) country: Option<&'u str>,
}

/// What is kept of where a use came from: a kind and a name.
type Place = (&'static str, String);

const COUNTRY: &str = "country";
const NETWORK: &str = "network";
/// What platforms call a country that they do not know.
const NOWHERE: &str = "XX";

/// The network that an address is taken for: the smallest that is announced on the Internet for itself, so one site's or provider's, and not
/// everybody's whose address changes.
fn network(ip: Ip) -> String {
    match ip {
        Ip::V4(bits) => format!("{}/24", Ip::V4(bits & (u32::MAX << 8))),
        Ip::V6(bits) => format!("{}/48", Ip::V6(bits & (u128::MAX << 80))),
    }
}

/// Where a use came from, as far as it is known.
fn of(use_: &Use<'_>) -> impl Iterator<Item = Place> {
    let country = use_.country.filter(|country| *country != NOWHERE).map(|country| (COUNTRY, country.to_owned()));
    country.into_iter().chain(use_.ip.map(|ip| (NETWORK, network(ip))))
}

/// What is known of a key's places, each with the time at which it was noted last.
type Known = BTreeMap<Place, u64>;

fn known(tx: &mut Transaction<'_>, keys: &BTreeSet<u64>) -> Result<BTreeMap<u64, Known>, Error> {
    let mut all: BTreeMap<u64, Known> = BTreeMap::new();
    let keys: Vec<u64> = keys.iter().copied().collect();
    for some in keys.chunks(LOOKUPS) {
        let values: Vec<_> = some.iter().map(|row| (*row).into()).collect();
        let sql = format!("SELECT key_id, kind, place, seen_at FROM key_places WHERE key_id IN ({})", places(1, some.len()));
        tx.each(&sql, &values, |(row, kind, place, seen): (u64, String, String, u64)| {
            let kind = if kind == COUNTRY { COUNTRY } else { NETWORK };
            all.entry(row).or_default().insert((kind, place), seen);
            Ok(())
        })?;
    }
    Ok(all)
}

/// Notes where keys were used from. Of a key's first place nothing is told; nor of any more once it has so many that none is unusual.
pub(super) fn note(tx: &mut Transaction<'_>, env: &Env, mut uses: Vec<Use<'_>>, now: u64) -> Result<(), Error> {
    uses.sort_by_key(|seen| seen.at);
    let mut all = known(tx, &uses.iter().map(|seen| seen.row).collect())?;
    let mut added: Vec<(u64, Place)> = Vec::new();
    let mut news: BTreeMap<u64, Vec<Place>> = BTreeMap::new();
    for seen in &uses {
        let known = all.entry(seen.row).or_default();
        for place in of(seen) {
            if let Some(noted) = known.get_mut(&place) {
                // Once a day will do.
                if *noted + DAY <= now {
                    *noted = now;
                    let sql = "UPDATE key_places SET seen_at = $4 WHERE key_id = $1 AND kind = $2 AND place = $3";
                    tx.run(sql, args![seen.row, place.0, &*place.1, now])?;
                }
                continue;
            }
            let others = known.keys().filter(|(kind, _)| *kind == place.0).count();
            if others >= MAX_KEY_PLACES {
                continue;
            }
            if others > 0 {
                news.entry(seen.row).or_default().push(place.clone());
            }
            known.insert(place.clone(), now);
            added.push((seen.row, place));
        }
    }
    let rows = added.into_iter().map(|(row, (kind, place))| fields! { key_id: row, kind: kind, place: place, seen_at: now });
    tx.add_all("key_places", rows.collect())?;
    let keys: Vec<u64> = news.keys().copied().collect();
    for some in keys.chunks(LOOKUPS) {
        for loaded in load_rows(tx, some, now)? {
            let (key, places) = (&loaded.key, news.remove(&loaded.row).unwrap_or_default());
            let named =
                |kind: &str| places.iter().filter(|(of, _)| *of == kind).map(|(_, place)| place.as_str()).collect::<Vec<_>>();
            let more = json!({ "countries": named(COUNTRY), "networks": named(NETWORK) });
            raise(tx, env, now, News::of(EventKind::KeyNewPlace, key, more))?;
        }
    }
    Ok(())
}
