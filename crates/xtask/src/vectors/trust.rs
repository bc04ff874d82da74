//! The roots of the test realms.

use super::raw::{Root, role};
use super::{DAY, REALM, T0};

/// Name, content, and who signs.
pub type Named = (&'static str, Root, &'static [u8]);

/// Root version 1: root role two of three, one publisher.
pub fn first() -> Root {
    Root {
        realm: REALM.into(),
        min_reader: 1,
        version: 1,
        issued_at: T0 - DAY,
        expires_at: T0 + 3650 * DAY,
        root: role(2, &[1, 2, 3]),
        publisher: role(1, &[101]),
    }
}

/// The roots in force one after the other. Version 2 rotates the publisher and one root key; version 3 keeps the publisher.
pub fn roots() -> Vec<Named> {
    let second = Root { version: 2, root: role(2, &[2, 3, 4]), publisher: role(2, &[102, 103, 104]), ..first() };
    let third = Root { version: 3, expires_at: T0 + 4000 * DAY, ..second.clone() };
    vec![("v1", first(), &[1, 2]), ("v2", second, &[1, 2, 4]), ("v3", third, &[3, 4])]
}
