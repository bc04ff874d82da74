//! What lies at a target, and under which names: relative paths of a directory, or keys of an object store.
//!
//! ```text
//! head                       the signed head: replaced, last of all
//! bundle                     head and tree in one: replaced
//! root/<n>                   every root version: never changes
//! objects/<hex of SHA-256>   the objects of the last trees: never change
//! .edgelatch/recent          the last epochs, for the publisher (see `retention`)
//! .edgelatch/trees/<tree>    names of all objects of a tree that was written in full, 32 bytes each, for the publisher
//! ```

use std::fmt;

use edgelatch_core::tree::ObjectId;

/// One thing at a target. `Display` gives its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// The current head.
    Head,
    /// Head and tree of the current epoch.
    Bundle,
    /// A root version.
    Root(u32),
    /// An object.
    Object(ObjectId),
    /// The last epochs.
    Recent,
    /// The names of a tree's objects.
    Manifest(ObjectId),
}

impl Item {
    /// The item that edges ask for by `name`. Every other name is none, so no path leads out of a directory, and none to what
    /// only the publisher needs.
    pub fn published(name: &str) -> Option<Item> {
        match name.split_once('/') {
            None if name == "head" => Some(Item::Head),
            None if name == "bundle" => Some(Item::Bundle),
            Some(("root", n)) if !n.starts_with(['0', '+']) => n.parse().ok().map(Item::Root),
            Some(("objects", name)) => name.parse().ok().map(Item::Object),
            _ => None,
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Head => f.write_str("head"),
            Item::Bundle => f.write_str("bundle"),
            Item::Root(version) => write!(f, "root/{version}"),
            Item::Object(id) => write!(f, "objects/{id}"),
            Item::Recent => f.write_str(".edgelatch/recent"),
            Item::Manifest(tree) => write!(f, ".edgelatch/trees/{tree}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_published_names_pass() {
        for item in [Item::Head, Item::Bundle, Item::Root(12), Item::Root(u32::MAX), Item::Object(ObjectId([0xa7; 32]))] {
            assert_eq!(Item::published(&item.to_string()), Some(item));
        }
        for item in [Item::Recent, Item::Manifest(ObjectId([1; 32])), Item::Root(0)] {
            assert_eq!(Item::published(&item.to_string()), None);
        }
        let name = "a".repeat(64);
        let (upper, slash, long) =
            (format!("objects/{}", name.to_uppercase()), format!("objects/{name}/"), format!("objects/{name}aa"));
        for name in [
            "",
            "root",
            "root/",
            "root/01",
            "root/+1",
            "root/-1",
            "root/4294967296",
            "root/1/",
            "objects",
            "objects/",
            "objects/../head",
            "objects/..",
            "head/",
            "HEAD",
            "../../registry.db",
            &upper,
            &slash,
            &long,
        ] {
            assert_eq!(Item::published(name), None, "{name}");
        }
    }
}
