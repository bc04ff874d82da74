//! What the registry keeps and what it is asked for, as types that cannot be invalid. No SQL here, no clock, no transaction;
//! no digest but one on its way in ([`Digest`]), and no secret but in [`Created`].
//!
//! | read | for |
//! |---|---|
//! | `words`, `text`, `time`, `digest` | single values: words, names, times, digests, read from text |
//! | `chars` | which characters may stand in a name, and when two names look alike |
//! | `ip` | from where a key may be used |
//! | `settings`, `preset` | where a key is presented, and what an org's administrators may do: data |
//! | `tenants` | realms, their orgs, owners and roles |
//! | `key` | keys, and what is done with them |
//! | `json` | JSON from outside, read strictly |
//! | `list` | which keys a list shows, and in which order; which page of it |
//! | `caller` | who acts, and from where; what tells a request that comes twice |
//! | `schema` | how texts and words look in the API's document |

mod caller;
mod chars;
mod digest;
mod ip;
pub mod json;
mod key;
mod list;
mod preset;
pub(crate) mod schema;
mod settings;
mod tenants;
mod text;
mod time;
mod words;

pub use caller::{Caller, Committed, Idempotency};
pub(crate) use chars::{Looks, composed, folded};
pub use digest::Digest;
pub use ip::{EmptyList, IpEdit, IpEntry, IpLists, IpRules, ListEdit, NewIpRules};
pub(crate) use key::next_notice;
pub use key::{Changed, Created, Handover, Keep, Key, KeyEdit, NewKey, Once, Origin, Rotate, Scope, State, StatusEdit};
pub use list::{Direction, Exported, KeyFilter, KeyOrder, KeyPage, Paging, Sort, Window};
pub(crate) use list::{PageBytes, check_place, cursor, cut};
pub use preset::{Preset, PresetData, PresetRole};
pub use settings::{Authority, Credential, Deletion, Environment, Field, RealmCredentials, Revocation, RotationMode, Settings};
pub(crate) use tenants::MANAGEMENT_REALM;
pub(crate) use tenants::pepper_text;
pub use tenants::{
    NewOrg, NewOwner, NewRealm, NewRole, Org, OrgEdit, Owner, OwnerEdit, OwnerKind, Realm, RealmEdit, Role, RoleEdit,
};
pub use text::{
    Description, Email, EventId, ImportId, Metadata, Name, Note, Pattern, Prefix, Service, Slug, Tag, Token, is_member_name,
};
pub(crate) use text::{distinct, unique_roles, unique_tags};
pub(crate) use time::{DAY, future, rfc3339};
pub use time::{
    Expiry, SUGGESTED_SPANS, Start, When, format as format_time, parse_expiry, parse_span, parse_start, parse_time,
};
pub use words::{FromText, Word};
pub(crate) use words::{display, from_text, words};
