//! Takes the making of panic messages out of a module that traps without reading them.

use rustc_demangle::demangle;
use std::ops::Range;
use walrus::{ConstExpr, Data, DataId, DataKind, FunctionKind, InstrLocId, Module, ir::Unreachable, ir::Value};

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

/// Numbers of a `core::panic::Location`: where the file's name lies and how long it is, line and column.
const LOCATION: usize = 4;
/// Bytes of each.
const WORD: usize = 4;

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

/// Wipes the places in source files that messages would name. Nobody reads them either, and zeros take no room in the file that is shipped.
pub fn places(module: &mut Module) {
    let segments: Vec<(usize, DataId)> = module.data.iter().filter_map(|data| Some((start(data)?, data.id()))).collect();
    let found: Vec<[Range<usize>; 2]> =
        module.data.iter().flat_map(locations).filter(|[_, file]| is_source(module, file)).collect();
    for place in found.iter().flatten() {
        for (start, id) in &segments {
            if let Some(bytes) = within(*start, place).and_then(|range| module.data.get_mut(*id).value.get_mut(range)) {
                bytes.fill(0);
            }
        }
    }
}

/// Where a segment lies in memory.
fn start(data: &Data) -> Option<usize> {
    match data.kind {
        DataKind::Active { offset: ConstExpr::Value(Value::I32(start)), .. } => usize::try_from(start).ok(),
        _ => None,
    }
}

/// What may be locations in a segment, each with where its file's name would lie.
fn locations(data: &Data) -> Vec<[Range<usize>; 2]> {
    let start = start(data).unwrap_or(0);
    let first = start.next_multiple_of(WORD) - start;
    let words: Vec<usize> = data
        .value
        .get(first..)
        .unwrap_or(&[])
        .as_chunks::<WORD>()
        .0
        .iter()
        .map(|word| u32::from_le_bytes(*word) as usize)
        .collect();
    let read = |(at, words): (usize, &[usize])| {
        let [name, length, line, column] = *words else { return None };
        let here = start + first + WORD * at;
        (line > 0 && column > 0).then_some([here..here + WORD * LOCATION, name..name + length])
    };
    words.windows(LOCATION).enumerate().filter_map(read).collect()
}

/// Whether a whole text is the name of a source file: nothing else that the module holds ends like that.
fn is_source(module: &Module, place: &Range<usize>) -> bool {
    let text = module.data.iter().find_map(|data| data.value.get(within(start(data)?, place)?));
    text.is_some_and(|text| text.ends_with(b".rs") && text.iter().all(u8::is_ascii_graphic))
}

fn within(start: usize, place: &Range<usize>) -> Option<Range<usize>> {
    Some(place.start.checked_sub(start)?..place.end.checked_sub(start)?)
}
