//! Rotating a key: a new secret for it.

use edgelatch_registry::json::given;
use edgelatch_registry::{Error, Handover, Rotate, parse_span};
use serde::Deserialize;
use serde_with::apply;
use utoipa::ToSchema;

use crate::api::answer::{Answer, CreatedKey, once};
use crate::api::call::Call;
use crate::api::headers::{IdempotencyKey, IfMatch};
use crate::api::path::KeyPath;
use crate::limits::MAX_BODY_BYTES;

/// Seconds, or a span as text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be a number of seconds, or a span such as \"24h\"")]
#[schema(as = Overlap)]
pub(crate) enum OverlapBody {
    /// Seconds.
    Seconds(u64),
    /// A span.
    #[schema(examples("24h"))]
    Span(String),
}

/// How to rotate a key.
#[apply(Option<_> => #[serde(default, deserialize_with = "given")] #[schema(nullable = false)])]
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotateKey)]
pub(crate) struct RotateBody {
    /// How long the old secret lives on; it ends at once if left out.
    overlap: Option<OverlapBody>,
    /// The key's name, where the org's settings want it typed.
    confirm: Option<String>,
}

impl RotateBody {
    fn read(self, now: u64, if_revision: Option<u64>) -> Result<Rotate, Error> {
        let overlap = match self.overlap {
            None => 0,
            Some(OverlapBody::Seconds(seconds)) => seconds,
            Some(OverlapBody::Span(text)) => parse_span("overlap", &text, now)?,
        };
        Ok(Rotate { overlap, confirm: self.confirm, if_revision })
    }
}

/// Give a key a new secret
///
/// The secret is in this answer and nowhere else. With an `Idempotency-Key`, the same request again answers with the key and
/// no secret.
#[utoipa::path(post, path = "/api/v1/realms/{realm}/keys/{key_id}/rotate", operation_id = "rotateKey", tag = "keys",
    params(KeyPath, IfMatch, IdempotencyKey),
    request_body(content = Option<RotateBody>),
    responses((status = 200, description = "The key with its new secret", body = CreatedKey, headers(
        ("ETag" = String, description = "Its revision")))))]
pub(crate) async fn rotate(call: Call) -> Answer {
    let (pass, KeyPath { key_id }, (), incoming) = call.admit("key.update").await?;
    let (body, bytes) = incoming.json_or_nothing::<RotateBody>(MAX_BODY_BYTES).await?;
    let idempotency = pass.idempotency(&bytes)?;
    pass.run(move |pass| {
        let (rotate, caller) = (body.read(pass.now()?, pass.if_match()?)?, pass.caller_on(key_id)?);
        let handover = Handover { once: idempotency.as_ref(), keep: None };
        once(pass.keys().rotate(&caller, key_id, &rotate, handover)?, None, pass.unpublished().as_ref())
    })
    .await
}
