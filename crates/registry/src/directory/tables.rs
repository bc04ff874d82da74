//! The tables of the directory, with what they are called.

use edgelatch_core::build::Table;

use crate::error::Error;

/// What a table is called by the database and in refusals, and where one finds the field that asked for too much.
pub(crate) struct Words {
    /// In columns `kind`.
    pub(crate) kind: &'static str,
    /// The realm's column with the last number that was given.
    pub(crate) last: &'static str,
    pub(super) field: &'static str,
    pub(super) chunks: &'static str,
    pub(super) realm_bytes: &'static str,
    pub(super) org_entries: &'static str,
    pub(super) org_bytes: &'static str,
    pub(super) numbers: &'static str,
}

/// Every table, with what it is called.
const WORDS: [(Table, Words); 4] = [
    (
        Table::Roles,
        Words {
            kind: "roles",
            last: "last_role",
            field: "roles",
            chunks: "chunks of 64 roles in a realm",
            realm_bytes: "bytes of all roles of a realm",
            org_entries: "",
            org_bytes: "",
            numbers: "roles that a realm ever has",
        },
    ),
    (
        Table::RoleSets,
        Words {
            kind: "role_sets",
            last: "last_role_set",
            field: "roles",
            chunks: "chunks of 64 different combinations of roles in a realm",
            realm_bytes: "bytes of different combinations of roles in a realm",
            org_entries: "different combinations of roles in an org",
            org_bytes: "bytes of different combinations of roles in an org",
            numbers: "combinations of roles that a realm ever has",
        },
    ),
    (
        Table::Scopes,
        Words {
            kind: "scopes",
            last: "last_scope",
            field: "scope",
            chunks: "chunks of 64 different scopes in a realm",
            realm_bytes: "bytes of different scopes in a realm",
            org_entries: "different scopes of an org",
            org_bytes: "bytes of different scopes in an org",
            numbers: "scopes that a realm ever has",
        },
    ),
    (
        Table::Policies,
        Words {
            kind: "policies",
            last: "last_policy",
            field: "allow",
            chunks: "chunks of 64 different IP policies in a realm",
            realm_bytes: "bytes of different IP policies in a realm",
            org_entries: "different IP policies of an org",
            org_bytes: "bytes of different IP policies in an org",
            numbers: "IP policies that a realm ever has",
        },
    ),
];

pub(crate) const fn words(table: Table) -> &'static Words {
    let [roles, role_sets, scopes, policies] = &WORDS;
    match table {
        Table::Roles => &roles.1,
        Table::RoleSets => &role_sets.1,
        Table::Scopes => &scopes.1,
        Table::Policies => &policies.1,
    }
}

/// The table that a column `kind` names.
pub(crate) fn of_kind(kind: &str) -> Result<Table, Error> {
    let found = WORDS.iter().find(|(_, words)| words.kind == kind);
    found.map(|(table, _)| *table).ok_or_else(|| Error::Store { detail: "the directory has a table of an unknown kind".into() })
}
