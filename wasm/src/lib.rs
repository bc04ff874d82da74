//! The verification core as a WebAssembly module.
//!
//! It translates and decides nothing. Every export takes and returns numbers only; text and bytes go through areas of this
//! module's memory, so that no object graph crosses the boundary and an instance can be thrown away and replaced:
//!
//! | area | written by | read by |
//! |---|---|---|
//! | key, ip, block | the host, before each call | [`verify_key`], [`verify_block`], [`compile`], [`path`], [`client`] |
//! | input | the host, after [`input`] made room | [`open`], [`compile_routes`], [`offer`], [`stage_root`], [`feed`], [`patch`], [`stage_supply`], [`supply`] |
//! | text | [`identity`], [`path`], [`client`], [`realm`], [`interest`], [`floor`], [`trees`], [`needs`], [`stage_needs`], [`fetch`], [`lazy_stats`], and every call that returned -1 | the host |
//! | table | [`objects`] | the host, also when the instance has stopped |
//!
//! A length of [`NO_TEXT`] means that there is no text, a length beyond an area that the text did not fit.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(not(feature = "standalone"))]
extern crate std;

mod state;
mod tree;
mod update;
mod verify;

pub use state::{NO_TEXT, block_len, block_ptr, input, ip_len, ip_ptr, key_len, key_ptr, open, table_ptr, text_len, text_ptr};
pub use tree::{
    begin, check, complete, feed, fetch, lazy_stats, needs, objects, patch, ready, stage_bytes, stage_needs, stage_supply,
    supply, trees, working,
};
pub use update::{abort, commit, epoch, floor, generation, interest, issued_at, offer, realm, root_version, stage_root};
pub use verify::{client, compile, compile_routes, identity, path, verify_block, verify_key};

/// Traps. The host reports it, answers `internal`, and sets up another instance; a message would only take room.
#[cfg(feature = "standalone")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(feature = "standalone")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
