//! What was done as asked but may not be as meant.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::error::told;

told! {
    /// A remark on a committed change.
    #[derive(Clone, PartialEq, Eq)]
    Warning {
        DenyIgnored { entries: usize } = "deny_ignored", "the deny list ({entries} enabled) has no effect: under `allow_first` the allow list alone decides; set the order to `deny_first` to let it count";
        RefusesEveryone = "refuses_everyone", "the key is refused from everywhere: the allow list has no enabled entry; add one, or set the mode to `any`";
        OpensToAll = "opens_to_all", "the allow list is not asked any more: every address may use the key";
        AllowsAll { entry: String } = "allows_all", "{entry} in the allow list lets every address of its family in";
        DeniesAll { entry: String } = "denies_all", "{entry} in the deny list refuses every address of its family";
        NoRoles = "no_roles", "the key has no role: it is refused wherever a permission is required";
        Expired = "expired", "the key is past its expiry: it stays refused until it is given a later one";
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut warning = to.serialize_struct("Warning", 2)?;
        warning.serialize_field("code", self.code())?;
        warning.serialize_field("message", &self.to_string())?;
        warning.end()
    }
}
