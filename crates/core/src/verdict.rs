//! The one table of verdict codes. The Rust enum, the TypeScript union and the documentation come from here.

/// What an HTTP host answers. Several codes share one reply, so that their answers are byte-identical on the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status, 0 for the reply that is none (the request goes on).
    pub status: u16,
    /// Last part of the RFC 9457 `type`, `urn:edgelatch:problem:<slug>`.
    pub slug: &'static str,
    /// RFC 9457 `title`.
    pub title: &'static str,
    /// RFC 9457 `detail`: one line that helps the caller and tells a thief nothing.
    pub detail: &'static str,
    /// The `WWW-Authenticate` challenge (RFC 6750 section 3).
    pub challenge: Challenge,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u16>,
}

/// The `WWW-Authenticate: Bearer realm="…"` challenge of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// No challenge.
    None,
    /// A challenge without an `error` attribute: no credential was presented (RFC 6750 section 3.1).
    Plain,
    /// A challenge with this `error` attribute.
    Error(&'static str),
}

macro_rules! replies {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $slug:literal, $title:literal, $detail:literal, $challenge:expr, $retry:expr;)*) => {
        impl Reply {
            $($(#[$doc])* pub const $name: Reply = Reply {
                status: $status, slug: $slug, title: $title, detail: $detail, challenge: $challenge, retry_after: $retry,
            };)*
        }
    };
}

replies! {
    /// The request goes on to the handler.
    PASS = 0, "none", "Accepted", "", Challenge::None, None;
    /// No credential at all.
    MISSING = 401, "missing-credential", "Unauthorized", "This resource needs an API key.", Challenge::Plain, None;
    /// The request presents its credential wrongly.
    INVALID_REQUEST = 400, "invalid-request", "Bad Request",
        "The request must carry exactly one well-formed API key and a valid Host.", Challenge::Error("invalid_request"), None;
    /// Whatever is wrong with the key itself, the answer is this one.
    INVALID_TOKEN = 401, "invalid-token", "Unauthorized", "The API key is not valid.", Challenge::Error("invalid_token"), None;
    /// The client address is not one from which the key may be used.
    IP_DENIED = 403, "ip-denied", "Forbidden", "The API key may not be used from this address.", Challenge::None, None;
    /// The key is good but does not reach this far.
    INSUFFICIENT_SCOPE = 403, "insufficient-scope", "Forbidden",
        "The API key does not grant access to this operation.", Challenge::Error("insufficient_scope"), None;
    /// No snapshot that may be used.
    SNAPSHOT_UNAVAILABLE = 503, "snapshot-unavailable", "Service Unavailable",
        "API keys cannot be verified at the moment.", Challenge::None, Some(5);
    /// The verifier itself is not able to answer.
    VERIFIER_UNAVAILABLE = 503, "verifier-unavailable", "Service Unavailable",
        "API keys cannot be verified at the moment.", Challenge::None, Some(5);
    /// The host was configured with a requirement that is not well formed.
    BAD_REQUIREMENT = 500, "bad-requirement", "Internal Server Error",
        "This route is configured with a requirement that is not well formed.", Challenge::None, None;
}

/// One row of [`CODES`].
#[derive(Debug)]
pub struct CodeRow {
    /// The code.
    pub code: Code,
    /// Its name everywhere outside Rust, such as `ip_denied`.
    pub name: &'static str,
    /// What it means, one line, for documentation.
    pub meaning: &'static str,
    /// What an HTTP host answers.
    pub reply: &'static Reply,
}

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal, $reply:ident, $meaning:literal;)*) => {
        /// The outcome of one verification. The number is what crosses the wasm boundary and never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Code { $(#[doc = $meaning] $variant = $number,)* }

        /// Every code, in the order of its number.
        pub static CODES: &[CodeRow] = &[
            $(CodeRow { code: Code::$variant, name: $name, meaning: $meaning, reply: &Reply::$reply },)*
        ];

        impl Code {
            /// Name outside Rust, such as `ip_denied`.
            pub const fn name(self) -> &'static str { match self { $(Code::$variant => $name,)* } }
            /// The number that crosses the wasm boundary.
            pub const fn number(self) -> u8 { match self { $(Code::$variant => $number,)* } }
            /// What an HTTP host answers.
            pub const fn reply(self) -> &'static Reply { match self { $(Code::$variant => &Reply::$reply,)* } }
        }
    };
}

codes! {
    Valid = 0, "valid", PASS, "the key is accepted";
    Missing = 1, "missing", MISSING, "no credential was presented";
    InvalidRequest = 2, "invalid_request", INVALID_REQUEST, "two credentials, a repeated header, bad syntax, an empty value, or a malformed Host";
    Malformed = 3, "malformed", INVALID_TOKEN, "not the text of a key: wrong form, wrong check characters, or too long";
    Unknown = 4, "unknown", INVALID_TOKEN, "well formed, but no such key in the snapshot";
    Revoked = 5, "revoked", INVALID_TOKEN, "the key was revoked";
    NotYetValid = 6, "not_yet_valid", INVALID_TOKEN, "the key's `not_before` lies ahead";
    Expired = 7, "expired", INVALID_TOKEN, "the key has expired, or its overlap after a rotation is over";
    OwnerDisabled = 8, "owner_disabled", INVALID_TOKEN, "the owner of the key is disabled";
    IpDenied = 9, "ip_denied", IP_DENIED, "the key's IP policy refuses the client address";
    IpUnknown = 10, "ip_unknown", IP_DENIED, "the key has an IP policy and the client address is not known";
    ScopeDenied = 11, "scope_denied", INSUFFICIENT_SCOPE, "the key's scope does not hold the required service, or the route names none";
    PermissionDenied = 12, "permission_denied", INSUFFICIENT_SCOPE, "no role of the key grants the required permission";
    SnapshotMissing = 13, "snapshot_missing", SNAPSHOT_UNAVAILABLE, "no snapshot is loaded";
    SnapshotStale = 14, "snapshot_stale", SNAPSHOT_UNAVAILABLE, "the head's `not_after` has passed, grace included";
    ClockInvalid = 15, "clock_invalid", VERIFIER_UNAVAILABLE, "the clock is before the head was issued, or is not a time";
    Internal = 16, "internal", VERIFIER_UNAVAILABLE, "a part of the snapshot did not match its digest, or the verifier failed";
    BadRequirement = 17, "bad_requirement", BAD_REQUIREMENT, "the required permission or service is not well formed";
    ShardNeeded = 18, "shard_needed", VERIFIER_UNAVAILABLE, "the shard that answers is not here yet: fetch it and ask again";
    ShardUnavailable = 19, "shard_unavailable", VERIFIER_UNAVAILABLE, "the part that answers could not be fetched: the source failed, or too many were being fetched";
}

impl Code {
    /// Whether the reply for a holder of a key may be replaced by [`Reply::INVALID_TOKEN`] when addresses are masked.
    pub const fn maskable(self) -> bool {
        matches!(self, Code::IpDenied | Code::IpUnknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_at_their_number() {
        for (i, row) in CODES.iter().enumerate() {
            assert_eq!(row.code as usize, i);
            assert_eq!(row.code.name(), row.name);
        }
    }

    #[test]
    fn only_valid_passes() {
        for row in CODES {
            assert_eq!(row.reply.status == 0, row.code == Code::Valid, "{}", row.name);
            assert!(row.code == Code::Valid || row.reply.status >= 400);
        }
    }
}
