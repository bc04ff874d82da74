//! Why nothing was published. One table: variant, stable code, sentence. A sentence says what, where and how to mend
//! it; where that is a command, the shell adds it.

use std::path::{Path, PathBuf};

macro_rules! errors {
    ($($variant:ident $({ $($field:ident : $ty:ty),* })? = $code:literal, $text:literal;)*) => {
        /// Why a key file was refused or a snapshot not published. `Display` states the facts; [`Error::code`] is stable.
        #[derive(Debug, thiserror::Error)]
        #[non_exhaustive]
        pub enum Error {
            /// The registry refused.
            #[error(transparent)]
            Registry(#[from] edgelatch_registry::Error),
            $(
                #[doc = $text]
                #[error($text)]
                $variant $({ $(#[allow(missing_docs)] $field: $ty),* })?,
            )*
        }

        impl Error {
            /// Stable name for programs, such as `key_exposed`.
            pub const fn code(&self) -> &'static str {
                match self {
                    Error::Registry(error) => error.code(),
                    $(Error::$variant $({ $($field: _),* })? => $code,)*
                }
            }
        }
    };
}

errors! {
    Io { path: PathBuf, detail: String } = "io", "{path}: {detail}: check the path, its owner and mode, and the free space";
    KeyMissing { path: PathBuf, role: &'static str } = "key_missing", "{path}: the {role} key is missing: restore it from where you keep it";
    KeyExposed { path: PathBuf, mode: u32 } = "key_exposed", "{path}: mode {mode:03o} lets others read the signing key: `chmod 600` it, and replace it if anyone did";
    Exposed { path: PathBuf, mode: u32, what: &'static str, mend: &'static str } = "exposed", "{path}: mode {mode:03o} lets others {what}: `chmod {mend} {path}`, and see whether anyone did";
    KeyCorrupt { path: PathBuf, reason: &'static str } = "key_corrupt", "{path}: not a sound signing key ({reason}): restore it from where you keep it";
    KeyForeign { path: PathBuf, found: String, wanted: String } = "key_foreign", "{path}: this is the key of {found}, needed is that of {wanted}: use the right file";
    KeyName { name: String } = "key_name", "`{name}` is no name of a signing key: the backup was not made by `read_keys`; take its keys from where you keep them";
    KeyExists { path: PathBuf } = "key_exists", "{path}: a file exists here already: signing keys are never overwritten; move it away first";
    PepperMissing { pepper: String, realm: String, path: PathBuf } = "pepper_missing", "realm `{realm}`: the digests of its keys are made with pepper {pepper}, which is not here: put it at {path}, or into EDGELATCH_PEPPER";
    PepperCorrupt { path: PathBuf, reason: &'static str } = "pepper_corrupt", "{path}: not a sound pepper ({reason}): restore it from where you keep it";
    NotPublisher { version: u32, held: usize, threshold: u8, detail: String } = "not_publisher", "root {version} wants heads signed by {threshold} of the publisher keys that it names, and {held} of them are here: use the key files that it names, or make a new root{detail}";
    BadSignature { signer: String } = "bad_signature", "{signer}: made a signature that its public key does not verify: check that it signs with the right key";
    TooFewSignatures { missing: u8, threshold: u8, detail: String } = "too_few_signatures", "{missing} of the {threshold} signatures that a role wants are missing: add key files of that role, or mend what failed{detail}";
    RootChange { reason: String } = "root_change", "the root is not changed so: {reason}";
    RootDraft { reason: String } = "root_draft", "not a sound draft of a root: {reason}";
    RootDraftStale { version: u32, newest: u32 } = "root_draft_stale", "the draft is of root {version}, and does not follow root {newest}, which is the newest: make a new draft";
    SignerCommand { program: String, reason: String } = "signer", "signer `{program}`: {reason}";
    NoCommand = "usage", "is no command: write it as for a shell, or as a JSON array of texts";
    RootExpired { version: u32, at: String } = "root_expired", "root {version} expired at {at}: no edge accepts a head under it; sign and publish a new root";
    ClockBack { last: String, now: String } = "clock_back", "the clock says {now}, but the last epoch was signed at {last}: set the clock; if it is right, it was ahead then, and `edgelatch trust repair-clock` lets the present time count";
    ClockOff { now: String, by: &'static str, expected: String } = "clock_off", "the clock says {now}, but {by} it is {expected}: set the clock; if it is right, publish once with `--accept-clock`";
    BadRoot { version: u32, detail: String } = "bad_root", "root {version} in the registry cannot be read ({detail}): restore the registry from a backup";
    NoRoot { realm: String } = "no_root", "realm `{realm}` has no root";
    RegistryOlder { target: String, epoch: u64 } = "registry_older", "{target}: shows epoch {epoch}, which this registry never took: it is older than what is published, as after a restore, or somebody else signs with the publisher key; nothing is published until somebody has chosen which of the two counts";
    RestoredUnseen { detail: String } = "restored_unseen", "the registry comes from a backup, and whether it is older than what is published cannot be told before every target was read; mend this one, or publish without it: {detail}";
    Unsound { detail: String } = "unsound", "what is published cannot be read whole ({detail}): give another copy of it";
    TargetAhead { target: String, found: u64, epoch: u64 } = "target_ahead", "{target}: shows epoch {found}, which is not below {epoch}: another publisher is at work there; let only one publish the realm";
    EpochLimit { epoch: u64, limit: u64 } = "epoch_limit", "epoch {epoch} is at or above the limit of {limit}: someone else signs with the publisher key; replace it by a new root";
    TargetForeign { target: String, found: String, realm: String } = "target_foreign", "{target}: shows realm `{found}`, not `{realm}`: give each realm a target of its own";
    TargetAddress { form: &'static str } = "target_address", "not the address of a bucket: {form}";
    TargetTaken { target: String } = "target_taken", "{target}: somebody else wrote a head there meanwhile: let only one publish the realm; this is tried again";
    TargetUnreachable { target: String, detail: String } = "target_unreachable", "{target}: the store cannot be reached ({detail}): check its endpoint and the network; it is looked at again every few seconds";
    TargetDenied { target: String, detail: String } = "target_denied", "{target}: the store refuses us ({detail}): check the credentials in the environment, and that they may read, write, list and delete there";
    TargetMissing { target: String, detail: String } = "target_missing", "{target}: there is no such bucket ({detail}): create it, or check its name, the endpoint and the region";
    Target { target: String, detail: String } = "target", "{target}: {detail}: check what the store says of it";
    PublisherBusy { path: PathBuf } = "publisher_busy", "{path}: another publisher holds this lock, for a minute now: wait until it is done, or end it if it hangs";
    Build { detail: String } = "build", "the snapshot could not be built: {detail}";
    Lifetime { seconds: u64, limit: u64 } = "lifetime", "a head's lifetime of {seconds} seconds is outside 60 to {limit}: choose one such as `24h`";
    NotEmpty { path: PathBuf } = "not_empty", "{path}: exists already: move it away";
}

impl Error {
    /// Whether it is the realm, its registry or what is published of it that is at fault, so that another node fails too; otherwise it is this node's
    /// keys, clock, disk or network.
    pub const fn is_of_realm(&self) -> bool {
        use edgelatch_registry::Error as Registry;
        match self {
            Error::Registry(Registry::Clock { .. } | Registry::NoRandomness) => false,
            Error::Registry(_)
            | Error::RegistryOlder { .. }
            | Error::RootExpired { .. }
            | Error::BadRoot { .. }
            | Error::NoRoot { .. }
            | Error::EpochLimit { .. }
            | Error::TargetForeign { .. }
            | Error::Build { .. } => true,
            _ => false,
        }
    }

    /// A failed operation on `path`.
    pub fn io(path: &Path, error: &std::io::Error) -> Error {
        Error::Io { path: path.into(), detail: error.to_string() }
    }
}
