//! The part of the module that no request waits for: the state of an instance, updates, and what a host asks now and then. It is a crate of
//! its own because a crate is what can be compiled for size.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod asked;
mod compile;
mod state;
mod table;
mod tree;
mod update;

pub use asked::grants;
pub use compile::{compile, compile_routes, release};
pub use state::{
    Area, ITEM, NO_TEXT, NOTED_IP, Note, PEER, State, address, block_len, block_ptr, input, ip_len, ip_ptr, key_len, key_ptr,
    length, note_len, note_ptr, open, text_len, text_ptr, with,
};
pub use table::{objects, table_ptr};
pub use tree::{
    begin, check, complete, feed, fetch, lazy_stats, needs, patch, ready, stage_bytes, stage_needs, stage_supply, supply,
    trees, working,
};
pub use update::{
    abort, commit, epoch, floor, generation, interest, issued_at, offer, realm, root_version, seconds, stage_root,
};
