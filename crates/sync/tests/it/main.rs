//! Every test of this package in one program: linked once, and with one database server.

mod buckets;
mod clock;
mod common;
mod directory;
mod drafts;
mod follow;
mod held_up;
mod peppers;
mod publish;
mod repair;
mod restore;
#[cfg(unix)]
mod signer_command;
mod signing;
mod targets;
mod trust;
