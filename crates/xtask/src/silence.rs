//! Takes the making of panic messages out of a module that traps without reading them.

use rustc_demangle::demangle;
use walrus::{FunctionKind, InstrLocId, Module, ir::Unreachable};

/// Beginnings of the names of functions that never return, or only make text for these. The module formats nothing else: `text.rs` in the core.
const PANICS: &[&str] = &[
    "core::panicking::",
    "core::fmt::",
    "<core::fmt::",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::slice::index::slice_index_fail",
    "core::str::slice_error_fail",
    "alloc::raw_vec::capacity_overflow",
    "alloc::raw_vec::handle_error",
    "alloc::alloc::handle_alloc_error",
];
/// Ends of the names of what only `core::fmt` calls.
const FORMATS: &[&str] = &[" as core::fmt::Display>::fmt", " as core::fmt::Debug>::fmt"];

/// Has each function that would make a message trap at once. The handler of panics, which traps, reads none; but messages go to it by
/// address, so the compiler cannot know.
pub fn panics(module: &mut Module) {
    for function in module.funcs.iter_mut() {
        let name = function.name.as_deref().map(|name| format!("{:#}", demangle(name))).unwrap_or_default();
        if !PANICS.iter().any(|begin| name.starts_with(begin)) && !FORMATS.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        if let FunctionKind::Local(function) = &mut function.kind {
            let body = function.block_mut(function.entry_block());
            body.instrs = vec![(Unreachable {}.into(), InstrLocId::default())];
        }
    }
}
