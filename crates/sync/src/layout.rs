//! What lies at a target, and under which names: relative paths of a directory, or keys of an object store.
//!
//! ```text
//! head                       the signed head: replaced
//! bundle                     head and tree in one: replaced
//! root/<n>                   every root version: never changes
//! objects/<digest>           the objects of the last trees: never change
//! patch/<to>/<from>          what leads from one of the last trees to the present one: never changes
//! ```
//! A digest has 64 hexadecimal digits.

use std::fmt;

use edgelatch_core::limits::{MAX_BUNDLE_BYTES, MAX_HEAD_BYTES, MAX_OBJECT_BYTES, MAX_PATCH_BYTES, MAX_ROOT_BYTES};
use edgelatch_core::tree::ObjectId;

/// Bytes of a bundle beside its head and its objects, whose lengths are theirs: far more than its beginning has.
const BUNDLE_FRAME: u64 = 1 << 20;

/// One thing at a target. `Display` gives its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item {
    /// The current head.
    Head,
    /// Head and tree of the current epoch.
    Bundle,
    /// A root version.
    Root(u32),
    /// An object.
    Object(ObjectId),
    /// What leads from one tree to another.
    Patch {
        /// The tree that it makes.
        to: ObjectId,
        /// The tree that it is made from.
        from: ObjectId,
    },
}

impl Item {
    /// Whether it is one that others may stand for: an object is found by its digest alone, a patch spares bytes and nothing else.
    pub const fn is_patch(self) -> bool {
        matches!(self, Item::Patch { .. })
    }

    /// Whether it never changes, once it is there.
    pub const fn is_fixed(self) -> bool {
        !matches!(self, Item::Head | Item::Bundle)
    }

    /// What caches are told of it (RFC 9111 section 5.2), where everybody may read it.
    pub const fn cache_control(self) -> &'static str {
        if self.is_fixed() { "public, max-age=31536000, immutable" } else { "no-cache" }
    }

    /// Bytes that it has at most, by the format: more of one is not read into memory, whoever may write where it lies.
    pub fn limit(self) -> u64 {
        match self {
            Item::Head => MAX_HEAD_BYTES as u64,
            Item::Bundle => MAX_BUNDLE_BYTES + MAX_HEAD_BYTES as u64 + BUNDLE_FRAME,
            Item::Root(_) => MAX_ROOT_BYTES as u64,
            Item::Object(_) => MAX_OBJECT_BYTES.into(),
            Item::Patch { .. } => MAX_PATCH_BYTES as u64,
        }
    }

    /// The item that edges ask for by `name`. Every other name is none, so no path leads out of a directory.
    pub fn published(name: &str) -> Option<Item> {
        match name.split_once('/') {
            None if name == "head" => Some(Item::Head),
            None if name == "bundle" => Some(Item::Bundle),
            Some(("root", n)) if !n.starts_with(['0', '+']) => n.parse().ok().map(Item::Root),
            Some(("objects", name)) => name.parse().ok().map(Item::Object),
            Some(("patch", names)) => {
                let (to, from) = names.split_once('/')?;
                Some(Item::Patch { to: to.parse().ok()?, from: from.parse().ok()? })
            }
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
            Item::Patch { to, from } => write!(f, "patch/{to}/{from}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_published_names_pass() {
        let (to, from) = (ObjectId([0xa7; 32]), ObjectId([0x0c; 32]));
        for item in [Item::Head, Item::Bundle, Item::Root(12), Item::Root(u32::MAX), Item::Object(to), Item::Patch { to, from }]
        {
            assert_eq!(Item::published(&item.to_string()), Some(item));
        }
        assert_eq!(Item::published(&Item::Root(0).to_string()), None);
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
            ".edgelatch/tmp",
            "patch",
            "patch/",
            &format!("patch/{name}"),
            &format!("patch/{name}/"),
            &format!("patch/{name}/../{name}"),
            &format!("patch/{name}/{name}/{name}"),
            &upper,
            &slash,
            &long,
        ] {
            assert_eq!(Item::published(name), None, "{name}");
        }
    }
}
