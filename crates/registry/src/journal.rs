//! The journal: what the next snapshot must make anew, so that it costs what changed rather than all that there is. A row stands
//! beside each step of the realm's change counter, in the transaction of the act that took it; whoever has a snapshot of some step reads
//! the rows after it. `publish` does.

use edgelatch_core::build::Table;

use crate::directory::{of_kind, words};
use crate::error::Error;
use crate::store::{Fields, columns, fields};

/// What an act has changed of what a snapshot shows. It names rows of keys, owners and orgs, which
/// are given once: of one that is gone, whoever reads the journal finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// A key, by its row.
    Key(u64),
    /// Every key of an owner, by its row.
    Owner(u64),
    /// Every key of an org, by its row.
    Org(u64),
    /// An entry of the directory.
    Entry(Table, u32),
    /// A secret that is gone, by its digest.
    Gone([u8; 32]),
    /// What all keys share.
    Settings,
    /// So much that it is read anew as a whole.
    Everything,
}

impl What {
    /// Its columns of a row.
    pub(crate) fn fields(self) -> Fields {
        let (kind, number, digest) = match self {
            What::Key(row) => ("key", row, None),
            What::Owner(row) => ("owner", row, None),
            What::Org(row) => ("org", row, None),
            What::Entry(table, number) => (words(table).kind, number.into(), None),
            What::Gone(digest) => ("gone", 0, Some(digest)),
            What::Settings => ("settings", 0, None),
            What::Everything => ("everything", 0, None),
        };
        fields! { kind: kind, number: number, digest: digest.as_ref().map(|digest| &digest[..]) }
    }

    fn read(kind: &str, number: u64, digest: Option<[u8; 32]>) -> Result<What, Error> {
        let damaged = || Error::Store { detail: "the journal has a row of an unknown kind".into() };
        Ok(match kind {
            "key" => What::Key(number),
            "owner" => What::Owner(number),
            "org" => What::Org(number),
            "gone" => What::Gone(digest.ok_or_else(damaged)?),
            "settings" => What::Settings,
            "everything" => What::Everything,
            table => What::Entry(of_kind(table).map_err(|_| damaged())?, u32::try_from(number).map_err(|_| damaged())?),
        })
    }
}

columns! {
    /// A step of the change counter, and something that it changed.
    pub(crate) STEP: (u64, What) = { changes, kind: String, number: u64, digest: Option<[u8; 32]> }
        => (changes, What::read(&kind, number, digest)?)
}
