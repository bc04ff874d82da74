//! Every row of `tests/vectors/ip_cases.tsv`, judged natively.
#![cfg(feature = "builder")]

#[path = "../../xtask/src/cases/mod.rs"]
mod cases;
