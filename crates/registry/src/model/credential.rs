//! The headers in which a key is presented.

use serde::Serialize;

use super::words::words;

words! {
    /// A header in which a key is presented.
    Credential {
        /// `Authorization: Bearer`.
        Bearer = "bearer",
        /// `X-API-Key`.
        XApiKey = "x-api-key",
    }
}

/// Where a realm's edges look for the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RealmCredentials {
    /// `Authorization: Bearer`.
    pub bearer: bool,
    /// `X-API-Key`.
    pub x_api_key: bool,
}

impl RealmCredentials {
    /// Both headers.
    pub const BOTH: RealmCredentials = RealmCredentials { bearer: true, x_api_key: true };

    pub(crate) fn credentials(self) -> Vec<Credential> {
        let all = [(self.bearer, Credential::Bearer), (self.x_api_key, Credential::XApiKey)];
        all.into_iter().filter(|(on, _)| *on).map(|(_, credential)| credential).collect()
    }
}
