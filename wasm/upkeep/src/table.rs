//! Where the objects of the tree that serves lie, for a host that has to find them when this instance has stopped.

use crate::state::{State, address, length, with};
use alloc::sync::Arc;
use alloc::vec::Vec;
use edgelatch_core::edge::{Edge, Group, Mark};
use wasm_bindgen::prelude::wasm_bindgen;

/// Numbers of a row: place, address, length, beginning of the digest.
const ROW: usize = 4;

/// Rows of a group of objects: those that a change leaves alone are shared with the table before.
struct Rows {
    mark: Option<Mark>,
    numbers: Arc<Vec<u32>>,
}

/// One table.
pub(crate) struct Table {
    groups: Vec<Rows>,
    /// Of each group, where its rows lie and how many they are.
    index: Vec<u32>,
}

impl Table {
    pub(crate) const fn new() -> Self {
        Table { groups: Vec::new(), index: Vec::new() }
    }

    /// The table of what an edge serves, with what the one before says of the same groups.
    fn of(edge: &Edge, before: &Table) -> Self {
        let mut table = Table::new();
        for (at, group) in edge.groups().enumerate() {
            let known = before.groups.get(at).filter(|rows| rows.mark.as_ref().is_some_and(|mark| group.is(mark)));
            let numbers = known.map_or_else(|| Arc::new(rows(&group)), |rows| rows.numbers.clone());
            table.index.extend([length(numbers.as_ptr().addr()), length(numbers.len() / ROW)]);
            table.groups.push(Rows { mark: group.mark(), numbers });
        }
        table
    }
}

fn rows(group: &Group<'_>) -> Vec<u32> {
    let mut numbers = Vec::new();
    for (place, slot, bytes) in group.objects() {
        let [a, b, c, d, ..] = slot.id.0;
        numbers.extend_from_slice(&[place.number(), address(bytes), length(bytes.len()), u32::from_le_bytes([a, b, c, d])]);
    }
    numbers
}

/// Leaves a table of the objects that the tree that serves has, those of a lazy edge as far as they have not been dropped since, at
/// [`table_ptr`], in an order in which another edge can take them. It names groups: of each the address of its rows and their number. A row
/// is an object's place, its address, its length and the beginning of its digest, which tells it from another object at its place. All are numbers
/// of four bytes. Returns how many groups there are. Should this instance stop, a host finds the objects there, as long as their tree serves. The
/// table before it stays as it is until the next call, so that a host always has one that was finished.
#[wasm_bindgen]
pub fn objects() -> u32 {
    let count = with(|state| {
        let State { edge, tables, .. } = state;
        tables.swap(0, 1);
        let [table, before] = tables;
        *table = edge.as_ref().map_or_else(Table::new, |edge| Table::of(edge, before));
        length(table.groups.len())
    });
    count.unwrap_or(0)
}

/// Where the last table lies.
#[wasm_bindgen]
pub fn table_ptr() -> u32 {
    with(|state| length(state.tables[0].index.as_ptr().addr())).unwrap_or(0)
}
