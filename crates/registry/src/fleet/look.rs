//! Lists of edges, and how far a change has got.

use serde::{Deserialize, Serialize};
use serde_with::apply;

use super::Fleet;
use super::report::EdgeMode;
use crate::error::Error;
use crate::limits::{MAX_EDGES, MAX_NAMED};
use crate::model::json::given;
use crate::model::{Name, Paging, Token, cut, rfc3339};
use crate::store::{Conditions, Query, Statements, args, columns};
use crate::transaction::Transaction;

/// An edge, as it said last.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Edge)]
pub struct EdgeRow {
    /// The id of the instance.
    pub edge: Token,
    /// What people call it.
    pub name: Option<Name>,
    /// Whether it reports. One that does not may still serve, until its head ends.
    pub live: bool,
    /// The epoch that it serves by; 0 for none.
    pub epoch: u64,
    /// How many epochs that is behind the one published last.
    pub behind: u64,
    /// The change that its epoch shows; none if it is no epoch that the ledger knows.
    pub change: Option<u64>,
    /// How old its head is, in seconds; none if it has none.
    pub age: Option<u64>,
    /// Since when it serves by this epoch.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub since: u64,
    /// The version of the root under which it serves; 0 for none.
    pub root_version: u32,
    /// When it refreshes.
    pub mode: EdgeMode,
    /// What it runs.
    pub sdk: Token,
    /// Seconds that its clock was ahead of the server's; what a report takes on its way counts as behind.
    pub skew: i64,
    /// When it reported first.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub first_at: u64,
    /// When it reported last.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: u64,
}

/// A row, and what the ledger says of its epoch.
struct Stored {
    edge: EdgeRow,
    issued_at: u64,
    clock: u64,
    live_until: u64,
}

columns! {
    STORED: Stored = {
        edge = "e.edge", name: String = "e.name", epoch = "e.epoch", issued_at = "e.issued_at", root_version = "e.root_version",
        since = "e.since", clock = "e.clock", mode = "e.mode", sdk = "e.sdk", first_at = "e.first_at", seen_at = "e.seen_at",
        live_until = "e.live_until", change = "p.changes"
    } => Stored {
        edge: EdgeRow {
            edge, name: Name::parse("name", &name).ok(), live: false, epoch, behind: 0, change, age: None, since, root_version,
            mode, sdk, skew: 0, first_at, seen_at,
        },
        issued_at, clock, live_until,
    }
}

/// An epoch is the one of the ledger if it was signed at that time too: after a restore, the ledger gives numbers again that edges have had.
const FROM: &str =
    "FROM edges e LEFT JOIN epochs p ON p.realm_id = e.realm_id AND p.epoch = e.epoch AND p.issued_at = e.issued_at";

/// What lacks a change, where `$n` is its number: also an epoch that the ledger does not know.
fn lacks(place: &str) -> String {
    format!("(p.changes IS NULL OR p.changes < {place})")
}

impl Stored {
    fn shown(self, now: u64, newest: u64) -> EdgeRow {
        let EdgeRow { epoch, seen_at, .. } = self.edge;
        let signed = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        EdgeRow {
            live: self.live_until >= now,
            behind: newest.saturating_sub(epoch),
            age: (epoch > 0).then(|| now.saturating_sub(self.issued_at)),
            skew: signed(self.clock).saturating_sub(signed(seen_at)),
            ..self.edge
        }
    }
}

/// Which edges.
#[apply(
    Option => #[serde(default, deserialize_with = "given")] #[param(nullable = false, required = false)],
)]
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EdgeFilter {
    /// Only those that report, or only those that do not any more.
    #[param(value_type = Option<bool>)]
    pub live: Option<bool>,
    /// Only those that lack this change, as acts were told in `Edgelatch-Change`.
    #[param(value_type = Option<u64>)]
    pub lacks: Option<u64>,
    /// Only those of this name.
    #[param(value_type = Option<Name>)]
    pub name: Option<Name>,
}

/// One page of the edges, by name and id.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct EdgePage {
    /// The edges.
    pub edges: Vec<EdgeRow>,
    /// Pass this as `cursor` for the next page; none when this is the last.
    pub next: Option<String>,
}

/// How far a change has got, and how the fleet stands.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Standing {
    /// The change that this is about.
    pub change: u64,
    /// Whether every live edge serves by an epoch that shows it. Never while no edge reports, nor while there may be edges that there
    /// was no room for.
    pub everywhere: bool,
    /// Whether the epoch published last shows it.
    pub published: bool,
    /// The epoch published last; none if there is none.
    pub epoch: Option<u64>,
    /// Edges that report.
    pub live: u64,
    /// Of those, edges that lack the change.
    pub lacking: u64,
    /// Edges that do not report any more, of the last day. They may still serve, until their heads end.
    pub gone: u64,
    /// Of those, edges that lacked the change when they were heard of last.
    pub gone_lacking: u64,
    /// The earliest epoch of a live edge; none without one.
    pub min_epoch: Option<u64>,
    /// The age of the oldest head of a live edge, in seconds; none without one.
    pub oldest_age: Option<u64>,
    /// Whether there are as many edges as are kept track of: others may be there that nobody sees here.
    pub full: bool,
    /// Live edges that lack the change, the first hundred by name and id.
    #[schema(max_items = 100)]
    pub edges: Vec<EdgeRow>,
}

