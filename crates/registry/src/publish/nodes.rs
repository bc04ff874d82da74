//! Processes that serve or publish.
//!
//! Who is at work is a row that its process renews; whoever holds a lease holds it as long as that row lives. A node is known by its name, and each
//! of its processes by a name of its own: a data directory that was copied makes two nodes of one name, but never two holders of one lease. The
//! database's time decides, for nodes' clocks differ.

use edgelatch_core::hex::Hex;

use crate::error::Error;
use crate::limits::{MAX_LEASE_SECONDS, NODE_SECONDS};
use crate::model::Slug;
use crate::registry::Registry;
use crate::store::{Session, Statements, Value, args, columns};

/// A process of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The node's name: the same over a restart.
    pub name: Slug,
    /// The process's own: drawn at its start.
    pub process: Slug,
}

/// Another process at work under a node's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// The process.
    pub process: Slug,
    /// Until when it said that it is at work, in milliseconds of the database's clock: one that says so again is alive.
    pub expires_at: u64,
}

columns! {
    TWIN: Twin = { process, expires_at } => Twin { process, expires_at }
}

/// Whether a row of `nodes` called `n` is that of a process at work: `$1` is the database's time, `$2` the latest that is believed.
pub(super) const AT_WORK: &str = "n.expires_at > $1 AND n.expires_at <= $2";

/// The database's time, and the latest time that is believed of a process at work: the first parameters of [`AT_WORK`].
pub(super) fn times(session: &mut dyn Session) -> Result<[Value; 2], Error> {
    let now = session.millis()?;
    Ok([now.into(), now.saturating_add(MAX_LEASE_SECONDS * 1_000).into()])
}

/// Notes that a process is at work for so many seconds from now on.
pub(super) fn note(session: &mut dyn Session, node: &Node, seconds: u64) -> Result<(), Error> {
    if !(1..=MAX_LEASE_SECONDS).contains(&seconds) {
        return Err(Error::invalid("seconds", format!("must be 1 to {MAX_LEASE_SECONDS}")));
    }
    let expires_at = session.millis()?.saturating_add(seconds * 1_000);
    let sql =
        "INSERT INTO nodes (process, name, expires_at) VALUES ($1, $2, $3) ON CONFLICT (process) DO UPDATE SET expires_at = $3";
    session.run(sql, args![node.process.as_str(), node.name.as_str(), expires_at]).map(drop)
}

impl Registry {
    /// A process of the node with this name, known by a name that no other one has.
    pub fn process(&self, name: Slug) -> Result<Node, Error> {
        let mut random = [0; 8];
        self.env().random(&mut random)?;
        Ok(Node { name, process: format!("p{}", Hex(&random)).parse()? })
    }

    /// Says that a process is at work for so many seconds from now on, and with it keeps its leases. Returns the others that are at work under
    /// the node's name.
    pub fn at_work(&self, node: &Node, seconds: u64) -> Result<Vec<Twin>, Error> {
        self.store.writing(|session| {
            note(session, node, seconds)?;
            let [now, latest] = times(session)?;
            let old = session.millis()?.saturating_sub(NODE_SECONDS * 1_000);
            session.run("DELETE FROM nodes WHERE expires_at < $1", args![old])?;
            let rest = format!("FROM nodes n WHERE {AT_WORK} AND n.name = $3 AND n.process <> $4 ORDER BY process");
            let of = [now, latest, node.name.as_str().into(), node.process.as_str().into()];
            session.all(TWIN.select(&rest), &of)
        })
    }

    /// Says that a process ends: its leases are free at once.
    pub fn leave(&self, node: &Node) -> Result<(), Error> {
        self.store
            .writing(|session| session.run("DELETE FROM nodes WHERE process = $1", args![node.process.as_str()]))
            .map(drop)
    }

    /// The time of the machine that the database runs on, in Unix seconds; none where it has no clock but this machine's.
    pub fn database_time(&self) -> Result<Option<u64>, Error> {
        if self.database.path().is_some() {
            return Ok(None);
        }
        self.store.reading(|session| session.millis()).map(|millis| Some(millis / 1_000))
    }

    /// Whether published files lie in the database too, for nodes that copy them: where it is one that several machines share.
    pub fn carries_files(&self) -> bool {
        self.database.path().is_none()
    }
}
