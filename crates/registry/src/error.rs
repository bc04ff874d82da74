//! Why an operation was refused, and what was done as asked but may not be as meant: two tables. A sentence says what and where, by the model's own
//! names, and how to mend it; where that is a command or a call, the shell adds it. It never holds a secret or a digest.

use std::path::PathBuf;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// A thing the registry keeps, named in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, derive_more::Display)]
#[display(rename_all = "lowercase")]
pub enum Kind {
    /// A realm.
    Realm,
    /// An organisation.
    Org,
    /// A user or service account.
    Owner,
    /// A role.
    Role,
    /// A key.
    Key,
    /// A root version.
    Root,
    /// A pepper.
    Pepper,
    /// An event.
    Event,
    /// An import.
    Import,
    /// Somebody who was invited, or who signs in at an identity provider.
    Person,
}

/// Declares what there is to be told: variant, stable code, sentence.
macro_rules! told {
    ($(#[$of_all:meta])* $name:ident {
        $($(#[$meta:meta])* $variant:ident $({ $($field:ident : $ty:ty),* })? = $code:literal, $text:literal;)*
    }) => {
        $(#[$of_all])*
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        pub enum $name { $(
            #[doc = $text]
            #[error($text)]
            $(#[$meta])*
            $variant $({ $(#[allow(missing_docs)] $field: $ty),* })?,
        )* }

        impl $name {
            /// Stable name for programs, such as `not_found`.
            pub const fn code(&self) -> &'static str { match self { $($name::$variant $({ $($field: _),* })? => $code,)* } }
        }
    };
}
told! {
    /// Why the registry refused. `Display` states the facts and the remedy; [`Error::code`] is stable.
    Error {
        Invalid { field: String, reason: String } = "invalid", "`{field}`: {reason}";
        NotFound { kind: Kind, id: String } = "not_found", "there is no {kind} `{id}`";
        Exists { kind: Kind, id: String } = "exists", "{kind} `{id}` exists already: choose another name or edit that one";
        NameTaken { name: String } = "name_taken", "the org has a key named `{name}`, or one whose name looks like it, and its names are unique: choose another name, or revoke that key";
        NotAllowed { field: String, reason: String } = "not_allowed", "`{field}`: {reason}; the org's settings say so";
        LimitReached { field: String, limit: u64, what: &'static str, mend: &'static str } = "limit_reached", "`{field}`: the limit of {limit} {what} is reached: {mend}";
        WrongState { kind: Kind, id: String, reason: String } = "wrong_state", "{kind} `{id}`: {reason}";
        Stale { kind: Kind, id: String, expected: u64, found: u64 } = "stale", "{kind} `{id}` is at revision {found}, not {expected}: read it again and decide on what it is now";
        Unconfirmed { what: &'static str, takes: &'static str } = "unconfirmed", "`confirm`: {what} takes {takes}: nothing was changed";
        RealmInUse { id: String, reason: String } = "realm_in_use", "realm `{id}`: {reason}";
        Repeated = "idempotency_conflict", "this idempotency key came before with another request: use a new one for each request";
        CountChanged { expected: u64, found: u64 } = "count_changed", "the filter fits {found} keys, not the {expected} that were confirmed: nothing was changed; look again and confirm that number";
        SecretUnknown = "secret_unknown", "no key here has this secret, as far as the caller may see: look in other realms, and whether it was taken over as a whole";
        Partly { done: u64, of: u64, why: Box<Error> } = "partly_done", "{done} of {of} keys were changed and stay so, then it stopped: {why}; look at the rest, and do the same again for it";
        LinkEnded = "link_ended", "this link counts no more, or never did: it counts once, until it is over or withdrawn, and as long as whoever invited may grant what it gives; ask them for another one";
        KeyEnded = "key_ended", "the caller's own key is not accepted any more: nothing was changed from then on";
        InUse { kind: Kind, id: String, by: String } = "in_use", "{kind} `{id}` is in use by {by}: take it away from them first";
        PepperInUse { pepper: String, reason: String } = "pepper_in_use", "pepper {pepper}: {reason}";
        Importing { kind: Kind, id: String, imports: Vec<u64> } = "import_running", "an import that is under way brings keys with {kind} `{id}`: try again";
        Imports { import: String } = "import_under_way", "import `{import}` into this realm is under way, and one is at a time: begin when it has ended";
        Overtaken { act: String } = "import_overtaken", "{act} came in between, so nothing was imported: start the import again";
        Forbidden { org: String } = "forbidden", "this takes authority over the whole realm, and the caller has it over org `{org}` only: ask an administrator of the realm";
        Exceeds { what: String } = "exceeds_authority", "this would grant {what}, which the caller's own key does not hold: grant less, or ask somebody whose key holds it";
        Altered { seq: u64, reason: String } = "activity_altered", "the audit log is not as it was written: row {seq} {reason}: compare it with a backup";
        DigestTaken = "digest_taken", "a key with this digest exists already in the realm";
        NotInitialised { path: PathBuf } = "not_initialised", "{path}: there is no registry here";
        AlreadyInitialised { path: PathBuf } = "already_initialised", "{path}: a registry exists here already";
        Busy = "store_busy", "the database is locked by another process, also after 5 seconds: end that process or try again";
        Corrupt { path: PathBuf, detail: String } = "store_corrupt", "{path}: the database is damaged or not one of ours ({detail}): restore it from a backup; nothing was changed";
        NewerSchema { found: u64, known: u64 } = "store_newer", "the database has schema {found}, this program knows up to {known}: use the newer program";
        Unwritable { path: PathBuf, detail: String } = "store_unwritable", "{path}: cannot write ({detail}): check the directory's owner, mode and free space";
        ReadOnly { path: PathBuf } = "store_read_only", "{path}: can only be read here, so that what others change in it would not be seen: mount its directory to be written, or use PostgreSQL";
        Store { detail: String } = "store_failed", "the database failed: {detail}: try again; if it stays, check the disk and restore a backup";
        Unreachable { address: String, detail: String } = "store_unreachable", "{address}: the database does not answer ({detail}): check the address, the user and that PostgreSQL runs there";
        CommitUnknown { address: String } = "store_commit_unknown", "{address}: the connection was lost during a commit: the change was made in full or not at all; look before trying again";
        NotEmpty { address: String, table: String } = "store_not_empty", "{address}: table `{table}` holds rows already, and nothing was copied: name a database that was just created";
        BackupDamaged { detail: String } = "backup_damaged", "this is no backup that can be restored: {detail}; nothing was written: take another copy of it, or an earlier backup";
        BackupStopped { detail: String } = "backup_stopped", "the backup was not written: {detail}: check the free space, and the directory's owner and mode";
        BackupSchema { found: u64, known: u64 } = "backup_schema", "the backup has schema {found}, and this program makes schema {known}: restore it with the program that wrote it; nothing was written";
        Clock { now: u64 } = "clock", "the system clock says {now} seconds after 1970, which cannot be: set the clock";
        NoRandomness = "no_randomness", "the operating system gave no random bytes: nothing was created; try again";
        Outrun { changes: u64, root_version: u32 } = "outrun", "the tree of change {changes} under root {root_version} is published no more: meanwhile a later one was, or another root counts; it is built anew";
        PepperOther { realm: String, needed: String, given: String } = "pepper_other", "realm `{realm}` takes {needed}, and {given} was given, under which every key would be unknown: look which one it takes now, and try again with that";
        Snapshot { detail: String } = "snapshot", "the stored state cannot be published: {detail}";
        Unique { constraint: String } = "unique", "a value exists already ({constraint}): choose another";
    }
}

told! {
    /// A remark on a committed change.
    #[derive(Clone, PartialEq, Eq)]
    Warning {
        DenyIgnored { entries: usize, mend: &'static str } = "deny_ignored", "the deny list ({entries} enabled) has no effect: under `allow_first` the allow list alone decides; {mend}";
        RefusesEveryone { mend: &'static str } = "refuses_everyone", "the key is refused from everywhere: the allow list has no enabled entry; {mend}";
        OpensToAll = "opens_to_all", "the allow list is not asked any more: every address may use the key";
        AllowsAll { entry: String } = "allows_all", "{entry} in the allow list lets every address of its family in";
        DeniesAll { entry: String } = "denies_all", "{entry} in the deny list refuses every address of its family";
        NoRoles = "no_roles", "the key has no role: it is refused wherever a permission is required";
        OwnerWithoutRoles { org: String, owner: String } = "no_roles", "the key has its owner's roles, and `{owner}` has none: it is refused wherever a permission is required; give the owner a role";
        OwnerDisabled { org: String, owner: String } = "owner_disabled", "its owner `{owner}` is disabled: the key is refused until the owner is enabled";
        UnknownService { services: String } = "unknown_service", "no other key of the org, and no setting, knows {services}: if that is a slip, mend the scope; once the org's setting `services` lists those there are, a slip is refused";
        UnknownPlace { services: String } = "unknown_service", "there is no realm, or org of a realm, for {services}: the key may manage nothing by it before there is one";
        ShadowsRole { role: String } = "shadows_role", "the realm has a role `{role}` too: keys and owners of the org that are given `{role}` get the org's from now on, and those that have the realm's keep it; choose another name unless that is meant";
        RoleShadowed { role: String, orgs: usize } = "role_shadowed", "{orgs} orgs have a role `{role}` of their own, which their keys and owners get in the place of this one";
        Unpublished { realm: String } = "unpublished", "no node publishes realm `{realm}`, so this reaches no edge: run `edgelatch serve` where its signing keys lie, or make them with `edgelatch init`";
        Expired { mend: &'static str } = "expired", "the key is past its expiry: {mend}";
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

impl Error {
    /// What is wrong, without the field's name before it.
    pub(crate) fn reason(&self) -> String {
        match self {
            Error::Invalid { reason, .. } => reason.clone(),
            error => error.to_string(),
        }
    }

    /// The field that the refusal is about.
    pub fn field(&self) -> Option<&str> {
        match self {
            Error::Invalid { field, .. } | Error::NotAllowed { field, .. } | Error::LimitReached { field, .. } => Some(field),
            Error::NameTaken { .. } => Some("name"),
            Error::DigestTaken => Some("sha256"),
            Error::Unconfirmed { .. } => Some("confirm"),
            Error::NotFound { kind: Kind::Org, .. } => Some("org"),
            Error::NotFound { kind: Kind::Owner, .. } => Some("owner"),
            Error::NotFound { kind: Kind::Role, .. } => Some("roles"),
            _ => None,
        }
    }

    /// The same as a JSON pointer (RFC 6901) into the body of a request.
    pub fn pointer(&self) -> Option<String> {
        self.field().map(|field| format!("/{field}"))
    }

    /// A field that does not fit, and why.
    pub(crate) fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Invalid { field: field.into(), reason: reason.into() }
    }

    /// What an org's settings do not allow.
    pub(crate) fn not_allowed(field: &str, reason: impl Into<String>) -> Error {
        Error::NotAllowed { field: field.into(), reason: reason.into() }
    }

    pub(crate) fn missing(kind: Kind, id: &str) -> Error {
        // 64 hex digits form a legal slug, but are almost certainly a SHA-256 pasted into the wrong column: do not echo them.
        let is_digest = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
        Error::NotFound { kind, id: if is_digest { "…".into() } else { id.into() } }
    }

    /// Turns a violated uniqueness into `other`, and leaves every other error as it is.
    pub(crate) fn or_unique(self, other: impl FnOnce() -> Error) -> Error {
        match self {
            Error::Unique { .. } => other(),
            error => error,
        }
    }
}
