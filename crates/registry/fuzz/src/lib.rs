//! Attacks on what the registry reads of foreign text. Each module has one, `attack(data)`: it makes something of bytes that a fuzzer chose, hands it
//! to the registry, and compares the answer with that of an oracle, which was written from what is documented and from the standards it names, never
//! from the code. Whatever differs is a panic, which the fuzzer keeps with its bytes.
//!
//! | attack | on | oracle |
//! |---|---|---|
//! | [`imports`] | files of imports: CSV, and JSON lines | a table that was written as text; a reader of RFC 4180, character by character |
//! | [`times`] | times and spans | RFC 3339, section 5.6, and the crate `time`; seconds of spans, counted |
//! | [`texts`] | names, words, addresses, digests, settings, and whatever else a body holds | the rule that each type states |
//!
//! `cargo xtask fuzz` runs them.
#![forbid(unsafe_code)]

pub mod imports;
pub mod oracle;
pub mod texts;
pub mod times;

/// What begins an input, and the rest: it chooses among so many.
fn choice(data: &[u8], of: usize) -> Option<(usize, &[u8])> {
    let (first, rest) = data.split_first()?;
    Some((usize::from(*first) % of, rest))
}

/// A message names what is wrong and never repeats what was given, which may be a secret in the wrong place.
fn repeats_nothing(message: &str, given: &str) {
    assert!(!message.is_empty());
    let digits = given.bytes().filter(u8::is_ascii_digit).count();
    // A time without an offset is shown as it would be right.
    let is_date = given.get(..10).is_some_and(|date| oracle::calendar::date(date).is_some());
    let secret = given.len() >= 16 && digits > 3 && !given.contains(' ') && !is_date;
    assert!(!secret || !message.contains(given), "{message:?} repeats {given:?}");
}
