//! A key by its secret, for whoever found one where it should not be. The text is hashed as it arrives, and kept, logged and repeated nowhere.

use edgelatch_registry::{Digest, FoundKey};
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::api::answer::{Answer, ChangedKey, changed, json};
use crate::api::call::Call;
use crate::api::incoming::Incoming;
use crate::api::path::InRealm;
use crate::limits::MAX_SECRET_BODY_BYTES;
use crate::problem::Problem;

/// A text that may be a key's secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Secret)]
pub(crate) struct SecretBody {
    /// The whole text, byte for byte.
    #[schema(value_type = String, format = Password, min_length = 1, write_only)]
    secret: Zeroizing<String>,
}

async fn digest(incoming: Incoming) -> Result<Digest, Problem> {
    let (SecretBody { secret }, bytes) = incoming.json(MAX_SECRET_BODY_BYTES).await?;
    drop(Zeroizing::new(bytes));
    if secret.is_empty() { Err(Problem::at("/secret", "is empty")) } else { Ok(Digest::of(&secret)) }
}

/// Find the key that has a secret
///
/// Texts that are no key's count like failed authentications: beyond some of them from an address, each is answered late, and 429.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/by-secret", operation_id = "findKeyBySecret", tag = "keys",
    params(InRealm),
    request_body = SecretBody,
    responses((status = 200, description = "The key, and which of its secrets that is", body = FoundKey)))]
pub(crate) async fn find(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("key.view").await?;
    let digest = digest(incoming).await?;
    pass.guess(move |pass| json(pass.keys().find_by_secret(&digest, |key| pass.reach.sees(&key.org))?)).await
}

/// Revoke the key that has a secret
///
/// The answer to a leak. What revoking means is up to the org's settings. A secret whose key has got another one since, and whose time is over,
/// revokes nothing (409). Texts that are no key's count as where a key is only looked for.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/by-secret/revoke", operation_id = "revokeKeyBySecret", tag = "keys",
    params(InRealm),
    request_body = SecretBody,
    responses((status = 200, description = "The key as it is now", body = ChangedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn revoke(call: Call) -> Answer {
    let (pass, InRealm {}, (), incoming) = call.admit("key.delete").await?;
    let digest = digest(incoming).await?;
    pass.guess(move |pass| {
        // Whoever reaches several orgs acts in the one that the key is in.
        let found = pass.keys().find_by_secret(&digest, |key| pass.reach.sees(&key.org))?;
        changed(pass.keys().revoke_by_secret(&pass.caller(Some(&found.key.org))?, &digest)?, pass.unpublished().as_ref())
    })
    .await
}