/// Figures of the edges that are live, or of those that are not.
#[derive(Default)]
struct Sum {
    number: u64,
    lacking: u64,
    min_epoch: Option<u64>,
    min_issued_at: Option<u64>,
}

columns! {
    SUM: Sum = {
        number = "count(*)", lacking: Option<u64> = "CAST(sum(CASE WHEN p.changes >= $3 THEN 0 ELSE 1 END) AS BIGINT)",
        min_epoch = "min(e.epoch)", min_issued_at = "min(CASE WHEN e.epoch > 0 THEN e.issued_at END)"
    } => Sum { number, lacking: lacking.unwrap_or(0), min_epoch, min_issued_at }
}

/// The epoch published last, and the change that it shows.
fn newest(tx: &mut Transaction<'_>) -> Result<Option<(u64, u64)>, Error> {
    let sql = "SELECT epoch, changes FROM epochs WHERE realm_id = $1 AND published_at IS NOT NULL ORDER BY epoch DESC LIMIT 1";
    tx.one(sql, args![tx.realm])
}

/// A change that the realm has seen; the last one for none. Of one that never was, nobody could say that an edge has it.
fn existing(tx: &mut Transaction<'_>, field: &str, change: Option<u64>) -> Result<u64, Error> {
    let last = tx.count("SELECT changes FROM realms WHERE id = $1", args![tx.realm])?;
    match change {
        Some(change) if change > last => Err(Error::invalid(field, format!("is later than the realm's last change, {last}"))),
        change => Ok(change.unwrap_or(last)),
    }
}

fn select(all: &Conditions, limit: usize) -> Query<Stored> {
    STORED.select(&format!("{FROM} WHERE {} ORDER BY e.name, e.edge LIMIT {limit}", all.sql()))
}

impl Fleet<'_> {
    /// A page of the edges, by name and id.
    pub fn list(&self, filter: &EdgeFilter, paging: &Paging) -> Result<EdgePage, Error> {
        let (size, place) = (paging.size()?, paging.place::<(String, String)>()?);
        let now = self.0.now()?;
        self.0.read(|tx| {
            let mut all = Conditions::new("e.realm_id =", tx.realm);
            if let Some(live) = filter.live {
                all.add(if live { "e.live_until >=" } else { "e.live_until <" }, now);
            }
            if filter.lacks.is_some() {
                all.add_with(existing(tx, "lacks", filter.lacks)?, lacks);
            }
            all.maybe("e.name =", filter.name.as_ref().map(Name::as_str));
            if let Some((name, edge)) = &place {
                all.add("e.name >=", name.as_str());
                let last = all.values.len();
                all.add_with(edge.as_str(), |place| format!("(e.name > ${last} OR e.edge > {place})"));
            }
            let found = tx.all(select(&all, size + 1), &all.values)?;
            let last = newest(tx)?.map_or(0, |(epoch, _)| epoch);
            let mut edges: Vec<EdgeRow> = found.into_iter().map(|row| row.shown(now, last)).collect();
            let next = cut(&mut edges, size, |edge| {
                (edge.name.as_ref().map_or("", Name::as_str).to_owned(), edge.edge.as_str().to_owned())
            });
            Ok(EdgePage { edges, next })
        })
    }

    /// How far a change has got; without one, the last that the realm has seen.
    pub fn standing(&self, change: Option<u64>) -> Result<Standing, Error> {
        let now = self.0.now()?;
        self.0.read(|tx| {
            let change = existing(tx, "change", change)?;
            let mut sum = |test: &str| {
                let rest = format!("{FROM} WHERE e.realm_id = $1 AND e.live_until {test} $2");
                Ok::<Sum, Error>(tx.one(SUM.select(&rest), args![tx.realm, now, change])?.unwrap_or_default())
            };
            let (live, gone) = (sum(">=")?, sum("<")?);
            let newest = newest(tx)?;
            let mut all = Conditions::new("e.realm_id =", tx.realm);
            all.add("e.live_until >=", now);
            all.add_with(change, lacks);
            let edges = if live.lacking == 0 { Vec::new() } else { tx.all(select(&all, MAX_NAMED), &all.values)? };
            let last = newest.map_or(0, |(epoch, _)| epoch);
            // Whoever found no room comes back within its interval: until then there may be more than are seen.
            let full = live.number >= MAX_EDGES - MAX_EDGES / 10;
            Ok(Standing {
                change,
                everywhere: live.number > 0 && live.lacking == 0 && !full,
                published: newest.is_some_and(|(_, shows)| shows >= change),
                epoch: newest.map(|(epoch, _)| epoch),
                live: live.number,
                lacking: live.lacking,
                gone: gone.number,
                gone_lacking: gone.lacking,
                min_epoch: live.min_epoch,
                oldest_age: live.min_issued_at.map(|at| now.saturating_sub(at)),
                full,
                edges: edges.into_iter().map(|row| row.shown(now, last)).collect(),
            })
        })
    }
}
