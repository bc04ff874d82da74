//! The verification core as a WebAssembly module.
//!
//! It translates and decides nothing. Every export takes and returns numbers only; text and bytes go through areas of this
//! module's memory, so that no object graph crosses the boundary and an instance can be thrown away and replaced:
//!
//! | area | written by | read by |
//! |---|---|---|
//! | key, ip, block | the host, before each call | [`verify_key`], [`verify_block`], [`verify_noting`], [`compile`], [`path`], [`client`] |
//! | input | the host, after [`input`] made room | [`open`], [`compile_routes`], [`offer`], [`stage_root`], [`feed`], [`patch`], [`stage_supply`], [`supply`] |
//! | note | [`verify_noting`] | the host |
//! | text | [`identity`], [`grants`], [`client`], [`path`], [`realm`], [`interest`], [`floor`], [`trees`], [`needs`], [`stage_needs`], [`fetch`], [`lazy_stats`], and every call that returned -1 | the host |
//! | table | [`objects`] | the host, also when the instance has stopped |
//!
//! A length of [`NO_TEXT`] means that there is no text, a length beyond an area that the text did not fit.
//!
//! This crate is the way of a request, compiled for speed; all else is in `upkeep/`, compiled for size.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(not(feature = "standalone"))]
extern crate std;

mod verify;

pub use edgelatch_wasm_upkeep::*;
pub use verify::{client, identity, path, verify_block, verify_key, verify_noting};

/// Traps. The host reports it, answers `internal`, and sets up another instance; a message would only take room.
#[cfg(feature = "standalone")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(feature = "standalone")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
