//! Attacks on the core. Each module has one, `attack(data)`: it makes something of bytes that a fuzzer chose, hands it to the core, and
//! compares the answer with that of an oracle, which stands beside it or in [`oracle`] and was written from `SPEC.md` and the standards that it
//! names, never from the core. Whatever differs is a panic, which the fuzzer keeps with its bytes.
//!
//! | attack | on | oracle |
//! |---|---|---|
//! | [`addresses`] | texts of addresses and networks | the standard library, `ipnet` |
//! | [`policies`] | IP policies and their bytes | a scan of all entries; a reader of section 5.4 |
//! | [`permissions`] | permissions, patterns, demands | section 3 |
//! | [`keys`] | texts of keys, ids and peppers | section 2, RFC 2104 |
//! | [`paths`] | paths of requests | section 9, Path |
//! | [`requests`] | request blocks and the credential in them | section 9, RFC 9110, RFC 7617 |
//! | [`clients`] | client-address rules | section 10, RFC 7239, the PROXY protocol |
//! | [`routes`] | route tables | section 9, Route table |
//! | [`configuration`] | the host's configuration | the table at the head of `edge/config.rs`, sections 9 and 10 |
//! | [`statements`] | roots and heads | section 4 |
//! | [`trees`] | trees over time: built, changed, carried, asked | a list of keys; section 8; a reader of section 5 |
//! | [`hostile`] | objects under valid signatures that say something else | the same reader |
//! | [`patches`] | deltas and patches | a reader of section 6.2 |
//! | [`updates`] | offers, bundles, objects in any order, over time | sections 7 and 8 as a state machine |
//!
//! `cargo xtask fuzz` runs them.
#![forbid(unsafe_code)]

pub mod addresses;
pub mod clients;
pub mod configuration;
pub mod hostile;
pub mod keys;
pub mod oracle;
pub mod patches;
pub mod paths;
pub mod permissions;
pub mod policies;
pub mod requests;
pub mod routes;
pub mod statements;
pub mod trees;
pub mod updates;

/// The parts of an input: what stands before a line feed, and what follows it.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    end.map_or((data, &[]), |end| (&data[..end], &data[end + 1..]))
}

/// One time in so many, and never once the input has ended: what may happen seldom must come to an end.
fn seldom(input: &mut arbitrary::Unstructured<'_>, of: u8) -> arbitrary::Result<bool> {
    Ok(!input.is_empty() && input.ratio(1, of)?)
}
