//! Where an object stands in its tree.

use super::Table;

/// The place of an object. Places ascend in the order of a bundle: what names an object comes before it. SPEC.md section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The top page.
    Top,
    /// The directory.
    Directory,
    /// An index page.
    Page(u32),
    /// A chunk of a table, by its chunk number.
    Chunk(Table, u32),
    /// A shard.
    Shard(u32),
}

impl Place {
    /// `kind + 8 * index`, as patches write it (SPEC.md section 6.2). Indexes are below 2^24, so this is below 2^27.
    #[inline]
    pub const fn number(self) -> u32 {
        let (kind, index) = match self {
            Place::Top => (0, 0),
            Place::Directory => (1, 0),
            Place::Page(index) => (2, index),
            Place::Chunk(table, index) => (3 + table.number(), index),
            Place::Shard(index) => (7, index),
        };
        index << 3 | kind
    }

    /// The place with this number.
    pub fn of_number(number: u32) -> Option<Place> {
        let index = number >> 3;
        match number & 7 {
            0 if index == 0 => Some(Place::Top),
            1 if index == 0 => Some(Place::Directory),
            2 => Some(Place::Page(index)),
            7 => Some(Place::Shard(index)),
            kind => Some(Place::Chunk(Table::of_number(kind.checked_sub(3)?)?, index)),
        }
    }

    /// The least place that comes after it in any tree.
    pub const fn after(self) -> Place {
        match self {
            Place::Top => Place::Directory,
            Place::Directory => Place::Page(0),
            Place::Page(index) => Place::Page(index.saturating_add(1)),
            Place::Chunk(table, index) => Place::Chunk(table, index.saturating_add(1)),
            Place::Shard(index) => Place::Shard(index.saturating_add(1)),
        }
    }

    /// Whether a chunk or a shard stands there: what names no other object, and what a lazy edge may do without.
    pub const fn is_leaf(self) -> bool {
        matches!(self, Place::Chunk(..) | Place::Shard(_))
    }

    /// What stands there, and which one of its kind, for errors.
    pub const fn name(self) -> (&'static str, u32) {
        match self {
            Place::Top => ("top page", 0),
            Place::Directory => ("directory", 0),
            Place::Page(index) => ("index page", index),
            Place::Chunk(table, index) => (table.chunk_name(), index),
            Place::Shard(index) => ("shard", index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_one_number_and_numbers_of_no_place_are_none() {
        let tables = [Table::Roles, Table::RoleSets, Table::Scopes, Table::Policies];
        let places =
            [Place::Top, Place::Directory, Place::Page(0), Place::Page(4095), Place::Shard(0), Place::Shard((1 << 20) - 1)];
        for place in places.into_iter().chain(tables.map(|table| Place::Chunk(table, 77))) {
            assert_eq!(Place::of_number(place.number()), Some(place));
        }
        assert_eq!([8, 9, 16 + 1].map(Place::of_number), [None; 3], "there is one top page and one directory");
        assert!(
            Place::Top < Place::Directory
                && Place::Page(9) < Place::Chunk(Table::Roles, 0)
                && Place::Chunk(Table::Policies, 9) < Place::Shard(0)
        );
    }
}
